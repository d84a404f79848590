package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"belay"
	"belay/store"
)

// entry is somebody who enters by a provider's word, or is asked after again.
type entry struct {
	*Gate
	*Identity
	key string // of the provider
	now time.Time
}

var errSubjectTaken = errors.New("the user was made meanwhile")

// user finds the user of the identity, or makes him. Provider and subject
// name him; an address never does, since providers give one to somebody else.
func (e entry) user(ctx context.Context, tx *store.Tx, invitation belay.Secret) (*belay.User, error) {
	if !invitation.IsZero() && e.Keeps(e.key) {
		return nil, cannotBeInvited(e.key)
	}
	u, err := tx.UserBySubject(ctx, e.key, e.Subject)
	if err != nil && !isNotFound(err) {
		return nil, err
	}
	known := err == nil
	if known && u.Issuer != e.Issuer {
		return nil, e.otherIssuer(u)
	}
	if !known {
		u = &belay.User{ID: e.newID(), Provider: e.key, Subject: e.Subject, Issuer: e.Issuer, Version: 1, CreatedAt: e.now, UpdatedAt: e.now}
		e.describe(u)
	}
	switch {
	case !invitation.IsZero():
		err = e.accept(ctx, tx, u, known, invitation)
	case !known:
		if err = tx.CreateUser(ctx, u); belay.CodeOf(err) == belay.CodeConflict {
			err = errSubjectTaken
		}
	default:
		err = nil
	}
	return u, err
}

// otherIssuer refuses somebody with the subject of another provider's user.
func (e entry) otherIssuer(u *belay.User) error {
	return &belay.Error{
		Code:    belay.CodeForbidden,
		Message: fmt.Sprintf("the provider %s is not the one any more by whose word this user is known", e.key),
		Remedy: []belay.Remedy{{
			ID: "provider.issuer", Title: "Ask the operator",
			Description: "The operator of this server gives the provider with another issuer another key in the configuration: its users are others.",
		}},
		Err: fmt.Errorf("user %s is known by %s, and this is by %s", u.ID, u.Issuer, e.Issuer),
	}
}

// accept spends an invitation: the invited user becomes the provider's, or
// one whom the provider has here already gets the places that were meant for
// him.
func (e entry) accept(ctx context.Context, tx *store.Tx, u *belay.User, known bool, code belay.Secret) error {
	invited, err := tx.UseInvitation(ctx, belay.HashToken(code), e.now)
	if isNotFound(err) {
		return spentInvitation()
	}
	if err != nil {
		return err
	}
	has, err := tx.Password(ctx, invited)
	if err != nil {
		return err
	}
	if has != nil {
		return belay.Errorf(belay.CodeConflict, "this invitation mends a lost password, and cannot be accepted with another account; set a password")
	}
	if known {
		return e.inherit(ctx, tx, u, invited)
	}
	u.ID = invited
	if err := tx.Adopt(ctx, u, e.now); err != nil {
		return err
	}
	if err := tx.CancelLinks(ctx, u.ID); err != nil {
		return err
	}
	if _, err := tx.DeleteOtherSessions(ctx, u.ID, ""); err != nil {
		return err
	}
	if err := tx.RevokeTokensOf(ctx, u.ID, e.now); err != nil {
		return err
	}
	return tx.FollowUser(ctx, u, e.now)
}

// inherit gives a user the places of another in organizations that he does
// not belong to, and takes them all from that one.
func (e entry) inherit(ctx context.Context, tx *store.Tx, u *belay.User, from belay.ID) error {
	places, err := tx.AllMemberships(ctx, from)
	if err != nil {
		return err
	}
	has, err := tx.AllMemberships(ctx, u.ID)
	if err != nil {
		return err
	}
	for _, p := range places {
		there := slices.ContainsFunc(has, func(m belay.Membership) bool { return m.OrganizationID == p.OrganizationID })
		if !there {
			m := belay.Membership{OrganizationID: p.OrganizationID, UserID: u.ID, Role: p.Role}
			if err := tx.SetMembership(ctx, m, e.now); err != nil {
				return err
			}
		}
		if err := tx.RemoveMember(ctx, p.OrganizationID, from); err != nil {
			return err
		}
	}
	return nil
}

// describe takes over what the provider says of a user, and tells whether
// that is news.
func (e entry) describe(u *belay.User) (news bool) {
	for _, f := range []struct {
		field *string
		now   string
	}{{&u.Email, e.Email}, {&u.FirstName, e.FirstName}, {&u.LastName, e.LastName}, {&u.AvatarURL, e.Picture}} {
		news = news || *f.field != f.now
		*f.field = f.now
	}
	return news
}

// admit gives a user who signs in what the provider's Admission says. Who is
// a member of no organization then may not enter, unless the provider keeps
// his data too.
func (e entry) admit(ctx context.Context, tx *store.Tx, u *belay.User) error {
	if e.Keeps(e.key) {
		return e.follow(ctx, tx, u)
	}
	if err := e.join(ctx, tx, u.ID); err != nil {
		return err
	}
	memberships, err := tx.AllMemberships(ctx, u.ID)
	if err != nil {
		return err
	}
	if len(memberships) == 0 {
		return notAdmitted()
	}
	return e.follow(ctx, tx, u)
}

