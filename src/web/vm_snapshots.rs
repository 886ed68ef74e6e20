//! A VM's snapshots, in both portals: shown on its page as they lie on one another, taken, looked at, committed, undone, removed.

use super::vm_pages::{answer, changing, entered, id};
use crate::engine::{Cx, EngineError, snapshots, vms};
use crate::model::ids::{SnapshotId, VmId};
use crate::model::snapshot::{NewSnapshot, Preview, SnapshotDisk, SnapshotKind, SnapshotStatus, SnapshotView};
use crate::model::vm::{Refusal, VmAction, VmStatus, VmView};
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::form::{Field, Filled, form};
use crate::web::ui::{Frame, Portal, parts};
use crate::web::words;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use std::collections::HashMap;

/// `/{portal}/vms/{id}/snapshots/…`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/vms/{id}/snapshots/new", web::get().to(new))
        .route("/admin/vms/{id}/snapshots/new", web::post().to(take))
        .route("/admin/vms/{id}/snapshots/undo", web::post().to(undo))
        .route("/admin/vms/{id}/snapshots/commit", web::get().to(confirm_commit))
        .route("/admin/vms/{id}/snapshots/commit", web::post().to(commit))
        .route("/admin/vms/{id}/snapshots/{snapshot}/preview", web::get().to(confirm_preview))
        .route("/admin/vms/{id}/snapshots/{snapshot}/preview", web::post().to(preview))
        .route("/admin/vms/{id}/snapshots/{snapshot}/remove", web::get().to(confirm_remove))
        .route("/admin/vms/{id}/snapshots/{snapshot}/remove", web::post().to(remove))
        .route("/user/vms/{id}/snapshots/new", web::get().to(new))
        .route("/user/vms/{id}/snapshots/new", web::post().to(take))
        .route("/user/vms/{id}/snapshots/undo", web::post().to(undo))
        .route("/user/vms/{id}/snapshots/commit", web::get().to(confirm_commit))
        .route("/user/vms/{id}/snapshots/commit", web::post().to(commit))
        .route("/user/vms/{id}/snapshots/{snapshot}/preview", web::get().to(confirm_preview))
        .route("/user/vms/{id}/snapshots/{snapshot}/preview", web::post().to(preview))
        .route("/user/vms/{id}/snapshots/{snapshot}/remove", web::get().to(confirm_remove))
        .route("/user/vms/{id}/snapshots/{snapshot}/remove", web::post().to(remove));
}

/// Why the action is not possible now.
pub fn why(view: &VmView, action: VmAction) -> Option<&Refusal> {
    view.cannot.iter().find(|(a, _)| *a == action).map(|(_, why)| why)
}

/// The card of a VM's snapshots, newest first, below the VM as it is now.
pub fn card(frame: &Frame, view: &VmView, all: &[SnapshotView]) -> Markup {
    let l = frame.l;
    let base = format!("{}/vms/{}/snapshots", frame.portal.path(), view.row.id);
    let seen = all.iter().find(|s| s.status == SnapshotStatus::InPreview && s.kind == SnapshotKind::Regular);
    let kept = all.iter().rev().filter(|s| s.kind != SnapshotKind::Active).count();
    parts::card(
        &l.t("snapshots"),
        &html! {
            @if let Some(seen) = seen { (showing(frame, view, seen, &base)) }
            @if kept == 0 { p { (l.t("snapshot-none")) } } @else {
                ol class="pf-v6-c-list pf-m-plain vireo-snapshots" {
                    @for snapshot in all.iter().rev() { (item(frame, view, snapshot, seen.is_none(), &base)) }
                }
            }
            @if seen.is_none() { div class="vireo-actions" {
                @match why(view, VmAction::Snapshot) {
                    None => (parts::link_button(&format!("{base}/new"), &l.t("snapshot-take"), "pf-m-primary")),
                    Some(Refusal::NotPermitted) => {}
                    Some(because) => (parts::refused(&l.t("snapshot-take"), &words::refusal(l, because))),
                }
            } }
        },
    )
}

