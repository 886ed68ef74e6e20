//! The advanced parts of the VM forms: console, host, high availability, resources, random numbers, custom properties.

use super::choices::Choices;
use super::read::parsed;
use super::sections::{field, hinted};
use crate::model::ids::HostId;
use crate::model::valid::Invalid;
use crate::model::vm_settings::{
    Lease, MigrationMode, ResumeBehaviour, RngSource, SettingsChange, VmSettings, Watchdog,
};
use crate::web::locale::Locale;
use crate::web::ui::Frame;
use crate::web::ui::form::{Choice, Field, Filled, advanced};
use maud::{Markup, html};
use std::collections::HashMap;

type Values = HashMap<String, String>;

/// Engine names of the fields that have a place of their own here.
pub const SHOWN: &[&str] = &[
    "memory_policy.ballooning",
    "display.monitors",
    "usb.enabled",
    "placement_policy.hosts",
    "placement_policy.affinity",
    "cpu.cpu_tune",
    "high_availability.priority",
    "watchdogs.action",
    "lease.storage_domain",
    "storage_error_resume_behaviour",
    "cpu_shares",
    "io.threads",
    "rng_device.source",
    "rng_device.rate.bytes",
    "rng_device.rate.period",
    "custom_properties",
    "custom_emulated_machine",
    "custom_cpu_model",
];

/// A form that has these fields says so: a box that is not ticked is not sent.
const MARK: &str = "settings";
const HOST: &str = "host.";
const CUSTOM: &str = "custom.";

/// What the form says of the settings; a form without them changes none.
pub fn read(values: &Values, wrong: &mut Vec<Invalid>) -> SettingsChange {
    if !values.contains_key(MARK) {
        return SettingsChange::default();
    }
    let set = |name: &str| Some(values.contains_key(name));
    let text = |name: &str| values.get(name).map(|v| v.trim().to_owned());
    let mut number = |name: &str, field| Some(parsed::<u32>(values, name, field, wrong).unwrap_or_default());
    let (cpu_shares, io_threads) = (number("cpu_shares", "cpu_shares"), number("io_threads", "io.threads"));
    let rng_bytes = number("rng_bytes", "rng_device.rate.bytes");
    let rng_period_ms = number("rng_period", "rng_device.rate.period");
    SettingsChange {
        ballooning: set("ballooning"),
        monitors: parsed(values, "monitors", "display.monitors", wrong),
        usb_redirection: set("usb_redirection"),
        soundcard: set("soundcard"),
        serial_console: set("serial_console"),
        copy_paste: set("copy_paste"),
        file_transfer: set("file_transfer"),
        hosts: Some(ids(values)),
        migration: parsed(values, "migration", "placement_policy.affinity", wrong),
        cpu_passthrough: set("cpu_passthrough"),
        cpu_pinning: text("cpu_pinning"),
        high_availability: set("high_availability"),
        priority: parsed(values, "priority", "high_availability.priority", wrong),
        lease: values.contains_key("lease").then(|| Lease(parsed(values, "lease", "lease.storage_domain", wrong))),
        resume: parsed(values, "resume", "storage_error_resume_behaviour", wrong),
        watchdog: parsed(values, "watchdog", "watchdogs.action", wrong),
        cpu_shares,
        io_threads,
        virtio_scsi: set("virtio_scsi"),
        boot_menu: set("boot_menu"),
        machine: text("machine"),
        cpu_type: text("cpu_type"),
        rng: parsed(values, "rng", "rng_device.source", wrong),
        rng_bytes,
        rng_period_ms,
        custom: Some(
            values
                .iter()
                .filter_map(|(name, value)| Some((name.strip_prefix(CUSTOM)?.to_owned(), value.trim().to_owned())))
                .filter(|(_, value)| !value.is_empty())
                .collect(),
        ),
    }
}

fn ids(values: &Values) -> Vec<HostId> {
    let mut all: Vec<HostId> =
        values.keys().filter_map(|name| name.strip_prefix(HOST)).filter_map(|id| id.parse().ok()).collect();
    all.sort();
    all
}

