package app_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"belay"
	"belay/app"
	"belay/e2e/peers"
)

// engines are an App on each database.
func engines(t *testing.T) map[string]*importWorld {
	t.Helper()
	pg, err := peers.SharedPostgres()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pg.Close)
	return map[string]*importWorld{
		"SQLite":     newImportWorldOn(t, filepath.Join(t.TempDir(), "belay.db")),
		"PostgreSQL": newImportWorldOn(t, pg.Database(t)),
	}
}

// anyText draws texts that databases, indexes and programs trip over: about as
// long as may be, or longer, and what is more when it is folded or composed.
func anyText(t *rapid.T, label string) string {
	pieces := []string{
		"a", " ", "é", "\x00", "\xff", "\xed\xa0\x80", "\U0001D160", "\u0958", "ﬃ", "İ", "ß", "\u202e", "\ufeff", "😀", "\n", "\u2028", `"`, `\u0000`, `\`, "'", "%", "$1",
	}
	var b strings.Builder
	if rapid.Bool().Draw(t, label+" is plain") {
		return "plain"
	}
	for range rapid.IntRange(0, 4).Draw(t, label+"'s parts") {
		if rapid.Bool().Draw(t, label+" of anything") {
			b.WriteString(rapid.String().Draw(t, label))
			continue
		}
		n := rapid.SampledFrom([]int{1, 1, 2, 60, 99, 250, 255, 1000, 2000, 3000}).Draw(t, label+"'s length")
		if rapid.Bool().Draw(t, label+" of noise") {
			noise(&b, n, rapid.Uint64().Draw(t, label+"'s noise"))
			continue
		}
		b.WriteString(strings.Repeat(rapid.SampledFrom(pieces).Draw(t, label+"'s piece"), n))
	}
	return b.String()
}

// noise writes what no database can make shorter.
func noise(b *strings.Builder, n int, seed uint64) {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	source := rand.New(rand.NewPCG(seed, seed))
	for range n {
		b.WriteByte(digits[source.IntN(len(digits))])
	}
}

// TestWhatIsAcceptedIsStored gives both databases what the use cases accept:
// each stores it as it is. What they refuse they say where.
func TestWhatIsAcceptedIsStored(t *testing.T) {
	worlds := engines(t)
	rapid.Check(t, func(t *rapid.T) {
		name, description, other := anyText(t, "name"), anyText(t, "description"), anyText(t, "other")
		endpoint := "https://10.0.0.1/" + anyText(t, "path")
		config, err := json.Marshal(map[string]string{"note": other})
		if err != nil {
			t.Fatal(err)
		}
		if rapid.Bool().Draw(t, "raw configuration") {
			config = []byte(`{"note":"` + other + `"}`)
		}
		kind, credentialType := "kubernetes", belay.CredentialKubernetes
		text, user := belay.SecretString("x"), belay.SecretString(other)
		tries := map[string]func(ctx context.Context, w *importWorld) (any, error){
			"connection": func(ctx context.Context, w *importWorld) (any, error) {
				v, err := w.CreateConnection(ctx, w.org, app.ConnectionChange{
					Name: &name, Description: &description, Kind: &kind, Endpoint: &endpoint, Config: config,
					Labels: &map[string]string{"a": strings.ToValidUTF8(name, "")}, Maintenance: &belay.Maintenance{Reason: other},
				})
				if err != nil {
					return nil, err
				}
				w.mustOf(t, w.DeleteConnection(ctx, w.org, v.ID, 0))
				return []any{v.Name, v.Description, v.Endpoint, string(v.Config), v.Labels, v.Maintenance.Reason}, nil
			},
			"unlabelled connection": func(ctx context.Context, w *importWorld) (any, error) {
				v, err := w.CreateConnection(ctx, w.org, app.ConnectionChange{Name: &name, Kind: &kind, Endpoint: &endpoint, Config: config})
				if err != nil {
					return nil, err
				}
				w.mustOf(t, w.DeleteConnection(ctx, w.org, v.ID, 0))
				return []any{v.Name, v.Endpoint, string(v.Config)}, nil
			},
			"credential": func(ctx context.Context, w *importWorld) (any, error) {
				v, err := w.CreateCredential(ctx, w.org, app.CredentialChange{
					Name: &name, Type: &credentialType, Secret: map[string]*belay.Secret{"token": &text, "username": &user},
				})
				if err != nil {
					return nil, err
				}
				w.mustOf(t, w.DeleteCredential(ctx, w.org, v.ID, 0, false))
				return []any{v.Name, v.Public}, nil
			},
			"environment": func(ctx context.Context, w *importWorld) (any, error) {
				v, err := w.CreateEnvironment(ctx, w.org, app.EnvironmentChange{Name: &name, Description: &description, Metadata: config})
				if err != nil {
					return nil, err
				}
				w.mustOf(t, w.DeleteEnvironment(ctx, w.org, v.ID, 0))
				return []any{v.Name, v.Description, string(v.Metadata)}, nil
			},
			"workspace": func(ctx context.Context, w *importWorld) (any, error) {
				v, err := w.CreateWorkspace(ctx, w.org, app.WorkspaceChange{Name: &name, Description: &description, Metadata: config})
				if err != nil {
					return nil, err
				}
				w.mustOf(t, w.DeleteWorkspace(ctx, w.org, v.ID, 0))
				return []any{v.Name, v.Description, string(v.Metadata)}, nil
			},
		}
		for what, try := range tries {
			var got [2]any
			for i, engine := range []string{"SQLite", "PostgreSQL"} {
				w := worlds[engine]
				v, err := try(w.admin, w)
				got[i] = v
				if err == nil {
					continue
				}
				e, ok := err.(*belay.Error) //nolint:errorlint // only a bare one is about fields
				if !ok || e.Code != belay.CodeInvalid || len(e.Fields) == 0 {
					t.Fatalf("%s: %s: %v", engine, what, err)
				}
				for _, f := range e.Fields {
					if f.Pointer == "" || !utf8.ValidString(f.Message) {
						t.Fatalf("%s: %s: %q %q", engine, what, f.Pointer, f.Message)
					}
				}
			}
			if d := cmp.Diff(got[0], got[1]); d != "" {
				t.Fatalf("%s (-SQLite +PostgreSQL):\n%s", what, d)
			}
		}
	})
}

// mustOf fails a property that cannot go on.
func (w *importWorld) mustOf(t *rapid.T, err error) {
	if err != nil {
		t.Fatal(err)
	}
}

// TestWhatATargetSaysIsStored lets a target say anything: the check is stored,
// and the connection can be read.
func TestWhatATargetSaysIsStored(t *testing.T) {
	for engine, w := range engines(t) {
		t.Run(engine, func(t *testing.T) {
			name, kind, endpoint := "target", "kubernetes", here
			v, err := w.CreateConnection(w.admin, w.org, app.ConnectionChange{Name: &name, Kind: &kind, Endpoint: &endpoint})
			w.must(err)
			rapid.Check(t, func(t *rapid.T) {
				says := func(what string) string { return anyText(t, what) }
				w.says = &belay.Report{
					Health: belay.HealthHealthy, Summary: says("summary"), Identity: says("identity"),
					Stages: []belay.StageResult{{Stage: belay.StageConnect, Outcome: belay.OutcomePassed, Detail: says("detail")}},
					Facts:  map[string]any{says("fact"): says("value")},
				}
				k, err := w.TestConnection(w.admin, w.org, v.ID)
				if err != nil {
					t.Fatal(err)
				}
				if !utf8.ValidString(k.Summary) || strings.ContainsRune(k.Summary, 0) || utf8.RuneCountInString(k.Summary) > 2000 {
					t.Fatalf("the summary is %d long: %.50q", len(k.Summary), k.Summary)
				}
				now, err := w.Connection(w.admin, w.org, v.ID)
				if err != nil || now.Health.Summary != k.Summary {
					t.Fatalf("the connection says %.50q, %v", now.Health.Summary, err)
				}
				if len(now.Identity) > 1024 {
					t.Fatalf("its identity has %d bytes", len(now.Identity))
				}
				w.mustOf(t, w.forgetIdentity(v.ID))
			})
		})
	}
}

// forgetIdentity makes a connection one whose target is not known.
func (w *importWorld) forgetIdentity(id belay.ID) error {
	endpoint := here + "/" + string(w.newID())
	_, err := w.UpdateConnection(w.admin, w.org, id, 0, app.ConnectionChange{Endpoint: &endpoint})
	return err
}

// TestRefusedTexts says where a text is refused that cannot be stored.
func TestRefusedTexts(t *testing.T) {
	w := newImportWorld(t)
	kind, credentialType, good, endpoint := "kubernetes", belay.CredentialKubernetes, "good", here
	connection := func(change app.ConnectionChange) error {
		ch := app.ConnectionChange{Name: &good, Kind: &kind, Endpoint: &endpoint}
		if change.Name != nil {
			ch.Name = change.Name
		}
		if change.Endpoint != nil {
			ch.Endpoint = change.Endpoint
		}
		ch.Description, ch.Config, ch.Labels, ch.Maintenance = change.Description, change.Config, change.Labels, change.Maintenance
		_, err := w.CreateConnection(w.admin, w.org, ch)
		return err
	}
	credential := func(name, field, value string) error {
		token, secret := belay.SecretString("x"), belay.SecretString(value)
		_, err := w.CreateCredential(w.admin, w.org, app.CredentialChange{
			Name: &name, Type: &credentialType, Secret: map[string]*belay.Secret{"token": &token, field: &secret},
		})
		return err
	}
	environment := func(name, description, metadata string) error {
		_, err := w.CreateEnvironment(w.admin, w.org, app.EnvironmentChange{Name: &name, Description: &description, Metadata: []byte(metadata)})
		return err
	}
	workspace := func(name, description, metadata string) error {
		_, err := w.CreateWorkspace(w.admin, w.org, app.WorkspaceChange{Name: &name, Description: &description, Metadata: []byte(metadata)})
		return err
	}
	long, wide := strings.Repeat("x", 5001), strings.Repeat("\U0001D160", 255)
	far := here + "/" + strings.Repeat("x", 2048)
	nul, broken := "a\x00b", "a\xffb"
	for what, test := range map[string]struct {
		err  error
		want string
	}{
		"connection, name of NUL":           {connection(app.ConnectionChange{Name: &nul}), "/name"},
		"connection, broken name":           {connection(app.ConnectionChange{Name: &broken}), "/name"},
		"connection, long name":             {connection(app.ConnectionChange{Name: &long}), "/name"},
		"connection, name long when folded": {connection(app.ConnectionChange{Name: &wide}), "/name"},
		"connection, description of NUL":    {connection(app.ConnectionChange{Description: &nul}), "/description"},
		"connection, long description":      {connection(app.ConnectionChange{Description: &long}), "/description"},
		"connection, long address":          {connection(app.ConnectionChange{Endpoint: &far}), "/url"},
		"connection, address of NUL":        {connection(app.ConnectionChange{Endpoint: &nul}), "/url"},
		"connection, broken address":        {connection(app.ConnectionChange{Endpoint: &broken}), "/url"},
		"connection, broken settings":       {connection(app.ConnectionChange{Config: []byte("{\"a\":\"\xff\"}")}), "/metadata"},
		"connection, settings with NUL":     {connection(app.ConnectionChange{Config: []byte(`{"a":"\u0000"}`)}), "/metadata"},
		"connection, label of NUL":          {connection(app.ConnectionChange{Labels: &map[string]string{"a": nul}}), "/labels"},
		"connection, reason of NUL":         {connection(app.ConnectionChange{Maintenance: &belay.Maintenance{Reason: nul}}), "/maintenance/reason"},
		"credential, name of NUL":           {credential(nul, "username", "x"), "/name"},
		"credential, long name":             {credential(long, "username", "x"), "/name"},
		"credential, public value of NUL":   {credential("x", "username", nul), "/secret/username"},
		"credential, broken public value":   {credential("x", "username", broken), "/secret/username"},
		"credential, field of NUL":          {credential("x", nul, "x"), "/secret"},
		"environment, name of NUL":          {environment(nul, "", ""), "/name"},
		"environment, broken description":   {environment("x", broken, ""), "/description"},
		"environment, broken metadata":      {environment("x", "", "{\"a\":\"\xff\"}"), "/metadata"},
		"workspace, name of NUL":            {workspace(nul, "", ""), "/name"},
		"workspace, name long when folded":  {workspace(wide, "", ""), "/name"},
		"workspace, description of NUL":     {workspace("x", nul, ""), "/description"},
		"workspace, broken metadata":        {workspace("x", "", "{\"a\":\"\xff\"}"), "/metadata"},
	} {
		e, ok := test.err.(*belay.Error) //nolint:errorlint // only a bare one is about fields
		if !ok || e.Code != belay.CodeInvalid || len(e.Fields) == 0 || e.Fields[0].Pointer != test.want {
			t.Errorf("%s: %v, want it to be about %s", what, test.err, test.want)
		}
	}
}
