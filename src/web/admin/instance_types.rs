//! Instance types: made, changed, removed. VMs follow theirs, in size and in what it says of settings.

use super::confirm::{Question, done, saved};
use super::vm_form::{self, boot_name, field, hinted, parsed};
use super::{Listing, admin, changing, details, id, listing, permissions};
use crate::engine::{Cx, EngineError, catalog, instance_types};
use crate::model::ids::InstanceTypeId;
use crate::model::instance_type::{InstanceTypeView, SettingsChange, SizeChange, TypeSettings};
use crate::model::page::{ListQuery, Page};
use crate::model::permission::ObjectKind;
use crate::model::valid::Invalid;
use crate::model::vm::BootDevice;
use crate::model::vm_settings::{MigrationMode, RngSource, Watchdog};
use crate::web::error;
use crate::web::locale::Locale;
use crate::web::server::Shared;
use crate::web::ui::form::{Filled, form, section};
use crate::web::ui::list::Row;
use crate::web::ui::{Frame, parts};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use std::collections::HashMap;

const LIST: &str = "/admin/instance_types";

/// `/admin/instance_types/…`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/instance_types", web::get().to(list))
        .route("/admin/instance_types/new", web::get().to(new_page))
        .route("/admin/instance_types/new", web::post().to(create))
        .route("/admin/instance_types/{id}", web::get().to(edit_page))
        .route("/admin/instance_types/{id}", web::post().to(update))
        .route("/admin/instance_types/{id}/remove", web::get().to(confirm))
        .route("/admin/instance_types/{id}/remove", web::post().to(remove));
}

async fn list(shared: web::Data<Shared>, http: HttpRequest, query: web::Query<ListQuery>) -> HttpResponse {
    let (cx, frame) = match admin(&shared, &http).await {
        Ok(entered) => entered,
        Err(e) => return error::page(&http, &e),
    };
    let l = frame.l;
    let found = catalog::instance_types(&cx).await.map(|all| Page::whole(all.iter().map(row).collect()));
    let columns = ["name", "vcpus", "memory", "description"].map(|k| (l.t(k), "")).into();
    let actions = html! { a class="pf-v6-c-button pf-m-primary" href="/admin/instance_types/new" data-new="1" { (l.t("new-instance-type")) } };
    listing(&http, &frame, &query, Listing { noun: "instance-types", topics: "", columns, actions, bulk: None }, found)
}

fn row(kind: &InstanceTypeView) -> Row {
    Row {
        href: format!("{LIST}/{}", kind.id),
        cells: vec![
            html! { (kind.name) },
            html! { (kind.sockets * kind.cores * kind.threads) },
            html! { (parts::memory(kind.memory_mib)) },
            html! { (kind.description) },
        ],
        pick: String::new(),
        name: String::new(),
    }
}

const SHOWN: &[&str] = &[
    "name",
    "description",
    "memory",
    "memory_policy.max",
    "cpu.topology.sockets",
    "cpu.topology.cores",
    "cpu.topology.threads",
    "os.boot",
    "display.monitors",
    "placement_policy.affinity",
    "high_availability.priority",
    "watchdogs.action",
    "io.threads",
    "rng_device.source",
    "rng_device.rate.bytes",
    "rng_device.rate.period",
];

/// What a type says of its VMs besides their size: a choice each, and the first says nothing.
fn settings_fields(l: Locale, filled: &Filled) -> Markup {
    let free = (String::new(), l.t("as-each-vm"));
    let choices = |own: Vec<(String, String)>| std::iter::once(free.clone()).chain(own).collect::<Vec<_>>();
    let yes = choices(vec![("true".to_owned(), l.t("yes")), ("false".to_owned(), l.t("no"))]);
    let plain = |numbers: &[u32]| choices(numbers.iter().map(|n| (n.to_string(), n.to_string())).collect());
    let levels = ["1", "50", "100"].into_iter().zip(["level-low", "level-medium", "level-high"]);
    let mut levels = choices(levels.map(|(n, word)| (n.to_owned(), l.t(word))).collect());
    let priority = filled.get("priority").to_owned();
    if levels.iter().all(|(value, _)| *value != priority) {
        levels.push((priority.clone(), priority));
    }
    let devices = choices(BootDevice::ALL.iter().map(|d| (d.to_string(), boot_name(l, *d))).collect());
    let mut second = devices.clone();
    if let Some(none) = second.first_mut() {
        none.1 = l.t("none");
    }
    let modes = choices(MigrationMode::ALL.iter().map(|m| (m.to_string(), l.t(&format!("migration-{m}")))).collect());
    let dogs = choices(Watchdog::ALL.iter().map(|w| (w.to_string(), l.t(&format!("watchdog-{w}")))).collect());
    let sources = choices(RngSource::ALL.iter().map(|s| (s.to_string(), l.t(&format!("rng-{s}")))).collect());
    let either = |label, name| field(l, label, name, "").select(filled, &yes);
    let number = |label, name, engine| hinted(l, label, name, engine, l.t("empty-as-each-vm")).input(filled, "number");
    html! {
        (hinted(l, "monitors", "monitors", "display.monitors", l.t("only-spice")).select(filled, &plain(&[1, 2, 4])))
        (hinted(l, "usb-redirection", "usb_redirection", "", l.t("only-spice")).select(filled, &yes))
        (either("soundcard", "soundcard"))
        (either("serial-console", "serial_console"))
        (field(l, "migration-mode", "migration", "placement_policy.affinity").select(filled, &modes))
        (either("highly-available", "high_availability"))
        (field(l, "priority", "priority", "high_availability.priority").select(filled, &levels))
        (field(l, "watchdog", "watchdog", "watchdogs.action").select(filled, &dogs))
        (either("ballooning", "ballooning"))
        (number("io-threads", "io_threads", "io.threads"))
        (either("virtio-scsi", "virtio_scsi"))
        (field(l, "first-device", "boot", "os.boot").select(filled, &devices))
        (field(l, "second-device", "boot2", "").select(filled, &second))
        (field(l, "rng-source", "rng", "rng_device.source").select(filled, &sources))
        (number("rng-bytes", "rng_bytes", "rng_device.rate.bytes"))
        (number("rng-period", "rng_period", "rng_device.rate.period"))
    }
}

