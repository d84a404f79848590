package store

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"slices"
	"time"

	"belay"
)

const connectionColumns = `c.id, c.organization_id, c.owner_id, c.name, c.description, c.kind, c.type, c.sub_type,
	c.endpoint, c.config, c.labels, c.credentials, c.management, c.origin, c.identity,
	c.status, c.status_reason, c.status_changed_by, c.status_changed_at,
	c.health, c.health_cause, c.health_summary, c.health_check_id, c.health_checked_at, c.health_since,
	c.check_interval, c.check_timeout, c.maintenance_until, c.maintenance_reason,
	c.version, c.created_at, c.updated_at, c.deleted_at`

const selectConnection = "select " + connectionColumns + " from connections c where c.organization_id = $1 and c.id = $2"

// credentialUse is a belay.CredentialUse as it stands in the column
// credentials, which repeats connection_credentials so that a list reads one
// row per connection.
type credentialUse struct {
	ID      belay.ID      `json:"id"`
	Purpose belay.Purpose `json:"purpose"`
}

func scanConnection(r row) (*belay.Connection, error) {
	var c belay.Connection
	var uses []credentialUse
	var config []byte
	err := r.Scan(&c.ID, &c.OrganizationID, &c.OwnerID, &c.Name, &c.Description, &c.Kind, &c.Type, &c.SubType,
		&c.Endpoint, &config, jsonText{&c.Labels}, jsonText{&uses}, &c.Management, &c.Origin, &c.Identity,
		&c.Status, &c.StatusReason, &c.StatusChangedBy, stamp{&c.StatusChangedAt},
		&c.Health.Status, &c.Health.Cause, &c.Health.Summary, &c.Health.CheckID, stamp{&c.Health.CheckedAt}, stamp{&c.Health.Since},
		&c.Policy.Interval, &c.Policy.Timeout, stamp{&c.Maintenance.Until}, &c.Maintenance.Reason,
		&c.Version, stamp{&c.CreatedAt}, stamp{&c.UpdatedAt}, stamp{&c.DeletedAt})
	c.Config = json.RawMessage(config)
	for _, u := range uses {
		c.Credentials = append(c.Credentials, belay.CredentialUse{CredentialID: u.ID, Purpose: u.Purpose})
	}
	return &c, err
}

func usesText(c *belay.Connection) jsonText {
	uses := make([]credentialUse, len(c.Credentials))
	for i, u := range c.Credentials {
		uses[i] = credentialUse{ID: u.CredentialID, Purpose: u.Purpose}
	}
	return jsonText{uses}
}

func labelsText(c *belay.Connection) jsonText {
	if c.Labels == nil {
		return jsonText{map[string]string{}}
	}
	return jsonText{c.Labels}
}

// Connection returns one live connection.
func (r Reader) Connection(ctx context.Context, org, id belay.ID) (*belay.Connection, error) {
	c, err := one(ctx, r, scanConnection, selectConnection+" and c.deleted_at = 0"+r.lock, org, id)
	return c, notFound(err, "connection")
}

// ConnectionByIdentity returns the live connection for a target, nil when
// there is none.
func (r Reader) ConnectionByIdentity(ctx context.Context, org belay.ID, identity string) (*belay.Connection, error) {
	c, err := one(ctx, r, scanConnection, "select "+connectionColumns+
		" from connections c where c.organization_id = $1 and c.identity = $2 and c.identity <> '' and c.deleted_at = 0", org, identity)
	if errors.Is(err, errNoRow) {
		return nil, nil
	}
	return c, err
}

// ConnectionsAt returns the live connections of a kind with one endpoint,
// oldest first, at most belay.MaxPageSize.
func (r Reader) ConnectionsAt(ctx context.Context, org belay.ID, kind, endpoint string) ([]*belay.Connection, error) {
	return all(ctx, r, scanConnection, "select "+connectionColumns+`
		from connections c where c.organization_id = $1 and c.kind = $2 and c.endpoint = $3 and c.deleted_at = 0
		order by c.created_at, c.id limit 100`, org, kind, endpoint)
}

