//! A host is emptied for maintenance, comes back, or is removed.

use super::super::{admin, changing, id};
use crate::engine::hosts::maintenance::{self, Leaving};
use crate::engine::hosts::off;
use crate::engine::{EngineError, catalog};
use crate::model::host::HostAction;
use crate::model::ids::HostId;
use crate::web::admin::card::link;
use crate::web::admin::details;
use crate::web::error;
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::{Frame, parts};
use crate::web::words;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

/// `/admin/hosts/{id}/{activate,deactivate,remove}`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/hosts/{id}/deactivate", web::get().to(confirm_deactivate))
        .route("/admin/hosts/{id}/deactivate", web::post().to(deactivate))
        .route("/admin/hosts/{id}/activate", web::post().to(activate))
        .route("/admin/hosts/{id}/confirm_off", web::get().to(confirm_off))
        .route("/admin/hosts/{id}/confirm_off", web::post().to(call_off))
        .route("/admin/hosts/{id}/remove", web::get().to(confirm_remove))
        .route("/admin/hosts/{id}/remove", web::post().to(remove));
}

/// Who would go where, before anybody goes.
async fn confirm_deactivate(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let host = catalog::host(&cx, id::<HostId>("host", &path)?).await?;
        let plan = maintenance::plan(&cx, host.id).await?;
        let l = frame.l;
        let title = l.ta("confirm-maintenance", &[("name", &host.name)]);
        let stuck = plan.iter().any(|one| one.to.is_err());
        let page = format!("/admin/hosts/{}", host.id);
        let content = html! {
            (parts::heading(&title, &html! {}, &html! {}))
            p { (l.t(if plan.is_empty() { "maintenance-empty" } else { "maintenance-text" })) }
            @if stuck { (parts::alert("warning", &l.t("maintenance-stuck"))) }
            @if !plan.is_empty() { (whither(&frame, &plan)) }
            div class="vireo-actions" {
                @if !stuck { (parts::post(&frame, &format!("{page}/deactivate"), &l.t("host-action-deactivate"), "pf-m-primary")) }
                (parts::link_button(&page, &l.t("cancel"), "pf-m-link"))
            }
        };
        Ok(frame.page(&title, "host vm", &content))
    };
    details::answer(&http, result.await)
}

fn whither(frame: &Frame, plan: &[Leaving]) -> Markup {
    let l = frame.l;
    let heads = ["vm", "maintenance-goes-to"].map(|key| l.t(key));
    html! {
        div class="vireo-scroll" tabindex="0" role="region" aria-label=(l.t("vms")) {
            table class="pf-v6-c-table pf-m-compact pf-m-grid-md" aria-label=(l.t("vms")) {
                thead class="pf-v6-c-table__thead" { tr class="pf-v6-c-table__tr" { @for head in &heads { th class="pf-v6-c-table__th" scope="col" { (head) } } } }
                tbody class="pf-v6-c-table__tbody" {
                    @for one in plan {
                        tr class="pf-v6-c-table__tr" {
                            td class="pf-v6-c-table__td" data-label=(heads[0]) { (link("vms", one.vm, &one.name)) }
                            td class="pf-v6-c-table__td" data-label=(heads[1]) {
                                @match &one.to { Ok(host) => { (host) } Err(why) => { span class="vireo-error" { (words::error(l, why)) } } }
                            }
                        }
                    }
                }
            }
        }
    }
}

async fn deactivate(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, ..) = changing(&shared, &http, &body).await?;
        maintenance::deactivate(&cx, id::<HostId>("host", &path)?).await
    };
    back(&http, &path, result.await.map(drop))
}

async fn activate(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, ..) = changing(&shared, &http, &body).await?;
        maintenance::activate(&cx, id::<HostId>("host", &path)?).await
    };
    back(&http, &path, result.await)
}

fn back(http: &HttpRequest, host: &str, result: Result<(), EngineError>) -> HttpResponse {
    match result {
        Ok(()) => to(&format!("/admin/hosts/{host}")),
        Err(e) => error::page(http, &e),
    }
}

/// What is at stake if it is not off.
async fn confirm_off(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let host = catalog::host(&cx, id::<HostId>("host", &path)?).await?;
        let l = frame.l;
        let title = l.ta("confirm-off", &[("name", &host.name)]);
        let page = format!("/admin/hosts/{}", host.id);
        let content = html! {
            (parts::heading(&title, &html! {}, &html! {}))
            (parts::alert("danger", &l.t("confirm-off-danger")))
            p { (l.ta("confirm-off-text", &[("count", &host.active_vms.to_string())])) }
            div class="vireo-actions" {
                @if host.status.allows(HostAction::ConfirmOff) { (parts::post(&frame, &format!("{page}/confirm_off"), &l.t("host-action-confirm_off"), "pf-m-danger")) }
                (parts::link_button(&page, &l.t("cancel"), "pf-m-link"))
            }
        };
        Ok(frame.page(&title, "host", &content))
    };
    details::answer(&http, result.await)
}

async fn call_off(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, ..) = changing(&shared, &http, &body).await?;
        off::confirm(&cx, id::<HostId>("host", &path)?).await
    };
    back(&http, &path, result.await)
}

async fn confirm_remove(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let host = catalog::host(&cx, id::<HostId>("host", &path)?).await?;
        let l = frame.l;
        let title = l.ta("confirm-remove-host", &[("name", &host.name)]);
        let page = format!("/admin/hosts/{}", host.id);
        let content = html! {
            (parts::heading(&title, &html! {}, &html! {}))
            p { (l.t("confirm-remove-host-text")) }
            div class="vireo-actions" {
                @if host.status.allows(HostAction::Remove) { (parts::post(&frame, &format!("{page}/remove"), &l.t("remove"), "pf-m-danger")) }
                (parts::link_button(&page, &l.t("cancel"), "pf-m-link"))
            }
        };
        Ok(frame.page(&title, "", &content))
    };
    details::answer(&http, result.await)
}

async fn remove(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, ..) = changing(&shared, &http, &body).await?;
        maintenance::remove(&cx, id::<HostId>("host", &path)?).await
    };
    match result.await {
        Ok(()) => to("/admin/hosts"),
        Err(e) => error::page(&http, &e),
    }
}
