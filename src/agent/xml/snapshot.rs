//! The XML of a snapshot (libvirt's formatsnapshot documentation).

use super::build::{element, empty};
use quick_xml::Writer;
use std::io::Cursor;
use std::path::{Path, PathBuf};

/// A disk of the guest, and the layer it is to write into; none: it goes on as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub target: String,
    pub layer: Option<PathBuf>,
}

/// What virDomainSnapshotCreateXML is given.
///
/// # Errors
/// The writer's (it writes to memory, so none is expected).
pub fn document(parts: &[Part], memory: Option<&Path>) -> std::io::Result<String> {
    let mut w = Writer::new(Cursor::new(Vec::new()));
    element(&mut w, "domainsnapshot", &[], |w| {
        match memory {
            Some(file) => empty(w, "memory", &[("snapshot", "external"), ("file", &file.to_string_lossy())])?,
            None => empty(w, "memory", &[("snapshot", "no")])?,
        }
        element(w, "disks", &[], |w| {
            for part in parts {
                let Some(layer) = &part.layer else {
                    empty(w, "disk", &[("name", &part.target), ("snapshot", "no")])?;
                    continue;
                };
                element(w, "disk", &[("name", &part.target), ("snapshot", "external"), ("type", "file")], |w| {
                    empty(w, "driver", &[("type", "qcow2")])?;
                    empty(w, "source", &[("file", &layer.to_string_lossy())])
                })?;
            }
            Ok(())
        })
    })?;
    Ok(String::from_utf8_lossy(&w.into_inner().into_inner()).into_owned())
}

/// The definition a memory was saved with, with the layers that its disks are to have now.
pub fn with_layers(saved: &str, layers: &[(String, PathBuf)]) -> Option<String> {
    let document = roxmltree::Document::parse(saved).ok()?;
    let mut edits: Vec<(std::ops::Range<usize>, String)> = Vec::new();
    for disk in document.descendants().filter(|n| n.has_tag_name("disk")) {
        let child = |name| disk.children().find(|c| c.has_tag_name(name));
        let target = child("target").and_then(|t| t.attribute("dev"));
        let Some((_, file)) = layers.iter().find(|(name, _)| Some(name.as_str()) == target) else { continue };
        let text = quick_xml::escape::escape(file.to_string_lossy()).into_owned();
        edits.push((child("source")?.range(), format!("<source file=\"{text}\"/>")));
        // What lies below is read from the layer itself.
        if let Some(below) = child("backingStore") {
            edits.push((below.range(), String::new()));
        }
    }
    edits.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    let mut text = saved.to_owned();
    for (range, new) in edits {
        text.replace_range(range, &new);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disks_that_are_not_kept_are_named_too() {
        let part =
            |target: &str, layer: Option<&str>| Part { target: target.to_owned(), layer: layer.map(PathBuf::from) };
        let text = document(&[part("vda", Some("/s/a&b")), part("hdc", None)], Some(Path::new("/s/m"))).unwrap();
        assert!(text.contains(r#"<memory snapshot="external" file="/s/m"/>"#), "{text}");
        assert!(text.contains(r#"<source file="/s/a&amp;b"/>"#), "{text}");
        assert!(text.contains(r#"<disk name="hdc" snapshot="no"/>"#), "{text}");
    }

    #[test]
    fn a_saved_definition_gets_other_layers() {
        let saved = "<domain><devices><disk><source file='/old'/><backingStore type='file'><source file='/base'/></backingStore>\
            <target dev='vda'/></disk><disk><source file='/iso'/><target dev='hdc'/></disk></devices></domain>";
        let text = with_layers(saved, &[("vda".to_owned(), PathBuf::from("/new"))]).unwrap();
        assert_eq!(
            text,
            "<domain><devices><disk><source file=\"/new\"/><target dev='vda'/></disk><disk><source file='/iso'/><target dev='hdc'/></disk></devices></domain>"
        );
    }
}
