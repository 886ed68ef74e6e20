drop table cluster_rest_vm;
drop table cluster_rest;
