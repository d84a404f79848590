//go:build !linux

package peers

import "syscall"

// attributes leave a child behind when the tests are killed: only Linux can
// tell it.
func (c command) attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: c.user}
}
