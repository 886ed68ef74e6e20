//! VMs in the Admin Portal: list, detail, removal, CD.

use super::vm_form::{boot_name, display_name, system_name};
use super::{Listing, admin, changing, id, listing};
use super::{devices, permissions, quotas, selected, tags, waiting};
use crate::engine::permissions::may::{self, Permits};
use crate::engine::{EngineError, events, jobs, snapshots, vms};
use crate::model::console::ConsoleOf;
use crate::model::disk::DiskView;
use crate::model::event::EventView;
use crate::model::ids::VmId;
use crate::model::job::JobView;
use crate::model::page::ListQuery;
use crate::model::permission::ObjectKind;
use crate::model::snapshot::SnapshotView;
use crate::model::tag::Tagged;
use crate::model::vm::{VmAction, VmRow, VmStatus, VmView};
use crate::web::console_page;
use crate::web::error;
use crate::web::icons;
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::told::told;
use crate::web::ui::list::Row;
use crate::web::ui::{Frame, Portal, parts};
use crate::web::words;
use crate::web::{vm_cd, vm_pages, vm_snapshots};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

const PORTAL: Portal = Portal::Admin;

/// `/admin/vms`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/vms", web::get().to(list))
        .configure(super::vm_form::routes)
        .configure(super::copies::routes)
        .route("/admin/vms/{id}", web::get().to(detail))
        .route("/admin/vms/{id}/console", web::get().to(console))
        .route("/admin/vms/{id}/serial", web::get().to(serial))
        .route("/admin/vms/{id}/screenshot.png", web::get().to(screenshot))
        .route("/admin/vms/{id}/remove", web::get().to(confirm_remove))
        .route("/admin/vms/{id}/remove", web::post().to(remove))
        .route("/admin/vms/{id}/confirm/{action}", web::get().to(confirm))
        .route("/admin/vms/{id}/{action}", web::post().to(act));
}

async fn list(shared: web::Data<Shared>, http: HttpRequest, query: web::Query<ListQuery>) -> HttpResponse {
    let (cx, frame) = match admin(&shared, &http).await {
        Ok(entered) => entered,
        Err(e) => return error::page(&http, &e),
    };
    let l = frame.l;
    let found = async {
        let page = vms::list(&cx, &query).await?;
        let permits = may::on(&cx, page.rows.iter().map(|vm| vm.id.object()).collect()).await?;
        let bulk = selected::bulk(&frame, &page.rows, &permits);
        let makes = may::makes(&cx).await?;
        let held = page.rows.iter().any(|vm| vm.locked_by.is_some());
        let running = if held { jobs::list(&cx).await? } else { Vec::new() };
        Ok((page.map(|vm| row(&frame, &vm, &running)), bulk, makes.vm))
    };
    let (found, bulk, new) = match found.await {
        Ok((page, bulk, new)) => (Ok(page), bulk, new),
        Err(e) => (Err(e), None, false),
    };
    let columns = vec![
        (l.t("name"), "name"),
        (l.t("status"), "status"),
        (l.t("host"), "host"),
        (l.t("address"), "ip"),
        (l.t("cluster"), "cluster"),
        (l.t("memory"), "memory"),
        (l.t("vcpus"), "cpus"),
        (l.t("pool"), "pool"),
        (l.t("actions"), ""),
    ];
    let actions = html! { @if new { a class="pf-v6-c-button pf-m-primary" href="/admin/vms/new" data-new="1" { (l.t("new-vm")) } } };
    listing(&http, &frame, &query, Listing { noun: "vms", topics: "vm job", columns, actions, bulk }, found)
}

fn row(frame: &Frame, vm: &VmRow, running: &[JobView]) -> Row {
    let l = frame.l;
    Row {
        href: format!("/admin/vms/{}", vm.id),
        cells: vec![
            html! { (icons::small(vm.icons)) " " (vm.name) },
            html! { (parts::status(l, vm.status.as_str())) (waiting::mark(l, vm.waits)) (progress(frame, vm, running)) },
            html! { (vm.host_name.as_deref().unwrap_or_default()) },
            html! { (vm.addresses.join(", ")) },
            html! { (vm.cluster_name) },
            html! { (parts::memory(vm.memory_mib)) },
            html! { (vm.vcpus) },
            pool(frame, vm),
            vm_pages::buttons(frame, vm),
        ],
        pick: vm.id.to_string(),
        name: vm.name.clone(),
    }
}

/// The pool it belongs to, and whether it forgets everything.
fn pool(frame: &Frame, vm: &VmRow) -> Markup {
    let l = frame.l;
    html! {
        @if let Some((id, name)) = vm.pool.zip(vm.pool_name.as_deref()) {
            (super::card::link("pools", id, name)) " " (parts::label(&l.t("pool-label"), "pf-m-blue"))
        }
        @if vm.stateless { " " (parts::label(&l.t("stateless-label"), "pf-m-purple")) }
    }
}

