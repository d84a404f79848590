package main

import (
	"fmt"
	"os"
	"strings"

	"belay/belaytest"
)

// browse is what BROWSER names in a script: it signs in with the link in the
// file that LINK names, and answers the page that it was opened for with what
// ANSWER says. What goes wrong is in the file that BROWSED names.
func browse() int {
	err := answerPage(os.Args[len(os.Args)-1], os.Getenv("LINK"), os.Getenv("ANSWER"), "")
	text := "done\n"
	if err != nil {
		text = err.Error()
	}
	_ = os.WriteFile(os.Getenv("BROWSED"), []byte(text), 0o600)
	return 0
}

// answerPage opens a page, signs in where that is asked for, and answers it; a
// code is what the page of a device asks for first.
func answerPage(address, linkFile, answer, code string) error {
	link, err := os.ReadFile(linkFile)
	if err != nil {
		return err
	}
	p, err := belaytest.NewPages()
	if err != nil {
		return err
	}
	defer p.Close()
	if err := p.Open(address); err != nil {
		return err
	}
	if err := p.SignIn(string(link)); err != nil {
		return err
	}
	if code != "" {
		if err := p.Submit(map[string]string{"code": code}); err != nil {
			return err
		}
	}
	if err := p.Submit(map[string]string{"answer": answer}); err != nil {
		return err
	}
	if answer == "allow" && !strings.Contains(p.Body, "You can close this page") {
		return fmt.Errorf("the last page is %s", p.Body)
	}
	return nil
}