/// The form; `kind`: of one that exists, with the number of VMs that follow it and its permissions.
fn page(frame: &Frame, kind: Option<(&InstanceTypeView, usize, Markup)>, filled: &Filled) -> HttpResponse {
    let l = frame.l;
    let number = |label, name, engine| field(l, label, name, engine).input(filled, "number");
    let settings = html! {
        p class="pf-v6-c-form__helper-text" { (l.t("instance-type-settings-hint")) }
        (settings_fields(l, filled))
    };
    let fields = html! {
        (field(l, "name", "name", "name").input(filled, "text"))
        (field(l, "description", "description", "description").input(filled, "text"))
        (number("memory-mib", "memory", "memory"))
        (number("max-memory-mib", "max_memory", "memory_policy.max"))
        (number("sockets", "sockets", "cpu.topology.sockets"))
        (number("cores", "cores", "cpu.topology.cores"))
        (number("threads", "threads", "cpu.topology.threads"))
        (section("settings-part", &l.t("instance-type-settings"), &settings))
    };
    let (title, action, submit) = match &kind {
        Some((kind, ..)) => (kind.name.clone(), format!("{LIST}/{}", kind.id), l.t("save")),
        None => (l.t("new-instance-type"), format!("{LIST}/new"), l.t("create")),
    };
    let remove = html! { @if let Some((kind, ..)) = &kind { (parts::link_button(&format!("{LIST}/{}/remove", kind.id), &l.t("remove"), "pf-m-danger")) } };
    let content = html! {
        (parts::heading(&title, &html! {}, &remove))
        @if let Some((_, followers, _)) = &kind { (parts::alert("info", &l.ta("instance-type-followers", &[("count", &followers.to_string())]))) }
        (form(frame, &action, LIST, &submit, &filled.others(l, SHOWN), &fields))
        @if let Some((_, _, permissions)) = &kind { (permissions) }
    };
    frame.page(&title, "", &content)
}

