package rest

import (
	"encoding/json"
	"time"

	"belay"
)

// The versions of Meshery's schemas that the objects follow.
const (
	schemaEnvironment = "environments.meshery.io/v1beta3"
	schemaConnection  = "connections.meshery.io/v1beta3"
)

// when is a time on the wire: null where there is none.
func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// pageOf is the envelope of a list; the items stand beside it under their
// plural.
type pageOf struct {
	Page           int    `json:"page"`
	PageSize       int    `json:"pageSize"`
	TotalCount     int    `json:"totalCount"`
	TotalIsMinimum bool   `json:"totalCountIsMinimum,omitempty"`
	NextCursor     string `json:"nextCursor,omitempty"`
}

func envelope[T any](p belay.Page[T]) pageOf {
	return pageOf{Page: p.Number, PageSize: p.Size, TotalCount: p.Total, TotalIsMinimum: p.TotalIsMinimum, NextCursor: p.NextCursor}
}

// list writes every item of a page.
func list[T, W any](p belay.Page[T], write func(T) W) []W {
	out := make([]W, len(p.Items))
	for i, v := range p.Items {
		out[i] = write(v)
	}
	return out
}

// rawObject is a stored JSON object.
func rawObject(b []byte) json.RawMessage {
	if len(b) == 0 {
		return json.RawMessage("{}")
	}
	return b
}

// mapping is an assignment on the wire, in Meshery's pages of one.
type mapping struct {
	ID            belay.ID   `json:"id"`
	WorkspaceID   belay.ID   `json:"workspaceId"`
	EnvironmentID belay.ID   `json:"environmentId,omitempty"`
	CredentialID  belay.ID   `json:"credentialId,omitempty"`
	TeamID        belay.ID   `json:"teamId,omitempty"`
	UserID        belay.ID   `json:"userId,omitempty"`
	Role          belay.Role `json:"role,omitempty"`
	CreatedAt     time.Time  `json:"createdAt"`
	UpdatedAt     time.Time  `json:"updatedAt"`
	DeletedAt     *time.Time `json:"deletedAt,omitempty"`
}

// one is the envelope of a page that holds a single item.
var one = pageOf{PageSize: 1, TotalCount: 1}

// assignedFilter is the filter of a list of what is, or is not, assigned.
type assignedFilter struct {
	Assigned *bool `json:"assigned"`
}

func (f assignedFilter) assigned() bool { return f.Assigned == nil || *f.Assigned }
