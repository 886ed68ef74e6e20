//! `vms/{id}/snapshots`, and the actions that go to a snapshot.

use super::actions::{answer, complete};
use super::answer::{body, caller, id, ok, wants};
use super::document::{Element, collection};
use super::entry::BASE;
use super::input::Input;
use super::{fault, render};
use crate::engine::{Cx, EngineError, jobs, snapshots};
use crate::model::conflict::Conflict;
use crate::model::ids::{DiskId, JobId, SnapshotId, VmId};
use crate::model::job::JobStatus;
use crate::model::snapshot::{NewSnapshot, Preview, SnapshotDisk, SnapshotStatus, SnapshotView};
use crate::model::valid::{Invalid, Problem};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};

/// Paths of snapshots.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/vms/{id}/snapshots", web::get().to(list))
        .route("/vms/{id}/snapshots", web::post().to(add))
        .route("/vms/{id}/snapshots/{snapshot}", web::get().to(get))
        .route("/vms/{id}/snapshots/{snapshot}", web::delete().to(remove))
        .route("/vms/{id}/snapshots/{snapshot}/disks", web::get().to(disks))
        .route("/vms/{id}/snapshots/{snapshot}/restore", web::post().to(restore));
}

/// A snapshot's fields in oVirt's model 4.6.
const SNAPSHOT: &str = "\
    date description disk_attachments href id link persist_memorystate snapshot_status snapshot_type vm";

fn element(view: &SnapshotView) -> Element {
    let href = format!("{BASE}/vms/{}/snapshots/{}", view.vm, view.id);
    // oVirt has no word for one whose removal was begun: its disks are not to be relied on.
    let status = if view.status == SnapshotStatus::Broken { "locked" } else { view.status.as_str() };
    Element::new("snapshot")
        .attribute("href", &href)
        .attribute("id", view.id)
        .repeated(
            "link",
            vec![Element::new("link").attribute("href", format!("{href}/disks")).attribute("rel", "disks")],
        )
        .some_text("description", view.description.as_str())
        .time("date", view.created)
        .bool("persist_memorystate", view.memory)
        .text("snapshot_status", status)
        .text("snapshot_type", view.kind.as_str())
        .child(render::reference("vm", "vms", view.vm))
}

async fn list(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let all = snapshots::list(&cx, id::<VmId>("VM", &path)?).await?;
        Ok(collection("snapshots", "snapshot", all.iter().map(element).collect()))
    };
    ok(&request, result.await)
}

async fn find(request: &HttpRequest, path: &(String, String)) -> Result<(Cx, SnapshotView), EngineError> {
    let cx = caller(request).await?;
    let view = snapshots::get(&cx, id::<VmId>("VM", &path.0)?, id::<SnapshotId>("snapshot", &path.1)?).await?;
    Ok((cx, view))
}

async fn get(request: HttpRequest, path: web::Path<(String, String)>) -> HttpResponse {
    ok(&request, find(&request, &path).await.map(|(_, view)| element(&view)))
}

/// The disks named in `<disks>` or `<disk_attachments>`; none: all.
fn named<'a>(all: impl Iterator<Item = &'a Input>, path: &str) -> Result<Vec<DiskId>, EngineError> {
    all.map(|one| {
        let disk = one.parsed::<DiskId>(path, "disk.id")?;
        Ok(disk.ok_or_else(|| Invalid::new("disk.id", Problem::Missing))?)
    })
    .collect()
}

