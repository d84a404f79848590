// Package site frames the pages that the server itself answers with: one
// head, one navigation and one style sheet for all of them, no script, and
// nothing from elsewhere.
package site

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"regexp"
	"strings"
	"time"
)

//go:embed frame.html style.css
var files embed.FS

// StylePath is where Style is to answer.
const StylePath = "/style.css"

// Style answers with the style sheet of all pages, and a strong ETag.
func Style() http.Handler {
	sheet, err := files.ReadFile("style.css")
	if err != nil {
		panic(fmt.Errorf("read the style sheet: %w", err)) // embedded: it cannot be absent
	}
	sum := sha256.Sum256(sheet)
	tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:18]) + `"`
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", tag)
		w.Header().Set("Cache-Control", "no-cache")
		http.ServeContent(w, r, "style.css", time.Time{}, bytes.NewReader(sheet))
	})
}

// Page is one page: what its frame says of it, and what it shows.
type Page struct {
	Title string
	Here  string // the path of the part that the page belongs to, as the navigation has it; "" for none
	Data  any    // for the page's own template
}

// Link is an entry of the navigation.
type Link struct{ Path, Text string }

// Navigation are the parts that every page leads to.
func (Page) Navigation() []Link {
	return []Link{{"/", "Start"}, {"/docs", "API"}, {"/docs/kinds", "Kinds"}, {"/docs/errors", "Errors"}}
}

// Templates make pages.
type Templates struct{ parsed *template.Template }

// Parse reads the templates that match a pattern. Each stands between
// {{template "head" .}} and {{template "foot" .}} and gets a Page. They are
// part of the program: Parse panics if one cannot be read.
func Parse(from fs.FS, pattern string) *Templates {
	t := template.New("").Funcs(template.FuncMap{"prose": prose})
	return &Templates{template.Must(template.Must(t.ParseFS(files, "frame.html")).ParseFS(from, pattern))}
}

// Render makes a page with the template of that name. That it cannot is a
// fault of the program: Render panics.
func (t *Templates) Render(name string, p Page) []byte {
	var b bytes.Buffer
	if err := t.parsed.ExecuteTemplate(&b, name, p); err != nil {
		panic(fmt.Errorf("render %s: %w", name, err))
	}
	return b.Bytes()
}

// Write answers with a page that was rendered.
func Write(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that has gone misses nothing
}

// span is a piece of text in one style.
type span struct {
	Text   string
	Code   bool
	Strong bool
}

var marked = regexp.MustCompile("`[^`]+`|\\*\\*[^*]+\\*\\*")

// prose splits a text into paragraphs of spans: `code` and **strong**.
func prose(text string) [][]span {
	var out [][]span
	for paragraph := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		var spans []span
		rest := paragraph
		for at := marked.FindStringIndex(rest); at != nil; at = marked.FindStringIndex(rest) {
			m := rest[at[0]:at[1]]
			spans = append(spans, span{Text: rest[:at[0]]}, span{
				Text: strings.Trim(m, "`*"), Code: m[0] == '`', Strong: m[0] == '*',
			})
			rest = rest[at[1]:]
		}
		out = append(out, append(spans, span{Text: rest}))
	}
	return out
}