fn values_of(kind: &InstanceTypeView) -> HashMap<String, String> {
    let size = [
        ("name", kind.name.clone()),
        ("description", kind.description.clone()),
        ("memory", kind.memory_mib.to_string()),
        ("max_memory", kind.max_memory_mib.to_string()),
        ("sockets", kind.sockets.to_string()),
        ("cores", kind.cores.to_string()),
        ("threads", kind.threads.to_string()),
    ];
    size.into_iter().chain(settings_of(&kind.settings)).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The fields that a type's settings fill, here and in the VM forms.
pub fn settings_of(s: &TypeSettings) -> Vec<(&'static str, String)> {
    let boot = |n: usize| s.boot.as_ref().map(|all| all.get(n).map_or_else(String::new, ToString::to_string));
    let text = |value: Option<bool>| value.map(|on| on.to_string());
    let number = |value: Option<u32>| value.map(|n| n.to_string());
    let all = [
        ("boot", boot(0)),
        ("boot2", boot(1)),
        ("monitors", number(s.monitors)),
        ("usb_redirection", text(s.usb_redirection)),
        ("soundcard", text(s.soundcard)),
        ("serial_console", text(s.serial_console)),
        ("migration", s.migration.map(|mode| mode.to_string())),
        ("high_availability", text(s.high_availability)),
        ("priority", number(s.priority)),
        ("watchdog", s.watchdog.map(|dog| dog.to_string())),
        ("ballooning", text(s.ballooning)),
        ("io_threads", number(s.io_threads)),
        ("virtio_scsi", text(s.virtio_scsi)),
        ("rng", s.rng.map(|source| source.to_string())),
        ("rng_bytes", number(s.rng_bytes)),
        ("rng_period", number(s.rng_period_ms)),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

fn read_settings(values: &HashMap<String, String>, wrong: &mut Vec<Invalid>) -> TypeSettings {
    TypeSettings {
        boot: vm_form::boot(values),
        monitors: parsed(values, "monitors", "display.monitors", wrong),
        usb_redirection: parsed(values, "usb_redirection", "usb.enabled", wrong),
        soundcard: parsed(values, "soundcard", "soundcard_enabled", wrong),
        serial_console: parsed(values, "serial_console", "console.enabled", wrong),
        migration: parsed(values, "migration", "placement_policy.affinity", wrong),
        high_availability: parsed(values, "high_availability", "high_availability.enabled", wrong),
        priority: parsed(values, "priority", "high_availability.priority", wrong),
        watchdog: parsed(values, "watchdog", "watchdogs.action", wrong),
        ballooning: parsed(values, "ballooning", "memory_policy.ballooning", wrong),
        io_threads: parsed(values, "io_threads", "io.threads", wrong),
        virtio_scsi: parsed(values, "virtio_scsi", "virtio_scsi.enabled", wrong),
        rng: parsed(values, "rng", "rng_device.source", wrong),
        rng_bytes: parsed(values, "rng_bytes", "rng_device.rate.bytes", wrong),
        rng_period_ms: parsed(values, "rng_period", "rng_device.rate.period", wrong),
    }
}

fn read(values: &HashMap<String, String>) -> Result<SizeChange, EngineError> {
    let mut wrong: Vec<Invalid> = Vec::new();
    let change = SizeChange {
        name: values.get("name").cloned(),
        description: values.get("description").cloned(),
        memory_mib: parsed(values, "memory", "memory", &mut wrong),
        max_memory_mib: parsed(values, "max_memory", "memory_policy.max", &mut wrong),
        sockets: parsed(values, "sockets", "cpu.topology.sockets", &mut wrong),
        cores: parsed(values, "cores", "cpu.topology.cores", &mut wrong),
        threads: parsed(values, "threads", "cpu.topology.threads", &mut wrong),
        settings: SettingsChange::All(read_settings(values, &mut wrong)),
    };
    if wrong.is_empty() { Ok(change) } else { Err(EngineError::Invalid(wrong)) }
}

async fn new_page(shared: web::Data<Shared>, http: HttpRequest) -> HttpResponse {
    let result = async {
        let (_, frame) = admin(&shared, &http).await?;
        let sizes = [("memory", "1024"), ("max_memory", "4096"), ("sockets", "1"), ("cores", "1"), ("threads", "1")];
        let values = sizes.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Ok(page(&frame, None, &Filled { values, wrong: Vec::new() }))
    };
    details::answer(&http, result.await)
}

async fn create(shared: web::Data<Shared>, http: HttpRequest, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, frame, values) = changing(&shared, &http, &body).await?;
        let done = async { instance_types::create(&cx, read(&values)?).await.map(|_| LIST.to_owned()) };
        saved(done.await, values, async |filled| Ok(page(&frame, None, &filled))).await
    };
    details::answer(&http, result.await)
}

async fn existing(cx: &Cx, frame: &Frame, id: InstanceTypeId, filled: &Filled) -> Result<HttpResponse, EngineError> {
    let (kind, followers) = instance_types::get(cx, id).await?;
    let permissions = permissions::card(cx, frame, ObjectKind::InstanceType, id.object()).await?;
    Ok(page(frame, Some((&kind, followers, permissions)), filled))
}

async fn edit_page(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let (kind, _) = instance_types::get(&cx, id::<InstanceTypeId>("instance type", &path)?).await?;
        let filled = Filled { values: values_of(&kind), wrong: Vec::new() };
        existing(&cx, &frame, kind.id, &filled).await
    };
    details::answer(&http, result.await)
}

async fn update(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, frame, values) = changing(&shared, &http, &body).await?;
        let kind = id::<InstanceTypeId>("instance type", &path)?;
        let done = async { instance_types::update(&cx, kind, read(&values)?).await.map(|()| LIST.to_owned()) };
        saved(done.await, values, async |filled| existing(&cx, &frame, kind, &filled).await).await
    };
    details::answer(&http, result.await)
}

async fn confirm(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let (kind, followers) = instance_types::get(&cx, id::<InstanceTypeId>("instance type", &path)?).await?;
        let l = frame.l;
        let title = l.ta("confirm-remove-instance-type", &[("name", &kind.name)]);
        let text = html! { p { (l.ta("confirm-remove-instance-type-text", &[("count", &followers.to_string())])) } };
        let button = Some((format!("{LIST}/{}/remove", kind.id), l.t("remove"), "pf-m-danger"));
        Ok(Question { title, text, button, back: LIST.to_owned(), topics: "" }.page(&frame))
    };
    details::answer(&http, result.await)
}

async fn remove(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    done(&shared, &http, &body, async |cx| {
        instance_types::remove(&cx, id::<InstanceTypeId>("instance type", &path)?).await?;
        Ok(LIST.to_owned())
    })
    .await
}
