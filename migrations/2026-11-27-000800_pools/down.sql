alter table pool_assignment drop column ends;
alter table vm_pool drop column prestart_reason;
alter table vm_pool drop column prestart_wait;
alter table vm_pool drop column prestart_failures;
drop index image_thrown_away;
alter table image drop column made;
