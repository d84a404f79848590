package rest

import "belay"

// errorPage is what the documentation says about one code.
type errorPage struct {
	Title   string
	Meaning string
	Steps   []string // what to do, the most likely first
}

// errorPages has a page for every code.
var errorPages = map[belay.Code]errorPage{
	belay.CodeInternal: {
		Title:   "Something went wrong in the server",
		Meaning: "The server met a fault of its own. What it knows about it is only in its log, never in the answer.",
		Steps: []string{
			"Give the answer's `requestId` to whoever runs the server: the log has the details under it.",
			"Repeat the request. A creation with an `Idempotency-Key` can be repeated without making a second object.",
		},
	},
	belay.CodeMalformed: {
		Title:   "The request cannot be read",
		Meaning: "The body is not JSON, is not UTF-8, ends early, goes on after its end, or nests too deep. The detail says at which byte. Nothing was done.",
		Steps: []string{
			"Send one JSON value in UTF-8, with a `Content-Length` that is right.",
			"Look at the byte that the detail names, for instance for a comma behind the last element.",
		},
	},
	belay.CodeBadQuery: {
		Title:   "The query cannot be answered",
		Meaning: "A parameter behind the question mark is unknown, is given twice, or has a value that it cannot have. Parameters are never ignored, since a list that ignores its filter shows the wrong things.",
		Steps: []string{
			"Look at `errors`: each names a parameter and says which names or values there are.",
			"A cursor belongs to the order in which it was given out; begin again without it after a change of `order`.",
		},
	},
	belay.CodeInvalid: {
		Title:   "The content is not acceptable",
		Meaning: "The body reads well, but a field is unknown, is of another type, is missing, or has a value that is not allowed. Nothing was stored.",
		Steps: []string{
			"Look at `errors`: each has the JSON Pointer of a field and what it must be. All that is wrong is listed at once.",
			"The schema of the body stands at the operation in the documentation.",
		},
	},
	belay.CodeUnauthenticated: {
		Title:   "You are not signed in",
		Meaning: "The request carries no token and no session, or one that is unknown, expired or revoked.",
		Steps: []string{
			"Send the header `Authorization: Bearer TOKEN`. On the server's machine the first token is in the file `admin.token` of its data directory.",
			"In a browser, sign in again at `/user/login`.",
			"If the token has expired, make a new one.",
		},
	},
	belay.CodeForbidden: {
		Title:   "You may not do this",
		Meaning: "The server knows you, and you can see the object, but you lack a permission. The detail names it. A token can lack it as a scope although its user has it.",
		Steps: []string{
			"Ask an administrator of the workspace or of the organization for a role that has the permission.",
			"If the detail speaks of a scope, use a token that has it.",
			"A change that is authenticated by a cookie must come from the server's own pages; programs send a token.",
		},
	},
	belay.CodeNotFound: {
		Title:   "There is no such thing, or it is not shared with you",
		Meaning: "What the path names does not exist, was deleted, or is something that you may not see. The answer is the same for all of these, so that nobody can find out what exists.",
		Steps: []string{
			"Check the id and the path.",
			"Ask somebody who works with the object to share it: to assign its environment to a workspace of yours.",
			"If you belong to several organizations, name the right one with `orgId`.",
		},
	},
	belay.CodeConflict: {
		Title:   "It contradicts what is stored",
		Meaning: "A name is taken, another connection already stands for this target, or another request is changing the same thing at this moment.",
		Steps: []string{
			"Choose another name, or use the object that has it.",
			"Read the object again and repeat the change.",
		},
	},
	belay.CodeInUse: {
		Title:   "Others depend on it",
		Meaning: "The credential cannot be deleted while connections use it. `errors` names those of them that you can see.",
		Steps: []string{
			"Give those connections another credential first.",
			"Or repeat the request with `detach=true`: it takes the credential off all of them, and they cannot authenticate until they get another.",
		},
	},
	belay.CodeIllegalTransition: {
		Title:   "The lifecycle does not allow this change of status",
		Meaning: "A connection cannot go from its status to the one that was asked for. The detail lists those that it can go to.",
		Steps: []string{
			"Read the connection's `/transitions`: it lists the next steps and what each of them means.",
			"`connected` is never set by hand alone: it is reached by a test that passes.",
		},
	},
	belay.CodePreconditionFailed: {
		Title:   "It was changed meanwhile",
		Meaning: "`If-Match` names a version that is no longer the newest: somebody else was faster. Nothing was changed, so that their change is not lost.",
		Steps: []string{
			"Read the object again, look at what has changed, and repeat your change with its new `ETag`.",
			"Send the `ETag` as it came, with its quotation marks.",
		},
	},
	belay.CodePreconditionRequired: {
		Title:   "If-Match is required",
		Meaning: "The request replaces a set as a whole. Without `If-Match` it would undo what somebody else has added meanwhile.",
		Steps: []string{
			"Read the set with GET on the same path and send its `ETag` as `If-Match`.",
			"To replace whatever is there, send `If-Match: *`.",
		},
	},
	belay.CodeOrganizationRequired: {
		Title:   "Name the organization",
		Meaning: "You belong to several organizations, and the request does not say which one it is about.",
		Steps: []string{
			"Add `orgId=ID` to the query; your organizations are listed at `/api/identity/orgs`.",
			"Or use a token that is bound to one organization.",
		},
	},
	belay.CodeTooLarge: {
		Title:   "The body is too large",
		Meaning: "The body is larger than the limit that the detail names. It was not read.",
		Steps: []string{
			"Send less at once.",
			"Of a kubeconfig, export only what is needed: `kubectl config view --raw --minify`.",
		},
	},
	belay.CodeUnsupportedMedia: {
		Title:   "Another media type is needed",
		Meaning: "The header `Content-Type` is absent or names a type that this operation does not take.",
		Steps: []string{
			"Send `Content-Type: application/json`.",
			"A kubeconfig is uploaded as `multipart/form-data`, in the field `k8sfile`.",
		},
	},
	belay.CodeMethodNotAllowed: {
		Title:   "This path has no such method",
		Meaning: "The path exists, the method does not. The header `Allow` lists the ones that do.",
		Steps: []string{
			"Look the operation up in the documentation.",
			"Changes are made with PUT, which keeps what the body leaves out; there is no PATCH.",
		},
	},
	belay.CodeRateLimited: {
		Title:   "Too many requests",
		Meaning: "As many tests are under way as one user, or the server, may have at once; or passwords were tried too often, for this account or from this address, or by too many at this moment. The detail says which. Nobody is locked out: it ends by itself.",
		Steps: []string{
			"Wait for as many seconds as the header `Retry-After` says, then repeat the request.",
		},
	},
	belay.CodeUnavailable: {
		Title:   "A part of the server does not answer now",
		Meaning: "The server runs, but something that it needs, such as its database, did not answer in time.",
		Steps: []string{
			"Repeat the request in a moment.",
			"`/healthz/ready` tells when the server can answer requests again.",
		},
	},
	belay.CodeIdempotencyReused: {
		Title:   "The Idempotency-Key was used for another request",
		Meaning: "The same key came within 24 hours with another path, query or body. Nothing was done, since either of the two could be meant.",
		Steps: []string{
			"Make a new key for each request, for instance a UUID.",
			"Repeat a request byte for byte if you want its first answer.",
		},
	},
}
