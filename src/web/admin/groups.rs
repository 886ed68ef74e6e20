//! Groups: of the internal domain, and those of directories that were given a role.

use super::card::text;
use super::permissions::{card, held};
use super::{Listing, admin, details, id, listing, tags};
use crate::engine::{permissions, users};
use crate::model::ids::{EVERYONE, GroupId};
use crate::model::page::ListQuery;
use crate::model::permission::ObjectKind;
use crate::model::tag::Tagged;
use crate::web::error;
use crate::web::server::Shared;
use crate::web::ui::list::Row;
use crate::web::ui::{Frame, parts};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

/// `/admin/groups`
pub fn routes(config: &mut web::ServiceConfig) {
    config.route("/admin/groups", web::get().to(list)).route("/admin/groups/{id}", web::get().to(group));
}

async fn list(shared: web::Data<Shared>, http: HttpRequest, query: web::Query<ListQuery>) -> HttpResponse {
    let (cx, frame) = match admin(&shared, &http).await {
        Ok(entered) => entered,
        Err(e) => return error::page(&http, &e),
    };
    let l = frame.l;
    let found = users::group_list(&cx, &query).await.map(|page| {
        page.map(|g| Row {
            href: format!("/admin/groups/{}", g.id),
            cells: vec![
                text(&g.name),
                text(&g.domain),
                text(&g.description),
                html! { @if !g.active { (parts::label(&l.t("not-in-directory"), "pf-m-orange")) } },
            ],
            ..Row::default()
        })
    });
    let columns = vec![
        (l.t("name"), "name"),
        (l.t("domain-name"), "domain"),
        (l.t("description"), "description"),
        (l.t("account-state"), ""),
    ];
    let what = Listing { noun: "groups", topics: "group user", columns, actions: html! {}, bulk: None };
    listing(&http, &frame, &query, what, found)
}

async fn group(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let l = frame.l;
        let g = users::group(&cx, id::<GroupId>("group", &path)?).await?;
        let (people, groups) = users::members(&cx, g.id).await?;
        let rows = permissions::page_of(&cx, g.id.into(), &ListQuery::default()).await?.rows;
        let facts = [
            (l.t("name"), text(&g.name)),
            (l.t("domain-name"), text(&g.domain)),
            (l.t("description"), text(&g.description)),
            ("ID".to_owned(), text(g.id)),
            tags::fact(&cx, &frame, Tagged::Group(g.id)).await?,
        ];
        let gone = html! { @if !g.active { (parts::label(&l.t("not-in-directory"), "pf-m-orange")) } };
        let why = parts::link_button(&format!("/admin/permissions/why?who={}", g.id), &l.t("why"), "pf-m-secondary");
        // Who manages the group's own rights sees it in the tree; others see what it holds.
        let on_it = card(&cx, &frame, ObjectKind::Group, g.id.object()).await.unwrap_or_default();
        let content = html! {
            (parts::heading(&g.name, &gone, &why))
            div class="vireo-grid" {
                (parts::card(&l.t("general"), &parts::facts(&facts)))
                (parts::card(&l.t("members"), &members(&frame, g.id, &people, &groups)))
                div class="vireo-wide" { (parts::card(&l.ta("permissions-of", &[("name", &g.name)]), &held(&cx, &frame, &g.name, &rows, false).await?)) }
                div class="vireo-wide" { (on_it) }
            }
        };
        Ok(frame.page(&g.name, "group user", &content))
    };
    details::answer(&http, result.await)
}

fn members(frame: &Frame, id: GroupId, people: &[String], groups: &[String]) -> Markup {
    let l = frame.l;
    html! {
        @if id == EVERYONE { p { (l.t("everyone-members")) } }
        @else if people.is_empty() && groups.is_empty() { p { (l.t("no-members")) } }
        @else {
            ul class="pf-v6-c-list pf-m-plain" role="list" {
                @for name in groups { li { (name) " (" (l.t("group")) ")" } }
                @for name in people { li { (name) } }
            }
        }
    }
}
