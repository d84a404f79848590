package cli

import (
	"strings"
	"testing"

	"belay"
)

// A field has one source: which of two would be stored, nobody could tell.
func TestFieldGivenTwice(t *testing.T) {
	f := newFixture(t, map[string]string{"FIRST": "first-horse", "SECOND": "second-horse"})
	f.Stdin = strings.NewReader("first-horse")
	in := f.invocation(t, globals{})
	one, other := f.Home+"/one", f.Home+"/other"
	writeFile(t, one, "first-horse")
	writeFile(t, other, "second-horse")
	basic, _ := belay.FindCredentialType("basic")
	for name, s := range map[string]secretFlags{
		"password": {SecretFile: []string{"password=" + one}, SecretEnv: []string{"password=FIRST"}},
		"files":    {SecretFile: []string{"password=" + one, "password=" + other}},
		"main":     {SecretFile: []string{one, "password=" + other}},
		"input":    {SecretFile: []string{"password=-", "password=-"}},
		"env":      {SecretEnv: []string{"password=FIRST", "password=SECOND"}},
		"user":     {User: "a", Field: []string{"username=b"}},
		"field":    {Field: []string{"username=a", "username=b"}},
	} {
		_, err := s.read(in, basic, false)
		if err == nil || !strings.HasSuffix(err.Error(), " is given twice") || asFailure(err).exit != exitUsage {
			t.Errorf("%s: %v", name, err)
		}
	}
	s := secretFlags{User: "a", SecretFile: []string{"password=" + one}}
	if _, err := s.read(in, basic, false); err != nil {
		t.Error(err)
	}
}
