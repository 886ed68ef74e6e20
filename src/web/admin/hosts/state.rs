//! A host is emptied for maintenance, comes back, or is removed.

use super::super::confirm::{Question, done};
use super::super::{admin, id};
use crate::engine::catalog;
use crate::engine::hosts::maintenance::{self, Leaving};
use crate::engine::hosts::off;
use crate::engine::hosts::remove::{self, Farewell};
use crate::model::host::HostAction;
use crate::model::ids::HostId;
use crate::web::admin::card::link;
use crate::web::admin::details;
use crate::web::server::Shared;
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
        .route("/admin/hosts/{id}/remove", web::post().to(do_remove));
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
        let page = page_of(host.id);
        let text = html! {
            p { (l.t(if plan.is_empty() { "maintenance-empty" } else { "maintenance-text" })) }
            @if stuck { (parts::alert("warning", &l.t("maintenance-stuck"))) }
            @if !plan.is_empty() { (whither(&frame, &plan)) }
        };
        let button = (!stuck).then(|| (format!("{page}/deactivate"), l.t("host-action-deactivate"), "pf-m-primary"));
        Ok(Question { title, text, button, back: page, topics: "host vm" }.page(&frame))
    };
    details::answer(&http, result.await)
}

pub(super) fn whither(frame: &Frame, plan: &[Leaving]) -> Markup {
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
    done(&shared, &http, &body, async |cx| {
        let host = id::<HostId>("host", &path)?;
        maintenance::deactivate(&cx, host).await?;
        Ok(page_of(host))
    })
    .await
}

async fn activate(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    done(&shared, &http, &body, async |cx| {
        let host = id::<HostId>("host", &path)?;
        maintenance::activate(&cx, host).await?;
        Ok(page_of(host))
    })
    .await
}

fn page_of(host: HostId) -> String {
    format!("/admin/hosts/{host}")
}

/// What is at stake if it is not off.
async fn confirm_off(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let host = catalog::host(&cx, id::<HostId>("host", &path)?).await?;
        let l = frame.l;
        let title = l.ta("confirm-off", &[("name", &host.name)]);
        let page = page_of(host.id);
        let text = html! {
            (parts::alert("danger", &l.t("confirm-off-danger")))
            p { (l.ta("confirm-off-text", &[("count", &host.active_vms.to_string())])) }
        };
        let can = host.status.allows(HostAction::ConfirmOff);
        let button = can.then(|| (format!("{page}/confirm_off"), l.t("host-action-confirm_off"), "pf-m-danger"));
        Ok(Question { title, text, button, back: page, topics: "host" }.page(&frame))
    };
    details::answer(&http, result.await)
}

async fn call_off(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    done(&shared, &http, &body, async |cx| {
        let host = id::<HostId>("host", &path)?;
        off::confirm(&cx, host).await?;
        Ok(page_of(host))
    })
    .await
}

async fn confirm_remove(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let host = catalog::host(&cx, id::<HostId>("host", &path)?).await?;
        let l = frame.l;
        let title = l.ta("confirm-remove-host", &[("name", &host.name)]);
        let page = page_of(host.id);
        let text = html! {
            p { (l.t("confirm-remove-host-text")) }
            @match remove::farewell(&cx, host.id).await? {
                Farewell::NoAgent => {}
                Farewell::Leaves => p { (l.t("host-agent-leaves")) }
                Farewell::Stays => (parts::alert("warning", &l.t("host-agent-stays")))
            }
        };
        let can = host.status.allows(HostAction::Remove);
        let button = can.then(|| (format!("{page}/remove"), l.t("remove"), "pf-m-danger"));
        Ok(Question { title, text, button, back: page, topics: "" }.page(&frame))
    };
    details::answer(&http, result.await)
}

async fn do_remove(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    done(&shared, &http, &body, async |cx| {
        remove::remove(&cx, id::<HostId>("host", &path)?).await?;
        Ok("/admin/hosts".to_owned())
    })
    .await
}
