//! A VM's disks and network cards: added, changed, plugged in and out.

use super::answer::{body, caller, created, id, ok, parameters, wants};
use super::document::Element;
use super::input::Input;
use super::{actions, fault, known, render, vm_body};
use crate::engine::{Cx, EngineError, disks, vms};
use crate::model::disk::{DiskAttachment, DiskChange, DiskInterface};
use crate::model::ids::{DiskId, NicId, VmId, VnicProfileId};
use crate::model::network::{NicChange, NicModel, NicView};
use crate::model::valid::{Invalid, Problem};
use actix_web::{HttpRequest, HttpResponse, web};

/// Paths below `vms/{id}`.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/vms/{id}/nics", web::get().to(nics))
        .route("/vms/{id}/nics", web::post().to(add_nic))
        .route("/vms/{id}/nics/{nic}", web::get().to(nic))
        .route("/vms/{id}/nics/{nic}", web::put().to(change_nic))
        .route("/vms/{id}/nics/{nic}", web::delete().to(remove_nic))
        .route("/vms/{id}/nics/{nic}/{action}", web::post().to(plug_nic))
        .route("/vms/{id}/diskattachments", web::get().to(attachments))
        .route("/vms/{id}/diskattachments", web::post().to(attach))
        .route("/vms/{id}/diskattachments/{disk}", web::get().to(attachment))
        .route("/vms/{id}/diskattachments/{disk}", web::put().to(change))
        .route("/vms/{id}/diskattachments/{disk}", web::delete().to(detach));
}

async fn cards(cx: &Cx, vm: VmId) -> Result<Vec<NicView>, EngineError> {
    Ok(vms::get(cx, vm).await?.nics)
}

async fn card(cx: &Cx, vm: VmId, nic: NicId) -> Result<Element, EngineError> {
    let found = cards(cx, vm).await?.into_iter().find(|card| card.id == nic);
    let none = || EngineError::NotFound { kind: "network interface", id: nic.to_string() };
    Ok(render::nic(vm, &found.ok_or_else(none)?))
}

async fn nics(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let vm = id::<VmId>("VM", &path)?;
        let cards = cards(&caller(&request).await?, vm).await?;
        Ok(super::document::collection("nics", "nic", cards.iter().map(|n| render::nic(vm, n)).collect()))
    };
    ok(&request, result.await)
}

async fn nic(request: HttpRequest, path: web::Path<(String, String)>) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        card(&cx, id::<VmId>("VM", &path.0)?, id::<NicId>("network interface", &path.1)?).await
    };
    ok(&request, result.await)
}

/// A card as it is, with what the document says of it.
fn changed(input: &Input, old: NicChange) -> Result<NicChange, EngineError> {
    known::nic(input)?;
    let profile = match input.child("vnic_profile") {
        Some(_) => input.parsed::<VnicProfileId>("vnic_profile/id", "vnic_profile")?,
        None => old.profile,
    };
    Ok(NicChange {
        name: input.text_at("name").map_or(old.name, ToOwned::to_owned),
        model: input.parsed("interface", "interface")?.unwrap_or(old.model),
        profile,
        linked: input.bool_at("linked", "linked")?.unwrap_or(old.linked),
        plugged: input.bool_at("plugged", "plugged")?.unwrap_or(old.plugged),
    })
}

async fn add_nic(request: HttpRequest, path: web::Path<String>, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let vm = id::<VmId>("VM", &path)?;
        let input = body(&request, &bytes)?;
        let fresh =
            NicChange { name: String::new(), model: NicModel::Virtio, profile: None, linked: true, plugged: true };
        let nic = vms::add_nic(&cx, vm, changed(&input, fresh)?).await?;
        card(&cx, vm, nic).await
    };
    created(&request, result.await)
}

async fn change_nic(request: HttpRequest, path: web::Path<(String, String)>, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let (vm, nic) = (id::<VmId>("VM", &path.0)?, id::<NicId>("network interface", &path.1)?);
        let old = vms::nic(&cx, vm, nic).await?;
        vms::change_nic(&cx, vm, nic, changed(&body(&request, &bytes)?, old)?).await?;
        card(&cx, vm, nic).await
    };
    ok(&request, result.await)
}

/// oVirt's older way to plug a card in or out.
async fn plug_nic(request: HttpRequest, path: web::Path<(String, String, String)>) -> HttpResponse {
    let (vm, nic, action) = path.into_inner();
    let result = async {
        let cx = caller(&request).await?;
        let plugged = match action.as_str() {
            "activate" => true,
            "deactivate" => false,
            _ => return Err(EngineError::NotFound { kind: "action", id: action.chars().take(64).collect() }),
        };
        let (vm, nic) = (id::<VmId>("VM", &vm)?, id::<NicId>("network interface", &nic)?);
        let old = vms::nic(&cx, vm, nic).await?;
        vms::change_nic(&cx, vm, nic, NicChange { plugged, ..old }).await?;
        Ok(actions::complete(None))
    };
    ok(&request, result.await)
}

