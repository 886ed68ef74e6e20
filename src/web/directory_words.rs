//! What directories answer, in the reader's language: steps, what they found, and why they failed.

use super::locale::Locale;
use crate::model::domain::{DirectoryTrouble, Found, Provider, SignInRefusal, Step, StepReport, Transport};

macro_rules! say {
    ($l:expr, $key:literal $(, $name:literal = $value:expr)* $(,)?) => { $l.ta($key, &[$(($name, &$value.to_string())),*]) };
}

/// What a step does.
pub fn step(l: Locale, step: Step) -> String {
    l.t(match step {
        Step::FindServers => "dir-step-find-servers",
        Step::Connect => "dir-step-connect",
        Step::Bind => "dir-step-bind",
        Step::FindUser => "dir-step-find-user",
        Step::ResolveGroups => "dir-step-resolve-groups",
        Step::SignIn => "dir-step-sign-in",
    })
}

/// What a step found, or why it failed.
pub fn outcome(l: Locale, report: &StepReport) -> String {
    match &report.outcome {
        Ok(what) => found(l, what),
        Err(why) => trouble(l, why),
    }
}

/// How passwords travel.
pub fn transport(l: Locale, transport: Transport) -> String {
    l.t(match transport {
        Transport::Ldaps => "dir-ldaps",
        Transport::StartTls => "dir-starttls",
        Transport::Plain => "dir-plain",
    })
}

/// The product.
pub fn provider(l: Locale, provider: Provider) -> String {
    l.t(match provider {
        Provider::Ipa => "dir-ipa",
        Provider::ActiveDirectory => "dir-ad",
        Provider::OpenLdap => "dir-openldap",
        Provider::Rhds => "dir-rhds",
    })
}

/// Longer lists of groups are cut here.
const GROUPS_SHOWN: usize = 20;

fn found(l: Locale, found: &Found) -> String {
    match found {
        Found::Servers(all) => {
            let all = all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            say!(l, "dir-found-servers", "servers" = all)
        }
        Found::Connected { server, transport: by } => {
            say!(l, "dir-found-connected", "server" = server, "transport" = by)
        }
        Found::Bound { dn: Some(dn), base_dn } => say!(l, "dir-found-bound", "dn" = dn, "base" = base_dn),
        Found::Bound { dn: None, base_dn } => say!(l, "dir-found-anonymous", "base" = base_dn),
        Found::User { user_name, dn } => say!(l, "dir-found-user", "user" = user_name, "dn" = dn),
        Found::Groups(all) if all.is_empty() => l.t("dir-found-no-groups"),
        Found::Groups(all) => {
            let more = if all.len() > GROUPS_SHOWN { ", …" } else { "" };
            let shown = all.iter().take(GROUPS_SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
            say!(l, "dir-found-groups", "count" = all.len(), "groups" = format!("{shown}{more}"))
        }
        Found::SignedIn => l.t("dir-found-signed-in"),
    }
}

/// Why a directory did not do what it was asked, as administrators hear it.
pub fn trouble(l: Locale, trouble: &DirectoryTrouble) -> String {
    use DirectoryTrouble as T;
    match trouble {
        T::NoSrv { domain, record } => say!(l, "dir-no-srv", "domain" = domain, "record" = record),
        T::Dns { why } => say!(l, "dir-dns", "why" = why),
        T::Unreachable { server, why } => say!(l, "dir-unreachable", "server" = server, "why" = why),
        T::Slow { server, seconds } => say!(l, "dir-slow", "server" = server, "seconds" = seconds),
        T::Untrusted { server, why } => say!(l, "dir-untrusted", "server" = server, "why" = why),
        T::BadCa { why } => say!(l, "dir-bad-ca", "why" = why),
        T::NoStartTls { server, why } => say!(l, "dir-no-starttls", "server" = server, "why" = why),
        T::BindRefused { server, name } => say!(l, "dir-bind-refused", "server" = server, "name" = name),
        T::AnonymousRefused { server } => say!(l, "dir-anonymous-refused", "server" = server),
        T::NoBaseDn { server } => say!(l, "dir-no-base-dn", "server" = server),
        T::WrongBaseDn { server, base_dn } => say!(l, "dir-wrong-base-dn", "server" = server, "base" = base_dn),
        T::NoUser { domain, user_name } => say!(l, "dir-no-user", "domain" = domain, "user" = user_name),
        T::Ambiguous { domain, user_name } => say!(l, "dir-ambiguous", "domain" = domain, "user" = user_name),
        T::NoExternalId { dn, attribute } => say!(l, "dir-no-external-id", "dn" = dn, "attribute" = attribute),
        T::Nonsense { server, why } => say!(l, "dir-nonsense", "server" = server, "why" = why),
        T::Died { server } => say!(l, "dir-died", "server" = server),
        T::Incomplete { server, code } => say!(l, "dir-incomplete", "server" = server, "code" = code),
        T::Refused { server, code, text } => {
            say!(l, "dir-refused", "server" = server, "code" = code, "text" = text)
        }
        T::SignIn(why) | T::Unproven(why) => refusal(l, *why),
    }
}

/// Why a directory does not let somebody in.
pub fn refusal(l: Locale, why: SignInRefusal) -> String {
    l.t(match why {
        SignInRefusal::WrongPassword => "dir-wrong-password",
        SignInRefusal::Disabled => "dir-disabled",
        SignInRefusal::AccountExpired => "dir-account-expired",
        SignInRefusal::Locked => "dir-locked",
        SignInRefusal::PasswordExpired => "dir-password-expired",
        SignInRefusal::MustChange => "dir-must-change",
        SignInRefusal::Hours => "dir-hours",
        SignInRefusal::Restricted => "dir-restricted",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_is_told_in_both_languages_with_what_it_names() {
        let slow = DirectoryTrouble::Slow { server: "ldap1.example.com:636".to_owned(), seconds: 5 };
        assert_eq!(trouble(Locale::En, &slow), "ldap1.example.com:636 did not answer within 5 seconds.");
        let zh = trouble(Locale::ZhCn, &slow);
        assert!(zh.contains("ldap1.example.com:636") && zh.contains("5 秒"), "{zh}");
        let groups = Found::Groups((0..30).map(|n| format!("g{n}")).collect());
        assert!(
            found(Locale::En, &groups).starts_with("30 groups: g0, g1, ") && found(Locale::En, &groups).ends_with('…')
        );
    }
}
