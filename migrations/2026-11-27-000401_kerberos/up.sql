-- With which keys Kerberos tickets are taken for people of a directory's domain.

create table kerberos (
    domain_id text primary key references domain (id) on delete cascade,
    -- base64, sealed
    keytab text not null,
    generation bigint not null
);
