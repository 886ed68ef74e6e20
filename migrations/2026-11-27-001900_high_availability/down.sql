drop table ha_restart;
