-- How a session's owner showed who he is; second factors and passkeys of the internal domain.

alter table session add column method text not null default 'password';

-- Codes by time (RFC 6238). The secret is sealed by the engine's vault; not confirmed: it is still being set up.
create table totp (
    user_id text primary key references users (id) on delete cascade,
    sealed_secret text not null,
    confirmed boolean not null,
    -- of the last code that was taken: none is taken twice
    last_step bigint not null,
    created timestamp not null
);

create table recovery_code (
    user_id text not null references users (id) on delete cascade,
    code_hash text not null,
    primary key (user_id, code_hash)
);

create table passkey (
    id text primary key,
    user_id text not null references users (id) on delete cascade,
    name text not null,
    -- what follows is base64url, as the WebAuthn library writes it
    credential_id text not null unique,
    static_state text not null,
    dynamic_state text not null,
    created timestamp not null,
    last_used timestamp
);
create index passkey_by_user on passkey (user_id);

-- A right password whose second factor is still to come. The secret is the browser's.
create table pending_sign_in (
    secret_hash text primary key,
    user_id text not null references users (id) on delete cascade,
    expires timestamp not null
);
