//! Refusals as pages: what was refused, why, and what would make it possible.

use super::api::fault;
use super::locale::Locale;
use super::ui::{layout, parts};
use super::words;
use crate::auth::AuthError;
use crate::engine::EngineError;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse};
use maud::html;

/// The refusal as a page of its own; who is not signed in is sent to sign in.
pub fn page(http: &HttpRequest, error: &EngineError) -> HttpResponse {
    if matches!(error, EngineError::Auth(AuthError::NotSignedIn)) {
        return sign_in(http);
    }
    show(http, fault::status(error), &words::error(Locale::of(http), error))
}

fn sign_in(http: &HttpRequest) -> HttpResponse {
    if http.headers().contains_key("x-fragment") || http.path().starts_with("/events") {
        return HttpResponse::Unauthorized().finish();
    }
    let here = if http.method().is_safe() { http.uri().to_string() } else { "/".to_owned() };
    let query = serde_urlencoded::to_string([("then", here)]).unwrap_or_default();
    HttpResponse::SeeOther().insert_header((header::LOCATION, format!("/sign-in?{query}"))).finish()
}

/// A page with one sentence.
pub fn show(http: &HttpRequest, status: StatusCode, text: &str) -> HttpResponse {
    let l = Locale::of(http);
    let title = match status.as_u16() {
        403 => l.t("error-forbidden"),
        404 => l.t("error-not-found"),
        409 | 400 => l.t("error-refused"),
        _ => l.t("error-failed"),
    };
    let back = http
        .headers()
        .get(header::REFERER)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.split_once("://"))
        .and_then(|(_, rest)| rest.find('/').and_then(|at| rest.get(at..)))
        .unwrap_or("/")
        .to_owned();
    let body = html! {
        main class="vireo-sign-in" id="main" {
            h1 class="pf-v6-c-title pf-m-2xl" { (title) }
            (parts::alert("warning", text))
            a class="pf-v6-c-button pf-m-primary" href=(back) { (l.t("go-back")) }
        }
    };
    HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .body(layout::document(l, &title, "", &body).into_string())
}

/// A path that is not there.
pub async fn no_such_page(http: HttpRequest) -> HttpResponse {
    let text = Locale::of(&http).t("not-found-text");
    show(&http, StatusCode::NOT_FOUND, &text)
}
