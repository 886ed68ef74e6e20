//! A request's body as a tree, from XML or JSON alike, read field by field with errors that name the field.

use crate::model::valid::{Invalid, Problem};
use serde_json::Value;
use std::str::FromStr;

/// A body larger than this is refused (413); a VM with all its parts is a few KiB.
pub const MAX_BODY: usize = 256 * 1024;
/// Deeper nesting is refused.
const MAX_DEPTH: usize = 24;

/// An element, an attribute or a JSON member.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Input {
    pub name: String,
    pub text: String,
    pub children: Vec<Input>,
}

/// The body is not well-formed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("the body is not well-formed XML: {0}")]
    Xml(String),
    #[error("the body is not valid JSON: {0}")]
    Json(String),
    #[error("the body is not UTF-8 text")]
    Utf8,
    #[error("the body is nested more than {MAX_DEPTH} levels deep")]
    Depth,
    #[error("the body must be an object with fields")]
    NotAnObject,
}

impl Input {
    /// An empty body is an empty element (`<action/>` may be left out).
    ///
    /// # Errors
    /// The body is not well-formed, or too deep.
    pub fn parse(body: &[u8], json: bool) -> Result<Self, Malformed> {
        let text = std::str::from_utf8(body).map_err(|_| Malformed::Utf8)?;
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        if json { Self::from_json_text(text) } else { Self::from_xml_text(text) }
    }

    fn from_xml_text(text: &str) -> Result<Self, Malformed> {
        let document = roxmltree::Document::parse(text).map_err(|e| Malformed::Xml(e.to_string()))?;
        Self::from_node(document.root_element(), 0)
    }

    fn from_node(node: roxmltree::Node<'_, '_>, depth: usize) -> Result<Self, Malformed> {
        if depth > MAX_DEPTH {
            return Err(Malformed::Depth);
        }
        let mut children: Vec<Self> = node
            .attributes()
            .map(|a| Self { name: a.name().to_owned(), text: a.value().to_owned(), children: Vec::new() })
            .collect();
        for child in node.children().filter(roxmltree::Node::is_element) {
            children.push(Self::from_node(child, depth + 1)?);
        }
        let text = node.children().filter(roxmltree::Node::is_text).filter_map(|n| n.text()).collect::<String>();
        Ok(Self { name: node.tag_name().name().to_owned(), text: text.trim().to_owned(), children })
    }

    fn from_json_text(text: &str) -> Result<Self, Malformed> {
        let value: Value = serde_json::from_str(text).map_err(|e| Malformed::Json(e.to_string()))?;
        if !value.is_object() {
            return Err(Malformed::NotAnObject);
        }
        let mut parsed = Vec::new();
        Self::from_value("", &value, 0, &mut parsed)?;
        Ok(parsed.pop().unwrap_or_default())
    }

    /// Appends what one member stands for: an array is that many elements of its name.
    fn from_value(name: &str, value: &Value, depth: usize, out: &mut Vec<Self>) -> Result<(), Malformed> {
        if depth > MAX_DEPTH {
            return Err(Malformed::Depth);
        }
        let mut one = Self { name: name.to_owned(), ..Self::default() };
        match value {
            Value::Null => return Ok(()),
            Value::Array(items) => return items.iter().try_for_each(|v| Self::from_value(name, v, depth + 1, out)),
            Value::Object(members) => {
                for (key, v) in members {
                    Self::from_value(key, v, depth + 1, &mut one.children)?;
                }
            }
            Value::String(text) => text.clone_into(&mut one.text),
            Value::Bool(b) => one.text = b.to_string(),
            Value::Number(n) => one.text = n.to_string(),
        }
        out.push(one);
        Ok(())
    }

