package store

import (
	"context"
	"strconv"
	"strings"
	"time"

	"belay"
)

const credentialColumns = `k.id, k.organization_id, k.owner_id, k.name, k.type, k.public, k.set_fields, k.fingerprint, k.current,
	k.expires_at, k.last_used_at, k.last_rotated_at, k.version, k.created_at, k.updated_at, k.deleted_at`

const selectCredential = "select " + credentialColumns +
	" from credentials k where k.organization_id = $1 and k.id = $2 and k.deleted_at = 0"

const selectDeletedCredential = "select " + credentialColumns +
	" from credentials k where k.organization_id = $1 and k.id = $2 and k.deleted_at > 0"

func scanCredential(r row) (*belay.Credential, error) {
	var c belay.Credential
	err := r.Scan(&c.ID, &c.OrganizationID, &c.OwnerID, &c.Name, &c.Type, jsonText{&c.Public}, jsonText{&c.Set}, &c.Fingerprint, &c.Current,
		stamp{&c.ExpiresAt}, stamp{&c.LastUsedAt}, stamp{&c.LastRotatedAt},
		&c.Version, stamp{&c.CreatedAt}, stamp{&c.UpdatedAt}, stamp{&c.DeletedAt})
	return &c, err
}

var credentials = list[*belay.Credential]{
	columns: credentialColumns,
	from:    "credentials k",
	id:      "k.id",
	natural: belay.Order{Column: "name"},
	orders: map[string]sortKey{
		"name":      {column: "k.name_fold"},
		"type":      {column: "k.type", then: "k.name_fold"},
		"createdAt": {column: "k.created_at", number: true},
		"updatedAt": {column: "k.updated_at", number: true},
	},
	scan: scanCredential,
}

var seenCredentials = seen{
	table: "credentials", alias: "k", reached: reachesCredential,
	ids: func(r reach) string {
		return "select wc.credential_id from workspace_credentials wc where wc.workspace_id in (" + r.workspaces + `)
			union all select cc.credential_id from environment_connections ec
			join connections c on c.id = ec.connection_id and c.deleted_at = 0
			join connection_credentials cc on cc.connection_id = ec.connection_id
			where ec.environment_id in (` + r.environments + ")"
	},
}

// reachesCredential holds for the credentials that are assigned to a
// workspace that is reached, or that a connection uses which is.
func reachesCredential(r reach) string {
	return `(exists (select 1 from workspace_credentials wc
		where wc.credential_id = k.id and wc.workspace_id in (` + r.workspaces + `))
		or exists (select 1 from connection_credentials cc
		join connections c on c.id = cc.connection_id and c.deleted_at = 0
		where cc.credential_id = k.id and ` + reachesConnection(r) + "))"
}

// Credential returns one live credential.
func (r Reader) Credential(ctx context.Context, org, id belay.ID) (*belay.Credential, error) {
	c, err := one(ctx, r, scanCredential, selectCredential+r.lock, org, id)
	return c, notFound(err, "credential")
}

// DeletedCredential returns one credential that can be restored.
func (r Reader) DeletedCredential(ctx context.Context, org, id belay.ID) (*belay.Credential, error) {
	c, err := one(ctx, r, scanCredential, selectDeletedCredential+r.lock, org, id)
	return c, notFound(err, "deleted credential")
}

// Credentials lists what v sees of an organization's credentials.
func (r Reader) Credentials(ctx context.Context, v belay.Viewer, f belay.CredentialFilter, q belay.Query) (belay.Page[*belay.Credential], error) {
	selective := f.Deleted || f.Fingerprint != "" || f.EnvironmentID != "" || f.WorkspaceID != "" || f.ConnectionID != "" || q.Search != ""
	if v.Whole() && !selective && f.Types == nil {
		var cond condition
		seenCredentials.by(&cond, r, v, walk)
		cond.live("k", false)
		return withTotal(ctx, r, &credentials, &cond, q, v.OrganizationID, "credential")
	}
	return seenBy(ctx, r, &credentials, &seenCredentials, v, q, selective, func(cond *condition) {
		credentialCondition(cond, v, f, q.Search)
	})
}

