package rest

import (
	"encoding/json"

	"belay"
	"belay/app"
)

// importOptions is what the field options of an import can hold.
type importOptions struct {
	Contexts []struct {
		Name       string         `json:"name"`
		As         string         `json:"as"`
		OnExisting app.OnExisting `json:"onExisting"`
		Move       bool           `json:"move"`
		Accept     bool           `json:"acceptIdentity"`
		Bare       bool           `json:"withoutCredential"`
		Insecure   bool           `json:"acceptInsecureTls"`
		Replace    bool           `json:"replaceWorking"`
	} `json:"contexts"`
	EnvironmentIDs []belay.ID `json:"environmentIds"`
}

type importedContext struct {
	Name           string            `json:"name"`
	Outcome        app.ImportOutcome `json:"outcome"`
	Message        string            `json:"message,omitempty"`
	Remediation    []remedy          `json:"remediation,omitempty"`
	Plugin         string            `json:"plugin,omitempty"`
	Recipe         []string          `json:"recipe,omitempty"`
	ConnectionID   belay.ID          `json:"connectionId,omitempty"`
	ConnectionName string            `json:"connectionName,omitempty"`
	RenamedFrom    string            `json:"renamedFrom,omitempty"`
	Moved          *addresses        `json:"moved,omitempty"`
	CredentialID   belay.ID          `json:"credentialId,omitempty"`
	Credential     *credentialMove   `json:"credentialChange,omitempty"`
	Replaced       *replacedSecret   `json:"credentialReplaced,omitempty"`
	Changes        []settingChange   `json:"changes,omitempty"`
	Kept           []settingChange   `json:"kept,omitempty"`
	SameContext    []named           `json:"sameContext,omitempty"`
	Status         belay.Status      `json:"status,omitempty"`
	Server         string            `json:"server,omitempty"`
	Check          *check            `json:"check,omitempty"`
}

// replacedSecret is a credential that has a new secret in place of its own.
type replacedSecret struct {
	ID      belay.ID `json:"id"`
	Name    string   `json:"name"`
	Version int64    `json:"version"`
}

// credentialMove is from which credential a connection went to which.
type credentialMove struct {
	From        named    `json:"from"`
	To          named    `json:"to"`
	Unused      bool     `json:"unused"` // from is used by nothing any more
	Remediation []remedy `json:"remediation,omitempty"`
	StillUsedBy *users   `json:"stillUsedBy,omitempty"`
}

// users are the connections that use a credential, named as far as the caller
// sees them.
type users struct {
	Total       int     `json:"total"`
	Connections []named `json:"connections"`
}

func newUsers(m *app.CredentialMove) *users {
	if m.LeftTotal == 0 {
		return nil
	}
	out := &users{Total: m.LeftTotal, Connections: []named{}}
	for _, v := range m.Left {
		out.Connections = append(out.Connections, named{v.ID, v.Name})
	}
	return out
}

func newImportedContext(k *app.ImportedContext) importedContext {
	w := importedContext{
		Name: k.Name, Outcome: k.Outcome, Message: k.Message, Remediation: remedies(k.Remedies),
		Plugin: k.Plugin, Recipe: k.Recipe, RenamedFrom: k.RenamedFrom,
		Changes: newSettingChanges(k.Changes), Kept: newSettingChanges(k.Kept), SameContext: namedOf(k.SameContext),
	}
	if v := k.Replaced; v != nil {
		w.Replaced = &replacedSecret{v.ID, v.Name, int64(v.Current)}
	}
	if k.Check != nil {
		c := newCheck(k.Check)
		w.Check = &c
	}
	if m := k.Credential; m != nil {
		w.Credential = &credentialMove{named{m.From.ID, m.From.Name}, named{m.To.ID, m.To.Name}, m.Unused, remedies(m.Remedies), newUsers(m)}
	}
	if v := k.Connection; v != nil {
		w.ConnectionID, w.ConnectionName, w.Status, w.Server = v.ID, v.Name, v.Status, v.Endpoint
		w.Moved = moved(k.MovedFrom, v.Endpoint)
		if len(v.Credentials) > 0 {
			w.CredentialID = v.Credentials[0].CredentialID
		}
	}
	return w
}

// importedContexts are the contexts of an import by what became of them, as
// Meshery groups them.
type importedContexts struct {
	Registered []importedContext `json:"registeredContexts"`
	Connected  []importedContext `json:"connectedContexts"`
	Ignored    []importedContext `json:"ignoredContexts"`
	Errored    []importedContext `json:"erroredContexts"`
}

func newImported(contexts []*app.ImportedContext) importedContexts {
	out := importedContexts{[]importedContext{}, []importedContext{}, []importedContext{}, []importedContext{}}
	for _, k := range contexts {
		group := &out.Registered
		switch {
		case k.Outcome == app.ImportFailed, k.Outcome == app.ImportBlocked:
			group = &out.Errored
		case k.Outcome == app.ImportSkipped:
			group = &out.Ignored
		case k.Connection.Status == belay.StatusConnected:
			group = &out.Connected
		}
		*group = append(*group, newImportedContext(k))
	}
	return out
}

func (a *API) importKubeconfig(r *request) (response, error) {
	org, err := r.org()
	if err != nil {
		return response{}, err
	}
	if err := r.checkIdempotencyKey(); err != nil {
		return response{}, err
	}
	var o importOptions
	up, err := r.upload(&o)
	if err != nil {
		return response{}, err
	}
	im := app.KubeconfigImport{EnvironmentIDs: o.EnvironmentIDs}
	for _, k := range o.Contexts {
		im.Contexts = append(im.Contexts, app.ContextImport{
			Name: k.Name, As: k.As, OnExisting: k.OnExisting, Move: k.Move, AcceptIdentity: k.Accept, WithoutCredential: k.Bare,
			AcceptInsecureTLS: k.Insecure, ReplaceWorking: k.Replace,
		})
	}
	defer a.deadline(r).keep()()
	answer, err := a.app.ImportKubeconfigOnce(r.once(), org, up, im, func(contexts []*app.ImportedContext) ([]byte, error) {
		return json.Marshal(newImported(contexts))
	})
	if err != nil {
		return response{}, err
	}
	return response{body: json.RawMessage(answer)}, nil
}
