-- One text for SQLite and PostgreSQL. Times are microseconds since 1970 in
-- UTC, 0 where there is none. ctext is text compared byte by byte: a domain
-- on PostgreSQL, a type of text affinity on SQLite. *_fold holds text as it
-- is compared without regard to case.

create table organizations (
	id          ctext primary key,
	name        ctext not null,
	name_fold   ctext not null,
	description ctext not null,
	country     ctext not null,
	region      ctext not null,
	owner_id    ctext not null,
	version     bigint not null,
	created_at  bigint not null,
	updated_at  bigint not null,
	deleted_at  bigint not null default 0
);

create table users (
	id         ctext primary key,
	provider   ctext not null,
	subject    ctext not null,
	email      ctext not null,
	email_fold ctext not null,
	first_name ctext not null,
	last_name  ctext not null,
	avatar_url ctext not null,
	version    bigint not null,
	created_at bigint not null,
	updated_at bigint not null,
	deleted_at bigint not null default 0
);
create unique index users_subject_key on users (provider, subject);

create table memberships (
	organization_id ctext not null references organizations (id),
	user_id         ctext not null references users (id),
	role            ctext not null constraint memberships_role_check check (role in ('owner', 'admin', 'member')),
	email_fold      ctext not null,
	created_at      bigint not null,
	primary key (organization_id, user_id)
);
create index memberships_email on memberships (organization_id, email_fold, user_id);
create index memberships_created on memberships (organization_id, created_at, user_id);
create index memberships_role on memberships (organization_id, role, email_fold, user_id);
create index memberships_user on memberships (user_id, organization_id);

create table workspaces (
	id              ctext primary key,
	organization_id ctext not null references organizations (id),
	owner_id        ctext not null references users (id),
	name            ctext not null,
	name_fold       ctext not null,
	description     ctext not null,
	metadata        ctext not null,
	version         bigint not null,
	created_at      bigint not null,
	updated_at      bigint not null,
	deleted_at      bigint not null default 0
);
create unique index workspaces_name_key on workspaces (organization_id, name_fold) where deleted_at = 0;
create index workspaces_owner on workspaces (organization_id, owner_id, id);
create index workspaces_deleted on workspaces (deleted_at, id) where deleted_at > 0;
create index workspaces_restorable on workspaces (organization_id, name_fold, id) where deleted_at > 0;
create index workspaces_created on workspaces (organization_id, created_at, id) where deleted_at = 0;
create index workspaces_updated on workspaces (organization_id, updated_at, id) where deleted_at = 0;

create table environments (
	id              ctext primary key,
	organization_id ctext not null references organizations (id),
	owner_id        ctext not null references users (id),
	name            ctext not null,
	name_fold       ctext not null,
	description     ctext not null,
	metadata        ctext not null,
	version         bigint not null,
	set_version     bigint not null,
	created_at      bigint not null,
	updated_at      bigint not null,
	deleted_at      bigint not null default 0
);
create unique index environments_name_key on environments (organization_id, name_fold) where deleted_at = 0;
create index environments_owner on environments (organization_id, owner_id, id);
create index environments_deleted on environments (deleted_at, id) where deleted_at > 0;
create index environments_restorable on environments (organization_id, name_fold, id) where deleted_at > 0;
create index environments_created on environments (organization_id, created_at, id) where deleted_at = 0;
create index environments_updated on environments (organization_id, updated_at, id) where deleted_at = 0;

create table credentials (
	id              ctext primary key,
	organization_id ctext not null references organizations (id),
	owner_id        ctext not null references users (id),
	name            ctext not null,
	name_fold       ctext not null,
	type            ctext not null,
	public          ctext not null,
	set_fields      ctext not null,
	fingerprint     ctext not null,
	current         bigint not null,
	expires_at      bigint not null,
	last_used_at    bigint not null,
	last_rotated_at bigint not null,
	version         bigint not null,
	created_at      bigint not null,
	updated_at      bigint not null,
	deleted_at      bigint not null default 0
);
create unique index credentials_name_key on credentials (organization_id, name_fold) where deleted_at = 0;
create index credentials_owner on credentials (organization_id, owner_id, id);
create index credentials_deleted on credentials (deleted_at, id) where deleted_at > 0;
create index credentials_restorable on credentials (organization_id, name_fold, id) where deleted_at > 0;
create index credentials_created on credentials (organization_id, created_at, id) where deleted_at = 0;
create index credentials_updated on credentials (organization_id, updated_at, id) where deleted_at = 0;
create index credentials_type on credentials (organization_id, type, name_fold, id) where deleted_at = 0;
create index credentials_fingerprint on credentials (organization_id, fingerprint) where deleted_at = 0;

create table credential_versions (
	credential_id   ctext not null references credentials (id),
	number          bigint not null,
	organization_id ctext not null references organizations (id),
	sealed          bytea not null,
	fingerprint     ctext not null,
	created_by      ctext not null,
	created_at      bigint not null,
	primary key (credential_id, number)
);

