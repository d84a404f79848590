package belay

import "time"

// Preferences are how a user wants things shown to him, wherever he signs in.
// The zero value is that of a user who has chosen nothing.
type Preferences struct {
	Theme      string         // ThemeSystem, ThemeLight or ThemeDark; "" is ThemeSystem
	TimeZone   string         // of the IANA database; "" is that of where he looks
	Extensions map[string]any // what clients keep for themselves, by a name of each
	Version    int64          // 0 where nothing was chosen
	UpdatedAt  time.Time
}

// Themes.
const (
	ThemeSystem = "system" // as the machine has it
	ThemeLight  = "light"
	ThemeDark   = "dark"
)
