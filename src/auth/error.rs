//! Why somebody may not.

use super::waiting::Waiting;
use crate::db::DbError;
use crate::model::factor::FactorTrouble;
use crate::model::ids::{ObjectId, UserId};
use crate::model::internal::NotNow;
use crate::model::role::Action;

/// A refusal, or a failed look-up.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// Answered 404, as if it were not there.
    #[error("{object} does not exist, or you may not see it")]
    Hidden { object: ObjectId },
    #[error("{user} may not {action} here; ask an administrator for a role with that permit")]
    Forbidden { user: String, action: Action, object: ObjectId },
    #[error("sign in first")]
    NotSignedIn,
    #[error("{user} has no administrator role; use the User Portal, or send Filter: true")]
    NotAdmin { user: String },
    #[error("the user name or the password is wrong, or the account is locked")]
    WrongPassword,
    /// Whoever tried hears no more than that it was wrong.
    #[error("the user name or the password is wrong, or the account is locked")]
    Locked {
        user: String,
        /// By this very try.
        just_now: bool,
    },
    #[error("there were too many wrong passwords from this address or for this name; try again in {seconds} seconds")]
    TooMany { seconds: i64 },
    /// Only heard by who knows the password.
    #[error("{why}")]
    NotNow { user: UserId, why: NotNow },
    /// The password is right; the second factor is still to come.
    #[error("a second factor is asked for")]
    SecondFactor(Waiting),
    #[error("{0}")]
    Factor(FactorTrouble),
    #[error("the console ticket is used, expired or not for you; ask for a new one")]
    BadTicket,
    #[error(transparent)]
    Sealed(#[from] super::vault::Sealed),
    #[error(transparent)]
    Db(#[from] DbError),
    #[error("the database refused a query")]
    Query(#[from] diesel::result::Error),
}
