package peers

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Keyring is a GNOME Keyring, unlocked, which answers to the Secret Service on
// a D-Bus of its own.
type Keyring struct {
	Address string // of the bus, for DBUS_SESSION_BUS_ADDRESS

	bus, daemon *process
}

// NewKeyring starts one that ends with Close. It keeps its files in dir, the
// path of which must be short: a socket is in it.
func NewKeyring(dir string) (*Keyring, error) {
	socket := filepath.Join(dir, "bus")
	k := &Keyring{Address: "unix:path=" + socket}
	env := []string{"HOME=" + dir, "XDG_RUNTIME_DIR=" + dir, "XDG_DATA_HOME=" + dir, "DBUS_SESSION_BUS_ADDRESS=" + k.Address, "PATH=" + os.Getenv("PATH")}
	var err error
	k.bus, err = command{name: "dbus-daemon", path: "dbus-daemon", args: []string{"--session", "--nofork", "--nopidfile", "--address=" + k.Address}, dir: dir, env: env}.start()
	if err != nil {
		return nil, err
	}
	err = k.bus.ready(10*time.Second, func() error {
		c, err := net.Dial("unix", socket)
		if err == nil {
			err = c.Close()
		}
		return err
	})
	if err == nil {
		k.daemon, err = command{
			name: "gnome-keyring", path: "gnome-keyring-daemon", dir: dir, env: env, input: "of the login keyring",
			args: []string{"--foreground", "--unlock", "--components=secrets", "--control-directory=" + dir},
		}.start()
	}
	if err == nil {
		collection := filepath.Join(dir, "keyrings", "login.keyring")
		err = k.daemon.ready(10*time.Second, func() error {
			_, err := os.Stat(collection)
			return err
		})
	}
	if err != nil {
		k.Close()
		return nil, fmt.Errorf("start a keyring: %w", err)
	}
	return k, nil
}

// Close ends it.
func (k *Keyring) Close() {
	k.daemon.end()
	k.bus.end()
}
