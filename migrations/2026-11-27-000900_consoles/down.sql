alter table vm drop column allow_override;
drop index console_ticket_by_console;
alter table console_ticket drop column take_over;
alter table console_ticket drop column kind;
alter table console_ticket drop column console_id;
