package rest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"belay"
)

// maxFaults bounds how many of a body's faults are told: a small body could
// ask for a large answer otherwise.
const maxFaults = 100

// maxDepth bounds how deep a body may nest.
const maxDepth = 64

// aliases are spellings of older or other clients that are taken on input,
// by the name that is meant.
var aliases = map[string]string{
	"organization_id":        "organizationId",
	"organizationID":         "organizationId",
	"orgId":                  "organizationId",
	"orgID":                  "organizationId",
	"org_id":                 "organizationId",
	"selectedOrganizationID": "organizationId",
	"sub_type":               "subType",
	"credential_id":          "credentialId",
	"credentialID":           "credentialId",
	"credential_secret":      "credentialSecret",
	"credential_type":        "credentialType",
	"connection_ids":         "connectionIds",
	"connectionIDs":          "connectionIds",
	"user_id":                "userId",
}

// decode reads the body into v, a pointer to a struct. Every field that is
// unknown, doubled or of another type is told, each by its JSON Pointer. An
// empty body reads as an empty object.
func (r *request) decode(v any) error {
	body := bytes.TrimSpace(r.body)
	if len(body) == 0 {
		return nil
	}
	if !utf8.Valid(body) {
		return belay.Errorf(belay.CodeMalformed, "the body is not UTF-8")
	}
	if err := wellFormed(body); err != nil {
		return err
	}
	var d decoder
	if string(body) == "null" {
		d.wrong("", "must be an object")
	}
	d.value(body, reflect.ValueOf(v).Elem(), "")
	if d.fields != nil {
		return &belay.Error{Code: belay.CodeInvalid, Message: "the request is not valid", Fields: d.fields}
	}
	return nil
}

// wellFormed tells whether the body is one JSON value of bearable depth, and
// if not where it stops being one.
func wellFormed(body []byte) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	depth := 0
	for {
		token, err := dec.Token()
		if err != nil {
			return belay.Errorf(belay.CodeMalformed, "the body is not JSON: it goes wrong at byte %d", dec.InputOffset())
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth > maxDepth {
			return belay.Errorf(belay.CodeMalformed, "the body nests deeper than %d", maxDepth)
		}
		if depth == 0 {
			break
		}
	}
	if dec.More() || len(bytes.TrimSpace(body[dec.InputOffset():])) > 0 {
		return belay.Errorf(belay.CodeMalformed, "the body goes on after its JSON value, at byte %d", dec.InputOffset())
	}
	return nil
}

// decoder fills values from JSON and collects what does not fit.
type decoder struct{ fields []belay.Field }

func (d *decoder) wrong(pointer, format string, args ...any) {
	if len(d.fields) >= maxFaults {
		return
	}
	d.fields = append(d.fields, belay.Field{Pointer: pointer, Message: fmt.Sprintf(format, args...)})
}

var (
	typeRaw      = reflect.TypeFor[json.RawMessage]()
	typeID       = reflect.TypeFor[belay.ID]()
	typeSecret   = reflect.TypeFor[belay.Secret]()
	typeTime     = reflect.TypeFor[time.Time]()
	typeDuration = reflect.TypeFor[seconds]()
)

// value reads one JSON value. null gives the zero value: on input it clears.
func (d *decoder) value(raw []byte, v reflect.Value, pointer string) {
	raw = bytes.TrimSpace(raw)
	switch v.Type() {
	case typeRaw:
		v.SetBytes(bytes.Clone(raw))
		return
	case typeID, typeSecret, typeTime, typeDuration:
		d.scalar(raw, v, pointer)
		return
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		d.value(raw, v.Elem(), pointer)
		return
	}
	if string(raw) == "null" {
		v.SetZero()
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.object(raw, v, pointer)
	case reflect.Map:
		d.mapping(raw, v, pointer)
	case reflect.Slice:
		d.array(raw, v, pointer)
	default:
		d.scalar(raw, v, pointer)
	}
}

