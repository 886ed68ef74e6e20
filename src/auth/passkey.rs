//! Passkeys (WebAuthn): what the browser is asked, and whether its answer is good. A challenge is kept here until it is answered, once.

use super::AuthError;
use super::guesses::network;
use crate::model::factor::FactorTrouble;
use crate::model::ids::{PasskeyId, UserId};
use crate::store::factors::PasskeyRow;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use webauthn_rp::bin::{Decode, Encode};
use webauthn_rp::request::auth::AuthenticationVerificationOptions;
use webauthn_rp::request::register::{
    PublicKeyCredentialUserEntity, RegistrationVerificationOptions, UserHandle16, Username,
};
use webauthn_rp::request::{AsciiDomain, PublicKeyCredentialDescriptor, RpId, TimedCeremony};
use webauthn_rp::response::auth::error::AuthCeremonyErr;
use webauthn_rp::response::register::{CompressedPubKey, DynamicState, StaticState};
use webauthn_rp::response::{AuthTransports, CredentialId};
use webauthn_rp::{
    AuthenticatedCredential, DiscoverableAuthentication16, DiscoverableAuthenticationServerState,
    DiscoverableCredentialRequestOptions, PublicKeyCredentialCreationOptions, Registration, RegistrationServerState,
};

/// As long as the library gives the browser.
const LIFE: Duration = Duration::from_secs(300);
const MOST: usize = 4096;
/// Of one address: who asks for more forgets his oldest.
const MOST_OF_ONE: usize = 32;

/// Where the browser is: the name that passkeys are bound to, and the whole origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    pub name: String,
    /// `https://engine.example:8443`
    pub origin: String,
}

/// What the browser was asked and has not answered yet.
#[derive(Debug, Default)]
pub struct Ceremonies {
    adding: Mutex<HashMap<u128, Asked<(UserId, RegistrationServerState<16>)>>>,
    using: Mutex<HashMap<u128, Asked<DiscoverableAuthenticationServerState>>>,
}

#[derive(Debug)]
struct Asked<T> {
    address: String,
    at: Instant,
    state: T,
}

fn keep<T>(all: &Mutex<HashMap<u128, Asked<T>>>, challenge: u128, source_ip: &str, state: T) -> Result<(), AuthError> {
    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
    let address = network(source_ip);
    let mut own: Vec<(Instant, u128)> =
        all.iter().filter(|(_, asked)| asked.address == address).map(|(key, asked)| (asked.at, *key)).collect();
    if own.len() >= MOST_OF_ONE {
        own.sort_unstable();
        all.remove(&own[0].1);
    }
    if all.len() >= MOST {
        all.retain(|_, asked| asked.at.elapsed() < LIFE);
    }
    if all.len() >= MOST {
        return Err(AuthError::Factor(FactorTrouble::Busy));
    }
    all.insert(challenge, Asked { address, at: Instant::now(), state });
    Ok(())
}

fn take<T>(all: &Mutex<HashMap<u128, Asked<T>>>, challenge: u128) -> Option<T> {
    let asked = all.lock().unwrap_or_else(PoisonError::into_inner).remove(&challenge)?;
    (asked.at.elapsed() < LIFE).then_some(asked.state)
}

fn wrong(why: impl std::fmt::Debug) -> AuthError {
    tracing::info!(?why, "a passkey's answer was refused");
    AuthError::Factor(FactorTrouble::WrongPasskey)
}

fn rp(site: &Site) -> Result<RpId, AuthError> {
    let none = || AuthError::Factor(FactorTrouble::NoName);
    if site.name.parse::<IpAddr>().is_ok() {
        return Err(none());
    }
    Ok(RpId::Domain(AsciiDomain::try_from(site.name.clone()).map_err(|_| none())?))
}

fn handle(user: UserId) -> UserHandle16 {
    // Any sixteen bytes are one.
    UserHandle16::decode(user.0.into_bytes()).unwrap_or_default()
}

