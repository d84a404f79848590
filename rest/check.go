package rest

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"belay"
	"belay/app"
)

type check struct {
	ID                belay.ID           `json:"id"`
	ConnectionID      belay.ID           `json:"connectionId,omitempty"`
	ConnectionName    string             `json:"connectionName,omitempty"`
	ConnectionStatus  belay.Status       `json:"connectionStatus,omitempty"`
	Trigger           belay.Trigger      `json:"trigger"`
	StartedAt         time.Time          `json:"startedAt"`
	DurationMS        float64            `json:"durationMs"`
	Health            belay.HealthStatus `json:"health"`
	Cause             *belay.Cause       `json:"cause"`
	Summary           string             `json:"summary"`
	Stages            []stage            `json:"stages"`
	Facts             json.RawMessage    `json:"facts"`
	CredentialID      belay.ID           `json:"credentialId,omitempty"`
	CredentialVersion int                `json:"credentialVersion,omitempty"`
	Identity          string             `json:"identity,omitempty"`
	Rejected          []rejection        `json:"rejected,omitempty"`
	Remediation       []remedy           `json:"remediation"`
}

type rejection struct {
	CredentialID      belay.ID    `json:"credentialId"`
	CredentialName    string      `json:"credentialName,omitempty"`
	CredentialVersion int         `json:"credentialVersion"`
	Cause             belay.Cause `json:"cause"`
	Summary           string      `json:"summary"`
}

type stage struct {
	Name       belay.Stage   `json:"name"`
	Outcome    belay.Outcome `json:"outcome"`
	DurationMS float64       `json:"durationMs"`
	Detail     string        `json:"detail,omitempty"`
}

// milliseconds is a duration on the wire, with microseconds behind the
// point.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func newCheck(k *app.Check) check {
	w := check{
		ID: k.ID, ConnectionID: k.ConnectionID, ConnectionName: k.ConnectionName, ConnectionStatus: k.ConnectionStatus, Trigger: k.Trigger, StartedAt: k.StartedAt, DurationMS: milliseconds(k.Duration),
		Health: k.Health, Cause: causeOf(k.Cause), Summary: k.Summary, Stages: make([]stage, len(k.Stages)), Facts: rawObject(k.Facts),
		CredentialID: k.CredentialID, CredentialVersion: k.CredentialVersion, Identity: k.Identity, Remediation: remedies(k.Remedies),
	}
	for _, r := range k.Rejected {
		w.Rejected = append(w.Rejected, rejection{r.CredentialID, k.Names[r.CredentialID], r.CredentialVersion, r.Cause, r.Summary})
	}
	for i, s := range k.Stages {
		w.Stages[i] = stage{s.Stage, s.Outcome, milliseconds(s.Duration), s.Detail}
	}
	return w
}

type checkPage struct {
	pageOf
	Checks []check `json:"checks"`
}

func (a *API) testConnection(r *request) (response, error) {
	org, id, err := r.act("connectionId", "connection")
	if err != nil {
		return response{}, err
	}
	if prefersAsync(r.Header.Values("Prefer")) {
		if err := a.app.StartTest(r.Context(), org, id); err != nil {
			return response{}, err
		}
		checks := strings.TrimSuffix(r.URL.Path, "/test") + "/checks"
		return response{status: http.StatusAccepted, header: map[string]string{
			"Preference-Applied": "respond-async", "Location": checks,
		}, body: map[string]any{"connectionId": id, "checks": checks}}, nil
	}
	return checked(a.app.TestConnection(r.Context(), org, id))
}

// prefersAsync reads the header Prefer (RFC 7240).
func prefersAsync(headers []string) bool {
	for _, header := range headers {
		for preference := range strings.SplitSeq(header, ",") {
			if name, _, _ := strings.Cut(preference, ";"); strings.EqualFold(strings.TrimSpace(name), "respond-async") {
				return true
			}
		}
	}
	return false
}

func checked(k *app.Check, err error) (response, error) {
	if err != nil {
		return response{}, err
	}
	return response{body: newCheck(k)}, nil
}

func (a *API) testDraft(r *request) (response, error) {
	var b connectionBody
	org, err := r.create(&b, &b.OrganizationID)
	if err != nil {
		return response{}, err
	}
	ch, err := b.change()
	if err != nil {
		return response{}, err
	}
	return checked(a.app.TestDraft(r.Context(), org, ch))
}

func (a *API) listChecks(r *request) (response, error) {
	org, id, q, err := r.listOf("connectionId", "connection")
	if err != nil {
		return response{}, err
	}
	page, err := a.app.Checks(r.Context(), org, id, q)
	return response{body: checkPage{envelope(page), list(page, newCheck)}}, err
}
