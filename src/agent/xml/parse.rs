//! Reads what the agent needs out of libvirt's XML.

use crate::model::cpu::{CpuBase, CpuFeature};
use crate::model::ids::DiskId;
use roxmltree::{Document, Node};

/// The text of the first element at `path` (`cpu/model`) below the root.
pub fn text(xml: &str, path: &str) -> Option<String> {
    let document = Document::parse(xml).ok()?;
    find(document.root_element(), path)?.text().map(|t| t.trim().to_owned())
}

/// The attribute `name` of the first element at `path`.
pub fn attribute(xml: &str, path: &str, name: &str) -> Option<String> {
    let document = Document::parse(xml).ok()?;
    find(document.root_element(), path)?.attribute(name).map(ToOwned::to_owned)
}

/// Texts of every element of that name, anywhere.
pub fn texts(xml: &str, name: &str) -> Vec<String> {
    let Ok(document) = Document::parse(xml) else {
        return Vec::new();
    };
    document
        .descendants()
        .filter(|n| n.has_tag_name(name))
        .filter_map(|n| n.text().map(|t| t.trim().to_owned()))
        .collect()
}

/// The values of `<enum name='…'>` inside the element `inside` of domain capabilities.
pub fn enum_values(xml: &str, inside: &str, name: &str) -> Vec<String> {
    let Ok(document) = Document::parse(xml) else {
        return Vec::new();
    };
    document
        .descendants()
        .filter(|n| n.has_tag_name("enum") && n.attribute("name") == Some(name))
        .filter(|n| n.parent().is_some_and(|p| p.has_tag_name(inside)))
        .flat_map(|n| n.children().filter(|v| v.has_tag_name("value")))
        .filter_map(|v| v.text().map(ToOwned::to_owned))
        .collect()
}

/// Target and bus of the CD drive whose medium's path contains `part`.
pub fn drive_with(xml: &str, part: &str) -> Option<(String, String)> {
    let document = Document::parse(xml).ok()?;
    let mut drives =
        document.descendants().filter(|n| n.has_tag_name("disk") && n.attribute("device") == Some("cdrom"));
    let drive = drives
        .find(|d| find(*d, "source").and_then(|s| s.attribute("file")).is_some_and(|file| file.contains(part)))?;
    let target = find(drive, "target")?;
    Some((target.attribute("dev")?.to_owned(), target.attribute("bus")?.to_owned()))
}

/// User and group of QEMU's processes (libvirt's DAC base label, `+64055:+64055`); none: libvirt changes no owners.
pub fn dac_label(capabilities: &str) -> Option<(u32, u32)> {
    let document = Document::parse(capabilities).ok()?;
    let models = document.descendants().filter(|n| n.has_tag_name("secmodel"));
    let dac = models.into_iter().find(|m| find(*m, "model").and_then(|n| n.text()) == Some("dac"))?;
    let (user, group) = find(dac, "baselabel")?.text()?.trim().split_once(':')?;
    Some((user.trim_start_matches('+').parse().ok()?, group.trim_start_matches('+').parse().ok()?))
}

/// The CPUs that guests can have, of domain capabilities.
pub fn cpu_models(xml: &str) -> Vec<String> {
    let Ok(document) = Document::parse(xml) else {
        return Vec::new();
    };
    let own = document.descendants().filter(|n| n.has_tag_name("mode") && n.attribute("name") == Some("custom"));
    let models = own
        .flat_map(|mode| mode.children())
        .filter(|n| n.has_tag_name("model") && n.attribute("usable") == Some("yes"));
    let mut all: Vec<String> = models.filter_map(|n| n.text().map(|t| t.trim().to_owned())).collect();
    all.sort();
    all.dedup();
    all
}

/// The CPU of domain capabilities' mode host-model, as a `<cpu>` of its own.
pub fn host_model(capabilities: &str) -> Option<String> {
    let document = Document::parse(capabilities).ok()?;
    let mode = document.descendants().find(|n| n.has_tag_name("mode") && n.attribute("name") == Some("host-model"))?;
    let parts: String = mode.children().filter(Node::is_element).map(|part| &capabilities[part.range()]).collect();
    (!parts.is_empty()).then(|| format!("<cpu>{parts}</cpu>"))
}

/// A `<cpu>` with its features.
pub fn cpu(xml: &str) -> Option<CpuBase> {
    let document = Document::parse(xml).ok()?;
    let cpu = document.root_element();
    let features = cpu.children().filter(|n| n.has_tag_name("feature"));
    let feature = |n: Node<'_, '_>| {
        let has = matches!(n.attribute("policy"), Some("require" | "force"));
        Some(CpuFeature { name: n.attribute("name")?.to_owned(), has })
    };
    let features = features.map(feature).collect::<Option<_>>()?;
    Some(CpuBase { model: find(cpu, "model")?.text()?.trim().to_owned(), features })
}

/// Where the CD drive is: its name, and on which bus. The second one, with what a guest is told, comes after it.
pub fn cd_drive(xml: &str) -> Option<(String, String)> {
    let document = Document::parse(xml).ok()?;
    let drive = document.descendants().find(|n| n.has_tag_name("disk") && n.attribute("device") == Some("cdrom"))?;
    let target = drive.children().find(|n| n.has_tag_name("target"))?;
    Some((target.attribute("dev")?.to_owned(), target.attribute("bus")?.to_owned()))
}

