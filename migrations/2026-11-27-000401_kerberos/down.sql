drop table kerberos;
