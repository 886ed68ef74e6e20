//! Domain XML of a [`VmSpec`] (libvirt's formatdomain documentation). Everything is written by the XML writer: no name, however
//! odd, can become markup.

use super::tuning;
use crate::agent::storage;
use crate::model::disk::{DiskFormat, DiskInterface};
use crate::model::ids::DiskId;
use crate::model::vm::{BootDevice, Protocol};
use crate::wire::{DiskSpec, Medium, NicSpec, VmSpec};
use quick_xml::Writer;
use quick_xml::events::{BytesText, Event};
use std::io::Cursor;
use std::path::{Path, PathBuf};

/// The machine type: libvirt replaces it by the newest version of it that QEMU has.
pub const MACHINE: &str = "pc";

/// Marks the domains that are ours.
pub const NAMESPACE: &str = "https://vireo.invalid/domain/1";

/// What the host adds to a spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostTraits {
    pub kvm: bool,
    pub emulator: String,
    /// How each logical network was made on this host.
    pub networks: Vec<(String, NicSource)>,
    /// Disks on a file system that cannot do without the page cache.
    pub page_cached: Vec<DiskId>,
    /// The disc with what the guest is told at this start.
    pub payload: Option<PathBuf>,
}

/// Where a card is plugged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NicSource {
    Bridge(String),
    Network(String),
    User,
}

pub(super) type Xml = Writer<Cursor<Vec<u8>>>;
pub(super) type Done = std::io::Result<()>;

/// The domain's XML.
///
/// # Errors
/// The writer's (it writes to memory, so none is expected).
pub fn domain(spec: &VmSpec, host: &HostTraits) -> std::io::Result<String> {
    let mut w = Writer::new_with_indent(Cursor::new(Vec::new()), b' ', 2);
    w.create_element("domain")
        .with_attribute(("type", if host.kvm { "kvm" } else { "qemu" }))
        .write_inner_content(|w| contents(w, spec, host))?;
    Ok(String::from_utf8_lossy(&w.into_inner().into_inner()).into_owned())
}

fn contents(w: &mut Xml, spec: &VmSpec, host: &HostTraits) -> Done {
    leaf(w, "name", &[], &domain_name(spec))?;
    leaf(w, "uuid", &[], &spec.id.to_string())?;
    leaf(w, "title", &[], &spec.name)?;
    // A guest that goes on from a saved memory hears of it and renews its random numbers (VM Generation ID).
    empty(w, "genid", &[])?;
    tuning::metadata(w, spec)?;
    tuning::size(w, spec)?;
    sysinfo(w, spec)?;
    element(w, "os", &[], |w| {
        let machine = if spec.settings.machine.is_empty() { MACHINE } else { &spec.settings.machine };
        leaf(w, "type", &[("arch", "x86_64"), ("machine", machine)], "hvm")?;
        if let Some(kernel) = &spec.kernel {
            let file = |image| storage::image_file(image).to_string_lossy().into_owned();
            leaf(w, "kernel", &[], &file(&kernel.image))?;
            if let Some(initrd) = &kernel.initrd {
                leaf(w, "initrd", &[], &file(initrd))?;
            }
            leaf(w, "cmdline", &[], &kernel.parameters)?;
        }
        if spec.settings.boot_menu {
            empty(w, "bootmenu", &[("enable", "yes"), ("timeout", "10000")])?;
        }
        empty(w, "smbios", &[("mode", "sysinfo")])
    })?;
    tuning::shares_and_pins(w, spec)?;
    element(w, "features", &[], |w| {
        empty(w, "acpi", &[])?;
        empty(w, "apic", &[])?;
        if host.kvm {
            return Ok(());
        }
        // QEMU would keep up to 1 GiB of translated code per guest.
        element(w, "tcg", &[], |w| leaf(w, "tb-cache", &[("unit", "MiB")], "256"))
    })?;
    cpu(w, spec, host)?;
    element(w, "clock", &[("offset", "utc")], |w| empty(w, "timer", &[("name", "hpet"), ("present", "no")]))?;
    leaf(w, "on_poweroff", &[], "destroy")?;
    leaf(w, "on_reboot", &[], "restart")?;
    leaf(w, "on_crash", &[], "destroy")?;
    element(w, "devices", &[], |w| devices(w, spec, host))
}