// members reads the members of an object in their order.
func (d *decoder) members(raw []byte, pointer string, each func(name string, raw []byte)) {
	if len(raw) == 0 || raw[0] != '{' {
		d.wrong(pointer, "must be an object")
		return
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	_, _ = dec.Token() // the body is known to be well-formed
	seen := map[string]bool{}
	for dec.More() {
		token, _ := dec.Token()
		name, _ := token.(string)
		var value json.RawMessage
		_ = dec.Decode(&value)
		if seen[name] {
			d.wrong(pointer+belay.Pointer(name), "is given twice")
		}
		seen[name] = true
		each(name, value)
	}
}

func (d *decoder) object(raw []byte, v reflect.Value, pointer string) {
	fields := map[string]reflect.Value{}
	collectFields(v, fields)
	d.members(raw, pointer, func(name string, raw []byte) {
		f, ok := fields[name]
		if !ok {
			f, ok = fields[aliases[name]]
		}
		if !ok || name == "" {
			d.wrong(pointer+belay.Pointer(name), "is not a field of this")
			return
		}
		d.value(raw, f, pointer+belay.Pointer(name))
	})
}

// collectFields finds the fields of a struct, and of those embedded in it, by
// their JSON names.
func collectFields(v reflect.Value, into map[string]reflect.Value) {
	for i := range v.NumField() {
		if v.Type().Field(i).Anonymous {
			collectFields(v.Field(i), into)
			continue
		}
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		into[name] = v.Field(i)
	}
}

func (d *decoder) mapping(raw []byte, v reflect.Value, pointer string) {
	v.Set(reflect.MakeMap(v.Type()))
	elem := v.Type().Elem()
	d.members(raw, pointer, func(name string, raw []byte) {
		e := reflect.New(elem).Elem()
		if elem.Kind() != reflect.Pointer || string(bytes.TrimSpace(raw)) != "null" {
			d.value(raw, e, pointer+belay.Pointer(name))
		}
		v.SetMapIndex(reflect.ValueOf(name), e)
	})
}

func (d *decoder) array(raw []byte, v reflect.Value, pointer string) {
	var items []json.RawMessage
	if json.Unmarshal(raw, &items) != nil {
		d.wrong(pointer, "must be an array")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
	for i, item := range items {
		d.value(item, v.Index(i), pointer+"/"+strconv.Itoa(i))
	}
}

// seconds is a duration that is written as a number of seconds.
type seconds time.Duration

func (d *decoder) scalar(raw []byte, v reflect.Value, pointer string) {
	if string(raw) == "null" {
		v.SetZero()
		return
	}
	switch v.Interface().(type) {
	case belay.ID:
		d.id(raw, v, pointer)
		return
	case belay.Secret:
		var s string
		if json.Unmarshal(raw, &s) != nil {
			d.wrong(pointer, "must be a string")
			return
		}
		v.Set(reflect.ValueOf(belay.SecretString(s)))
		return
	case seconds:
		var n float64
		if json.Unmarshal(raw, &n) != nil || n < 0 || n > 1e9 {
			d.wrong(pointer, "must be a number of seconds")
			return
		}
		v.Set(reflect.ValueOf(seconds(n * float64(time.Second))))
		return
	}
	if json.Unmarshal(raw, v.Addr().Interface()) != nil {
		d.wrong(pointer, "must be %s", jsonType(v))
		return
	}
	if t, ok := reflect.TypeAssert[time.Time](v); ok && (t.UTC().Year() < 1 || t.UTC().Year() > 9999) {
		// In UTC it has no form that RFC 3339 can write, nor JSON.
		v.SetZero()
		d.wrong(pointer, "must be in the years 1 to 9999, in UTC")
	}
}

// nilID is what clients written in Go send for an id that is absent.
const nilID = "00000000-0000-0000-0000-000000000000"

func (d *decoder) id(raw []byte, v reflect.Value, pointer string) {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		d.wrong(pointer, "must be a UUID")
		return
	}
	if s == "" || s == nilID {
		v.SetZero()
		return
	}
	id, err := belay.ParseID(s)
	if err != nil {
		d.wrong(pointer, "%s", err)
		return
	}
	v.Set(reflect.ValueOf(id))
}

// jsonType names what is wanted, in JSON's words.
func jsonType(v reflect.Value) string {
	switch v.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Struct:
		return "a time such as 2026-01-02T15:04:05Z"
	default:
		return "of another type"
	}
}

// fieldNames lists the JSON names of the fields of a pointer to a struct.
func fieldNames(v any) []string {
	t := reflect.TypeOf(v).Elem()
	names := make([]string, t.NumField())
	for i := range names {
		names[i], _, _ = strings.Cut(t.Field(i).Tag.Get("json"), ",")
	}
	return names
}
