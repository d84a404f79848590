package password

import (
	"context"
	"strings"
	"testing"

	"belay"
)

func TestCheck(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "at least 12",
		"elevenchars":               "at least 12",
		"ein Zug im Regen":          "",
		"grün-Kachel-7":             "",
		strings.Repeat("äöüßéñ", 2): "",
		"x9!Lk2#Vb7&Qs":             "",
		"92837465019283746":         "", // digits alone, in no row
		"marble violin outpost":     "",
		strings.Repeat("a", 129):    "longer than 128",
		strings.Repeat("marble violin outpost brisk ", 5)[:128]: "",
		strings.Repeat("ab3x", 40):                              "longer than 128",
		strings.Repeat("x", 9999):                               "longer than 128",
		"with\x00nul-in-it":                                     "cannot be typed",
		"not utf-8 \xff\xfe":                                    "cannot be typed",
		"aaaaaaaaaaaa":                                          "first that are tried",
		"abcabcabcabc":                                          "first that are tried",
		"Password1234!":                                         "first that are tried",
		"P@ssw0rd2026!":                                         "first that are tried",
		"passwordpassword":                                      "first that are tried",
		"qwertyuiop123":                                         "first that are tried",
		"123456789012":                                          "first that are tried",
		"1qaz2wsx3edc":                                          "first that are tried",
		"correct horse battery staple":                          "first that are tried",
		"Welcome-Belay-1":                                       "first that are tried",
		"annika.berg2026":                                       "first that are tried",
		"Berg!Annika!99":                                        "first that are tried",
	} {
		err := Check("/password", belay.SecretString(text), "annika.berg@northwind.example", "Annika", "Berg")
		switch {
		case want == "" && err != nil:
			t.Errorf("%q: %v", text, err)
		case want != "" && (err == nil || belay.CodeOf(err) != belay.CodeInvalid || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: %v, want %s", text, err, want)
		case err != nil && len(text) > 3 && strings.Contains(err.Error(), text):
			t.Errorf("the error shows the password: %v", err)
		}
	}
}

func verify(t *testing.T, h *Hasher, text, hash string) (ok, outdated bool) {
	t.Helper()
	ok, outdated, err := h.Verify(t.Context(), belay.SecretString(text), hash)
	if err != nil {
		t.Fatal(err)
	}
	return ok, outdated
}

func TestHasher(t *testing.T) {
	h := NewHasher()
	hash := func(text string) string {
		t.Helper()
		got, err := h.Hash(t.Context(), belay.SecretString(text))
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	const text = "Käthe\u00a0Ångström"
	got := hash(text)
	if !strings.HasPrefix(got, "$argon2id$v=19$m=19456,t=2,p=1$") || got == hash(text) {
		t.Errorf("the hash is %s", got)
	}
	for try, want := range map[string]bool{
		text: true, "Ka\u0308the A\u030angstro\u0308m": true, "Käthe Angström": false, "käthe Ångström": false, "": false, text + "x": false,
	} {
		if ok, outdated := verify(t, h, try, got); ok != want || outdated {
			t.Errorf("%q: %t, outdated %t", try, ok, outdated)
		}
	}
	if ok, _ := verify(t, h, text, ""); ok {
		t.Error("a user without password has signed in")
	}
	// What is beyond the bound is not cut to a password that fits.
	long := strings.Repeat("x", maxBytes)
	if ok, _ := verify(t, h, long+"y", hash(long)); ok {
		t.Error("a longer text is taken")
	}
	cheap := params{memory: 64, time: 1, threads: 1}
	salt := []byte("0123456789abcdef")
	if ok, outdated := verify(t, h, text, cheap.encode(salt, cheap.derive(belay.SecretString(text), salt, 32))); !ok || !outdated {
		t.Errorf("a hash of before: %t, outdated %t", ok, outdated)
	}
}

// TestDecoy wants what is verified for unknown users to cost as much.
func TestDecoy(t *testing.T) {
	h := NewHasher()
	if p, _, _, err := decode(h.decoy); err != nil || p != current {
		t.Errorf("the decoy costs %+v, %v", p, err)
	}
}

// TestQueue lets nobody wait where too many do.
func TestQueue(t *testing.T) {
	h := NewHasher()
	h.turns, h.queue = make(chan struct{}, 1), make(chan struct{}, 1)
	leave, err := h.Admit()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Admit(); belay.CodeOf(err) != belay.CodeRateLimited {
		t.Errorf("the second: %v", err)
	}
	leave()
	if leave, err = h.Admit(); err != nil {
		t.Errorf("after the first has gone: %v", err)
	}
	leave()

	next, err := h.enter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Hash(ctx, belay.SecretString("marble violin outpost")); err == nil {
		t.Error("there are two where one has a turn")
	}
	next()
	if len(h.queue) != 0 || len(h.turns) != 0 {
		t.Error("somebody is still there")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(current.encode(make([]byte, 16), make([]byte, 32)))
	f.Add("$argon2id$v=19$m=4294967295,t=2,p=1$$")
	f.Fuzz(func(t *testing.T, phc string) {
		p, salt, hash, err := decode(phc)
		if err == nil && (p.memory > maxMemory || p.encode(salt, hash) != phc) {
			t.Errorf("%q is read as %+v", phc, p)
		}
	})
}

func FuzzCheck(f *testing.F) {
	f.Add("correct horse", "ann@example.com")
	f.Fuzz(func(t *testing.T, text, context string) {
		err := Check("/password", belay.SecretString(text), context)
		if n := len([]rune(string(prepare(belay.SecretString(text))))); err == nil && (n < MinLength || n > MaxLength) {
			t.Errorf("%q is taken", text)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	h := NewHasher()
	for b.Loop() {
		_, _, _ = h.Verify(b.Context(), belay.SecretString("marble violin outpost"), "")
	}
}
