drop table fence_wait;