// ConnectionsLike returns the live connections with one likeness, oldest
// first, at most belay.MaxPageSize; none for "".
func (r Reader) ConnectionsLike(ctx context.Context, org belay.ID, likeness string) ([]*belay.Connection, error) {
	return all(ctx, r, scanConnection, "select "+connectionColumns+`
		from connections c where c.organization_id = $1 and c.likeness = $2 and c.likeness <> '' and c.deleted_at = 0
		order by c.created_at, c.id limit 100`, org, likeness)
}

// CreateConnection stores a new connection with its credentials and labels.
func (t *Tx) CreateConnection(ctx context.Context, c *belay.Connection) error {
	err := t.exec(ctx, `
		insert into connections (id, organization_id, owner_id, name, name_fold, description, kind, type, sub_type,
			endpoint, config, labels, credentials, management, origin, identity,
			status, status_reason, status_changed_by, status_changed_at,
			health, health_cause, health_summary, health_check_id, health_checked_at, health_since,
			check_interval, check_timeout, maintenance_until, maintenance_reason, version, created_at, updated_at, likeness)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
			$21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34)`,
		c.ID, c.OrganizationID, c.OwnerID, c.Name, fold(c.Name), c.Description, c.Kind, c.Type, c.SubType,
		c.Endpoint, object(c.Config), labelsText(c), usesText(c), c.Management, c.Origin, c.Identity,
		c.Status, c.StatusReason, c.StatusChangedBy, micros(c.StatusChangedAt),
		c.Health.Status, c.Health.Cause, c.Health.Summary, c.Health.CheckID, micros(c.Health.CheckedAt), micros(c.Health.Since),
		int64(c.Policy.Interval), int64(c.Policy.Timeout), micros(c.Maintenance.Until), c.Maintenance.Reason,
		c.Version, micros(c.CreatedAt), micros(c.UpdatedAt), c.Likeness())
	if err != nil {
		return err
	}
	if err := t.addCredentials(ctx, c); err != nil {
		return err
	}
	if err := t.addLabels(ctx, c); err != nil {
		return err
	}
	if err := t.addHolders(ctx, c); err != nil {
		return err
	}
	if err := t.addTerms(ctx, c.OrganizationID, "connection", c.ID, connectionTexts(c)...); err != nil {
		return err
	}
	return t.countConnections(ctx, c.OrganizationID, countOf(c, 1))
}

// connectionTexts is what a connection is found by.
func connectionTexts(c *belay.Connection) []string {
	texts := []string{c.Name, c.Kind}
	if u, err := url.Parse(c.Endpoint); err == nil {
		texts = append(texts, u.Hostname())
	}
	return append(texts, c.Description)
}

// addCredentials writes the references of a connection that has none yet.
// A credential of another organization, or a deleted one, is not found.
func (t *Tx) addCredentials(ctx context.Context, c *belay.Connection) error {
	for i, u := range c.Credentials {
		err := t.exec(ctx, `
			insert into connection_credentials (connection_id, position, credential_id, purpose)
			select cast($1 as text), cast($2 as bigint), k.id, cast($3 as text) from credentials k
			where k.organization_id = $4 and k.id = $5 and k.deleted_at = 0`+t.keep("k", ""),
			c.ID, i, u.Purpose, c.OrganizationID, u.CredentialID)
		if err != nil {
			return notFound(err, "credential")
		}
	}
	return nil
}

func (t *Tx) addLabels(ctx context.Context, c *belay.Connection) error {
	for name, value := range c.Labels {
		err := t.exec(ctx, "insert into connection_labels (organization_id, name, value, connection_id) values ($1, $2, $3, $4)",
			c.OrganizationID, name, value, c.ID)
		if err != nil {
			return err
		}
	}
	return nil
}

