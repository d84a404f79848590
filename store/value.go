package store

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"time"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// FoldedSize is how many bytes a text has as it is compared: more than it has
// itself where a character folds or composes into several.
func FoldedSize(s string) int { return len(fold(s)) }

// Fold is a text as it is compared without regard to case.
func Fold(s string) string { return fold(s) }

// fold is text as it is compared: Unicode case folding of the composed form.
func fold(s string) string {
	return norm.NFC.String(cases.Fold().String(norm.NFC.String(s)))
}

// micros is a time as it is stored: microseconds since 1970, 0 for the zero
// time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// stamp scans a stored time into a time.Time in UTC.
type stamp struct{ t *time.Time }

// Scan implements sql.Scanner.
func (s stamp) Scan(src any) error {
	n, ok := src.(int64)
	if !ok {
		return fmt.Errorf("a time is stored as %T", src)
	}
	*s.t = time.Time{}
	if n != 0 {
		*s.t = time.UnixMicro(n).UTC()
	}
	return nil
}

// jsonText stores a value as JSON text and scans it back.
type jsonText struct{ v any }

// Value implements driver.Valuer.
func (j jsonText) Value() (driver.Value, error) {
	b, err := json.Marshal(j.v)
	if err != nil {
		return nil, fmt.Errorf("encode a column: %w", err)
	}
	return string(b), nil
}

// Scan implements sql.Scanner.
func (j jsonText) Scan(src any) error {
	switch s := src.(type) {
	case string:
		return json.Unmarshal([]byte(s), j.v)
	case []byte:
		return json.Unmarshal(s, j.v)
	}
	return fmt.Errorf("a JSON column is stored as %T", src)
}

// object stores a JSON object given as bytes, "{}" for none.
func object(b []byte) string {
	if len(b) == 0 {
		return "{}"
	}
	return string(b)
}

// texts turns ids, statuses and the like into the strings they are.
func texts[T ~string](values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}
