alter table nic drop column plugged;
alter table vm_disk drop column active;
alter table vm_run drop column waits;
alter table vm_run drop column launched;
alter table template drop column settings;
alter table vm drop column settings;
