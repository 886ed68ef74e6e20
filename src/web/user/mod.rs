//! The User Portal: my VMs, and the pools I may take from.

use super::console_page;
use super::csrf;
use super::error;
use super::server::Shared;
use super::sign_in::to;
use super::ui::{Frame, Portal, parts};
use super::vm_pages::{self, enter};
use crate::engine::{EngineError, pools, vms};
use crate::model::console::ConsoleOf;
use crate::model::page::ListQuery;
use crate::model::pool::PoolView;
use crate::model::vm::{VmAction, VmRow, VmView};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

const PORTAL: Portal = Portal::User;

/// Paths of the User Portal.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/user", web::get().to(home))
        .route("/user/vms", web::get().to(home))
        .route("/user/pools/{id}/take", web::post().to(take))
        .route("/user/vms/{id}", web::get().to(detail))
        .route("/user/vms/{id}/console", web::get().to(console))
        .route("/user/vms/{id}/screenshot.png", web::get().to(screenshot))
        .route("/user/vms/{id}/serial", web::get().to(serial))
        .route("/user/vms/{id}/confirm/{action}", web::get().to(confirm))
        .route("/user/vms/{id}/{action}", web::post().to(act));
}

async fn home(shared: web::Data<Shared>, http: HttpRequest) -> HttpResponse {
    let query = ListQuery { max: 1000, ..ListQuery::default() };
    let result = async {
        let (cx, frame) = enter(&shared, &http, PORTAL).await?;
        let vms = vms::list(&cx, &query).await?.rows;
        let pools = pools::list(&cx, &query).await?.rows;
        Ok::<_, EngineError>((frame, vms, pools))
    };
    match result.await {
        Ok((frame, vms, pools)) => frame.page(&frame.l.t("my-desktops"), "vm vm_pool", &content(&frame, &vms, &pools)),
        Err(e) => error::page(&http, &e),
    }
}

fn content(frame: &Frame, vms: &[VmRow], pools: &[PoolView]) -> Markup {
    let l = frame.l;
    html! {
        h1 class="pf-v6-c-title pf-m-xl" { (l.t("my-desktops")) }
        @if vms.is_empty() && pools.is_empty() { (parts::empty(&l.t("no-desktops"), &l.t("no-desktops-hint"), &html! {})) }
        div class="vireo-cards" {
            @for vm in vms { (vm_card(frame, vm)) }
            @for pool in pools { (pool_card(frame, pool)) }
        }
    }
}

fn vm_card(frame: &Frame, vm: &VmRow) -> Markup {
    let l = frame.l;
    html! {
        article class="pf-v6-c-card" data-vm=(vm.id) {
            div class="pf-v6-c-card__title" { h2 class="pf-v6-c-card__title-text" { a href={ "/user/vms/" (vm.id) } { (vm.name) } } (parts::status(l, vm.status.as_str())) }
            div class="pf-v6-c-card__body" {
                @if vm.can.contains(&VmAction::Console) { (vm_pages::screen(frame, vm)) }
                @if let Some(pool) = &vm.pool_name { p { (l.ta("from-pool", &[("pool", pool)])) } }
                @if let Some(address) = vm.addresses.first() { p { (l.t("address")) " " (address) } }
                @if !vm.status_reason.is_empty() { p { (super::told::told(l, &vm.status_reason)) } }
                p { (parts::memory(vm.memory_mib)) " · " (vm.vcpus) " vCPU" }
            }
            div class="pf-v6-c-card__footer" { (vm_pages::buttons(frame, vm)) }
        }
    }
}

