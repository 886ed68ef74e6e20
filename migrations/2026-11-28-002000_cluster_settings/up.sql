-- JSON: what is set of a cluster beside its name and its place.
alter table cluster add column settings text not null default '{}';
