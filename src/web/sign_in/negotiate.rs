//! Signing in with a Kerberos ticket (`Negotiate`, RFC 4559).

use super::{local, render, to, welcome};
use crate::auth::View;
use crate::auth::session::SessionKind;
use crate::engine::EngineError;
use crate::engine::kerberos::{self, sign_in};
use crate::web::api::fault;
use crate::web::locale::Locale;
use crate::web::request;
use crate::web::server::Shared;
use crate::web::{openid_words, words};
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use serde::Deserialize;

/// Anybody may call it.
pub fn routes(config: &mut web::ServiceConfig) {
    config.route("/sign-in/negotiate", web::get().to(negotiate));
}

/// The link to it, where a domain takes tickets.
pub async fn link(http: &HttpRequest, then: &str) -> Markup {
    let l = Locale::of(http);
    let offered = match http.app_data::<web::Data<Shared>>() {
        Some(shared) => kerberos::is_offered(&shared.engine).await.unwrap_or(false),
        None => false,
    };
    let query = serde_urlencoded::to_string([("then", then)]).unwrap_or_default();
    html! {
        @if offered {
            a class="pf-v6-c-button pf-m-secondary pf-m-block" id="negotiate" href={ "/sign-in/negotiate?" (query) } {
                span class="pf-v6-c-button__text" { (l.t("sign-in-kerberos")) }
            }
        }
    }
}

/// The ticket of a request.
pub fn ticket(http: &HttpRequest) -> Option<&str> {
    let value = http.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, ticket) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Negotiate").then_some(ticket)
}

/// The answer to it, for the header.
pub fn answer(response: &mut HttpResponse, answer: Option<&str>) {
    let value = answer.and_then(|answer| header::HeaderValue::from_str(&format!("Negotiate {answer}")).ok());
    if let Some(value) = value {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    }
}

/// Asks for a ticket.
pub fn ask(response: &mut HttpResponse) {
    response.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Negotiate"));
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Then {
    then: String,
}

/// Without a ticket the answer asks for one; its page has the form, for browsers that have none.
async fn negotiate(shared: web::Data<Shared>, http: HttpRequest, then: web::Query<Then>) -> HttpResponse {
    let l = Locale::of(&http);
    let then = local(&then.then);
    let Some(given) = ticket(&http) else {
        let text = l.t("kerberos-no-ticket");
        let mut response = render(&http, StatusCode::UNAUTHORIZED, "", then, &text).await;
        ask(&mut response);
        return response;
    };
    let ip = request::source_ip(&http);
    match sign_in::sign_in(&shared.engine, given, &ip, SessionKind::Portal, View::User).await {
        Ok(entered) => {
            let mut response = welcome(&shared, &http, entered.who, to(then)).await;
            answer(&mut response, entered.answer.as_deref());
            response
        }
        Err(why) => {
            let text = match &why {
                EngineError::Kerberos(why) => openid_words::kerberos(l, why),
                other => words::error(l, other),
            };
            render(&http, fault::status(&why), "", then, &text).await
        }
    }
}
