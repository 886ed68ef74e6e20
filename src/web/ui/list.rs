//! Lists: search, sortable columns, rows, pages. The address holds all of it.

use super::parts;
use crate::model::page::{ListQuery, Page};
use crate::web::ui::Frame;
use maud::{Markup, html};

/// A column: its title, and the field it sorts by ("" = none).
pub type Column = (String, &'static str);

/// A row: where it leads, and its cells.
#[derive(Debug)]
pub struct Row {
    pub href: String,
    pub cells: Vec<Markup>,
}

/// A list's page.
pub struct List<'a> {
    pub frame: &'a Frame,
    pub title: String,
    pub query: &'a ListQuery,
    pub columns: Vec<Column>,
    pub actions: Markup,
    /// A search that was not understood.
    pub error: Option<String>,
}

impl List<'_> {
    /// The page's content.
    pub fn content(&self, page: Option<&Page<Row>>) -> Markup {
        html! {
            (parts::heading(&self.title, &html! {}, &self.actions))
            (self.toolbar())
            @if let Some(error) = &self.error { (parts::alert("warning", error)) }
            @if let Some(page) = page {
                @if page.rows.is_empty() { (self.nothing()) } @else { (self.table(&page.rows)) (self.pages(page)) }
            }
        }
    }

    fn toolbar(&self) -> Markup {
        let l = self.frame.l;
        html! {
            form class="vireo-search" method="get" role="search" {
                input class="vireo-input" type="search" name="search" id="search" value=(self.query.search) placeholder=(l.t("search-hint")) aria-label=(l.t("search"));
                button class="pf-v6-c-button pf-m-secondary pf-m-small" type="submit" { (l.t("search")) }
            }
        }
    }

    fn nothing(&self) -> Markup {
        let l = self.frame.l;
        if self.query.search.is_empty() {
            parts::empty(&l.t("nothing-here"), &l.t("nothing-here-yet"), &self.actions)
        } else {
            parts::empty(&l.t("nothing-found"), &l.t("nothing-found-hint"), &html! {})
        }
    }

    fn table(&self, rows: &[Row]) -> Markup {
        html! {
            div class="vireo-scroll" tabindex="0" role="region" aria-label=(self.title) {
                table class="pf-v6-c-table pf-m-compact pf-m-grid-md" aria-label=(self.title) {
                    thead class="pf-v6-c-table__thead" { tr class="pf-v6-c-table__tr" { @for column in &self.columns { (self.head(column)) } } }
                    tbody class="pf-v6-c-table__tbody" {
                        @for row in rows {
                            tr class="pf-v6-c-table__tr" {
                                @for (i, cell) in row.cells.iter().enumerate() {
                                    td class="pf-v6-c-table__td" data-label=(self.columns.get(i).map_or("", |c| c.0.as_str())) {
                                        @if i == 0 && !row.href.is_empty() { a href=(row.href) { (cell) } } @else { (cell) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    fn head(&self, (title, sort): &Column) -> Markup {
        let current = !sort.is_empty() && self.query.sort == *sort;
        let desc = current && !self.query.desc;
        let order = match (current, self.query.desc) {
            (false, _) => None,
            (true, false) => Some("ascending"),
            (true, true) => Some("descending"),
        };
        html! {
            th class="pf-v6-c-table__th" scope="col" aria-sort=[order] {
                @if sort.is_empty() { (title) } @else {
                    a href=(address(&ListQuery { sort: (*sort).to_owned(), desc, page: 1, ..self.query.clone() })) {
                        (title) @if current { (if self.query.desc { " ↓" } else { " ↑" }) }
                    }
                }
            }
        }
    }

    fn pages(&self, page: &Page<Row>) -> Markup {
        let l = self.frame.l;
        let first = u64::from(page.page - 1) * u64::from(page.per_page) + 1;
        let last = first + page.rows.len() as u64 - 1;
        let at = |n: u32| address(&ListQuery { page: n, ..self.query.clone() });
        html! {
            nav class="vireo-pages" aria-label=(l.t("pages")) {
                span { (l.ta("rows-of", &[("first", &first.to_string()), ("last", &last.to_string()), ("total", &page.total.to_string())])) }
                @if page.page > 1 { a rel="prev" href=(at(page.page - 1)) { (l.t("previous-page")) } }
                @if last < page.total { a rel="next" href=(at(page.page + 1)) { (l.t("next-page")) } }
            }
        }
    }
}

fn address(query: &ListQuery) -> String {
    format!("?{}", serde_urlencoded::to_string(query).unwrap_or_default())
}
