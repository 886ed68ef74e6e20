-- Clusters that were shut down as a whole, or are on the way there: no VM starts in them.
create table cluster_rest (
  cluster_id text primary key references cluster (id) on delete cascade,
  -- Somebody called the shutting down, or the start, off.
  called_off boolean not null
);
-- What ran before, and is to run again.
create table cluster_rest_vm (
  vm_id text primary key references vm (id) on delete cascade,
  cluster_id text not null references cluster (id) on delete cascade
);
