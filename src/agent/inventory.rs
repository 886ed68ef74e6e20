//! What is in the host besides CPU and memory: network cards, devices, hook scripts.

use super::error::from_libvirt;
use super::links;
use super::xml::parse;
use crate::wire::WireError;
use crate::wire::inventory::{HostDevice, HostHook, HostInventory, HostNic};
use std::fs;
use std::io::Read as _;
use std::path::Path;
use virt::connect::Connect;

/// Scripts that libvirt calls (libvirt's docs: hooks).
const HOOKS: &str = "/etc/libvirt/hooks";
/// No script is larger.
const MAX_SCRIPT: u64 = 1 << 20;
/// So many of a kind are told.
const MOST: usize = 1000;

/// Everything there is.
///
/// # Errors
/// libvirt's.
pub fn read(connection: &Connect) -> Result<HostInventory, WireError> {
    Ok(HostInventory { nics: nics(), devices: devices(connection)?, hooks: hooks(Path::new(HOOKS)) })
}

fn line(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).map(|text| text.trim().to_owned()).unwrap_or_default()
}

/// Network cards, bonds and bridges; not those of guests, and not the loopback.
fn nics() -> Vec<HostNic> {
    let Ok(all) = fs::read_dir("/sys/class/net") else { return Vec::new() };
    let addresses = links::addresses();
    let mut nics: Vec<HostNic> = all
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name != "lo" && !name.starts_with("vnet") && !name.starts_with("bonding_masters"))
        .take(MOST)
        .map(|name| {
            let dir = Path::new("/sys/class/net").join(&name);
            let master = fs::read_link(dir.join("master")).ok();
            HostNic {
                mac: line(dir.join("address")),
                mtu: line(dir.join("mtu")).parse().unwrap_or_default(),
                // −1 where the link is down or has no speed.
                speed_mbps: line(dir.join("speed")).parse::<i64>().ok().and_then(|speed| u64::try_from(speed).ok()),
                up: line(dir.join("operstate")) != "down",
                physical: dir.join("device").exists(),
                bridge: dir.join("bridge").exists(),
                master: master.and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned())),
                addresses: addresses.iter().filter(|(of, _)| *of == name).map(|(_, ip)| ip.to_string()).collect(),
                name,
            }
        })
        .collect();
    nics.sort_by(|a, b| a.name.cmp(&b.name));
    nics
}

/// What libvirt's node device driver knows: PCI, USB, SCSI, storage. A libvirt without that driver knows none.
fn devices(connection: &Connect) -> Result<Vec<HostDevice>, WireError> {
    let all = match connection.list_all_node_devices(0) {
        Ok(all) => all,
        Err(error) if error.code() == virt::error::ErrorNumber::NoSupport.into() => return Ok(Vec::new()),
        Err(error) => return Err(from_libvirt("the host's devices", &error)),
    };
    let texts = all.iter().filter_map(|device| device.xml_desc(0).ok());
    let mut devices: Vec<HostDevice> = texts.filter_map(|xml| device(&xml)).take(MOST).collect();
    devices.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(devices)
}

fn device(xml: &str) -> Option<HostDevice> {
    let text = |path| parse::text(xml, path).unwrap_or_default();
    Some(HostDevice {
        name: parse::text(xml, "name")?,
        parent: text("parent"),
        capability: parse::attribute(xml, "capability", "type").unwrap_or_default(),
        product: text("capability/product"),
        vendor: text("capability/vendor"),
        iommu_group: parse::attribute(xml, "capability/iommuGroup", "number").and_then(|n| n.parse().ok()),
    })
}

/// `qemu`, `network`, …: a file of that name, and files in `{name}.d`.
fn hooks(dir: &Path) -> Vec<HostHook> {
    let names = |dir: &Path| -> Vec<String> {
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        let files = entries.filter(|entry| entry.path().is_file());
        files.filter_map(|entry| entry.file_name().into_string().ok()).take(MOST).collect()
    };
    let hook = |event: &str, dir: &Path, name: String| HostHook {
        event: event.to_owned(),
        md5: checksum(&dir.join(&name)).unwrap_or_default(),
        name,
    };
    let mut all: Vec<HostHook> = names(dir).into_iter().map(|name| hook(&name.clone(), dir, name)).collect();
    let folders = fs::read_dir(dir).into_iter().flatten().flatten();
    for folder in folders.filter(|entry| entry.path().is_dir()) {
        let path = folder.path();
        let Some(event) =
            path.file_stem().and_then(|stem| stem.to_str()).filter(|_| path.extension().is_some_and(|e| e == "d"))
        else {
            continue;
        };
        all.extend(names(&path).into_iter().map(|name| hook(event, &path, name)));
    }
    all.sort_by(|a, b| (&a.event, &a.name).cmp(&(&b.event, &b.name)));
    all
}

/// oVirt tells scripts apart by their MD5; nobody is kept out by it.
fn checksum(path: &Path) -> Option<String> {
    let mut text = Vec::new();
    fs::File::open(path).ok()?.take(MAX_SCRIPT + 1).read_to_end(&mut text).ok()?;
    (text.len() as u64 <= MAX_SCRIPT).then(|| format!("{:x}", md5::compute(&text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hooks_are_scripts_and_folders_of_scripts() {
        let dir = std::env::temp_dir().join(format!("vireo-hooks-{}", uuid::Uuid::new_v4()));
        fs::create_dir_all(dir.join("qemu.d")).unwrap();
        fs::write(dir.join("network"), "").unwrap();
        fs::write(dir.join("qemu.d/10-cpu"), "#!/bin/sh\n").unwrap();
        fs::File::create(dir.join("qemu.d/20-large")).unwrap().set_len(MAX_SCRIPT + 1).unwrap();
        let found: Vec<_> = hooks(&dir).into_iter().map(|hook| (hook.event, hook.name, hook.md5)).collect();
        // As md5sum says.
        let wanted = [
            ("network", "network", "d41d8cd98f00b204e9800998ecf8427e"),
            ("qemu", "10-cpu", "3e2b31c72181b87149ff995e7202c0e3"),
            ("qemu", "20-large", ""),
        ];
        assert_eq!(found, wanted.map(|(event, name, md5)| (event.to_owned(), name.to_owned(), md5.to_owned())));
        fs::remove_dir_all(&dir).unwrap();
        assert!(hooks(&dir).is_empty());
    }

    #[test]
    fn a_device_is_read_as_libvirt_tells_it() {
        let xml = "<device><name>pci_0000_00_02_0</name><parent>computer</parent><capability type='pci'><class>0x020000</class>\
            <product id='0x1000'>Virtio network device</product><vendor id='0x1af4'>Red Hat, Inc.</vendor>\
            <iommuGroup number='3'><address domain='0x0000'/></iommuGroup></capability></device>";
        let found = device(xml).unwrap();
        assert_eq!(
            (found.capability.as_str(), found.vendor.as_str(), found.iommu_group),
            ("pci", "Red Hat, Inc.", Some(3))
        );
        assert_eq!((found.product.as_str(), found.parent.as_str()), ("Virtio network device", "computer"));
        assert!(device("<device/>").is_none());
    }

    #[test]
    fn this_machine_has_no_loopback_among_its_cards() {
        assert!(nics().iter().all(|nic| nic.name != "lo"));
    }
}