// setCredentials replaces the references of a connection. What is kept as it
// is is not looked at: a connection that uses a credential which was deleted
// can still be renamed.
func (t *Tx) setCredentials(ctx context.Context, before, c *belay.Connection) error {
	if slices.Equal(before.Credentials, c.Credentials) {
		return nil
	}
	if _, err := t.execAny(ctx, "delete from connection_credentials where connection_id = $1", c.ID); err != nil {
		return err
	}
	return t.addCredentials(ctx, c)
}

func (t *Tx) setLabels(ctx context.Context, before, c *belay.Connection) error {
	if maps.Equal(before.Labels, c.Labels) {
		return nil
	}
	if _, err := t.execAny(ctx, "delete from connection_labels where connection_id = $1", c.ID); err != nil {
		return err
	}
	return t.addLabels(ctx, c)
}

// UpdateConnection changes a connection by change, which sees it as it is
// stored, and returns it as it then is. Ids, creation and deletion are not
// change's to alter.
func (t *Tx) UpdateConnection(ctx context.Context, org, id belay.ID, now time.Time, change func(*belay.Connection) error) (*belay.Connection, error) {
	before, err := one(ctx, t.Reader, scanConnection, selectConnection+" and c.deleted_at = 0"+t.lock, org, id)
	if err != nil {
		return nil, notFound(err, "connection")
	}
	c := new(*before)
	c.Labels, c.Credentials = maps.Clone(before.Labels), slices.Clone(before.Credentials)
	if err := change(c); err != nil {
		return nil, err
	}
	c.ID, c.OrganizationID, c.CreatedAt, c.DeletedAt = before.ID, before.OrganizationID, before.CreatedAt, before.DeletedAt
	c.Version, c.UpdatedAt = before.Version+1, now
	if err := t.saveConnection(ctx, before, c); err != nil {
		return nil, err
	}
	if err := t.setCredentials(ctx, before, c); err != nil {
		return nil, err
	}
	if err := t.setLabels(ctx, before, c); err != nil {
		return nil, err
	}
	return c, t.setTerms(ctx, org, "connection", id, connectionTexts(before), connectionTexts(c))
}

// saveConnection writes all columns of a connection and moves it from one
// counter to another.
func (t *Tx) saveConnection(ctx context.Context, before, c *belay.Connection) error {
	err := t.exec(ctx, `
		update connections set owner_id = $4, name = $5, name_fold = $6, description = $7, endpoint = $8, config = $9,
			labels = $10, credentials = $11, management = $12, identity = $13,
			status = $14, status_reason = $15, status_changed_by = $16, status_changed_at = $17,
			health = $18, health_cause = $19, health_summary = $20, health_check_id = $21, health_checked_at = $22, health_since = $23,
			check_interval = $24, check_timeout = $25, maintenance_until = $26, maintenance_reason = $27,
			version = $28, updated_at = $29, deleted_at = $30, kind = $31, type = $32, sub_type = $33, origin = $34, likeness = $35
		where organization_id = $1 and id = $2 and version = $3`,
		c.OrganizationID, c.ID, before.Version, c.OwnerID, c.Name, fold(c.Name), c.Description, c.Endpoint, object(c.Config),
		labelsText(c), usesText(c), c.Management, c.Identity,
		c.Status, c.StatusReason, c.StatusChangedBy, micros(c.StatusChangedAt),
		c.Health.Status, c.Health.Cause, c.Health.Summary, c.Health.CheckID, micros(c.Health.CheckedAt), micros(c.Health.Since),
		int64(c.Policy.Interval), int64(c.Policy.Timeout), micros(c.Maintenance.Until), c.Maintenance.Reason,
		c.Version, micros(c.UpdatedAt), micros(c.DeletedAt), c.Kind, c.Type, c.SubType, c.Origin, c.Likeness())
	if err != nil {
		return overtaken(err)
	}
	if err := t.moveHolders(ctx, before, c); err != nil {
		return err
	}
	return t.moveCount(ctx, before, c)
}

