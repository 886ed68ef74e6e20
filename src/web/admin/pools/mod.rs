//! Pools in the Admin Portal.

mod form;
mod members;
mod memory;
mod reservations;

use super::confirm::{Question, done};
use super::{Listing, admin, id, listing};
use super::{permissions, quotas};
use crate::engine::permissions::may;
use crate::engine::{EngineError, pools};
use crate::model::ids::PoolId;
use crate::model::page::ListQuery;
use crate::model::permission::ObjectKind;
use crate::model::pool::{PoolKind, PoolView};
use crate::model::role::Action;
use crate::web::error;
use crate::web::server::Shared;
use crate::web::told::told;
use crate::web::ui::list::Row;
use crate::web::ui::{Frame, parts};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

/// `/admin/pools`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/pools", web::get().to(list))
        .configure(form::routes)
        .configure(members::routes)
        .configure(reservations::routes)
        .route("/admin/pools/{id}", web::get().to(detail))
        .route("/admin/pools/{id}/remove", web::get().to(confirm))
        .route("/admin/pools/{id}/remove", web::post().to(remove));
}

async fn list(shared: web::Data<Shared>, http: HttpRequest, query: web::Query<ListQuery>) -> HttpResponse {
    let (cx, frame) = match admin(&shared, &http).await {
        Ok(entered) => entered,
        Err(e) => return error::page(&http, &e),
    };
    let l = frame.l;
    let found = pools::list(&cx, &query).await.map(|page| {
        page.map(|p| Row {
            href: format!("/admin/pools/{}", p.id),
            cells: vec![
                html! { (p.name) },
                html! { (p.size) },
                html! { (p.assigned) },
                html! { (p.running) },
                html! { (p.free) },
                html! { (p.template_name) },
                html! { (p.description) },
            ],
            ..Row::default()
        })
    });
    let columns = vec![
        (l.t("name"), "name"),
        (l.t("size"), "size"),
        (l.t("assigned-vms"), "assigned_vm_count"),
        (l.t("running-vms"), "running_vm_count"),
        (l.t("free-vms"), ""),
        (l.t("template"), "template"),
        (l.t("description"), "description"),
    ];
    let new = may::makes(&cx).await.is_ok_and(|makes| makes.pool);
    let actions = html! { @if new { a class="pf-v6-c-button pf-m-primary" href="/admin/pools/new" data-new="1" { (l.t("new-pool")) } } };
    listing(&http, &frame, &query, Listing { noun: "pools", topics: "vm_pool vm", columns, actions, bulk: None }, found)
}

async fn detail(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let pool = id::<PoolId>("pool", &path)?;
        let view = pools::get(&cx, pool).await?;
        let all = pools::members(&cx, pool).await?;
        let permissions = permissions::card(&cx, &frame, ObjectKind::Pool, pool.object()).await?;
        let permits = may::on(&cx, vec![pool.object()]).await?;
        let edits = permits.may(Action::EditVmPoolConfiguration, pool.object());
        let removes = permits.may(Action::DeleteVmPool, pool.object());
        let vms = members::table(&frame, &view, &all, edits);
        let reserved = pools::reservations::list(&cx, pool).await?;
        let reserved = reservations::card(&frame, &view, &reserved, edits);
        let saved = pools::memory::get(&cx, pool).await?;
        let quota = quotas::fact(&cx, &frame, "pools", pool.object(), None).await?;
        let facts = html! {
            (facts(&frame, &view, &memory::state(&frame, &view, saved.as_ref())))
            @if let Some(quota) = quota { (parts::facts(&[quota])) }
        };
        Ok::<_, EngineError>((frame, view, facts, reserved, vms, permissions, edits, removes))
    };
    match result.await {
        Ok((frame, view, facts, reserved, vms, permissions, edits, removes)) => {
            let l = frame.l;
            let base = format!("/admin/pools/{}", view.id);
            let actions = html! {
                @if edits {
                    (parts::link_button(&format!("{base}/edit"), &l.t("action-edit"), "pf-m-secondary"))
                    (parts::link_button(&format!("{base}/first_run"), &l.t("first-run"), "pf-m-secondary"))
                }
                @if removes { (parts::link_button(&format!("{base}/remove"), &l.t("remove"), "pf-m-danger")) }
            };
            let content = html! {
                (parts::heading(&view.name, &html! {}, &actions))
                (trouble(&frame, &view))
                div class="vireo-grid" {
                    (parts::card(&l.t("general"), &facts))
                    (parts::card(&l.t("size"), &numbers(&frame, &view)))
                    div class="vireo-wide" { (parts::card(&l.t("reservations"), &reserved)) }
                    div class="vireo-wide" { (parts::card(&l.t("vms"), &vms)) }
                    div class="vireo-wide" { (permissions) }
                }
            };
            frame.page(&view.name, "vm_pool vm", &content)
        }
        Err(e) => error::page(&http, &e),
    }
}

