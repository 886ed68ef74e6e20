drop table user_preference;
drop table class_delivery;
drop table class_gift_seen;
drop table class_gift;
alter table console_ticket drop column entry;
drop index pool_assignment_of_user;
alter table pool_assignment drop column hand;
alter table pool_assignment drop column locked_until;
alter table vm_pool drop column locked_until;
