alter table vm_pool drop column prestart_reason;
alter table vm_pool drop column prestart_wait;
alter table vm_pool drop column prestart_failures;
drop index image_thrown_away;
alter table image drop column made;
