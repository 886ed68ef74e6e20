//! Changing one's password: signed in, or sent here from signing in because it has expired or must be changed.

use super::api::fault;
use super::locale::Locale;
use super::request;
use super::server::Shared;
use super::sign_in::{self, local, to};
use super::ui::{layout, parts};
use super::words;
use crate::auth::View;
use crate::auth::session::SessionKind;
use crate::engine::internal::passwords;
use crate::model::valid::{Invalid, Problem};
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::html;
use serde::Deserialize;

/// `/password`
pub fn routes(config: &mut web::ServiceConfig) {
    config.route("/password", web::get().to(page)).route("/password", web::post().to(submit));
}

async fn page(shared: web::Data<Shared>, http: HttpRequest) -> HttpResponse {
    match request::signed_in(&shared, &http, View::User).await {
        Ok(cx) => form(&http, StatusCode::OK, &cx.actor.name, "/", None),
        Err(_) => to("/sign-in?then=/password"),
    }
}

/// The form; `told` says why he is here or what was wrong.
pub fn form(
    http: &HttpRequest,
    status: StatusCode,
    user: &str,
    then: &str,
    told: Option<(&str, String)>,
) -> HttpResponse {
    let l = Locale::of(http);
    let secret = |name: &'static str, label: String, complete: &'static str, first: bool| {
        html! {
            label for=(name) { (label) }
            input class="vireo-input" id=(name) name=(name) type="password" autocomplete=(complete) autofocus[first] required;
        }
    };
    let body = html! {
        main class="vireo-sign-in" id="main" {
            h1 class="pf-v6-c-title pf-m-2xl" { (l.t("change-password")) }
            @if let Some((kind, text)) = &told { (parts::alert(kind, text)) }
            form class="pf-v6-c-form" method="post" action="/password" {
                input type="hidden" name="then" value=(then);
                label for="user" { (l.t("user-name")) }
                input class="vireo-input" id="user" name="user" value=(user) autocomplete="username" readonly;
                (secret("present", l.t("present-password"), "current-password", true))
                (secret("new", l.t("new-password"), "new-password", false))
                (secret("again", l.t("new-password-again"), "new-password", false))
                p class="vireo-hint" { (l.t("change-password-text")) }
                button class="pf-v6-c-button pf-m-primary pf-m-block" type="submit" id="go" { (l.t("change-password")) }
                a href=(then) { (l.t("cancel")) }
            }
        }
    };
    HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .body(layout::document(l, &l.t("change-password"), "", &body).into_string())
}

#[derive(Deserialize)]
struct Change {
    user: String,
    present: String,
    new: String,
    again: String,
    #[serde(default)]
    then: String,
}

async fn submit(shared: web::Data<Shared>, http: HttpRequest, change: web::Form<Change>) -> HttpResponse {
    let (l, then) = (Locale::of(&http), local(&change.then));
    if !super::csrf::from_here(&http) {
        return form(&http, StatusCode::FORBIDDEN, "", "/", Some(("danger", l.t("other-site"))));
    }
    let ip = request::source_ip(&http);
    let done = if change.new == change.again {
        passwords::change(&shared.engine, &change.user, &change.present, &change.new, &ip).await
    } else {
        Err(Invalid::new("password", Problem::NotRepeated).into())
    };
    match done {
        // The former sessions are over; this one is new.
        Ok(()) => sign_in::open(&shared, &http, &change.user, &change.new, SessionKind::Portal, then).await,
        Err(error) => {
            let told = Some(("danger", words::error(l, &error)));
            form(&http, fault::status(&error), &change.user, then, told)
        }
    }
}