func credentialCondition(cond *condition, v belay.Viewer, f belay.CredentialFilter, search string) {
	cond.live("k", f.Deleted)
	if f.Deleted && !v.All {
		cond.add("k.owner_id = ?", v.UserID)
	}
	cond.in("k.type", f.Types)
	if f.Fingerprint != "" {
		cond.add("k.fingerprint = ?", f.Fingerprint)
	}
	if f.EnvironmentID != "" {
		cond.add(`k.id in (select cc.credential_id from environment_connections ec
			join environments e on e.id = ec.environment_id and e.deleted_at = 0
			join connections c on c.id = ec.connection_id and c.deleted_at = 0
			join connection_credentials cc on cc.connection_id = ec.connection_id where e.id = ?)`, f.EnvironmentID)
	}
	if f.WorkspaceID != "" {
		cond.add(`k.id in (select wc.credential_id from workspace_credentials wc
			join workspaces w on w.id = wc.workspace_id and w.deleted_at = 0 where w.id = ?)`, f.WorkspaceID)
	}
	if f.ConnectionID != "" {
		cond.add(`k.id in (select cc.credential_id from connection_credentials cc
			join connections c on c.id = cc.connection_id and c.deleted_at = 0 where c.id = ?)`, f.ConnectionID)
	}
	cond.search(v.OrganizationID, "credential", "k.id", search)
}

// CurrentVersions returns of some credentials, by their ids, the versions in
// force; of those that are deleted, none.
func (r Reader) CurrentVersions(ctx context.Context, org belay.ID, ids []belay.ID) (map[belay.ID]int, error) {
	out := map[belay.ID]int{}
	if len(ids) == 0 {
		return out, nil
	}
	var cond condition
	cond.add("k.organization_id = ?", org)
	cond.in("k.id", texts(ids))
	cond.add("k.deleted_at = 0")
	_, err := all(ctx, r, func(r row) (struct{}, error) {
		var id belay.ID
		var version int
		err := r.Scan(&id, &version)
		out[id] = version
		return struct{}{}, err
	}, "select k.id, k.current from credentials k"+cond.where(), cond.args...)
	return out, err
}

// testedNow holds where the check h was made with the version of the
// credential k that is in force, which it used or which was rejected.
const (
	usedNow     = "(h.credential_id = k.id and h.credential_version = k.current)"
	rejectedNow = `h.rejected like '%"credentialId":"' || k.id || '","credentialVersion":' || k.current || ',%'`
	testedNow   = "(" + usedNow + " or " + rejectedNow + ")"
)

// CredentialUsages says of some credentials how the live connections of the
// organization use them, at a time. Only what was found with the version in
// force counts.
func (r Reader) CredentialUsages(ctx context.Context, org belay.ID, ids []belay.ID, now time.Time) (map[belay.ID]belay.CredentialUsage, error) {
	out := map[belay.ID]belay.CredentialUsage{}
	if len(ids) == 0 {
		return out, nil
	}
	var cond condition
	cond.in("cc.credential_id", texts(ids))
	cond.add("c.organization_id = ?", org)
	cond.add("c.deleted_at = 0")
	type usage struct {
		id belay.ID
		n  belay.CredentialUsage
	}
	stale := cond.bind("c.health_checked_at + 2 * (c.check_interval / 1000) < ?", micros(now))
	rows, err := all(ctx, r, func(r row) (usage, error) {
		var u usage
		err := r.Scan(&u.id, &u.n.Connections, &u.n.Working, &u.n.Checked, &u.n.Stale)
		return u, err
	}, `select cc.credential_id, count(*),
			coalesce(sum(case when `+usedNow+` and c.health in ('healthy', 'degraded') then 1 else 0 end), 0),
			coalesce(sum(case when `+testedNow+` then 1 else 0 end), 0),
			coalesce(sum(case when `+testedNow+" and "+stale+` then 1 else 0 end), 0)
		from connection_credentials cc join connections c on c.id = cc.connection_id
		join credentials k on k.id = cc.credential_id
		left join checks h on h.id = c.health_check_id`+cond.where()+
		" group by cc.credential_id", cond.args...)
	for _, u := range rows {
		out[u.id] = u.n
	}
	return out, err
}

