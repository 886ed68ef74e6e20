//! How a machine becomes a host: what it asks the engine for, and what it is given.

use serde::{Deserialize, Serialize};

/// A certificate request has about 500 bytes; a name or address 253 characters (RFC 1035).
pub const MAX_CSR: usize = 4096;
pub const MAX_ADDRESS: usize = 253;

/// What the machine sends with its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinRequest {
    /// The secret of the join command.
    pub secret: String,
    /// A PKCS #10 request in PEM; only its key is taken.
    pub csr: String,
    pub hostname: String,
    /// Where the engine is to call it; none: where the request came from.
    pub address: Option<String>,
    pub port: u16,
}

/// What it is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// What the engine calls the host.
    pub name: String,
    pub address: String,
    /// PEM.
    pub certificate: String,
    pub ca: String,
}

/// The secret with the fingerprint of the engine's authority, as one word to paste: the machine then knows the engine by more than its
/// address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinToken {
    pub secret: String,
    /// SHA-256 of the authority's public key, base64 for URLs.
    pub authority: String,
}

impl std::fmt::Display for JoinToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.secret, self.authority)
    }
}

/// It is not what the engine shows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the token is not whole: it has two parts with a dot between; copy the command again")]
pub struct BadToken;

impl std::str::FromStr for JoinToken {
    type Err = BadToken;
    fn from_str(text: &str) -> Result<Self, BadToken> {
        let (secret, authority) = text.trim().split_once('.').ok_or(BadToken)?;
        let good =
            |part: &str| part.len() == 43 && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        if !good(secret) || !good(authority) {
            return Err(BadToken);
        }
        Ok(Self { secret: secret.to_owned(), authority: authority.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_is_shown() {
        let token = JoinToken { secret: "a".repeat(43), authority: "b".repeat(43) };
        assert_eq!(token.to_string().parse(), Ok(token.clone()));
        assert_eq!(format!(" {token}\n").parse(), Ok(token.clone()));
        assert_eq!(token.secret.parse::<JoinToken>(), Err(BadToken));
        assert_eq!(format!("{token}=").parse::<JoinToken>(), Err(BadToken));
    }
}
