//! The engine's client to what keeps people: LDAP directories, OpenID providers, Kerberos. Knows no database; what it learns are
//! [`Person`](crate::model::directory::Person)s.

pub mod kerberos;
pub mod ldap;
pub mod oidc;
