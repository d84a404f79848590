package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"belay"
)

// Preferences returns what a user has chosen, zero for nothing.
func (r Reader) Preferences(ctx context.Context, user belay.ID) (belay.Preferences, error) {
	p, err := one(ctx, r, func(r row) (belay.Preferences, error) {
		var p belay.Preferences
		var extensions []byte
		if err := r.Scan(&p.Theme, &p.TimeZone, &extensions, &p.Version, stamp{&p.UpdatedAt}); err != nil {
			return p, err
		}
		if err := json.Unmarshal(extensions, &p.Extensions); err != nil {
			return p, fmt.Errorf("read preferences: %w", err)
		}
		return p, nil
	}, "select theme, time_zone, extensions, version, updated_at from preferences where user_id = $1", user)
	if errors.Is(err, errNoRow) {
		return belay.Preferences{}, nil
	}
	return p, err
}

// SetPreferences stores what a user has chosen in place of what he had chosen
// before.
func (t *Tx) SetPreferences(ctx context.Context, user belay.ID, p belay.Preferences) error {
	extensions, err := json.Marshal(p.Extensions)
	if err != nil {
		return fmt.Errorf("store preferences: %w", err)
	}
	return t.exec(ctx, `
		insert into preferences (user_id, theme, time_zone, extensions, version, updated_at) values ($1, $2, $3, $4, $5, $6)
		on conflict (user_id) do update set theme = excluded.theme, time_zone = excluded.time_zone, extensions = excluded.extensions,
			version = excluded.version, updated_at = excluded.updated_at`,
		user, p.Theme, p.TimeZone, string(extensions), p.Version, micros(p.UpdatedAt))
}