// SaveHealth writes what a check has found out: health, status and identity.
// The version, by which people's changes are told apart, stays. before is the
// connection as it was read; when a person or another check has changed it
// since, SaveHealth is a conflict.
func (t *Tx) SaveHealth(ctx context.Context, before, c *belay.Connection) error {
	err := t.exec(ctx, `
		update connections set identity = $3,
			status = $4, status_reason = $5, status_changed_by = $6, status_changed_at = $7,
			health = $8, health_cause = $9, health_summary = $10, health_check_id = $11, health_checked_at = $12, health_since = $13,
			maintenance_until = $18, maintenance_reason = $19
		where organization_id = $1 and id = $2 and deleted_at = 0
		and version = $14 and status = $15 and health = $16 and identity = $17`,
		before.OrganizationID, before.ID, c.Identity,
		c.Status, c.StatusReason, c.StatusChangedBy, micros(c.StatusChangedAt),
		c.Health.Status, c.Health.Cause, c.Health.Summary, c.Health.CheckID, micros(c.Health.CheckedAt), micros(c.Health.Since),
		before.Version, before.Status, before.Health.Status, before.Identity,
		micros(c.Maintenance.Until), c.Maintenance.Reason)
	if errors.Is(err, errNoRow) {
		if _, err := t.Connection(ctx, before.OrganizationID, before.ID); err != nil {
			return err
		}
		return overtaken(err)
	}
	if err != nil {
		return err
	}
	after := *before
	after.Status, after.Health.Status = c.Status, c.Health.Status
	return t.moveCount(ctx, before, &after)
}

// DeleteConnection deletes a connection softly: it can be restored with its
// environments and credentials.
func (t *Tx) DeleteConnection(ctx context.Context, org, id belay.ID, by string, now time.Time) error {
	if err := t.seize(ctx, "connections", org, id); err != nil {
		return err
	}
	c, err := one(ctx, t.Reader, scanConnection, selectConnection+" and c.deleted_at = 0"+t.lock, org, id)
	if err != nil {
		return notFound(err, "connection")
	}
	after := *c
	after.Status, after.StatusReason, after.StatusChangedBy, after.StatusChangedAt = belay.StatusDeleted, "", by, now
	after.Version, after.UpdatedAt, after.DeletedAt = c.Version+1, now, now
	return t.saveConnection(ctx, c, &after)
}

// RestoreConnection takes back a deletion: the connection is registered
// again, as belay.Connection.Restored makes it.
func (t *Tx) RestoreConnection(ctx context.Context, org, id belay.ID, by string, now time.Time) (*belay.Connection, error) {
	c, err := one(ctx, t.Reader, scanConnection, selectConnection+" and c.deleted_at > 0"+t.lock, org, id)
	if err != nil {
		return nil, notFound(err, "deleted connection")
	}
	before := *c
	c.Restored(by, now)
	return c, t.saveConnection(ctx, &before, c)
}

// DeletedConnection returns one connection that can be restored.
func (r Reader) DeletedConnection(ctx context.Context, org, id belay.ID) (*belay.Connection, error) {
	c, err := one(ctx, r, scanConnection, selectConnection+" and c.deleted_at > 0"+r.lock, org, id)
	return c, notFound(err, "deleted connection")
}

// ConnectionsOfCluster returns the live connections whose identity begins
// with the part that names the cluster, at most belay.MaxPageSize.
func (r Reader) ConnectionsOfCluster(ctx context.Context, org belay.ID, cluster string) ([]*belay.Connection, error) {
	return all(ctx, r, scanConnection, "select "+connectionColumns+`
		from connections c where c.organization_id = $1 and c.identity >= $2 and c.identity < $3 and c.identity <> '' and c.deleted_at = 0
		order by c.identity limit 100`, org, cluster, cluster+"\U0010FFFF")
}
