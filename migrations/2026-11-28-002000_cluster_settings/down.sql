alter table cluster drop column settings;
