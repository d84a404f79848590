package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"belay"
)

// problem is what a server says when it refuses (RFC 9457).
type problem struct {
	Title     string     `json:"title"`
	Status    int        `json:"status"`
	Detail    string     `json:"detail"`
	Code      belay.Code `json:"code"`
	RequestID string     `json:"requestId"`
	Errors    []struct {
		Pointer string `json:"pointer"`
		Message string `json:"message"`
	} `json:"errors"`
	Remediation []remedy `json:"remediation"`
}

// remedy is something to do about a failure.
type remedy struct {
	ID          string `json:"id"`
	Title       string `json:"title"`
	Description string `json:"description"`
	Command     string `json:"command"`
	Link        string `json:"link"`
}

// line is the most useful of what a remedy says.
func (r remedy) line() string {
	switch {
	case r.ID == "credential.replace" && strings.Contains(r.Command, "--secret-file password="):
		return r.Command + "   (and --user NAME if that changed)"
	case r.Command != "":
		return r.Command
	case r.Description != "":
		return r.Title + ": " + r.Description
	}
	return strings.TrimSpace(r.Title + " " + r.Link)
}

// remedyLines are lines below an error: the first says that they mend it.
func remedyLines(remedies []remedy) []string {
	var out []string
	for i, r := range remedies {
		lead := "      "
		if i == 0 {
			lead = "fix:  "
		}
		if l := r.line(); l != "" {
			out = append(out, lead+l)
		}
	}
	return out
}

// refusal turns an answer that is no success into a failure.
func (c *client) refusal(res *http.Response, body []byte) error {
	if res.StatusCode < http.StatusBadRequest {
		return redirected(res)
	}
	media, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	var p problem
	if media != "application/problem+json" && media != "application/json" || json.Unmarshal(body, &p) != nil || p.Title == "" {
		if wantsTLS(res.StatusCode, body) {
			return c.wantsTLS()
		}
		return &failure{
			exit: exitOfOther(res.StatusCode), what: "the server answered " + res.Status,
			why: "this is not an answer of Belay's", requestID: res.Header.Get("X-Request-ID"),
			help: []string{"is " + c.base.String() + " the right address? see: belay config list --show-origin"},
		}
	}
	f := &failure{exit: exitOf(p.Code, res.StatusCode), what: p.words(), requestID: p.RequestID, document: body}
	switch { // what to do from here, which the server cannot know
	case p.Code == belay.CodeOrganizationRequired:
		f.what = "you belong to several organizations"
		return f.withHelp("name one: --org NAME, or belay organization use NAME", "see: belay organization list")
	case p.Status == http.StatusUnauthorized:
		return f.withHelp(c.signInHelp()...)
	}
	c.complaints(f, p)
	f.help = append(f.help, remedyLines(p.Remediation)...)
	return f
}

// refusalIn is the failure of a problem document that came within an answer.
func (c *client) refusalIn(document json.RawMessage) error {
	res := &http.Response{StatusCode: http.StatusInternalServerError, Header: http.Header{"Content-Type": {"application/problem+json"}}}
	var p problem
	if json.Unmarshal(document, &p) == nil && p.Status >= http.StatusBadRequest {
		res.StatusCode = p.Status
	}
	return c.refusal(res, document)
}

// complaints says what is wrong where. One thing takes the place of the
// message, which only says that there is something.
func (c *client) complaints(f *failure, p problem) {
	lines := make([]string, len(p.Errors))
	for i, e := range p.Errors {
		lines[i] = spelled(spell(e.Pointer, c.command), e.Message)
	}
	if len(lines) == 1 && (p.Code == belay.CodeInvalid || p.Code == belay.CodeBadQuery) {
		f.what, lines = lines[0], nil
	}
	f.help = append(f.help, lines...)
	for _, e := range p.Errors {
		if near, ok := meant(e.Message); ok {
			f.help = append(f.help, "did you mean: "+near)
		}
		if strings.HasPrefix(e.Pointer, "/metadata/") && takes(c.command, "set") {
			f.help = append(f.help, settingHelp(e.Message)...)
		}
	}
}

// settingHelp says what a setting can be.
func settingHelp(message string) []string {
	out := []string{"all settings of a kind: belay kind view KIND"}
	if strings.HasSuffix(message, "of type array") || strings.HasSuffix(message, "of type object") {
		out = append([]string{"a list or an object is given as JSON: --set 'metadata.KEY=[1, 2]'"}, out...)
	}
	return out
}

// spelled joins a place and what is said of it, which often goes on from it.
func spelled(place, message string) string {
	verb, _, _ := strings.Cut(message, " ")
	switch verb {
	case "is", "are", "must", "cannot", "has", "have", "needs", "holds", "does", "was", "names", "belongs", "can":
		return strings.TrimSpace(place + " " + message)
	}
	if place == "" {
		return message
	}
	return place + ": " + message
}

// words say what is wrong. The title is the HTTP status in words, which says
// it to nobody.
func (p *problem) words() string {
	switch {
	case p.Detail == "":
		return lowerFirst(p.Title)
	case p.Code == belay.CodeInvalid && len(p.Errors) > 1:
		return fmt.Sprintf("%d things are not valid", len(p.Errors))
	}
	return lowerFirst(p.Detail)
}

// signInHelp says how this server is signed in to: with a token of it, put
// where the one came from that it refused.
func (c *client) signInHelp() []string {
	file := "belay context set NAME --server " + c.base.String() + " --token-file PATH"
	out := []string{
		"sign in: " + belay.CommandLine("belay", "login", c.base.String()),
		"or put a token of this server into a file: " + file, "or into BELAY_TOKEN, or name a file in BELAY_TOKEN_FILE",
	}
	switch {
	case c.keeper != nil:
		out = []string{"sign in again: " + c.keeper.again}
	case !c.token.IsZero():
		out = []string{"the token came from " + c.tokenFrom + ": put a valid one there"}
	case loopback(c.base):
		out = append(out, "started by you on this machine? then its data directory holds one: BELAY_DATA_DIR=DIR")
	}
	return append(out, "see: belay help authentication")
}

func redirected(res *http.Response) error {
	f := &failure{exit: exitFailed, what: "the server redirects elsewhere", why: "this is not followed, so that the token stays where it belongs"}
	if to, err := res.Location(); err == nil {
		to.User, to.RawQuery = nil, ""
		f.help = append(f.help, "it points to "+to.String(), "if that is the server: --server "+to.Scheme+"://"+to.Host)
	}
	return f
}

// innermost is the reason without the chain of what was being done.
func innermost(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			break
		}
		err = next
	}
	return strings.TrimPrefix(err.Error(), "x509: ")
}

func lowerFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	next, _ := utf8.DecodeRuneInString(s[n:])
	if n == 0 || unicode.IsUpper(next) || next == utf8.RuneError && n == len(s) {
		return s
	}
	return string(unicode.ToLower(r)) + s[n:]
}

// shortID is enough of an id to know it again.
func shortID(id string) string {
	if len(id) <= 13 {
		return id
	}
	return fmt.Sprintf("%s…", id[:13])
}
