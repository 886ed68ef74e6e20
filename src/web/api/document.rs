//! The REST API's representation: one tree, written as XML or as JSON in oVirt's forms.
//!
//! XML: element names in snake case; `id` and `href` (and links' `rel`) are attributes. JSON (oVirt's quirks, which its clients
//! expect): small integers and booleans are strings, large numbers are numbers, a list is an object with the singular name as key.

use serde_json::{Map, Number, Value};
use std::fmt::Write as _;

/// A leaf's value, by its type in oVirt's model.
#[derive(Debug, Clone, PartialEq)]
pub enum Leaf {
    Text(String),
    /// xs:int: a string in JSON.
    Int(i64),
    /// xs:long and xs:decimal: a number in JSON.
    Long(i64),
    Decimal(f64),
    /// A string in JSON.
    Bool(bool),
    /// xs:dateTime; milliseconds since 1970 in JSON.
    Time(time::PrimitiveDateTime),
}

/// An element.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Element {
    pub name: &'static str,
    attributes: Vec<(&'static str, String)>,
    children: Vec<Child>,
}

#[derive(Debug, Clone, PartialEq)]
enum Child {
    Leaf(&'static str, Leaf),
    Element(Element),
    /// Elements of one name under a wrapper: `<vms><vm/>…</vms>`, `"vms": {"vm": […]}`.
    List {
        wrapper: &'static str,
        item: &'static str,
        items: Vec<Element>,
    },
    /// Repeated leaves without a wrapper: `"device": ["hd"]`.
    Texts {
        name: &'static str,
        values: Vec<String>,
    },
    /// Repeated elements without a wrapper (links): `"link": […]`.
    Repeated {
        name: &'static str,
        items: Vec<Element>,
    },
}

impl Element {
    pub fn new(name: &'static str) -> Self {
        Self { name, ..Self::default() }
    }
    pub fn attribute(mut self, name: &'static str, value: impl ToString) -> Self {
        self.attributes.push((name, value.to_string()));
        self
    }
    pub fn text(self, name: &'static str, value: impl Into<String>) -> Self {
        self.leaf(name, Leaf::Text(value.into()))
    }
    /// Left out when empty.
    pub fn some_text(self, name: &'static str, value: &str) -> Self {
        if value.is_empty() { self } else { self.text(name, value) }
    }
    pub fn int(self, name: &'static str, value: impl Into<i64>) -> Self {
        self.leaf(name, Leaf::Int(value.into()))
    }
    pub fn long(self, name: &'static str, value: u64) -> Self {
        self.leaf(name, Leaf::Long(i64::try_from(value).unwrap_or(i64::MAX)))
    }
    pub fn decimal(self, name: &'static str, value: f64) -> Self {
        self.leaf(name, Leaf::Decimal(value))
    }
    pub fn bool(self, name: &'static str, value: bool) -> Self {
        self.leaf(name, Leaf::Bool(value))
    }
    pub fn time(self, name: &'static str, value: time::PrimitiveDateTime) -> Self {
        self.leaf(name, Leaf::Time(value))
    }
    fn leaf(mut self, name: &'static str, value: Leaf) -> Self {
        self.children.push(Child::Leaf(name, value));
        self
    }
    pub fn child(mut self, element: Element) -> Self {
        self.children.push(Child::Element(element));
        self
    }
    pub fn list(mut self, wrapper: &'static str, item: &'static str, items: Vec<Element>) -> Self {
        self.children.push(Child::List { wrapper, item, items });
        self
    }
    pub fn repeated(mut self, name: &'static str, items: Vec<Element>) -> Self {
        if !items.is_empty() {
            self.children.push(Child::Repeated { name, items });
        }
        self
    }

    pub fn texts(mut self, name: &'static str, values: &[&str]) -> Self {
        if !values.is_empty() {
            let values = values.iter().map(|v| (*v).to_owned()).collect();
            self.children.push(Child::Texts { name, values });
        }
        self
    }

