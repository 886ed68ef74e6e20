alter table first_run drop column secrets;
