package cli

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"time"

	"github.com/zalando/go-keyring"
)

// Keyring is where the system keeps secrets for its user.
type Keyring interface {
	// Get returns errNotKept for what is not there.
	Get(account string) (string, error)
	Set(account, secret string) error
	Delete(account string) error
}

// errNotKept is that there is nothing by a name.
var errNotKept = errors.New("it is not there")

// keyringService is under what name all that is kept stands in the keyring.
const keyringService = "belay"

// keyringPatience is how long the keyring may take, for instance until
// somebody has unlocked it.
const keyringPatience = time.Minute

// systemKeyring is the one of the operating system: the Keychain, the
// Credential Manager, or what answers to the Secret Service on D-Bus.
type systemKeyring struct{}

// Get implements Keyring.
func (systemKeyring) Get(account string) (secret string, err error) {
	err = patiently(func() (err error) {
		secret, err = keyring.Get(keyringService, account)
		return err
	})
	return secret, err
}

// Set implements Keyring.
func (systemKeyring) Set(account, secret string) error {
	return patiently(func() error { return keyring.Set(keyringService, account, secret) })
}

// Delete implements Keyring.
func (systemKeyring) Delete(account string) error {
	return patiently(func() error { return keyring.Delete(keyringService, account) })
}

// patiently asks the keyring, which takes no context. What does not answer is
// left behind: the program ends soon.
func patiently(ask func() error) error {
	if err := keyringThere(); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- ask() }()
	select {
	case err := <-done:
		if errors.Is(err, keyring.ErrNotFound) {
			return errNotKept
		}
		return err
	case <-time.After(keyringPatience):
		return fmt.Errorf("it did not answer within %s", keyringPatience)
	}
}

// keyringThere looks for a bus where the keyring is asked over one: the library
// would start one that nobody else is on.
func keyringThere() error {
	if runtime.GOOS == "darwin" || runtime.GOOS == "windows" || os.Getenv("DBUS_SESSION_BUS_ADDRESS") != "" {
		return nil
	}
	if _, err := os.Stat("/run/user/" + strconv.Itoa(os.Getuid()) + "/bus"); err == nil {
		return nil
	}
	return errors.New("there is no session bus")
}
