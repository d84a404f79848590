-- By whose word a user is known: the key of a provider may stand for another
-- one some day, at which somebody else has the same subject. '' where nobody's
-- is needed.
alter table users add column issuer ctext not null default '';

-- Of a session that began at a provider: which one it is there; the sealed
-- refresh token by which the provider is asked again, and when, 0 for never;
-- and until when somebody is asking.
alter table sessions add column provider_session ctext not null default '';
alter table sessions add column refresh_token bytea;
alter table sessions add column refresh_at bigint not null default 0;
alter table sessions add column refreshing_until bigint not null default 0;
create index sessions_provider_session on sessions (provider_session) where provider_session <> '';
