-- VMs that went down without being told to and are to be started again.
create table ha_restart (
  vm_id text primary key references vm (id) on delete cascade,
  since timestamp not null,
  tries integer not null,
  next_try timestamp not null
);
