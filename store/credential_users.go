package store

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"belay"
)

// Sight is what somebody sees of the connections of an organization, and may
// change: all of them, or what he owns and what workspaces give him a role on.
type Sight struct {
	belay.Viewer
	Readers []belay.Role // that may read a connection
	Writers []belay.Role // that may change one
}

// CredentialUsers counts the live connections that use a credential.
type CredentialUsers struct {
	Total   int
	Hidden  int      // from the viewer
	Foreign int      // that the viewer may not change
	Named   []NameOf // of those that he sees the first by name
}

// NameOf is the name of an object.
type NameOf struct {
	ID   belay.ID
	Name string
}

const usersFrom = " from connection_credentials cc join connections c on c.id = cc.connection_id"

// CredentialUsers counts who uses a credential, and names up to named of
// them.
func (r Reader) CredentialUsers(ctx context.Context, s Sight, credential belay.ID, named int) (CredentialUsers, error) {
	var cond condition
	reads, writes := s.holds(&cond, s.Readers), s.holds(&cond, s.Writers)
	cond.use(s.OrganizationID, credential)
	u, err := one(ctx, r, func(r row) (u CredentialUsers, err error) {
		err = r.Scan(&u.Total, &u.Hidden, &u.Foreign)
		return u, err
	}, "select count(*), coalesce(sum(case when "+reads+" then 0 else 1 end), 0), coalesce(sum(case when "+writes+" then 0 else 1 end), 0)"+
		usersFrom+cond.where(), cond.args...)
	if err != nil || u.Total == u.Hidden {
		return u, err
	}
	var seen condition
	seen.use(s.OrganizationID, credential)
	seen.parts = append(seen.parts, s.holds(&seen, s.Readers))
	u.Named, err = all(ctx, r, func(r row) (v NameOf, err error) {
		err = r.Scan(&v.ID, &v.Name)
		return v, err
	}, "select c.id, c.name"+usersFrom+seen.where()+" order by c.name_fold, c.id"+seen.bind(" limit ?", named), seen.args...)
	return u, err
}

// use keeps the live connections of an organization that use a credential.
func (c *condition) use(org, credential belay.ID) {
	c.add("cc.credential_id = ?", credential)
	c.add("c.organization_id = ?", org)
	c.add("c.deleted_at = 0")
}

// holds is true of the connections that the viewer owns, or on which he has
// one of some roles.
func (s Sight) holds(cond *condition, roles []belay.Role) string {
	if s.Whole() {
		return "1 = 1"
	}
	in := reachOf(cond, s.Viewer)
	if s.All {
		return reachesConnection(in)
	}
	owns := cond.bind("c.owner_id = ?", s.UserID)
	if s.Bound() {
		owns += " and " + reachesConnection(boundReach(cond, s.Viewer))
	}
	if len(roles) == 0 {
		return "(" + owns + ")"
	}
	places := make([]string, len(roles))
	for i, role := range roles {
		places[i] = cond.bind("?", role)
	}
	in.environments += " and wu.role in (" + strings.Join(places, ", ") + ")"
	return "(" + owns + " or " + reachesConnection(in) + ")"
}

// CredentialInUse tells whether a live connection uses a credential.
func (r Reader) CredentialInUse(ctx context.Context, org, credential belay.ID) (bool, error) {
	var cond condition
	cond.use(org, credential)
	found, err := all(ctx, r, scanID, "select c.id"+usersFrom+cond.where()+" limit 1", cond.args...)
	return len(found) > 0, err
}

// CredentialSentPlain tells whether a live connection uses a credential at an
// address without TLS.
func (r Reader) CredentialSentPlain(ctx context.Context, org, credential belay.ID) (bool, error) {
	var cond condition
	cond.use(org, credential)
	cond.add("c.endpoint like 'http://%'")
	found, err := all(ctx, r, scanID, "select c.id"+usersFrom+cond.where()+" limit 1", cond.args...)
	return len(found) > 0, err
}