/// Why VMs are not started ahead just now.
fn trouble(frame: &Frame, p: &PoolView) -> Markup {
    let l = frame.l;
    html! {
        @if let Some(trouble) = &p.prestart_trouble {
            @let failures = trouble.failures.to_string();
            div class="pf-v6-c-alert pf-m-inline pf-m-warning" role="alert" {
                p class="pf-v6-c-alert__title" {
                    (l.ta("pool-prestart-trouble", &[("why", &told(l, &trouble.why)), ("failures", &failures)])) " – "
                    (l.t("pool-prestart-next")) " " (parts::time(trouble.next))
                }
            }
        }
    }
}

fn kind_name(frame: &Frame, kind: PoolKind) -> String {
    match kind {
        PoolKind::Automatic => frame.l.t("pool-automatic"),
        PoolKind::Manual => frame.l.t("pool-manual"),
    }
}

fn state_name(frame: &Frame, stateful: bool) -> String {
    frame.l.t(if stateful { "pool-stateful" } else { "pool-stateless" })
}

fn facts(frame: &Frame, p: &PoolView, start: &Markup) -> Markup {
    let l = frame.l;
    parts::facts(&[
        (l.t("description"), html! { (p.description) }),
        (l.t("comment"), html! { (p.comment) }),
        (l.t("cluster"), super::card::link("clusters", p.cluster, &p.cluster_name)),
        (l.t("template"), super::card::link("templates", p.template, &p.template_name)),
        (l.t("template-version"), version(frame, p)),
        (l.t("pool-type"), html! { (kind_name(frame, p.kind)) }),
        (l.t("pool-state"), html! { (state_name(frame, p.stateful)) }),
        (l.t("instant-start"), start.clone()),
        ("ID".to_owned(), html! { (p.id) }),
    ])
}

/// Of which version its VMs are, and how many are not yet.
fn version(frame: &Frame, p: &PoolView) -> Markup {
    let l = frame.l;
    if !p.use_latest {
        return html! { (p.template_name) };
    }
    html! {
        (l.ta("pool-latest", &[("name", &p.newest_name)]))
        @if p.behind > 0 { br; span class="vireo-hint" { (l.ta("pool-behind", &[("count", &p.behind.to_string())])) } }
    }
}

fn numbers(frame: &Frame, p: &PoolView) -> Markup {
    let l = frame.l;
    let number = |n: u32| html! { (n) };
    parts::facts(&[
        (l.t("size"), number(p.size)),
        (l.t("assigned-vms"), number(p.assigned)),
        (l.t("pool-free-now"), number(p.free)),
        (l.t("running-vms"), number(p.running)),
        (l.t("prestarted"), number(p.prestarted)),
        (l.t("max-user-vms"), number(p.max_user_vms)),
    ])
}

async fn confirm(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let pool = pools::get(&cx, id::<PoolId>("pool", &path)?).await?;
        let vms = pools::vms(&cx, pool.id).await?;
        let l = frame.l;
        let title = l.ta("confirm-remove-pool", &[("name", &pool.name)]);
        let text = html! {
            p { (l.ta("confirm-remove-pool-text", &[("count", &vms.len().to_string())])) }
            ul class="pf-v6-c-list" { @for vm in &vms { li { (vm.name) } } }
        };
        let button = Some((format!("/admin/pools/{}/remove", pool.id), l.t("remove"), "pf-m-danger"));
        Ok::<_, EngineError>(Question { title, text, button, back: "/admin/pools".to_owned(), topics: "" }.page(&frame))
    };
    result.await.unwrap_or_else(|e| error::page(&http, &e))
}

async fn remove(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    done(&shared, &http, &body, async |cx| {
        pools::remove(&cx, id::<PoolId>("pool", &path)?).await?;
        Ok("/admin/pools".to_owned())
    })
    .await
}
