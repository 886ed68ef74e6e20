//! Lists: search, sortable columns, rows that can be picked, pages. The address holds all of it but what is picked.

use super::parts;
use super::search_box::search_box;
use crate::model::page::{ListQuery, Page};
use crate::web::ui::Frame;
use maud::{Markup, html};

/// A column: its title, and the field it sorts by ("" = none).
pub type Column = (String, &'static str);

/// A row: where it leads, what it is picked by ("" = cannot be picked), and its cells.
#[derive(Debug, Default)]
pub struct Row {
    pub href: String,
    pub pick: String,
    pub name: String,
    pub cells: Vec<Markup>,
}

/// What can be done to several rows at once: a form's address and its buttons (word, text, class).
#[derive(Debug)]
pub struct Bulk {
    pub href: &'static str,
    pub buttons: Vec<(&'static str, String, &'static str)>,
    /// Buttons that send the form elsewhere: address, text.
    pub others: Vec<(&'static str, String)>,
}

/// A list's page.
pub struct List<'a> {
    pub frame: &'a Frame,
    /// What is listed: the key of its title; `empty-…` is what is said when there is none.
    pub noun: &'static str,
    pub query: &'a ListQuery,
    pub columns: Vec<Column>,
    pub actions: Markup,
    pub bulk: Option<Bulk>,
    /// A search that was not understood.
    pub error: Option<String>,
}

impl List<'_> {
    fn title(&self) -> String {
        self.frame.l.t(self.noun)
    }

    /// The page's content.
    pub fn content(&self, page: Option<&Page<Row>>) -> Markup {
        let fields = page.map(|p| p.fields.as_slice());
        html! {
            (parts::heading(&self.title(), &html! {}, &self.actions))
            @if fields.is_none_or(|f| !f.is_empty()) {
                (search_box(self.frame.l, self.noun, &self.query.search, fields.unwrap_or_default()))
            }
            @if let Some(error) = &self.error { (parts::alert("warning", error)) }
            @if let Some(page) = page {
                @if page.rows.is_empty() { (self.nothing()) } @else { (self.bulk_bar()) (self.table(&page.rows)) (self.pages(page)) }
            }
        }
    }

    fn nothing(&self) -> Markup {
        let l = self.frame.l;
        if self.query.search.is_empty() {
            parts::empty(&l.t("nothing-here"), &l.t(&format!("empty-{}", self.noun)), &self.actions)
        } else {
            let here = format!("/admin/{}", self.noun.replace('-', "_"));
            parts::empty(
                &l.t("nothing-found"),
                &l.t("nothing-found-hint"),
                &parts::link_button(&here, &l.t("show-all"), "pf-m-secondary"),
            )
        }
    }

    /// The buttons for what is picked; the rows' boxes belong to this form.
    fn bulk_bar(&self) -> Markup {
        let l = self.frame.l;
        html! {
            @if let Some(bulk) = &self.bulk {
                form id="bulk" method="post" action=(bulk.href) {
                    (self.frame.csrf_field())
                    input type="hidden" name="back" value=(self.frame.here);
                    div class="vireo-bulk" role="toolbar" aria-label=(l.t("picked-actions")) {
                        span class="vireo-picked" role="status" data-some=(l.t("picked-count")) data-none=(l.t("picked-none")) { (l.t("picked-none")) }
                        @for (word, text, class) in &bulk.buttons {
                            button class={ "pf-v6-c-button pf-m-small " (class) } type="submit" name="action" value=(word) { (text) }
                        }
                        @for (address, text) in &bulk.others {
                            button class="pf-v6-c-button pf-m-small pf-m-secondary" type="submit" formaction=(address) { (text) }
                        }
                    }
                }
            }
        }
    }

    fn table(&self, rows: &[Row]) -> Markup {
        let l = self.frame.l;
        let title = self.title();
        html! {
            div class="vireo-scroll" tabindex="0" role="region" aria-label=(title) {
                table class="pf-v6-c-table pf-m-compact pf-m-grid-md" aria-label=(title) {
                    thead class="pf-v6-c-table__thead" { tr class="pf-v6-c-table__tr" {
                        @if self.bulk.is_some() { th class="pf-v6-c-table__th vireo-pick" scope="col" data-all=(l.t("pick-all")) { span class="pf-v6-screen-reader" { (l.t("pick")) } } }
                        @for column in &self.columns { (self.head(column)) }
                    } }
                    tbody class="pf-v6-c-table__tbody" { @for row in rows { (self.row(row)) } }
                }
            }
        }
    }

    fn row(&self, row: &Row) -> Markup {
        let l = self.frame.l;
        html! {
            tr class="pf-v6-c-table__tr" {
                @if self.bulk.is_some() {
                    td class="pf-v6-c-table__td vireo-pick" { @if !row.pick.is_empty() {
                        input type="checkbox" form="bulk" name="pick" value=(row.pick) aria-label=(l.ta("pick-one", &[("name", &row.name)]));
                    } }
                }
                @for (i, cell) in row.cells.iter().enumerate() {
                    td class="pf-v6-c-table__td" data-label=(self.columns.get(i).map_or("", |c| c.0.as_str())) {
                        @if i == 0 && !row.href.is_empty() { a href=(row.href) { (cell) } } @else { (cell) }
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
            th class="pf-v6-c-table__th" scope="col" aria-sort=[order] data-field=[(!sort.is_empty()).then_some(sort)] {
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
