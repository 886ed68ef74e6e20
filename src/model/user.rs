//! Users and groups.

use crate::model::clock::Timestamp;
use crate::model::ids::{GroupId, SessionId, UserId};
use crate::model::internal::Validity;

/// The domain whose users are kept in Vireo's own database.
pub const INTERNAL_DOMAIN: &str = "internal";

text_enum! {
    /// What opened a session.
    SessionKind { Portal = "portal", Api = "api", }
}

text_enum! {
    /// How somebody showed who he is.
    SignInMethod {
        Password = "password",
        /// And a code of the second factor.
        PasswordCode = "password_code",
        /// And a passkey.
        PasswordPasskey = "password_passkey",
        /// And a recovery code.
        PasswordRecovery = "password_recovery",
        Passkey = "passkey",
        OpenId = "openid",
        Kerberos = "kerberos",
    }
}

/// An open session as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionView {
    pub id: SessionId,
    pub user: UserId,
    pub user_name: String,
    pub domain: String,
    pub kind: SessionKind,
    pub method: SignInMethod,
    pub source_ip: String,
    pub created: Timestamp,
    pub last_active: Timestamp,
    /// Consoles that are open in it.
    pub consoles: usize,
}

impl SessionView {
    /// `admin@internal`
    pub fn principal(&self) -> String {
        format!("{}@{}", self.user_name, self.domain)
    }
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
    pub locked_at: Option<Timestamp>,
    /// From where the last wrong password came.
    pub last_failure_ip: String,
    pub last_sign_in: Option<Timestamp>,
}

impl UserView {
    /// Locked after too many wrong passwords, and still so.
    pub fn is_locked(&self, now: Timestamp) -> bool {
        self.locked_until.is_some_and(|until| until > now)
    }

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
    pub last_failure: Option<Timestamp>,
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
