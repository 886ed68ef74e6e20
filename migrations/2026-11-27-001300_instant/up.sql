-- The pool's VMs start from one saved memory of a booted guest.
alter table vm_pool add column instant_start boolean not null default false;
-- Such a memory. It outlives its pool until its files are removed, and is used only while it is ready and of the make that is wanted.
create table pool_memory (
  id text primary key,
  vm_pool_id text not null,
  state text not null,
  -- What a VM must be like to go on from it.
  make text not null,
  storage_domain_id text not null references storage_domain (id),
  -- The template's disk beside which the file lies.
  disk_id text not null,
  bytes bigint not null default 0,
  reason text not null default '',
  failures integer not null default 0,
  next_try timestamp,
  changed timestamp not null
);
create index pool_memory_pool on pool_memory (vm_pool_id);
-- What its guest wrote until then, one layer on each disk of the template: VMs that go on from the memory have theirs on it.
create table pool_memory_layer (
  memory_id text not null references pool_memory (id),
  image_id text not null,
  disk_id text not null,
  below_image_id text not null,
  primary key (memory_id, image_id)
);
-- The memory whose layer a throw-away layer lies on.
alter table image add column memory_id text;
create index image_of_memory on image (memory_id) where memory_id is not null;
