//! A VM's disks and network cards: shown on its page, added, changed, removed.

use super::attach;
use super::card::link;
use super::confirm::{Question, done};
use super::vm_form::{allocations, interfaces};
use super::{admin, changing, details, id, quotas};
use crate::engine::permissions::may::{self, Permits};
use crate::engine::{Cx, EngineError, catalog, disks, vms};
use crate::model::disk::{DiskAttachment, DiskChange, DiskInterface, GIB, NewDisk};
use crate::model::ids::{DiskId, NicId, VmId, VnicProfileId};
use crate::model::network::{NicChange, NicModel, NicView};
use crate::model::role::Action;
use crate::model::storage_domain::StorageDomainKind;
use crate::model::valid::{Invalid, Problem};
use crate::model::vm::{Refusal, VmAction, VmView};
use crate::web::locale::Locale;
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::form::{Choice, Field, Filled, form};
use crate::web::ui::{Frame, parts};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use serde::Deserialize;
use std::collections::HashMap;

/// `/admin/vms/{id}/disks/…`, `/admin/vms/{id}/nics/…`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/vms/{id}/disks/new", web::get().to(new_disk))
        .route("/admin/vms/{id}/disks/new", web::post().to(add_disk))
        .route("/admin/vms/{id}/disks/{disk}/edit", web::get().to(edit_disk))
        .route("/admin/vms/{id}/disks/{disk}/edit", web::post().to(change_disk))
        .route("/admin/vms/{id}/nics/new", web::get().to(nic_page))
        .route("/admin/vms/{id}/nics/new", web::post().to(save_nic))
        .route("/admin/vms/{id}/nics/{nic}/edit", web::get().to(nic_page))
        .route("/admin/vms/{id}/nics/{nic}/edit", web::post().to(save_nic))
        .route("/admin/vms/{id}/nics/{nic}/remove", web::get().to(confirm_nic))
        .route("/admin/vms/{id}/nics/{nic}/remove", web::post().to(remove_nic));
}

/// The ids of a path; a part that is not meant has none.
#[derive(Debug, Deserialize)]
struct Meant {
    id: String,
    #[serde(default)]
    disk: String,
    #[serde(default)]
    nic: String,
}

type Ids = web::Path<Meant>;

fn vm_of(ids: &Ids) -> Result<VmId, EngineError> {
    id("VM", &ids.id)
}

fn table(label: &str, heads: &[String], rows: &[Vec<Markup>]) -> Markup {
    html! {
        div class="vireo-scroll" tabindex="0" role="region" aria-label=(label) {
            table class="pf-v6-c-table pf-m-compact pf-m-grid-md" aria-label=(label) {
                thead class="pf-v6-c-table__thead" { tr class="pf-v6-c-table__tr" { @for head in heads { th class="pf-v6-c-table__th" scope="col" { (head) } } } }
                tbody class="pf-v6-c-table__tbody" {
                    @for cells in rows {
                        tr class="pf-v6-c-table__tr" {
                            @for (head, cell) in heads.iter().zip(cells) { td class="pf-v6-c-table__td" data-label=(head) { (cell) } }
                        }
                    }
                }
            }
        }
    }
}

