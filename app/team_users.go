package app

import (
	"context"

	"belay"
	"belay/store"
)

// TeamUser is a member of the organization and, if he is in the team, since
// when.
type TeamUser struct {
	*belay.Member
	In belay.Assignment // zero for who is not in it
}

// TeamUsers lists who is in a team, or with assigned false who could be.
func (a *App) TeamUsers(ctx context.Context, org, id belay.ID, assigned bool, q belay.Query) (belay.Page[TeamUser], error) {
	c, _, err := a.findTeam(ctx, org, id, belay.PermissionTeamRead)
	if err != nil {
		return belay.Page[TeamUser]{}, err
	}
	f := belay.MemberFilter{TeamID: id}
	if !assigned {
		f = belay.MemberFilter{NotInTeamID: id}
	}
	page, err := a.store.Members(ctx, c.org, f, q)
	if err != nil {
		return belay.Page[TeamUser]{}, err
	}
	in, err := a.store.TeamUsers(ctx, c.org, id, idsOf(page.Items, memberID)...)
	return mapPage(page, func(m *belay.Member) TeamUser { return TeamUser{m, in[m.ID]} }), err
}

func memberID(m *belay.Member) belay.ID { return m.ID }

// AddTeamUser puts a member of the organization into a team: what the team
// may, he may from then on. Doing it twice changes nothing.
func (a *App) AddTeamUser(ctx context.Context, org, team, user belay.ID) (belay.Assignment, error) {
	c, _, err := a.findTeam(ctx, org, team, belay.PermissionTeamWrite)
	if err != nil {
		return belay.Assignment{}, err
	}
	var in map[belay.ID]belay.Assignment
	err = a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if _, err := tx.AddTeamUser(ctx, c.org, a.assignment(team, user), ""); err != nil {
			return err
		}
		in, err = tx.TeamUsers(ctx, c.org, team, user)
		return err
	})
	return in[user], err
}

// RemoveTeamUser takes a user out of a team. Everybody may leave; else it
// takes who may change the team. Doing it twice changes nothing.
func (a *App) RemoveTeamUser(ctx context.Context, org, team, user belay.ID) error {
	c, _, err := a.findTeamIf(ctx, org, team, belay.PermissionTeamWrite, func(c caller, t *belay.Team) bool {
		return user == c.UserID || c.mayTeam(t, belay.PermissionTeamWrite)
	})
	if err != nil {
		return err
	}
	return a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.RemoveTeamUser(ctx, c.org, team, user)
		return err
	})
}
