drop table vm_placement;
drop table affinity_label_host;
drop table affinity_label_vm;
drop table affinity_label;
drop table affinity_group_host;
drop table affinity_group_vm;
drop table affinity_group;
drop table scheduling_policy;
