package secret

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"belay"
)

// KEKFile is the name of the key's file in the data directory.
const KEKFile = "key-encryption-key.json"

// maxKEKFile bounds what is read of a key's file: a keyset of many keys is a
// few kilobytes.
const maxKEKFile = 64 << 10

// Source says where the key-encryption key is. At most one of Value and Path
// is set; with neither, the key is the file KEKFile in Dir.
type Source struct {
	Value belay.Secret // the text itself, of BELAY_KEY
	Path  string       // a file that the configuration names; never created
	Dir   string       // the data directory, where the key is made at first start
}

// Unlock opens the stored keyring. With nothing stored (a first start) it
// makes a keyring, returned as fresh for the caller to store, and, where the
// source is the data directory and there is no file yet, the key before it.
//
// With something stored it writes nothing: a key that is missing, unreadable
// or another one is an error which names the key that is wanted.
func (s Source) Unlock(stored Wrapped) (ring *Keyring, fresh Wrapped, err error) {
	if len(stored) > 0 {
		ring, err = s.open(stored)
		return ring, nil, err
	}
	kek, err := s.Load()
	if errors.Is(err, ErrNoKey) && s.Value.IsZero() && s.Path == "" {
		kek, err = CreateKEKFile(s.File())
	}
	if err != nil {
		return nil, nil, err
	}
	return Create(kek)
}

func (s Source) open(stored Wrapped) (*Keyring, error) {
	id, err := stored.KEKID()
	if err != nil {
		return nil, err
	}
	kek, err := s.Load()
	if errors.Is(err, ErrNoKey) || errors.Is(err, ErrBadKey) {
		return nil, &SealedError{KEK: id, Err: err}
	}
	if err != nil {
		return nil, err
	}
	return Open(kek, stored)
}

// Load reads the key. It never makes one: where there is none the error wraps
// ErrNoKey.
func (s Source) Load() (KEK, error) {
	if !s.Value.IsZero() && s.Path != "" {
		return KEK{}, fmt.Errorf("%w: it is given both as a value (BELAY_KEY) and as a file (%s); keep one", ErrBadKey, s.Path)
	}
	if !s.Value.IsZero() {
		kek, err := ParseKEK(s.Value.Reveal())
		if err != nil {
			return KEK{}, fmt.Errorf("BELAY_KEY: %w", err)
		}
		return kek, nil
	}
	return ReadKEKFile(s.File())
}

// File is where the key is read from, unless it is given as a Value.
func (s Source) File() string {
	if s.Path != "" {
		return s.Path
	}
	return filepath.Join(s.Dir, KEKFile)
}

// ReadKEKFile reads a key's file. One that others than its owner may read is
// refused (not on Windows, where the mode does not say).
func ReadKEKFile(path string) (KEK, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return KEK{}, fmt.Errorf("%w: %s does not exist", ErrNoKey, path)
	}
	if err != nil {
		return KEK{}, fmt.Errorf("%w: %w", ErrBadKey, err)
	}
	defer f.Close()
	if err := checkKEKFile(f, path); err != nil {
		return KEK{}, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKEKFile))
	defer clear(text)
	if err != nil {
		return KEK{}, fmt.Errorf("%w: %w", ErrBadKey, err)
	}
	kek, err := ParseKEK(text)
	if err != nil {
		return KEK{}, fmt.Errorf("%s: %w", path, err)
	}
	return kek, nil
}

// checkKEKFile asks the open file, not its path, so that nothing can change
// between the check and the reading.
func checkKEKFile(f *os.File, path string) error {
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBadKey, err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w: %s is not a regular file", ErrBadKey, path)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return fmt.Errorf("%w: %s %w (mode %04o)", ErrBadKey, path, ErrExposed, mode)
	}
	return nil
}

// CreateKEKFile makes a new key and its file, mode 0600, whole or not at all,
// with its directory where that is missing. A file that is there already is
// never replaced: the error wraps fs.ErrExist.
func CreateKEKFile(path string) (KEK, error) {
	text, err := GenerateKEK()
	if err != nil {
		return KEK{}, err
	}
	defer clear(text)
	kek, err := ParseKEK(text)
	if err != nil {
		return KEK{}, err
	}
	if err := writeNew(path, text); err != nil {
		return KEK{}, fmt.Errorf("write the key-encryption key: %w", err)
	}
	return kek, nil
}

// writeNew writes beside the path and then links: unlike a rename, a link
// fails when the path exists.
func writeNew(path string, b []byte) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".key-*") // made with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	if runtime.GOOS == "windows" { // a directory cannot be opened for this there
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
