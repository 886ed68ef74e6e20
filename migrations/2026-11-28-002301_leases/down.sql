drop table vm_io_pause;
drop table vm_lease;
