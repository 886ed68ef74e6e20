-- Own roles are changed by several administrators; permissions are found from both ends without reading their rows.

alter table role add column generation bigint not null default 0;

drop index permission_by_object;
create index permission_by_object on permission (object_id, principal_id, role_id);
drop index permission_by_principal;
create index permission_by_principal on permission (principal_id, object_id, role_id);
create index users_by_name on users (user_name, domain);