    /// The first child of that name.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|c| c.name == name)
    }

    /// The element at `a/b/c` below this one.
    pub fn at(&self, path: &str) -> Option<&Self> {
        path.split('/').try_fold(self, |here, name| here.child(name))
    }

    /// The text at `path`, if it is there.
    pub fn text_at(&self, path: &str) -> Option<&str> {
        self.at(path).map(|i| i.text.as_str())
    }

    /// All children of that name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |c| c.name == name)
    }

    /// The value at `path` as a number, an id, a word; `field` is named when it is not one.
    ///
    /// # Errors
    /// The text is there and is not a `T`.
    pub fn parsed<T: FromStr>(&self, path: &str, field: &'static str) -> Result<Option<T>, Invalid>
    where
        T::Err: std::fmt::Display,
    {
        match self.text_at(path) {
            None => Ok(None),
            Some(text) => match text.trim().parse() {
                Ok(value) => Ok(Some(value)),
                Err(_) if text.trim().is_empty() => Ok(None),
                Err(e) => Err(Invalid::new(
                    field,
                    Problem::Other { because: format!("\"{}\" is not right: {e}", clip(text)) },
                )),
            },
        }
    }

    /// The value at `path` as oVirt reads booleans.
    ///
    /// # Errors
    /// The text is neither of true, t, yes, y, 1, false, f, no, n, 0.
    pub fn bool_at(&self, path: &str, field: &'static str) -> Result<Option<bool>, Invalid> {
        match self.text_at(path).map(str::to_ascii_lowercase).as_deref() {
            None => Ok(None),
            Some("true" | "t" | "yes" | "y" | "1" | "") => Ok(Some(true)),
            Some("false" | "f" | "no" | "n" | "0") => Ok(Some(false)),
            Some(other) => {
                Err(Invalid::new(field, Problem::NotOneOf { value: clip(other), allowed: "true, false".to_owned() }))
            }
        }
    }

    /// Fields outside `known` (children of this element) are refused, so that a mistyped one is not lost in silence.
    ///
    /// # Errors
    /// Names the first unknown field.
    pub fn only(&self, what: &str, known: &str) -> Result<(), Invalid> {
        match self.children.iter().find(|c| !known.split_whitespace().any(|k| k == c.name)) {
            None => Ok(()),
            Some(unknown) => {
                let field = clip(&unknown.name);
                let because = format!("\"{what}\" has no field \"{field}\"; its fields are: {known}");
                Err(Invalid::new("body", Problem::Other { because }))
            }
        }
    }
}

fn clip(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xml_and_json_read_alike() {
        let xml = Input::parse(
            br#"<vm><name>a</name><template id="7"/><disks><disk><size>1</size></disk><disk><size>2</size></disk></disks></vm>"#,
            false,
        )
        .unwrap();
        let json =
            Input::parse(br#"{"name":"a","template":{"id":7},"disks":{"disk":[{"size":"1"},{"size":2}]}}"#, true)
                .unwrap();
        for input in [xml, json] {
            assert_eq!(input.text_at("name"), Some("a"));
            assert_eq!(input.text_at("template/id"), Some("7"));
            let sizes: Vec<_> = input.at("disks").unwrap().all("disk").filter_map(|d| d.text_at("size")).collect();
            assert_eq!(sizes, ["1", "2"]);
        }
    }

    #[test]
    fn errors_name_the_field() {
        let input = Input::parse(b"<vm><memory>lots</memory><stateless>maybe</stateless></vm>", false).unwrap();
        assert!(input.parsed::<u64>("memory", "memory").unwrap_err().to_string().starts_with("memory: \"lots\""));
        assert!(input.bool_at("stateless", "stateless").unwrap_err().to_string().contains("\"maybe\""));
        assert!(input.only("vm", "memory").unwrap_err().to_string().contains("no field \"stateless\""));
    }

    #[test]
    fn hostile_bodies_are_refused() {
        let deep = "<a>".repeat(100) + "</a>".repeat(100).as_str();
        assert_eq!(Input::parse(deep.as_bytes(), false), Err(Malformed::Depth));
        let bomb = r#"<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>"#;
        assert!(matches!(Input::parse(bomb.as_bytes(), false), Err(Malformed::Xml(_))));
        assert!(matches!(Input::parse(b"[1]", true), Err(Malformed::NotAnObject)));
        assert!(matches!(Input::parse(b"\xff\xfe", true), Err(Malformed::Utf8)));
    }
}
