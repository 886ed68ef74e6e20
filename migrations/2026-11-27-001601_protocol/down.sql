alter table user_preference drop column protocol;
