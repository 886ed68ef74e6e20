//! Everybody's own page: password, second factors, passkeys, and where he is signed in.

mod codes;
pub mod parts;
mod passkeys;

use super::csrf;
use super::error;
use super::locale::Locale;
use super::server::Shared;
use super::sign_in::to;
use super::ui::{Frame, Portal, parts as ui};
use super::vm_pages::enter;
use super::words;
use crate::auth::AuthError;
use crate::engine::{Cx, EngineError, factors, sessions};
use crate::model::factor::Factors;
use crate::model::user::SessionView;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use std::collections::HashMap;

/// `/security` and below
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/security", web::get().to(page))
        .route("/security/sessions/end", web::post().to(end))
        .configure(codes::routes)
        .configure(passkeys::routes);
}

/// Whoever is signed in, and his frame.
async fn signed_in(shared: &Shared, http: &HttpRequest) -> Result<(Cx, Frame), EngineError> {
    enter(shared, http, Portal::User).await
}

/// … who changes something, with the form's fields.
async fn changing(
    shared: &Shared,
    http: &HttpRequest,
    body: &[u8],
) -> Result<(Cx, Frame, HashMap<String, String>), EngineError> {
    let (cx, frame) = signed_in(shared, http).await?;
    let fields = csrf::fields(body);
    csrf::check(http, &fields)?;
    Ok((cx, frame, fields))
}

async fn page(shared: web::Data<Shared>, http: HttpRequest) -> HttpResponse {
    let result = async {
        let (cx, frame) = signed_in(&shared, &http).await?;
        whole(&http, &cx, &frame, None).await
    };
    result.await.unwrap_or_else(|e| error::page(&http, &e))
}

/// The page; `told`: what came of the last change.
async fn whole(
    http: &HttpRequest,
    cx: &Cx,
    frame: &Frame,
    told: Option<(&str, String)>,
) -> Result<HttpResponse, EngineError> {
    let l = frame.l;
    let (own, open) = (factors::own(cx).await?, sessions::own(cx).await?);
    let content = html! {
        (ui::heading(&l.t("security"), &html! {}, &html! {}))
        @if let Some((kind, text)) = &told { (ui::alert(kind, text)) }
        div class="vireo-grid" {
            @if let Some(own) = &own { (factors_of(http, frame, own)) }
            div class="vireo-wide" { (ui::card(&l.t("own-sessions"), &open_sessions(cx, frame, &open))) }
        }
        script type="module" src=(super::assets::asset("passkeys.js")) {}
    };
    Ok(frame.page(&l.t("security"), "", &content))
}

fn factors_of(http: &HttpRequest, frame: &Frame, own: &Factors) -> Markup {
    let l = frame.l;
    html! {
        (ui::card(&l.t("password"), &html! {
            p { (l.t("change-password-text")) }
            (ui::link_button("/password", &l.t("change-password"), "pf-m-secondary"))
        }))
        (ui::card(&l.t("codes"), &codes::card(frame, own)))
        (ui::card(&l.t("passkeys"), &passkeys::card(http, frame, own)))
    }
}

/// How somebody signed in, in words.
pub fn method(l: Locale, session: &SessionView) -> String {
    l.t(&format!("method-{}", session.method))
}

fn open_sessions(cx: &Cx, frame: &Frame, open: &[SessionView]) -> Markup {
    let l = frame.l;
    let cell = |label: &str, content: Markup| html! { td class="pf-v6-c-table__td" data-label=(label) { (content) } };
    let titles = ["session-kind", "address", "session-since", "session-active", "session-method", "consoles"]
        .map(|key| l.t(key));
    html! {
        div class="vireo-scroll" tabindex="0" role="region" aria-label=(l.t("own-sessions")) {
            table class="pf-v6-c-table pf-m-compact pf-m-grid-md" aria-label=(l.t("own-sessions")) {
                thead class="pf-v6-c-table__thead" { tr class="pf-v6-c-table__tr" {
                    @for title in &titles { th class="pf-v6-c-table__th" scope="col" { (title) } }
                    th class="pf-v6-c-table__th" scope="col" { span class="pf-v6-screen-reader" { (l.t("actions")) } }
                } }
                tbody class="pf-v6-c-table__tbody" {
                    @for s in open {
                        tr class="pf-v6-c-table__tr" {
                            (cell(&titles[0], html! { (l.t(&format!("session-kind-{}", s.kind))) }))
                            (cell(&titles[1], html! { (s.source_ip) }))
                            (cell(&titles[2], ui::time(s.created)))
                            (cell(&titles[3], ui::time(s.last_active)))
                            (cell(&titles[4], html! { (method(l, s)) }))
                            (cell(&titles[5], html! { (s.consoles) }))
                            td class="pf-v6-c-table__td" {
                                @if Some(s.id) == cx.actor.session { (l.t("this-session")) } @else { (end_form(frame, &s.id.to_string(), &l.t("end-session"))) }
                            }
                        }
                    }
                }
            }
        }
        @if open.len() > 1 { (end_form(frame, "others", &l.t("end-other-sessions"))) }
    }
}

fn end_form(frame: &Frame, which: &str, text: &str) -> Markup {
    html! {
        form class="vireo-inline" method="post" action="/security/sessions/end" {
            (frame.csrf_field())
            input type="hidden" name="session" value=(which);
            button class="pf-v6-c-button pf-m-small pf-m-secondary" type="submit" { (text) }
        }
    }
}

async fn end(shared: web::Data<Shared>, http: HttpRequest, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, _, fields) = changing(&shared, &http, &body).await?;
        match fields.get("session").map_or("", String::as_str) {
            "others" => sessions::end_others(&cx).await?,
            one => {
                let none = || EngineError::NotFound { kind: "session", id: one.chars().take(64).collect() };
                let id = one.parse().map_err(|_| none())?;
                // One's own only: others' have their own page.
                if !sessions::own(&cx).await?.iter().any(|s| s.id == id) {
                    return Err(none());
                }
                sessions::end(&cx, vec![id]).await?
            }
        };
        Ok(to("/security"))
    };
    result.await.unwrap_or_else(|e| error::page(&http, &e))
}

/// The page again with what was refused; what is no refusal of the person's own doing is a page of its own.
async fn again(http: &HttpRequest, cx: &Cx, frame: &Frame, why: EngineError) -> Result<HttpResponse, EngineError> {
    let own = matches!(
        why,
        EngineError::Invalid(_)
            | EngineError::Auth(
                AuthError::WrongPassword | AuthError::Locked { .. } | AuthError::TooMany { .. } | AuthError::Factor(_)
            )
    );
    if !own {
        return Err(why);
    }
    let mut response = whole(http, cx, frame, Some(("danger", words::error(frame.l, &why)))).await?;
    *response.status_mut() = super::api::fault::status(&why);
    Ok(response)
}
