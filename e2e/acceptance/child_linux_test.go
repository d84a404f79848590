package acceptance_test

import "syscall"

// attributes makes a child the leader of a group of its own, which ends with
// the tests however they end.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
