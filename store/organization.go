package store

import (
	"context"
	"fmt"
	"time"

	"belay"
)

const organizationColumns = `o.id, o.name, o.description, o.country, o.region, o.owner_id,
	o.version, o.created_at, o.updated_at, o.deleted_at`

func scanOrganization(r row) (*belay.Organization, error) {
	var o belay.Organization
	err := r.Scan(&o.ID, &o.Name, &o.Description, &o.Country, &o.Region, &o.OwnerID,
		&o.Version, stamp{&o.CreatedAt}, stamp{&o.UpdatedAt}, stamp{&o.DeletedAt})
	return &o, err
}

var organizations = list[*belay.Organization]{
	columns: organizationColumns,
	from:    "organizations o join memberships m on m.organization_id = o.id",
	id:      "o.id",
	natural: belay.Order{Column: "name"},
	orders: map[string]sortKey{
		"name":      {column: "o.name_fold"},
		"createdAt": {column: "o.created_at", number: true},
		"updatedAt": {column: "o.updated_at", number: true},
	},
	scan: scanOrganization,
}

// Organization returns one organization.
func (r Reader) Organization(ctx context.Context, id belay.ID) (*belay.Organization, error) {
	o, err := one(ctx, r, scanOrganization,
		"select "+organizationColumns+" from organizations o where o.id = $1 and o.deleted_at = 0"+r.lock, id)
	return o, notFound(err, "organization")
}

// OrganizationsOf lists the organizations that a user belongs to; with only,
// that one if it is among them.
func (r Reader) OrganizationsOf(ctx context.Context, user, only belay.ID, q belay.Query) (belay.Page[*belay.Organization], error) {
	var cond condition
	if only != "" {
		cond.add("o.id = ?", only)
	}
	cond.add("m.user_id = ?", user)
	cond.add("o.deleted_at = 0")
	cond.eachWord(q.Search, func(from, to string) {
		cond.add(`exists (select 1 from search_terms s where s.organization_id = o.id
			and s.object = 'organization' and s.term >= ? and s.term < ?)`, from, to)
	})
	return organizations.counted(ctx, r, &cond, &cond, q)
}

// OrganizationCount is how many organizations there are: 0, 1, or 2 for
// several.
func (r Reader) OrganizationCount(ctx context.Context) (int, error) {
	var n int
	err := r.db.QueryRowContext(ctx, "select count(*) from (select 1 from organizations limit 2) as o").Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count organizations: %w", err)
	}
	return n, nil
}

// CreateOrganization stores a new organization.
func (t *Tx) CreateOrganization(ctx context.Context, o *belay.Organization) error {
	err := t.exec(ctx, `
		insert into organizations (id, name, name_fold, description, country, region, owner_id, version, created_at, updated_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		o.ID, o.Name, fold(o.Name), o.Description, o.Country, o.Region, o.OwnerID, o.Version,
		micros(o.CreatedAt), micros(o.UpdatedAt))
	if err != nil {
		return err
	}
	return t.addTerms(ctx, o.ID, "organization", o.ID, o.Name, o.Description)
}

// FirstOrganization returns the oldest organization and its owner.
func (r Reader) FirstOrganization(ctx context.Context) (id, owner belay.ID, err error) {
	o, err := one(ctx, r, scanOrganization, "select "+organizationColumns+
		" from organizations o where o.deleted_at = 0 order by o.created_at, o.id limit 1")
	if err != nil {
		return "", "", notFound(err, "organization")
	}
	return o.ID, o.OwnerID, nil
}

// DeletedOrganizations lists the deleted organizations of which a user is an
// owner, and which he can restore.
func (r Reader) DeletedOrganizations(ctx context.Context, user belay.ID, q belay.Query) (belay.Page[*belay.Organization], error) {
	var cond condition
	cond.add("m.user_id = ?", user)
	cond.add("m.role = 'owner'")
	cond.add("o.deleted_at > 0")
	return organizations.counted(ctx, r, &cond, &cond, q)
}

// UpdateOrganization changes an organization by change, which sees it as it is
// stored, and returns it as it then is. Its id, creation and deletion are not
// change's to alter.
func (t *Tx) UpdateOrganization(ctx context.Context, id belay.ID, now time.Time, change func(*belay.Organization) error) (*belay.Organization, error) {
	before, err := t.Organization(ctx, id)
	if err != nil {
		return nil, err
	}
	o := new(*before)
	if err := change(o); err != nil {
		return nil, err
	}
	o.ID, o.OwnerID, o.CreatedAt, o.DeletedAt = before.ID, before.OwnerID, before.CreatedAt, before.DeletedAt
	o.Version, o.UpdatedAt = before.Version+1, now
	err = t.exec(ctx, `
		update organizations set name = $3, name_fold = $4, description = $5, country = $6, region = $7, version = $8, updated_at = $9
		where id = $1 and version = $2 and deleted_at = 0`,
		id, before.Version, o.Name, fold(o.Name), o.Description, o.Country, o.Region, o.Version, micros(now))
	if err != nil {
		return nil, overtaken(err)
	}
	return o, t.setTerms(ctx, id, "organization", id, []string{before.Name, before.Description}, []string{o.Name, o.Description})
}

// DeleteOrganization deletes an organization softly: nobody reaches what is in
// it until it is restored.
func (t *Tx) DeleteOrganization(ctx context.Context, id belay.ID, now time.Time) error {
	return notFound(t.exec(ctx, `
		update organizations set deleted_at = $2, updated_at = $2, version = version + 1
		where id = $1 and deleted_at = 0`, id, micros(now)), "organization")
}

// RestoreOrganization takes back a deletion, on behalf of one who owned the
// organization; for others it is not there.
func (t *Tx) RestoreOrganization(ctx context.Context, id, owner belay.ID, now time.Time) (*belay.Organization, error) {
	err := t.exec(ctx, `
		update organizations set deleted_at = 0, updated_at = $3, version = version + 1 where id = $1 and deleted_at > 0
		and exists (select 1 from memberships m where m.organization_id = organizations.id and m.user_id = $2 and m.role = 'owner')`,
		id, owner, micros(now))
	if err != nil {
		return nil, notFound(err, "organization")
	}
	return t.Organization(ctx, id)
}
