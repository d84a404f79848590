package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"belay"
	"belay/store"
)

// Limits on what is stored, in characters unless said otherwise. Those of
// names and descriptions are Meshery's.
const (
	maxEnvironmentName         = 100
	maxEnvironmentDescription  = 1000
	maxConnectionName          = 255
	maxConnectionDescription   = 1000
	maxReason                  = 1000
	maxCredentialName          = 255
	maxWorkspaceName           = 255
	maxWorkspaceDescription    = 5000
	maxOrganizationName        = 255
	maxOrganizationDescription = 5000
	maxPlace                   = 500 // a country or a region
	maxTeamName                = 255
	maxTeamDescription         = 5000
	maxMetadata                = 64 << 10 // bytes
	maxLabels                  = 32
	maxCredentials             = 8         // of one connection
	maxSecret                  = 256 << 10 // bytes
	maxFieldName               = 255       // of a credential's field
	maxProblems                = 100       // that are told of one request
	maxImportEnvironments      = 100       // into which one import puts what it makes
	maxSummary                 = 2000      // of what a target says
	// Of what is found by an index, in bytes: PostgreSQL's hold entries of up
	// to 2,704, with the ids beside it.
	maxFolded   = 2048 // a name, as it is compared
	maxEndpoint = 2048
	maxIdentity = 1024
)

// problems collects what is wrong with a request, so that all of it is told
// at once.
type problems []belay.Field

func (p *problems) add(pointer, format string, args ...any) {
	if len(*p) >= maxProblems {
		return
	}
	*p = append(*p, belay.Field{Pointer: pointer, Message: fmt.Sprintf(format, args...)})
}

// also takes over the fields of another error; what is not a CodeInvalid
// error is returned.
func (p *problems) also(err error) error {
	if err == nil {
		return nil
	}
	if e, ok := err.(*belay.Error); ok && e.Code == belay.CodeInvalid { //nolint:errorlint // only a bare one is about fields
		*p = append(*p, e.Fields...)
		return nil
	}
	return err
}

func (p problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return &belay.Error{Code: belay.CodeInvalid, Message: "the request is not valid", Fields: p}
}

// rename checks and carries out a change of a name. One that stays is let be,
// whatever it is.
func (p *problems) rename(field, change *string, limit int) {
	if change != nil && *field != "" && strings.TrimSpace(*change) == *field || change == nil && *field != "" {
		return
	}
	set(field, change)
	*field = p.name(*field, limit)
}

// name checks a new name and returns it without the spaces around it, which
// nobody sees.
func (p *problems) name(s string, limit int) string {
	s = strings.TrimSpace(s)
	p.text("/name", s, limit)
	if s == "" {
		p.add("/name", "must not be empty")
	} else if fault := belay.NameFault(s); fault != "" {
		p.add("/name", "%s", fault)
	}
	if n := store.FoldedSize(s); n > maxFolded {
		p.add("/name", "must have at most %d bytes as it is compared, has %d", maxFolded, n)
	}
	return s
}

// text checks the length and encoding of any text.
func (p *problems) text(pointer, s string, limit int) {
	if !utf8.ValidString(s) {
		p.add(pointer, "must be UTF-8")
	}
	if strings.ContainsRune(s, 0) {
		p.add(pointer, "must not contain NUL")
	}
	if n := utf8.RuneCountInString(s); n > limit {
		p.add(pointer, "must have at most %d characters, has %d", limit, n)
	}
}

// metadata checks that raw is a JSON object of reasonable size, and returns
// it compact, "{}" for none.
func (p *problems) metadata(raw []byte) json.RawMessage {
	const pointer = "/metadata"
	if len(raw) == 0 {
		return json.RawMessage("{}")
	}
	if len(raw) > maxMetadata {
		p.add(pointer, "must have at most %d bytes, has %d", maxMetadata, len(raw))
		return nil
	}
	if !utf8.Valid(raw) {
		p.add(pointer, "must be UTF-8")
		return nil
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) != nil || object == nil {
		p.add(pointer, "must be a JSON object")
		return nil
	}
	if bytes.Contains(raw, []byte(`\u0000`)) {
		p.add(pointer, "must not contain NUL")
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		p.add(pointer, "must be a JSON object")
	}
	return compact.Bytes()
}

// labelPart is what Kubernetes allows for the key of a label, so that
// labels can be carried over.
var labelPart = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$`)

func (p *problems) labels(labels map[string]string) {
	if len(labels) > maxLabels {
		p.add("/labels", "must be at most %d, are %d", maxLabels, len(labels))
		return
	}
	for key, value := range labels {
		if !labelPart.MatchString(key) {
			p.add("/labels", "%q is not a label's key: 1 to 63 letters, digits, dots, dashes, underscores and slashes, beginning and ending with a letter or digit", cutText(key))
		}
		if value != "" && !labelPart.MatchString(value) {
			p.add("/labels", "%q is not a label's value: up to 63 letters, digits, dots, dashes, underscores and slashes, beginning and ending with a letter or digit", cutText(value))
		}
	}
}

// endpoint checks the canonical form of an address.
func (p *problems) endpoint(s string) {
	p.text("/url", s, len(s))
	if len(s) > maxEndpoint {
		p.add("/url", "must have at most %d bytes, has %d", maxEndpoint, len(s))
	}
}

// toldByTarget makes fit to be stored what a target says of itself, or a
// browser: it may be anything.
func toldByTarget(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	if utf8.RuneCountInString(s) > maxSummary {
		s = string([]rune(s)[:maxSummary-1]) + "…"
	}
	return s
}

// knownIdentity is the identity of a target, "" for one that cannot be one.
func knownIdentity(s string) string {
	if len(s) > maxIdentity || !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return ""
	}
	return s
}

// cutText shortens what a message repeats.
func cutText(s string) string {
	if utf8.RuneCountInString(s) <= 64 {
		return s
	}
	return string([]rune(s)[:64]) + "…"
}

// set carries out one field of a change: nil leaves it as it is.
func set[T any](field, change *T) {
	if change != nil {
		*field = *change
	}
}

// joined lists words in a sentence.
func joined(words []string) string { return strings.Join(words, ", ") }
