-- What each host could be upgraded with, as it told last, and what its upgrade said.
create table host_upgrade (
  host_id text primary key references host (id) on delete cascade,
  -- When it was asked; null: never.
  checked timestamp,
  -- When its package manager's lists were fetched.
  refreshed timestamp,
  -- JSON, of model/host_upgrade.rs.
  found text not null,
  -- What people were told of already.
  told text not null,
  -- The task whose words these are.
  job_id text,
  log text not null
);
-- The upgrade of a whole cluster that is under way, or was the last.
create table cluster_upgrade (
  cluster_id text primary key references cluster (id) on delete cascade,
  called_off boolean not null,
  -- JSON: its hosts in their order, and how far each is.
  course text not null
);
