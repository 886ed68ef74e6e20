-- Both databases take this file: text, integer, bigint, boolean, timestamp only.

create table setting (
    name text primary key,
    value text not null
);

-- Numbers that must grow without gaps or races on either database (event ids).
create table counter (
    name text primary key,
    value bigint not null
);

create table mac_pool (
    id text primary key,
    name text not null unique,
    description text not null,
    is_default boolean not null
);
create table mac_range (
    mac_pool_id text not null references mac_pool (id) on delete cascade,
    from_mac text not null,
    to_mac text not null,
    primary key (mac_pool_id, from_mac)
);

create table data_center (
    id text primary key,
    name text not null unique,
    description text not null,
    comment text not null,
    is_local boolean not null,
    compatibility text not null
);

create table cluster (
    id text primary key,
    data_center_id text not null references data_center (id),
    mac_pool_id text not null references mac_pool (id),
    name text not null unique,
    description text not null,
    comment text not null,
    compatibility text not null
);

create table host (
    id text primary key,
    cluster_id text not null references cluster (id),
    name text not null unique,
    comment text not null,
    address text not null,
    port integer not null,
    status text not null,
    status_reason text not null,
    -- JSON of model::host::HostFacts
    facts text not null,
    last_seen timestamp,
    generation bigint not null
);

create table storage_domain (
    id text primary key,
    data_center_id text references data_center (id),
    host_id text references host (id),
    name text not null unique,
    description text not null,
    comment text not null,
    kind text not null,
    storage_type text not null,
    status text not null,
    is_master boolean not null,
    path text not null,
    total_bytes bigint not null,
    available_bytes bigint not null,
    generation bigint not null
);

create table network (
    id text primary key,
    data_center_id text not null references data_center (id),
    name text not null,
    description text not null,
    comment text not null,
    vlan_id integer,
    mtu integer not null,
    vm_network boolean not null,
    unique (data_center_id, name)
);
create table vnic_profile (
    id text primary key,
    network_id text not null references network (id),
    name text not null,
    description text not null,
    unique (network_id, name)
);

create table instance_type (
    id text primary key,
    name text not null unique,
    description text not null,
    memory_mib bigint not null,
    max_memory_mib bigint not null,
    sockets integer not null,
    cores integer not null,
    threads integer not null
);

create table template (
    id text primary key,
    cluster_id text references cluster (id),
    name text not null unique,
    description text not null,
    comment text not null,
    os text not null,
    kind text not null,
    memory_mib bigint not null,
    max_memory_mib bigint not null,
    guaranteed_memory_mib bigint not null,
    sockets integer not null,
    cores integer not null,
    threads integer not null,
    display text not null,
    -- words of model::vm::BootDevice with commas between
    boot text not null,
    status text not null,
    created timestamp not null
);

create table vm_pool (
    id text primary key,
    cluster_id text not null references cluster (id),
    template_id text not null references template (id),
    name text not null unique,
    description text not null,
    comment text not null,
    -- the name with its ? or - for the numbers of new VMs
    name_mask text not null,
    kind text not null,
    stateful boolean not null,
    size integer not null,
    prestarted integer not null,
    max_user_vms integer not null
);

create table vm (
    id text primary key,
    cluster_id text not null references cluster (id),
    template_id text not null references template (id),
    instance_type_id text references instance_type (id),
    vm_pool_id text references vm_pool (id),
    name text not null unique,
    description text not null,
    comment text not null,
    os text not null,
    kind text not null,
    memory_mib bigint not null,
    max_memory_mib bigint not null,
    guaranteed_memory_mib bigint not null,
    sockets integer not null,
    cores integer not null,
    threads integer not null,
    display text not null,
    boot text not null,
    stateless boolean not null,
    delete_protected boolean not null,
    cd_disk_id text,
    created timestamp not null
);
create index vm_by_cluster on vm (cluster_id);
create index vm_by_template on vm (template_id);
create index vm_by_pool on vm (vm_pool_id);
-- With all that the order of a list needs.
create index vm_by_lower_name on vm (lower(name), id);

-- What the engine intends and what the host reports, side by side; `status` is computed from both (model::vm_state) and
-- kept so that lists can search and sort by it. `generation` counts changes: a writer that read an older one fails.
create table vm_run (
    vm_id text primary key references vm (id) on delete cascade,
    intent text not null,
    observed text not null,
    agent_connected boolean not null,
    status text not null,
    status_reason text not null,
    host_id text references host (id),
    -- JSON list of texts
    addresses text not null,
    fqdn text not null,
    guest_os text not null,
    started timestamp,
    stopped timestamp,
    generation bigint not null
);
create index vm_run_by_status on vm_run (status);
create index vm_run_by_host on vm_run (host_id);

-- Who has a pool's VM: one row while it is taken.
create table pool_assignment (
    vm_id text primary key references vm (id) on delete cascade,
    vm_pool_id text not null references vm_pool (id),
    user_id text not null,
    permission_id text,
    taken timestamp not null
);
create index pool_assignment_by_user on pool_assignment (vm_pool_id, user_id);

