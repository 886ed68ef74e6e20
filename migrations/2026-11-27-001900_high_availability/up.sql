-- VMs that went down without being told to and are to be started again.
create table ha_restart (
  vm_id text primary key references vm (id) on delete cascade,
  since timestamp not null,
  tries integer not null,
  next_try timestamp not null
);
-- What powers a host: a program of the fence-agents kind on another host, asked in this order.
create table fence_agent (
  id text primary key,
  host_id text not null references host (id) on delete cascade,
  place integer not null,
  kind text not null,
  address text not null,
  user_name text not null,
  -- Sealed.
  password text not null,
  -- JSON: further options of the program.
  options text not null
);
create index fence_agent_host on fence_agent (host_id);