/// libvirt wants names to be unique and without `/`; ours are unique in the engine, but two may swap names while running.
pub fn domain_name(spec: &VmSpec) -> String {
    format!("{}-{}", spec.name, &spec.id.to_string()[..8])
}

/// What the guest can read of itself: the demo guest takes its host name from the family.
fn sysinfo(w: &mut Xml, spec: &VmSpec) -> Done {
    element(w, "sysinfo", &[("type", "smbios")], |w| {
        element(w, "system", &[], |w| {
            leaf(w, "entry", &[("name", "manufacturer")], "Vireo")?;
            leaf(w, "entry", &[("name", "product")], "Vireo VM")?;
            leaf(w, "entry", &[("name", "serial")], &spec.id.to_string())?;
            leaf(w, "entry", &[("name", "uuid")], &spec.id.to_string())?;
            leaf(w, "entry", &[("name", "family")], &spec.name)
        })
    })
}

fn cpu(w: &mut Xml, spec: &VmSpec, host: &HostTraits) -> Done {
    let own = spec.settings.cpu_type.as_str();
    // Under TCG a named model with every feature QEMU can emulate runs everywhere; on KVM the host's own is fastest. There is no host's
    // own CPU to pass through under TCG: all that QEMU can emulate is nearest to it.
    let attributes: &[(&str, &str)] = match (host.kvm, spec.settings.cpu_passthrough) {
        (true, _) if !own.is_empty() => &[("mode", "custom"), ("match", "exact"), ("check", "partial")],
        (true, true) => &[("mode", "host-passthrough"), ("check", "none")],
        (true, false) => &[("mode", "host-model"), ("check", "partial")],
        (false, true) => &[("mode", "maximum"), ("check", "none")],
        (false, false) => &[("mode", "custom"), ("match", "exact"), ("check", "none")],
    };
    element(w, "cpu", attributes, |w| {
        if !own.is_empty() {
            leaf(w, "model", &[("fallback", "forbid")], own)?;
            for feature in &spec.cpu_features {
                let policy = if feature.has { "require" } else { "disable" };
                empty(w, "feature", &[("policy", policy), ("name", &feature.name)])?;
            }
        } else if !host.kvm && !spec.settings.cpu_passthrough {
            leaf(w, "model", &[("fallback", "allow")], "qemu64")?;
        }
        tuning::topology(w, spec)
    })
}

fn devices(w: &mut Xml, spec: &VmSpec, host: &HostTraits) -> Done {
    leaf(w, "emulator", &[], &host.emulator)?;
    empty(w, "controller", &[("type", "usb"), ("model", "qemu-xhci")])?;
    empty(w, "controller", &[("type", "virtio-serial"), ("index", "0")])?;
    if spec.settings.virtio_scsi || spec.disks.iter().any(|d| d.interface == DiskInterface::VirtioScsi) {
        empty(w, "controller", &[("type", "scsi"), ("index", "0"), ("model", "virtio-scsi")])?;
    }
    let mut names = DeviceNames { sata: no_ide(spec), ..DeviceNames::default() };
    for (i, disk) in spec.disks.iter().enumerate() {
        let boot = boot_order(spec, BootDevice::Disk, i).filter(|_| disk.bootable);
        let io_thread = tuning::io_thread(&spec.settings, disk.interface, i);
        let bus = bus(spec, disk.interface);
        write_disk(w, disk, host, (&names.next(disk.interface), bus), boot, io_thread)?;
    }
    cdrom(w, spec)?;
    if let Some(disc) = &host.payload {
        told(w, spec, disc)?;
    }
    for (i, nic) in spec.nics.iter().enumerate() {
        write_nic(w, nic, host, boot_order(spec, BootDevice::Network, i))?;
    }
    if spec.settings.serial_console {
        element(w, "serial", &[("type", "pty")], |w| empty(w, "target", &[("port", "0")]))?;
    }
    element(w, "channel", &[("type", "unix")], |w| {
        empty(w, "target", &[("type", "virtio"), ("name", "org.qemu.guest_agent.0")])
    })?;
    if spec.display.has(Protocol::Spice) {
        // For the guest's SPICE agent: the clipboard, and a screen as large as the window.
        element(w, "channel", &[("type", "spicevmc")], |w| {
            empty(w, "target", &[("type", "virtio"), ("name", "com.redhat.spice.0")])
        })?;
    }
    empty(w, "input", &[("type", "tablet"), ("bus", "usb")])?;
    graphics(w, spec)?;
    tuning::devices(w, spec)
}

