-- JSON of engine::first_run::sysprep::Secrets, sealed: what Windows must read as it was written; empty: none
alter table first_run add column secrets text not null default '';
