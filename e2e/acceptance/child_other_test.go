//go:build unix && !linux

package acceptance_test

import "syscall"

// attributes makes a child the leader of a group of its own.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
