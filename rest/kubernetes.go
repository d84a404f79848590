package rest

import (
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"

	"belay"
	"belay/app"
	"belay/kubeconfig"
)

// maxUpload bounds a kubeconfig with the files beside it, in bytes: what
// package kubeconfig reads of either, and room for the envelope.
const maxUpload = 2*kubeconfig.MaxBytes + 64<<10

// maxFiles bounds how many files may come beside a kubeconfig.
const maxFiles = 100

// upload reads a multipart body: the kubeconfig as k8sfile, the files that
// it refers to as files, and the field options as JSON into v.
func (r *request) upload(v any) (up app.KubeconfigUpload, err error) {
	if s, name := r.first("connectionId"); s != "" {
		if up.ConnectionID, err = belay.ParseID(s); err != nil {
			return up, belay.BadQuery(name, "%s", err)
		}
	}
	if r.ContentLength > maxUpload {
		return up, tooLarge(maxUpload)
	}
	r.Body = http.MaxBytesReader(nil, r.Body, maxUpload)
	parts, err := r.MultipartReader()
	if err != nil {
		return up, belay.Errorf(belay.CodeMalformed, "the body is not multipart/form-data with a boundary")
	}
	up.Files = map[string][]byte{}
	found := false
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return up, badUpload(err)
		}
		found = found || part.FormName() == "k8sfile"
		if err := r.part(part, &up, v); err != nil {
			return up, err
		}
	}
	if !found {
		return up, belay.Invalid("/k8sfile", "is required: the kubeconfig, as a file")
	}
	return up, nil
}

func badUpload(err error) error {
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		return tooLarge(maxUpload)
	}
	return belay.Errorf(belay.CodeMalformed, "the multipart body ends early or is not well-formed")
}

func (r *request) part(part *multipart.Part, up *app.KubeconfigUpload, v any) error {
	data, err := io.ReadAll(part)
	if err != nil {
		return badUpload(err)
	}
	// The boundary differs from request to request: by this the same request
	// is told from another.
	r.body = append(fmt.Appendf(r.body, "%q %q %d\n", part.FormName(), part.FileName(), len(data)), data...)
	switch name := part.FormName(); name {
	case "k8sfile":
		if up.Data != nil {
			return belay.Invalid("/k8sfile", "is given twice; merge the files first: kubectl config view --raw --flatten")
		}
		up.Data = data
	case "files":
		if len(up.Files) >= maxFiles {
			return belay.Invalid("/files", "must be at most %d", maxFiles)
		}
		up.Files[part.FileName()] = data
	case "options":
		options := &request{Request: r.Request, body: data}
		return options.decode(v)
	default:
		return belay.Invalid(belay.Pointer(name), "is not a field of this; the fields are k8sfile, files and options")
	}
	return nil
}

type contextProblem struct {
	Code    kubeconfig.ProblemCode `json:"code"`
	Effect  kubeconfig.Effect      `json:"effect"`
	Message string                 `json:"message"`
	Path    string                 `json:"path"`
	Line    int                    `json:"line,omitempty"`
}

func newProblems(ps []kubeconfig.Problem) []contextProblem {
	out := make([]contextProblem, len(ps))
	for i, p := range ps {
		out[i] = contextProblem(p)
	}
	return out
}

type contextMatch struct {
	State          app.MatchState `json:"state"`
	ConnectionID   belay.ID       `json:"connectionId,omitempty"`
	ConnectionName string         `json:"connectionName,omitempty"`
	Moved          *addresses     `json:"moved,omitempty"`
	SameCluster    []named        `json:"sameCluster,omitempty"`
	SameContext    []named        `json:"sameContext,omitempty"`
	// Changes are the settings that importing the context changes, Kept those
	// that the connection keeps against the file, since it verifies more.
	Changes    []settingChange `json:"changes,omitempty"`
	Kept       []settingChange `json:"kept,omitempty"`
	Breaks     bool            `json:"replacesWorking,omitempty"`
	Credential *credentialFate `json:"credential,omitempty"`
}

// settingChange is one setting of a connection and of a file.
type settingChange struct {
	Field string `json:"field"`
	From  string `json:"from"`
	To    string `json:"to"`
}

func newSettingChanges(all []app.SettingChange) []settingChange {
	out := make([]settingChange, len(all))
	for i, c := range all {
		out[i] = settingChange(c)
	}
	return out
}

// credentialFate is what importing a context does about a credential.
type credentialFate struct {
	Action app.CredentialAction `json:"action"`
	ID     belay.ID             `json:"id,omitempty"`
	Name   string               `json:"name,omitempty"`
	From   *named               `json:"from,omitempty"`
}

func newFate(f *app.CredentialFate) *credentialFate {
	if f == nil {
		return nil
	}
	w := &credentialFate{Action: f.Action, ID: f.ID, Name: f.Name}
	if f.From != nil {
		w.From = &named{f.From.ID, f.From.Name}
	}
	return w
}

// addresses are where a target was and is.
type addresses struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// moved is nil for what is where it was.
func moved(from, to string) *addresses {
	if from == "" {
		return nil
	}
	return &addresses{from, to}
}

