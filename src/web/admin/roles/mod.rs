//! Roles: the list, and a role's page.

mod form;

use super::confirm::{Question, done};
use super::permissions::held;
use super::{Listing, admin, details, id, listing};
use crate::engine::permissions::may::{self, Makes};
use crate::engine::{permissions, roles};
use crate::model::ids::RoleId;
use crate::model::page::{ListQuery, Page};
use crate::model::permit_tree::TREE;
use crate::model::role::RoleView;
use crate::web::admin::card::text;
use crate::web::error;
use crate::web::locale::Locale;
use crate::web::server::Shared;
use crate::web::ui::list::Row;
use crate::web::ui::{Frame, parts};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

/// `/admin/roles`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/roles", web::get().to(list))
        .configure(form::routes)
        .route("/admin/roles/{id}", web::get().to(role))
        .route("/admin/roles/{id}/remove", web::get().to(confirm))
        .route("/admin/roles/{id}/remove", web::post().to(remove));
}

/// What a role is for: an own one says so itself.
fn about(l: Locale, r: &RoleView) -> String {
    if r.mutable { r.description.clone() } else { l.t(&format!("role-about-{}", r.name)) }
}

fn kind(l: Locale, r: &RoleView) -> String {
    if r.admin { l.t("role-admin") } else { l.t("role-user") }
}

fn origin(l: Locale, r: &RoleView) -> String {
    if r.mutable { l.t("own-role") } else { l.t("predefined-role") }
}

async fn list(shared: web::Data<Shared>, http: HttpRequest, query: web::Query<ListQuery>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let all = roles::list(&cx).await?;
        let makes = may::makes(&cx).await?;
        Ok((frame, all, makes))
    };
    let (frame, all, makes) = match result.await {
        Ok(found) => found,
        Err(e) => return error::page(&http, &e),
    };
    let l = frame.l;
    let rows = all.iter().map(|r| Row {
        href: format!("/admin/roles/{}", r.id),
        cells: vec![
            text(&r.name),
            text(kind(l, r)),
            text(origin(l, r)),
            text(r.actions.len()),
            text(about(l, r)),
            html! { span class="vireo-buttons" { (buttons(l, r, makes)) } },
        ],
        ..Row::default()
    });
    let page = Page::whole(rows.collect());
    let columns =
        ["name", "role-type", "role-origin", "permits", "description", "actions"].map(|c| (l.t(c), "")).into();
    let actions =
        html! { @if makes.role { (parts::link_button("/admin/roles/new", &l.t("new-role"), "pf-m-primary")) } };
    listing(&http, &frame, &query, Listing { noun: "roles", topics: "role", columns, actions, bulk: None }, Ok(page))
}

/// What the actor may do with a role; a copy of an admin role is an admin role.
fn buttons(l: Locale, r: &RoleView, makes: Makes) -> Markup {
    let base = format!("/admin/roles/{}", r.id);
    let may = makes.role && (makes.super_user || !r.admin);
    html! {
        @if may { (parts::link_button(&format!("{base}/copy"), &l.t("copy-role"), "pf-m-secondary")) }
        @if may && r.mutable {
            (parts::link_button(&format!("{base}/edit"), &l.t("edit"), "pf-m-secondary"))
            (parts::link_button(&format!("{base}/remove"), &l.t("remove"), "pf-m-secondary"))
        }
    }
}

async fn role(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let l = frame.l;
        let r = roles::get(&cx, id::<RoleId>("role", &path)?).await?;
        let makes = may::makes(&cx).await?;
        let holders = permissions::page_with(&cx, r.id, &ListQuery::default()).await?;
        let facts = [
            (l.t("description"), text(about(l, &r))),
            (l.t("role-type"), text(kind(l, &r))),
            (l.t("role-origin"), text(origin(l, &r))),
            (l.t("views-children"), text(if r.views_children { l.t("yes") } else { l.t("no") })),
            ("ID".to_owned(), text(r.id)),
        ];
        let content = html! {
            (parts::heading(&r.name, &html! {}, &buttons(l, &r, makes)))
            div class="vireo-grid" {
                (parts::card(&l.t("general"), &parts::facts(&facts)))
                (parts::card(&l.t("permits"), &tree(&frame, &r)))
                div class="vireo-wide" { (parts::card(&l.t("role-holders"), &html! {
                    @if holders.rows.is_empty() { p { (l.t("no-holders")) } } @else { (held(&cx, &frame, &r.name, &holders.rows, true).await?) }
                    @if holders.total > holders.rows.len() as u64 { p class="vireo-hint" { (l.ta("all-permissions", &[("count", &holders.total.to_string())])) } }
                })) }
            }
        };
        Ok(frame.page(&r.name, "role", &content))
    };
    details::answer(&http, result.await)
}

/// The permits it holds, as the tree groups them.
fn tree(frame: &Frame, r: &RoleView) -> Markup {
    let l = frame.l;
    html! {
        @for (branch, parts) in TREE {
            @let held: Vec<_> = parts.iter().flat_map(|(_, actions)| actions.iter()).filter(|a| r.actions.contains(a)).collect();
            @if !held.is_empty() {
                h3 class="pf-v6-c-title pf-m-md" { (l.t(&format!("permits-{branch}"))) }
                ul class="pf-v6-c-list" { @for action in held { li { (l.t(&format!("permit-{action}"))) " " code { (action) } } } }
            }
        }
    }
}

async fn confirm(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let l = frame.l;
        let r = roles::get(&cx, id::<RoleId>("role", &path)?).await?;
        let title = l.ta("confirm-remove-role", &[("name", &r.name)]);
        let text = html! { p { (l.t("confirm-remove-role-text")) } };
        let back = format!("/admin/roles/{}", r.id);
        let button = Some((format!("{back}/remove"), l.t("remove"), "pf-m-danger"));
        Ok(Question { title, text, button, back, topics: "" }.page(&frame))
    };
    details::answer(&http, result.await)
}

async fn remove(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    done(&shared, &http, &body, async |cx| {
        roles::remove(&cx, id::<RoleId>("role", &path)?).await?;
        Ok("/admin/roles".to_owned())
    })
    .await
}
