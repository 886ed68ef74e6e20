//! Secrets that must be read again (a directory's bind password, a provider's client secret) are encrypted in the database under a key
//! that is not in it.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Bytes of the key.
pub const KEY_BYTES: usize = 32;

/// Encrypts with AES-256-GCM; what is sealed for one purpose does not open for another.
#[derive(Debug)]
pub struct Vault {
    key: LessSafeKey,
    random: SystemRandom,
}

/// A secret that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret in the database does not open: the data folder's secret.key is another one than it was sealed with")]
pub struct Sealed;

impl Vault {
    /// # Errors
    /// The key has not [`KEY_BYTES`] bytes.
    pub fn new(key: &[u8]) -> Result<Self, Sealed> {
        let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| Sealed)?;
        Ok(Self { key: LessSafeKey::new(key), random: SystemRandom::new() })
    }

    /// A vault whose key dies with it.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn fresh() -> Result<Self, Sealed> {
        let mut key = [0; KEY_BYTES];
        SystemRandom::new().fill(&mut key).map_err(|_| Sealed)?;
        Self::new(&key)
    }

    /// Seals a secret for `purpose` (like `domain 7f3c… bind`).
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn seal(&self, purpose: &str, secret: &str) -> Result<String, Sealed> {
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).map_err(|_| Sealed)?;
        let mut bytes = secret.as_bytes().to_vec();
        let aad = Aad::from(purpose.as_bytes());
        self.key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut bytes).map_err(|_| Sealed)?;
        Ok(STANDARD.encode([nonce.as_slice(), &bytes].concat()))
    }

    /// Opens what was sealed for `purpose`.
    ///
    /// # Errors
    /// It was sealed for something else or with another key, or was changed.
    pub fn open(&self, purpose: &str, sealed: &str) -> Result<String, Sealed> {
        let mut bytes = STANDARD.decode(sealed).map_err(|_| Sealed)?;
        if bytes.len() < NONCE_LEN {
            return Err(Sealed);
        }
        let mut rest = bytes.split_off(NONCE_LEN);
        let nonce = Nonce::try_assume_unique_for_key(&bytes).map_err(|_| Sealed)?;
        let plain = self.key.open_in_place(nonce, Aad::from(purpose.as_bytes()), &mut rest).map_err(|_| Sealed)?;
        String::from_utf8(plain.to_vec()).map_err(|_| Sealed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_for_its_purpose_and_its_key_only() {
        let vault = Vault::fresh().unwrap();
        let sealed = vault.seal("domain a", "s3cret").unwrap();
        assert!(!sealed.contains("s3cret"));
        assert_ne!(sealed, vault.seal("domain a", "s3cret").unwrap(), "a fresh nonce each time");
        assert_eq!(vault.open("domain a", &sealed).unwrap(), "s3cret");
        assert_eq!(vault.open("domain b", &sealed), Err(Sealed));
        assert_eq!(Vault::fresh().unwrap().open("domain a", &sealed), Err(Sealed));
        for broken in ["", "AAAA", "not base64!", &sealed.replace(&sealed[20..22], "zz")] {
            assert_eq!(vault.open("domain a", broken), Err(Sealed));
        }
    }
}
