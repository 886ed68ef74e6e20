-- Tags: a tree of names, and what carries them.
create table tag (
  id text primary key,
  -- Only the root has none.
  parent_id text references tag (id),
  name text not null,
  description text not null
);
-- A search does not look at case; so two names must differ in more.
create unique index tag_name on tag (lower(name));
create index tag_parent on tag (parent_id);
insert into tag (id, parent_id, name, description)
  values ('00000000-0000-0000-0000-000000000000', null, 'root', '');
-- A VM, host, template, user or group, by its id in the tree of objects.
create table tag_use (
  object_id text not null,
  tag_id text not null references tag (id) on delete cascade,
  primary key (object_id, tag_id)
);
create index tag_use_tag on tag_use (tag_id, object_id);
-- Each tag with itself and all above it: what carries a tag is found by those, too.
create view tag_above as
  with recursive line (tag_id, above_id) as (
    select id, id from tag
    union all
    select line.tag_id, tag.parent_id from line join tag on tag.id = line.above_id where tag.parent_id is not null
  )
  select tag_id, above_id from line;
