drop table host_rest;
