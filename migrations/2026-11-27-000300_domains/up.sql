-- Directory domains: where people come from beside the internal domain.

create table domain (
    id text primary key,
    -- lower case; users and groups name it
    name text not null unique,
    provider text not null,
    -- host[:port] with blanks between; empty: by SRV records
    servers text not null,
    transport text not null,
    ca_pem text,
    bind_name text,
    -- sealed
    bind_password text,
    base_dn text,
    dns text,
    generation bigint not null,
    created timestamp not null
);
