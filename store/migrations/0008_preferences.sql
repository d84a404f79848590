-- How a user wants things shown. extensions is a JSON object.
create table preferences (
	user_id    ctext primary key references users (id),
	theme      ctext not null,
	time_zone  ctext not null,
	extensions ctext not null,
	version    bigint not null,
	updated_at bigint not null
);
