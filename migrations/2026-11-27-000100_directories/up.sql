-- Users and groups that a directory or an OpenID provider keeps: what it calls them for ever, and whether it still has them.

alter table users add column external_id text;
alter table users add column active boolean not null default true;
create unique index users_by_external_id on users (domain, external_id);

alter table user_group add column external_id text;
alter table user_group add column active boolean not null default true;
create unique index user_group_by_external_id on user_group (domain, external_id);
