//! Users and groups.

use crate::model::clock::Timestamp;
use crate::model::ids::{GroupId, UserId};

/// The domain whose users are kept in Vireo's own database.
pub const INTERNAL_DOMAIN: &str = "internal";

text_enum! {
    /// What opened a session.
    SessionKind { Portal = "portal", Api = "api", }
}

/// A user as lists and details show it. The sign-in name is `user_name@domain`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserView {
    pub id: UserId,
    /// Without the domain.
    pub user_name: String,
    pub domain: String,
    pub first_name: String,
    pub last_name: String,
    pub email: String,
    pub locked_until: Option<Timestamp>,
    pub last_sign_in: Option<Timestamp>,
}

impl UserView {
    /// `admin@internal`
    pub fn principal(&self) -> String {
        format!("{}@{}", self.user_name, self.domain)
    }
}

/// A group as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupView {
    pub id: GroupId,
    pub name: String,
    pub domain: String,
}
