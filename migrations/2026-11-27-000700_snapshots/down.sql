drop table snapshot_image;
drop table snapshot;