create table disk (
    id text primary key,
    storage_domain_id text not null references storage_domain (id),
    alias text not null,
    description text not null,
    content text not null,
    format text not null,
    sparse boolean not null,
    virtual_bytes bigint not null,
    actual_bytes bigint not null,
    -- ok or illegal; locked is what a job's lock makes of it
    status text not null,
    created timestamp not null
);
-- The layers of a disk. The active one is written; `discard` ones are thrown away when the VM stops (stateless).
create table image (
    id text primary key,
    disk_id text not null references disk (id) on delete cascade,
    parent_id text references image (id),
    is_active boolean not null,
    is_stateless boolean not null,
    format text not null,
    created timestamp not null
);
create index image_by_disk on image (disk_id);
create index image_by_parent on image (parent_id);
create table vm_disk (
    disk_id text primary key references disk (id) on delete cascade,
    vm_id text not null references vm (id) on delete cascade,
    position integer not null,
    interface text not null,
    bootable boolean not null,
    read_only boolean not null
);
create index vm_disk_by_vm on vm_disk (vm_id);
create table template_disk (
    disk_id text primary key references disk (id) on delete cascade,
    template_id text not null references template (id) on delete cascade,
    position integer not null,
    interface text not null,
    bootable boolean not null
);
create index template_disk_by_template on template_disk (template_id);

create table nic (
    id text primary key,
    vm_id text not null references vm (id) on delete cascade,
    name text not null,
    mac text not null unique,
    vnic_profile_id text references vnic_profile (id),
    model text not null,
    linked boolean not null,
    position integer not null,
    unique (vm_id, name)
);

create table users (
    id text primary key,
    user_name text not null,
    domain text not null,
    first_name text not null,
    last_name text not null,
    email text not null,
    -- argon2 in PHC form; internal domain only
    password_hash text,
    failures integer not null,
    locked_until timestamp,
    last_sign_in timestamp,
    created timestamp not null,
    unique (domain, user_name)
);
create table user_group (
    id text primary key,
    name text not null,
    domain text not null,
    unique (domain, name)
);

create table role (
    id text primary key,
    name text not null unique,
    description text not null,
    is_admin boolean not null,
    -- oVirt's allows_viewing_children: its holder sees what is below the object
    views_children boolean not null,
    mutable boolean not null
);
create table role_permit (
    role_id text not null references role (id) on delete cascade,
    action text not null,
    primary key (role_id, action)
);
create table permission (
    id text primary key,
    role_id text not null references role (id),
    principal_id text not null,
    object_id text not null,
    object_kind text not null,
    created timestamp not null,
    unique (role_id, principal_id, object_id)
);
create index permission_by_object on permission (object_id);
create index permission_by_principal on permission (principal_id);
-- Every object with itself and all that is above it in oVirt's tree.
create table object_ancestor (
    object_id text not null,
    ancestor_id text not null,
    primary key (object_id, ancestor_id)
);
create index object_ancestor_by_ancestor on object_ancestor (ancestor_id);

create table session (
    id text primary key,
    -- SHA-256 of the cookie's or bearer's secret
    secret_hash text not null unique,
    user_id text not null references users (id) on delete cascade,
    kind text not null,
    source_ip text not null,
    created timestamp not null,
    last_active timestamp not null
);
create index session_by_user on session (user_id);
create table console_ticket (
    secret_hash text primary key,
    session_id text not null references session (id) on delete cascade,
    vm_id text not null references vm (id) on delete cascade,
    expires timestamp not null
);

create table event (
    id bigint primary key,
    code text not null,
    severity text not null,
    message text not null,
    detail text not null,
    time timestamp not null,
    user_id text,
    user_name text,
    vm_id text,
    vm_name text,
    host_id text,
    host_name text,
    template_id text,
    template_name text,
    vm_pool_id text,
    vm_pool_name text,
    cluster_id text,
    cluster_name text,
    storage_domain_id text,
    storage_domain_name text,
    job_id text,
    correlation_id text not null
);
create index event_by_vm on event (vm_id);

create table job (
    id text primary key,
    kind text not null,
    version integer not null,
    -- JSON: the kind's arguments and what its steps have found out
    args text not null,
    subject text not null,
    status text not null,
    owner_id text,
    error text not null,
    correlation_id text not null,
    started timestamp not null,
    ended timestamp,
    -- the engine that runs it, and until when nobody else may
    engine_id text not null,
    lease_until timestamp not null,
    undoing boolean not null
);
create index job_by_status on job (status);
create table job_step (
    job_id text not null references job (id) on delete cascade,
    number integer not null,
    name text not null,
    status text not null,
    progress integer,
    primary key (job_id, number)
);
create table job_lock (
    object_id text primary key,
    job_id text not null references job (id) on delete cascade
);
create index job_lock_by_job on job_lock (job_id);
