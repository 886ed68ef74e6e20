//! A VM's settings besides its size, as oVirt's documents have them.

use super::document::Element;
use super::input::Input;
use super::render::reference;
use super::vm_body::Wrong;
use crate::model::ids::HostId;
use crate::model::instance_type::TypeSettings;
use crate::model::valid::{Invalid, Problem};
use crate::model::vm::{Hardware, Protocol};
use crate::model::vm_settings::{Lease, RngSource, SettingsChange, VmSettings, Watchdog};
use std::collections::BTreeMap;

/// The settings that a document names.
pub fn read(wrong: &mut Wrong, input: &Input) -> SettingsChange {
    SettingsChange {
        ballooning: wrong.note(input.bool_at("memory_policy/ballooning", "memory_policy.ballooning")),
        monitors: wrong.note(input.parsed("display/monitors", "display.monitors")),
        usb_redirection: wrong.note(input.bool_at("usb/enabled", "usb.enabled")),
        soundcard: wrong.note(input.bool_at("soundcard_enabled", "soundcard_enabled")),
        serial_console: wrong.note(input.bool_at("console/enabled", "console.enabled")),
        copy_paste: wrong.note(input.bool_at("display/copy_paste_enabled", "display.copy_paste_enabled")),
        file_transfer: wrong.note(input.bool_at("display/file_transfer_enabled", "display.file_transfer_enabled")),
        hosts: hosts(wrong, input),
        migration: wrong.note(input.parsed("placement_policy/affinity", "placement_policy.affinity")),
        cpu_passthrough: mode(wrong, input),
        cpu_pinning: pins(input),
        high_availability: wrong.note(input.bool_at("high_availability/enabled", "high_availability.enabled")),
        priority: wrong.note(input.parsed("high_availability/priority", "high_availability.priority")),
        lease: lease(wrong, input),
        resume: wrong.note(input.parsed("storage_error_resume_behaviour", "storage_error_resume_behaviour")),
        watchdog: watchdog(wrong, input),
        cpu_shares: wrong.note(input.parsed("cpu_shares", "cpu_shares")),
        io_threads: wrong.note(input.parsed("io/threads", "io.threads")),
        virtio_scsi: wrong.note(input.bool_at("virtio_scsi/enabled", "virtio_scsi.enabled")),
        boot_menu: wrong.note(input.bool_at("bios/boot_menu/enabled", "bios.boot_menu.enabled")),
        machine: input.text_at("custom_emulated_machine").map(|text| text.trim().to_owned()),
        cpu_type: input.text_at("custom_cpu_model").map(|text| text.trim().to_owned()),
        rng: rng(wrong, input),
        rng_bytes: wrong.note(input.parsed("rng_device/rate/bytes", "rng_device.rate.bytes")),
        rng_period_ms: wrong.note(input.parsed("rng_device/rate/period", "rng_device.rate.period")),
        custom: custom(input),
    }
}

fn hosts(wrong: &mut Wrong, input: &Input) -> Option<Vec<HostId>> {
    let hosts = input.at("placement_policy/hosts")?;
    Some(hosts.all("host").filter_map(|host| wrong.note(host.parsed("id", "placement_policy.hosts"))).collect())
}

fn one_of(field: &'static str, value: &str, allowed: &str) -> Invalid {
    let value = value.chars().take(64).collect();
    Invalid::new(field, Problem::NotOneOf { value, allowed: allowed.to_owned() })
}

fn mode(wrong: &mut Wrong, input: &Input) -> Option<bool> {
    match input.text_at("cpu/mode")? {
        "host_passthrough" => Some(true),
        "custom" | "" => Some(false),
        other => wrong.note(Err(one_of("cpu.mode", other, "custom, host_passthrough"))),
    }
}

fn pins(input: &Input) -> Option<String> {
    let pins = input.at("cpu/cpu_tune/vcpu_pins")?;
    let text = |pin: &Input, name: &str| pin.text_at(name).unwrap_or_default().trim().to_owned();
    let all = pins.all("vcpu_pin").map(|pin| format!("{}#{}", text(pin, "vcpu"), text(pin, "cpu_set")));
    Some(all.collect::<Vec<_>>().join("_"))
}

/// One that names no domain takes the lease away.
fn lease(wrong: &mut Wrong, input: &Input) -> Option<Lease> {
    let lease = input.child("lease")?;
    if lease.at("storage_domain").is_none() {
        return Some(Lease(None));
    }
    wrong.note(lease.parsed("storage_domain/id", "lease.storage_domain")).map(|id| Lease(Some(id)))
}