create table connections (
	id                 ctext primary key,
	organization_id    ctext not null references organizations (id),
	owner_id           ctext not null references users (id),
	name               ctext not null,
	name_fold          ctext not null,
	description        ctext not null,
	kind               ctext not null,
	type               ctext not null,
	sub_type           ctext not null,
	endpoint           ctext not null,
	config             ctext not null,
	labels             ctext not null,
	credentials        ctext not null,
	management         ctext not null constraint connections_management_check check (management in ('managed', 'unmanaged')),
	origin             ctext not null,
	identity           ctext not null,
	likeness           ctext not null,
	status             ctext not null constraint connections_status_check check (status in
		('discovered', 'registered', 'connected', 'disconnected', 'ignored', 'maintenance', 'not found', 'deleted')),
	status_reason      ctext not null,
	status_changed_by  ctext not null,
	status_changed_at  bigint not null,
	health             ctext not null constraint connections_health_check check (health in
		('healthy', 'degraded', 'unhealthy', 'unknown', 'unchecked')),
	health_cause       ctext not null,
	health_summary     ctext not null,
	health_check_id    ctext not null,
	health_checked_at  bigint not null,
	health_since       bigint not null,
	check_interval     bigint not null,
	check_timeout      bigint not null,
	maintenance_until  bigint not null,
	maintenance_reason ctext not null,
	version            bigint not null,
	created_at         bigint not null,
	updated_at         bigint not null,
	deleted_at         bigint not null default 0,
	constraint connections_deleted_check check ((status = 'deleted') = (deleted_at > 0))
);
create unique index connections_name_key on connections (organization_id, name_fold) where deleted_at = 0;
create unique index connections_identity_key on connections (organization_id, identity) where deleted_at = 0 and identity <> '';
create index connections_likeness on connections (organization_id, likeness) where deleted_at = 0 and likeness <> '';
create index connections_endpoint on connections (organization_id, kind, endpoint);
create index connections_owner on connections (organization_id, owner_id, id);
create index connections_deleted on connections (deleted_at, id) where deleted_at > 0;
create index connections_created on connections (organization_id, created_at, id) where deleted_at = 0;
create index connections_updated on connections (organization_id, updated_at, id) where deleted_at = 0;
create index connections_kind on connections (organization_id, kind, name_fold, id) where deleted_at = 0;
create index connections_status on connections (organization_id, status, name_fold, id);
create index connections_health on connections (organization_id, health, name_fold, id) where deleted_at = 0;

create table connection_labels (
	organization_id ctext not null,
	name            ctext not null,
	value           ctext not null,
	connection_id   ctext not null references connections (id),
	primary key (organization_id, name, value, connection_id)
);
create index connection_labels_connection on connection_labels (connection_id);

create table connection_credentials (
	connection_id ctext not null references connections (id),
	position      bigint not null,
	credential_id ctext not null references credentials (id),
	purpose       ctext not null,
	primary key (connection_id, position)
);
create unique index connection_credentials_pair_key on connection_credentials (credential_id, connection_id);

create table environment_connections (
	id             ctext not null,
	environment_id ctext not null references environments (id),
	connection_id  ctext not null references connections (id),
	created_at     bigint not null,
	primary key (environment_id, connection_id)
);
create index environment_connections_connection on environment_connections (connection_id, environment_id);

create table workspace_environments (
	id             ctext not null,
	workspace_id   ctext not null references workspaces (id),
	environment_id ctext not null references environments (id),
	created_at     bigint not null,
	primary key (workspace_id, environment_id)
);
create index workspace_environments_environment on workspace_environments (environment_id, workspace_id);

create table workspace_credentials (
	id            ctext not null,
	workspace_id  ctext not null references workspaces (id),
	credential_id ctext not null references credentials (id),
	created_at    bigint not null,
	primary key (workspace_id, credential_id)
);
create index workspace_credentials_credential on workspace_credentials (credential_id, workspace_id);

create table workspace_users (
	id           ctext not null,
	workspace_id ctext not null references workspaces (id),
	user_id      ctext not null references users (id),
	role         ctext not null constraint workspace_users_role_check check (role in ('viewer', 'operator', 'editor', 'admin')),
	created_at   bigint not null,
	primary key (workspace_id, user_id)
);
create index workspace_users_user on workspace_users (user_id, workspace_id);

create table teams (
	id              ctext primary key,
	organization_id ctext not null references organizations (id),
	owner_id        ctext not null references users (id),
	name            ctext not null,
	name_fold       ctext not null,
	description     ctext not null,
	metadata        ctext not null,
	version         bigint not null,
	created_at      bigint not null,
	updated_at      bigint not null,
	deleted_at      bigint not null default 0
);
create unique index teams_name_key on teams (organization_id, name_fold) where deleted_at = 0;
create index teams_deleted on teams (deleted_at, id) where deleted_at > 0;
create index teams_restorable on teams (organization_id, name_fold, id) where deleted_at > 0;
create index teams_created on teams (organization_id, created_at, id) where deleted_at = 0;
create index teams_updated on teams (organization_id, updated_at, id) where deleted_at = 0;