// CreateCredential stores a new credential and its first version.
func (t *Tx) CreateCredential(ctx context.Context, c *belay.Credential, v *belay.CredentialVersion) error {
	err := t.exec(ctx, `
		insert into credentials (id, organization_id, owner_id, name, name_fold, type, public, set_fields, fingerprint, current,
			expires_at, last_used_at, last_rotated_at, version, created_at, updated_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
		c.ID, c.OrganizationID, c.OwnerID, c.Name, fold(c.Name), c.Type, jsonText{c.Public}, jsonText{c.Set}, c.Fingerprint, c.Current,
		micros(c.ExpiresAt), micros(c.LastUsedAt), micros(c.LastRotatedAt), c.Version, micros(c.CreatedAt), micros(c.UpdatedAt))
	if err != nil {
		return err
	}
	if err := t.addCredentialVersion(ctx, c, v); err != nil {
		return err
	}
	if err := t.addTerms(ctx, c.OrganizationID, "credential", c.ID, c.Name, c.Type); err != nil {
		return err
	}
	return t.countObject(ctx, c.OrganizationID, "credential", 1)
}

// addCredentialVersion stores a version of c, whatever v says it is of, and
// removes the ciphertexts that are not kept any more.
func (t *Tx) addCredentialVersion(ctx context.Context, c *belay.Credential, v *belay.CredentialVersion) error {
	err := t.exec(ctx, `
		insert into credential_versions (credential_id, number, organization_id, sealed, fingerprint, created_by, created_at)
		values ($1, $2, $3, $4, $5, $6, $7)`,
		c.ID, v.Number, c.OrganizationID, v.Sealed, v.Fingerprint, v.CreatedBy, micros(v.CreatedAt))
	if err != nil {
		return err
	}
	_, err = t.execAny(ctx, `
		update credential_versions set sealed = substr(sealed, 1, 0)
		where credential_id = $1 and number < $2 and number <> $3 and length(sealed) > 0`,
		c.ID, v.Number-belay.RetiredVersions, c.Current)
	return err
}

// UpdateCredential changes a credential by change, which sees it as it is
// stored and may return a new version of its material, and returns it as it
// then is. Ids, creation, deletion and last use are not change's to alter.
func (t *Tx) UpdateCredential(ctx context.Context, org, id belay.ID, now time.Time,
	change func(*belay.Credential) (*belay.CredentialVersion, error),
) (*belay.Credential, error) {
	before, err := one(ctx, t.Reader, scanCredential, selectCredential+t.lock, org, id)
	if err != nil {
		return nil, notFound(err, "credential")
	}
	c := new(*before)
	v, err := change(c)
	if err != nil {
		return nil, err
	}
	c.ID, c.OrganizationID, c.CreatedAt, c.DeletedAt = before.ID, before.OrganizationID, before.CreatedAt, before.DeletedAt
	c.Version, c.UpdatedAt, c.LastUsedAt = before.Version+1, now, before.LastUsedAt
	err = t.exec(ctx, `
		update credentials set name = $4, name_fold = $5, public = $6, set_fields = $7, fingerprint = $8, current = $9,
			expires_at = $10, last_rotated_at = $11, version = $12, updated_at = $13, owner_id = $14, type = $15
		where organization_id = $1 and id = $2 and version = $3 and deleted_at = 0`,
		org, id, before.Version, c.Name, fold(c.Name), jsonText{c.Public}, jsonText{c.Set}, c.Fingerprint, c.Current,
		micros(c.ExpiresAt), micros(c.LastRotatedAt), c.Version, micros(now), c.OwnerID, c.Type)
	if err != nil {
		return nil, overtaken(err)
	}
	if v != nil {
		if err := t.addCredentialVersion(ctx, c, v); err != nil {
			return nil, err
		}
	}
	return c, t.setTerms(ctx, org, "credential", id, []string{before.Name, before.Type}, []string{c.Name, c.Type})
}

// CredentialVersion returns one version with its sealed material.
func (r Reader) CredentialVersion(ctx context.Context, org, id belay.ID, number int) (*belay.CredentialVersion, error) {
	v, err := one(ctx, r, scanCredentialVersion, `
		select credential_id, number, organization_id, sealed, fingerprint, created_by, created_at from credential_versions
		where organization_id = $1 and credential_id = $2 and number = $3`, org, id, number)
	return v, notFound(err, "version of this credential")
}

// versions are listed without their sealed material.
var versions = list[*belay.CredentialVersion]{
	columns: "v.credential_id, v.number, v.organization_id, v.fingerprint, v.created_by, v.created_at",
	from:    "credential_versions v",
	id:      "v.credential_id",
	natural: belay.Order{Column: "version", Descending: true},
	orders:  map[string]sortKey{"version": {column: "v.number", number: true}},
	scan: func(r row) (*belay.CredentialVersion, error) {
		var v belay.CredentialVersion
		err := r.Scan(&v.CredentialID, &v.Number, &v.OrganizationID, &v.Fingerprint, &v.CreatedBy, stamp{&v.CreatedAt})
		return &v, err
	},
}

// CredentialVersions lists the versions of a credential, the newest first,
// without their sealed material.
func (r Reader) CredentialVersions(ctx context.Context, org, id belay.ID, q belay.Query) (belay.Page[*belay.CredentialVersion], error) {
	var cond condition
	cond.add("v.organization_id = ?", org)
	cond.add("v.credential_id = ?", id)
	return versions.counted(ctx, r, &cond, &cond, q)
}

func scanCredentialVersion(r row) (*belay.CredentialVersion, error) {
	var v belay.CredentialVersion
	err := r.Scan(&v.CredentialID, &v.Number, &v.OrganizationID, &v.Sealed, &v.Fingerprint, &v.CreatedBy, stamp{&v.CreatedAt})
	return &v, err
}

// CredentialsUsed records that credentials were used. Their versions, by which
// an editor sees that somebody else has changed them, stay. They are locked in
// the order of their ids, as KeepCredentials does.
func (t *Tx) CredentialsUsed(ctx context.Context, org belay.ID, ids []belay.ID, at time.Time) error {
	if len(ids) == 0 {
		return nil
	}
	if err := t.lockCredentials(ctx, org, ids, "no key update"); err != nil {
		return err
	}
	var cond condition
	cond.add("organization_id = ?", org)
	cond.in("id", texts(ids))
	cond.add("last_used_at < ?", micros(at))
	set := cond.bind("?", micros(at))
	_, err := t.execAny(ctx, "update credentials set last_used_at = "+set+cond.where(), cond.args...)
	return err
}

// KeepCredentials keeps those of some credentials that are there from being
// deleted until the transaction ends. Who changes credentials and connections
// begins with the credentials, in the order of their ids: then none waits for
// another who waits for him. Before a connection that is there is given
// credentials, they must be kept.
func (t *Tx) KeepCredentials(ctx context.Context, org belay.ID, ids []belay.ID) error {
	return t.lockCredentials(ctx, org, ids, "key share")
}

// lockCredentials locks those of some credentials that are there, in the order
// of their ids.
func (t *Tx) lockCredentials(ctx context.Context, org belay.ID, ids []belay.ID, strength string) error {
	if !t.postgres || len(ids) == 0 {
		return nil
	}
	var cond condition
	cond.add("organization_id = ?", org)
	cond.in("id", texts(ids))
	_, err := t.execAny(ctx, "select 1 from credentials"+cond.where()+" order by id for "+strength, cond.args...)
	return err
}

// CredentialToDelete returns one live credential, to which no connection that
// is not there yet can refer until the transaction ends.
func (t *Tx) CredentialToDelete(ctx context.Context, org, id belay.ID) (*belay.Credential, error) {
	if err := t.seize(ctx, "credentials", org, id); err != nil {
		return nil, err
	}
	return t.Credential(ctx, org, id)
}

// DeleteCredential deletes a credential softly. Whether connections use it
// is the caller's to decide.
func (t *Tx) DeleteCredential(ctx context.Context, org, id belay.ID, now time.Time) error {
	if err := t.seize(ctx, "credentials", org, id); err != nil {
		return err
	}
	err := t.exec(ctx, `
		update credentials set deleted_at = $3, updated_at = $3, version = version + 1
		where organization_id = $1 and id = $2 and deleted_at = 0`, org, id, micros(now))
	if err != nil {
		return notFound(err, "credential")
	}
	return t.countObject(ctx, org, "credential", -1)
}

// RestoreCredential takes back a deletion.
func (t *Tx) RestoreCredential(ctx context.Context, org, id belay.ID, now time.Time) (*belay.Credential, error) {
	err := t.exec(ctx, `
		update credentials set deleted_at = 0, updated_at = $3, version = version + 1
		where organization_id = $1 and id = $2 and deleted_at > 0`, org, id, micros(now))
	if err != nil {
		return nil, notFound(err, "deleted credential")
	}
	if err := t.countObject(ctx, org, "credential", 1); err != nil {
		return nil, err
	}
	return t.Credential(ctx, org, id)
}

// FreeCredentialName returns the first name that no live credential has: name
// itself, or stem with "-2", "-3" and so on.
func (r Reader) FreeCredentialName(ctx context.Context, org belay.ID, name, stem string) (string, error) {
	numbered := fold(stem) + "-"
	taken, err := all(ctx, r, func(r row) (name string, err error) {
		err = r.Scan(&name)
		return name, err
	}, `
		select name_fold from credentials where organization_id = $1 and name_fold = $2 and deleted_at = 0
		union all
		select name_fold from credentials where organization_id = $1 and name_fold > $3 and name_fold < $4 and deleted_at = 0`,
		org, fold(name), numbered, strings.TrimSuffix(numbered, "-")+".") // "." is what follows "-"
	if err != nil {
		return "", err
	}
	there := make(map[string]bool, len(taken))
	for _, name := range taken {
		there[name] = true
	}
	for n := 2; there[fold(name)]; n++ {
		name = stem + "-" + strconv.Itoa(n)
	}
	return name, nil
}
