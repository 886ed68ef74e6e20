//! Codes by time on one's own page: set up, removed, recovery codes renewed.

use super::{again, changing, parts, signed_in};
use crate::auth::AuthError;
use crate::auth::factor::SetUp;
use crate::engine::{Cx, EngineError, factors};
use crate::model::factor::{FactorTrouble, Factors};
use crate::web::error;
use crate::web::request;
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::{Frame, parts as ui};
use crate::web::words;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

/// `/security/codes`
pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/security/codes", web::get().to(page))
        .route("/security/codes", web::post().to(begin))
        .route("/security/codes/confirm", web::post().to(confirm))
        .route("/security/codes/recovery", web::post().to(renew))
        .route("/security/codes/off", web::post().to(off));
}

/// What the security page says of codes.
pub(super) fn card(frame: &Frame, own: &Factors) -> Markup {
    let l = frame.l;
    html! {
        p { (l.t("codes-text")) }
        @match own.codes {
            Some(since) => {
                p { (ui::label(&l.t("codes-on"), "pf-m-green")) " " (ui::time(since)) }
                p { (l.ta("recovery-left", &[("count", &own.recovery.to_string())])) }
                (parts::with_password(frame, "/security/codes/recovery", &l.t("renew-recovery"), "pf-m-secondary", &html! {}))
                (parts::with_password(frame, "/security/codes/off", &l.t("remove-codes"), "pf-m-danger", &html! {}))
            }
            None => {
                (parts::with_password(frame, "/security/codes", &l.t("set-up-codes"), "pf-m-primary", &html! {}))
            }
        }
    }
}

async fn page(shared: web::Data<Shared>, http: HttpRequest) -> HttpResponse {
    let result = async {
        let (cx, frame) = signed_in(&shared, &http).await?;
        match factors::begun_codes(&cx).await {
            Ok(set_up) => Ok(form(&frame, &set_up, None)),
            Err(_) => Ok::<_, EngineError>(to("/security")),
        }
    };
    result.await.unwrap_or_else(|e| error::page(&http, &e))
}

fn form(frame: &Frame, set_up: &SetUp, wrong: Option<String>) -> HttpResponse {
    let l = frame.l;
    let content = html! {
        (ui::heading(&l.t("set-up-codes"), &html! {}, &html! {}))
        @if let Some(wrong) = &wrong { (ui::alert("danger", wrong)) }
        form class="pf-v6-c-form vireo-form" method="post" action="/security/codes/confirm" {
            (frame.csrf_field())
            (parts::set_up(l, set_up, wrong.is_some()))
            div class="vireo-actions" {
                button class="pf-v6-c-button pf-m-primary" type="submit" id="confirm" { (l.t("confirm-code")) }
                a class="pf-v6-c-button pf-m-link" href="/security" { (l.t("cancel")) }
            }
        }
    };
    frame.page(&l.t("set-up-codes"), "", &content)
}

async fn begin(shared: web::Data<Shared>, http: HttpRequest, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, frame, fields) = changing(&shared, &http, &body).await?;
        let password = fields.get("password").map_or("", String::as_str);
        match factors::begin_codes(&cx, password, &request::source_ip(&http)).await {
            Ok(_) => Ok(to("/security/codes")),
            Err(why) => again(&http, &cx, &frame, why).await,
        }
    };
    result.await.unwrap_or_else(|e| error::page(&http, &e))
}

async fn confirm(shared: web::Data<Shared>, http: HttpRequest, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, frame, fields) = changing(&shared, &http, &body).await?;
        match factors::confirm_codes(&cx, fields.get("code").map_or("", String::as_str)).await {
            Ok(codes) => Ok(recovery(&frame, &codes)),
            Err(why) => wrong_code(&cx, &frame, why).await,
        }
    };
    result.await.unwrap_or_else(|e| error::page(&http, &e))
}

async fn wrong_code(cx: &Cx, frame: &Frame, why: EngineError) -> Result<HttpResponse, EngineError> {
    if !matches!(why, EngineError::Auth(AuthError::Factor(FactorTrouble::WrongCode))) {
        return Err(why);
    }
    let Ok(set_up) = factors::begun_codes(cx).await else { return Ok(to("/security")) };
    let mut response = form(frame, &set_up, Some(words::error(frame.l, &why)));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    Ok(response)
}

fn recovery(frame: &Frame, codes: &[String]) -> HttpResponse {
    let l = frame.l;
    let content = html! {
        (ui::heading(&l.t("recovery-codes"), &html! {}, &html! {}))
        (parts::recovery(l, codes))
        (ui::link_button("/security", &l.t("go-on"), "pf-m-primary"))
    };
    frame.page(&l.t("recovery-codes"), "", &content)
}

async fn renew(shared: web::Data<Shared>, http: HttpRequest, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, frame, fields) = changing(&shared, &http, &body).await?;
        let password = fields.get("password").map_or("", String::as_str);
        match factors::renew_recovery(&cx, password, &request::source_ip(&http)).await {
            Ok(codes) => Ok(recovery(&frame, &codes)),
            Err(why) => again(&http, &cx, &frame, why).await,
        }
    };
    result.await.unwrap_or_else(|e| error::page(&http, &e))
}

async fn off(shared: web::Data<Shared>, http: HttpRequest, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, frame, fields) = changing(&shared, &http, &body).await?;
        let password = fields.get("password").map_or("", String::as_str);
        match factors::remove_codes(&cx, password, &request::source_ip(&http)).await {
            Ok(()) => Ok(to("/security")),
            Err(why) => again(&http, &cx, &frame, why).await,
        }
    };
    result.await.unwrap_or_else(|e| error::page(&http, &e))
}