/// What can be done while a snapshot is looked at.
fn showing(frame: &Frame, view: &VmView, seen: &SnapshotView, base: &str) -> Markup {
    let l = frame.l;
    html! {
        (parts::alert("info", &format!("{}: {}", seen.description, l.ta("snapshot-showing", &[("name", &view.row.name)]))))
        div class="vireo-actions" {
            @match why(view, VmAction::Preview) {
                None => {
                    (parts::link_button(&format!("{base}/commit"), &l.t("snapshot-commit"), "pf-m-primary"))
                    (parts::post(frame, &format!("{base}/undo"), &l.t("snapshot-undo"), "pf-m-secondary"))
                }
                Some(Refusal::NotPermitted) => {}
                Some(because) => {
                    (parts::refused(&l.t("snapshot-commit"), &words::refusal(l, because)))
                    (parts::refused(&l.t("snapshot-undo"), &words::refusal(l, because)))
                }
            }
        }
    }
}

fn item(frame: &Frame, view: &VmView, snapshot: &SnapshotView, calm: bool, base: &str) -> Markup {
    let l = frame.l;
    let name = match snapshot.kind {
        SnapshotKind::Active => l.t("snapshot-now"),
        SnapshotKind::Preview => l.t("snapshot-before"),
        SnapshotKind::Regular => snapshot.description.clone(),
    };
    let regular = snapshot.kind == SnapshotKind::Regular;
    html! {
        li class="vireo-snapshot" data-snapshot=(snapshot.id) {
            div {
                strong { (name) } " "
                @if regular && snapshot.status != SnapshotStatus::Ok { (parts::status(l, snapshot.status.as_str())) " " }
                @if snapshot.memory { (parts::label(&l.t("snapshot-memory"), "pf-m-blue")) }
                @if snapshot.kind != SnapshotKind::Active { div { (parts::time(snapshot.created)) " · " (disks(frame, &snapshot.disks)) } }
            }
            @if regular && calm { span class="vireo-buttons" { (buttons(frame, view, snapshot, base)) } }
        }
    }
}

fn disks(frame: &Frame, disks: &[SnapshotDisk]) -> Markup {
    let l = frame.l;
    let size = |d: &SnapshotDisk| l.ta("size-on-storage", &[("size", &parts::bytes(d.actual_bytes))]);
    html! {
        @if disks.is_empty() { (l.t("snapshot-no-disks")) }
        @for (i, disk) in disks.iter().enumerate() {
            @if i > 0 { ", " }
            (disk.alias) @if disk.actual_bytes > 0 { " (" (size(disk)) ")" }
        }
    }
}

fn buttons(frame: &Frame, view: &VmView, snapshot: &SnapshotView, base: &str) -> Markup {
    let l = frame.l;
    let one = format!("{base}/{}", snapshot.id);
    html! {
        @if snapshot.status == SnapshotStatus::Ok {
            @match why(view, VmAction::Preview) {
                None => (parts::link_button(&format!("{one}/preview"), &l.t("snapshot-preview"), "pf-m-secondary")),
                Some(Refusal::NotPermitted) => {}
                Some(because) => (parts::refused(&l.t("snapshot-preview"), &words::refusal(l, because))),
            }
        }
        @if frame.portal == Portal::Admin && snapshot.status == SnapshotStatus::Ok && !matches!(why(view, VmAction::Clone), Some(Refusal::NotPermitted)) {
            (parts::link_button(&format!("/admin/vms/{}/copy?snapshot={}", view.row.id, snapshot.id), &l.t("action-clone"), "pf-m-secondary"))
            (parts::link_button(&format!("/admin/vms/{}/copy?what=template&snapshot={}", view.row.id, snapshot.id), &l.t("make-template"), "pf-m-secondary"))
        }
        @if why(view, VmAction::Snapshot).is_none() && snapshot.status != SnapshotStatus::Locked {
            (parts::link_button(&format!("{one}/remove"), &l.t("remove"), "pf-m-secondary"))
        }
    }
}

fn page(
    frame: &Frame,
    view: &VmView,
    title: &str,
    action: &str,
    submit: &str,
    wrong: &[String],
    fields: &Markup,
) -> HttpResponse {
    let content = html! {
        (parts::heading(title, &html! { span class="vireo-name" { (view.row.name) } }, &html! {}))
        (form(frame, action, &format!("{}/vms/{}", frame.portal.path(), view.row.id), submit, wrong, fields))
    };
    frame.page(title, "", &content)
}

