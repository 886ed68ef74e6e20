//! A permission to be added: somebody is looked for, then given a role.

use super::{Asked, page_of};
use crate::engine::permissions::may;
use crate::engine::{EngineError, permissions, roles};
use crate::model::ids::EVERYONE;
use crate::model::permission::{Place, Principal};
use crate::model::role::{RoleView, USER_ROLE};
use crate::web::admin::{admin, details, directory_search};
use crate::web::server::Shared;
use crate::web::ui::{Frame, parts};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

/// So many are offered at once.
const OFFERED: u32 = 50;

/// `GET /admin/permissions/add`
pub async fn page(shared: web::Data<Shared>, http: HttpRequest, asked: web::Query<Asked>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let l = frame.l;
        let (kind, object) = asked.object()?;
        let place = permissions::place(&cx, kind, object).await?;
        let mut found = permissions::search(&cx, &asked.search, OFFERED).await?;
        if !found.iter().any(|p| p.id == EVERYONE.into()) {
            found.push(permissions::principal(&cx, EVERYONE.into()).await?);
        }
        let super_user = may::makes(&cx).await?.super_user;
        let mut roles = roles::list(&cx).await?;
        roles.retain(|role| super_user || !role.admin);
        let words = l.t(&format!("object-{kind}"));
        let title = l.ta("add-permission-on", &[("kind", &words), ("name", &place.name)]);
        let content = html! {
            (parts::heading(&title, &html! {}, &html! {}))
            (search(&frame, &place, &asked.search))
            p { (directory_search::for_object(&cx, &frame, &place, &page_of(&place))) }
            (choice(&frame, &place, &found, &roles))
        };
        Ok::<_, EngineError>(frame.page(&title, "", &content))
    };
    details::answer(&http, result.await)
}

fn search(frame: &Frame, place: &Place, text: &str) -> Markup {
    let l = frame.l;
    html! {
        form class="vireo-search" method="get" role="search" {
            input type="hidden" name="kind" value=(place.kind);
            input type="hidden" name="object" value=(place.object);
            input class="vireo-input" type="search" name="search" value=(text) aria-label=(l.t("search-people")) placeholder=(l.t("search-people"));
            button class="pf-v6-c-button pf-m-secondary pf-m-small" type="submit" { (l.t("search")) }
        }
        p class="vireo-hint" { (l.t("search-people-hint")) }
    }
}

fn choice(frame: &Frame, place: &Place, found: &[Principal], roles: &[RoleView]) -> Markup {
    let l = frame.l;
    html! {
        form class="pf-v6-c-form vireo-form" method="post" action="/admin/permissions" {
            (frame.csrf_field())
            input type="hidden" name="kind" value=(place.kind);
            input type="hidden" name="object" value=(place.object);
            fieldset class="vireo-group" {
                legend { (l.t("people-found")) }
                @if found.is_empty() { p { (l.t("nobody-found")) } }
                @for (i, one) in found.iter().enumerate() { (person(frame, one, i == 0)) }
            }
            div class="pf-v6-c-form__group" {
                div class="pf-v6-c-form__group-label" { label class="pf-v6-c-form__label" for="role" { span class="pf-v6-c-form__label-text" { (l.t("choose-role")) } } }
                div class="pf-v6-c-form__group-control" { (role_choice(frame, roles)) }
            }
            div class="vireo-actions vireo-form-actions" {
                button class="pf-v6-c-button pf-m-primary" type="submit" { (l.t("add")) }
                a class="pf-v6-c-button pf-m-link" href=(page_of(place)) { (l.t("cancel")) }
            }
        }
    }
}

fn person(frame: &Frame, one: &Principal, first: bool) -> Markup {
    let l = frame.l;
    let name = if one.id == EVERYONE.into() { l.t("everyone") } else { one.name.clone() };
    let id = format!("p-{}", one.id);
    html! {
        label class="vireo-check" for=(id) {
            input type="radio" id=(id) name="principal" value=(one.id) required checked[first];
            span {
                (name)
                @if one.is_group { " (" (l.t("group")) ")" }
                @if !one.about.is_empty() { " – " (one.about) }
                @if !one.active { " " (parts::label(&l.t("not-in-directory"), "pf-m-orange")) }
            }
        }
    }
}

fn role_choice(frame: &Frame, roles: &[RoleView]) -> Markup {
    let l = frame.l;
    let group = |title: String, admin: bool| {
        let some = roles.iter().any(|r| r.admin == admin);
        html! {
            @if some {
                optgroup label=(title) {
                    @for r in roles.iter().filter(|r| r.admin == admin) { option value=(r.id) selected[r.id == USER_ROLE] { (r.name) } }
                }
            }
        }
    };
    html! {
        select class="vireo-input" id="role" name="role" { (group(l.t("roles-for-users"), false)) (group(l.t("roles-for-admins"), true)) }
    }
}
