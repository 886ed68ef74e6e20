-- A version of a template belongs to a base template, whose versions are counted from 1; the base itself is the first.
alter table template add column base_template_id text references template (id);
alter table template add column version_number integer not null default 1;
alter table template add column version_name text not null default '';
-- What belongs to one machine only was removed from its disks.
alter table template add column sealed boolean not null default false;
create unique index template_version on template (base_template_id, version_number);

-- The disks are made anew from the newest version of the template, at the next start after that is there.
alter table vm add column use_latest boolean not null default false;
alter table vm_pool add column use_latest boolean not null default false;

-- What the sealing of a template said; kept while the template or the task is there.
create table seal_log (
    template_id text primary key,
    job_id text not null,
    log text not null
);

-- What guests are told at their first start; of VMs, templates and pools.
create table first_run (
    object_id text primary key,
    -- JSON of model::first_run::FirstRun
    settings text not null,
    -- the password's hash, sealed; empty: none
    password text not null,
    revision integer not null
);
-- Which of it a VM was told.
create table first_run_done (
    vm_id text primary key references vm (id) on delete cascade,
    revision integer not null
);

-- How a VM runs this one time; the row goes when it is down.
create table run_once (
    vm_id text primary key references vm (id) on delete cascade,
    -- JSON of model::run_once::RunOnce
    settings text not null,
    stateless boolean not null
);
