-- Hosts that a power saving policy took out of use; it brings them back when they are needed.
create table host_rest (
  host_id text primary key references host (id) on delete cascade
);
