drop table domain;
