//! An object's permissions on its page, and what a user, a group or a role is found with.

use super::{address, holder, link_to};
use crate::engine::permissions::may::{self, Makes};
use crate::engine::{Cx, EngineError, permissions};
use crate::model::ids::ObjectId;
use crate::model::page::ListQuery;
use crate::model::permission::{ObjectKind, PermissionView, Place};
use crate::model::role::Action;
use crate::web::admin::directory_search;
use crate::web::locale::Locale;
use crate::web::ui::{Frame, parts};
use maud::{Markup, html};

/// So many are shown on the object's own page.
const SHOWN: u32 = 20;

/// What is done with a permission's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct May {
    /// Permissions on the object may be changed.
    pub change: bool,
    /// Admin roles, too.
    pub super_user: bool,
}

impl May {
    fn remove(self, p: &PermissionView) -> bool {
        self.change && (self.super_user || !p.role_admin)
    }
}

/// What the actor may do with the permissions on an object.
///
/// # Errors
/// The database failed.
pub async fn rights(cx: &Cx, object: ObjectId) -> Result<May, EngineError> {
    let permits = may::on(cx, vec![object]).await?;
    let Makes { super_user, .. } = may::makes(cx).await?;
    Ok(May { change: permits.may(Action::ManipulatePermissions, object), super_user })
}

/// An object's permissions, with what leads to more.
///
/// # Errors
/// Hidden, or the database failed.
pub async fn card(cx: &Cx, frame: &Frame, kind: ObjectKind, object: ObjectId) -> Result<Markup, EngineError> {
    let l = frame.l;
    let page = permissions::page_on(cx, object, &ListQuery { max: SHOWN, ..ListQuery::default() }).await?;
    let may = rights(cx, object).await?;
    let place = Place { object, kind, name: String::new() };
    let more = page.total > u64::from(SHOWN);
    Ok(parts::card(
        &l.t("permissions"),
        &html! {
            (table(frame, &page.rows, may))
            div class="vireo-actions" {
                (links(l, &place, may))
                @if may.change { (directory_search::for_object(cx, frame, &place, &frame.here)) }
                @if more { (parts::link_button(&address("", &place), &l.ta("all-permissions", &[("count", &page.total.to_string())]), "pf-m-link")) }
            }
        },
    ))
}

/// What can be done besides looking.
pub fn links(l: Locale, place: &Place, may: May) -> Markup {
    html! {
        @if may.change { (parts::link_button(&address("/add", place), &l.t("add-permission"), "pf-m-secondary")) }
        (parts::link_button(&address("/why", place), &l.t("why"), "pf-m-link"))
    }
}

/// Permissions on an object, whoever holds them.
pub fn table(frame: &Frame, rows: &[PermissionView], may: May) -> Markup {
    let l = frame.l;
    let heads = ["holder", "role", "inherited", "since", "actions"].map(|key| l.t(key));
    let cells = |p: &PermissionView| {
        let place = Place { object: p.object, kind: p.object_kind, name: p.object_name.clone() };
        vec![
            html! { (holder(p.principal, &p.principal_name, p.is_group)) @if !p.principal_active { " " (parts::label(&l.t("not-in-directory"), "pf-m-orange")) } },
            role(p),
            html! { @if p.inherited { (link_to(l, &place)) } @else { (l.t("not-inherited")) } },
            parts::time(p.created),
            html! { @if !p.inherited && may.remove(p) { (remove(frame, p)) } },
        ]
    };
    let cells: Vec<Vec<Markup>> = rows.iter().map(cells).collect();
    whole(l, &l.t("permissions"), &heads, &cells)
}

/// What a user or group holds, or who holds a role: with the object instead of where it comes from.
///
/// # Errors
/// The database failed.
pub async fn held(
    cx: &Cx,
    frame: &Frame,
    name: &str,
    rows: &[PermissionView],
    of_role: bool,
) -> Result<Markup, EngineError> {
    let l = frame.l;
    let permits = may::on(cx, rows.iter().map(|p| p.object).collect()).await?;
    let super_user = may::makes(cx).await?.super_user;
    let first = if of_role { "holder" } else { "role" };
    let heads = [first, "object", "since", "actions"].map(|key| l.t(key));
    let cells = |p: &PermissionView| {
        let place = Place { object: p.object, kind: p.object_kind, name: p.object_name.clone() };
        let may = May { change: permits.may(Action::ManipulatePermissions, p.object), super_user };
        vec![
            if of_role { holder(p.principal, &p.principal_name, p.is_group) } else { role(p) },
            link_to(l, &place),
            parts::time(p.created),
            html! { @if may.remove(p) { (remove(frame, p)) } },
        ]
    };
    let cells: Vec<Vec<Markup>> = rows.iter().map(cells).collect();
    Ok(whole(l, &l.ta("permissions-of", &[("name", name)]), &heads, &cells))
}

fn role(p: &PermissionView) -> Markup {
    html! { a href={ "/admin/roles/" (p.role) } { (p.role_name) } }
}

fn remove(frame: &Frame, p: &PermissionView) -> Markup {
    let l = frame.l;
    let name = l.ta("remove-permission", &[("role", &p.role_name), ("name", &p.principal_name)]);
    html! {
        form method="post" action={ "/admin/permissions/" (p.id) "/remove" } class="vireo-inline" {
            (frame.csrf_field())
            button class="pf-v6-c-button pf-m-small pf-m-secondary" type="submit" aria-label=(name) { (l.t("remove")) }
        }
    }
}

fn whole(l: Locale, label: &str, heads: &[String], rows: &[Vec<Markup>]) -> Markup {
    html! {
        @if rows.is_empty() { p { (l.t("no-permissions")) } } @else {
            (parts::table(label, heads, rows))
        }
    }
}
