-- A session is a browser's, or that of a client (RFC 6749) that was allowed to
-- act for its user: client is then that one's id.
alter table sessions add column client ctext not null default '';

-- What a client's session is authenticated by. All refresh tokens of a session
-- begin with the same random text, whose hash is family_hash; refresh_hash is
-- that of the one that has not been used.
create table session_tokens (
	session_id        ctext primary key references sessions (id) on delete cascade,
	access_hash       bytea not null,
	access_expires_at bigint not null,
	family_hash       bytea not null,
	refresh_hash      bytea not null
);
create unique index session_tokens_access_key on session_tokens (access_hash);
create unique index session_tokens_family_key on session_tokens (family_hash);

-- session_id is the browser's session in which it was allowed: what was allowed
-- there and not yet fetched ends with it. issued_id is the session that the
-- code has been exchanged for, '' before that.
create table authorization_codes (
	hash         bytea primary key,
	session_id   ctext not null references sessions (id) on delete cascade,
	user_id      ctext not null references users (id),
	client       ctext not null,
	redirect_uri ctext not null,
	challenge    ctext not null,
	host         ctext not null,
	issued_id    ctext not null default '',
	expires_at   bigint not null
);
create index authorization_codes_session on authorization_codes (session_id);
create index authorization_codes_expires on authorization_codes (expires_at);

-- hash is that of the device code, user_code a keyed hash of what is typed.
-- session_id is the browser's session in which it was answered.
create table device_requests (
	hash        bytea primary key,
	user_code   bytea not null,
	client      ctext not null,
	host        ctext not null,
	remote_addr ctext not null,
	session_id  ctext references sessions (id) on delete cascade, -- null: not answered yet
	user_id     ctext not null default '',
	answer      ctext not null default '' constraint device_requests_answer_check check (answer in ('', 'allowed', 'denied')),
	pause       bigint not null, -- between two questions, in microseconds
	polled_at   bigint not null default 0,
	created_at  bigint not null,
	expires_at  bigint not null
);
create unique index device_requests_user_code_key on device_requests (user_code);
create index device_requests_session on device_requests (session_id);
create index device_requests_expires on device_requests (expires_at);