/// Boxes for the disks: `disk-ID`.
fn boxes<'a>(frame: &Frame, filled: &Filled, all: impl Iterator<Item = (String, &'a str)>) -> Markup {
    let l = frame.l;
    html! {
        fieldset class="pf-v6-c-form__field-group" {
            legend class="pf-v6-c-form__label-text" { (l.t("snapshot-disks")) }
            @for (disk, alias) in all {
                @let name = format!("disk-{disk}");
                (Field { l, label: alias.to_owned(), name: &name, field: "", hint: String::new() }.check(filled))
            }
        }
    }
}

fn new_form(frame: &Frame, view: &VmView, filled: &Filled) -> HttpResponse {
    let l = frame.l;
    let description = Field {
        l,
        label: l.t("description"),
        name: "description",
        field: "description",
        hint: l.t("snapshot-description-hint"),
    };
    let memory = Field {
        l,
        label: l.t("snapshot-with-memory"),
        name: "memory",
        field: "persist_memorystate",
        hint: String::new(),
    };
    let fields = html! {
        (description.input(filled, "text"))
        @if view.disks.len() > 1 {
            (boxes(frame, filled, view.disks.iter().map(|d| (d.disk.id.to_string(), d.disk.alias.as_str()))))
        }
        @if view.row.status != VmStatus::Down { (memory.check(filled)) }
    };
    let action = format!("{}/vms/{}/snapshots/new", frame.portal.path(), view.row.id);
    let others = filled.others(l, &["description"]);
    page(frame, view, &l.t("snapshot-take"), &action, &l.t("snapshot-take"), &others, &fields)
}

fn all_disks(view: &VmView) -> HashMap<String, String> {
    view.disks.iter().map(|d| (format!("disk-{}", d.disk.id), "1".to_owned())).collect()
}

async fn new(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = entered(&shared, &http).await?;
        let view = vms::get(&cx, id::<VmId>("VM", &path)?).await?;
        Ok(new_form(&frame, &view, &Filled { values: all_disks(&view), wrong: Vec::new() }))
    };
    answer(&http, result.await)
}

/// The disks whose boxes are ticked; none: there were no boxes.
fn ticked<T: std::str::FromStr>(values: &HashMap<String, String>) -> Option<Vec<T>> {
    let some: Vec<T> = values.keys().filter_map(|k| k.strip_prefix("disk-")?.parse().ok()).collect();
    values.contains_key("boxes").then_some(some)
}

async fn take(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, frame, mut values) = changing(&shared, &http, &body).await?;
        let vm = id::<VmId>("VM", &path)?;
        let view = vms::get(&cx, vm).await?;
        if view.disks.len() > 1 {
            values.insert("boxes".to_owned(), String::new());
        }
        let new = NewSnapshot {
            description: values.get("description").cloned().unwrap_or_default(),
            memory: values.contains_key("memory"),
            disks: ticked(&values),
        };
        match snapshots::create(&cx, vm, new).await {
            Ok(_) => Ok(to(&format!("{}/vms/{vm}", frame.portal.path()))),
            Err(EngineError::Invalid(wrong)) => Ok(new_form(&frame, &view, &Filled { values, wrong })),
            Err(e) => Err(e),
        }
    };
    answer(&http, result.await)
}

type Ids = web::Path<(String, String)>;

async fn find(cx: &Cx, ids: &Ids) -> Result<(VmView, SnapshotView), EngineError> {
    let vm = id::<VmId>("VM", &ids.0)?;
    Ok((vms::get(cx, vm).await?, snapshots::get(cx, vm, id::<SnapshotId>("snapshot", &ids.1)?).await?))
}

async fn confirm_preview(shared: web::Data<Shared>, http: HttpRequest, ids: Ids) -> HttpResponse {
    let result = async {
        let (cx, frame) = entered(&shared, &http).await?;
        let (view, snapshot) = find(&cx, &ids).await?;
        let l = frame.l;
        let memory = Field {
            l,
            label: l.t("preview-with-memory"),
            name: "memory",
            field: "restore_memory",
            hint: String::new(),
        };
        let mut filled = Filled { values: all_disks(&view), wrong: Vec::new() };
        filled.values.insert("memory".to_owned(), "1".to_owned());
        let fields = html! {
            p { (l.t("preview-text")) }
            @if snapshot.disks.len() > 1 {
                input type="hidden" name="boxes" value="";
                (boxes(&frame, &filled, snapshot.disks.iter().map(|d| (d.disk.to_string(), d.alias.as_str()))))
            }
            @if snapshot.memory { (memory.check(&filled)) }
        };
        let title = l.ta("preview-title", &[("name", &snapshot.description)]);
        let action = format!("{}/vms/{}/snapshots/{}/preview", frame.portal.path(), view.row.id, snapshot.id);
        Ok(page(&frame, &view, &title, &action, &l.t("snapshot-preview"), &[], &fields))
    };
    answer(&http, result.await)
}

