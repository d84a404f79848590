-- The session of a client whose user's provider is asked again in a browser's
-- session: that one, in which the client was allowed and with which it ends.
alter table sessions add column parent_id ctext references sessions (id) on delete cascade;
create index sessions_parent on sessions (parent_id) where parent_id is not null;