type named struct {
	ID   belay.ID `json:"id"`
	Name string   `json:"name"`
}

type contextCredential struct {
	Type        string `json:"type"`
	Fingerprint string `json:"fingerprint"`
	Known       *named `json:"known,omitempty"`
}

type missingFile struct {
	Path string `json:"path"`
	Key  string `json:"key"`
}

type kubernetesContext struct {
	Name       string             `json:"name"`
	Current    bool               `json:"current"`
	Server     string             `json:"server"`
	Cluster    string             `json:"cluster"`
	User       string             `json:"user"`
	Namespace  string             `json:"namespace"`
	Plugin     string             `json:"plugin,omitempty"`
	Importable bool               `json:"importable"`
	Usable     bool               `json:"usable"`
	Credential *contextCredential `json:"credential"`
	Match      contextMatch       `json:"match"`
	Check      *check             `json:"check"`
	Missing    []missingFile      `json:"missingFiles"`
	Problems   []contextProblem   `json:"problems"`
	Recipe     []string           `json:"recipe"`
}

func newKubernetesContext(k *app.KubeconfigContext) kubernetesContext {
	w := kubernetesContext{
		Name: k.Name, Current: k.Current, Server: k.Endpoint, Cluster: k.Cluster, User: k.User, Namespace: k.Namespace,
		Plugin: k.Plugin, Importable: k.Importable(), Usable: k.Usable(), Match: newMatch(k),
		Missing: make([]missingFile, len(k.Missing)), Problems: newProblems(k.Problems), Recipe: []string{},
	}
	if k.Fingerprint != "" {
		w.Credential = &contextCredential{Type: k.CredentialType, Fingerprint: k.Fingerprint}
		if k.Known != nil {
			w.Credential.Known = &named{k.Known.ID, k.Known.Name}
		}
	}
	if k.Check != nil {
		c := newCheck(k.Check)
		w.Check = &c
	}
	for i, m := range k.Missing {
		w.Missing[i] = missingFile(m)
	}
	if !k.Usable() && k.Importable() {
		w.Recipe = k.Recipe()
	}
	return w
}

func newMatch(k *app.KubeconfigContext) contextMatch {
	m := contextMatch{
		State: k.State, Moved: moved(k.MovedFrom, k.Endpoint), Changes: newSettingChanges(k.Changes), Kept: newSettingChanges(k.Kept),
		Breaks: k.Breaks(), Credential: newFate(k.Fate),
	}
	if k.Connection != nil {
		m.ConnectionID, m.ConnectionName = k.Connection.ID, k.Connection.Name
	}
	for _, v := range k.SameCluster {
		if v.ID != m.ConnectionID {
			m.SameCluster = append(m.SameCluster, named{v.ID, v.Name})
		}
	}
	m.SameContext = namedOf(k.SameContext)
	return m
}

func namedOf(all []*belay.Connection) (out []named) {
	for _, v := range all {
		out = append(out, named{v.ID, v.Name})
	}
	return out
}

// previewOptions is what the field options of a preview can hold.
type previewOptions struct {
	Contexts []string `json:"contexts"` // the names of those to look at; none: all
}

func (a *API) previewKubeconfig(r *request) (response, error) {
	org, err := r.org()
	if err != nil {
		return response{}, err
	}
	var o previewOptions
	up, err := r.upload(&o)
	if err != nil {
		return response{}, err
	}
	up.Contexts = o.Contexts
	defer a.deadline(r).keep()()
	p, err := a.app.PreviewKubeconfig(r.Context(), org, up)
	if err != nil {
		return response{}, err
	}
	contexts := make([]kubernetesContext, len(p.Contexts))
	for i, k := range p.Contexts {
		contexts[i] = newKubernetesContext(k)
	}
	return response{body: struct {
		Contexts []kubernetesContext `json:"contexts"`
		Problems []contextProblem    `json:"problems"`
	}{contexts, newProblems(p.Problems)}}, nil
}

func (a *API) pingKubernetes(r *request) (response, error) {
	org, err := r.org()
	if err != nil {
		return response{}, err
	}
	s, _ := r.first("connectionId")
	id, err := belay.ParseID(s)
	if err != nil {
		return response{}, belay.BadQuery("connectionId", "%s", err)
	}
	return checked(a.app.PingKubernetes(r.Context(), org, id))
}

func (a *API) kubernetesContext(r *request) (response, error) {
	org, id, err := r.object("connectionId", "connection")
	if err != nil {
		return response{}, err
	}
	v, err := a.app.KubernetesContext(r.Context(), org, id)
	if err != nil {
		return response{}, err
	}
	return response{version: v.Version, body: map[string]any{
		"id": v.ID, "connectionId": v.ID, "name": v.Name, "server": v.Endpoint, "owner": v.OwnerID,
		"metadata": rawObject(v.Config), "identity": v.Identity, "createdAt": v.CreatedAt, "updatedAt": v.UpdatedAt,
	}}, nil
}
