-- JSON: what an instance type says of its VMs beside their size.
alter table instance_type add column settings text not null default '{}';
