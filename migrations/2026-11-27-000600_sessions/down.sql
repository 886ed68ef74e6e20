drop table pending_sign_in;
drop table passkey;
drop table recovery_code;
drop table totp;
alter table session drop column method;
