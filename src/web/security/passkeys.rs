//! Passkeys on one's own page: listed, added, removed.

use super::{again, changing, parts};
use crate::engine::{EngineError, passkeys};
use crate::model::factor::Factors;
use crate::web::error;
use crate::web::request;
use crate::web::server::Shared;
use crate::web::sign_in::passkey::{host, is_number, refused, site};
use crate::web::sign_in::to;
use crate::web::ui::{Frame, parts as ui};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use serde_json::{Value, json};

/// `/security/passkeys`
pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/security/passkeys", web::post().to(add))
        .route("/security/passkeys/options", web::post().to(options))
        .route("/security/passkeys/{id}/forget", web::post().to(remove));
}

/// What the security page says of passkeys.
pub(super) fn card(http: &HttpRequest, frame: &Frame, own: &Factors) -> Markup {
    let l = frame.l;
    html! {
        p { (l.t("passkeys-text")) }
        @for key in &own.passkeys {
            div class="vireo-passkey-held" data-passkey-name=(key.name) {
                p { strong { (key.name) } " " (ui::time(key.created)) }
                p { (l.t("last-used")) " " @match key.last_used { Some(at) => (ui::time(at)), None => "-" } }
                (parts::with_password(frame, &format!("/security/passkeys/{}/forget", key.id), &l.t("remove"), "pf-m-danger", &html! {}))
            }
        }
        @if is_number(&host(http)) { p class="vireo-hint" { (l.t("factor-no-name")) } } @else { (new(frame)) }
    }
}

fn new(frame: &Frame) -> Markup {
    let l = frame.l;
    html! {
        form class="vireo-prove" method="post" action="/security/passkeys/options" data-passkey="add" data-answer="/security/passkeys" data-failed=(l.t("passkey-not-made")) hidden {
            (frame.csrf_field())
            label for="passkey-name" { (l.t("passkey-name")) }
            input class="vireo-input" id="passkey-name" name="name" maxlength="64" required;
            label for="passkey-password" { (l.t("present-password")) }
            input class="vireo-input" id="passkey-password" name="password" type="password" autocomplete="current-password" required;
            button class="pf-v6-c-button pf-m-small pf-m-primary" type="submit" id="add-passkey" { (l.t("add-passkey")) }
            p class="vireo-error" role="alert" hidden {}
        }
    }
}

async fn options(shared: web::Data<Shared>, http: HttpRequest, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, _, fields) = changing(&shared, &http, &body).await?;
        let site = site(&shared, &http).await?;
        let password = fields.get("password").map_or("", String::as_str);
        passkeys::begin(&cx, &site, password, &request::source_ip(&http)).await
    };
    match result.await {
        Ok(json) => HttpResponse::Ok().content_type("application/json").body(json),
        Err(why) => refused(&http, &why),
    }
}

async fn add(shared: web::Data<Shared>, http: HttpRequest, body: web::Bytes) -> HttpResponse {
    let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
    let result = async {
        let (cx, ..) = changing(&shared, &http, b"").await?;
        let site = site(&shared, &http).await?;
        let name = answer["name"].as_str().unwrap_or_default();
        passkeys::add(&cx, &site, name, answer["credential"].to_string().as_bytes()).await
    };
    match result.await {
        Ok(()) => HttpResponse::Ok().json(json!({ "to": "/security" })),
        Err(why) => refused(&http, &why),
    }
}

async fn remove(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, frame, fields) = changing(&shared, &http, &body).await?;
        let none = |_| EngineError::NotFound { kind: "passkey", id: path.chars().take(64).collect() };
        let id = path.parse().map_err(none)?;
        let password = fields.get("password").map_or("", String::as_str);
        match passkeys::remove(&cx, id, password, &request::source_ip(&http)).await {
            Ok(()) => Ok(to("/security")),
            Err(why) => again(&http, &cx, &frame, why).await,
        }
    };
    result.await.unwrap_or_else(|e| error::page(&http, &e))
}