    /// The document as XML.
    pub fn to_xml(&self) -> String {
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n");
        self.write_xml(&mut out);
        out.push('\n');
        out
    }

    fn write_xml(&self, out: &mut String) {
        let _ = write!(out, "<{}", self.name);
        for (name, value) in &self.attributes {
            let _ = write!(out, " {name}=\"{}\"", escape(value));
        }
        if self.children.is_empty() {
            out.push_str("/>");
            return;
        }
        out.push('>');
        for child in &self.children {
            match child {
                Child::Leaf(name, value) => {
                    let _ = write!(out, "<{name}>{}</{name}>", escape(&value.to_xml()));
                }
                Child::Element(e) => e.write_xml(out),
                Child::List { wrapper, items, .. } => {
                    let _ = write!(out, "<{wrapper}>");
                    items.iter().for_each(|e| e.write_xml(out));
                    let _ = write!(out, "</{wrapper}>");
                }
                Child::Texts { name, values } => {
                    for value in values {
                        let _ = write!(out, "<{name}>{}</{name}>", escape(value));
                    }
                }
                Child::Repeated { items, .. } => items.iter().for_each(|e| e.write_xml(out)),
            }
        }
        let _ = write!(out, "</{}>", self.name);
    }

    /// The document as JSON (without the root's name, as oVirt has it).
    pub fn to_json(&self) -> Value {
        let mut map = Map::new();
        for (name, value) in &self.attributes {
            map.insert((*name).to_owned(), Value::String(value.clone()));
        }
        for child in &self.children {
            match child {
                Child::Leaf(name, value) => {
                    map.insert((*name).to_owned(), value.to_json());
                }
                Child::Element(e) => {
                    map.insert(e.name.to_owned(), e.to_json());
                }
                Child::List { wrapper, item, items } => {
                    let mut inner = Map::new();
                    inner.insert((*item).to_owned(), items.iter().map(Element::to_json).collect());
                    map.insert((*wrapper).to_owned(), Value::Object(inner));
                }
                Child::Texts { name, values } => {
                    map.insert((*name).to_owned(), values.iter().map(String::as_str).collect());
                }
                Child::Repeated { name, items } => {
                    map.insert((*name).to_owned(), items.iter().map(Element::to_json).collect());
                }
            }
        }
        Value::Object(map)
    }
}

/// A whole collection: `<vms><vm/>…</vms>`, `{"vm": […]}`.
pub fn collection(name: &'static str, item: &'static str, items: Vec<Element>) -> Element {
    if items.is_empty() { Element::new(name) } else { Element::new(name).repeated(item, items) }
}

impl Leaf {
    fn to_xml(&self) -> String {
        match self {
            Self::Text(t) => t.clone(),
            Self::Int(n) | Self::Long(n) => n.to_string(),
            Self::Decimal(n) => n.to_string(),
            Self::Bool(b) => b.to_string(),
            Self::Time(t) => {
                format!("{}T{:02}:{:02}:{:02}.{:03}Z", t.date(), t.hour(), t.minute(), t.second(), t.millisecond())
            }
        }
    }
    fn to_json(&self) -> Value {
        match self {
            Self::Text(t) => Value::String(t.clone()),
            Self::Int(n) => Value::String(n.to_string()),
            Self::Bool(b) => Value::String(b.to_string()),
            Self::Long(n) => Value::Number((*n).into()),
            Self::Decimal(n) => Number::from_f64(*n).map_or(Value::Null, Value::Number),
            Self::Time(t) => {
                let utc = t.assume_utc();
                Value::Number((utc.unix_timestamp() * 1000 + i64::from(utc.millisecond())).into())
            }
        }
    }
}

/// Text for XML 1.0: markup escaped, characters that XML cannot hold left out.
fn escape(text: &str) -> String {
    let clean: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t')).collect();
    quick_xml::escape::escape(clean).into_owned()
}
