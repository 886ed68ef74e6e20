//! After the password: the page that asks for the second factor, or has one set up where it is demanded.

use super::{local, to, welcome};
use crate::auth::AuthError;
use crate::auth::factor::SetUp;
use crate::auth::waiting::{Shown, WAITS, Waiting};
use crate::engine::{EngineError, factors, sign_in};
use crate::model::factor::FactorTrouble;
use crate::web::api::fault;
use crate::web::locale::Locale;
use crate::web::request;
use crate::web::security::parts as security;
use crate::web::server::Shared;
use crate::web::ui::{layout, parts};
use crate::web::{csrf, words};
use actix_web::cookie::{Cookie, SameSite, time::Duration};
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

/// Binds a sign-in that waits to the browser.
const COOKIE: &str = "__Host-vireo-waits";

/// `/sign-in/code`
pub fn routes(config: &mut web::ServiceConfig) {
    config.route("/sign-in/code", web::get().to(page)).route("/sign-in/code", web::post().to(submit));
}

fn cookie(secret: String) -> Cookie<'static> {
    let life = Duration::seconds(WAITS.whole_seconds());
    let cookie = Cookie::build(COOKIE, secret).secure(true).http_only(true).same_site(SameSite::Lax);
    cookie.path("/").max_age(life).finish()
}

/// The browser's sign-in that waits, if it has one.
pub fn waiting(http: &HttpRequest) -> Option<String> {
    http.cookie(COOKIE).map(|c| c.value().to_owned()).filter(|secret| !secret.is_empty())
}

/// It waits no more.
pub fn forget(response: &mut HttpResponse) {
    let _ = response.add_removal_cookie(&cookie(String::new()));
}

fn address(then: &str) -> String {
    format!("/sign-in/code?{}", serde_urlencoded::to_string([("then", then)]).unwrap_or_default())
}

/// On to the page that asks.
pub fn ask(waiting: Waiting, then: &str) -> HttpResponse {
    let mut response = to(&address(then));
    let _ = response.add_cookie(&cookie(waiting.secret));
    response
}

async fn page(shared: web::Data<Shared>, http: HttpRequest) -> HttpResponse {
    let then = csrf::fields(http.query_string().as_bytes()).remove("then").unwrap_or_default();
    let Some(secret) = waiting(&http) else { return to("/sign-in") };
    show(&shared, &http, &secret, local(&then), StatusCode::OK, "").await
}

async fn show(
    shared: &Shared,
    http: &HttpRequest,
    secret: &str,
    then: &str,
    status: StatusCode,
    error: &str,
) -> HttpResponse {
    let l = Locale::of(http);
    let found = factors::waiting(&shared.engine, secret).await;
    let content = match found {
        Ok((name, has)) if has.any() => html! {
            (asked(l, http, then, error, &name, has.codes.is_some()))
            @if !has.passkeys.is_empty() { (super::passkey::button(http, then)) }
        },
        Ok(_) => match factors::set_up_waiting(&shared.engine, secret).await {
            Ok(set_up) => demanded(l, then, error, &set_up),
            Err(why) => return back(http, &why, then).await,
        },
        Err(why) => return back(http, &why, then).await,
    };
    let body = html! {
        main class="vireo-sign-in" id="main" {
            h1 class="pf-v6-c-title pf-m-2xl" { (l.t("second-factor")) }
            @if !error.is_empty() { (parts::alert("danger", error)) }
            (content)
            a href="/sign-in" { (l.t("cancel")) }
        }
    };
    HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header(("Cache-Control", "no-store"))
        .body(layout::document(l, &l.t("second-factor"), "", &body).into_string())
}

fn asked(l: Locale, http: &HttpRequest, then: &str, error: &str, name: &str, has_codes: bool) -> Markup {
    let hint = if has_codes { l.t("code-hint") } else { l.t("passkey-second-hint") };
    html! {
        p { (l.ta("second-factor-of", &[("name", name)])) " " (hint) }
        @if has_codes {
            form class="pf-v6-c-form" method="post" action=(http.path()) {
                input type="hidden" name="then" value=(then);
                (security::code_field(l, !error.is_empty()))
                button class="pf-v6-c-button pf-m-primary pf-m-block" type="submit" id="go" { (l.t("sign-in")) }
            }
        }
    }
}

fn demanded(l: Locale, then: &str, error: &str, set_up: &SetUp) -> Markup {
    html! {
        p { (l.t("second-factor-demanded")) }
        form class="pf-v6-c-form" method="post" action="/sign-in/code" {
            input type="hidden" name="then" value=(then);
            (security::set_up(l, set_up, !error.is_empty()))
            button class="pf-v6-c-button pf-m-primary pf-m-block" type="submit" id="go" { (l.t("confirm-code")) }
        }
    }
}

/// To the start: it took too long, or the account is locked.
async fn back(http: &HttpRequest, why: &EngineError, then: &str) -> HttpResponse {
    let text = words::error(Locale::of(http), why);
    let mut response = super::render(http, fault::status(why), "", then, &text).await;
    forget(&mut response);
    response
}

async fn submit(shared: web::Data<Shared>, http: HttpRequest, body: web::Bytes) -> HttpResponse {
    let Some(secret) = waiting(&http) else { return to("/sign-in") };
    let fields = csrf::fields(&body);
    let get = |name: &str| fields.get(name).map_or("", String::as_str);
    let (l, then, code) = (Locale::of(&http), local(get("then")), get("code").to_owned());
    if !csrf::from_here(&http) {
        return show(&shared, &http, &secret, "/", StatusCode::FORBIDDEN, &l.t("other-site")).await;
    }
    let shown = match factors::waiting(&shared.engine, &secret).await {
        Ok((_, has)) if has.any() => Shown::Code(code),
        Ok(_) => Shown::FirstCode(code),
        Err(why) => return back(&http, &why, then).await,
    };
    match sign_in::complete(&shared.engine, &secret, shown, &request::source_ip(&http)).await {
        Ok((opened, recovery)) => {
            let mut response = if recovery.is_empty() { to(then) } else { recovery_page(l, &recovery, then) };
            forget(&mut response);
            welcome(&shared, &http, opened, response).await
        }
        Err(why @ EngineError::Auth(AuthError::Factor(FactorTrouble::WrongCode) | AuthError::TooMany { .. })) => {
            let text = words::error(l, &why);
            show(&shared, &http, &secret, then, fault::status(&why), &text).await
        }
        Err(why) => back(&http, &why, then).await,
    }
}

fn recovery_page(l: Locale, codes: &[String], then: &str) -> HttpResponse {
    let body = html! {
        main class="vireo-sign-in" id="main" {
            h1 class="pf-v6-c-title pf-m-2xl" { (l.t("recovery-codes")) }
            (security::recovery(l, codes))
            a class="pf-v6-c-button pf-m-primary pf-m-block" id="go" href=(then) { (l.t("go-on")) }
        }
    };
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header(("Cache-Control", "no-store"))
        .body(layout::document(l, &l.t("recovery-codes"), "", &body).into_string())
}
