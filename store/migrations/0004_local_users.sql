-- Local users sign in by their address; other providers may know one address
-- under several subjects.
create unique index users_local_email_key on users (email_fold) where provider = 'local' and email_fold <> '';

-- hash is a PHC string of argon2id.
create table passwords (
	user_id    ctext primary key references users (id),
	hash       ctext not null,
	changed_at bigint not null
);

alter table sign_in_links add column purpose ctext not null default 'sign-in'
	constraint sign_in_links_purpose_check check (purpose in ('sign-in', 'invitation'));
create index sign_in_links_user on sign_in_links (user_id);

-- key is a keyed hash of whom attempts to sign in are counted for.
create table sign_in_attempts (
	key        bytea primary key,
	count      bigint not null,
	last_at    bigint not null,
	held_until bigint not null
);
create index sign_in_attempts_last on sign_in_attempts (last_at);