/// The card of a VM's disks.
pub fn disk_card(frame: &Frame, view: &VmView, permits: &Permits, new_disk: bool) -> Markup {
    let l = frame.l;
    let idle = !view.cannot.iter().any(|(action, why)| *action == VmAction::Edit && *why != Refusal::NotPermitted);
    let configures =
        view.row.can.contains(&VmAction::Edit) && permits.may(Action::ConfigureVmStorage, view.row.id.object());
    let add = configures && new_disk;
    let base = format!("/admin/vms/{}/disks", view.row.id);
    let row = |d: &DiskAttachment| {
        let name =
            interfaces().into_iter().find(|c| c.value == d.interface.as_str()).map_or_else(String::new, |c| c.text);
        vec![
            html! { (link("disks", d.disk.id, &d.disk.alias)) @if d.bootable { " " (parts::label(&l.t("bootable"), "")) } @if !d.active { " " (parts::label(&l.t("inactive"), "")) } },
            parts::status(l, d.disk.status.as_str()),
            html! { (parts::bytes(d.disk.virtual_bytes)) },
            html! { (name) },
            html! { (d.disk.storage_domain_name) },
            html! { @if idle { span class="vireo-buttons" {
                @if configures { (attach::buttons(frame, view, d)) }
                @if permits.may(Action::EditDiskProperties, d.disk.id.object()) {
                    (parts::link_button(&format!("{base}/{}/edit", d.disk.id), &l.t("action-edit"), "pf-m-secondary"))
                }
                @if permits.may(Action::DeleteDisk, d.disk.id.object()) {
                    (parts::link_button(&format!("/admin/disks/{}/remove?back=/admin/vms/{}", d.disk.id, view.row.id), &l.t("remove"), "pf-m-secondary"))
                }
            } } },
        ]
    };
    let heads = ["alias", "status", "virtual-size", "interface", "domain", "actions"].map(|k| l.t(k));
    let rows: Vec<_> = view.disks.iter().map(row).collect();
    parts::card(
        &l.t("disks"),
        &html! {
            @if rows.is_empty() { p { (l.t("no-disks-yet")) } } @else { (table(&l.t("disks"), &heads, &rows)) }
            @if configures { div class="vireo-actions" {
                @if add { (parts::link_button(&format!("{base}/new"), &l.t("new-disk"), "pf-m-primary")) }
                (parts::link_button(&format!("{base}/attach"), &l.t("attach-disk"), "pf-m-secondary"))
            } }
        },
    )
}

/// The card of a VM's network cards.
pub fn nic_card(frame: &Frame, view: &VmView, permits: &Permits) -> Markup {
    let l = frame.l;
    let edit = view.row.can.contains(&VmAction::Edit) && permits.may(Action::ConfigureVmNetwork, view.row.id.object());
    let base = format!("/admin/vms/{}/nics", view.row.id);
    let row = |n: &NicView| {
        let state = match (n.plugged, n.linked) {
            (false, _) => l.t("unplugged"),
            (true, true) => l.t("link-up"),
            (true, false) => l.t("link-down"),
        };
        vec![
            html! { (n.name) },
            html! { (n.mac) },
            html! { @if n.profile.is_some() { (n.network_name) "/" (n.profile_name) } @else { (l.t("no-network")) } },
            html! { (n.model) },
            html! { (state) },
            html! { @if edit { span class="vireo-buttons" {
                (parts::link_button(&format!("{base}/{}/edit", n.id), &l.t("action-edit"), "pf-m-secondary"))
                (parts::link_button(&format!("{base}/{}/remove", n.id), &l.t("remove"), "pf-m-secondary"))
            } } },
        ]
    };
    let heads = ["name", "mac", "network", "nic-model", "link-state", "actions"].map(|k| l.t(k));
    let rows: Vec<_> = view.nics.iter().map(row).collect();
    parts::card(
        &l.t("nics"),
        &html! {
            @if rows.is_empty() { p { (l.t("no-nics-yet")) } } @else { (table(&l.t("nics"), &heads, &rows)) }
            @if edit { div class="vireo-actions" { (parts::link_button(&format!("{base}/new"), &l.t("new-nic"), "pf-m-primary")) } }
        },
    )
}

fn field<'a>(l: Locale, label: &str, name: &'a str, field: &'a str) -> Field<'a> {
    Field { l, label: l.t(label), name, field, hint: String::new() }
}

/// A form about a part of a VM, under the VM's name.
fn page(
    frame: &Frame,
    view: &VmView,
    title: &str,
    action: &str,
    filled: &Filled,
    shown: &[&str],
    fields: &Markup,
) -> HttpResponse {
    let l = frame.l;
    let notice = view.row.status.is_running().then(|| parts::alert("info", &l.t("at-once")));
    let content = html! {
        (parts::heading(title, &html! { span class="vireo-name" { (view.row.name) } }, &html! {}))
        @if let Some(notice) = notice { (notice) }
        (form(frame, action, &format!("/admin/vms/{}", view.row.id), &l.t("save"), &filled.others(l, shown), fields))
    };
    frame.page(title, "", &content)
}

