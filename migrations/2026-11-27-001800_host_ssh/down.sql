drop table host_ssh;
