package rest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// The media types of JSON lines. OpenAPI 3.2 names both; the second is the
// older name.
const (
	jsonLines   = "application/jsonl"
	jsonLinesOf = "application/x-ndjson"
)

// wantsLines is the media type of JSON lines by which the client asks for
// them; "" when it does not, or likes one JSON document better.
func wantsLines(accept []string) string {
	media, lines, document := "", 0.0, 0.0
	for _, header := range accept {
		for accepted := range strings.SplitSeq(header, ",") {
			name, parameters, err := mime.ParseMediaType(accepted)
			if err != nil {
				continue
			}
			q := quality(parameters)
			switch {
			case name == "application/json":
				document = max(document, q)
			case (name == jsonLines || name == jsonLinesOf) && q > lines:
				media, lines = name, q
			}
		}
	}
	if lines < document {
		return ""
	}
	return media
}

// quality is how much a client likes something (RFC 9110, section 12.4.2).
func quality(parameters map[string]string) float64 {
	text, ok := parameters["q"]
	if !ok {
		return 1
	}
	q, err := strconv.ParseFloat(text, 64)
	if err != nil || !(q >= 0 && q <= 1) {
		return 0
	}
	return q
}

// lines answers with one JSON value a line, each sent at once. What went wrong
// is told once, by write.
type lines struct {
	deadline
	to    http.ResponseWriter
	media string
	begun bool // its status has been sent
	err   error
}

// lines answers a request with JSON lines of a media type.
func (a *API) lines(r *request, media string) *lines {
	return &lines{deadline: deadline{control: http.NewResponseController(r.to), after: a.writeTimeout}, to: r.to, media: media}
}

// write sends one line and waits until the client has taken it, but no longer
// than the deadline. After an error nothing more is written.
func (l *lines) write(v any) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if l.err = enc.Encode(v); l.err != nil {
		return l.err
	}
	l.move()
	if !l.begun {
		l.begun = true
		l.to.Header().Set("Content-Type", l.media)
		l.to.Header().Set("Cache-Control", "no-store")
		l.to.WriteHeader(http.StatusOK)
	}
	if _, l.err = l.to.Write(b.Bytes()); l.err == nil {
		l.err = l.control.Flush()
	}
	if l.err != nil {
		l.err = fmt.Errorf("write a line: %w", l.err)
	}
	return l.err
}
