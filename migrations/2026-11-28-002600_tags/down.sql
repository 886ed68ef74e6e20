drop view tag_above;
drop table tag_use;
drop table tag;
