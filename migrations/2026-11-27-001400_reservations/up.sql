-- A pool is kept for a user or a group at a time of the week, in a place's wall-clock time.
create table pool_reservation (
  id text primary key,
  vm_pool_id text not null references vm_pool (id),
  principal_id text not null,
  -- Bit 0 is Monday.
  weekdays integer not null,
  from_minute integer not null,
  until_minute integer not null,
  time_zone text not null,
  lead_minutes integer not null,
  prestarted integer not null,
  shuts_down boolean not null
);
create index pool_reservation_pool on pool_reservation (vm_pool_id);
