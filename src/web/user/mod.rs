//! The User Portal: my VMs, and the pools I may take from.

mod class;
mod edit;
pub(in crate::web) mod notices;
mod preferences;
mod quotas;

use super::console_page;
use super::csrf;
use super::error;
use super::icons;
use super::server::Shared;
use super::sign_in::to;
use super::ui::{Frame, Portal, parts};
use super::vm_pages::{self, enter};
use super::{vm_cd, vm_snapshots};
use crate::engine::permissions::may;
use crate::engine::{EngineError, class as engine_class, pools, quotas as engine_quotas, snapshots, vms};
use crate::model::class::Desk;
use crate::model::console::ConsoleOf;
use crate::model::ids::PoolId;
use crate::model::page::ListQuery;
use crate::model::pool::PoolView;
use crate::model::vm::{Refusal, VmAction, VmRow, VmView};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

const PORTAL: Portal = Portal::User;

/// Paths of the User Portal.
pub fn routes(config: &mut web::ServiceConfig) {
    notices::routes(config);
    preferences::routes(config);
    quotas::routes(config);
    class::routes(config);
    edit::routes(config);
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
        let desks = engine_class::notices(&cx).await?.desks;
        let classes = engine_class::list(&cx).await?.into_iter().map(|pool| pool.id).collect();
        let quotas = engine_quotas::choices(&cx).await?.iter().any(|quota| !quota.is_default);
        let makes = may::makes(&cx).await?.vm;
        Ok::<_, EngineError>((frame, Mine { vms, pools, desks, classes, quotas, makes }))
    };
    match result.await {
        Ok((frame, mine)) => frame.page(&frame.l.t("my-desktops"), "vm vm_pool class", &content(&frame, &mine)),
        Err(e) => error::page(&http, &e),
    }
}

/// What the first page shows.
struct Mine {
    vms: Vec<VmRow>,
    pools: Vec<PoolView>,
    desks: Vec<Desk>,
    /// Pools that he teaches.
    classes: Vec<PoolId>,
    /// There are quotas that he may use.
    quotas: bool,
    /// He may make VMs.
    makes: bool,
}

fn content(frame: &Frame, mine: &Mine) -> Markup {
    let (l, Mine { vms, pools, desks, classes, quotas, makes }) = (frame.l, mine);
    let links = html! {
        @if *makes { (parts::link_button(edit::NEW, &l.t("new-vm"), "pf-m-secondary")) }
        @if *quotas { (parts::link_button("/user/quotas", &l.t("my-quotas"), "pf-m-link")) }
        (parts::link_button("/user/preferences", &l.t("preferences"), "pf-m-link"))
    };
    html! {
        (parts::heading(&l.t("my-desktops"), &html! {}, &links))
        @if vms.is_empty() && pools.is_empty() { (parts::empty(&l.t("no-desktops"), &l.t("no-desktops-hint"), &html! {})) }
        div class="vireo-cards" {
            @for vm in vms { (vm_card(frame, vm, desks.iter().find(|desk| desk.vm == vm.id))) }
            @for pool in pools { (pool_card(frame, pool, classes.contains(&pool.id))) }
        }
    }
}

fn vm_card(frame: &Frame, vm: &VmRow, desk: Option<&Desk>) -> Markup {
    let l = frame.l;
    let locked = desk.is_some_and(|desk| desk.locked);
    html! {
        article class="pf-v6-c-card" data-vm=(vm.id) {
            div class="pf-v6-c-card__title" { h2 class="pf-v6-c-card__title-text" { (icons::small(vm.icons)) " " a href={ "/user/vms/" (vm.id) } { (vm.name) } } (parts::status(l, vm.status.as_str())) }
            div class="pf-v6-c-card__body" {
                @if locked { (parts::alert("warning", &l.ta("class-screen-locked-card", &[("vm", &vm.name)]))) }
                @else if vm.can.contains(&VmAction::Console) { (vm_pages::screen(frame, vm)) }
                @for text in desk.map(|desk| notices::teachers(l, &desk.teachers)).unwrap_or_default() { p { (text) } }
                @if let Some(pool) = &vm.pool_name { p { (l.ta("from-pool", &[("pool", pool)])) } }
                @if let Some(address) = vm.addresses.first() { p { (l.t("address")) " " (address) } }
                @if !vm.status_reason.is_empty() { p { (super::told::told(l, &vm.status_reason)) } }
                p { (parts::memory(vm.memory_mib)) " · " (vm.vcpus) " vCPU" }
            }
            div class="pf-v6-c-card__footer vireo-actions" { (vm_pages::buttons(frame, vm)) @if let Some(desk) = desk { (notices::hand_button(frame, desk)) } }
        }
    }
}

fn pool_card(frame: &Frame, pool: &PoolView, teaches: bool) -> Markup {
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
            div class="pf-v6-c-card__footer vireo-actions" {
                @if teaches { (parts::link_button(&format!("/user/pools/{}/class", pool.id), &l.t("class-view"), "pf-m-primary")) }
                @if teaches && !pool.permitted {}
                @else if pool.can_take { (parts::post(frame, &format!("/user/pools/{}/take", pool.id), &l.t("take"), "pf-m-primary")) }
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
        let view = vms::get(&cx, id.parse().map_err(missing)?).await?;
        let kept =
            if permitted(&view, VmAction::Snapshot) { snapshots::list(&cx, view.row.id).await? } else { Vec::new() };
        let media = if permitted(&view, VmAction::ChangeCd) { vm_cd::media(&cx).await? } else { Vec::new() };
        Ok::<_, EngineError>((view, kept, media, frame))
    };
    match result.await {
        Ok((view, kept, media, frame)) => {
            let content = html! {
                (parts::heading(&view.row.name, &parts::status(frame.l, view.row.status.as_str()), &head_buttons(&frame, &view.row)))
                div class="vireo-grid" {
                    (parts::card(&frame.l.t("general"), &vm_facts(&frame, &view)))
                    @if view.row.can.contains(&VmAction::Console) { (parts::card(&frame.l.t("screen"), &vm_pages::screen(&frame, &view.row))) }
                    @if permitted(&view, VmAction::ChangeCd) { (parts::card(&frame.l.t("cd"), &vm_cd::form(&frame, &view, &media))) }
                    @if permitted(&view, VmAction::Snapshot) { div class="vireo-wide" { (vm_snapshots::card(&frame, &view, &kept)) } }
                }
            };
            frame.page(&view.row.name, "vm job class", &content)
        }
        Err(e) => error::page(&http, &e),
    }
}

fn head_buttons(frame: &Frame, row: &VmRow) -> Markup {
    html! {
        (vm_pages::buttons(frame, row))
        @if row.can.contains(&VmAction::Edit) { (parts::link_button(&edit::page_of(row.id), &frame.l.t("edit"), "pf-m-secondary")) }
    }
}

/// His role allows it, whatever the VM's state says just now.
fn permitted(view: &VmView, action: VmAction) -> bool {
    vm_snapshots::why(view, action) != Some(&Refusal::NotPermitted)
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
