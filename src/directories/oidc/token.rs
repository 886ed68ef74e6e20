//! Tokens that a provider signed: ID tokens and access tokens (RFC 9068), verified offline with its keys.

use crate::model::clock::Timestamp;
use crate::model::provider::OpenIdRefusal;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::core::{CoreIdToken, CoreIdTokenVerifier, CoreJsonWebKeySet, CoreJwsSigningAlgorithm as Alg};
use openidconnect::{
    AccessToken, AccessTokenHash, ClaimsVerificationError, ClientId, IssuerUrl, JsonWebTokenType, Nonce,
    SignatureVerificationError,
};
use serde_json::{Map, Value};
use std::str::FromStr as _;
use std::time::{Duration, UNIX_EPOCH};

/// Keys in pairs only: "none", and secrets that both sides know, are no proof of who signed.
const ALGORITHMS: [Alg; 9] = [
    Alg::RsaSsaPkcs1V15Sha256,
    Alg::RsaSsaPkcs1V15Sha384,
    Alg::RsaSsaPkcs1V15Sha512,
    Alg::RsaSsaPssSha256,
    Alg::RsaSsaPssSha384,
    Alg::RsaSsaPssSha512,
    Alg::EcdsaP256Sha256,
    Alg::EcdsaP384Sha384,
    Alg::EdDsa,
];
/// Longer ones are no tokens.
const MAX_TOKEN: usize = 64 << 10;
/// Clocks differ by so much.
const LEEWAY: i64 = 60;

/// What a token says.
pub(super) type ClaimSet = Map<String, Value>;

/// What a token must fulfil.
pub(super) struct Expected<'a> {
    pub issuer: &'a str,
    /// Whom it must be for: the client, or the API.
    pub audience: &'a str,
    pub now: Timestamp,
    pub kind: Kind<'a>,
}

/// The two kinds of tokens.
pub(super) enum Kind<'a> {
    Id { nonce: &'a str, access_token: Option<&'a str> },
    Access,
}

/// Why a token is refused; an unknown key may be a new one.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Bad {
    UnknownKey,
    Refused(OpenIdRefusal),
}

fn bad(why: impl ToString) -> Bad {
    Bad::Refused(OpenIdRefusal::Token { why: why.to_string() })
}

/// Verifies a token; its claims.
///
/// # Errors
/// It is not a token, not this provider's, not for us, not of now, or not of this sign-in.
pub(super) fn verify(token: &str, keys: &CoreJsonWebKeySet, expected: &Expected<'_>) -> Result<ClaimSet, Bad> {
    if token.len() > MAX_TOKEN {
        return Err(bad("it is too long"));
    }
    let parsed = CoreIdToken::from_str(token).map_err(bad)?;
    let issuer = IssuerUrl::new(expected.issuer.to_owned()).map_err(bad)?;
    let now = UNIX_EPOCH + Duration::from_secs(u64::try_from(expected.now.assume_utc().unix_timestamp()).unwrap_or(0));
    let verifier =
        CoreIdTokenVerifier::new_public_client(ClientId::new(expected.audience.to_owned()), issuer, keys.clone())
            .set_allowed_algs(ALGORITHMS)
            .set_time_fn(move || now.into());
    match expected.kind {
        Kind::Id { nonce, access_token } => {
            let claims = parsed.claims(&verifier, &Nonce::new(nonce.to_owned())).map_err(refused)?;
            if let Some((hash, token)) = claims.access_token_hash().zip(access_token) {
                let key = parsed.signing_key(&verifier).map_err(bad)?;
                let alg = parsed.signing_alg().map_err(bad)?;
                let is = AccessTokenHash::from_token(&AccessToken::new(token.to_owned()), alg, key).map_err(bad)?;
                if is != *hash {
                    return Err(bad("it does not belong to the access token (at_hash)"));
                }
            }
        }
        Kind::Access => {
            let types =
                ["jwt", "at+jwt", "application/at+jwt"].map(|t| JsonWebTokenType::new(t.to_owned()).normalize());
            let verifier = verifier
                .set_other_audience_verifier_fn(|_| true)
                .set_allowed_jose_types(types.into_iter().filter_map(Result::ok));
            parsed.claims(&verifier, |_: Option<&Nonce>| Ok(())).map_err(refused)?;
        }
    }
    let claims = payload(token).ok_or_else(|| bad("its claims cannot be read"))?;
    check(&claims, expected)?;
    Ok(claims)
}

/// What the library leaves to its users.
fn check(claims: &ClaimSet, expected: &Expected<'_>) -> Result<(), Bad> {
    if claims.get("sub").and_then(Value::as_str).is_none_or(|sub| sub.is_empty() || sub.len() > 255) {
        return Err(bad("it names nobody (sub)"));
    }
    let now = expected.now.assume_utc().unix_timestamp();
    if claims.get("nbf").and_then(Value::as_i64).is_some_and(|from| from > now + LEEWAY) {
        return Err(bad("it is not good yet (nbf)"));
    }
    if claims.get("iat").and_then(Value::as_i64).is_some_and(|at| at > now + LEEWAY) {
        return Err(bad("it was issued in the future (iat); do the clocks agree?"));
    }
    let for_party = claims.get("azp").and_then(Value::as_str);
    if matches!(expected.kind, Kind::Id { .. }) && for_party.is_some_and(|azp| azp != expected.audience) {
        return Err(bad("it was made for another client (azp)"));
    }
    Ok(())
}

fn refused(error: ClaimsVerificationError) -> Bad {
    match error {
        ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey) => Bad::UnknownKey,
        ClaimsVerificationError::SignatureVerification(why) => bad(why),
        other => bad(other),
    }
}

/// The claims of a token as they stand there.
pub(super) fn payload(token: &str) -> Option<ClaimSet> {
    let part = token.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}