async fn preview(shared: web::Data<Shared>, http: HttpRequest, ids: Ids, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, frame, values) = changing(&shared, &http, &body).await?;
        let (vm, snapshot) = (id::<VmId>("VM", &ids.0)?, id::<SnapshotId>("snapshot", &ids.1)?);
        let wish = Preview { memory: values.contains_key("memory"), disks: ticked(&values) };
        snapshots::preview(&cx, vm, snapshot, wish).await?;
        Ok(to(&format!("{}/vms/{vm}", frame.portal.path())))
    };
    answer(&http, result.await)
}

async fn confirm_commit(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = entered(&shared, &http).await?;
        let vm = id::<VmId>("VM", &path)?;
        let (view, all) = (vms::get(&cx, vm).await?, snapshots::list(&cx, vm).await?);
        let l = frame.l;
        let seen = all.iter().find(|s| s.status == SnapshotStatus::InPreview && s.kind == SnapshotKind::Regular);
        let none = || EngineError::NotFound { kind: "preview", id: vm.to_string() };
        let seen = seen.ok_or_else(none)?;
        let lost: Vec<_> = all
            .iter()
            .filter(|s| s.kind == SnapshotKind::Regular && s.id != seen.id && s.created >= seen.created)
            .collect();
        let fields = html! {
            @if lost.is_empty() { p { (l.t("commit-text-alone")) } } @else {
                p { (l.t("commit-text")) }
                ul class="pf-v6-c-list" { @for s in lost { li { (s.description) " (" (parts::time(s.created)) ")" } } }
            }
        };
        let title = l.ta("commit-title", &[("name", &seen.description)]);
        let action = format!("{}/vms/{vm}/snapshots/commit", frame.portal.path());
        Ok(page(&frame, &view, &title, &action, &l.t("snapshot-commit"), &[], &fields))
    };
    answer(&http, result.await)
}

async fn commit(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, frame, _) = changing(&shared, &http, &body).await?;
        let vm = id::<VmId>("VM", &path)?;
        snapshots::commit(&cx, vm).await?;
        Ok(to(&format!("{}/vms/{vm}", frame.portal.path())))
    };
    answer(&http, result.await)
}

async fn undo(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, frame, _) = changing(&shared, &http, &body).await?;
        let vm = id::<VmId>("VM", &path)?;
        snapshots::undo(&cx, vm).await?;
        Ok(to(&format!("{}/vms/{vm}", frame.portal.path())))
    };
    answer(&http, result.await)
}

async fn confirm_remove(shared: web::Data<Shared>, http: HttpRequest, ids: Ids) -> HttpResponse {
    let result = async {
        let (cx, frame) = entered(&shared, &http).await?;
        let (view, snapshot) = find(&cx, &ids).await?;
        let l = frame.l;
        let title = l.ta("remove-snapshot-title", &[("name", &snapshot.description)]);
        let action = format!("{}/vms/{}/snapshots/{}/remove", frame.portal.path(), view.row.id, snapshot.id);
        let fields = html! { p { (l.t("remove-snapshot-text")) } };
        Ok(page(&frame, &view, &title, &action, &l.t("remove"), &[], &fields))
    };
    answer(&http, result.await)
}

async fn remove(shared: web::Data<Shared>, http: HttpRequest, ids: Ids, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, frame, _) = changing(&shared, &http, &body).await?;
        let (vm, snapshot) = (id::<VmId>("VM", &ids.0)?, id::<SnapshotId>("snapshot", &ids.1)?);
        snapshots::remove(&cx, vm, snapshot).await?;
        Ok(to(&format!("{}/vms/{vm}", frame.portal.path())))
    };
    answer(&http, result.await)
}
