package secret

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"belay"
)

func entries(t *testing.T, dir string) []string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

func TestFirstStartMakesTheKeyAndTheKeyring(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	ring, fresh, err := Source{Dir: dir}.Unlock(nil)
	if err != nil || fresh == nil {
		t.Fatalf("first start: %v", err)
	}
	info, err := os.Stat(filepath.Join(dir, KEKFile))
	if err != nil || info.Mode() != 0o600 {
		t.Fatalf("the key's file: %v, %v", info, err)
	}
	if names := entries(t, dir); len(names) != 1 {
		t.Errorf("left behind in the data directory: %v", names)
	}
	sealed := mustSeal(t, ring, values("token", "canary-7141"), place)
	again, none, err := Source{Dir: dir}.Unlock(fresh)
	if err != nil || none != nil {
		t.Fatalf("second start: %v, to be stored: %v", err, none != nil)
	}
	if _, err := again.Open(sealed, place); err != nil {
		t.Error(err)
	}
}

func TestFirstStartUsesAKeyThatIsThere(t *testing.T) {
	dir := t.TempDir()
	kek, err := CreateKEKFile(filepath.Join(dir, KEKFile))
	if err != nil {
		t.Fatal(err)
	}
	_, fresh, err := Source{Dir: dir}.Unlock(nil)
	if err != nil {
		t.Fatal(err)
	}
	if id, err := fresh.KEKID(); err != nil || id != kek.ID() {
		t.Errorf("wrapped by key %s (%v), want %s", id, err, kek.ID())
	}
}

func TestAMissingKeyIsNamedAndNothingIsWritten(t *testing.T) {
	kek := newKEK(t)
	_, stored, err := Create(kek)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, s := range map[string]Source{"data directory": {Dir: dir}, "file": {Dir: dir, Path: filepath.Join(dir, "absent")}} {
		_, _, err = s.Unlock(stored)
		if !errors.Is(err, ErrNoKey) || !strings.Contains(err.Error(), kek.ID()) {
			t.Errorf("%s: error %v, want ErrNoKey with id %s", name, err, kek.ID())
		}
	}
	if names := entries(t, dir); len(names) != 0 {
		t.Errorf("written: %v", names)
	}
}

func TestAWrongKeyIsNamedAndNothingIsWritten(t *testing.T) {
	_, stored, err := Create(newKEK(t))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if _, err := CreateKEKFile(filepath.Join(dir, KEKFile)); err != nil {
		t.Fatal(err)
	}
	_, fresh, err := Source{Dir: dir}.Unlock(stored)
	want, idErr := stored.KEKID()
	if !errors.Is(err, ErrWrongKey) || idErr != nil || !strings.Contains(err.Error(), want) || fresh != nil {
		t.Errorf("error %v, want ErrWrongKey with id %s", err, want)
	}
	if names := entries(t, dir); len(names) != 1 {
		t.Errorf("written: %v", names)
	}
}

func TestAConfiguredFileIsNeverCreated(t *testing.T) {
	dir := t.TempDir()
	if _, _, err := (Source{Dir: dir, Path: filepath.Join(dir, "absent")}).Unlock(nil); !errors.Is(err, ErrNoKey) {
		t.Errorf("error %v, want ErrNoKey", err)
	}
	if names := entries(t, dir); len(names) != 0 {
		t.Errorf("written: %v", names)
	}
}

func TestTheKeyOfTheEnvironment(t *testing.T) {
	text, err := GenerateKEK()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := Source{Value: belay.NewSecret(text), Dir: dir}
	_, fresh, err := s.Unlock(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Unlock(fresh); err != nil {
		t.Error(err)
	}
	if names := entries(t, dir); len(names) != 0 {
		t.Errorf("written: %v", names)
	}
	bad := Source{Value: belay.SecretString("canary-7141")}
	if _, _, err := bad.Unlock(fresh); !errors.Is(err, ErrBadKey) || !strings.Contains(err.Error(), "BELAY_KEY") || strings.Contains(err.Error(), "canary") {
		t.Errorf("error %v, want ErrBadKey that names BELAY_KEY", err)
	}
	both := Source{Value: s.Value, Path: filepath.Join(dir, "k")}
	if _, err := both.Load(); !errors.Is(err, ErrBadKey) || !strings.Contains(err.Error(), "both") {
		t.Errorf("two sources: error %v", err)
	}
}

func TestAFileThatOthersMayReadIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "it's key")
	if _, err := CreateKEKFile(path); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o644, 0o620, 0o601, 0o660} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := ReadKEKFile(path)
		want := fmt.Sprintf(`%s may be read or changed by others than its owner (mode %04o)`, path, mode)
		if !errors.Is(err, ErrBadKey) || !errors.Is(err, ErrExposed) || !strings.Contains(err.Error(), want) {
			t.Errorf("mode %v: error %v", mode, err)
		}
	}
	for _, mode := range []fs.FileMode{0o600, 0o400} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadKEKFile(path); err != nil {
			t.Errorf("mode %v: %v", mode, err)
		}
	}
}