/// Place of the `index`th device of this kind in the boot order, from 1; libvirt wants each place taken once.
fn boot_order(spec: &VmSpec, device: BootDevice, index: usize) -> Option<usize> {
    spec.boot.iter().position(|b| *b == device).map(|p| p * 1000 + index + 1)
}

/// PCs with PCI Express have SATA where the older ones have IDE.
fn no_ide(spec: &VmSpec) -> bool {
    spec.settings.machine.contains("q35")
}

fn bus(spec: &VmSpec, interface: DiskInterface) -> &'static str {
    match interface {
        DiskInterface::Virtio => "virtio",
        DiskInterface::VirtioScsi => "scsi",
        DiskInterface::Ide if !no_ide(spec) => "ide",
        DiskInterface::Ide | DiskInterface::Sata => "sata",
    }
}

/// Gives out `vda`, `vdb`, `sda`, …; the CD drive is `hdc`, or `sdc` beside what a guest is told on `sdd`.
#[derive(Default)]
struct DeviceNames {
    virtio: usize,
    scsi: usize,
    ide: usize,
    /// There is no IDE.
    sata: bool,
}

impl DeviceNames {
    fn next(&mut self, interface: DiskInterface) -> String {
        let (prefix, count) = match interface {
            DiskInterface::Virtio => ("vd", &mut self.virtio),
            DiskInterface::Ide if !self.sata => ("hd", &mut self.ide),
            DiskInterface::VirtioScsi | DiskInterface::Sata | DiskInterface::Ide => ("sd", &mut self.scsi),
        };
        // The CD drive has the third place, and where names are shared the other one has the fourth.
        match prefix {
            "hd" if *count == 2 => *count = 3,
            "sd" if self.sata && *count == 2 => *count = 4,
            _ => {}
        }
        let name = format!("{prefix}{}", letters(*count));
        *count += 1;
        name
    }
}

/// `a` … `z`, `aa`, `ab` …: how Linux counts disks.
pub fn letters(n: usize) -> String {
    let last = char::from(b'a' + u8::try_from(n % 26).unwrap_or_default());
    if n < 26 { last.to_string() } else { format!("{}{last}", letters(n / 26 - 1)) }
}

fn write_disk(
    w: &mut Xml,
    disk: &DiskSpec,
    host: &HostTraits,
    (target, bus): (&str, &str),
    boot: Option<usize>,
    io_thread: Option<u32>,
) -> Done {
    element(w, "disk", &[("type", "file"), ("device", "disk")], |w| {
        let format = if disk.format == DiskFormat::Cow { "qcow2" } else { "raw" };
        let cache = if host.page_cached.contains(&disk.id) { "writeback" } else { "none" };
        let thread = io_thread.map(|n| n.to_string());
        let mut driver =
            vec![("name", "qemu"), ("type", format), ("cache", cache), ("error_policy", "stop"), ("discard", "unmap")];
        driver.extend(thread.iter().map(|n| ("iothread", n.as_str())));
        empty(w, "driver", &driver)?;
        empty(w, "source", &[("file", &storage::image_file(&disk.image).to_string_lossy())])?;
        empty(w, "target", &[("dev", target), ("bus", bus)])?;
        leaf(w, "serial", &[], &disk.id.to_string()[..20])?;
        if disk.read_only {
            empty(w, "readonly", &[])?;
        }
        boot_element(w, boot)
    })
}