func notAdmitted() error {
	return &belay.Error{
		Code: belay.CodeForbidden, Message: "you are signed in there, but belong to no organization of this server",
		Remedy: []belay.Remedy{{
			ID: "provider.admission", Title: "Ask for an invitation",
			Description: "An administrator of an organization can invite you, or the operator can let your groups in. Then sign in again.",
		}},
	}
}

// join makes a member of a user whom the Admission lets in.
func (e entry) join(ctx context.Context, tx *store.Tx, user belay.ID) error {
	ad := e.admissions[e.key]
	org, teams, err := e.Gate.given(ctx, tx.Reader, e.key, e.Groups)
	if err != nil || org == nil {
		return err
	}
	m, err := tx.Membership(ctx, org.ID, user)
	if err != nil || m.Role != "" {
		return err
	}
	m.Role = ad.Newcomers
	if m.Role == "" && len(teams) > 0 {
		m.Role = belay.OrganizationMember
	}
	if m.Role == "" {
		return nil
	}
	return tx.SetMembership(ctx, m, e.now)
}

// given is what groups give at a provider: the organization, nil for none,
// and its teams that there are.
func (g *Gate) given(ctx context.Context, r store.Reader, key string, groups []string) (*belay.Organization, []*belay.Team, error) {
	ad := g.admissions[key]
	org, err := ad.organization(ctx, r, key)
	if err != nil || org == nil {
		return nil, nil, err
	}
	teams, err := r.TeamsNamed(ctx, org.ID, ad.mapped(groups).Teams...)
	return org, teams, err
}

// WarnOfAdmissions logs which providers let nobody in, since the organization
// in their configuration is none.
func (g *Gate) WarnOfAdmissions(ctx context.Context) error {
	for _, key := range slices.Sorted(maps.Keys(g.admissions)) {
		_, err := g.admissions[key].organization(ctx, g.store.Reader, key)
		if e, ok := errors.AsType[*belay.Error](err); ok && e.Code == belay.CodeUnavailable {
			g.log.WarnContext(ctx, "a provider lets nobody in", "why", e.Message, "key", "providers."+key+".organization", "fix", "name an organization of this server, or make it, and start the server again")
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// organization finds the one that an Admission names; nil for none.
func (ad Admission) organization(ctx context.Context, r store.Reader, key string) (*belay.Organization, error) {
	if ad.Organization == "" {
		return nil, nil
	}
	found, err := r.OrganizationsNamed(ctx, ad.Organization)
	if err != nil {
		return nil, err
	}
	if len(found) == 1 {
		return found[0], nil
	}
	wrong := "is none"
	if len(found) > 1 {
		wrong = "is the name of several: it has to be its id"
	}
	return nil, &belay.Error{
		Code:    belay.CodeUnavailable,
		Message: fmt.Sprintf("nobody can sign in through the provider %s: the organization in its configuration, %q, %s", key, ad.Organization, wrong),
		Remedy: []belay.Remedy{{
			ID: "provider.organization", Title: "Change the configuration", Command: "belay organization list",
			Description: "The operator of this server corrects the key organization of the provider, and starts the server again.",
		}},
	}
}

// follow makes a user what the provider says that he is now: his name, and
// his places in those teams that its groups own. A place that a person gave
// him stays.
func (e entry) follow(ctx context.Context, tx *store.Tx, u *belay.User) error {
	if e.describe(u) {
		if err := tx.FollowUser(ctx, u, e.now); err != nil {
			return err
		}
	}
	org, teams, err := e.Gate.given(ctx, tx.Reader, e.key, e.Groups)
	if err != nil {
		return err
	}
	memberships, err := tx.AllMemberships(ctx, u.ID)
	if err != nil {
		return err
	}
	slices.SortFunc(memberships, func(a, b belay.Membership) int { return cmp.Compare(a.OrganizationID, b.OrganizationID) })
	for _, m := range memberships {
		wanted := map[belay.ID]bool{}
		if org != nil && m.OrganizationID == org.ID {
			for _, t := range teams {
				wanted[t.ID] = true
			}
		}
		if err := e.places(ctx, tx, m, wanted); err != nil {
			return err
		}
	}
	return nil
}

// places puts a member of an organization into the teams that are wanted,
// and takes him out of those others into which this provider has put him.
func (e entry) places(ctx context.Context, tx *store.Tx, m belay.Membership, wanted map[belay.ID]bool) error {
	has, err := tx.TeamsOf(ctx, m.OrganizationID, m.UserID)
	if err != nil {
		return err
	}
	for team := range wanted {
		if _, in := has[team]; in {
			continue
		}
		a := belay.Assignment{ID: e.newID(), LeftID: team, RightID: m.UserID, CreatedAt: e.now}
		if _, err := tx.AddTeamUser(ctx, m.OrganizationID, a, e.key); err != nil {
			return err
		}
	}
	for team, source := range has {
		if source != e.key || wanted[team] {
			continue
		}
		if _, err := tx.RemoveTeamUser(ctx, m.OrganizationID, team, m.UserID); err != nil {
			return err
		}
	}
	return nil
}
