//! Which domain somebody signs in to (oVirt's profile): a choice beside his name, remembered by the browser. The domain typed in full
//! (`alice@example.com`) works all the same.

use crate::model::user::INTERNAL_DOMAIN;
use crate::web::locale::Locale;
use crate::web::server::Shared;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

/// The cookie that keeps the choice.
const COOKIE: &str = "vireo-profile";

/// The internal domain first.
fn known(http: &HttpRequest) -> Vec<String> {
    let mut all = vec![INTERNAL_DOMAIN.to_owned()];
    if let Some(shared) = http.app_data::<web::Data<Shared>>() {
        all.extend(shared.engine.directories.names());
    }
    all
}

/// The choice; nothing where there is none to make.
pub fn field(http: &HttpRequest, l: Locale, user: &str) -> Markup {
    let all = known(http);
    let kept = http.cookie(COOKIE).map(|cookie| cookie.value().to_owned()).unwrap_or_default();
    let typed = user.rsplit_once('@').map(|(_, domain)| domain.to_lowercase()).filter(|domain| all.contains(domain));
    let chosen = typed.unwrap_or(kept);
    html! {
        @if all.len() > 1 {
            label for="profile" { (l.t("profile-to-sign-in")) }
            select class="vireo-input" id="profile" name="profile" {
                @for name in &all { option value=(name) selected[*name == chosen] { (name) } }
            }
        }
    }
}

/// The name with its domain: as it was typed, if it has one that is known; else with the chosen one.
pub fn full_name(http: &HttpRequest, user: &str, profile: &str) -> String {
    with_domain(&known(http), user.trim(), profile)
}

fn with_domain(known: &[String], user: &str, profile: &str) -> String {
    let has_domain = user.rsplit_once('@').is_some_and(|(_, domain)| known.contains(&domain.to_lowercase()));
    if has_domain || user.is_empty() || !known.iter().any(|name| name == profile) {
        return user.to_owned();
    }
    format!("{user}@{profile}")
}

/// The browser chooses it next time.
pub fn remember(response: &mut HttpResponse, http: &HttpRequest, profile: &str) {
    if !known(http).iter().any(|name| name == profile) {
        return;
    }
    let cookie = Cookie::build(COOKIE, profile.to_owned()).path("/").secure(true).http_only(true);
    // Only a value that is no cookie's could fail, and domains have DNS names.
    let _ = response.add_cookie(&cookie.same_site(SameSite::Lax).permanent().finish());
}

#[cfg(test)]
mod tests {
    use super::with_domain;

    #[test]
    fn a_domain_that_is_typed_wins_over_the_chosen_one() {
        let known = ["internal".to_owned(), "example.com".to_owned()];
        for (user, profile, full) in [
            ("alice", "example.com", "alice@example.com"),
            ("admin@internal", "example.com", "admin@internal"),
            ("Alice@Example.COM", "internal", "Alice@Example.COM"),
            // A name in a directory may have an @ of its own.
            ("alice@corp", "example.com", "alice@corp@example.com"),
            ("alice", "elsewhere", "alice"),
            ("alice", "", "alice"),
            ("", "example.com", ""),
        ] {
            assert_eq!(with_domain(&known, user, profile), full, "{user} {profile}");
        }
    }
}
