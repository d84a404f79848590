// Package remote lets users sign in at another server of this kind, the hub,
// which keeps their identities and their data, and passes requests on to it.
//
//	Begin ─ browser ─ hub's pages ─ browser ─ Finish ─ Identity ─ Refresh …
//	request ─ Forward ─ hub ─ answer
//
// It keeps no users and no sessions. What must be remembered between Begin and
// Finish, and what authenticates a user there, are handed to the caller as
// secrets.
//
// Whatever it returns as an error is a *belay.Error or wraps the context's
// error, and holds no secret, no code and no token, in its causes neither.
package remote
