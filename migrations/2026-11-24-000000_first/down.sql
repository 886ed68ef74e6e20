drop table job_lock; drop table job_step; drop table job; drop table event; drop table console_ticket; drop table session;
drop table object_ancestor; drop table permission; drop table role_permit; drop table role; drop table user_group; drop table users;
drop table nic; drop table template_disk; drop table vm_disk; drop table image; drop table disk; drop table pool_assignment;
drop table vm_run; drop table vm; drop table vm_pool; drop table template; drop table instance_type; drop table vnic_profile;
drop table network; drop table storage_domain; drop table host; drop table cluster; drop table data_center; drop table mac_range;
drop table mac_pool; drop table counter; drop table setting;
