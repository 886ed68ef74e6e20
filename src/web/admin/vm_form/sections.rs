//! The parts of the VM forms.

use super::choices::Choices;
use super::settings;
use crate::model::disk::DiskInterface;
use crate::model::system::SYSTEMS;
use crate::model::vm::{BootDevice, Display, VmKind, VmView};
use crate::web::admin::quotas;
use crate::web::locale::Locale;
use crate::web::ui::Frame;
use crate::web::ui::form::{Choice, Field, Filled, section};
use maud::{Markup, html};
use std::collections::HashMap;

/// So many disks, and so many network cards, one form makes; more are added on the VM's page.
const MOST_ROWS: usize = 8;
/// Names of the rows' sizes, for their errors.
pub const DISK_SIZES: [&str; MOST_ROWS] =
    ["disks.0", "disks.1", "disks.2", "disks.3", "disks.4", "disks.5", "disks.6", "disks.7"];

/// Engine names of the fields that have a place of their own.
pub const SHOWN: &[&str] = &[
    "cluster",
    "template",
    "os",
    "instance_type",
    "type",
    "name",
    "description",
    "comment",
    "alias",
    "provisioned_size",
    "storage_domain",
    "disks.0",
    "disks.1",
    "disks.2",
    "disks.3",
    "disks.4",
    "disks.5",
    "disks.6",
    "disks.7",
    "nics",
    "vnic_profile",
    "memory",
    "memory_policy.max",
    "memory_policy.guaranteed",
    "cpu.topology",
    "cpu.topology.sockets",
    "cpu.topology.cores",
    "cpu.topology.threads",
    "display.type",
    "display.allow_override",
    "os.boot",
    "cdrom",
    "use_latest_template_version",
];

/// The n-th row's field: `disk`, `disk2`, `disk3` …
pub fn nth(name: &str, n: usize) -> String {
    if n == 0 { name.to_owned() } else { format!("{name}{}", n + 1) }
}

/// How many rows of disks or network cards the form has.
pub fn rows(values: &HashMap<String, String>, count: &str) -> usize {
    values.get(count).and_then(|n| n.parse().ok()).unwrap_or(1).clamp(1, MOST_ROWS)
}

pub fn field<'a>(l: Locale, label: &str, name: &'a str, field: &'a str) -> Field<'a> {
    Field { l, label: l.t(label), name, field, hint: String::new() }
}

pub fn hinted<'a>(l: Locale, label: &str, name: &'a str, engine: &'a str, hint: String) -> Field<'a> {
    Field { hint, ..field(l, label, name, engine) }
}

/// Above the sections: what everything else follows from.
pub fn head(frame: &Frame, choices: &Choices, filled: &Filled) -> Markup {
    let l = frame.l;
    html! {
        (field(l, "cluster", "cluster", "cluster").choose(filled, &choices.clusters))
        (quotas::field(l, filled, &choices.quotas))
        (field(l, "based-on-template", "template", "template").choose(filled, &choices.templates))
        (system_fields(l, filled, true))
        (field(l, "instance-type", "instance_type", "instance_type").choose(filled, &choices.instance_types))
        (kind(l, filled, true))
    }
}

/// The same of a VM that exists.
pub fn fixed_head(frame: &Frame, view: &VmView, choices: &Choices, filled: &Filled) -> Markup {
    let l = frame.l;
    let cluster = choices.clusters.iter().find(|c| c.value == view.row.cluster.to_string());
    html! {
        (field(l, "cluster", "cluster", "cluster").fixed(cluster.map_or(&view.row.cluster_name, |c| &c.text)))
        @if view.row.pool.is_none() { (quotas::field(l, filled, &choices.quotas)) }
        (field(l, "based-on-template", "template", "template").fixed(&view.row.template_name))
        (system_fields(l, filled, false))
        (field(l, "instance-type", "instance_type", "instance_type").choose(filled, &choices.instance_types))
        (kind(l, filled, false))
    }
}

fn system_fields(l: Locale, filled: &Filled, from_template: bool) -> Markup {
    let known = filled.get("os");
    let mut systems: Vec<Choice> = SYSTEMS.iter().map(|(id, _)| Choice::new(id, system_name(l, id))).collect();
    if from_template {
        systems.insert(0, Choice::new("", l.t("as-the-template")));
    } else if !SYSTEMS.iter().any(|(id, _)| *id == known) {
        systems.insert(0, Choice::new(known, known));
    }
    field(l, "operating-system", "os", "os").choose(filled, &systems)
}