fn cdrom(w: &mut Xml, spec: &VmSpec) -> Done {
    element(w, "disk", &[("type", "file"), ("device", "cdrom")], |w| {
        empty(w, "driver", &[("name", "qemu"), ("type", "raw")])?;
        if let Some(image) = &spec.cdrom {
            empty(w, "source", &[("file", &storage::image_file(image).to_string_lossy())])?;
        }
        let (name, bus) = if no_ide(spec) { ("sdc", "sata") } else { ("hdc", "ide") };
        empty(w, "target", &[("dev", name), ("bus", bus)])?;
        empty(w, "readonly", &[])?;
        boot_element(w, boot_order(spec, BootDevice::Cdrom, 0))
    })
}

/// A second drive, for this run only. IDE has four places.
fn told(w: &mut Xml, spec: &VmSpec, disc: &Path) -> Done {
    let full = spec.disks.iter().filter(|d| d.interface == DiskInterface::Ide).count() > 2;
    let (device, name, bus) = match spec.payload.as_ref().map(|p| p.medium) {
        Some(Medium::Floppy) => ("floppy", "fda", "fdc"),
        _ if no_ide(spec) => ("cdrom", "sdd", "sata"),
        _ if full => ("cdrom", "sdzz", "usb"),
        _ => ("cdrom", "hdd", "ide"),
    };
    element(w, "disk", &[("type", "file"), ("device", device)], |w| {
        empty(w, "driver", &[("name", "qemu"), ("type", "raw")])?;
        empty(w, "source", &[("file", &disc.to_string_lossy())])?;
        empty(w, "target", &[("dev", name), ("bus", bus)])?;
        empty(w, "readonly", &[])
    })
}

/// A device XML that puts `file` into the CD drive of this name, or nothing.
///
/// # Errors
/// The writer's.
pub fn cd_change(name: &str, bus: &str, file: Option<&str>) -> std::io::Result<String> {
    let mut w = Writer::new(Cursor::new(Vec::new()));
    element(&mut w, "disk", &[("type", "file"), ("device", "cdrom")], |w| {
        empty(w, "driver", &[("name", "qemu"), ("type", "raw")])?;
        if let Some(file) = file {
            empty(w, "source", &[("file", file)])?;
        }
        empty(w, "target", &[("dev", name), ("bus", bus)])?;
        empty(w, "readonly", &[])
    })?;
    Ok(String::from_utf8_lossy(&w.into_inner().into_inner()).into_owned())
}

/// A CD drive without a medium.
///
/// # Errors
/// The writer's (it writes to memory, so none is expected).
pub fn empty_drive(target: &str, bus: &str) -> std::io::Result<String> {
    let mut w = Writer::new(Cursor::new(Vec::new()));
    element(&mut w, "disk", &[("type", "file"), ("device", "cdrom")], |w| {
        empty(w, "target", &[("dev", target), ("bus", bus)])?;
        empty(w, "readonly", &[])
    })?;
    Ok(String::from_utf8_lossy(&w.into_inner().into_inner()).into_owned())
}

/// A disk by itself, to be plugged in.
///
/// # Errors
/// The writer's.
pub fn disk_device(spec: &VmSpec, disk: &DiskSpec, host: &HostTraits, target: &str) -> std::io::Result<String> {
    let mut w = Writer::new(Cursor::new(Vec::new()));
    let target = (target, bus(spec, disk.interface));
    write_disk(&mut w, disk, host, target, None, tuning::io_thread(&spec.settings, disk.interface, spec.disks.len()))?;
    Ok(String::from_utf8_lossy(&w.into_inner().into_inner()).into_owned())
}

