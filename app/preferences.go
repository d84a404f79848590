package app

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"belay"
	"belay/store"
)

// maxExtensions is how large all that clients keep may be, in bytes of JSON.
const maxExtensions = 16 << 10

var themes = []string{belay.ThemeSystem, belay.ThemeLight, belay.ThemeDark}

// Preferences returns how the caller wants things shown.
func (a *App) Preferences(ctx context.Context) (belay.Preferences, error) {
	principal, err := authenticated(ctx, belay.PermissionUserRead)
	if err != nil {
		return belay.Preferences{}, err
	}
	p, err := a.store.Preferences(ctx, principal.UserID)
	p.Theme = cmp.Or(p.Theme, belay.ThemeSystem)
	return p, err
}

// SetPreferences replaces the caller's preferences. With a version other than
// 0 it does so only if that is still theirs.
func (a *App) SetPreferences(ctx context.Context, version int64, p belay.Preferences) (belay.Preferences, error) {
	principal, err := authenticated(ctx, belay.PermissionUserWrite)
	if err != nil {
		return p, err
	}
	p.Theme = cmp.Or(p.Theme, belay.ThemeSystem)
	if p.Extensions == nil {
		p.Extensions = map[string]any{}
	}
	if err := checkPreferences(p); err != nil {
		return p, err
	}
	err = a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		before, err := tx.Preferences(ctx, principal.UserID)
		if err != nil {
			return err
		}
		if err := unchanged(version, before.Version); err != nil {
			return err
		}
		p.Version, p.UpdatedAt = before.Version+1, a.now()
		return tx.SetPreferences(ctx, principal.UserID, p)
	})
	return p, err
}

func checkPreferences(p belay.Preferences) error {
	var found problems
	if !slices.Contains(themes, p.Theme) {
		found.add("/theme", "must be one of %s", strings.Join(themes, ", "))
	}
	if _, err := time.LoadLocation(p.TimeZone); err != nil || p.TimeZone == "Local" {
		found.add("/timeZone", `must be a time zone of the IANA database, such as Europe/Berlin, or "" for that of where you are`)
	}
	if text, err := json.Marshal(p.Extensions); err != nil || len(text) > maxExtensions {
		found.add("/extensions", "must be at most %d bytes of JSON", maxExtensions)
	}
	return found.err()
}