fn kind(l: Locale, filled: &Filled, from_template: bool) -> Markup {
    let mut kinds: Vec<Choice> = VmKind::ALL.iter().map(|k| Choice::new(k, l.t(&format!("kind-{k}")))).collect();
    if from_template {
        kinds.insert(0, Choice::new("", l.t("as-the-template")));
    }
    field(l, "optimized-for", "kind", "type").choose(filled, &kinds)
}

/// Name and notes; a new VM's disks and network cards.
pub fn general(frame: &Frame, new: Option<&Choices>, filled: &Filled) -> Markup {
    let l = frame.l;
    section(
        "general",
        &l.t("general"),
        &html! {
            (hinted(l, "name", "name", "name", l.t("name-hint")).input(filled, "text"))
            (field(l, "description", "description", "description").input(filled, "text"))
            (field(l, "comment", "comment", "comment").input(filled, "text"))
            (hinted(l, "stateless", "stateless", "stateless", l.t("stateless-hint")).check(filled))
            (hinted(l, "use-latest", "use_latest", "use_latest_template_version", l.t("use-latest-hint")).check(filled))
            (field(l, "delete-protected", "delete_protected", "delete_protected").check(filled))
            @if let Some(choices) = new {
                (hinted(l, "clone", "clone", "clone", l.t("clone-hint")).check(filled))
                (new_disks(l, choices, filled))
                (new_nics(l, choices, filled))
            }
        },
    )
}

/// A group of rows with what is wrong with one of them.
fn group(l: Locale, title: &str, hint: &str, filled: &Filled, fields: &[&str], content: &Markup) -> Markup {
    html! {
        fieldset class="vireo-group" {
            legend { (title) }
            p class="pf-v6-c-form__helper-text" { (hint) }
            @for error in fields.iter().filter_map(|f| filled.error(l, f)) { p class="vireo-error" role="alert" { (error) } }
            (content)
        }
    }
}

fn more(filled: &Filled, count: &str, action: &str, text: &str) -> Markup {
    let n = rows(&filled.values, count);
    html! {
        input type="hidden" name=(count) value=(n);
        @if n < MOST_ROWS { button class="pf-v6-c-button pf-m-link pf-m-small" type="submit" name="do" value=(action) { "+ " (text) } }
    }
}

fn new_disks(l: Locale, choices: &Choices, filled: &Filled) -> Markup {
    let fields = ["alias", "provisioned_size", "storage_domain"];
    group(
        l,
        &l.t("new-disks"),
        &l.t("new-disk-hint"),
        filled,
        &fields,
        &html! {
            @for n in 0..rows(&filled.values, "disks") { (disk_row(l, choices, filled, n)) }
            (more(filled, "disks", "more-disks", &l.t("another-disk")))
        },
    )
}

/// What the interfaces are called.
pub fn interfaces() -> Vec<Choice> {
    let name = |i: &DiskInterface| match i {
        DiskInterface::Virtio => "VirtIO",
        DiskInterface::VirtioScsi => "VirtIO-SCSI",
        DiskInterface::Ide => "IDE",
        DiskInterface::Sata => "SATA",
    };
    DiskInterface::ALL.iter().map(|i| Choice::new(i, name(i))).collect()
}

/// How a disk takes its space.
pub fn allocations(l: Locale) -> Vec<Choice> {
    vec![Choice::new("thin", l.t("allocation-thin")), Choice::new("preallocated", l.t("allocation-preallocated"))]
}

fn disk_row(l: Locale, choices: &Choices, filled: &Filled, n: usize) -> Markup {
    let size = nth("disk", n);
    let engine = DISK_SIZES.get(n).copied().unwrap_or_default();
    let (interface, allocation, domain, alias) =
        (nth("interface", n), nth("allocation", n), nth("domain", n), nth("alias", n));
    let quota = nth("disk_quota", n);
    html! {
        div class="vireo-row" {
            (field(l, "size-gib", &size, engine).input(filled, "number"))
            (field(l, "alias", &alias, "").input(filled, "text"))
            (field(l, "interface", &interface, "").choose(filled, &interfaces()))
            (field(l, "allocation", &allocation, "").choose(filled, &allocations(l)))
            (field(l, "domain", &domain, "").choose(filled, &choices.domains))
            (quotas::field_of_disk(l, filled, &quota, &choices.quotas))
        }
    }
}

