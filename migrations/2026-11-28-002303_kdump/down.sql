drop table host_kdump;
