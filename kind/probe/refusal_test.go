package probe

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
)

func TestAStatusIsNotSaidTwice(t *testing.T) {
	for said, want := range map[string]string{
		"Unauthorized":                "",
		"unauthorized.\n":             "",
		"401 Unauthorized":            "",
		"401: Unauthorized":           "",
		"<h1>401 Unauthorized</h1>":   "<h1>401 Unauthorized</h1>",
		"Unauthorized: no such token": "Unauthorized: no such token",
		"401 Authorization Required":  "",
		"401 authorization denied":    "401 authorization denied",
		"Forbidden":                   "Forbidden",
	} {
		if got := beside(http.StatusUnauthorized, said); got != want {
			t.Errorf("%q: %q, want %q", said, got, want)
		}
	}
	if got := innermost(fmt.Errorf("tls: %w", fmt.Errorf("GET: %w", errors.New("tls: no")))); got != "tls: no" {
		t.Errorf("got %q", got)
	}
}

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