async fn disk_form(cx: &Cx, frame: &Frame, view: &VmView, filled: &Filled) -> Result<HttpResponse, EngineError> {
    let l = frame.l;
    let mut domains = vec![Choice::new("", l.t("domain-by-engine"))];
    let all = catalog::storage_domains(cx, &details::all()).await?.rows;
    let permits = may::on(cx, all.iter().map(|d| d.id.object()).collect()).await?;
    for d in all {
        if d.kind == StorageDomainKind::Data && permits.may(Action::CreateDisk, d.id.object()) {
            let free = l.ta("free-of", &[("free", &parts::bytes(d.available_bytes))]);
            domains.push(Choice::new(d.id, format!("{} ({free})", d.name)));
        }
    }
    let fields = html! {
        (field(l, "size-gib", "size", "provisioned_size").input(filled, "number"))
        (field(l, "alias", "alias", "alias").input(filled, "text"))
        (field(l, "description", "description", "description").input(filled, "text"))
        (field(l, "interface", "interface", "interface").choose(filled, &interfaces()))
        (field(l, "domain", "domain", "storage_domain").choose(filled, &domains))
        (field(l, "allocation", "allocation", "").choose(filled, &allocations(l)))
        (quotas::field_of_disk(l, filled, "quota", &quotas::choices(cx, None).await?))
        (field(l, "bootable", "bootable", "bootable").check(filled))
    };
    let shown = ["provisioned_size", "alias", "description", "interface", "storage_domain", "quota"];
    Ok(page(frame, view, &l.t("new-disk"), &format!("/admin/vms/{}/disks/new", view.row.id), filled, &shown, &fields))
}

async fn new_disk(shared: web::Data<Shared>, http: HttpRequest, ids: Ids) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let view = vms::get(&cx, vm_of(&ids)?).await?;
        let mut filled = Filled::default();
        if view.disks.is_empty() {
            filled.values.insert("bootable".to_owned(), "1".to_owned());
        }
        disk_form(&cx, &frame, &view, &filled).await
    };
    details::answer(&http, result.await)
}

fn disk_asked(values: &HashMap<String, String>) -> Result<NewDisk, Invalid> {
    let get = |name: &str| values.get(name).map_or("", |v| v.trim());
    let size = get("size");
    let problem = |size: &str| match size {
        "" => Problem::Missing,
        other => Problem::NotANumber { value: other.chars().take(40).collect() },
    };
    let gib: u64 = size.parse().map_err(|_| Invalid::new("provisioned_size", problem(size)))?;
    let domain = match get("domain") {
        "" => None,
        text => {
            let none = |_| Invalid::new("storage_domain", Problem::NoSuch { value: text.chars().take(64).collect() });
            Some(text.parse().map_err(none)?)
        }
    };
    Ok(NewDisk {
        alias: get("alias").to_owned(),
        description: get("description").to_owned(),
        virtual_bytes: gib.saturating_mul(GIB),
        sparse: get("allocation") != "preallocated",
        interface: get("interface").parse().unwrap_or(DiskInterface::Virtio),
        bootable: values.contains_key("bootable"),
        storage_domain: domain,
        quota: quotas::read(values, "quota")?,
    })
}

async fn add_disk(shared: web::Data<Shared>, http: HttpRequest, ids: Ids, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, frame, values) = changing(&shared, &http, &body).await?;
        let vm = vm_of(&ids)?;
        let added = match disk_asked(&values) {
            Ok(new) => disks::add(&cx, new, Some(vm)).await,
            Err(wrong) => Err(wrong.into()),
        };
        match added {
            Ok(_) => Ok(to(&format!("/admin/vms/{vm}"))),
            Err(EngineError::Invalid(wrong)) => {
                disk_form(&cx, &frame, &vms::get(&cx, vm).await?, &Filled { values, wrong }).await
            }
            Err(e) => Err(e),
        }
    };
    details::answer(&http, result.await)
}

