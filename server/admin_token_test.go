package server_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"belay/server"
)

// TestNewAdminTokenOpensTheBrowserAgain spends the link of the first start, and
// signs in with the one that comes with a new token.
func TestNewAdminTokenOpensTheBrowserAgain(t *testing.T) {
	dir := t.TempDir()
	signIn := func(link string) (int, string) {
		t.Helper()
		u, err := url.Parse(link)
		if err != nil {
			t.Fatal(err)
		}
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		browser := http.Client{Jar: jar}
		code := u.Query().Get("code")
		u.RawQuery = ""
		res, err := browser.PostForm(u.String(), url.Values{"code": {code}})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		page, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(page)
	}
	first, err := start(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	used := string(first.First.SignInLink.Reveal())
	if status, page := signIn(used); status != http.StatusOK || !strings.Contains(page, "Signed in as admin@localhost") {
		t.Errorf("the first link: %d, %s", status, page)
	}
	if status, page := signIn(used); status != http.StatusUnauthorized || !strings.Contains(page, "--new-admin-token") {
		t.Errorf("the first link again: %d, %s", status, page)
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	again, err := server.Start(t.Context(), server.Config{
		Listen: "127.0.0.1:0", DataDir: dir, Version: "test", Log: slog.New(slog.DiscardHandler), NewAdminToken: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if status, page := signIn(string(again.NewSignInLink.Reveal())); status != http.StatusOK || !strings.Contains(page, "Signed in as admin@localhost") {
		t.Errorf("the new link: %d, %s", status, page)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}
