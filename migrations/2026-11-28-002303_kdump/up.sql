-- Hosts that tell of themselves when their kernel crashed and is being dumped, and when each was heard last.
create table host_kdump (
  host_id text primary key references host (id) on delete cascade,
  heard timestamp
);
