//! The New VM and Edit VM forms.

use super::{admin, changing, id};
use crate::engine::{Cx, EngineError, catalog, disks, vms};
use crate::model::disk::{DiskContent, DiskInterface, GIB, NewDisk};
use crate::model::ids::VmId;
use crate::model::page::ListQuery;
use crate::model::valid::{Invalid, Problem};
use crate::model::vm::{BootDevice, NewVm, VmUpdate, VmView};
use crate::web::error;
use crate::web::locale::Locale;
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::form::{Field, Filled, form};
use crate::web::ui::{Frame, parts};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use std::collections::HashMap;
use std::str::FromStr;

/// The forms' paths.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/vms/new", web::get().to(new_page))
        .route("/admin/vms/new", web::post().to(create))
        .route("/admin/vms/{id}/edit", web::get().to(edit_page))
        .route("/admin/vms/{id}/edit", web::post().to(update));
}

/// What can be chosen from.
struct Choices {
    clusters: Vec<(String, String)>,
    templates: Vec<(String, String)>,
    instance_types: Vec<(String, String)>,
    isos: Vec<(String, String)>,
    profiles: Vec<(String, String)>,
}

async fn choices(cx: &Cx, frame: &Frame) -> Result<Choices, EngineError> {
    let l = frame.l;
    let all = ListQuery { max: u32::MAX, ..ListQuery::default() };
    let none = |key: String| vec![(String::new(), key)];
    let named = |id: String, name: String| (id, name);
    let mut instance_types = none(l.t("custom"));
    for t in catalog::instance_types(cx).await? {
        instance_types.push((
            t.id.to_string(),
            format!("{} ({}, {} vCPU)", t.name, parts::memory(t.memory_mib), t.sockets * t.cores * t.threads),
        ));
    }
    let mut isos = none(l.t("cd-none"));
    let disks = disks::list(cx, &all).await?.rows;
    isos.extend(disks.into_iter().filter(|d| d.content == DiskContent::Iso).map(|d| named(d.id.to_string(), d.alias)));
    let mut profiles: Vec<_> = catalog::vnic_profiles(cx)
        .await?
        .into_iter()
        .map(|p| (p.id.to_string(), format!("{}/{}", p.network_name, p.name)))
        .collect();
    profiles.push((String::new(), l.t("no-nic")));
    Ok(Choices {
        clusters: catalog::clusters(cx, &all)
            .await?
            .rows
            .into_iter()
            .map(|c| named(c.id.to_string(), c.name))
            .collect(),
        templates: catalog::templates(cx, &all)
            .await?
            .rows
            .into_iter()
            .map(|t| named(t.id.to_string(), t.name))
            .collect(),
        instance_types,
        isos,
        profiles,
    })
}

async fn new_page(shared: web::Data<Shared>, http: HttpRequest) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        Ok::<_, EngineError>((choices(&cx, &frame).await?, frame))
    };
    match result.await {
        Ok((choices, frame)) => new_form(&frame, &choices, &Filled::default()),
        Err(e) => error::page(&http, &e),
    }
}

fn field<'a>(l: Locale, label: String, name: &'a str, field: &'a str, hint: String) -> Field<'a> {
    Field { l, label, name, field, hint }
}

/// Engine names of the fields that have a place of their own.
const SHOWN: &[&str] = &[
    "name",
    "description",
    "memory",
    "memory_policy.max",
    "cpu.topology.sockets",
    "cpu.topology.cores",
    "provisioned_size",
    "cluster",
    "template",
    "instance_type",
    "cdrom",
];

fn new_form(frame: &Frame, choices: &Choices, filled: &Filled) -> HttpResponse {
    let l = frame.l;
    let hint = String::new;
    let fields = html! {
        (field(l, l.t("cluster"), "cluster", "cluster", hint()).select(filled, &choices.clusters))
        (field(l, l.t("template"), "template", "template", hint()).select(filled, &choices.templates))
        (field(l, l.t("instance-type"), "instance_type", "instance_type", hint()).select(filled, &choices.instance_types))
        (field(l, l.t("name"), "name", "name", l.t("name-hint")).input(filled, "text"))
        (field(l, l.t("description"), "description", "description", hint()).input(filled, "text"))
        (sizes(frame, filled, &l.t("as-template")))
        (field(l, l.t("new-disk-gib"), "disk", "provisioned_size", l.t("new-disk-hint")).input(filled, "number"))
        (field(l, l.t("nic-profile"), "nic", "vnic_profile", hint()).select(filled, &choices.profiles))
        (field(l, l.t("cd"), "cd", "cdrom", hint()).select(filled, &choices.isos))
        (boot_field(frame, filled))
        (field(l, l.t("stateless"), "stateless", "stateless", l.t("stateless-hint")).check(filled))
        (field(l, l.t("delete-protected"), "delete_protected", "delete_protected", hint()).check(filled))
        (field(l, l.t("clone"), "clone", "clone", l.t("clone-hint")).check(filled))
    };
    let content = html! {
        (parts::heading(&l.t("new-vm"), &html! {}, &html! {}))
        (form(frame, "/admin/vms/new", "/admin/vms", &l.t("create"), &filled.others(l, SHOWN), &fields))
    };
    frame.page(&l.t("new-vm"), "", &content)
}

