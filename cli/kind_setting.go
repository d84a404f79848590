package cli

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"belay"
)

// kindSetting is one setting of a kind, from the JSON Schema of its
// connections' metadata.
type kindSetting struct {
	path    string // as --set takes it, or the flag that sets it
	member  string // its path in a connection where that is another; else ""
	kind    string // "text", "GET or HEAD", "list of whole number, 100 to 599"
	initial string // its default, or what holds without it
	what    string
}

// schema is as much of JSON Schema (2020-12) as kinds describe their settings
// with.
type schema struct {
	Type        json.RawMessage   `json:"type"`
	Title       string            `json:"title"`
	Description string            `json:"description"`
	Default     json.RawMessage   `json:"default"`
	Absent      string            `json:"x-absent"`
	Unit        string            `json:"x-unit"`
	Enum        []json.RawMessage `json:"enum"`
	Minimum     *json.Number      `json:"minimum"`
	Maximum     *json.Number      `json:"maximum"`
	Items       *schema           `json:"items"`
	Properties  properties        `json:"properties"`
	Required    []string          `json:"required"`
}

// properties are those of an object in the order in which they stand, which
// is the order of a form's fields.
type properties []property

type property struct {
	name string
	schema
}

// UnmarshalJSON reads an object and keeps its order.
func (p *properties) UnmarshalJSON(raw []byte) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		one := property{name: fmt.Sprint(name)}
		if err := d.Decode(&one.schema); err != nil {
			return err
		}
		*p = append(*p, one)
	}
	return nil
}

// kindSettings are the settings that a kind takes, none where its schema says
// nothing that can be understood here.
func kindSettings(it item) []kindSetting {
	var kind struct {
		Schema schema `json:"connectionSchema"`
	}
	if json.Unmarshal(it.raw, &kind) != nil {
		return nil
	}
	return append(kind.Schema.settings("metadata"), checkSettings()...)
}

// checkSettings are those that connections of every kind have.
func checkSettings() []kindSetting {
	between := func(least, most time.Duration) string {
		return fmt.Sprintf("number, %v to %v, in seconds", least.Seconds(), most.Seconds())
	}
	return []kindSetting{
		{
			"check.intervalSeconds", "", between(belay.MinCheckInterval, belay.MaxCheckInterval),
			fmt.Sprint(belay.DefaultCheckInterval.Seconds()), "The interval at which the monitor will test it; nothing tests by itself yet.",
		},
		{
			"check.timeoutSeconds", "", between(belay.MinCheckTimeout, belay.MaxCheckTimeout),
			fmt.Sprint(belay.DefaultCheckTimeout.Seconds()), "How long a test waits for the target.",
		},
	}
}

func (s schema) settings(path string) []kindSetting {
	var out []kindSetting
	for _, p := range s.Properties {
		at := path + "." + p.name
		if len(p.Properties) > 0 {
			out = append(out, p.settings(at)...)
			continue
		}
		set := kindSetting{path: at, kind: p.kind(), initial: cmp.Or(textOfJSON(p.Default), p.Absent), what: p.what()}
		if flag, ok := otherNames()[at]; ok {
			set.path, set.member = "--"+flag, at
		}
		if set.path == "--ca-certificate" {
			set.kind = "path of a file" // the flag's, whose content is the setting
		}
		out = append(out, set)
	}
	return out
}

// what explains a setting in one line.
func (s schema) what() string {
	if s.Description == "" {
		return s.Title
	}
	if s.Title == "" || strings.Contains(strings.ToLower(s.Description), strings.ToLower(s.Title)) {
		return s.Description
	}
	return s.Title + ": " + lowerFirst(s.Description)
}

// kind says which values a setting takes.
func (s schema) kind() string {
	if len(s.Enum) > 0 {
		words := make([]string, len(s.Enum))
		for i, e := range s.Enum {
			words[i] = textOfJSON(e)
		}
		return strings.Join(words, " or ")
	}
	var one string
	var several []string
	if json.Unmarshal(s.Type, &one) == nil {
		several = []string{one}
	} else if json.Unmarshal(s.Type, &several) != nil {
		return ""
	}
	words := make([]string, len(several))
	for i, t := range several {
		words[i] = s.word(t)
	}
	text := strings.Join(words, " or ")
	switch {
	case s.Minimum != nil && s.Maximum != nil:
		text += fmt.Sprintf(", %s to %s", *s.Minimum, *s.Maximum)
	case s.Minimum != nil:
		text += fmt.Sprintf(", at least %s", *s.Minimum)
	case s.Maximum != nil:
		text += fmt.Sprintf(", at most %s", *s.Maximum)
	}
	if s.Unit != "" {
		text += ", in " + s.Unit
	}
	return text
}

func (s schema) word(jsonType string) string {
	switch jsonType {
	case "string":
		return "text"
	case "integer":
		return "whole number"
	case "boolean":
		return "true or false"
	case "array":
		if s.Items != nil {
			return "list of " + s.Items.kind()
		}
		return "list"
	}
	return jsonType
}

// textOfJSON writes a value as it is typed.
func textOfJSON(raw json.RawMessage) string {
	if len(raw) == 0 {
		return ""
	}
	v, err := decodeAny(raw)
	if err != nil {
		return ""
	}
	return textOf(v)
}

// settingItems are settings as rows.
func settingItems(settings []kindSetting) []item {
	out := make([]item, len(settings))
	for i, s := range settings {
		out[i] = item{fields: map[string]any{"setting": s.path, "value": s.kind, "default": s.initial, "what": s.what}}
	}
	return out
}