/// The fields of a VM's settings; unticked boxes have none.
pub fn current(s: &VmSettings) -> Values {
    let mut values: Values = [
        (MARK, "1".to_owned()),
        ("monitors", s.monitors.to_string()),
        ("migration", s.migration.to_string()),
        ("machine", s.machine.clone()),
        ("cpu_type", s.cpu_type.clone()),
        ("cpu_pinning", s.cpu_pinning.clone()),
        ("priority", s.priority.to_string()),
        ("lease", s.lease.0.map(|id| id.to_string()).unwrap_or_default()),
        ("resume", s.resume.to_string()),
        ("watchdog", s.watchdog.to_string()),
        ("cpu_shares", s.cpu_shares.to_string()),
        ("io_threads", s.io_threads.to_string()),
        ("rng", s.rng.to_string()),
        ("rng_bytes", s.rng_bytes.to_string()),
        ("rng_period", s.rng_period_ms.to_string()),
    ]
    .map(|(k, v)| (k.to_owned(), v))
    .into();
    let ticked = boxes(s).into_iter().filter(|(_, on)| *on).map(|(name, _)| (name.to_owned(), "1".to_owned()));
    values.extend(ticked);
    values.extend(s.hosts.iter().map(|id| (format!("{HOST}{id}"), "1".to_owned())));
    values.extend(s.custom.iter().map(|(name, value)| (format!("{CUSTOM}{name}"), value.clone())));
    values
}

