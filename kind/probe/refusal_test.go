package probe

import "testing"

func TestSaying(t *testing.T) {
	for body, want := range map[string]string{
		`{"kind":"Status","status":"Failure","message":"namespaces is forbidden","code":403}`: "namespaces is forbidden",
		`{"status":"error","errorType":"bad_data","error":"parse error"}`:                     "parse error",
		`{"error":{"code":401}}`: `{"error":{"code":401}}`,
		"<html>\n<head><title>401 Authorization Required</title></head></html>": "401 Authorization Required",
		"<title>cut off": "<title>cut off",
		"Unauthorized\n": "Unauthorized\n",
		"":               "",
	} {
		if got := saying([]byte(body)); got != want {
			t.Errorf("%q: %q, want %q", body, got, want)
		}
	}
}