fn watchdog(wrong: &mut Wrong, input: &Input) -> Option<Watchdog> {
    let dogs = input.child("watchdogs")?;
    let Some(dog) = dogs.child("watchdog") else { return Some(Watchdog::Absent) };
    if let Some(model) = dog.text_at("model").filter(|model| *model != "i6300esb") {
        return wrong.note(Err(one_of("watchdogs.model", model, "i6300esb")));
    }
    wrong.note(dog.parsed("action", "watchdogs.action"))
}

fn rng(wrong: &mut Wrong, input: &Input) -> Option<RngSource> {
    let device = input.child("rng_device")?;
    match device.text_at("source") {
        Some("random") => Some(RngSource::Urandom),
        _ => wrong.note(device.parsed("source", "rng_device.source")),
    }
}

fn custom(input: &Input) -> Option<BTreeMap<String, String>> {
    let all = input.child("custom_properties")?;
    let text = |one: &Input, name: &str| one.text_at(name).unwrap_or_default().to_owned();
    Some(all.all("custom_property").map(|one| (text(one, "name"), text(one, "value"))).collect())
}

/// `<cpu>` with its topology, mode and pins.
pub fn cpu(hw: &Hardware) -> Element {
    let topology =
        Element::new("topology").int("cores", hw.cores).int("sockets", hw.sockets).int("threads", hw.threads);
    let settings = &hw.settings;
    let mut cpu = Element::new("cpu").text("architecture", "x86_64").child(topology);
    if settings.cpu_passthrough {
        cpu = cpu.text("mode", "host_passthrough");
    }
    let pins: Vec<Element> = settings
        .cpu_pinning
        .split('_')
        .filter_map(|pin| pin.split_once('#'))
        .map(|(vcpu, set)| Element::new("vcpu_pin").text("cpu_set", set).text("vcpu", vcpu))
        .collect();
    if pins.is_empty() {
        return cpu;
    }
    cpu.child(Element::new("cpu_tune").list("vcpu_pins", "vcpu_pin", pins))
}

/// `<display>`
pub fn display(hw: &Hardware) -> Element {
    Element::new("display")
        .text("type", hw.display.main().as_str())
        .int("monitors", hw.settings.monitors)
        .bool("copy_paste_enabled", hw.settings.copy_paste)
        .bool("file_transfer_enabled", hw.settings.file_transfer)
        .bool("smartcard_enabled", false)
}

/// All other settings.
pub fn write(element: Element, hw: &Hardware) -> Element {
    let s = &hw.settings;
    let with =
        |element: Element, name: &'static str, value: bool| element.child(Element::new(name).bool("enabled", value));
    let mut usb = Element::new("usb").bool("enabled", s.usb_redirection);
    if s.usb_redirection && hw.display.has(Protocol::Spice) {
        usb = usb.text("type", "native");
    }
    let ha = Element::new("high_availability").bool("enabled", s.high_availability).int("priority", s.priority);
    let menu = Element::new("boot_menu").bool("enabled", s.boot_menu);
    let element = element
        .child(usb)
        .bool("soundcard_enabled", s.soundcard)
        .child(placement(s))
        .child(ha)
        .int("cpu_shares", s.cpu_shares)
        .child(Element::new("io").int("threads", s.io_threads))
        .some_text("custom_emulated_machine", &s.machine)
        .some_text("custom_cpu_model", &s.cpu_type)
        .child(Element::new("bios").child(menu));
    let element = with(with(element, "console", s.serial_console), "virtio_scsi", s.virtio_scsi);
    rest(element, s)
}

/// The settings that an instance type says, without ballooning, which stands with its memory.
pub fn write_type(mut element: Element, s: &TypeSettings) -> Element {
    let enabled = |name: &'static str, value: Option<bool>| value.map(|on| Element::new(name).bool("enabled", on));
    let mut ha = enabled("high_availability", s.high_availability);
    if let Some(priority) = s.priority {
        ha = Some(ha.unwrap_or_else(|| Element::new("high_availability")).int("priority", priority));
    }
    let boot = s.boot.as_deref().map(|boot| {
        let devices: Vec<&str> = boot.iter().map(|device| device.as_str()).collect();
        let devices = Element::new("devices").texts("device", &devices);
        Element::new("os").child(Element::new("boot").child(devices))
    });
    let dog = s.watchdog.map(|action| {
        let dog = (action != Watchdog::Absent)
            .then(|| Element::new("watchdog").text("action", action.as_str()).text("model", "i6300esb"));
        Element::new("watchdogs").repeated("watchdog", dog.into_iter().collect())
    });
    let all = [
        boot,
        s.monitors.map(|n| Element::new("display").int("monitors", n)),
        enabled("usb", s.usb_redirection),
        enabled("console", s.serial_console),
        enabled("virtio_scsi", s.virtio_scsi),
        s.migration.map(|mode| Element::new("placement_policy").text("affinity", mode.as_str())),
        ha,
        s.io_threads.map(|n| Element::new("io").int("threads", n)),
        s.rng.map(|source| random(source, s.rng_bytes, s.rng_period_ms)),
        dog,
    ];
    for child in all.into_iter().flatten() {
        element = element.child(child);
    }
    match s.soundcard {
        Some(on) => element.bool("soundcard_enabled", on),
        None => element,
    }
}