fn edited_disk(frame: &Frame, view: &VmView, disk: DiskId, filled: &Filled) -> HttpResponse {
    let l = frame.l;
    let fields = html! {
        (field(l, "alias", "alias", "alias").input(filled, "text"))
        (field(l, "description", "description", "description").input(filled, "text"))
        @if !view.row.status.is_running() {
            (field(l, "interface", "interface", "interface").choose(filled, &interfaces()))
            (field(l, "bootable", "bootable", "bootable").check(filled))
        }
    };
    let action = format!("/admin/vms/{}/disks/{disk}/edit", view.row.id);
    page(frame, view, &l.t("edit-disk"), &action, filled, &["alias", "description", "interface"], &fields)
}

fn attached(view: &VmView, ids: &Ids) -> Result<DiskAttachment, EngineError> {
    let disk: DiskId = id("disk", &ids.disk)?;
    let none = || EngineError::NotFound { kind: "disk", id: disk.to_string() };
    view.disks.iter().find(|d| d.disk.id == disk).cloned().ok_or_else(none)
}

async fn edit_disk(shared: web::Data<Shared>, http: HttpRequest, ids: Ids) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let view = vms::get(&cx, vm_of(&ids)?).await?;
        let d = attached(&view, &ids)?;
        let mut filled = Filled::default();
        let mut set = |name: &str, value: String| filled.values.insert(name.to_owned(), value);
        set("alias", d.disk.alias.clone());
        set("description", d.disk.description.clone());
        set("interface", d.interface.to_string());
        if d.bootable {
            set("bootable", "1".to_owned());
        }
        Ok(edited_disk(&frame, &view, d.disk.id, &filled))
    };
    details::answer(&http, result.await)
}

async fn change_disk(shared: web::Data<Shared>, http: HttpRequest, ids: Ids, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, frame, values) = changing(&shared, &http, &body).await?;
        let view = vms::get(&cx, vm_of(&ids)?).await?;
        let disk = attached(&view, &ids)?.disk.id;
        let get = |name: &str| values.get(name).cloned().unwrap_or_default();
        // Without the field (the VM runs) it stays as it is.
        let seen = get("interface").parse().ok().map(|interface| (interface, values.contains_key("bootable")));
        let change = DiskChange { alias: get("alias"), description: get("description"), seen };
        match disks::change(&cx, disk, change).await {
            Ok(()) => Ok(to(&format!("/admin/vms/{}", view.row.id))),
            Err(EngineError::Invalid(wrong)) => Ok(edited_disk(&frame, &view, disk, &Filled { values, wrong })),
            Err(e) => Err(e),
        }
    };
    details::answer(&http, result.await)
}

/// The card of the path; none: a new one.
fn nic_of<'a>(view: &'a VmView, ids: &Ids) -> Result<Option<&'a NicView>, EngineError> {
    if ids.nic.is_empty() {
        return Ok(None);
    }
    let nic: NicId = id("network interface", &ids.nic)?;
    let none = || EngineError::NotFound { kind: "network interface", id: nic.to_string() };
    view.nics.iter().find(|n| n.id == nic).map(Some).ok_or_else(none)
}

async fn nic_form(
    cx: &Cx,
    frame: &Frame,
    view: &VmView,
    nic: Option<&NicView>,
    filled: &Filled,
) -> Result<HttpResponse, EngineError> {
    let l = frame.l;
    let profiles = catalog::vnic_profiles(cx).await?;
    let permits = may::on(cx, profiles.iter().map(|p| p.id.object()).collect()).await?;
    let held = nic.and_then(|n| n.profile);
    let usable = |id: VnicProfileId| held == Some(id) || permits.may(Action::ConfigureVmNetwork, id.object());
    let mut profiles: Vec<Choice> = profiles
        .iter()
        .filter(|p| usable(p.id))
        .map(|p| Choice::new(p.id, format!("{}/{}", p.network_name, p.name)))
        .collect();
    profiles.push(Choice::new("", l.t("no-network")));
    let models: Vec<Choice> = NicModel::ALL.iter().map(|m| Choice::new(m, m)).collect();
    let fields = html! {
        (field(l, "name", "name", "name").input(filled, "text"))
        (field(l, "profile", "profile", "vnic_profile").choose(filled, &profiles))
        (field(l, "nic-model", "model", "interface").choose(filled, &models))
        @if let Some(nic) = nic { (field(l, "mac", "mac", "mac").fixed(&nic.mac.to_string())) }
        (field(l, "link-up", "linked", "linked").check(filled))
        (field(l, "plugged", "plugged", "plugged").check(filled))
    };
    let base = format!("/admin/vms/{}/nics", view.row.id);
    let (title, action) = match nic {
        Some(nic) => (l.t("edit-nic"), format!("{base}/{}/edit", nic.id)),
        None => (l.t("new-nic"), format!("{base}/new")),
    };
    Ok(page(frame, view, &title, &action, filled, &["name", "vnic_profile"], &fields))
}

