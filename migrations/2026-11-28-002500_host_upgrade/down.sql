drop table cluster_upgrade;
drop table host_upgrade;