fn new_nics(l: Locale, choices: &Choices, filled: &Filled) -> Markup {
    group(
        l,
        &l.t("nics"),
        &l.t("new-nic-hint"),
        filled,
        &["nics", "vnic_profile"],
        &html! {
            @for n in 0..rows(&filled.values, "nics") {
                @let name = nth("nic", n);
                (Field { l, label: format!("nic{}", n + 1), name: &name, field: "", hint: String::new() }.choose(filled, &choices.profiles))
            }
            (more(filled, "nics", "more-nics", &l.t("another-nic")))
        },
    )
}

/// Memory and virtual CPUs.
pub fn system(frame: &Frame, filled: &Filled, hint: &str) -> Markup {
    let l = frame.l;
    let number = |label, name, engine| field(l, label, name, engine).input(filled, "number");
    section(
        "system",
        &l.t("system"),
        &html! {
            (hinted(l, "memory-mib", "memory", "memory", hint.to_owned()).input(filled, "number"))
            (number("max-memory-mib", "max_memory", "memory_policy.max"))
            (number("guaranteed-mib", "guaranteed", "memory_policy.guaranteed"))
            div class="pf-v6-c-form__group" data-total="sockets cores threads" hidden[!filled.is_wrong("cpu.topology")] {
                div class="pf-v6-c-form__group-label" { span class="pf-v6-c-form__label-text" { (l.t("total-vcpus")) } }
                div class="pf-v6-c-form__group-control" {
                    output class="vireo-fixed" for="sockets cores threads" {}
                    @if let Some(error) = filled.error(l, "cpu.topology") { span class="vireo-error" role="alert" { (error) } }
                }
            }
            (number("sockets", "sockets", "cpu.topology.sockets"))
            (number("cores", "cores", "cpu.topology.cores"))
            (number("threads", "threads", "cpu.topology.threads"))
        },
    )
}

/// How its screen is shown.
pub fn console(frame: &Frame, filled: &Filled) -> Markup {
    let l = frame.l;
    let choices: Vec<Choice> = Display::ALL.iter().map(|d| Choice::new(d, display_name(*d))).collect();
    let field = hinted(l, "display", "display", "display.type", l.t("display-hint"));
    let strict = hinted(l, "allow-override", "allow_override", "display.allow_override", l.t("allow-override-hint"));
    section(
        "console-part",
        &l.t("action-console"),
        &html! {
            (field.choose(filled, &choices))
            (strict.check(filled))
            (settings::console(l, filled))
        },
    )
}

/// What a device is called that is booted from.
pub fn boot_name(l: Locale, device: BootDevice) -> String {
    match device {
        BootDevice::Disk => l.t("boot-disk"),
        BootDevice::Cdrom => l.t("boot-cd"),
        BootDevice::Network => l.t("boot-network"),
    }
}

/// What a display is called: `SPICE + VNC`.
pub fn display_name(display: Display) -> String {
    display.protocols().iter().map(|p| p.as_str().to_uppercase()).collect::<Vec<_>>().join(" + ")
}

/// What a guest system is called.
pub fn system_name(l: Locale, id: &str) -> String {
    match SYSTEMS.iter().find(|(known, _)| *known == id) {
        Some(("other", _)) => l.t("other-system"),
        Some((_, name)) => (*name).to_owned(),
        None => id.to_owned(),
    }
}

/// What it boots from.
pub fn boot(frame: &Frame, isos: Option<&[Choice]>, filled: &Filled) -> Markup {
    let l = frame.l;
    let mut first: Vec<Choice> = BootDevice::ALL.iter().map(|d| Choice::new(d, boot_name(l, *d))).collect();
    let mut second = first.clone();
    second.insert(0, Choice::new("", l.t("none")));
    if isos.is_some() && filled.get("boot").is_empty() {
        first.insert(0, Choice::new("", l.t("as-the-template")));
    }
    section(
        "boot-part",
        &l.t("boot"),
        &html! {
            (field(l, "first-device", "boot", "os.boot").choose(filled, &first))
            (field(l, "second-device", "boot2", "").choose(filled, &second))
            (hinted(l, "boot-menu", "boot_menu", "", l.t("boot-menu-hint")).check(filled))
            @if let Some(isos) = isos { (field(l, "attach-cd", "cd", "cdrom").choose(filled, isos)) }
        },
    )
}
