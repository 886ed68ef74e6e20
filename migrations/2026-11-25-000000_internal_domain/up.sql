-- The internal domain as ovirt-aaa-jdbc keeps it: when an account and its password are good, and who failed to sign in.

alter table users add column department text not null default '';
alter table users add column title text not null default '';
alter table users add column description text not null default '';
alter table users add column disabled boolean not null default false;
alter table users add column valid_from timestamp;
alter table users add column valid_to timestamp;
-- 336 half hours of a week from Sunday 00:00 UTC, '0' or '1' each; empty: always
alter table users add column login_hours text not null default '';
alter table users add column password_valid_to timestamp;
alter table users add column must_change_password boolean not null default false;
alter table users add column locked_at timestamp;
alter table users add column last_failure timestamp;
alter table users add column last_failure_ip text not null default '';

create table password_history (
    user_id text not null references users (id) on delete cascade,
    replaced timestamp not null,
    password_hash text not null,
    primary key (user_id, replaced)
);

alter table user_group add column description text not null default '';

-- A member is a user or another group.
create table group_member (
    group_id text not null references user_group (id) on delete cascade,
    member_id text not null,
    primary key (group_id, member_id)
);
create index group_member_by_member on group_member (member_id);