fn sizes(frame: &Frame, filled: &Filled, hint: &str) -> Markup {
    let l = frame.l;
    html! {
        (field(l, l.t("memory-mib"), "memory", "memory", hint.to_owned()).input(filled, "number"))
        (field(l, l.t("max-memory-mib"), "max_memory", "memory_policy.max", hint.to_owned()).input(filled, "number"))
        (field(l, l.t("sockets"), "sockets", "cpu.topology.sockets", hint.to_owned()).input(filled, "number"))
        (field(l, l.t("cores"), "cores", "cpu.topology.cores", hint.to_owned()).input(filled, "number"))
    }
}

fn boot_field(frame: &Frame, filled: &Filled) -> Markup {
    let l = frame.l;
    let choices = [
        ("", l.t("as-before")),
        ("hd", l.t("boot-disk")),
        ("cdrom,hd", l.t("boot-cd")),
        ("hd,cdrom", l.t("boot-disk-cd")),
        ("network,hd", l.t("boot-network")),
    ];
    let choices: Vec<_> = choices.into_iter().map(|(v, t)| (v.to_owned(), t)).collect();
    field(l, l.t("boot"), "boot", "os.boot", String::new()).select(filled, &choices)
}

/// A number, an id: empty means not said.
fn parsed<T: FromStr>(
    values: &HashMap<String, String>,
    name: &str,
    field: &'static str,
    wrong: &mut Vec<Invalid>,
) -> Option<T> {
    let text = values.get(name).map_or("", |v| v.trim());
    if text.is_empty() {
        return None;
    }
    let value = text.parse().ok();
    if value.is_none() {
        wrong.push(Invalid::new(field, Problem::NotANumber { value: text.chars().take(40).collect() }));
    }
    value
}

fn boot(values: &HashMap<String, String>) -> Option<Vec<BootDevice>> {
    let text = values.get("boot").filter(|t| !t.is_empty())?;
    Some(text.split(',').filter_map(|w| w.parse().ok()).collect())
}

fn new_vm(values: &HashMap<String, String>) -> (NewVm, Vec<Invalid>) {
    let mut wrong = Vec::new();
    let get = |name: &str| values.get(name).cloned().unwrap_or_default();
    let gib: Option<u64> = parsed(values, "disk", "provisioned_size", &mut wrong);
    let nic = parsed(values, "nic", "vnic_profile", &mut wrong);
    let new = NewVm {
        name: get("name"),
        description: get("description"),
        cluster: parsed(values, "cluster", "cluster", &mut wrong),
        template: parsed(values, "template", "template", &mut wrong),
        instance_type: parsed(values, "instance_type", "instance_type", &mut wrong),
        memory_mib: parsed(values, "memory", "memory", &mut wrong),
        max_memory_mib: parsed(values, "max_memory", "memory_policy.max", &mut wrong),
        sockets: parsed(values, "sockets", "cpu.topology.sockets", &mut wrong),
        cores: parsed(values, "cores", "cpu.topology.cores", &mut wrong),
        boot: boot(values),
        stateless: values.contains_key("stateless"),
        delete_protected: values.contains_key("delete_protected"),
        clone: values.contains_key("clone"),
        cd: parsed(values, "cd", "cdrom", &mut wrong),
        nics: Some(nic.map(Some).into_iter().collect()),
        disks: gib.map(new_disk).into_iter().collect(),
        ..NewVm::default()
    };
    (new, wrong)
}

fn new_disk(gib: u64) -> NewDisk {
    NewDisk {
        alias: String::new(),
        description: String::new(),
        virtual_bytes: gib.saturating_mul(GIB),
        sparse: true,
        interface: DiskInterface::Virtio,
        bootable: true,
        storage_domain: None,
    }
}

