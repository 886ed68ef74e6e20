//! Second factors of a user of the internal domain.

use crate::model::clock::Timestamp;
use crate::model::ids::PasskeyId;

/// What somebody has set up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Factors {
    /// Codes by time (TOTP), since when.
    pub codes: Option<Timestamp>,
    /// Recovery codes that are left.
    pub recovery: usize,
    pub passkeys: Vec<PasskeyView>,
}

impl Factors {
    /// At least one is set up.
    pub fn any(&self) -> bool {
        self.codes.is_some() || !self.passkeys.is_empty()
    }
}

/// A passkey as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyView {
    pub id: PasskeyId,
    /// What he called it.
    pub name: String,
    pub created: Timestamp,
    pub last_used: Option<Timestamp>,
}

/// Why a second factor was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FactorTrouble {
    #[error("the code is wrong, was used before, or has expired")]
    WrongCode,
    #[error("this sign-in took too long; begin again with user name and password")]
    TooLate,
    #[error("the passkey was not accepted; try again, or sign in with your password")]
    WrongPasskey,
    #[error("this passkey was copied: its counter went back; remove it and sign in another way")]
    Copied,
    #[error(
        "passkeys need a host name in the address, one that the engine's certificate or its setting EngineFqdn has"
    )]
    NoName,
    #[error("too many passkeys are being asked for just now; try again in a minute")]
    Busy,
    #[error("a second factor is set up: type the password followed by the six digits of the code")]
    CodeAfterPassword,
    #[error("a second factor is demanded: sign in at the portal and set up codes first")]
    NotSetUp,
    #[error("the codes are set up already")]
    SetUpAlready,
    #[error("the user is not of the internal domain; second factors belong to his own domain")]
    NotInternal,
}
