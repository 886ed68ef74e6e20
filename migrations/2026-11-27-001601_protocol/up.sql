-- How a screen is asked for that can be sent in two ways.
alter table user_preference add column protocol text not null default 'vnc';
