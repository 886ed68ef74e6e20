//! All permissions on an object, page by page; without an object those on the system.

use super::card::{links, rights, table};
use super::{Asked, address, link_to};
use crate::engine::permissions;
use crate::model::page::{ListQuery, Page};
use crate::model::permission::{ObjectKind, PermissionView, Place};
use crate::web::admin::{admin, details};
use crate::web::locale::Locale;
use crate::web::server::Shared;
use crate::web::ui::parts;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

/// `GET /admin/permissions`
pub async fn page(shared: web::Data<Shared>, http: HttpRequest, asked: web::Query<Asked>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let l = frame.l;
        let (kind, object) = asked.object()?;
        let place = permissions::place(&cx, kind, object).await?;
        let query = ListQuery { search: asked.search.clone(), page: asked.page, ..ListQuery::default() };
        let page = permissions::page_on(&cx, object, &query).await?;
        let may = rights(&cx, object).await?;
        let title = title(l, &place);
        let content = html! {
            (parts::heading(&title, &html! {}, &links(l, &place, may)))
            @if kind != ObjectKind::System { p { (link_to(l, &place)) } }
            form class="vireo-search" method="get" role="search" {
                input type="hidden" name="kind" value=(kind);
                input type="hidden" name="object" value=(object);
                input class="vireo-input" type="search" name="search" value=(asked.search) placeholder=(l.t("search-people")) aria-label=(l.t("search-people"));
                button class="pf-v6-c-button pf-m-secondary pf-m-small" type="submit" { (l.t("search")) }
            }
            (table(&frame, &page.rows, may))
            (pages(l, &place, &asked.search, &page))
        };
        Ok(frame.page(&title, kind.as_str(), &content))
    };
    details::answer(&http, result.await)
}

fn title(l: Locale, place: &Place) -> String {
    if place.kind == ObjectKind::System {
        return l.t("system-permissions");
    }
    let kind = l.t(&format!("object-{}", place.kind));
    l.ta("permissions-on", &[("kind", &kind), ("name", &place.name)])
}

fn pages(l: Locale, place: &Place, search: &str, page: &Page<PermissionView>) -> Markup {
    let first = u64::from(page.page - 1) * u64::from(page.per_page) + 1;
    let last = first + page.rows.len() as u64 - 1;
    let search = serde_urlencoded::to_string([("search", search)]).unwrap_or_default();
    let at = |n: u32| format!("{}&{search}&page={n}", address("", place));
    html! {
        @if !page.rows.is_empty() {
            nav class="vireo-pages" aria-label=(l.t("pages")) {
                span { (l.ta("rows-of", &[("first", &first.to_string()), ("last", &last.to_string()), ("total", &page.total.to_string())])) }
                @if page.page > 1 { a rel="prev" href=(at(page.page - 1)) { (l.t("previous-page")) } }
                @if last < page.total { a rel="next" href=(at(page.page + 1)) { (l.t("next-page")) } }
            }
        }
    }
}
