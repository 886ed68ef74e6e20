drop table quota_choice;
drop table quota_storage_limit;
drop table quota_cluster_limit;
delete from object_ancestor where object_id in (select id from quota);
delete from permission where object_id in (select id from quota);
drop table quota;
alter table data_center drop column quota_mode;
