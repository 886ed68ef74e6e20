//! Signing in and out through OpenID providers: a button for each, the way there, the way back.

use super::{local, render, to, welcome};
use crate::engine::providers::{self, sign_in, sign_out};
use crate::engine::{Cx, EngineError};
use crate::model::provider::Callback;
use crate::web::api::fault;
use crate::web::locale::Locale;
use crate::web::request;
use crate::web::server::Shared;
use crate::web::ui::{layout, parts};
use crate::web::{openid_words, words};
use actix_web::cookie::{Cookie, SameSite, time::Duration};
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use serde::Deserialize;

/// Binds the way back to the browser that left.
const COOKIE: &str = "__Host-vireo-openid";
const COOKIE_LIFE: Duration = Duration::minutes(10);

/// Anybody may call these.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/sign-in/openid/{name}", web::get().to(start))
        .route("/sign-in/openid/{name}/callback", web::get().to(callback));
}

/// A button for each provider. (Links, not forms: a form may not end at another site.)
pub async fn links(http: &HttpRequest, then: &str) -> Markup {
    let l = Locale::of(http);
    let Some(shared) = http.app_data::<web::Data<Shared>>() else { return html! {} };
    // Without the database nobody signs in at all; the form says so.
    let buttons = providers::buttons(&shared.engine).await.unwrap_or_default();
    let kerberos = super::negotiate::link(http, then).await;
    let query = serde_urlencoded::to_string([("then", then)]).unwrap_or_default();
    html! {
        @if !buttons.is_empty() || !kerberos.0.is_empty() {
            nav class="vireo-providers" aria-label=(l.t("sign-in-otherwise")) {
                @for b in &buttons {
                    a class="pf-v6-c-button pf-m-secondary pf-m-block" href={ "/sign-in/openid/" (b.name) "?" (query) } {
                        span class="pf-v6-c-button__text" { (l.ta("sign-in-with", &[("name", &b.label)])) }
                    }
                }
                (kerberos)
            }
        }
    }
}

/// An address of this engine as the browser wrote it. (Which of them are good, the provider knows.)
pub fn own_url(http: &HttpRequest, path: &str) -> Option<String> {
    let header = || http.headers().get("host").and_then(|v| v.to_str().ok());
    let host = http.uri().authority().map(|a| a.as_str()).or_else(header)?;
    let decent = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    (!host.is_empty() && host.len() <= 255 && host.chars().all(decent)).then(|| format!("https://{host}{path}"))
}

/// Where the provider sends people back to.
pub fn redirect_path(name: &str) -> String {
    format!("/sign-in/openid/{name}/callback")
}

/// Where the provider sends people who signed out.
pub const SIGNED_OUT: &str = "/sign-in";

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Then {
    then: String,
}

async fn start(
    shared: web::Data<Shared>,
    http: HttpRequest,
    name: web::Path<String>,
    then: web::Query<Then>,
) -> HttpResponse {
    let Some(redirect) = own_url(&http, &redirect_path(&name)) else {
        return crate::web::error::show(&http, StatusCode::BAD_REQUEST, &Locale::of(&http).t("openid-no-host"));
    };
    let then: String = local(&then.then).chars().take(2000).collect();
    let browser = http.cookie(COOKIE).map(|c| c.value().to_owned());
    let ip = request::source_ip(&http);
    match sign_in::start(&shared.engine, &name, redirect, then, browser, ip).await {
        Ok(leaving) => {
            let mut response = to(&leaving.url);
            let cookie = Cookie::build(COOKIE, leaving.browser).secure(true).http_only(true).same_site(SameSite::Lax);
            let _ = response.add_cookie(&cookie.path("/").max_age(COOKIE_LIFE).finish());
            response
        }
        Err(why) => refuse(&http, &why).await,
    }
}

async fn callback(
    shared: web::Data<Shared>,
    http: HttpRequest,
    name: web::Path<String>,
    answer: web::Query<Callback>,
) -> HttpResponse {
    let browser = http.cookie(COOKIE).map(|c| c.value().to_owned());
    let ip = request::source_ip(&http);
    match sign_in::finish(&shared.engine, &name, answer.into_inner(), browser.as_deref(), &ip).await {
        Ok(entering) => welcome(&shared, &http, entering.opened, to(&entering.then)).await,
        Err(why) => refuse(&http, &why).await,
    }
}

/// The sign-in page with what he who signs in can do something about; the whole cause is in the events and in the log.
async fn refuse(http: &HttpRequest, why: &EngineError) -> HttpResponse {
    let l = Locale::of(http);
    let text = match why {
        EngineError::Provider(why) => {
            tracing::warn!(%why, "an OpenID provider did not do what it was asked");
            l.t("openid-away")
        }
        EngineError::OpenId(why) => openid_words::refusal(l, why),
        EngineError::NotFound { .. } => l.t("openid-none"),
        other => words::error(l, other),
    };
    render(http, fault::status(why), "", "/", &text).await
}

/// The page that leads on to the provider, to sign out there as well. (A redirect would be one of the form, which may not end at
/// another site.)
pub async fn farewell(cx: &Cx, http: &HttpRequest) -> Option<HttpResponse> {
    let l = Locale::of(http);
    let back = own_url(http, SIGNED_OUT)?;
    let farewell = sign_out::farewell(cx, &back).await.ok().flatten()?;
    let body = html! {
        main class="vireo-sign-in" id="main" {
            h1 class="pf-v6-c-title pf-m-2xl" { (l.t("signed-out")) }
            (parts::alert("info", &l.ta("openid-signing-out", &[("name", &farewell.label)])))
            a class="pf-v6-c-button pf-m-primary" id="on" href=(farewell.url) { (l.ta("openid-sign-out-at", &[("name", &farewell.label)])) }
            a class="pf-v6-c-button pf-m-link" href="/sign-in" { (l.t("openid-stay-signed-in")) }
        }
    };
    Some(
        HttpResponse::Ok()
            .content_type("text/html; charset=utf-8")
            .insert_header(("Refresh", format!("0; url={}", farewell.url)))
            .insert_header(("Cache-Control", "no-store"))
            .insert_header(("Referrer-Policy", "no-referrer"))
            .body(layout::document(l, &l.t("sign-out"), "", &body).into_string()),
    )
}