fn find<'a>(root: Node<'a, 'a>, path: &str) -> Option<Node<'a, 'a>> {
    path.split('/').try_fold(root, |here, name| here.children().find(|c| c.has_tag_name(name)))
}

/// A disk of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainDisk {
    /// The start of our id of it.
    pub serial: String,
    /// `vda`
    pub target: String,
    /// What it writes, then what that lies on, as far as it is known.
    pub chain: Vec<ChainFile>,
}

/// A layer of a running domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainFile {
    pub file: String,
    /// libvirt's number of it; only running domains have them.
    pub index: Option<String>,
}

impl DomainDisk {
    /// Is it this disk of ours?
    pub fn is(&self, disk: DiskId) -> bool {
        is_disk(&self.serial, disk)
    }
}

/// A serial number is the start of our id.
pub(super) fn is_disk(serial: &str, disk: DiskId) -> bool {
    !serial.is_empty() && disk.to_string().starts_with(serial)
}

/// The disks and CD drives of a domain.
pub fn disks(xml: &str) -> Vec<DomainDisk> {
    let Ok(document) = Document::parse(xml) else {
        return Vec::new();
    };
    let devices = document.root_element().children().find(|n| n.has_tag_name("devices"));
    let disks = devices.into_iter().flat_map(|d| d.children()).filter(|n| n.has_tag_name("disk"));
    disks
        .filter_map(|disk| {
            let child = |name| disk.children().find(|c| c.has_tag_name(name));
            Some(DomainDisk {
                serial: child("serial").and_then(|n| n.text()).unwrap_or_default().to_owned(),
                target: child("target")?.attribute("dev")?.to_owned(),
                chain: chain(disk),
            })
        })
        .collect()
}

/// The layers of a disk, the one that is written first.
pub(super) fn chain(disk: Node<'_, '_>) -> Vec<ChainFile> {
    let mut files = Vec::new();
    let mut here = Some(disk);
    while let Some(layer) = here {
        let child = |name| layer.children().find(|c| c.has_tag_name(name));
        let Some(source) = child("source") else { break };
        // A layer's number stands on its element, the uppermost one's on its source.
        let index = layer.attribute("index").or_else(|| source.attribute("index"));
        let Some(file) = source.attribute("file") else { break };
        files.push(ChainFile { file: file.to_owned(), index: index.map(ToOwned::to_owned) });
        here = child("backingStore");
    }
    files
}

/// True if the domain was made by Vireo.
pub fn is_ours(xml: &str) -> bool {
    let Ok(document) = Document::parse(xml) else {
        return false;
    };
    document.descendants().any(|n| n.tag_name().namespace() == Some(super::build::NAMESPACE))
}

/// The guest agent's channel is connected.
pub fn agent_connected(xml: &str) -> bool {
    let Ok(document) = Document::parse(xml) else {
        return false;
    };
    document.descendants().any(|n| {
        n.has_tag_name("target")
            && n.attribute("name") == Some("org.qemu.guest_agent.0")
            && n.attribute("state") == Some("connected")
    })
}

/// What the domain's displays speak, in libvirt's order.
pub fn graphics(xml: &str) -> Vec<String> {
    let Ok(document) = Document::parse(xml) else {
        return Vec::new();
    };
    let devices = document.root_element().children().find(|n| n.has_tag_name("devices"));
    let all = devices.into_iter().flat_map(|d| d.children()).filter(|n| n.has_tag_name("graphics"));
    all.filter_map(|n| n.attribute("type").map(str::to_owned)).collect()
}

/// The domain's display of this kind as it is, with other attributes for its password.
pub fn graphics_with(xml: &str, kind: &str, given: &[(&str, &str)]) -> Option<String> {
    let document = Document::parse(xml).ok()?;
    let mut all = document.descendants().filter(|n| n.has_tag_name("graphics"));
    let own = all.find(|n| n.attribute("type") == Some(kind))?;
    let kept = own.attributes().filter(|a| !given.iter().any(|(name, _)| *name == a.name()));
    let mut out = quick_xml::Writer::new(Vec::new());
    let attributes = kept.map(|a| (a.name(), a.value())).chain(given.iter().copied());
    let inner: String = own.children().filter(Node::is_element).filter_map(|n| xml.get(n.range())).collect();
    let text = quick_xml::events::BytesText::from_escaped(inner);
    out.create_element("graphics").with_attributes(attributes).write_text_content(text).ok()?;
    String::from_utf8(out.into_inner()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_display_keeps_all_but_its_password() {
        let xml = "<domain><devices><graphics type='vnc' passwdValidTo='1970-01-01T00:00:01' socket='/run/a&amp;b'>\
            <listen type='socket' socket='/run/a&amp;b'/></graphics></devices></domain>";
        let given = [("passwd", "a\"<b"), ("passwdValidTo", "2026-01-01T00:00:00")];
        let whole = graphics_with(xml, "vnc", &given).unwrap();
        let expected = "<graphics type=\"vnc\" socket=\"/run/a&amp;b\" passwd=\"a&quot;&lt;b\" \
            passwdValidTo=\"2026-01-01T00:00:00\"><listen type='socket' socket='/run/a&amp;b'/></graphics>";
        assert_eq!(whole, expected);
        assert_eq!(graphics_with(xml, "spice", &given), None);
    }
}
