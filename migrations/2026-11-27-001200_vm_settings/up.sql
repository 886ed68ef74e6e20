-- All settings of a VM but its size (JSON): what is not said has its default.
alter table vm add column settings text not null default '{}';
alter table template add column settings text not null default '{}';
-- What a running guest was started with, or got since (JSON); empty: it does not run, or was started by an older engine.
alter table vm_run add column launched text not null default '';
-- Settings differ from those: they count from the next start.
alter table vm_run add column waits boolean not null default false;
-- False: the VM has it, and the guest does not see it.
alter table vm_disk add column active boolean not null default true;
alter table nic add column plugged boolean not null default true;
