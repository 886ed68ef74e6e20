-- Which console a ticket is for: SPICE opens several connections, each with a ticket of its own. Tickets live two minutes: none is kept.
delete from console_ticket;
alter table console_ticket add column console_id text not null default '';
alter table console_ticket add column kind text not null default 'vnc';
-- Others who have the console open lose it.
alter table console_ticket add column take_over boolean not null default false;
create index console_ticket_by_console on console_ticket (console_id);
