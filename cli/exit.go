package cli

import (
	"fmt"
	"net/http"
	"strings"

	"belay"
)

// The exit statuses.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitSignIn      = 4
	exitForbidden   = 5
	exitConflict    = 6
	exitUnhealthy   = 7
	exitPartly      = 8
	exitUnreachable = 9
	exitInterrupted = 130
)

// ending is one way in which a command can end.
type ending struct {
	status  int
	name    string // the code in an error document that is ours
	meaning string
}

func endings() []ending {
	return []ending{
		{exitDone, "done", "done"},
		{exitFailed, "failed", "failed (server error, unexpected)"},
		{exitUsage, "usage", "usage: what was typed cannot be done: a bad flag, name or value (a URL, a kind, a setting), found here or by the server; missing input without a terminal"},
		{exitNotFound, "not_found", "not found"},
		{exitSignIn, "unauthenticated", "not signed in, or the token has expired"},
		{exitForbidden, "forbidden", "permission denied"},
		{exitConflict, "conflict", "conflict or blocked (name taken, in use, changed meanwhile)"},
		{exitUnhealthy, "unhealthy", "the check ran, and the target does not work; degraded (it works, with a warning) and what is in maintenance is no failure"},
		{exitPartly, "partly", "waiting timed out, or only a part was done"},
		{exitUnreachable, "unreachable", "the server cannot be reached, or TLS to it failed"},
		{exitInterrupted, "interrupted", "interrupted, or a question was answered with no"},
	}
}

// exitMeaning is the table of "belay help exit-codes".
func exitMeaning() string {
	var b strings.Builder
	for _, e := range endings() {
		fmt.Fprintf(&b, "%5d  %s\n", e.status, e.meaning)
	}
	return b.String()
}

func exitName(status int) string {
	for _, e := range endings() {
		if e.status == status {
			return e.name
		}
	}
	return "failed"
}

// exitOf maps a refusal of the server to an exit status: by its code, which
// says more, else by the HTTP status.
func exitOf(code belay.Code, status int) int {
	switch code {
	case belay.CodeOrganizationRequired, belay.CodeBadQuery, belay.CodeInvalid, belay.CodeMalformed:
		return exitUsage // whoever finds it out, it is what was typed
	case belay.CodeInUse, belay.CodeIllegalTransition, belay.CodeIdempotencyReused:
		return exitConflict
	}
	switch status {
	case http.StatusUnauthorized:
		return exitSignIn
	case http.StatusForbidden:
		return exitForbidden
	case http.StatusNotFound, http.StatusGone:
		return exitNotFound
	case http.StatusConflict, http.StatusPreconditionFailed, http.StatusPreconditionRequired,
		http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge:
		return exitConflict
	case http.StatusGatewayTimeout, http.StatusRequestTimeout:
		return exitPartly
	}
	return exitFailed
}

// exitOfOther is exitOf for an answer that is not Belay's: that a program
// which is something else does not have a path says nothing about what was
// asked for.
func exitOfOther(status int) int {
	if exit := exitOf("", status); exit != exitNotFound {
		return exit
	}
	return exitFailed
}