async fn remove_nic(request: HttpRequest, path: web::Path<(String, String)>) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        vms::remove_nic(&cx, id::<VmId>("VM", &path.0)?, id::<NicId>("network interface", &path.1)?).await?;
        Ok(actions::complete(None))
    };
    ok(&request, result.await)
}

async fn disks_of(cx: &Cx, vm: VmId) -> Result<Vec<DiskAttachment>, EngineError> {
    Ok(vms::get(cx, vm).await?.disks)
}

async fn one(cx: &Cx, vm: VmId, disk: DiskId) -> Result<DiskAttachment, EngineError> {
    let found = disks_of(cx, vm).await?.into_iter().find(|d| d.disk.id == disk);
    found.ok_or_else(|| EngineError::NotFound { kind: "disk attachment", id: disk.to_string() })
}

async fn attachments(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let vm = id::<VmId>("VM", &path)?;
        let all = disks_of(&caller(&request).await?, vm).await?;
        let all = all.iter().map(|d| render::attachment(vm, d)).collect();
        Ok(super::document::collection("disk_attachments", "disk_attachment", all))
    };
    ok(&request, result.await)
}

async fn attachment(request: HttpRequest, path: web::Path<(String, String)>) -> HttpResponse {
    let result = async {
        let vm = id::<VmId>("VM", &path.0)?;
        let found = one(&caller(&request).await?, vm, id::<DiskId>("disk", &path.1)?).await?;
        Ok(render::attachment(vm, &found))
    };
    ok(&request, result.await)
}

/// A new disk, or one that exists and belongs to nothing.
async fn attach(request: HttpRequest, path: web::Path<String>, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let vm = id::<VmId>("VM", &path)?;
        let input = body(&request, &bytes)?;
        known::attachment(&input)?;
        let disk = input.child("disk").cloned().unwrap_or_default();
        let id = match disk.parsed::<DiskId>("id", "disk.id")? {
            Some(id) => {
                let new = disks::Attach {
                    disk: id,
                    interface: input.parsed("interface", "interface")?.unwrap_or(DiskInterface::Virtio),
                    bootable: input.bool_at("bootable", "bootable")?.unwrap_or(false),
                    active: input.bool_at("active", "active")?.unwrap_or(true),
                };
                disks::attach(&cx, vm, new).await?;
                id
            }
            None => disks::add(&cx, vm_body::disk(&disk, &input)?, Some(vm)).await?.id,
        };
        Ok(render::attachment(vm, &one(&cx, vm, id).await?))
    };
    // A new disk is being made.
    match result.await {
        Ok(element) => wants(&request).write(HttpResponse::Accepted(), &element),
        Err(error) => fault::response(&request, &error),
    }
}

async fn change(request: HttpRequest, path: web::Path<(String, String)>, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let (vm, disk) = (id::<VmId>("VM", &path.0)?, id::<DiskId>("disk", &path.1)?);
        let input = body(&request, &bytes)?;
        known::attachment(&input)?;
        let old = one(&cx, vm, disk).await?;
        let interface = input.parsed("interface", "interface")?.unwrap_or(old.interface);
        let bootable = input.bool_at("bootable", "bootable")?.unwrap_or(old.bootable);
        if input.bool_at("read_only", "read_only")?.is_some_and(|wanted| wanted != old.read_only) {
            return Err(Invalid::new("read_only", Problem::Fixed).into());
        }
        if (interface, bootable) != (old.interface, old.bootable) {
            let (alias, description) = (old.disk.alias.clone(), old.disk.description.clone());
            disks::change(&cx, disk, DiskChange { alias, description, seen: Some((interface, bootable)) }).await?;
        }
        if let Some(active) = input.bool_at("active", "active")? {
            disks::set_active(&cx, vm, disk, active).await?;
        }
        Ok(render::attachment(vm, &one(&cx, vm, disk).await?))
    };
    ok(&request, result.await)
}

/// The disk stays; `detach_only=false` removes it, too.
async fn detach(request: HttpRequest, path: web::Path<(String, String)>) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let (vm, disk) = (id::<VmId>("VM", &path.0)?, id::<DiskId>("disk", &path.1)?);
        one(&cx, vm, disk).await?;
        if parameters(&request).get("detach_only").is_some_and(|v| v == "false") {
            return Ok(actions::complete(Some(disks::remove(&cx, disk).await?)));
        }
        disks::detach(&cx, vm, disk).await?;
        Ok(actions::complete(None))
    };
    ok(&request, result.await)
}