/// How far the task is that holds the VM, leading to its steps.
fn progress(frame: &Frame, vm: &VmRow, running: &[JobView]) -> Markup {
    let l = frame.l;
    let held = running.iter().find(|j| j.ended.is_none() && j.locks.contains(&vm.id.object()));
    html! {
        @if let Some(job) = held.filter(|_| vm.locked_by.is_some()) {
            a class="vireo-progress" href={ "/admin/jobs/" (job.id) } { (parts::job_progress(l, job)) }
        }
    }
}

/// All that a detail page shows.
struct Detail {
    view: VmView,
    permissions: Markup,
    snapshots: Vec<SnapshotView>,
    events: Vec<EventView>,
    isos: Vec<DiskView>,
    /// The task that holds it.
    job: Option<JobView>,
    /// What the actor may do to it and to its disks.
    permits: Permits,
    /// He may make disks.
    new_disk: bool,
    /// Its quota, where quotas count, and its tags.
    more: Vec<(String, Markup)>,
}

async fn detail(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let vm = id::<VmId>("VM", &path)?;
        let view = vms::get(&cx, vm).await?;
        let permissions = permissions::card(&cx, &frame, ObjectKind::Vm, vm.object()).await?;
        let events = events::about(&cx, vm.object(), 12).await?;
        let snapshots = snapshots::list(&cx, vm).await?;
        let isos = vm_cd::media(&cx).await?;
        let running = if view.row.locked_by.is_some() { jobs::list(&cx).await? } else { Vec::new() };
        let job = running.into_iter().find(|j| j.ended.is_none() && j.locks.contains(&vm.object()));
        let own = view.disks.iter().map(|d| d.disk.id.object()).chain([vm.object()]);
        let permits = may::on(&cx, own.collect()).await?;
        let new_disk = may::makes(&cx).await?.disk;
        let counted = view.row.pool.map_or(vm.object(), |pool| pool.object());
        let mut more = Vec::from_iter(quotas::fact(&cx, &frame, "vms", counted, None).await?);
        more.push(tags::fact(&cx, &frame, Tagged::Vm(vm)).await?);
        let detail = Detail { view, permissions, snapshots, events, isos, job, permits, new_disk, more };
        Ok::<_, EngineError>((frame, detail))
    };
    match result.await {
        Ok((frame, detail)) => frame.page(&detail.view.row.name, "vm job stats event", &content(&frame, &detail)),
        Err(e) => error::page(&http, &e),
    }
}

fn content(frame: &Frame, detail: &Detail) -> Markup {
    let (l, row) = (frame.l, &detail.view.row);
    let base = format!("/admin/vms/{}", row.id);
    let can = |action| row.can.contains(&action);
    let why =
        |action| detail.view.cannot.iter().find(|c| c.0 == action).map(|c| words::refusal(l, &c.1)).unwrap_or_default();
    html! {
        (parts::heading(&row.name, &html! { (parts::status(l, row.status.as_str())) (waiting::mark(l, row.waits)) }, &html! {
            (vm_pages::buttons(frame, row))
            @if can(VmAction::Edit) {
                (parts::link_button(&format!("{base}/edit"), &l.t("action-edit"), "pf-m-secondary"))
                @if row.pool.is_none() { (parts::link_button(&format!("{base}/first_run"), &l.t("first-run"), "pf-m-secondary")) }
                (parts::link_button(&format!("{base}/icon"), &l.t("icon"), "pf-m-secondary"))
            }
            @if can(VmAction::Run) && row.pool.is_none() && row.status == VmStatus::Down {
                (parts::link_button(&format!("{base}/run_once"), &l.t("run-once"), "pf-m-secondary"))
            }
            @if can(VmAction::Migrate) { (parts::link_button(&format!("{base}/migrate"), &l.t("action-migrate"), "pf-m-secondary")) }
            @if detail.permits.may(VmAction::Migrate.permit(), row.id.object()) { (parts::link_button(&format!("{base}/placement"), &l.t("placement"), "pf-m-link")) }
            @if row.status == VmStatus::Migrating { (parts::post(frame, &format!("{base}/cancel_migration"), &l.t("cancel-migration"), "pf-m-secondary")) }
            @if can(VmAction::Clone) {
                (parts::link_button(&format!("{base}/copy"), &l.t("action-clone"), "pf-m-secondary"))
                (parts::link_button(&format!("{base}/copy?what=template"), &l.t("make-template"), "pf-m-secondary"))
            }
            @if can(VmAction::Remove) { (parts::link_button(&format!("{base}/remove"), &l.t("action-remove"), "pf-m-danger")) }
            @else { (parts::refused(&l.t("action-remove"), &why(VmAction::Remove))) }
        }))
        @if detail.view.run_once { (parts::alert("info", &l.t("runs-once"))) }
        @if !row.status_reason.is_empty() { (parts::alert("warning", &told(l, &row.status_reason))) }
        @if let Some(job) = &detail.job {
            a class="vireo-progress vireo-banner" href={ "/admin/jobs/" (job.id) } { (parts::job_progress(l, job)) " – " (l.t("show-steps")) }
        } @else if let Some(job) = &row.locked_by { (parts::alert("info", &words::holder(l, job))) }
        div class="vireo-grid" {
            @if row.waits { div class="vireo-wide" { (waiting::card(l, &detail.view)) } }
            (parts::card(&l.t("general"), &general(frame, &detail.view, detail.more.clone())))
            div class="vireo-column" {
            @if can(VmAction::Console) {
                (parts::card(&l.t("screen"), &vm_pages::screen(frame, row)))
            }
            (parts::card(&l.t("cd"), &vm_cd::form(frame, &detail.view, &detail.isos)))
            (parts::card(&l.t("events"), &html! {
                ul class="pf-v6-c-list pf-m-plain" { @for e in &detail.events { li { (parts::time(e.time)) " " (super::catalog::event_text(l, e)) } } }
            }))
            }
            @if row.status.is_running() { div class="vireo-wide" { (waiting::guest(l, &detail.view)) } }
            div class="vireo-wide" { (devices::disk_card(frame, &detail.view, &detail.permits, detail.new_disk)) }
            div class="vireo-wide" { (vm_snapshots::card(frame, &detail.view, &detail.snapshots)) }
            div class="vireo-wide" { (devices::nic_card(frame, &detail.view, &detail.permits)) }
            div class="vireo-wide" { (detail.permissions) }
        }
    }
}