/// A network card by itself, to be plugged in.
///
/// # Errors
/// The writer's.
pub fn nic_device(nic: &NicSpec, host: &HostTraits) -> std::io::Result<String> {
    let mut w = Writer::new(Cursor::new(Vec::new()));
    write_nic(&mut w, nic, host, None)?;
    Ok(String::from_utf8_lossy(&w.into_inner().into_inner()).into_owned())
}

fn write_nic(w: &mut Xml, nic: &NicSpec, host: &HostTraits, boot: Option<usize>) -> Done {
    let source = nic.network.as_ref().and_then(|name| host.networks.iter().find(|(n, _)| n == name)).map(|(_, s)| s);
    let kind = match source {
        Some(NicSource::Bridge(_)) => "bridge",
        Some(NicSource::Network(_)) => "network",
        Some(NicSource::User) | None => "user",
    };
    element(w, "interface", &[("type", kind)], |w| {
        empty(w, "mac", &[("address", &nic.mac.to_string())])?;
        match source {
            Some(NicSource::Bridge(name)) => empty(w, "source", &[("bridge", name)])?,
            Some(NicSource::Network(name)) => empty(w, "source", &[("network", name)])?,
            Some(NicSource::User) | None => {}
        }
        empty(w, "model", &[("type", nic.model.as_str())])?;
        // A card without a network exists in the guest with its cable out.
        let up = nic.linked && nic.network.is_some();
        empty(w, "link", &[("state", if up { "up" } else { "down" })])?;
        boot_element(w, boot)
    })
}

/// No TCP port: the agent hands a socket to QEMU (virDomainOpenGraphicsFD). QEMU takes a password later only if there was one from the
/// start: this one was over before it began. Sockets that the agent hands over for browsers are not asked for one.
fn graphics(w: &mut Xml, spec: &VmSpec) -> Done {
    let (display, settings) = (spec.display, &spec.settings);
    for protocol in display.protocols() {
        let over = [("type", protocol.as_str()), ("passwd", "*****"), ("passwdValidTo", "1970-01-01T00:00:01")];
        element(w, "graphics", &over, |w| match protocol {
            Protocol::Vnc => empty(w, "listen", &[("type", "socket")]),
            Protocol::Spice => {
                empty(w, "listen", &[("type", "none")])?;
                if !settings.copy_paste {
                    empty(w, "clipboard", &[("copypaste", "no")])?;
                }
                if settings.file_transfer { Ok(()) } else { empty(w, "filetransfer", &[("enable", "no")]) }
            }
        })?;
    }
    let spice = display.has(Protocol::Spice);
    let heads = settings.monitors.to_string();
    let mut model = vec![("type", if spice { "qxl" } else { "vga" })];
    if spice && settings.monitors > 1 {
        model.push(("heads", &heads));
    }
    element(w, "video", &[], |w| empty(w, "model", &model))
}

fn boot_element(w: &mut Xml, order: Option<usize>) -> Done {
    order.map_or(Ok(()), |n| empty(w, "boot", &[("order", &n.to_string())]))
}

pub(super) fn element(
    w: &mut Xml,
    name: &str,
    attributes: &[(&str, &str)],
    inner: impl FnOnce(&mut Xml) -> Done,
) -> Done {
    w.create_element(name).with_attributes(attributes.iter().copied()).write_inner_content(inner).map(drop)
}

pub(super) fn leaf(w: &mut Xml, name: &str, attributes: &[(&str, &str)], text: &str) -> Done {
    element(w, name, attributes, |w| w.write_event(Event::Text(BytesText::new(text))))
}

pub(super) fn empty(w: &mut Xml, name: &str, attributes: &[(&str, &str)]) -> Done {
    w.create_element(name).with_attributes(attributes.iter().copied()).write_empty().map(drop)
}