async fn add(request: HttpRequest, path: web::Path<String>, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let vm = id::<VmId>("VM", &path)?;
        let input = body(&request, &bytes)?;
        input.only("snapshot", SNAPSHOT)?;
        let disks =
            input.child("disk_attachments").map(|all| named(all.all("disk_attachment"), "disk/id")).transpose()?;
        let new = NewSnapshot {
            description: input.text_at("description").unwrap_or_default().to_owned(),
            memory: input.bool_at("persist_memorystate", "persist_memorystate")?.unwrap_or(false),
            disks,
        };
        let created = snapshots::create(&cx, vm, new.clone()).await?;
        Ok::<_, EngineError>((vm, created.id, new))
    };
    match result.await {
        Ok((vm, snapshot, new)) => {
            let href = format!("{BASE}/vms/{vm}/snapshots/{snapshot}");
            // It is among the snapshots when it is whole.
            let begun = Element::new("snapshot")
                .attribute("href", &href)
                .attribute("id", snapshot)
                .some_text("description", new.description.as_str())
                .bool("persist_memorystate", new.memory)
                .text("snapshot_status", "locked")
                .text("snapshot_type", "regular")
                .child(render::reference("vm", "vms", vm));
            let mut builder = HttpResponse::Accepted();
            builder.insert_header((header::LOCATION, href));
            wants(&request).write(builder, &begun)
        }
        Err(error) => fault::response(&request, &error),
    }
}

async fn remove(request: HttpRequest, path: web::Path<(String, String)>) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let (vm, snapshot) = (id::<VmId>("VM", &path.0)?, id::<SnapshotId>("snapshot", &path.1)?);
        Ok(complete(Some(snapshots::remove(&cx, vm, snapshot).await?)))
    };
    ok(&request, result.await)
}

fn disk(view: &SnapshotView, disk: &SnapshotDisk) -> Element {
    Element::new("disk")
        .attribute("href", format!("{BASE}/vms/{}/snapshots/{}/disks/{}", view.vm, view.id, disk.disk))
        .attribute("id", disk.disk)
        .text("alias", disk.alias.as_str())
        .text("image_id", disk.image.to_string())
        .long("actual_size", disk.actual_bytes)
        .child(Element::new("snapshot").attribute("id", view.id))
}

async fn disks(request: HttpRequest, path: web::Path<(String, String)>) -> HttpResponse {
    let result = find(&request, &path).await;
    let all = |view: &SnapshotView| view.disks.iter().map(|one| disk(view, one)).collect();
    ok(&request, result.map(|(_, view)| collection("disks", "disk", all(&view))))
}

fn wished(input: &Input) -> Result<Preview, EngineError> {
    Ok(Preview {
        memory: input.bool_at("restore_memory", "restore_memory")?.unwrap_or(false),
        disks: input.child("disks").map(|all| named(all.all("disk"), "id")).transpose()?,
    })
}

/// Goes to a snapshot and stays there.
async fn restore(request: HttpRequest, path: web::Path<(String, String)>, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let (vm, snapshot) = (id::<VmId>("VM", &path.0)?, id::<SnapshotId>("snapshot", &path.1)?);
        let job = snapshots::preview(&cx, vm, snapshot, wished(&body(&request, &bytes)?)?).await?;
        ended(&cx, job).await?;
        Ok(complete(Some(snapshots::commit(&cx, vm).await?)))
    };
    answer(&request, result.await)
}

async fn ended(cx: &Cx, job: JobId) -> Result<(), EngineError> {
    let view = jobs::wait(&cx.engine, job).await?;
    if view.status == JobStatus::Finished { Ok(()) } else { Err(Conflict::told(view.error).into()) }
}

/// `previewsnapshot`, `commitsnapshot`, `undosnapshot` of a VM; none: another action.
///
/// # Errors
/// What the command says.
pub async fn action(cx: &Cx, vm: VmId, action: &str, input: &Input) -> Result<Option<JobId>, EngineError> {
    Ok(Some(match action {
        "previewsnapshot" => {
            let snapshot = input.parsed::<SnapshotId>("snapshot/id", "snapshot.id")?;
            let snapshot = snapshot.ok_or_else(|| Invalid::new("snapshot.id", Problem::Missing))?;
            snapshots::preview(cx, vm, snapshot, wished(input)?).await?
        }
        "commitsnapshot" => snapshots::commit(cx, vm).await?,
        "undosnapshot" => snapshots::undo(cx, vm).await?,
        _ => return Ok(None),
    }))
}
