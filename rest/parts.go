package rest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"net/http"

	"belay"
	"belay/app"
)

// list reads what every list of an organization takes.
func (r *request) list() (org belay.ID, q belay.Query, err error) {
	if org, err = r.org(); err != nil {
		return org, q, err
	}
	q, err = r.page()
	return org, q, err
}

// object reads what every operation on one object takes.
func (r *request) object(name, noun string) (org, id belay.ID, err error) {
	if org, err = r.org(); err != nil {
		return org, id, err
	}
	id, err = r.id(name, noun)
	return org, id, err
}

// listOf reads what every list below one object takes.
func (r *request) listOf(name, noun string) (org, id belay.ID, q belay.Query, err error) {
	if org, id, err = r.object(name, noun); err != nil {
		return org, id, q, err
	}
	q, err = r.page()
	return org, id, q, err
}

// pair reads what every assignment takes.
func (r *request) pair(name, noun, otherName, otherNoun string) (org, id, other belay.ID, err error) {
	if org, id, err = r.object(name, noun); err != nil {
		return org, id, other, err
	}
	if other, err = r.id(otherName, otherNoun); err != nil {
		return org, id, other, err
	}
	return org, id, other, r.noBody()
}

// organization is the one that the path names; where the parameter orgId
// names one as well, they must agree.
func (r *request) organization() (belay.ID, error) {
	id, err := r.id("orgId", "organization")
	if err != nil {
		return id, err
	}
	named, err := r.org()
	if err == nil && named != "" && named != id {
		return id, belay.BadQuery("orgId", "is another organization than the one in the path")
	}
	return id, err
}

// below reads what every operation on one object below its organization
// takes.
func (r *request) below(name, noun string) (org, id belay.ID, err error) {
	if org, err = r.organization(); err != nil {
		return org, id, err
	}
	id, err = r.id(name, noun)
	return org, id, err
}

// pairBelow reads what every assignment below an organization takes.
func (r *request) pairBelow(name, noun, otherName, otherNoun string) (org, id, other belay.ID, err error) {
	if org, err = r.organization(); err == nil {
		_, id, other, err = r.pair(name, noun, otherName, otherNoun)
	}
	return org, id, other, err
}

// act reads what every operation on one object takes that has no body.
func (r *request) act(name, noun string) (org, id belay.ID, err error) {
	if org, id, err = r.object(name, noun); err != nil {
		return org, id, err
	}
	return org, id, r.noBody()
}

// noBody refuses a body that says something: nothing would come of it.
func (r *request) noBody() error { return r.decode(&struct{}{}) }

// update reads what every change of one object takes: its body into v, of
// which inBody is the organization, and the version that it is made on.
func (r *request) update(name, noun string, v any, inBody *belay.ID) (org, id belay.ID, version int64, err error) {
	if org, id, err = r.object(name, noun); err != nil {
		return org, id, version, err
	}
	if version, err = r.version(); err != nil {
		return org, id, version, err
	}
	if err = r.decode(v); err != nil {
		return org, id, version, err
	}
	org, err = organizationOf(org, *inBody)
	return org, id, version, err
}

// remove reads what every deletion of one object takes: the version that is to
// be deleted, and no body.
func (r *request) remove(name, noun string) (org, id belay.ID, version int64, err error) {
	if org, id, err = r.object(name, noun); err != nil {
		return org, id, version, err
	}
	if version, err = r.version(); err != nil {
		return org, id, version, err
	}
	return org, id, version, r.noBody()
}

// organizationOf is the organization that the query or the body names. Where
// both do they must agree: neither is silently ignored.
func organizationOf(inQuery, inBody belay.ID) (belay.ID, error) {
	if inQuery != "" && inBody != "" && inQuery != inBody {
		return "", belay.Invalid("/organizationId", "is another organization than the one that orgId names")
	}
	return cmp.Or(inBody, inQuery), nil
}

// create reads what every creation takes: its body into v, of which inBody
// is the organization.
func (r *request) create(v any, inBody *belay.ID) (org belay.ID, err error) {
	if org, err = r.org(); err != nil {
		return org, err
	}
	if err := r.checkIdempotencyKey(); err != nil {
		return org, err
	}
	if err := r.decode(v); err != nil {
		return org, err
	}
	return organizationOf(org, *inBody)
}

const idempotencyHeader = "Idempotency-Key"

func (r *request) checkIdempotencyKey() error {
	key := r.Header.Get(idempotencyHeader)
	bad := len(key) > 255
	for _, c := range []byte(key) {
		bad = bad || c < 0x21 || c > 0x7e
	}
	if bad {
		return belay.Errorf(belay.CodeMalformed, "the header Idempotency-Key must have at most 255 visible ASCII characters")
	}
	return nil
}

// once is the request's context, marked as repeatable when the client has
// sent an Idempotency-Key.
func (r *request) once() context.Context {
	key := r.Header.Get(idempotencyHeader)
	if key == "" || r.Method != http.MethodPost {
		return r.Context()
	}
	sum := sha256.New()
	for _, part := range [][]byte{[]byte(r.Method), []byte(r.URL.RequestURI()), r.body} {
		sum.Write(part)
		sum.Write([]byte{0})
	}
	return app.WithIdempotency(r.Context(), app.Idempotency{Key: key, Request: sum.Sum(nil)})
}
