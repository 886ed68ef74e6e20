//! A pool's VMs: who has which since when, taking one back, detaching one.

use super::super::confirm::{Question, done};
use super::super::{admin, card, id};
use crate::engine::{Cx, EngineError, pools};
use crate::model::ids::{PoolId, VmId};
use crate::model::pool::{PoolHolder, PoolMember, PoolView};
use crate::model::vm::VmStatus;
use crate::web::error;
use crate::web::server::Shared;
use crate::web::ui::{Frame, parts};
use crate::web::vm_pages;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

/// `/admin/pools/{id}/vms/{vm}`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/pools/{id}/vms/{vm}/take_back", web::get().to(confirm_take_back))
        .route("/admin/pools/{id}/vms/{vm}/take_back", web::post().to(take_back))
        .route("/admin/pools/{id}/vms/{vm}/detach", web::get().to(confirm_detach))
        .route("/admin/pools/{id}/vms/{vm}/detach", web::post().to(detach));
}

/// So many VMs the page shows: the taken and the running ones first.
const SHOWN: usize = 100;

/// The VMs of a pool.
pub fn table(frame: &Frame, pool: &PoolView, all: &[PoolMember], edits: bool) -> Markup {
    let l = frame.l;
    let title = l.t("vms");
    let heads = ["name", "status", "host", "pool-vm-user", "pool-vm-since", "actions"];
    let query = serde_urlencoded::to_string([("search", format!("pool={}", pool.name))]).unwrap_or_default();
    html! {
        div class="vireo-scroll" tabindex="0" role="region" aria-label=(title) {
            table class="pf-v6-c-table pf-m-compact pf-m-grid-md" aria-label=(title) {
                thead class="pf-v6-c-table__thead" { tr class="pf-v6-c-table__tr" {
                    @for head in heads { th class="pf-v6-c-table__th" scope="col" { (l.t(head)) } }
                } }
                tbody class="pf-v6-c-table__tbody" { @for one in all.iter().take(SHOWN) { (row(frame, pool.id, one, edits)) } }
            }
        }
        @if all.len() > SHOWN {
            p { a href={ "/admin/vms?" (query) } { (l.ta("pool-more-vms", &[("count", &all.len().to_string())])) } }
        }
    }
}

fn row(frame: &Frame, pool: PoolId, one: &PoolMember, edits: bool) -> Markup {
    let (l, vm) = (frame.l, &one.vm);
    let base = format!("/admin/pools/{pool}/vms/{}", vm.id);
    let cell = |key: &str, content: &Markup| html! { td class="pf-v6-c-table__td" data-label=(l.t(key)) { (content) } };
    let since = one.holder.as_ref().map_or_else(|| html! {}, |h| parts::time(h.since));
    html! {
        tr class="pf-v6-c-table__tr" data-vm=(vm.id) {
            (cell("name", &card::link("vms", vm.id, &vm.name)))
            (cell("status", &parts::status(l, vm.status.as_str())))
            (cell("host", &html! { (vm.host_name.as_deref().unwrap_or_default()) }))
            (cell("pool-vm-user", &one.holder.as_ref().map_or_else(|| html! {}, |h| holder(frame, h))))
            (cell("pool-vm-since", &since))
            (cell("actions", &html! {
                (vm_pages::buttons(frame, vm))
                @if edits {
                    @if one.holder.as_ref().is_some_and(|h| !h.returning) {
                        (parts::link_button(&format!("{base}/take_back"), &l.t("take-back"), "pf-m-secondary"))
                    }
                    @if vm.status == VmStatus::Down && vm.locked_by.is_none() {
                        (parts::link_button(&format!("{base}/detach"), &l.t("detach"), "pf-m-secondary"))
                    }
                }
            }))
        }
    }
}

fn holder(frame: &Frame, holder: &PoolHolder) -> Markup {
    let name = if holder.name.is_empty() { holder.user.to_string() } else { holder.name.clone() };
    let text = if holder.returning { frame.l.ta("pool-returning", &[("user", &name)]) } else { name };
    card::link("users", holder.user, &text)
}

/// The pool and one of its VMs.
async fn found(cx: &Cx, path: &(String, String)) -> Result<(PoolView, PoolMember), EngineError> {
    let (pool, vm) = (id::<PoolId>("pool", &path.0)?, id::<VmId>("VM", &path.1)?);
    let all = pools::members(cx, pool).await?;
    let one = all.into_iter().find(|one| one.vm.id == vm);
    let missing = || EngineError::NotFound { kind: "VM", id: vm.to_string() };
    Ok((pools::get(cx, pool).await?, one.ok_or_else(missing)?))
}

fn question(frame: &Frame, pool: &PoolView, vm: VmId, word: &str, title: String, text: &str) -> HttpResponse {
    let back = format!("/admin/pools/{}", pool.id);
    let button = Some((format!("{back}/vms/{vm}/{word}"), title.clone(), "pf-m-danger"));
    Question { title, text: html! { p { (text) } }, button, back, topics: "" }.page(frame)
}

async fn confirm_take_back(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<(String, String)>,
) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let (pool, one) = found(&cx, &path).await?;
        let user = one.holder.map_or_else(String::new, |h| h.name);
        let title = frame.l.ta("confirm-take-back", &[("name", &one.vm.name), ("user", &user)]);
        let text = frame.l.t("confirm-take-back-text");
        Ok::<_, EngineError>(question(&frame, &pool, one.vm.id, "take_back", title, &text))
    };
    result.await.unwrap_or_else(|e| error::page(&http, &e))
}

async fn take_back(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<(String, String)>,
    body: web::Bytes,
) -> HttpResponse {
    done(&shared, &http, &body, async |cx| {
        pools::reclaim(&cx, id::<VmId>("VM", &path.1)?).await?;
        Ok(format!("/admin/pools/{}", path.0))
    })
    .await
}

async fn confirm_detach(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<(String, String)>,
) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let (pool, one) = found(&cx, &path).await?;
        let title = frame.l.ta("confirm-detach", &[("name", &one.vm.name), ("pool", &pool.name)]);
        let text = frame.l.t("confirm-detach-text");
        Ok::<_, EngineError>(question(&frame, &pool, one.vm.id, "detach", title, &text))
    };
    result.await.unwrap_or_else(|e| error::page(&http, &e))
}

async fn detach(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<(String, String)>,
    body: web::Bytes,
) -> HttpResponse {
    done(&shared, &http, &body, async |cx| {
        pools::detach(&cx, id::<VmId>("VM", &path.1)?).await?;
        // The last one took its pool with it.
        Ok(format!("/admin/vms/{}", path.1))
    })
    .await
}