async fn create(shared: web::Data<Shared>, http: HttpRequest, body: web::Bytes) -> HttpResponse {
    let (cx, frame, values) = match changing(&shared, &http, &body).await {
        Ok(entered) => entered,
        Err(e) => return error::page(&http, &e),
    };
    let (new, wrong) = new_vm(&values);
    let result = if wrong.is_empty() { vms::create(&cx, new).await } else { Err(EngineError::Invalid(wrong)) };
    match result {
        Ok(created) => to(&format!("/admin/vms/{}", created.id)),
        Err(EngineError::Invalid(wrong)) => match choices(&cx, &frame).await {
            Ok(choices) => new_form(&frame, &choices, &Filled { values, wrong }),
            Err(e) => error::page(&http, &e),
        },
        Err(e) => error::page(&http, &e),
    }
}

async fn edit_page(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        Ok::<_, EngineError>((vms::get(&cx, id::<VmId>("VM", &path)?).await?, frame))
    };
    match result.await {
        Ok((view, frame)) => {
            let filled = Filled { values: current(&view), wrong: Vec::new() };
            edit_form(&frame, view.row.id, &filled)
        }
        Err(e) => error::page(&http, &e),
    }
}

fn current(view: &VmView) -> HashMap<String, String> {
    let (row, hw) = (&view.row, &view.hardware);
    let mut values: HashMap<String, String> = [
        ("name", row.name.clone()),
        ("description", row.description.clone()),
        ("memory", hw.memory_mib.to_string()),
        ("max_memory", hw.max_memory_mib.to_string()),
        ("sockets", hw.sockets.to_string()),
        ("cores", hw.cores.to_string()),
        ("boot", hw.boot.iter().map(|b| b.as_str()).collect::<Vec<_>>().join(",")),
    ]
    .map(|(k, v)| (k.to_owned(), v))
    .into();
    if row.stateless {
        values.insert("stateless".to_owned(), "1".to_owned());
    }
    if row.delete_protected {
        values.insert("delete_protected".to_owned(), "1".to_owned());
    }
    values
}

fn edit_form(frame: &Frame, vm: VmId, filled: &Filled) -> HttpResponse {
    let l = frame.l;
    let base = format!("/admin/vms/{vm}");
    let fields = html! {
        (field(l, l.t("name"), "name", "name", l.t("name-hint")).input(filled, "text"))
        (field(l, l.t("description"), "description", "description", String::new()).input(filled, "text"))
        (sizes(frame, filled, &l.t("at-next-start")))
        (boot_field(frame, filled))
        (field(l, l.t("stateless"), "stateless", "stateless", l.t("stateless-hint")).check(filled))
        (field(l, l.t("delete-protected"), "delete_protected", "delete_protected", String::new()).check(filled))
    };
    let title = l.t("edit-vm");
    let content = html! {
        (parts::heading(&title, &html! {}, &html! {}))
        (form(frame, &format!("{base}/edit"), &base, &l.t("save"), &filled.others(l, SHOWN), &fields))
    };
    frame.page(&title, "", &content)
}

async fn update(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let (cx, frame, values) = match changing(&shared, &http, &body).await {
        Ok(entered) => entered,
        Err(e) => return error::page(&http, &e),
    };
    let vm = match id::<VmId>("VM", &path) {
        Ok(vm) => vm,
        Err(e) => return error::page(&http, &e),
    };
    let mut wrong = Vec::new();
    let memory_mib: Option<u64> = parsed(&values, "memory", "memory", &mut wrong);
    let change = VmUpdate {
        name: values.get("name").cloned(),
        description: values.get("description").cloned(),
        memory_mib,
        max_memory_mib: parsed(&values, "max_memory", "memory_policy.max", &mut wrong),
        // What is promised to a VM cannot be more than it has.
        guaranteed_memory_mib: memory_mib,
        sockets: parsed(&values, "sockets", "cpu.topology.sockets", &mut wrong),
        cores: parsed(&values, "cores", "cpu.topology.cores", &mut wrong),
        boot: boot(&values),
        stateless: Some(values.contains_key("stateless")),
        delete_protected: Some(values.contains_key("delete_protected")),
        ..VmUpdate::default()
    };
    let result = if wrong.is_empty() { vms::update(&cx, vm, change).await } else { Err(EngineError::Invalid(wrong)) };
    match result {
        Ok(()) => to(&format!("/admin/vms/{vm}")),
        Err(EngineError::Invalid(wrong)) => edit_form(&frame, vm, &Filled { values, wrong }),
        Err(e) => error::page(&http, &e),
    }
}
