//! A host as storage pool manager: its priority, and choosing it by hand.

use super::super::confirm::done;
use super::super::{admin, changing, details, id};
use crate::engine::hosts::spm;
use crate::engine::{EngineError, catalog};
use crate::model::host::{HostStatus, HostView};
use crate::model::ids::HostId;
use crate::model::valid::{Invalid, Problem};
use crate::web::admin::vm_form::hinted;
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::form::{Choice, Filled, form};
use crate::web::ui::{Frame, parts};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

/// oVirt's four answers: never, low, normal, high.
const PRIORITIES: [(&str, &str); 4] = [("-1", "spm-never"), ("2", "spm-low"), ("5", "spm-normal"), ("10", "spm-high")];

/// `/admin/hosts/{id}/spm`, `/admin/hosts/{id}/spm_select`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/hosts/{id}/spm", web::get().to(page))
        .route("/admin/hosts/{id}/spm", web::post().to(save))
        .route("/admin/hosts/{id}/spm_select", web::post().to(select));
}

/// On the host's page.
pub fn fact(frame: &Frame, h: &HostView, edits: bool, manipulates: bool) -> Markup {
    let l = frame.l;
    let base = format!("/admin/hosts/{}", h.id);
    html! {
        (if h.spm { l.t("spm-is") } else { l.t("spm-is-not") }) " (" (l.t("priority")) " " (h.spm_priority) ") "
        @if edits { (parts::link_button(&format!("{base}/spm"), &l.t("spm-priority"), "pf-m-link")) }
        @if manipulates && !h.spm && h.status == HostStatus::Up && h.spm_priority > spm::NEVER {
            (parts::post(frame, &format!("{base}/spm_select"), &l.t("spm-select"), "pf-m-secondary"))
        }
    }
}

fn shown(frame: &Frame, h: &HostView, filled: &Filled) -> HttpResponse {
    let l = frame.l;
    let title = l.ta("spm-of", &[("name", &h.name)]);
    let mut choices: Vec<Choice> = PRIORITIES.iter().map(|(value, key)| Choice::new(value, l.t(key))).collect();
    if !PRIORITIES.iter().any(|(value, _)| *value == h.spm_priority.to_string()) {
        choices.push(Choice::new(h.spm_priority, h.spm_priority));
    }
    let base = format!("/admin/hosts/{}", h.id);
    let fields =
        hinted(l, "spm-priority", "priority", "spm.priority", l.t("spm-priority-hint")).choose(filled, &choices);
    let content = html! {
        (parts::heading(&title, &html! {}, &html! {}))
        (form(frame, &format!("{base}/spm"), &base, &l.t("save"), &filled.others(l, &["spm.priority"]), &fields))
    };
    frame.page(&title, "", &content)
}

async fn page(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let host = catalog::host(&cx, id::<HostId>("host", &path)?).await?;
        let values = [("priority".to_owned(), host.spm_priority.to_string())].into();
        Ok(shown(&frame, &host, &Filled { values, wrong: Vec::new() }))
    };
    details::answer(&http, result.await)
}

async fn save(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, frame, values) = changing(&shared, &http, &body).await?;
        let host = id::<HostId>("host", &path)?;
        let said = values.get("priority").cloned().unwrap_or_default();
        let done = match said.parse::<i32>() {
            Ok(priority) => spm::set_priority(&cx, host, priority).await,
            Err(_) => {
                Err(Invalid::new("spm.priority", Problem::NotANumber { value: said.chars().take(20).collect() }).into())
            }
        };
        match done {
            Ok(()) => Ok(to(&format!("/admin/hosts/{host}"))),
            Err(EngineError::Invalid(wrong)) => {
                Ok(shown(&frame, &catalog::host(&cx, host).await?, &Filled { values, wrong }))
            }
            Err(e) => Err(e),
        }
    };
    details::answer(&http, result.await)
}

async fn select(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    done(&shared, &http, &body, async |cx| {
        let host = id::<HostId>("host", &path)?;
        spm::select(&cx, host).await?;
        Ok(format!("/admin/hosts/{host}"))
    })
    .await
}
