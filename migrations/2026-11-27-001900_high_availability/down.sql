drop table fence_agent;
drop table ha_restart;
