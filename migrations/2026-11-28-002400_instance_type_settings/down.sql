alter table instance_type drop column settings;
