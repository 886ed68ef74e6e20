//! Users and groups.

use crate::model::clock::Timestamp;
use crate::model::ids::{GroupId, UserId};
use crate::model::internal::Validity;

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
    pub disabled: bool,
    /// False: his directory has him no more.
    pub active: bool,
    pub locked_until: Option<Timestamp>,
    pub last_sign_in: Option<Timestamp>,
}

impl UserView {
    /// `admin@internal`
    pub fn principal(&self) -> String {
        format!("{}@{}", self.user_name, self.domain)
    }
}

/// Everything that is known of an account of the internal domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountView {
    pub user: UserView,
    pub department: String,
    pub title: String,
    pub description: String,
    pub validity: Validity,
    pub has_password: bool,
    pub locked_at: Option<Timestamp>,
    pub last_failure: Option<Timestamp>,
    /// From where the last wrong password came.
    pub last_failure_ip: String,
    /// Groups that he is in, through other groups, too.
    pub groups: Vec<String>,
}

/// A group as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupView {
    pub id: GroupId,
    pub name: String,
    pub domain: String,
    pub description: String,
    /// False: its directory has it no more.
    pub active: bool,
}
