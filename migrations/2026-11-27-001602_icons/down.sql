drop table icon;
