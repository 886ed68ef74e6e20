//! Domain XML against files in `tests/golden`; `VIREO_BLESS=1` writes them anew.

use super::build::{HostTraits, NicSource, cd_change, domain};
use crate::model::cpu::CpuFeature;
use crate::model::disk::{DiskFormat, DiskInterface};
use crate::model::ids::{DiskId, ImageId, NicId, StorageDomainId, VmId};
use crate::model::network::{MacAddress, NicModel};
use crate::model::vm::{BootDevice, Display};
use crate::model::vm_settings::{RngSource, VmSettings, Watchdog};
use crate::wire::{DiskSpec, DomainPath, ImagePath, KernelSpec, Medium, NicSpec, Payload, PayloadFile, VmSpec};

fn image(n: u128) -> ImagePath {
    let domain = DomainPath { id: StorageDomainId::fixed(0xd0), path: "/srv/storage".to_owned() };
    ImagePath { domain, disk: DiskId::fixed(0xd15c_0000 + n), image: ImageId::fixed(0x1a4e_0000 + n) }
}

fn disk(n: u128, interface: DiskInterface, format: DiskFormat, bootable: bool) -> DiskSpec {
    let image = image(n);
    DiskSpec { id: image.disk, image, format, interface, read_only: false, bootable }
}

fn nic(n: u64, network: Option<&str>, model: NicModel) -> NicSpec {
    NicSpec {
        id: NicId::fixed(n.into()),
        mac: MacAddress::from_bits(0x001a_4a16_0100 + n),
        network: network.map(str::to_owned),
        model,
        linked: true,
    }
}

fn plain() -> VmSpec {
    VmSpec {
        id: VmId::fixed(0x11111111_1111_4111_8111_111111111111),
        name: "web".to_owned(),
        memory_mib: 512,
        sockets: 1,
        cores: 2,
        threads: 1,
        max_vcpus: 2,
        room_mib: 512,
        settings: VmSettings { virtio_scsi: false, ..VmSettings::default() },
        cpu_features: Vec::new(),
        boot: vec![BootDevice::Disk],
        disks: vec![disk(1, DiskInterface::Virtio, DiskFormat::Cow, true)],
        cdrom: None,
        nics: vec![nic(1, Some("ovirtmgmt"), NicModel::Virtio)],
        display: Display::Vnc,
        paused: false,
        memory: None,
        payload: None,
        kernel: None,
    }
}

/// A machine with PCI Express, a CPU and a kernel of its own.
fn modern() -> VmSpec {
    let kernel =
        KernelSpec { image: image(7), initrd: Some(image(8)), parameters: "root=/dev/vda quiet <&>".to_owned() };
    let settings = VmSettings { machine: "pc-q35-8.2".to_owned(), cpu_type: "Nehalem".to_owned(), ..plain().settings };
    let feature = |name: &str, has| CpuFeature { name: name.to_owned(), has };
    let cpu_features = vec![feature("aes", true), feature("vme", false)];
    VmSpec { settings, cpu_features, kernel: Some(kernel), display: Display::Both, ..everything() }
}

fn host(kvm: bool) -> HostTraits {
    HostTraits {
        kvm,
        emulator: "/usr/bin/qemu-system-x86_64".to_owned(),
        networks: vec![
            ("ovirtmgmt".to_owned(), NicSource::Bridge("ovirtmgmt".to_owned())),
            ("lab".to_owned(), NicSource::Network("lab".to_owned())),
            ("home".to_owned(), NicSource::User),
        ],
        page_cached: vec![DiskId::fixed(0xd15c_0003)],
        payload: None,
    }
}

/// Every interface, two boot disks, cards on every kind of network and on none, a name that wants to be markup.
fn everything() -> VmSpec {
    VmSpec {
        name: "a<b>&\"c'".to_owned(),
        boot: vec![BootDevice::Network, BootDevice::Cdrom, BootDevice::Disk],
        disks: vec![
            disk(1, DiskInterface::Virtio, DiskFormat::Cow, true),
            disk(2, DiskInterface::Virtio, DiskFormat::Raw, true),
            disk(3, DiskInterface::VirtioScsi, DiskFormat::Cow, false),
            disk(4, DiskInterface::Ide, DiskFormat::Cow, false),
            disk(5, DiskInterface::Ide, DiskFormat::Cow, false),
            DiskSpec { read_only: true, ..disk(6, DiskInterface::Ide, DiskFormat::Raw, false) },
            disk(7, DiskInterface::Sata, DiskFormat::Cow, false),
        ],
        cdrom: Some(image(9)),
        nics: vec![
            nic(1, Some("ovirtmgmt"), NicModel::Virtio),
            nic(2, Some("lab"), NicModel::E1000),
            nic(3, Some("home"), NicModel::Rtl8139),
            nic(4, None, NicModel::Virtio),
            NicSpec { linked: false, ..nic(5, Some("lab"), NicModel::Virtio) },
        ],
        display: Display::Spice,
        ..plain()
    }
}

