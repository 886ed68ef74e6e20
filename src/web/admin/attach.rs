//! Disks that exist are attached to a VM, detached, and plugged into its running guest or out of it.

use super::confirm::done;
use super::vm_form::interfaces;
use super::{admin, changing, details, id};
use crate::engine::permissions::may;
use crate::engine::{Cx, EngineError, disks, vms};
use crate::model::disk::{DiskAttachment, DiskContent, DiskInterface, DiskStatus};
use crate::model::ids::{DiskId, VmId};
use crate::model::role::Action;
use crate::model::valid::{Invalid, Problem};
use crate::model::vm::VmView;
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::form::{Choice, Field, Filled, form};
use crate::web::ui::{Frame, parts};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

/// `/admin/vms/{id}/disks/attach`, `/admin/vms/{id}/disks/{disk}/{activate, deactivate, detach}`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/vms/{id}/disks/attach", web::get().to(attach_page))
        .route("/admin/vms/{id}/disks/attach", web::post().to(attach))
        .route("/admin/vms/{id}/disks/{disk}/activate", web::post().to(activate))
        .route("/admin/vms/{id}/disks/{disk}/deactivate", web::post().to(deactivate))
        .route("/admin/vms/{id}/disks/{disk}/detach", web::post().to(detach));
}

/// The buttons that a disk of a VM has besides its own.
pub fn buttons(frame: &Frame, view: &VmView, disk: &DiskAttachment) -> Markup {
    let l = frame.l;
    let base = format!("/admin/vms/{}/disks/{}", view.row.id, disk.disk.id);
    let running = view.row.status.is_running();
    let hot = matches!(disk.interface, DiskInterface::Virtio | DiskInterface::VirtioScsi) && !view.row.stateless;
    html! {
        @if !running || hot {
            @if disk.active { (parts::post(frame, &format!("{base}/deactivate"), &l.t("deactivate"), "pf-m-secondary")) }
            @else { (parts::post(frame, &format!("{base}/activate"), &l.t("activate"), "pf-m-secondary")) }
        }
        @if !running || !disk.active { (parts::post(frame, &format!("{base}/detach"), &l.t("detach-disk"), "pf-m-secondary")) }
    }
}

async fn attach_form(cx: &Cx, frame: &Frame, view: &VmView, filled: &Filled) -> Result<HttpResponse, EngineError> {
    let l = frame.l;
    let mut free = disks::list(cx, &details::all()).await?.rows;
    free.retain(|d| d.attached.is_empty() && d.content == DiskContent::Data && d.status == DiskStatus::Ok);
    let permits = may::on(cx, free.iter().map(|d| d.id.object()).collect()).await?;
    free.retain(|d| permits.may(Action::AttachDisk, d.id.object()));
    let choices: Vec<Choice> =
        free.iter().map(|d| Choice::new(d.id, format!("{} ({})", d.alias, parts::bytes(d.virtual_bytes)))).collect();
    let field =
        |label: &str, name: &'static str| Field { l, label: l.t(label), name, field: name, hint: String::new() };
    let title = l.t("attach-disk");
    let back = format!("/admin/vms/{}", view.row.id);
    let fields = html! {
        (field("disk", "disk").choose(filled, &choices))
        (field("interface", "interface").choose(filled, &interfaces()))
        (field("bootable", "bootable").check(filled))
        (Field { hint: l.t("disk-active-hint"), ..field("disk-active", "active") }.check(filled))
    };
    let content = html! {
        (parts::heading(&title, &html! { span class="vireo-name" { (view.row.name) } }, &html! {}))
        @if free.is_empty() {
            p { (l.t("no-floating-disks")) }
            (parts::link_button(&format!("{back}/disks/new"), &l.t("new-disk"), "pf-m-primary"))
        } @else {
            (form(frame, &format!("{back}/disks/attach"), &back, &l.t("attach-disk"), &filled.others(l, &["disk", "interface"]), &fields))
        }
    };
    Ok(frame.page(&title, "", &content))
}

async fn attach_page(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let view = vms::get(&cx, id::<VmId>("VM", &path)?).await?;
        let mut filled = Filled::default();
        filled.values.insert("active".to_owned(), "1".to_owned());
        attach_form(&cx, &frame, &view, &filled).await
    };
    details::answer(&http, result.await)
}

async fn attach(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, frame, values) = changing(&shared, &http, &body).await?;
        let vm = id::<VmId>("VM", &path)?;
        let get = |name: &str| values.get(name).map_or("", |v| v.trim());
        let done = match get("disk").parse() {
            Ok(disk) => {
                let new = disks::Attach {
                    disk,
                    interface: get("interface").parse().unwrap_or(DiskInterface::Virtio),
                    bootable: values.contains_key("bootable"),
                    active: values.contains_key("active"),
                };
                disks::attach(&cx, vm, new).await
            }
            Err(_) => Err(Invalid::new("disk", Problem::Missing).into()),
        };
        match done {
            Ok(()) => Ok(to(&format!("/admin/vms/{vm}"))),
            Err(EngineError::Invalid(wrong)) => {
                attach_form(&cx, &frame, &vms::get(&cx, vm).await?, &Filled { values, wrong }).await
            }
            Err(e) => Err(e),
        }
    };
    details::answer(&http, result.await)
}

type Path = web::Path<(String, String)>;

async fn activate(shared: web::Data<Shared>, http: HttpRequest, path: Path, body: web::Bytes) -> HttpResponse {
    set(&shared, &http, &path, &body, true).await
}

async fn deactivate(shared: web::Data<Shared>, http: HttpRequest, path: Path, body: web::Bytes) -> HttpResponse {
    set(&shared, &http, &path, &body, false).await
}

async fn set(shared: &Shared, http: &HttpRequest, path: &Path, body: &[u8], on: bool) -> HttpResponse {
    done(shared, http, body, async |cx| {
        let vm = id::<VmId>("VM", &path.0)?;
        disks::set_active(&cx, vm, id::<DiskId>("disk", &path.1)?, on).await?;
        Ok(format!("/admin/vms/{vm}"))
    })
    .await
}

async fn detach(shared: web::Data<Shared>, http: HttpRequest, path: Path, body: web::Bytes) -> HttpResponse {
    done(&shared, &http, &body, async |cx| {
        let vm = id::<VmId>("VM", &path.0)?;
        disks::detach(&cx, vm, id::<DiskId>("disk", &path.1)?).await?;
        Ok(format!("/admin/vms/{vm}"))
    })
    .await
}
