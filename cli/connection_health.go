package cli

import "time"

// stale tells whether what the last test of a connection found is too old to
// be relied on, or was found with other secrets than are in force.
func stale(it item, now time.Time) bool {
	if outdated(it) {
		return true
	}
	after, ok := it.time("health.staleAfter")
	return ok && now.After(after)
}

// outdated tells whether the last test of a connection was made with other
// credentials than a test would use now, or with other secrets in them.
func outdated(it item) bool { return it.text("health.outdated") == "true" }

// healthNow is the health of a connection: without its mark and colour when
// it is stale, which says so, and on a terminal how old it is.
func healthNow() column {
	fresh := health("HEALTH", "health.status")
	return column{title: fresh.title, track: fresh.track, cell: func(it item, v view) cell {
		c := fresh.cell(it, v)
		if !stale(it, v.now) {
			return c
		}
		c.tone, c.mark = faint, healthMark("unknown", v.unicode)
		if at, ok := it.time("health.checkedAt"); ok && v.relative {
			c.text += " " + age(v.now.Sub(at)) + " ago"
		}
		c.text += ", stale"
		return c
	}}
}
