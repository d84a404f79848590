-- The version of what a user is in an organization, which each change of his
-- role raises: two people who change it at once do not undo one another.
alter table memberships add column version bigint not null default 1;
