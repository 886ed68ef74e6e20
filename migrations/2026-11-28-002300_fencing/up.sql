-- When a silent host may be fenced (again) by the engine itself; gone when the host is back. A row, so that no restart of an engine and no
-- second engine tries it sooner.
create table fence_wait (
  host_id text primary key references host (id) on delete cascade,
  next_try timestamp not null
);
-- Agents with the same number are asked together and must agree; others are a second way. So far all had to agree.
update fence_agent set place = 1;
