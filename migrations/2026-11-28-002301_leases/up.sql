-- Whether another host saw the locks of a VM's disks while it ran on this one: only then do the storage's locks say where a VM runs.
create table vm_lease (
  vm_id text primary key references vm (id) on delete cascade,
  host_id text not null,
  held boolean not null
);
-- VMs that stand still because a read or write failed.
create table vm_io_pause (
  vm_id text primary key references vm (id) on delete cascade,
  since timestamp not null
);
