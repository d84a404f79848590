alter table checks add column rejected ctext not null default '[]';
alter table checks add column identity ctext not null default '';