fn text<T: AsRef<[u8]>>(bytes: T) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Ceremonies {
    /// What the browser is asked to make a passkey, as JSON; `held`: the user's, which must not be made once more.
    ///
    /// # Errors
    /// The site has no name, or too many are asked just now.
    pub fn ask_to_add(
        &self,
        site: &Site,
        user: UserId,
        name: &str,
        held: &[PasskeyRow],
        source_ip: &str,
    ) -> Result<String, AuthError> {
        let (rp, id) = (rp(site)?, handle(user));
        // A name that WebAuthn does not take (it is shown by the authenticator only) is left out.
        let user_name = Username::try_from(name).or_else(|_| Username::try_from("vireo")).map_err(wrong)?;
        let entity = PublicKeyCredentialUserEntity { name: user_name, id: &id, display_name: None };
        let excluded = held
            .iter()
            .filter_map(|row| {
                let id = CredentialId::decode(URL_SAFE_NO_PAD.decode(&row.credential_id).ok()?).ok()?;
                Some(PublicKeyCredentialDescriptor { id, transports: AuthTransports::decode(0).ok()? })
            })
            .collect();
        let options = PublicKeyCredentialCreationOptions::passkey(&rp, entity, excluded);
        let (server, client) = options.start_ceremony().map_err(wrong)?;
        let json = serde_json::to_string(&client).map_err(wrong)?;
        keep(&self.adding, server.sent_challenge().0, source_ip, (user, server))?;
        Ok(json)
    }

    /// Checks a new passkey; what is to be kept of it.
    ///
    /// # Errors
    /// [`FactorTrouble::WrongPasskey`]
    pub fn added(&self, site: &Site, user: UserId, name: &str, answer: &[u8]) -> Result<PasskeyRow, AuthError> {
        let registration = Registration::from_json_relaxed(answer).map_err(wrong)?;
        let challenge = registration.challenge_relaxed().map_err(wrong)?;
        let asked = take(&self.adding, challenge.0).filter(|(asked, _)| *asked == user);
        let (_, server) = asked.ok_or_else(|| wrong("nobody asked"))?;
        let origins = [site.origin.as_str()];
        let options = RegistrationVerificationOptions::<&str, &str> {
            allowed_origins: &origins,
            error_on_unsolicited_extensions: false,
            ..RegistrationVerificationOptions::default()
        };
        let made = server.verify(&rp(site)?, &registration, &options).map_err(wrong)?;
        Ok(PasskeyRow {
            id: PasskeyId::random(),
            user,
            name: name.to_owned(),
            credential_id: text(made.id()),
            static_state: text(made.static_state().encode().map_err(wrong)?),
            dynamic_state: text(made.dynamic_state().encode().map_err(wrong)?),
        })
    }

    /// What the browser is asked to show a passkey, as JSON.
    ///
    /// # Errors
    /// The site has no name, or too many are asked just now.
    pub fn ask(&self, site: &Site, source_ip: &str) -> Result<String, AuthError> {
        let rp = rp(site)?;
        let (server, client) = DiscoverableCredentialRequestOptions::passkey(&rp).start_ceremony().map_err(wrong)?;
        let json = serde_json::to_string(&client).map_err(wrong)?;
        keep(&self.using, server.sent_challenge().0, source_ip, server)?;
        Ok(json)
    }

    /// Checks the answer against the passkey that its credential belongs to; its row with the counter moved on. The user's own
    /// verification (finger, PIN) is asked for.
    ///
    /// # Errors
    /// [`FactorTrouble::WrongPasskey`]; [`FactorTrouble::Copied`] if the counter went back.
    pub fn shown(&self, site: &Site, answer: &Answer, row: PasskeyRow) -> Result<PasskeyRow, AuthError> {
        let challenge = answer.0.challenge_relaxed().map_err(wrong)?;
        let server = take(&self.using, challenge.0).ok_or_else(|| wrong("nobody asked"))?;
        let (credential, static_state, dynamic_state) = decoded(&row).ok_or_else(|| wrong("unreadable"))?;
        let id = CredentialId::decode(credential.as_slice()).map_err(wrong)?;
        let user = handle(row.user);
        let mut known = AuthenticatedCredential::new(id, &user, static_state, dynamic_state).map_err(wrong)?;
        let origins = [site.origin.as_str()];
        let options = AuthenticationVerificationOptions::<&str, &str> {
            allowed_origins: &origins,
            error_on_unsolicited_extensions: false,
            ..AuthenticationVerificationOptions::default()
        };
        match server.verify(&rp(site)?, &answer.0, &mut known, &options) {
            Ok(_) => {
                let dynamic_state = text(known.dynamic_state().encode().map_err(wrong)?);
                Ok(PasskeyRow { dynamic_state, ..row })
            }
            Err(AuthCeremonyErr::SignatureCounter) => Err(AuthError::Factor(FactorTrouble::Copied)),
            Err(why) => Err(wrong(why)),
        }
    }
}

