//! What OpenID providers and Kerberos say against somebody, in the reader's language.

use super::locale::Locale;
use crate::model::kerberos::KerberosTrouble;
use crate::model::provider::{OpenIdRefusal, ProviderTrouble};

/// What is wrong with a provider, for who sets it up.
pub fn trouble(l: Locale, why: &ProviderTrouble) -> String {
    let say = |key: &str, values: &[(&str, &str)]| l.ta(key, values);
    match why {
        ProviderTrouble::Unreachable { url, why } => say("openid-unreachable", &[("url", url), ("why", why)]),
        ProviderTrouble::Slow { url, seconds } => {
            say("openid-slow", &[("url", url), ("seconds", &seconds.to_string())])
        }
        ProviderTrouble::Untrusted { url, why } => say("openid-untrusted", &[("url", url), ("why", why)]),
        ProviderTrouble::BadCa { why } => say("openid-bad-ca", &[("why", why)]),
        ProviderTrouble::Status { url, status } => {
            say("openid-status", &[("url", url), ("status", &status.to_string())])
        }
        ProviderTrouble::TooMuch { url, max } => say("openid-too-much", &[("url", url), ("max", &max.to_string())]),
        ProviderTrouble::Nonsense { url, why } => say("openid-nonsense", &[("url", url), ("why", why)]),
        ProviderTrouble::OtherIssuer { expected, found } => {
            say("openid-other-issuer", &[("expected", expected), ("found", found)])
        }
        ProviderTrouble::NotHttps { url } => say("openid-not-https", &[("url", url)]),
        ProviderTrouble::NoPkce => l.t("openid-no-pkce"),
    }
}

/// Why a ticket lets nobody in.
pub fn kerberos(l: Locale, why: &KerberosTrouble) -> String {
    match why {
        KerberosTrouble::NoTicket => l.t("kerberos-no-ticket"),
        KerberosTrouble::Keytab { why } => l.ta("kerberos-keytab", &[("why", why)]),
        KerberosTrouble::Ticket { .. } => l.t("kerberos-bad-ticket"),
        KerberosTrouble::Away { domain } => l.ta("kerberos-away", &[("domain", domain)]),
        KerberosTrouble::Nobody { principal } => l.ta("kerberos-nobody", &[("principal", principal)]),
    }
}

/// Why nobody comes in; how a token was bad is for the administrator.
pub fn refusal(l: Locale, why: &OpenIdRefusal) -> String {
    match why {
        OpenIdRefusal::NotStarted => l.t("openid-not-started"),
        OpenIdRefusal::Denied { .. } => l.t("openid-denied"),
        OpenIdRefusal::NoName { claim } => l.ta("openid-no-name", &[("claim", claim)]),
        OpenIdRefusal::BadName { claim, .. } => l.ta("openid-bad-name", &[("claim", claim)]),
        OpenIdRefusal::Issuer { .. }
        | OpenIdRefusal::NoCode
        | OpenIdRefusal::Exchange { .. }
        | OpenIdRefusal::NoIdToken
        | OpenIdRefusal::Token { .. } => l.t("openid-bad-answer"),
    }
}
