package app

import (
	"context"
	"maps"
	"slices"

	"belay"
)

// BeginRegistration returns the id under which the client may then create a
// connection of a kind, and the kind, from which it makes its form. Nothing
// is stored until then.
func (a *App) BeginRegistration(ctx context.Context, kind string) (belay.ID, *belay.Kind, error) {
	principal, err := authenticated(ctx, belay.PermissionConnectionWrite)
	if err != nil {
		return "", nil, err
	}
	if err := (caller{Principal: principal}).mayCreate(); err != nil {
		return "", nil, err
	}
	k, ok := a.kinds[kind]
	if !ok {
		return "", nil, belay.Invalid("/kind", "%q is not a kind; the kinds are %s", cutText(kind), joined(slices.Sorted(maps.Keys(a.kinds))))
	}
	return a.newID(), k.Definition(), nil
}

// CancelRegistration ends what BeginRegistration began.
func (a *App) CancelRegistration(ctx context.Context) error {
	_, err := authenticated(ctx, belay.PermissionConnectionWrite)
	return err
}
