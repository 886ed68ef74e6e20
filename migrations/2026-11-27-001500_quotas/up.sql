-- How much of a data center its quotas give: disabled, audit, enabled.
alter table data_center add column quota_mode text not null default 'disabled';
-- What people may use of a data center. Numbers that are null have no limit.
create table quota (
  id text primary key,
  data_center_id text not null references data_center (id),
  name text not null,
  description text not null,
  -- What counts on no other quota counts on this one; it is never changed.
  is_default boolean not null,
  -- Percent of a limit from which on people are told, and percent above it that are let pass.
  threshold_cluster integer not null,
  grace_cluster integer not null,
  threshold_storage integer not null,
  grace_storage integer not null,
  -- What each person may use of it.
  person_vcpus bigint,
  person_memory_mib bigint,
  person_storage_gib bigint,
  unique (data_center_id, name)
);
-- A null cluster or storage domain: all of them together. What no row speaks of gives nothing.
create table quota_cluster_limit (
  id text primary key,
  quota_id text not null references quota (id) on delete cascade,
  cluster_id text references cluster (id),
  vcpus bigint,
  memory_mib bigint
);
create index quota_cluster_limit_quota on quota_cluster_limit (quota_id);
create table quota_storage_limit (
  id text primary key,
  quota_id text not null references quota (id) on delete cascade,
  storage_domain_id text references storage_domain (id),
  gib bigint
);
create index quota_storage_limit_quota on quota_storage_limit (quota_id);
-- The quota that was chosen for a VM, a pool, a template or a disk.
create table quota_choice (
  object_id text primary key,
  quota_id text not null references quota (id)
);
create index quota_choice_quota on quota_choice (quota_id);
