package belay_test

import (
	"testing"

	"belay"
)

func TestNamesSecret(t *testing.T) {
	for name, want := range map[string][2]bool{ // of a field, of a parameter
		"password": {true, true}, "PASSWD": {true, true}, "pass": {true, true}, "pw": {true, true}, "old-passphrase": {true, true},
		"access_token": {true, true}, "client.secret": {true, true}, "X-API-Key": {true, true}, "privateKey": {true, true}, "client_key": {true, true},
		"key": {false, true}, "sig": {false, true}, "X-Amz-Signature": {false, true}, "X-Amz-Credential": {false, true}, "auth": {false, true},
		"keyspace": {}, "author": {}, "query": {}, "passed": {}, "": {},
	} {
		if got := [2]bool{belay.NamesSecret(name), belay.NamesSecretParameter(name)}; got != want {
			t.Errorf("%q: %v, want %v", name, got, want)
		}
	}
}
