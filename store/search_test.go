package store_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"belay"
	"belay/store"
)

func TestSearch(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		add := func(name, description, endpoint string) {
			w.addConnection(w.org, name, func(c *belay.Connection) { c.Description, c.Endpoint = description, endpoint })
		}
		add("Prod-EU metrics", "main one", "https://mimir.example.test/x")
		add("prod us", "backup of Größe", "https://10.0.0.1:9090")
		add("İstanbul e\u0301clair", "हिन्दी नाम", "")
		add("rocket 🚀", strings.Repeat("long", 40), "not a url\x7f")
		add("under_score", "100% sure", "https://[::1]/")
		for search, want := range map[string][]string{
			"prod":                       {"Prod-EU metrics", "prod us"},
			"PROD":                       {"Prod-EU metrics", "prod us"},
			"prod-":                      {"Prod-EU metrics", "prod us"},
			"rod":                        {},
			"eu":                         {"Prod-EU metrics"},
			"us prod":                    {"prod us"},
			"metr prod ma":               {"Prod-EU metrics"},
			"prod prod":                  {"Prod-EU metrics", "prod us"},
			"prod absent":                {},
			"mimir":                      {"Prod-EU metrics"},
			"mimir.example.test":         {"Prod-EU metrics"},
			"10.0.0.1":                   {"prod us"},
			"GRÖSSE":                     {"prod us"},
			"grösse":                     {"prod us"},
			"groß":                       {},
			"İstanbul":                   {"İstanbul e\u0301clair"},
			"éclair":                     {"İstanbul e\u0301clair"},
			"हिन्दी":                     {"İstanbul e\u0301clair"},
			"न":                          {"İstanbul e\u0301clair"},
			"दी":                         {}, // not the beginning of a word
			"🚀":                          {"rocket 🚀"},
			"score":                      {"under_score"},
			"under_score":                {"under_score"},
			"100%":                       {"under_score"},
			"%":                          {},
			"_":                          {},
			"--":                         {},
			"'":                          {},
			"  ":                         {"Prod-EU metrics", "prod us", "rocket 🚀", "under_score", "İstanbul e\u0301clair"},
			strings.Repeat("long", 40):   {"rocket 🚀"},
			strings.Repeat("long ", 100): {"rocket 🚀"},
			"prometheus":                 {"Prod-EU metrics", "prod us", "rocket 🚀", "under_score", "İstanbul e\u0301clair"},
		} {
			page, err := w.Connections(ctx, everything(w.org), belay.ConnectionFilter{}, belay.Query{Search: search})
			wantCode(t, err, "")
			got := []string{}
			for _, c := range page.Items {
				got = append(got, c.Name)
			}
			slices.Sort(got)
			if !slices.Equal(got, want) || page.Total != len(want) {
				t.Errorf("%q: got %q, want %q", search, got, want)
			}
		}
	})
}

// What an object was called before does not find it.
func TestSearchAfterRename(t *testing.T) {
	eachResource(t, func(t *testing.T, w *world, r resource) {
		id := r.add(w, w.org, "old name")
		wantCode(t, w.try(func(tx *store.Tx) error { _, err := r.rename(w, tx, w.org, id, "new name"); return err }), "")
		for search, want := range map[string]int{"old": 0, "new": 1, "name": 1} {
			page, err := r.list(w.Reader, everything(w.org), belay.Query{Search: search})
			wantCode(t, err, "")
			wantEqual(t, page.Total, want)
		}
	})
}

// incompressible returns text that PostgreSQL cannot make shorter.
func incompressible(n int) string {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(' ' + 1 + r.IntN(94))
	}
	return string(b)
}

// Text that only one of the engines can store is refused with a reason.
func TestUnstorableText(t *testing.T) {
	w := newWorld(t, openPostgres(t))
	for name, text := range map[string]string{
		"NUL": "a\x00b", "not UTF-8": "\xff", "too long for an index": incompressible(20_000),
	} {
		t.Run(name, func(t *testing.T) {
			e := w.environment(w.org, text)
			wantCode(t, w.try(func(tx *store.Tx) error { return tx.CreateEnvironment(ctx, e) }), belay.CodeInvalid)
			if len(text) < 10 {
				_, err := w.Connections(ctx, everything(w.org), belay.ConnectionFilter{Name: text}, belay.Query{})
				wantCode(t, err, belay.CodeInvalid)
			}
		})
	}
}

func FuzzTerms(f *testing.F) {
	for _, name := range oddNames {
		f.Add(name, "and more")
	}
	f.Add("\xff\xc3", strings.Repeat("ß", 100))
	f.Fuzz(func(t *testing.T, a, b string) {
		words := store.Terms(a, b)
		if len(words) > 32 {
			t.Fatalf("%d words", len(words))
		}
		for i, word := range words {
			if word == "" || len(word) > 64 || strings.TrimSpace(word) != word || slices.Contains(words[:i], word) {
				t.Errorf("%q is no word, or there twice", word)
			}
			if utf8.ValidString(a+b) && !utf8.ValidString(word) {
				t.Errorf("%q was cut inside a character", word)
			}
		}
	})
}

func FuzzCursor(f *testing.F) {
	f.Add("name", false, "a", int64(0), "id")
	f.Add("createdAt", true, "", int64(-1), "")
	f.Fuzz(func(t *testing.T, column string, down bool, text string, number int64, id string) {
		valid := utf8.ValidString(column) && utf8.ValidString(text) && utf8.ValidString(id) && !strings.ContainsRune(text+id, 0)
		if err := store.CursorRoundTrip(column, down, text, number, id); valid && err != nil {
			t.Error(err)
		}
		if err := store.ParseCursor(text); err != nil && belay.CodeOf(err) != belay.CodeBadQuery {
			t.Error(err)
		}
	})
}