/// Every setting other than usual, with room for more CPUs and memory.
fn tuned() -> VmSpec {
    let custom = [("hugepages", "2048"), ("note", "a<b>&\"c'")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    VmSpec {
        memory_mib: 1024,
        sockets: 2,
        cores: 2,
        max_vcpus: 32,
        room_mib: 4096,
        disks: vec![
            disk(1, DiskInterface::Virtio, DiskFormat::Cow, true),
            disk(2, DiskInterface::Virtio, DiskFormat::Cow, false),
            disk(3, DiskInterface::Virtio, DiskFormat::Cow, false),
        ],
        display: Display::Spice,
        settings: VmSettings {
            ballooning: false,
            monitors: 2,
            usb_redirection: true,
            soundcard: true,
            serial_console: false,
            copy_paste: false,
            file_transfer: false,
            cpu_passthrough: true,
            cpu_pinning: "0#0-1_1#2,^3".to_owned(),
            watchdog: Watchdog::Reset,
            cpu_shares: 2048,
            io_threads: 2,
            boot_menu: true,
            rng: RngSource::Hwrng,
            rng_bytes: 1024,
            rng_period_ms: 500,
            custom: custom.into(),
            ..VmSettings::default()
        },
        ..plain()
    }
}

fn golden(name: &str, actual: &str) {
    let file = format!("{}/tests/golden/{name}.xml", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("VIREO_BLESS").is_some() {
        std::fs::write(&file, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(actual, expected, "{file} differs; look at the change and run with VIREO_BLESS=1 if it is wanted");
}

#[test]
fn the_plain_guest_under_emulation() {
    golden("domain-plain-qemu", &domain(&plain(), &host(false)).unwrap());
}

#[test]
fn the_plain_guest_on_kvm() {
    golden("domain-plain-kvm", &domain(&plain(), &host(true)).unwrap());
}

#[test]
fn everything_a_guest_can_have() {
    let xml = domain(&everything(), &host(false)).unwrap();
    golden("domain-everything", &xml);
    let parsed = roxmltree::Document::parse(&xml).unwrap();
    let all = |element: &str, attribute: &str| -> Vec<String> {
        let found = parsed.descendants().filter(|n| n.has_tag_name(element));
        found.filter_map(|n| n.attribute(attribute).map(str::to_owned)).collect()
    };
    for mut unique in [all("boot", "order"), all("target", "dev")] {
        let count = unique.len();
        assert!(count > 4, "{unique:?}");
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), count, "libvirt refuses what is there twice: {unique:?}");
    }
}

#[test]
fn every_setting_reaches_the_guest() {
    golden("domain-tuned-qemu", &domain(&tuned(), &host(false)).unwrap());
    golden("domain-tuned-kvm", &domain(&tuned(), &host(true)).unwrap());
    let spec = tuned();
    let without = VmSpec { settings: VmSettings { rng: RngSource::Absent, ..spec.settings.clone() }, ..spec };
    assert!(!domain(&without, &host(false)).unwrap().contains("<rng"));
}

#[test]
fn another_machine_another_cpu_a_kernel() {
    let xml = domain(&modern(), &host(false)).unwrap();
    golden("domain-modern-qemu", &xml);
    golden("domain-modern-kvm", &domain(&modern(), &host(true)).unwrap());
    let parsed = roxmltree::Document::parse(&xml).unwrap();
    let targets = parsed.descendants().filter(|n| n.has_tag_name("target")).filter_map(|n| n.attribute("dev"));
    let mut names: Vec<_> = targets.collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert!(names.len() == count && names.contains(&"sdc") && !xml.contains("\"ide\""), "{names:?}");
}

#[test]
fn what_a_guest_is_told_lies_in_a_drive_of_its_own() {
    let files = vec![PayloadFile { name: "sysprep.inf".to_owned(), content: String::new() }];
    let told = |medium| Some(Payload { medium, label: "sysprep".to_owned(), files: files.clone() });
    let traits = HostTraits { payload: Some("/srv/told".into()), ..host(false) };
    let drive = |spec: VmSpec| {
        let xml = domain(&spec, &traits).unwrap();
        let read = roxmltree::Document::parse(&xml).unwrap();
        let source = read.descendants().find(|n| n.attribute("file") == Some("/srv/told")).unwrap();
        let target = source.parent().unwrap().children().find(|n| n.has_tag_name("target")).unwrap();
        [source.parent().unwrap().attribute("device"), target.attribute("dev"), target.attribute("bus")]
            .map(|a| a.unwrap().to_owned())
    };
    assert_eq!(drive(VmSpec { payload: told(Medium::Cd), ..plain() }), ["cdrom", "hdd", "ide"]);
    assert_eq!(drive(VmSpec { payload: told(Medium::Floppy), ..plain() }), ["floppy", "fda", "fdc"]);
    assert_eq!(drive(VmSpec { payload: told(Medium::Cd), ..modern() }), ["cdrom", "sdd", "sata"]);
    let full = VmSpec { payload: told(Medium::Cd), ..everything() };
    assert_eq!(drive(full), ["cdrom", "sdzz", "usb"]);
}

#[test]
fn many_disks_keep_names_of_their_own() {
    let disks = (0..60).map(|n| disk(n, DiskInterface::Virtio, DiskFormat::Cow, false)).collect();
    let xml = domain(&VmSpec { disks, ..plain() }, &host(false)).unwrap();
    for name in ["vda", "vdz", "vdaa", "vdbh"] {
        assert_eq!(xml.matches(&format!("dev=\"{name}\"")).count(), 1, "{name}");
    }
}

#[test]
fn the_drive_is_changed_by_its_name() {
    golden("cd-change", &cd_change("hdc", "ide", Some("/srv/iso & more.iso")).unwrap());
    assert!(!cd_change("sdc", "sata", None).unwrap().contains("source"));
}
