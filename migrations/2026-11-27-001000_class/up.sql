-- A pool as a class: screens that are locked until then at the latest, all of them or one; who asks for help.
alter table vm_pool add column locked_until timestamp;
alter table pool_assignment add column locked_until timestamp;
alter table pool_assignment add column hand timestamp;
create index pool_assignment_of_user on pool_assignment (user_id);

-- By what right a console is opened: as one's own, or a teacher's.
alter table console_ticket add column entry text not null default 'own';

-- What a teacher told or gave; no user: to everybody who has one of the pool's VMs.
create table class_gift (
    id text primary key,
    vm_pool_id text not null references vm_pool (id) on delete cascade,
    user_id text,
    kind text not null,
    content text not null,
    bytes bigint not null,
    sender text not null,
    created timestamp not null,
    expires timestamp not null
);
create index class_gift_of_pool on class_gift (vm_pool_id);

-- Who has put it away.
create table class_gift_seen (
    gift_id text not null references class_gift (id) on delete cascade,
    user_id text not null,
    primary key (gift_id, user_id)
);

-- Whether a file has come into a guest. Who gets another VM gets the file anew.
create table class_delivery (
    gift_id text not null references class_gift (id) on delete cascade,
    vm_id text not null references pool_assignment (vm_id) on delete cascade,
    done boolean not null,
    detail text not null,
    tries integer not null,
    primary key (gift_id, vm_id)
);

-- How people want their consoles.
create table user_preference (
    user_id text primary key references users (id) on delete cascade,
    console text not null,
    full_screen boolean not null,
    auto_connect boolean not null
);
