//! What a running guest has, out of its domain's XML.

use super::parse::{chain, is_disk};
use crate::model::ids::DiskId;
use crate::model::network::MacAddress;
use roxmltree::{Document, Node};

/// A running guest's parts that can change while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    pub vcpus: u32,
    pub max_vcpus: u32,
    pub memory_mib: u64,
    pub disks: Vec<LiveDisk>,
    pub nics: Vec<LiveNic>,
    /// Memory added while it ran.
    pub dimms: Vec<Dimm>,
    pub agent: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveDisk {
    pub serial: String,
    /// `vda`
    pub target: String,
    pub cdrom: bool,
    /// What it reads and writes.
    pub file: Option<String>,
    /// The device's own XML.
    pub xml: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveNic {
    pub mac: MacAddress,
    pub model: String,
    pub xml: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dimm {
    pub mib: u64,
    pub xml: String,
}

impl LiveDisk {
    /// Is it this disk of ours?
    pub fn is(&self, disk: DiskId) -> bool {
        is_disk(&self.serial, disk)
    }
}

/// Reads it; none: that is no domain's XML.
pub fn read(xml: &str) -> Option<Live> {
    let document = Document::parse(xml).ok()?;
    let root = document.root_element();
    let child = |name: &str| root.children().find(|n| n.has_tag_name(name));
    let vcpu = child("vcpu")?;
    let max_vcpus = vcpu.text()?.trim().parse().ok()?;
    let devices: Vec<_> = child("devices")?.children().filter(Node::is_element).collect();
    let all = |name| devices.iter().filter(move |n| n.has_tag_name(name)).copied();
    Some(Live {
        vcpus: vcpu.attribute("current").and_then(|n| n.parse().ok()).unwrap_or(max_vcpus),
        max_vcpus,
        memory_mib: mib(child("memory")?)?,
        disks: all("disk").filter_map(|n| disk(xml, n)).collect(),
        nics: all("interface").filter_map(|n| nic(xml, n)).collect(),
        dimms: all("memory").filter_map(|n| dimm(xml, n)).collect(),
        agent: super::parse::agent_connected(xml),
    })
}

fn mib(node: Node<'_, '_>) -> Option<u64> {
    let amount: u64 = node.text()?.trim().parse().ok()?;
    match node.attribute("unit").unwrap_or("KiB") {
        "KiB" => Some(amount / 1024),
        "MiB" => Some(amount),
        _ => None,
    }
}

fn inside<'a>(node: Node<'a, 'a>, name: &str) -> Option<Node<'a, 'a>> {
    node.children().find(|c| c.has_tag_name(name))
}

fn own(xml: &str, node: Node<'_, '_>) -> String {
    xml.get(node.range()).unwrap_or_default().to_owned()
}

fn disk<'a>(xml: &str, node: Node<'a, 'a>) -> Option<LiveDisk> {
    Some(LiveDisk {
        serial: inside(node, "serial").and_then(|n| n.text()).unwrap_or_default().to_owned(),
        target: inside(node, "target")?.attribute("dev")?.to_owned(),
        cdrom: node.attribute("device") == Some("cdrom"),
        file: chain(node).into_iter().next().map(|layer| layer.file),
        xml: own(xml, node),
    })
}

fn nic<'a>(xml: &str, node: Node<'a, 'a>) -> Option<LiveNic> {
    Some(LiveNic {
        mac: inside(node, "mac")?.attribute("address")?.parse().ok()?,
        model: inside(node, "model").and_then(|n| n.attribute("type")).unwrap_or_default().to_owned(),
        xml: own(xml, node),
    })
}

fn dimm<'a>(xml: &str, node: Node<'a, 'a>) -> Option<Dimm> {
    let size = inside(inside(node, "target")?, "size")?;
    Some(Dimm { mib: mib(size)?, xml: own(xml, node) })
}

/// The card's XML with another network or link; all else stays, for libvirt takes no other change of a card that runs.
pub fn nic_with(card: &str, wanted: &str) -> Option<String> {
    let (now, next) = (Document::parse(card).ok()?, Document::parse(wanted).ok()?);
    let (now, next) = (now.root_element(), next.root_element());
    let part = |name: &str| inside(next, name).map(|n| own(wanted, n)).unwrap_or_default();
    let gone = ["source", "link", "target", "backend"];
    let kept: String = now
        .children()
        .filter(|n| n.is_element() && !gone.contains(&n.tag_name().name()))
        .map(|n| own(card, n))
        .collect();
    let kind = next.attribute("type")?;
    Some(format!("<interface type=\"{kind}\">{kept}{}{}</interface>", part("source"), part("link")))
}

