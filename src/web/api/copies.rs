//! VMs and templates that are made from a VM or a snapshot.

use super::actions::complete;
use super::answer::{body, caller, id, ok, parameters, wants};
use super::entry::BASE;
use super::input::Input;
use super::{fault, first_run, icons, render};
use crate::engine::first_run::Of;
use crate::engine::icons::Of as IconOf;
use crate::engine::templates::{self, TemplateOf, VersionOf};
use crate::engine::vms::copy::{self, Origin};
use crate::engine::{Created, Cx, EngineError, catalog, snapshots};
use crate::model::ids::{SnapshotId, TemplateId, VmId};
use crate::model::valid::{Invalid, Problem};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};

/// Paths of what is made from VMs.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/templates", web::post().to(add_template))
        .route("/templates/{id}", web::put().to(update_template))
        .route("/templates/{id}", web::delete().to(remove_template));
}

const TEMPLATE: &str = "\
    bios cluster comment console cpu cpu_profile creation_time delete_protected description disk_attachments display domain \
    high_availability href id io large_icon link memory memory_policy migration name nics origin os permissions \
    placement_policy quota serial_number small_icon start_paused stateless status storage_domain tags time_zone type usb \
    version virtio_scsi vm";

fn missing(field: &'static str) -> Invalid {
    Invalid::new(field, Problem::Missing)
}

/// The snapshot in `<snapshots><snapshot id=…/>`.
fn snapshot(input: &Input) -> Result<Option<SnapshotId>, EngineError> {
    let Some(one) = input.at("snapshots/snapshot") else { return Ok(None) };
    let id = one.parsed::<SnapshotId>("id", "snapshot.id")?.ok_or_else(|| missing("snapshot.id"))?;
    Ok(Some(id))
}

/// A VM that is to be made from a snapshot; none: from a template.
///
/// # Errors
/// What the command says.
pub async fn from_snapshot(cx: &Cx, input: &Input) -> Result<Option<Created<VmId>>, EngineError> {
    let Some(id) = snapshot(input)? else { return Ok(None) };
    let origin = Origin { vm: snapshots::vm_of(cx, id).await?, snapshot: Some(id) };
    let name = input.text_at("name").ok_or_else(|| missing("name"))?.to_owned();
    Ok(Some(copy::clone(cx, origin, name).await?))
}

/// `POST /vms/{id}/clone` with `<vm><name>`.
///
/// # Errors
/// What the command says.
pub async fn clone(cx: &Cx, vm: VmId, input: &Input) -> Result<Created<VmId>, EngineError> {
    let name = input.text_at("vm/name").ok_or_else(|| missing("vm.name"))?.to_owned();
    copy::clone(cx, Origin { vm, snapshot: None }, name).await
}

async fn remove_template(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        Ok(complete(Some(templates::remove(&cx, id::<TemplateId>("template", &path)?).await?)))
    };
    ok(&request, result.await)
}

/// What a template shows and says; all else of it is as its VM was.
const CHANGED: &str = "href id initialization large_icon small_icon";

async fn update_template(request: HttpRequest, path: web::Path<String>, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let template = id::<TemplateId>("template", &path)?;
        let input = body(&request, &bytes)?;
        input.only("template", CHANGED)?;
        let (icon, told) = (icons::wanted(&input)?, first_run::wanted(&input)?);
        catalog::template(&cx, template).await?;
        first_run::keep(&cx, Of::Template(template), told).await?;
        icons::keep(&cx, IconOf::Template(template), icon).await?;
        Ok(render::template(&catalog::template(&cx, template).await?))
    };
    ok(&request, result.await)
}

async fn add_template(request: HttpRequest, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let input = body(&request, &bytes)?;
        input.only("template", TEMPLATE)?;
        let icon = icons::wanted(&input)?;
        let vm = input.parsed::<VmId>("vm/id", "vm.id")?.ok_or_else(|| missing("vm.id"))?;
        let origin = Origin { vm, snapshot: input.child("vm").map(snapshot).transpose()?.flatten() };
        let name = input.text_at("name");
        let base = input.parsed::<TemplateId>("version/base_template/id", "version.base_template")?;
        let called = input.text_at("version/version_name").unwrap_or_default().to_owned();
        let new = TemplateOf {
            origin,
            name: if base.is_some() { name.unwrap_or_default() } else { name.ok_or_else(|| missing("name"))? }
                .to_owned(),
            version: base.map(|base| VersionOf { base, name: called }),
            description: input.text_at("description").unwrap_or_default().to_owned(),
            seal: parameters(&request).get("seal").is_some_and(|v| v == "true"),
            quota: input.parsed("quota/id", "quota")?,
            everyone: parameters(&request).get("clone_permissions").is_some_and(|v| v == "true"),
        };
        let created = templates::create_of(&cx, new).await?;
        icons::keep(&cx, IconOf::Template(created.id), icon).await?;
        catalog::template(&cx, created.id).await
    };
    match result.await {
        Ok(view) => {
            let mut builder = HttpResponse::Accepted();
            builder.insert_header((header::LOCATION, format!("{BASE}/templates/{}", view.id)));
            wants(&request).write(builder, &render::template(&view))
        }
        Err(error) => fault::response(&request, &error),
    }
}
