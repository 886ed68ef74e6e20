-- OpenID providers, sign-ins that are on their way through one, and sessions that came from one.

create table openid_provider (
    id text primary key,
    -- the domain of its users
    name text not null unique,
    label text not null,
    issuer text not null,
    client_id text not null,
    -- sealed; empty: none
    client_secret text not null,
    scopes text not null,
    user_name_claim text not null,
    first_name_claim text not null,
    last_name_claim text not null,
    email_claim text not null,
    groups_claim text not null,
    ca_pem text not null,
    -- empty: its tokens are not taken at the API
    api_audience text not null,
    sign_out boolean not null,
    enabled boolean not null,
    generation bigint not null
);

create table openid_flow (
    state_hash text primary key,
    -- of the cookie of the browser that began it
    browser_hash text not null,
    provider_id text not null references openid_provider (id) on delete cascade,
    nonce text not null,
    -- PKCE's, sealed
    verifier text not null,
    redirect_uri text not null,
    then_path text not null,
    source_ip text not null,
    expires timestamp not null
);
create index openid_flow_by_source_ip on openid_flow (source_ip);

create table openid_session (
    session_id text primary key references session (id) on delete cascade,
    provider_id text not null references openid_provider (id) on delete cascade,
    -- sealed; empty: a session of the API
    id_token text not null
);
