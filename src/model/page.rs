//! Lists: what is asked (search, sort, page) and what is given.

/// One list request, as it stands in the URL: `?search=…&sort=name&desc=1&page=2`.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(default)]
pub struct ListQuery {
    /// oVirt's search language, with or without the `Vms:` prefix; may hold its own `sortby` and `page`.
    pub search: String,
    /// A column's name; empty = name.
    pub sort: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub desc: bool,
    /// From 1; 0 = 1.
    pub page: u32,
    /// Rows per page; 0 = [`DEFAULT_PAGE`]. The API sets it to its `max`, or to `u32::MAX`.
    pub max: u32,
}

/// Rows per page (a screenful and a half; oVirt has 100).
pub const DEFAULT_PAGE: u32 = 50;

/// A page of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    pub rows: Vec<T>,
    /// All that match, on all pages.
    pub total: u64,
    /// From 1.
    pub page: u32,
    pub per_page: u32,
    /// What the list can be searched by.
    pub fields: Vec<&'static str>,
}

impl<T> Page<T> {
    /// Everything on one page, not to be searched.
    pub fn whole(rows: Vec<T>) -> Self {
        Self { total: rows.len() as u64, page: 1, per_page: u32::MAX, fields: Vec::new(), rows }
    }

    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page {
            rows: self.rows.into_iter().map(f).collect(),
            total: self.total,
            page: self.page,
            per_page: self.per_page,
            fields: self.fields,
        }
    }
}
