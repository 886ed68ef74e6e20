-- -1: never; 1 to 10: the highest is chosen first.
alter table host add column spm_priority integer not null default 5;
-- The storage pool manager of a data center: the host that does what concerns all of its storage.
create table data_center_spm (
  data_center_id text primary key references data_center (id) on delete cascade,
  host_id text not null references host (id) on delete cascade
);