/// The same card with its cable out.
pub fn unlinked(card: &str) -> String {
    let parts = Document::parse(card).ok().map(|document| {
        let root = document.root_element();
        let source = inside(root, "source").map(|n| own(card, n)).unwrap_or_default();
        (root.attribute("type").unwrap_or("user").to_owned(), source)
    });
    let (kind, source) = parts.unwrap_or_default();
    format!("<interface type=\"{kind}\">{source}<link state=\"down\"/></interface>")
}

/// Its cable is out.
pub fn is_unlinked(card: &str) -> bool {
    let Ok(document) = Document::parse(card) else { return false };
    inside(document.root_element(), "link").and_then(|n| n.attribute("state")) == Some("down")
}

/// Whether the card is on the same network with the same link.
pub fn same_nic(card: &str, wanted: &str) -> bool {
    let (Ok(now), Ok(next)) = (Document::parse(card), Document::parse(wanted)) else { return false };
    let look = |root: Node<'_, '_>| {
        let child = |name: &str| root.children().find(|c| c.has_tag_name(name));
        let source =
            child("source").and_then(|n| n.attribute("network").or_else(|| n.attribute("bridge")).map(str::to_owned));
        let link = child("link").and_then(|n| n.attribute("state")).unwrap_or("up").to_owned();
        (root.attribute("type").map(str::to_owned), source, link)
    };
    look(now.root_element()) == look(next.root_element())
}

/// A disk name that no disk has.
pub fn free_target(live: &Live, prefix: &str, names: impl Iterator<Item = String>) -> Option<String> {
    names.map(|n| format!("{prefix}{n}")).find(|name| live.disks.iter().all(|disk| disk.target != *name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOMAIN: &str = "<domain><memory unit='KiB'>1572864</memory><vcpu current='1'>4</vcpu><devices>\
        <disk device='disk'><source file='/s/a'/><target dev='vda'/><serial>0a0a0a0a-0000-4000-8</serial></disk>\
        <disk device='cdrom'><target dev='hdc'/></disk>\
        <interface type='network'><mac address='00:1a:4a:16:01:01'/><source network='lab' portid='x'/><target dev='vnet0'/>\
        <model type='virtio'/><boot order='2'/><alias name='net0'/></interface>\
        <memory model='dimm'><target><size unit='KiB'>524288</size><node>0</node></target></memory></devices></domain>";

    #[test]
    fn reads_what_can_change() {
        let live = read(DOMAIN).unwrap();
        assert_eq!((live.vcpus, live.max_vcpus, live.memory_mib), (1, 4, 1536));
        assert_eq!(live.disks.iter().map(|d| d.cdrom).collect::<Vec<_>>(), [false, true]);
        assert_eq!((live.dimms[0].mib, live.nics[0].model.as_str()), (512, "virtio"));
        let names = || ["a", "b"].into_iter().map(str::to_owned);
        assert_eq!(free_target(&live, "vd", names()).as_deref(), Some("vdb"));
        assert_eq!(free_target(&live, "sd", names()).as_deref(), Some("sda"));
    }

    #[test]
    fn a_card_keeps_all_but_network_and_link() {
        let live = read(DOMAIN).unwrap().nics.remove(0).xml;
        let same = "<interface type='network'><source network='lab'/><link state='up'/></interface>";
        let down = "<interface type='network'><source network='lab'/><link state='down'/></interface>";
        assert!(same_nic(&live, same) && !same_nic(&live, down));
        let changed = nic_with(&live, down).unwrap();
        assert!(changed.contains("<boot order='2'/>") && changed.contains("<link state='down'/>"), "{changed}");
        assert!(!changed.contains("portid"), "{changed}");
        let out = nic_with(&live, &unlinked(&live)).unwrap();
        assert!(is_unlinked(&out) && !is_unlinked(&live) && out.contains("network='lab'"), "{out}");
    }
}