fn general(frame: &Frame, view: &VmView, more: Vec<(String, Markup)>) -> Markup {
    let (l, row) = (frame.l, &view.row);
    // What it has now; what it will have stands in the card of what waits.
    let hw = view.running.as_ref().map_or(&view.hardware, |now| &now.hardware);
    let text = |t: &str| html! { (t) };
    let mut facts = vec![
        (l.t("description"), text(&row.description)),
        (l.t("cluster"), text(&row.cluster_name)),
        (l.t("template"), text(&row.template_name)),
        (l.t("pool"), row.pool.map_or_else(|| text("-"), |_| pool(frame, row))),
        (l.t("instance-type"), text(view.instance_type_name.as_deref().unwrap_or("-"))),
        (l.t("operating-system"), text(&system_name(l, &view.os))),
        (l.t("host"), text(row.host_name.as_deref().unwrap_or("-"))),
        (l.t("address"), text(&row.addresses.join(", "))),
        (l.t("guest-os"), text(&view.guest_os)),
        (
            l.t("memory"),
            text(&format!(
                "{} ({} {})",
                parts::memory(hw.memory_mib),
                l.t("at-most"),
                parts::memory(hw.max_memory_mib)
            )),
        ),
        (l.t("vcpus"), text(&format!("{} ({} × {} × {})", hw.vcpus(), hw.sockets, hw.cores, hw.threads))),
        (l.t("load"), text(&format!("CPU {:.0} %, {}", row.load.cpu_percent, parts::memory(row.load.memory_used_mib)))),
        (l.t("display"), text(&display_name(hw.display))),
        (l.t("console-open-by"), console_page::watchers(l, &view.watchers)),
        (l.t("boot"), text(&hw.boot.iter().map(|b| boot_name(l, *b)).collect::<Vec<_>>().join(", "))),
        (l.t("stateless"), text(&if row.stateless { l.t("yes") } else { l.t("no") })),
        (l.t("delete-protected"), text(&if row.delete_protected { l.t("yes") } else { l.t("no") })),
        (l.t("created"), parts::time(view.created)),
        ("ID".to_owned(), text(&row.id.to_string())),
    ];
    facts.extend(more);
    parts::facts(&facts)
}

async fn confirm_remove(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        Ok::<_, EngineError>((vms::get(&cx, id::<VmId>("VM", &path)?).await?, frame))
    };
    match result.await {
        Ok((view, frame)) => {
            let (l, name) = (frame.l, view.row.name.as_str());
            let title = l.ta("confirm-remove-vm", &[("name", name)]);
            let content = html! {
                (parts::heading(&title, &html! {}, &html! {}))
                p { (l.t("confirm-remove-vm-text")) }
                (selected::disks(&frame, &view))
                form class="pf-v6-c-form vireo-form" method="post" action={ "/admin/vms/" (view.row.id) "/remove" } {
                    (frame.csrf_field())
                    label class="vireo-check" for="keep" { input type="checkbox" id="keep" name="keep" value="1"; span { (l.t("keep-disks")) } }
                    div class="vireo-actions" {
                        button class="pf-v6-c-button pf-m-danger" type="submit" { (l.t("action-remove")) }
                        a class="pf-v6-c-button pf-m-link" href={ "/admin/vms/" (view.row.id) } { (l.t("cancel")) }
                    }
                }
            };
            frame.page(&title, "", &content)
        }
        Err(e) => error::page(&http, &e),
    }
}

async fn remove(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, _, values) = changing(&shared, &http, &body).await?;
        vms::remove(&cx, id::<VmId>("VM", &path)?, values.contains_key("keep")).await
    };
    match result.await {
        Ok(_) => to("/admin/vms"),
        Err(e) => error::page(&http, &e),
    }
}

async fn console(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    console_page::show(&shared, &http, PORTAL, &path, ConsoleOf::Screen).await
}

async fn serial(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    console_page::show(&shared, &http, PORTAL, &path, ConsoleOf::Serial).await
}

async fn screenshot(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    vm_pages::screenshot(&shared, &http, PORTAL, &path).await
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
