package store

import (
	"context"
	"encoding/json"
	"time"

	"belay"
)

const checkColumns = `h.id, h.organization_id, h.connection_id, h.trigger_by, h.started_at, h.duration, h.health, h.cause,
	h.summary, h.stages, h.facts, h.credential_id, h.credential_version, h.rejected, h.identity, h.user_id`

// stageResult is a belay.StageResult as it is stored.
type stageResult struct {
	Stage    belay.Stage   `json:"stage"`
	Outcome  belay.Outcome `json:"outcome"`
	Duration int64         `json:"duration,omitempty"` // nanoseconds
	Detail   string        `json:"detail,omitempty"`
}

// rejection is a belay.Rejection as it is stored.
type rejection struct {
	CredentialID      belay.ID    `json:"credentialId"`
	CredentialVersion int         `json:"credentialVersion"`
	Cause             belay.Cause `json:"cause"`
	Summary           string      `json:"summary"`
}

func scanCheck(r row) (*belay.Check, error) {
	var c belay.Check
	var stages []stageResult
	var rejected []rejection
	var facts []byte
	err := r.Scan(&c.ID, &c.OrganizationID, &c.ConnectionID, &c.Trigger, stamp{&c.StartedAt}, &c.Duration, &c.Health, &c.Cause,
		&c.Summary, jsonText{&stages}, &facts, &c.CredentialID, &c.CredentialVersion, jsonText{&rejected}, &c.Identity, &c.UserID)
	for _, r := range rejected {
		c.Rejected = append(c.Rejected, belay.Rejection(r))
	}
	c.Facts = json.RawMessage(facts)
	for _, s := range stages {
		c.Stages = append(c.Stages, belay.StageResult{
			Stage: s.Stage, Outcome: s.Outcome, Duration: time.Duration(s.Duration), Detail: s.Detail,
		})
	}
	return &c, err
}

var checks = list[*belay.Check]{
	columns: checkColumns,
	from:    "checks h",
	id:      "h.id",
	natural: belay.Order{Column: "startedAt", Descending: true},
	orders:  map[string]sortKey{"startedAt": {column: "h.started_at", number: true}},
	scan:    scanCheck,
}

// Check returns one check.
func (r Reader) Check(ctx context.Context, org, id belay.ID) (*belay.Check, error) {
	c, err := one(ctx, r, scanCheck, "select "+checkColumns+
		" from checks h where h.organization_id = $1 and h.id = $2", org, id)
	return c, notFound(err, "check")
}

// Checks lists the checks of a connection, the newest first.
func (r Reader) Checks(ctx context.Context, org, connection belay.ID, q belay.Query) (belay.Page[*belay.Check], error) {
	var cond condition
	cond.add("h.organization_id = ?", org)
	cond.add("h.connection_id = ?", connection)
	return checks.counted(ctx, r, &cond, &cond, q)
}

// ChecksMadeWith returns some checks by their ids, with no more than what they
// were made with, credentials and their versions, and what came of it, health
// and cause.
func (r Reader) ChecksMadeWith(ctx context.Context, org belay.ID, ids []belay.ID) (map[belay.ID]*belay.Check, error) {
	out := map[belay.ID]*belay.Check{}
	if len(ids) == 0 {
		return out, nil
	}
	var cond condition
	cond.add("h.organization_id = ?", org)
	cond.in("h.id", texts(ids))
	found, err := all(ctx, r, func(r row) (*belay.Check, error) {
		var c belay.Check
		var rejected []rejection
		err := r.Scan(&c.ID, &c.Health, &c.Cause, &c.CredentialID, &c.CredentialVersion, jsonText{&rejected})
		for _, r := range rejected {
			c.Rejected = append(c.Rejected, belay.Rejection(r))
		}
		return &c, err
	}, "select h.id, h.health, h.cause, h.credential_id, h.credential_version, h.rejected from checks h"+cond.where(), cond.args...)
	for _, c := range found {
		out[c.ID] = c
	}
	return out, err
}

// CreateCheck stores a check of a connection of the same organization, be it
// deleted meanwhile.
func (t *Tx) CreateCheck(ctx context.Context, c *belay.Check) error {
	_, err := one(ctx, t.Reader, scanID, "select id from connections where organization_id = $1 and id = $2", c.OrganizationID, c.ConnectionID)
	if err != nil {
		return notFound(err, "connection")
	}
	stages := make([]stageResult, len(c.Stages))
	for i, s := range c.Stages {
		stages[i] = stageResult{Stage: s.Stage, Outcome: s.Outcome, Duration: s.Duration.Nanoseconds(), Detail: s.Detail}
	}
	rejected := make([]rejection, len(c.Rejected))
	for i, r := range c.Rejected {
		rejected[i] = rejection(r)
	}
	return t.exec(ctx, `
		insert into checks (id, organization_id, connection_id, trigger_by, started_at, duration, health, cause,
			summary, stages, facts, credential_id, credential_version, rejected, identity, user_id)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
		c.ID, c.OrganizationID, c.ConnectionID, c.Trigger, micros(c.StartedAt), c.Duration.Nanoseconds(), c.Health, c.Cause,
		c.Summary, jsonText{stages}, object(c.Facts), c.CredentialID, c.CredentialVersion, jsonText{rejected}, c.Identity, c.UserID)
}
