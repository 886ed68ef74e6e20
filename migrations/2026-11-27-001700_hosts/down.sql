alter table vm_run drop column migrating_to;
drop table host_invitation;
alter table host drop column certificate_ends;
alter table host drop column fingerprint;
