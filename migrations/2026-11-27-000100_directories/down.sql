drop index user_group_by_external_id;
alter table user_group drop column active;
alter table user_group drop column external_id;
drop index users_by_external_id;
alter table users drop column active;
alter table users drop column external_id;