fn random(source: RngSource, bytes: Option<u32>, period: Option<u32>) -> Element {
    let device = Element::new("rng_device").text("source", source.as_str());
    match bytes {
        Some(bytes) => device.child(Element::new("rate").int("bytes", bytes).int("period", period.unwrap_or(0))),
        None => device,
    }
}

fn placement(s: &VmSettings) -> Element {
    let policy = Element::new("placement_policy").text("affinity", s.migration.as_str());
    if s.hosts.is_empty() {
        return policy;
    }
    policy.list("hosts", "host", s.hosts.iter().map(|id| reference("host", "hosts", id)).collect())
}

fn rest(mut element: Element, s: &VmSettings) -> Element {
    if s.rng != RngSource::Absent {
        let limited = s.rng_bytes > 0;
        element = element.child(random(s.rng, limited.then_some(s.rng_bytes), limited.then_some(s.rng_period_ms)));
    }
    element = element.text("storage_error_resume_behaviour", s.when_storage_fails().as_str());
    if let Some(domain) = s.lease.0 {
        element = element.child(Element::new("lease").child(reference("storage_domain", "storagedomains", domain)));
    }
    if s.watchdog != Watchdog::Absent {
        let dog = Element::new("watchdog").text("action", s.watchdog.as_str()).text("model", "i6300esb");
        element = element.list("watchdogs", "watchdog", vec![dog]);
    }
    if !s.custom.is_empty() {
        let one = |(name, value): (&String, &String)| {
            Element::new("custom_property").text("name", name.as_str()).text("value", value.as_str())
        };
        element = element.list("custom_properties", "custom_property", s.custom.iter().map(one).collect());
    }
    element
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::vm::Display;

    const XML: &str = "<vm><memory_policy><ballooning>false</ballooning></memory_policy><usb><enabled>true</enabled></usb>\
        <display><monitors>2</monitors></display><cpu><mode>host_passthrough</mode><cpu_tune><vcpu_pins>\
        <vcpu_pin><vcpu>0</vcpu><cpu_set>0-1</cpu_set></vcpu_pin></vcpu_pins></cpu_tune></cpu>\
        <placement_policy><affinity>pinned</affinity></placement_policy><rng_device><source>hwrng</source>\
        <rate><bytes>64</bytes><period>500</period></rate></rng_device><watchdogs><watchdog><action>reset</action>\
        <model>i6300esb</model></watchdog></watchdogs><custom_properties><custom_property><name>a</name><value>1</value>\
        </custom_property></custom_properties></vm>";

    #[test]
    fn what_is_written_is_read() {
        let mut wrong = Wrong::default();
        let settings = read(&mut wrong, &Input::parse(XML.as_bytes(), false).unwrap()).on(VmSettings::default());
        let hw = Hardware {
            memory_mib: 512,
            max_memory_mib: 512,
            guaranteed_memory_mib: 512,
            sockets: 1,
            cores: 1,
            threads: 1,
            display: Display::Spice,
            boot: Vec::new(),
            settings,
        };
        let document = write(Element::new("vm").child(cpu(&hw)).child(display(&hw)), &hw);
        let again = read(&mut wrong, &Input::parse(document.to_xml().as_bytes(), false).unwrap());
        assert_eq!(VmSettings { ballooning: false, ..again.on(VmSettings::default()) }, hw.settings);
        assert!(wrong.end(()).is_ok());
    }

    #[test]
    fn what_is_not_named_stays() {
        let none = read(&mut Wrong::default(), &Input::parse(b"<vm><name>a</name></vm>", false).unwrap());
        assert_eq!(none, SettingsChange::default());
    }
}
