package store

import (
	"context"
	"fmt"
	"strconv"

	"belay"
)

// seen says how the objects of one sort are found that a user sees: those he
// owns, and those that his workspaces reach.
type seen struct {
	table, alias string
	ids          func(reach) string // selects the ids of what is reached, some perhaps twice
	reached      func(reach) string // holds for a row that is reached
	probed       func(reach) string // the same, put for who reaches very much; nil: as reached
}

// way is how a list finds what somebody sees among what there is.
type way int

const (
	// walk looks at each row of the organization in the list's order until the
	// page is full: right for who sees much of it.
	walk way = iota
	// drive looks up each row that is seen, and sorts them: right for who sees
	// little, however much there is.
	drive
	// probe looks at each row as walk does, and from it back to what reaches it:
	// right for who reaches more than can be gone through before the first row.
	probe
)

// driveLimit is up to how many objects a page is made by drive. Beyond it,
// walk finds a page of 25 among a million rows by looking at some ten
// thousand of them.
const driveLimit = 2000

// ways chooses how a page and its total are read for somebody who does not
// see all.
func (s *seen) ways(ctx context.Context, r Reader, v belay.Viewer) (page, total way, err error) {
	var cond condition
	ids := s.idsFor(&cond, v)
	var n int
	err = r.db.QueryRowContext(ctx, "select count(*) from (select 1 from ("+ids+") as seen limit "+
		strconv.Itoa(belay.CountLimit+1)+") as counted", cond.args...).Scan(&n)
	if err != nil {
		return walk, walk, fmt.Errorf("count the %s that are seen: %w", s.table, translate(err))
	}
	if n <= driveLimit {
		page = drive
	}
	if n <= belay.CountLimit {
		total = drive
	} else if !r.postgres && !v.Bound() {
		page = probe
	}
	return page, total, nil
}

// idsFor selects the ids of what somebody sees who does not see all, some
// perhaps twice.
func (s *seen) idsFor(cond *condition, v belay.Viewer) string {
	ids := s.ids(reachOf(cond, v))
	if v.All {
		return ids
	}
	ids += " union all " + cond.bind("select o.id from "+s.table+" o where o.organization_id = ?", v.OrganizationID) + cond.bind(" and o.owner_id = ?", v.UserID)
	if v.Bound() {
		ids += " and o.id in (" + s.ids(boundReach(cond, v)) + ")"
	}
	return ids
}

// by adds the condition that a row is of the viewer's organization and that
// he sees it. Through a binding nothing is seen that is deleted.
func (s *seen) by(cond *condition, r Reader, v belay.Viewer, w way) {
	if v.Bound() {
		cond.add(s.alias + ".deleted_at = 0")
	}
	switch {
	case v.Whole():
		cond.add(s.alias+".organization_id = ?", v.OrganizationID)
	case w == drive:
		ids := s.idsFor(cond, v)
		cond.parts = append(cond.parts, s.alias+".id"+r.among(ids),
			// As an expression, so that no index on the organization looks better
			// than the ids.
			cond.bind("coalesce("+s.alias+".organization_id, '') = ?", v.OrganizationID))
	default:
		cond.add(s.alias+".organization_id = ?", v.OrganizationID)
		cond.parts = append(cond.parts, s.seenRow(cond, v, w))
	}
}

// among holds for an id that is one of those that a statement selects.
func (r Reader) among(ids string) string {
	if r.postgres {
		// Its planner joins what is in a subquery with the whole table when it
		// thinks that there is much in it; what is in an array it looks up.
		return " = any (array(" + ids + "))"
	}
	return " in (" + ids + ")"
}

// seenRow holds for a row that is seen by somebody who does not see all.
func (s *seen) seenRow(cond *condition, v belay.Viewer, w way) string {
	reach := reachOf(cond, v)
	reached := s.reached(reach)
	if w == probe && s.probed != nil {
		reached = s.probed(reach)
	}
	if v.All {
		return reached
	}
	owned := cond.bind(s.alias+".owner_id = ?", v.UserID)
	if v.Bound() {
		owned += " and " + s.reached(boundReach(cond, v))
	}
	return "(" + owned + " or " + reached + ")"
}

// seenBy reads a page of what the viewer sees, and its total. conditions adds
// what else is asked for; selective tells that it leaves little.
func seenBy[T any](ctx context.Context, r Reader, l *list[T], s *seen, v belay.Viewer, q belay.Query,
	selective bool, conditions func(*condition),
) (belay.Page[T], error) {
	page, total := walk, walk
	if !v.Whole() && !selective {
		var err error
		if page, total, err = s.ways(ctx, r, v); err != nil {
			return belay.Page[T]{}, err
		}
	}
	where := func(w way) *condition {
		var cond condition
		s.by(&cond, r, v, w)
		conditions(&cond)
		return &cond
	}
	return l.counted(ctx, r, where(page), where(total), q)
}
