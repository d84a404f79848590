package app

import (
	"context"
	"maps"
	"slices"

	"belay"
)

// Kinds lists the kinds, by name.
func (a *App) Kinds(ctx context.Context) ([]*belay.Kind, error) {
	if _, err := authenticated(ctx, belay.PermissionKindRead); err != nil {
		return nil, err
	}
	var out []*belay.Kind
	for _, name := range slices.Sorted(maps.Keys(a.kinds)) {
		out = append(out, a.kinds[name].Definition())
	}
	return out, nil
}

// Kind returns one kind by its name.
func (a *App) Kind(ctx context.Context, name string) (*belay.Kind, error) {
	if _, err := authenticated(ctx, belay.PermissionKindRead); err != nil {
		return nil, err
	}
	k, ok := a.kinds[name]
	if !ok {
		return nil, belay.NotFound("kind")
	}
	return k.Definition(), nil
}
