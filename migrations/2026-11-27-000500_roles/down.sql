drop index users_by_name;
drop index permission_by_principal;
create index permission_by_principal on permission (principal_id);
drop index permission_by_object;
create index permission_by_object on permission (object_id);
alter table role drop column generation;
