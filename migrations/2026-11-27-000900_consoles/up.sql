-- Which console a ticket is for: SPICE opens several connections, each with a ticket of its own. Tickets live two minutes: none is kept.
delete from console_ticket;
alter table console_ticket add column console_id text not null default '';
alter table console_ticket add column kind text not null default 'vnc';
-- Others who have the console open lose it.
alter table console_ticket add column take_over boolean not null default false;
create index console_ticket_by_console on console_ticket (console_id);

-- Whoever may open the VM's consoles may come to one that another user has open (oVirt's "disable strict user checking").
alter table vm add column allow_override boolean not null default false;
