// Package oidc signs users in through one OpenID provider: it is a relying
// party of OpenID Connect Core 1.0.
//
//	Begin ─ browser ─ provider's pages ─ browser ─ Finish ─ Identity ─ Refresh …
//	StartDevice ─ user elsewhere ─ PollDevice ─ Identity
//	                              provider ─ VerifyLogout
//
// It keeps no users and no sessions. What must be remembered between Begin
// and Finish, and the refresh token, are handed to the caller as secrets.
//
// Whatever it returns as an error is a *belay.Error or wraps the context's
// error, and holds no secret, no code and no token, in its causes neither;
// what the provider said is quoted in it, and short.
package oidc
