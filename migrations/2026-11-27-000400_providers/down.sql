drop table openid_session;
drop table openid_flow;
drop table openid_provider;