-- source is who made a user a member: "" for a person, else the provider
-- whose groups say so.
create table team_users (
	id         ctext not null,
	team_id    ctext not null references teams (id),
	user_id    ctext not null references users (id),
	source     ctext not null,
	created_at bigint not null,
	primary key (team_id, user_id)
);
create index team_users_user on team_users (user_id, team_id);

create table workspace_teams (
	id           ctext not null,
	workspace_id ctext not null references workspaces (id),
	team_id      ctext not null references teams (id),
	role         ctext not null constraint workspace_teams_role_check check (role in ('viewer', 'operator', 'editor', 'admin')),
	created_at   bigint not null,
	primary key (workspace_id, team_id)
);
create index workspace_teams_team on workspace_teams (team_id, workspace_id);

-- What each user may in each workspace, by himself and through his teams.
create view grants as
	select workspace_id, user_id, role from workspace_users
	union all
	select wt.workspace_id, tu.user_id, wt.role from team_users tu
	join teams t on t.id = tu.team_id and t.deleted_at = 0
	join workspace_teams wt on wt.team_id = tu.team_id;

-- How often it has changed who may what in an organization.
create table access_versions (
	organization_id ctext primary key,
	version         bigint not null
);

create table checks (
	id                 ctext primary key,
	organization_id    ctext not null references organizations (id),
	connection_id      ctext not null references connections (id),
	trigger_by         ctext not null,
	started_at         bigint not null,
	duration           bigint not null,
	health             ctext not null,
	cause              ctext not null,
	summary            ctext not null,
	stages             ctext not null,
	facts              ctext not null,
	credential_id      ctext not null,
	credential_version bigint not null,
	rejected           ctext not null, -- the credentials tried before it, that were rejected
	identity           ctext not null,
	user_id            ctext not null
);
create index checks_connection on checks (connection_id, started_at, id);
create index checks_started on checks (started_at, id);

-- words are those by which it is found, each with a blank before it.
create table tokens (
	id                ctext primary key,
	user_id           ctext not null references users (id),
	organization_id   ctext not null,
	workspace_id      ctext not null,
	environment_id    ctext not null,
	name              ctext not null,
	name_fold         ctext not null,
	purpose           ctext not null,
	words             ctext not null,
	prefix            ctext not null,
	hash              bytea not null,
	former_prefix     ctext not null,
	former_hash       bytea, -- null: none
	former_expires_at bigint not null,
	former_used_at    bigint not null,
	scopes            ctext not null,
	created_at        bigint not null,
	updated_at        bigint not null,
	rotated_at        bigint not null,
	expires_at        bigint not null,
	last_used_at      bigint not null,
	last_used_from    ctext not null,
	revoked_at        bigint not null,
	constraint tokens_binding_check check (organization_id <> '' or workspace_id = '' and environment_id = '')
);
create unique index tokens_hash_key on tokens (hash);
create unique index tokens_former_hash_key on tokens (former_hash);
create index tokens_user on tokens (user_id, name_fold, id);
create index tokens_organization on tokens (organization_id, name_fold, id);
create index tokens_expired on tokens (expires_at) where expires_at > 0;
create index tokens_revoked on tokens (revoked_at) where revoked_at > 0;

create table sessions (
	id           ctext primary key,
	user_id      ctext not null references users (id),
	hash         bytea not null,
	user_agent   ctext not null,
	remote_addr  ctext not null,
	created_at   bigint not null,
	last_used_at bigint not null,
	expires_at   bigint not null
);
create unique index sessions_hash_key on sessions (hash);
create index sessions_user on sessions (user_id, created_at, id);
create index sessions_expires on sessions (expires_at);

create table sign_in_links (
	hash       bytea primary key,
	user_id    ctext not null references users (id),
	created_at bigint not null,
	expires_at bigint not null
);
create index sign_in_links_expires on sign_in_links (expires_at);

create table keysets (
	name       ctext primary key,
	kek_id     ctext not null,
	wrapped    bytea not null,
	created_at bigint not null,
	updated_at bigint not null
);

create table idempotency_keys (
	user_id    ctext not null,
	key        ctext not null,
	request    bytea not null,
	object_id  ctext not null,
	answer     bytea not null,
	created_at bigint not null,
	primary key (user_id, key)
);
create index idempotency_keys_created on idempotency_keys (created_at);

create table object_counts (
	organization_id ctext not null,
	object          ctext not null,
	shard           bigint not null,
	value           bigint not null,
	primary key (organization_id, object, shard)
);

create table connection_counts (
	organization_id ctext not null,
	kind            ctext not null,
	type            ctext not null,
	status          ctext not null,
	health          ctext not null,
	shard           bigint not null,
	value           bigint not null,
	primary key (organization_id, kind, type, status, health, shard)
);

create table search_terms (
	organization_id ctext not null,
	object          ctext not null,
	term            ctext not null,
	object_id       ctext not null,
	primary key (organization_id, object, term, object_id)
);
create index search_terms_object on search_terms (object_id);
