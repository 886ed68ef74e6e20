drop index image_of_memory;
alter table image drop column memory_id;
drop table pool_memory_layer;
drop table pool_memory;
alter table vm_pool drop column instant_start;
