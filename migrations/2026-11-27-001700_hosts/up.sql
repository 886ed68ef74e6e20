-- The host's key by which it is known (SHA-256 of its public key); empty: it never joined, or is this machine's own.
alter table host add column fingerprint text not null default '';
alter table host add column certificate_ends timestamp;
-- A machine may become this host with the secret whose hash this is.
create table host_invitation (
  host_id text primary key references host (id) on delete cascade,
  secret_hash text not null unique,
  expires timestamp not null,
  -- The key that came with the secret: who asks again has the same.
  fingerprint text not null default ''
);
-- Where a running VM is being moved to.
alter table vm_run add column migrating_to text;
