drop table pool_reservation;