async fn nic_page(shared: web::Data<Shared>, http: HttpRequest, ids: Ids) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let view = vms::get(&cx, vm_of(&ids)?).await?;
        let nic = nic_of(&view, &ids)?;
        let mut filled = Filled::default();
        let mut set = |name: &str, value: String| filled.values.insert(name.to_owned(), value);
        let free = (1..).map(|n| format!("nic{n}")).find(|name| !view.nics.iter().any(|n| n.name == *name));
        set("name", nic.map(|n| n.name.clone()).or(free).unwrap_or_default());
        if let Some(nic) = nic {
            set("profile", nic.profile.map(|p| p.to_string()).unwrap_or_default());
            set("model", nic.model.to_string());
        }
        for (name, on) in [("linked", nic.is_none_or(|n| n.linked)), ("plugged", nic.is_none_or(|n| n.plugged))] {
            if on {
                set(name, "1".to_owned());
            }
        }
        nic_form(&cx, &frame, &view, nic, &filled).await
    };
    details::answer(&http, result.await)
}

async fn save_nic(shared: web::Data<Shared>, http: HttpRequest, ids: Ids, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, frame, values) = changing(&shared, &http, &body).await?;
        let view = vms::get(&cx, vm_of(&ids)?).await?;
        let nic = nic_of(&view, &ids)?;
        let get = |name: &str| values.get(name).map_or("", |v| v.trim());
        let profile = match get("profile") {
            "" => None,
            text => Some(id("vNIC profile", text)?),
        };
        let model = get("model").parse().unwrap_or(NicModel::Virtio);
        let change = NicChange {
            name: get("name").to_owned(),
            model,
            profile,
            linked: values.contains_key("linked"),
            plugged: values.contains_key("plugged"),
        };
        let done = match nic {
            Some(nic) => vms::change_nic(&cx, view.row.id, nic.id, change).await,
            None => vms::add_nic(&cx, view.row.id, change).await.map(drop),
        };
        match done {
            Ok(()) => Ok(to(&format!("/admin/vms/{}", view.row.id))),
            Err(EngineError::Invalid(wrong)) => nic_form(&cx, &frame, &view, nic, &Filled { values, wrong }).await,
            Err(e) => Err(e),
        }
    };
    details::answer(&http, result.await)
}

async fn confirm_nic(shared: web::Data<Shared>, http: HttpRequest, ids: Ids) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let view = vms::get(&cx, vm_of(&ids)?).await?;
        let l = frame.l;
        let (name, mac) = nic_of(&view, &ids)?.map(|n| (n.name.clone(), n.mac.to_string())).unwrap_or_default();
        let title = l.ta("confirm-remove-nic", &[("name", &name), ("vm", &view.row.name)]);
        let text = html! { p { (l.ta("confirm-remove-nic-text", &[("mac", &mac)])) } };
        let button = Some((http.path().to_owned(), l.t("remove"), "pf-m-danger"));
        let back = format!("/admin/vms/{}", view.row.id);
        Ok(Question { title, text, button, back, topics: "" }.page(&frame))
    };
    details::answer(&http, result.await)
}

async fn remove_nic(shared: web::Data<Shared>, http: HttpRequest, ids: Ids, body: web::Bytes) -> HttpResponse {
    done(&shared, &http, &body, async |cx| {
        let vm = vm_of(&ids)?;
        vms::remove_nic(&cx, vm, id("network interface", &ids.nic)?).await?;
        Ok(format!("/admin/vms/{vm}"))
    })
    .await
}
