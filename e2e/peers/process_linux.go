package peers

import "syscall"

// attributes make the kernel end the child when the tests die, however they
// die.
func (c command) attributes() *syscall.SysProcAttr {
	orphan := c.orphan
	if orphan == 0 {
		orphan = syscall.SIGKILL
	}
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: orphan, Credential: c.user}
}
