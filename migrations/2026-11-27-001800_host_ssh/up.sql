-- Where a host was logged in to by SSH, and which key its SSH server must show (SHA256:…).
create table host_ssh (
  host_id text primary key references host (id) on delete cascade,
  port integer not null,
  user_name text not null,
  fingerprint text not null
);
