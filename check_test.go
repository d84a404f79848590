package belay_test

import (
	"testing"

	"belay"
)

// A result speaks of the secrets that it was found with, and of no others.
func TestMadeWith(t *testing.T) {
	uses := func(ids ...belay.ID) (out []belay.CredentialUse) {
		for i, id := range ids {
			purpose := belay.PurposeFallback
			if i == 0 {
				purpose = belay.PurposePrimary
			}
			out = append(out, belay.CredentialUse{CredentialID: id, Purpose: purpose})
		}
		return out
	}
	none := belay.Check{Health: belay.HealthHealthy}
	works := belay.Check{Health: belay.HealthHealthy, CredentialID: "a", CredentialVersion: 1}
	rejected := belay.Check{Health: belay.HealthUnhealthy, Cause: belay.CauseCredentialRejected, CredentialID: "a", CredentialVersion: 1}
	down := belay.Check{Health: belay.HealthUnhealthy, Cause: belay.CauseConnectionRefused, CredentialID: "a", CredentialVersion: 1}
	fallback := belay.Check{
		Health: belay.HealthDegraded, Cause: belay.CauseCredentialRejected, CredentialID: "b", CredentialVersion: 1,
		Rejected: []belay.Rejection{{CredentialID: "a", CredentialVersion: 1, Cause: belay.CauseCredentialRejected}},
	}
	now := map[belay.ID]int{"a": 1, "b": 1, "c": 1}
	for name, c := range map[string]struct {
		check   belay.Check
		uses    []belay.CredentialUse
		current map[belay.ID]int
		want    bool
	}{
		"as it was":                           {works, uses("a"), now, true},
		"replaced":                            {works, uses("a"), map[belay.ID]int{"a": 2}, false},
		"deleted":                             {works, uses("a"), nil, false},
		"another":                             {works, uses("b"), now, false},
		"taken off":                           {works, nil, now, false},
		"a fallback that is not needed":       {works, uses("a", "b"), now, true},
		"one before it":                       {works, uses("b", "a"), now, false},
		"one before it that is deleted":       {works, uses("gone", "a"), now, true},
		"one for something else":              {works, append(uses("a"), belay.CredentialUse{CredentialID: "b", Purpose: "push"}), now, true},
		"none, as it was":                     {none, nil, now, true},
		"a first one":                         {none, uses("a"), now, false},
		"rejected, as it was":                 {rejected, uses("a"), now, true},
		"rejected, a fallback is there now":   {rejected, uses("a", "b"), now, false},
		"down, a fallback would not be tried": {down, uses("a", "b"), now, true},
		"with the fallback, as it was":        {fallback, uses("a", "b", "c"), now, true},
		"the rejected one is replaced":        {fallback, uses("a", "b"), map[belay.ID]int{"a": 2, "b": 1}, false},
		"the fallback is replaced":            {fallback, uses("a", "b"), map[belay.ID]int{"a": 1, "b": 2}, false},
		"the rejected one is taken off":       {fallback, uses("b"), now, false},
	} {
		if got := c.check.MadeWith(c.uses, c.current); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
