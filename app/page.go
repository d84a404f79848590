package app

import (
	"strconv"

	"belay"
)

// mapPage is a page of what f makes of each item.
func mapPage[T, U any](p belay.Page[T], f func(T) U) belay.Page[U] {
	items := make([]U, len(p.Items))
	for i, v := range p.Items {
		items[i] = f(v)
	}
	return belay.Page[U]{
		Items: items, Number: p.Number, Size: p.Size,
		Total: p.Total, TotalIsMinimum: p.TotalIsMinimum, NextCursor: p.NextCursor,
	}
}

func idsOf[T any](items []T, id func(T) belay.ID) []belay.ID {
	out := make([]belay.ID, len(items))
	for i, v := range items {
		out[i] = id(v)
	}
	return out
}

// added lists what is in to and not in from, each once, in its order.
func added(from, to []belay.ID) []belay.ID {
	seen := make(map[belay.ID]bool, len(from)+len(to))
	for _, id := range from {
		seen[id] = true
	}
	var out []belay.ID
	for _, id := range to {
		if !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	return out
}

func (a *App) assignment(left, right belay.ID) belay.Assignment {
	return belay.Assignment{ID: a.newID(), LeftID: left, RightID: right, CreatedAt: a.now()}
}

// unchanged refuses a change of something that is no longer as the client
// saw it. A want of 0 takes anything.
func unchanged(want, have int64) error {
	if want == 0 || want == have {
		return nil
	}
	return outdated()
}

// outdated says that a change was made of what is no longer there so: the
// caller decides anew. That two writes have met is store's to say.
func outdated() error {
	return &belay.Error{
		Code:    belay.CodePreconditionFailed,
		Message: "it was changed meanwhile",
		Remedy: []belay.Remedy{{
			ID: "object.reread", Title: "Read it again",
			Description: "Read it again, look at what has changed, and repeat your change with its new ETag.",
		}},
	}
}

// replayed answers a repeated request with what the first one created.
func replayed[T any](err error, read func() (T, error)) (T, error) {
	if err != nil {
		var none T
		return none, err
	}
	return read()
}

func itoa(n int) string { return strconv.Itoa(n) }

// optimistic runs a change of something that was read before the
// transaction that writes it. When it was changed between the two, the
// change is tried again, unless the client has named the version it wants
// to change.
func optimistic(version int64, try func() error) error {
	const attempts = 3
	var err error
	for range attempts {
		if err = try(); version != 0 || belay.CodeOf(err) != belay.CodePreconditionFailed {
			return err
		}
	}
	return err
}
