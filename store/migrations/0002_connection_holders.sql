-- Of each connection how many live environments hold it, with what the list
-- of those that none holds is ordered and found by. Beside the connections and
-- not in them: who changes what an environment holds would keep waiting who
-- writes the results of their checks, and write each of their indexes.
create table connection_holders (
	connection_id   ctext primary key references connections (id),
	organization_id ctext not null,
	name_fold       ctext not null,
	deleted         bigint not null, -- 1 when the connection is
	environments    bigint not null constraint connection_holders_environments_check check (environments >= 0)
);
insert into connection_holders (connection_id, organization_id, name_fold, deleted, environments)
	select c.id, c.organization_id, c.name_fold, case when c.deleted_at > 0 then 1 else 0 end,
		(select count(*) from environment_connections ec
			join environments e on e.id = ec.environment_id and e.deleted_at = 0 where ec.connection_id = c.id)
	from connections c;
create index connection_holders_none on connection_holders (organization_id, name_fold, connection_id) where environments = 0 and deleted = 0;
insert into object_counts (organization_id, object, shard, value)
	select organization_id, 'unheld connection', 0, count(*) from connection_holders
	where environments = 0 and deleted = 0 group by organization_id;