fn pool_card(frame: &Frame, pool: &PoolView) -> Markup {
    let l = frame.l;
    let count = |n: u32| n.to_string();
    let why = match pool {
        pool if !pool.permitted => l.t("pool-not-permitted"),
        PoolView { reserved: Some(reserved), .. } if !reserved.mine => {
            l.ta("pool-reserved-for", &[("who", &reserved.who)])
        }
        pool if pool.mine >= pool.max_user_vms => l.t("pool-share-used"),
        _ => l.t("pool-none-free"),
    };
    html! {
        article class="pf-v6-c-card" data-pool=(pool.name) {
            div class="pf-v6-c-card__title" { h2 class="pf-v6-c-card__title-text" { (pool.name) } }
            div class="pf-v6-c-card__body" {
                @if !pool.description.is_empty() { p { (pool.description) } }
                @if let Some(reserved) = &pool.reserved {
                    p { (l.ta("pool-reserved-for", &[("who", &reserved.who)])) " " (l.t("pool-reserved-until")) " " (parts::time(reserved.until)) }
                }
                p { (l.ta("pool-counts", &[("free", &count(pool.free)), ("size", &count(pool.size)), ("mine", &count(pool.mine)), ("most", &count(pool.max_user_vms))])) }
            }
            div class="pf-v6-c-card__footer" {
                @if pool.can_take { (parts::post(frame, &format!("/user/pools/{}/take", pool.id), &l.t("take"), "pf-m-primary")) }
                @else { (parts::refused(&l.t("take"), &why)) p class="vireo-hint" { (why) } }
            }
        }
    }
}

async fn take(shared: web::Data<Shared>, http: HttpRequest, id: web::Path<String>, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, _) = enter(&shared, &http, PORTAL).await?;
        csrf::check(&http, &csrf::fields(&body))?;
        let missing = |_| EngineError::NotFound { kind: "pool", id: id.chars().take(64).collect() };
        // Who clicks twice, or on an old page, is sent to what he has.
        pools::take_or_go_on(&cx, id.parse().map_err(missing)?).await
    };
    match result.await {
        Ok(vm) => to(&format!("/user/vms/{vm}/console")),
        Err(e) => error::page(&http, &e),
    }
}

async fn detail(shared: web::Data<Shared>, http: HttpRequest, id: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = enter(&shared, &http, PORTAL).await?;
        let missing = |_| EngineError::NotFound { kind: "VM", id: id.chars().take(64).collect() };
        Ok::<_, EngineError>((vms::get(&cx, id.parse().map_err(missing)?).await?, frame))
    };
    match result.await {
        Ok((view, frame)) => {
            let content = html! {
                (parts::heading(&view.row.name, &parts::status(frame.l, view.row.status.as_str()), &vm_pages::buttons(&frame, &view.row)))
                (parts::card(&frame.l.t("general"), &vm_facts(&frame, &view)))
            };
            frame.page(&view.row.name, "vm", &content)
        }
        Err(e) => error::page(&http, &e),
    }
}

fn vm_facts(frame: &Frame, view: &VmView) -> Markup {
    let l = frame.l;
    let text = |t: &str| html! { (t) };
    parts::facts(&[
        (l.t("description"), text(&view.row.description)),
        (l.t("address"), text(&view.row.addresses.join(", "))),
        (l.t("memory"), text(&parts::memory(view.row.memory_mib))),
        (l.t("vcpus"), text(&view.row.vcpus.to_string())),
        (l.t("guest-os"), text(&view.guest_os)),
        (
            l.t("disks"),
            html! { @for d in &view.disks { p { (d.disk.alias) " (" (parts::bytes(d.disk.virtual_bytes)) ")" } } },
        ),
        (l.t("nics"), html! { @for n in &view.nics { p { (n.name) " " (n.mac) } } }),
        (l.t("console-open-by"), console_page::watchers(l, &view.watchers)),
    ])
}

async fn console(shared: web::Data<Shared>, http: HttpRequest, id: web::Path<String>) -> HttpResponse {
    console_page::show(&shared, &http, PORTAL, &id, ConsoleOf::Screen).await
}

async fn serial(shared: web::Data<Shared>, http: HttpRequest, id: web::Path<String>) -> HttpResponse {
    console_page::show(&shared, &http, PORTAL, &id, ConsoleOf::Serial).await
}

async fn screenshot(shared: web::Data<Shared>, http: HttpRequest, id: web::Path<String>) -> HttpResponse {
    vm_pages::screenshot(&shared, &http, PORTAL, &id).await
}

async fn confirm(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<(String, String)>) -> HttpResponse {
    vm_pages::confirm(&shared, &http, PORTAL, &path.0, &path.1).await
}

async fn act(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<(String, String)>,
    body: web::Bytes,
) -> HttpResponse {
    vm_pages::act(&shared, &http, PORTAL, &path.0, &path.1, &body).await
}