/// The boxes to tick.
pub const fn boxes(s: &VmSettings) -> [(&'static str, bool); 10] {
    [
        ("ballooning", s.ballooning),
        ("usb_redirection", s.usb_redirection),
        ("soundcard", s.soundcard),
        ("serial_console", s.serial_console),
        ("copy_paste", s.copy_paste),
        ("file_transfer", s.file_transfer),
        ("cpu_passthrough", s.cpu_passthrough),
        ("high_availability", s.high_availability),
        ("virtio_scsi", s.virtio_scsi),
        ("boot_menu", s.boot_menu),
    ]
}

/// What else is set of the console; stands in its section.
pub fn console(l: Locale, filled: &Filled) -> Markup {
    let monitors: Vec<Choice> = [1, 2, 4].iter().map(|n| Choice::new(n, n)).collect();
    html! {
        input type="hidden" name=(MARK) value="1";
        (hinted(l, "monitors", "monitors", "display.monitors", l.t("only-spice")).choose(filled, &monitors))
        (hinted(l, "usb-redirection", "usb_redirection", "usb.enabled", l.t("only-spice")).check(filled))
        (field(l, "copy-paste", "copy_paste", "").check(filled))
        (field(l, "file-transfer", "file_transfer", "").check(filled))
        (field(l, "soundcard", "soundcard", "").check(filled))
        (hinted(l, "serial-console", "serial_console", "", l.t("serial-console-hint")).check(filled))
    }
}

/// Where it runs.
pub fn host(frame: &Frame, choices: &Choices, filled: &Filled) -> Markup {
    let l = frame.l;
    let modes: Vec<Choice> =
        MigrationMode::ALL.iter().map(|m| Choice::new(m, l.t(&format!("migration-{m}")))).collect();
    advanced(
        "host-part",
        &l.t("host"),
        &html! {
            fieldset class="vireo-group" {
                legend { (l.t("runs-on")) }
                p class="pf-v6-c-form__helper-text" { (l.t("runs-on-hint")) }
                @if let Some(error) = filled.error(l, "placement_policy.hosts") { p class="vireo-error" role="alert" { (error) } }
                @for host in &choices.hosts {
                    @let name = format!("{HOST}{}", host.value);
                    (Field { l, label: host.text.clone(), name: &name, field: "", hint: String::new() }.check(filled))
                }
            }
            (hinted(l, "migration-mode", "migration", "placement_policy.affinity", l.t("migration-mode-hint")).choose(filled, &modes))
            (machine(l, choices, filled))
            (hinted(l, "cpu-passthrough", "cpu_passthrough", "cpu.mode", l.t("cpu-passthrough-hint")).check(filled))
            (hinted(l, "cpu-pinning", "cpu_pinning", "cpu.cpu_tune", l.t("cpu-pinning-hint")).input(filled, "text"))
        },
    )
}

/// What kind of computer the guest sees.
fn machine(l: Locale, choices: &Choices, filled: &Filled) -> Markup {
    let (mut machines, mut cpus) = (choices.machines.clone(), choices.cpus.clone());
    own(&mut machines, filled.get("machine"));
    own(&mut cpus, filled.get("cpu_type"));
    html! {
        (hinted(l, "emulated-machine", "machine", "custom_emulated_machine", l.t("emulated-machine-hint")).choose(filled, &machines))
        (hinted(l, "cpu-type", "cpu_type", "custom_cpu_model", l.t("cpu-type-hint")).choose(filled, &cpus))
    }
}

/// What becomes of it when it hangs, or its host goes.
pub fn availability(frame: &Frame, choices: &Choices, filled: &Filled) -> Markup {
    let l = frame.l;
    let mut leases = choices.leases.clone();
    own(&mut leases, filled.get("lease"));
    let resumes: Vec<Choice> =
        ResumeBehaviour::ALL.iter().map(|r| Choice::new(r, l.t(&format!("resume-{r}")))).collect();
    let mut priorities: Vec<Choice> = [("1", "low"), ("50", "medium"), ("100", "high")]
        .iter()
        .map(|(n, word)| Choice::new(n, l.t(&format!("level-{word}"))))
        .collect();
    own(&mut priorities, filled.get("priority"));
    let dogs: Vec<Choice> = Watchdog::ALL.iter().map(|w| Choice::new(w, l.t(&format!("watchdog-{w}")))).collect();
    advanced(
        "ha-part",
        &l.t("high-availability"),
        &html! {
            (hinted(l, "highly-available", "high_availability", "", l.t("highly-available-hint")).check(filled))
            (field(l, "priority", "priority", "high_availability.priority").choose(filled, &priorities))
            (hinted(l, "lease", "lease", "lease.storage_domain", l.t("lease-hint")).choose(filled, &leases))
            (hinted(l, "resume", "resume", "storage_error_resume_behaviour", l.t("resume-hint")).choose(filled, &resumes))
            (hinted(l, "watchdog", "watchdog", "watchdogs.action", l.t("watchdog-hint")).choose(filled, &dogs))
        },
    )
}

/// What is set and is none of those offered is offered, too.
fn own(choices: &mut Vec<Choice>, value: &str) {
    if !value.is_empty() && choices.iter().all(|c| c.value != value) {
        choices.push(Choice::new(value, value));
    }
}

/// Its part of what the host has.
pub fn resources(frame: &Frame, filled: &Filled) -> Markup {
    let l = frame.l;
    let mut shares: Vec<Choice> = [("0", "usual"), ("512", "low"), ("1024", "medium"), ("2048", "high")]
        .iter()
        .map(|(n, word)| Choice::new(n, l.t(&format!("level-{word}"))))
        .collect();
    own(&mut shares, filled.get("cpu_shares"));
    advanced(
        "resource-part",
        &l.t("resources"),
        &html! {
            (field(l, "cpu-shares", "cpu_shares", "cpu_shares").choose(filled, &shares))
            (hinted(l, "ballooning", "ballooning", "memory_policy.ballooning", l.t("ballooning-hint")).check(filled))
            (hinted(l, "io-threads", "io_threads", "io.threads", l.t("io-threads-hint")).input(filled, "number"))
            (hinted(l, "virtio-scsi", "virtio_scsi", "", l.t("virtio-scsi-hint")).check(filled))
        },
    )
}

/// Where its random numbers come from.
pub fn random(frame: &Frame, filled: &Filled) -> Markup {
    let l = frame.l;
    let sources: Vec<Choice> = RngSource::ALL.iter().map(|s| Choice::new(s, l.t(&format!("rng-{s}")))).collect();
    advanced(
        "random-part",
        &l.t("random-generator"),
        &html! {
            (hinted(l, "rng-source", "rng", "rng_device.source", l.t("rng-source-hint")).choose(filled, &sources))
            (hinted(l, "rng-bytes", "rng_bytes", "rng_device.rate.bytes", l.t("rng-bytes-hint")).input(filled, "number"))
            (field(l, "rng-period", "rng_period", "rng_device.rate.period").input(filled, "number"))
        },
    )
}

/// Properties that the administrator permitted.
pub fn custom(frame: &Frame, choices: &Choices, filled: &Filled) -> Markup {
    let l = frame.l;
    advanced(
        "custom-part",
        &l.t("custom-properties"),
        &html! {
            @if let Some(error) = filled.error(l, "custom_properties") { p class="vireo-error" role="alert" { (error) } }
            @if choices.properties.is_empty() { p { (l.t("no-custom-properties")) } }
            @for (property, pattern) in &choices.properties {
                @let name = format!("{CUSTOM}{property}");
                (Field { l, label: property.clone(), name: &name, field: "", hint: l.ta("custom-property-hint", &[("pattern", pattern)]) }.input(filled, "text"))
            }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_settings_says_the_same_settings() {
        let settings = VmSettings {
            monitors: 2,
            ballooning: false,
            hosts: vec![HostId::fixed(7)],
            cpu_pinning: "0#1".to_owned(),
            custom: [("a".to_owned(), "b".to_owned())].into(),
            ..VmSettings::default()
        };
        let mut wrong = Vec::new();
        assert_eq!(read(&current(&settings), &mut wrong).on(VmSettings::default()), settings);
        assert!(wrong.is_empty());
        assert_eq!(read(&Values::new(), &mut wrong), SettingsChange::default());
    }
}
