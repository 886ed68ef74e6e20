-- Scheduling policies that people made; oVirt's own are in the program.
create table scheduling_policy (
  id text primary key,
  name text not null unique,
  description text not null,
  -- JSON: filters, weights with their factors, the balancer, and numbers.
  units text not null
);
create table affinity_group (
  id text primary key,
  cluster_id text not null references cluster (id) on delete cascade,
  name text not null,
  description text not null,
  -- positive, negative, disabled; whether it is enforced.
  vms_affinity text not null,
  vms_enforcing boolean not null,
  hosts_affinity text not null,
  hosts_enforcing boolean not null,
  unique (cluster_id, name)
);
create table affinity_group_vm (
  group_id text not null references affinity_group (id) on delete cascade,
  vm_id text not null references vm (id) on delete cascade,
  primary key (group_id, vm_id)
);
create index affinity_group_vm_vm on affinity_group_vm (vm_id);
create table affinity_group_host (
  group_id text not null references affinity_group (id) on delete cascade,
  host_id text not null references host (id) on delete cascade,
  primary key (group_id, host_id)
);
create table affinity_label (
  id text primary key,
  name text not null unique
);
create table affinity_label_vm (
  label_id text not null references affinity_label (id) on delete cascade,
  vm_id text not null references vm (id) on delete cascade,
  primary key (label_id, vm_id)
);
create index affinity_label_vm_vm on affinity_label_vm (vm_id);
create table affinity_label_host (
  label_id text not null references affinity_label (id) on delete cascade,
  host_id text not null references host (id) on delete cascade,
  primary key (label_id, host_id)
);
create index affinity_label_host_host on affinity_label_host (host_id);
-- How a VM came to the host that it was sent to last (JSON).
create table vm_placement (
  vm_id text primary key references vm (id) on delete cascade,
  decided timestamp not null,
  decision text not null
);