func TestADamagedFileIsRefused(t *testing.T) {
	dir := t.TempDir()
	whole, err := GenerateKEK()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, KEKFile)
	for n := range len(whole) - 1 { // the last byte is a newline
		if err := os.WriteFile(path, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadKEKFile(path); !errors.Is(err, ErrBadKey) || !strings.Contains(err.Error(), path) {
			t.Fatalf("cut to %d bytes: error %v, want ErrBadKey that names the file", n, err)
		}
	}
	if _, _, err := (Source{Dir: dir}).Unlock(nil); !errors.Is(err, ErrBadKey) {
		t.Errorf("first start beside a damaged file: error %v, want ErrBadKey", err)
	}
	if _, err := ReadKEKFile(dir); !errors.Is(err, ErrBadKey) {
		t.Errorf("a directory: error %v, want ErrBadKey", err)
	}
}

func TestAKeyFileIsNeverReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), KEKFile)
	first, err := CreateKEKFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := CreateKEKFile(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("error %v, want fs.ErrExist", err)
	}
	now, err := ReadKEKFile(path)
	if err != nil || now.ID() != first.ID() {
		t.Errorf("the file holds key %s (%v), want %s", now.ID(), err, first.ID())
	}
}

func TestAKeysetOfSeveralKeysOpensWithEach(t *testing.T) {
	old, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		t.Fatal(err)
	}
	m := keyset.NewManagerFromHandle(old)
	id, err := m.Add(aead.AES256GCMKeyTemplate())
	if err != nil {
		t.Fatal(err)
	}
	if err := m.SetPrimary(id); err != nil {
		t.Fatal(err)
	}
	both, err := m.Handle()
	if err != nil {
		t.Fatal(err)
	}
	oldKEK, bothKEK := parsed(t, old), parsed(t, both)
	if oldKEK.ID() == bothKEK.ID() {
		t.Error("the primary key changed and the id did not")
	}
	_, stored, err := Create(oldKEK)
	if err != nil {
		t.Fatal(err)
	}
	moved, err := Rewrap(bothKEK, bothKEK, stored)
	if err != nil {
		t.Fatal(err)
	}
	if id, err := moved.KEKID(); err != nil || id != bothKEK.ID() {
		t.Errorf("wrapped by key %s (%v), want the primary one, %s", id, err, bothKEK.ID())
	}
}

func parsed(t *testing.T, h *keyset.Handle) KEK {
	t.Helper()
	var b strings.Builder
	if err := insecurecleartextkeyset.Write(h, keyset.NewJSONWriter(&b)); err != nil {
		t.Fatal(err)
	}
	kek, err := ParseKEK([]byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	return kek
}

func TestAKeyOfAnotherTypeIsRefused(t *testing.T) {
	for name, template := range map[string]func() (*keyset.Handle, error){
		"AES128_GCM":        func() (*keyset.Handle, error) { return keyset.NewHandle(aead.AES128GCMKeyTemplate()) },
		"ChaCha20-Poly1305": func() (*keyset.Handle, error) { return keyset.NewHandle(aead.ChaCha20Poly1305KeyTemplate()) },
	} {
		h, err := template()
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := insecurecleartextkeyset.Write(h, keyset.NewJSONWriter(&b)); err != nil {
			t.Fatal(err)
		}
		if _, err := ParseKEK([]byte(b.String())); !errors.Is(err, ErrBadKey) || !strings.Contains(err.Error(), "AES256_GCM") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
