drop table data_center_spm;
alter table host drop column spm_priority;