/// A browser's answer that can be read, and is checked later.
pub struct Answer(DiscoverableAuthentication16);

impl Answer {
    /// # Errors
    /// [`FactorTrouble::WrongPasskey`] if it is none.
    pub fn read(json: &[u8]) -> Result<Self, AuthError> {
        DiscoverableAuthentication16::from_json_relaxed(json).map(Self).map_err(wrong)
    }

    /// Which credential was shown, as the database has it.
    pub fn credential_id(&self) -> String {
        text(self.0.raw_id())
    }
}

type PublicKey = CompressedPubKey<[u8; 32], [u8; 32], [u8; 48], Vec<u8>>;

fn decoded(row: &PasskeyRow) -> Option<(Vec<u8>, StaticState<PublicKey>, DynamicState)> {
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
    let static_state = StaticState::<PublicKey>::decode(bytes(&row.static_state)?.as_slice()).ok()?;
    let dynamic_state = DynamicState::decode(bytes(&row.dynamic_state)?.try_into().ok()?).ok()?;
    Some((bytes(&row.credential_id)?, static_state, dynamic_state))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> Site {
        Site { name: "engine.example".to_owned(), origin: "https://engine.example:8443".to_owned() }
    }

    #[test]
    fn a_challenge_is_kept_once_and_a_flood_of_them_is_bounded() {
        let open = Ceremonies::default();
        let json = open.ask(&site(), "10.0.0.1").unwrap();
        assert!(json.contains("engine.example") && json.contains("\"required\""), "{json}");
        for _ in 0..2 * MOST_OF_ONE {
            open.ask(&site(), "10.0.0.1").unwrap();
        }
        assert_eq!(open.using.lock().unwrap().len(), MOST_OF_ONE);
        let challenge = *open.using.lock().unwrap().keys().next().unwrap();
        assert!(take(&open.using, challenge).is_some() && take(&open.using, challenge).is_none());
    }

    #[test]
    fn an_address_is_no_name_and_nonsense_no_answer() {
        let open = Ceremonies::default();
        let numbers = Site { name: "::1".to_owned(), origin: "https://[::1]".to_owned() };
        assert!(open.ask(&numbers, "10.0.0.1").is_err());
        for nonsense in ["", "{}", "[]", "{\"id\":1}"] {
            assert!(Answer::read(nonsense.as_bytes()).is_err());
            assert!(open.added(&site(), UserId::random(), "key", nonsense.as_bytes()).is_err());
        }
    }

    #[test]
    fn what_is_asked_to_add_names_the_user_and_what_he_has() {
        let open = Ceremonies::default();
        let row = PasskeyRow {
            id: PasskeyId::random(),
            user: UserId::random(),
            name: String::new(),
            credential_id: text([7u8; 32]),
            static_state: String::new(),
            dynamic_state: String::new(),
        };
        let json = open.ask_to_add(&site(), row.user, "bob@internal", std::slice::from_ref(&row), "::1").unwrap();
        assert!(json.contains("bob@internal") && json.contains(&row.credential_id), "{json}");
    }
}
