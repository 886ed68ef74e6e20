//! Signing in with a passkey: instead of the password, or after it.

use super::{code, local, welcome};
use crate::auth::passkey::Site;
use crate::engine::{EngineError, passkeys};
use crate::web::api::fault;
use crate::web::assets::asset;
use crate::web::csrf;
use crate::web::locale::Locale;
use crate::web::request;
use crate::web::server::Shared;
use crate::web::words;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use serde_json::{Value, json};

/// `/sign-in/passkey`
pub fn routes(config: &mut web::ServiceConfig) {
    config.route("/sign-in/passkey", web::post().to(submit)).route("/sign-in/passkey/options", web::post().to(options));
}

/// The host, with its port, that the browser believes to be at.
pub fn host(http: &HttpRequest) -> String {
    http.connection_info().host().to_owned()
}

/// Where the browser is, if passkeys can be bound to it.
///
/// # Errors
/// The address is a number, or a name that is not the engine's.
pub async fn site(shared: &Shared, http: &HttpRequest) -> Result<Site, EngineError> {
    passkeys::site(&shared.engine, &host(http), &shared.names).await
}

/// The button on the sign-in page; a script shows it where the browser can. An address of numbers has none: passkeys are bound to names.
pub fn button(http: &HttpRequest, then: &str) -> Markup {
    let l = Locale::of(http);
    if is_number(&host(http)) {
        return html! {};
    }
    html! {
        form class="vireo-passkey" method="post" action="/sign-in/passkey/options" data-passkey="use" data-answer="/sign-in/passkey" data-failed=(l.t("factor-wrong-passkey")) hidden {
            input type="hidden" name="then" value=(then);
            button class="pf-v6-c-button pf-m-secondary pf-m-block" type="submit" id="passkey" { (l.t("sign-in-with-passkey")) }
            p class="vireo-error" role="alert" hidden {}
        }
        script type="module" src=(asset("passkeys.js")) {}
    }
}

/// An IPv4 address, or one of IPv6 in its brackets, with or without port.
pub fn is_number(host: &str) -> bool {
    host.starts_with('[') || host.split(':').next().is_some_and(|name| name.parse::<std::net::Ipv4Addr>().is_ok())
}

/// A refusal for the script to show.
pub fn refused(http: &HttpRequest, why: &EngineError) -> HttpResponse {
    let text = words::error(Locale::of(http), why);
    HttpResponse::build(fault::status(why)).json(json!({ "error": text }))
}

async fn options(shared: web::Data<Shared>, http: HttpRequest) -> HttpResponse {
    if !csrf::from_here(&http) {
        return HttpResponse::build(StatusCode::FORBIDDEN).json(json!({ "error": Locale::of(&http).t("other-site") }));
    }
    let result = async {
        let site = site(&shared, &http).await?;
        Ok::<_, EngineError>(shared.engine.passkeys.ask(&site, &request::source_ip(&http))?)
    };
    match result.await {
        Ok(json) => HttpResponse::Ok().content_type("application/json").body(json),
        Err(why) => refused(&http, &why),
    }
}

async fn submit(shared: web::Data<Shared>, http: HttpRequest, body: web::Bytes) -> HttpResponse {
    if !csrf::from_here(&http) {
        return HttpResponse::build(StatusCode::FORBIDDEN).json(json!({ "error": Locale::of(&http).t("other-site") }));
    }
    let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
    let then = local(answer["then"].as_str().unwrap_or("/")).to_owned();
    let credential = answer["credential"].to_string();
    let result = async {
        let site = site(&shared, &http).await?;
        let (ip, waits) = (request::source_ip(&http), code::waiting(&http));
        passkeys::sign_in(&shared.engine, &site, credential.as_bytes(), waits, &ip).await
    };
    match result.await {
        Ok(opened) => {
            let mut response = HttpResponse::Ok().json(json!({ "to": then }));
            code::forget(&mut response);
            welcome(&shared, &http, opened, response).await
        }
        Err(why) => refused(&http, &why),
    }
}

#[cfg(test)]
mod tests {
    use super::is_number;

    #[test]
    fn numbers_are_no_names() {
        for number in ["127.0.0.1:8443", "10.0.0.1", "[::1]:8443"] {
            assert!(is_number(number), "{number}");
        }
        for name in ["localhost:8443", "engine.example", "10.example"] {
            assert!(!is_number(name), "{name}");
        }
    }
}
