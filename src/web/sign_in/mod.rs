//! Signing in and out of the portals, and the choice of language.

pub mod code;
pub mod negotiate;
pub mod passkey;
mod profile;
pub mod providers;

use crate::auth::session::{Opened, SessionKind};
use crate::auth::{AuthError, View};
use crate::engine::{EngineError, preferences, sign_in};
use crate::model::internal::NotNow;
use crate::web::api::fault;
use crate::web::assets::asset;
use crate::web::locale::{self, Locale};
use crate::web::request;
use crate::web::server::Shared;
use crate::web::ui::{layout, parts};
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::html;
use serde::Deserialize;

/// Paths anybody may call.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/", web::get().to(home))
        .route("/ovirt-engine", web::get().to(home))
        .route("/ovirt-engine/", web::get().to(home))
        .route("/sign-in", web::get().to(page))
        .route("/sign-in", web::post().to(submit))
        .route("/sign-out", web::post().to(leave))
        .route("/language", web::get().to(language))
        .configure(code::routes)
        .configure(passkey::routes)
        .configure(negotiate::routes)
        .configure(providers::routes);
}

/// To the portal that fits.
async fn home(shared: web::Data<Shared>, http: HttpRequest) -> HttpResponse {
    let cx = match request::signed_in(&shared, &http, View::User).await {
        Ok(cx) if cx.actor.is_admin => return to("/admin"),
        Ok(cx) => cx,
        Err(_) => return to("/sign-in"),
    };
    // Where the portal's own addresses lead nobody is taken from: only who comes in is.
    match preferences::at_once(&cx).await {
        Ok(Some(vm)) => to(&format!("/user/vms/{vm}/console")),
        _ => to("/user"),
    }
}

/// A redirect after which the browser GETs.
pub fn to(target: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, target.to_owned())).finish()
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Then {
    then: String,
}

/// Only a path of our own: nobody may send a user elsewhere through a link to the sign-in page.
pub fn local(path: &str) -> &str {
    // Browsers drop tabs and line ends out of addresses: what is between two slashes may vanish.
    let odd = |c: char| c == '\\' || c.is_control();
    let own = path.starts_with('/') && !path.starts_with("//") && !path.contains(odd);
    if own { path } else { "/" }
}

async fn page(http: HttpRequest, then: web::Query<Then>) -> HttpResponse {
    render(&http, StatusCode::OK, "", local(&then.then), "").await
}

async fn render(http: &HttpRequest, status: StatusCode, user: &str, then: &str, error: &str) -> HttpResponse {
    let l = Locale::of(http);
    let providers = providers::links(http, then).await;
    let here = http.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    let body = html! {
        main class="vireo-sign-in" id="main" {
            img src=(asset("logo.svg")) alt="" width="48" height="48";
            h1 class="pf-v6-c-title pf-m-2xl" { (l.t("sign-in-title")) }
            @if !error.is_empty() { (parts::alert("danger", error)) }
            form class="pf-v6-c-form" method="post" action="/sign-in" {
                input type="hidden" name="then" value=(then);
                label for="user" { (l.t("user-name")) }
                input class="vireo-input" id="user" name="user" value=(user) autocomplete="username" autofocus[user.is_empty()] required placeholder="admin@internal";
                (profile::field(http, l, user))
                label for="password" { (l.t("password")) }
                input class="vireo-input" id="password" name="password" type="password" autocomplete="current-password" autofocus[!user.is_empty()] required;
                button class="pf-v6-c-button pf-m-primary pf-m-block" type="submit" id="go" { (l.t("sign-in")) }
            }
            (providers)
            (passkey::button(http, then))
            (layout::languages(l, &here))
        }
    };
    HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .body(layout::document(l, &l.t("sign-in"), "", &body).into_string())
}

#[derive(Deserialize)]
struct Credentials {
    user: String,
    password: String,
    /// The chosen domain; empty where there is only one.
    #[serde(default)]
    profile: String,
    #[serde(default)]
    then: String,
}

async fn submit(shared: web::Data<Shared>, http: HttpRequest, form: web::Form<Credentials>) -> HttpResponse {
    if !crate::web::csrf::from_here(&http) {
        return render(&http, StatusCode::FORBIDDEN, "", "/", &Locale::of(&http).t("other-site")).await;
    }
    let user = profile::full_name(&http, &form.user, &form.profile);
    let mut response = open(&shared, &http, &user, &form.password, SessionKind::Portal, local(&form.then)).await;
    profile::remember(&mut response, &http, &form.profile);
    response
}

/// Opens a session and goes on to `then`; or says on the sign-in page why not.
pub async fn open(
    shared: &Shared,
    http: &HttpRequest,
    user: &str,
    password: &str,
    kind: SessionKind,
    then: &str,
) -> HttpResponse {
    let ip = request::source_ip(http);
    match sign_in::sign_in(&shared.engine, user, password, &ip, kind, View::User).await {
        Ok(opened) => welcome(shared, http, opened, to(then)).await,
        Err(EngineError::Auth(AuthError::SecondFactor(waiting))) => code::ask(waiting, then),
        Err(EngineError::Auth(AuthError::NotNow { why: NotNow::MustChange, .. })) => {
            let told = ("warning", Locale::of(http).t("password-must-change"));
            crate::web::password::form(http, StatusCode::OK, user, then, Some(told))
        }
        Err(error) => {
            let text = crate::web::words::error(Locale::of(http), &error);
            render(http, fault::status(&error), user, then, &text).await
        }
    }
}

/// Gives the browser its new session, and ends the one it came with, whatever way somebody signed in.
pub async fn welcome(shared: &Shared, http: &HttpRequest, opened: Opened, mut response: HttpResponse) -> HttpResponse {
    if let Some(former) = request::secret(http)
        && let Err(error) = sign_in::replaced(&shared.engine, &former).await
    {
        return crate::web::error::page(http, &error);
    }
    // Cookies are headers: only a broken secret could fail, and ours are base64.
    let _ = response.add_cookie(&request::session_cookie(opened.secret));
    response
}

async fn leave(shared: web::Data<Shared>, http: HttpRequest, body: web::Bytes) -> HttpResponse {
    let mut farewell = None;
    if crate::web::csrf::check(&http, &crate::web::csrf::fields(&body)).is_ok()
        && let Ok(cx) = request::signed_in(&shared, &http, View::User).await
    {
        farewell = providers::farewell(&cx, &http).await;
        if let Err(error) = sign_in::sign_out(&cx).await {
            return crate::web::error::page(&http, &error);
        }
    }
    let mut response = farewell.unwrap_or_else(|| to("/sign-in"));
    let _ = response.add_removal_cookie(&request::session_cookie(String::new()));
    response
}

#[derive(Deserialize)]
struct Choice {
    to: String,
    #[serde(default)]
    then: String,
}

async fn language(choice: web::Query<Choice>) -> HttpResponse {
    let tag = if choice.to == Locale::ZhCn.tag() { Locale::ZhCn.tag() } else { Locale::En.tag() };
    let cookie =
        Cookie::build(locale::COOKIE, tag).path("/").secure(true).same_site(SameSite::Lax).permanent().finish();
    let mut response = to(local(&choice.then));
    let _ = response.add_cookie(&cookie);
    response
}

#[cfg(test)]
mod tests {
    use super::local;

    #[test]
    fn only_own_paths_are_followed() {
        assert_eq!(local("/admin/vms?search=a"), "/admin/vms?search=a");
        for bad in ["//evil.example", "https://evil.example", "/\\evil", "/\t/evil.example", "evil", ""] {
            assert_eq!(local(bad), "/");
        }
    }
}
