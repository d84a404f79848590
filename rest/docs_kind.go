package rest

import (
	"net/http"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"belay"
	"belay/site"
)

func (d *documentation) kindList(w http.ResponseWriter, _ *http.Request) {
	d.show(w, "kinds.html", site.Page{Title: "Kinds", Here: "/docs/kinds", Data: d.kinds})
}

func (d *documentation) kind(w http.ResponseWriter, r *http.Request) {
	i := slices.IndexFunc(d.kinds, func(k *belay.Kind) bool { return k.Name == r.PathValue("name") })
	if i < 0 {
		d.missing.ServeHTTP(w, r)
		return
	}
	k := newKindView(d.kinds[i])
	d.show(w, "kind.html", site.Page{Title: k.Title, Here: "/docs/kinds", Data: k})
}

// kindView is what the page about a kind shows: its definition.
type kindView struct {
	kindOf
	Settings []settingView
	Causes   []causeView
}

type settingView struct {
	Name, Type, Description, Absent string
	Required                        bool
}

type causeView struct {
	Cause    belay.Cause
	Text     string
	Remedies []belay.Remedy
}

func newKindView(k *belay.Kind) kindView {
	v := kindView{kindOf: newKind(k), Settings: settingsOf("", parseSchema(k))}
	for _, c := range belay.Causes() {
		if canBe(c, k) {
			text := c.Text()
			v.Causes = append(v.Causes, causeView{c, strings.ToUpper(text[:1]) + text[1:] + ".", belay.Remedies(c, anyContext(v))})
		}
	}
	return v
}

// parseSchema reads the schema of a kind's settings in its own order: JSON
// is YAML (1.2). A definition that was loaded has one that can be read.
func parseSchema(k *belay.Kind) node {
	var n yaml.Node
	if yaml.Unmarshal(k.ConnectionSchema, &n) != nil || len(n.Content) == 0 {
		return node{}
	}
	return node{n.Content[0]}
}

// settingsOf lists the settings below a place of the schema, those of an
// object one by one.
func settingsOf(prefix string, schema node) []settingView {
	var out []settingView
	required := schema.get("required").texts()
	schema.get("properties").each(func(name string, s node) {
		if s.get("properties").y != nil {
			out = append(out, settingsOf(prefix+name+".", s)...)
			return
		}
		absent := s.get("x-absent").text()
		if initial := s.get("default").text(); initial != "" {
			absent = initial
		}
		out = append(out, settingView{
			Name: prefix + name, Type: typeOf(s).Text, Absent: absent,
			Description: s.get("description").text(), Required: slices.Contains(required, name),
		})
	})
	return out
}

// canBe tells whether a test of the kind can have a cause, as far as the
// definition says: what has no TLS has no certificate, what takes no
// credential cannot reject one.
func canBe(c belay.Cause, k *belay.Kind) bool {
	switch c {
	case belay.CauseTLSClientCertificateRejected:
		return slices.Contains(k.Endpoint.Schemes, "https") &&
			(slices.Contains(k.CredentialTypes, belay.CredentialMTLS) || slices.Contains(k.CredentialTypes, belay.CredentialKubernetes))
	case belay.CauseCredentialRejected, belay.CauseCredentialExpired, belay.CauseReferenceUnresolved, belay.CausePermissionMissing:
		return len(k.CredentialTypes) > 0
	default:
		return !strings.HasPrefix(string(c), "tls_") || slices.Contains(k.Endpoint.Schemes, "https")
	}
}

// anyContext is of a connection to which every remedy of its kind applies.
func anyContext(k kindView) belay.RemedyContext {
	rc := belay.RemedyContext{ConnectionID: "ID", ConnectionName: "NAME", Kind: k.Name, Status: belay.StatusConnected, Identity: "IDENTITY", Accepts: k.CredentialTypes}
	for _, s := range k.Settings {
		rc.Settings = append(rc.Settings, s.Name)
	}
	rc.Set = rc.Settings
	if len(k.CredentialTypes) > 0 {
		rc.CredentialID, rc.CredentialType, rc.DeletedID = "ID", k.CredentialTypes[0], "ID"
		rc.Others = []belay.CredentialUse{{CredentialID: "ID", Purpose: belay.PurposePrimary}}
	}
	return rc
}
