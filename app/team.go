package app

import (
	"context"

	"belay"
	"belay/store"
)

// Team is a team with what the caller may do with it.
type Team struct {
	*belay.Team
	Actions []belay.Permission
}

// TeamChange is what a client wants a team to be; nil leaves a field as it
// is.
type TeamChange struct {
	Name        *string
	Description *string
	Metadata    []byte
	OwnerID     *belay.ID // administrators only; a member of the organization
}

func (ch TeamChange) apply(t *belay.Team) error {
	var p problems
	set(&t.Description, ch.Description)
	set(&t.OwnerID, ch.OwnerID)
	if ch.Metadata != nil {
		t.Metadata = ch.Metadata
	}
	p.rename(&t.Name, ch.Name, maxTeamName)
	p.text("/description", t.Description, maxTeamDescription)
	t.Metadata = p.metadata(t.Metadata)
	return p.err()
}

func (c caller) team(t *belay.Team) *Team {
	v := &Team{Team: t, Actions: []belay.Permission{}}
	for _, p := range []belay.Permission{belay.PermissionTeamRead, belay.PermissionTeamWrite} {
		if c.mayTeam(t, p) && c.InScope(p) {
			v.Actions = append(v.Actions, p)
		}
	}
	return v
}

// mayTeam is the whole policy of teams: whoever belongs to the organization
// sees them all, since one cannot share with what one does not see; their
// owners and the administrators change them.
func (c caller) mayTeam(t *belay.Team, p belay.Permission) bool {
	return p == belay.PermissionTeamRead || c.admin || t.OwnerID == c.UserID
}

// findTeam loads a team on which the caller has a permission.
func (a *App) findTeam(ctx context.Context, org, id belay.ID, want belay.Permission) (caller, *Team, error) {
	return a.findTeamIf(ctx, org, id, want, func(c caller, t *belay.Team) bool { return c.mayTeam(t, want) })
}

// findTeamIf loads a team with which the caller may do something, for which
// a token needs the scope want.
func (a *App) findTeamIf(ctx context.Context, org, id belay.ID, want belay.Permission, may func(caller, *belay.Team) bool) (caller, *Team, error) {
	return object(ctx, org, want, func(c caller) (*Team, error) {
		t, err := a.store.Team(ctx, c.org, id)
		if err != nil {
			return nil, err
		}
		if !may(c, t) {
			return nil, forbidden(want)
		}
		return c.team(t), nil
	})
}

// Teams lists the teams of an organization, all of which its members see.
func (a *App) Teams(ctx context.Context, org belay.ID, f belay.TeamFilter, q belay.Query) (belay.Page[*Team], error) {
	c, err := a.authorize(ctx, org, belay.PermissionTeamRead)
	if err != nil {
		return belay.Page[*Team]{}, err
	}
	viewer, err := a.viewerOf(ctx, c, named{workspaces: []belay.ID{f.WorkspaceID, f.NotInWorkspaceID}})
	if err != nil {
		return belay.Page[*Team]{}, err
	}
	page, err := a.store.Teams(ctx, viewer, f, q)
	return mapPage(page, c.team), err
}

// Team returns one team.
func (a *App) Team(ctx context.Context, org, id belay.ID) (*Team, error) {
	_, t, err := a.findTeam(ctx, org, id, belay.PermissionTeamRead)
	return t, err
}

// CreateTeam makes a team without anybody in it, owned by the caller, who
// must administer the organization.
func (a *App) CreateTeam(ctx context.Context, org belay.ID, ch TeamChange) (*Team, error) {
	c, err := a.administers(ctx, org, belay.PermissionTeamWrite)
	if err != nil {
		return nil, err
	}
	now := a.now()
	t := &belay.Team{ID: a.newID(), OrganizationID: c.org, OwnerID: c.UserID, Version: 1, CreatedAt: now, UpdatedAt: now}
	if err := ch.apply(t); err != nil {
		return nil, err
	}
	id, err := a.createOnce(ctx, c, t.ID, func(ctx context.Context, tx *store.Tx) error {
		if err := ownable(ctx, tx, c, "/owner", ch.OwnerID); err != nil {
			return err
		}
		return tx.CreateTeam(ctx, t)
	})
	if err != nil || id != t.ID {
		return replayed(err, func() (*Team, error) {
			t, err := a.store.Team(ctx, c.org, id)
			return c.team(t), err
		})
	}
	return c.team(t), nil
}

// ownable refuses to make somebody the owner of something who is no member
// of its organization, and anybody as long as the caller does not administer
// it: nobody gives away, or is given, unasked.
func ownable(ctx context.Context, tx *store.Tx, c caller, pointer string, owner *belay.ID) error {
	if owner == nil {
		return nil
	}
	if !c.admin {
		return about(pointer, forbidden(belay.PermissionMemberWrite))
	}
	_, err := tx.Member(ctx, c.org, *owner)
	return about(pointer, err)
}

// UpdateTeam changes a team. With a version other than 0 it does so only if
// that is still the team's.
func (a *App) UpdateTeam(ctx context.Context, org, id belay.ID, version int64, ch TeamChange) (*Team, error) {
	c, view, err := a.findTeam(ctx, org, id, belay.PermissionTeamWrite)
	if err != nil {
		return nil, err
	}
	err = a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := ownable(ctx, tx, c, "/owner", ch.OwnerID); err != nil {
			return err
		}
		view.Team, err = tx.UpdateTeam(ctx, c.org, id, a.now(), func(t *belay.Team) error {
			if err := unchanged(version, t.Version); err != nil {
				return err
			}
			return ch.apply(t)
		})
		return err
	})
	return view, err
}

// DeleteTeam deletes a team: what its members could do only through it, they
// cannot any more.
func (a *App) DeleteTeam(ctx context.Context, org, id belay.ID, version int64) (*Team, error) {
	c, view, err := a.findTeam(ctx, org, id, belay.PermissionTeamWrite)
	if err != nil {
		return nil, err
	}
	return view, a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		t, err := tx.Team(ctx, c.org, id)
		if err != nil {
			return err
		}
		if err := unchanged(version, t.Version); err != nil {
			return err
		}
		view.DeletedAt = a.now()
		return tx.DeleteTeam(ctx, c.org, id, view.DeletedAt)
	})
}

// RestoreTeam takes back the deletion of a team, with its members and its
// roles in workspaces. Restoring what is there changes nothing.
func (a *App) RestoreTeam(ctx context.Context, org, id belay.ID) (*Team, error) {
	if _, v, err := a.findTeam(ctx, org, id, belay.PermissionTeamWrite); !isNotFound(err) {
		return v, err
	}
	c, t, err := object(ctx, org, belay.PermissionTeamWrite, func(c caller) (*belay.Team, error) {
		t, err := a.store.DeletedTeam(ctx, c.org, id)
		if err == nil && !c.mayTeam(t, belay.PermissionTeamWrite) {
			return nil, belay.NotFound("team")
		}
		return t, err
	})
	if err != nil {
		return nil, err
	}
	err = a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		t, err = tx.RestoreTeam(ctx, c.org, id, a.now())
		return err
	})
	if err != nil {
		return nil, err
	}
	return c.team(t), nil
}