// DetachLimit is from how many connections DetachCredential takes a
// credential at most: so many that no other write waits for long.
const DetachLimit = 500

// detached is a connection with what it uses.
type detached struct {
	id   belay.ID
	uses []credentialUse
}

// DetachCredential takes a credential off up to DetachLimit of the live
// connections that use it and that s may change, and returns off how many.
// Their next credential becomes the primary one.
func (t *Tx) DetachCredential(ctx context.Context, s Sight, credential belay.ID, now time.Time) (int, error) {
	var cond condition
	cond.use(s.OrganizationID, credential)
	cond.parts = append(cond.parts, s.holds(&cond, s.Writers))
	query := "select c.id, c.credentials" + usersFrom + cond.where() + cond.bind(" order by cc.connection_id limit ?", DetachLimit)
	if t.postgres {
		query += " for no key update of c"
	}
	users, err := all(ctx, t.Reader, func(r row) (detached, error) {
		var d detached
		err := r.Scan(&d.id, jsonText{&d.uses})
		return d, err
	}, query, cond.args...)
	if err != nil || len(users) == 0 {
		return 0, err
	}
	for i := range users {
		users[i].drop(credential)
	}
	return len(users), t.saveUses(ctx, s.OrganizationID, credential, users, now)
}

// drop takes out a credential; the first that is left is the primary one.
func (d *detached) drop(credential belay.ID) {
	left := make([]credentialUse, 0, len(d.uses))
	for _, u := range d.uses {
		if u.ID != credential {
			left = append(left, u)
		}
	}
	if len(left) > 0 {
		left[0].Purpose = belay.PurposePrimary
	}
	d.uses = left
}

// saveUses writes what some connections use, from which a credential was
// taken: in three statements, however many they are. The references that stay
// are not made again: that would wait for whoever deletes what they refer to,
// while he waits here to take that off the same connection. Their positions
// stay in order, with a gap.
func (t *Tx) saveUses(ctx context.Context, org, credential belay.ID, users []detached, now time.Time) error {
	ids := make([]string, len(users))
	var texts, first rowsOf
	for i, u := range users {
		ids[i] = string(u.id)
		text, err := json.Marshal(u.uses)
		if err != nil {
			return err
		}
		texts.add(u.id, string(text))
		if len(u.uses) > 0 {
			first.add(u.id, u.uses[0].ID, u.uses[0].Purpose)
		}
	}
	n := len(texts.args)
	_, err := t.execAny(ctx, "with v(id, credentials) as (values "+texts.String()+`)
		update connections set credentials = v.credentials, version = version + 1, updated_at = `+placeholder(n+1)+`
		from v where connections.id = v.id and connections.organization_id = `+placeholder(n+2), append(texts.args, micros(now), org)...)
	if err != nil {
		return err
	}
	var gone condition
	gone.add("credential_id = ?", credential)
	gone.in("connection_id", ids)
	if _, err := t.execAny(ctx, "delete from connection_credentials"+gone.where(), gone.args...); err != nil || first.n == 0 {
		return err
	}
	return t.exec(ctx, "with v(id, credential_id, purpose) as (values "+first.String()+`)
		update connection_credentials set purpose = v.purpose
		from v where connection_credentials.connection_id = v.id and connection_credentials.credential_id = v.credential_id`, first.args...)
}

// rowsOf are the rows of a values clause.
type rowsOf struct {
	n    int
	text strings.Builder
	args []any
}

// add appends a row.
func (v *rowsOf) add(values ...any) {
	v.n++
	if v.n > 1 {
		v.text.WriteString(", ")
	}
	places := make([]string, len(values))
	for i := range values {
		places[i] = placeholder(len(v.args) + i + 1)
	}
	v.args = append(v.args, values...)
	v.text.WriteString("(" + strings.Join(places, ", ") + ")")
}

func (v *rowsOf) String() string { return v.text.String() }
