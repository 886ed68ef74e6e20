//! Users, and who has which role on what.

use super::card::{events_of, links, text};
use super::{Listing, admin, changing, details, directory_search, id, listing};
use crate::engine::internal::accounts;
use crate::engine::users::{self, NewUser};
use crate::engine::{Cx, EngineError, permissions};
use crate::model::ids::{EVERYONE, ObjectId, PrincipalId, RoleId, UserId};
use crate::model::page::ListQuery;
use crate::model::permission::{ObjectKind, PermissionView};
use crate::web::error;
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::form::{Field, Filled, form};
use crate::web::ui::list::Row;
use crate::web::ui::{Frame, parts};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

/// `/admin/users`, `/admin/permissions`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/users", web::get().to(list))
        .route("/admin/users/new", web::get().to(new_page))
        .route("/admin/users/new", web::post().to(add))
        .route("/admin/users/{id}", web::get().to(user))
        .route("/admin/users/{id}/remove", web::get().to(confirm))
        .route("/admin/users/{id}/remove", web::post().to(remove))
        .route("/admin/roles/{id}", web::get().to(role))
        .route("/admin/permissions", web::post().to(grant))
        .route("/admin/permissions/{id}/remove", web::post().to(revoke));
}

async fn list(shared: web::Data<Shared>, http: HttpRequest, query: web::Query<ListQuery>) -> HttpResponse {
    let (cx, frame) = match admin(&shared, &http).await {
        Ok(entered) => entered,
        Err(e) => return error::page(&http, &e),
    };
    let (l, now) = (frame.l, cx.engine.clock.now());
    let found = users::list(&cx, &query).await.map(|page| {
        page.map(|u| Row {
            href: format!("/admin/users/{}", u.id),
            cells: vec![
                html! { (u.principal()) },
                html! { (u.first_name) " " (u.last_name) },
                html! { (u.email) },
                html! { @if let Some(at) = u.last_sign_in { (parts::time(at)) } },
                html! {
                    @if u.locked_until.is_some_and(|until| until > now) { (l.t("account-is-locked")) " " }
                    @if u.disabled { (l.t("account-is-disabled")) " " }
                    @if !u.active { (parts::label(&l.t("account-is-gone"), "pf-m-orange")) }
                },
                parts::link_button(&format!("/admin/users/{}/remove", u.id), &l.t("remove"), "pf-m-secondary"),
            ],
            ..Row::default()
        })
    });
    let columns = vec![
        (l.t("user-name"), "usrname"),
        (l.t("full-name"), "name"),
        (l.t("email"), ""),
        (l.t("last-sign-in"), ""),
        (l.t("state"), ""),
        (l.t("actions"), ""),
    ];
    let actions = html! {
        (parts::link_button("/admin/users/new", &l.t("new-user"), "pf-m-primary"))
        (directory_search::for_users(&cx, &frame))
    };
    listing(&http, &frame, &query, Listing { noun: "users", topics: "user", columns, actions, bulk: None }, found)
}

async fn new_page(shared: web::Data<Shared>, http: HttpRequest) -> HttpResponse {
    match admin(&shared, &http).await {
        Ok((_, frame)) => user_form(&frame, &Filled::default()),
        Err(e) => error::page(&http, &e),
    }
}

fn user_form(frame: &Frame, filled: &Filled) -> HttpResponse {
    let l = frame.l;
    let field = |label: String, name| Field { l, label, name, field: name, hint: String::new() };
    let fields = html! {
        (field(l.t("user-name"), "user_name").input(filled, "text"))
        (field(l.t("password"), "password").input(filled, "password"))
        (field(l.t("first-name"), "first_name").input(filled, "text"))
        (field(l.t("last-name"), "last_name").input(filled, "text"))
        (field(l.t("email"), "email").input(filled, "email"))
    };
    let others = filled.others(l, &["user_name", "password", "first_name", "last_name", "email"]);
    let content = html! {
        (parts::heading(&l.t("new-user"), &html! {}, &html! {}))
        (form(frame, "/admin/users/new", "/admin/users", &l.t("add"), &others, &fields))
    };
    frame.page(&l.t("new-user"), "", &content)
}

async fn add(shared: web::Data<Shared>, http: HttpRequest, body: web::Bytes) -> HttpResponse {
    let (cx, frame, values) = match changing(&shared, &http, &body).await {
        Ok(entered) => entered,
        Err(e) => return error::page(&http, &e),
    };
    let get = |name: &str| values.get(name).cloned().unwrap_or_default();
    let new = NewUser {
        user_name: get("user_name"),
        password: Some(get("password")),
        first_name: get("first_name"),
        last_name: get("last_name"),
        email: get("email"),
    };
    match users::add(&cx, new).await {
        Ok(_) => to("/admin/users"),
        Err(EngineError::Invalid(wrong)) => user_form(&frame, &Filled { values, wrong }),
        Err(e) => error::page(&http, &e),
    }
}

async fn remove(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, ..) = changing(&shared, &http, &body).await?;
        users::remove(&cx, id("user", &path)?).await
    };
    match result.await {
        Ok(()) => to("/admin/users"),
        Err(e) => error::page(&http, &e),
    }
}

async fn user(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let l = frame.l;
        let u = users::get(&cx, id::<UserId>("user", &path)?).await?;
        let held = permissions::of(&cx, u.id.into()).await?;
        let now = cx.engine.clock.now();
        // Only those who manage users see more than who somebody is.
        let account = accounts::get(&cx, u.id).await.ok();
        let mut facts = vec![
            (l.t("user-name"), text(u.principal())),
            (l.t("full-name"), text(format!("{} {}", u.first_name, u.last_name))),
            (l.t("email"), text(&u.email)),
            (l.t("last-sign-in"), u.last_sign_in.map_or_else(|| text("-"), parts::time)),
            ("ID".to_owned(), text(u.id)),
        ];
        if let Some(account) = &account {
            facts.extend(super::accounts::facts(l, account, now));
        }
        let title = u.principal();
        let remove = html! {
            @if let Some(account) = &account { (super::accounts::actions(&frame, account, now)) }
            (parts::link_button(&format!("/admin/users/{}/remove", u.id), &l.t("remove"), "pf-m-danger"))
        };
        let content = html! {
            (parts::heading(&title, &html! {}, &remove))
            div class="vireo-grid" {
                (parts::card(&l.t("general"), &parts::facts(&facts)))
                (parts::card(&l.t("permissions"), &links(l, held.iter().map(|p| held_line(&frame, p)))))
                (events_of(&cx, l, u.id.object()).await?)
            }
        };
        Ok(frame.page(&title, "user event", &content))
    };
    details::answer(&http, result.await)
}

fn held_line(frame: &Frame, p: &PermissionView) -> Markup {
    let l = frame.l;
    html! {
        (p.role_name) " · " (l.t(&format!("object-{}", p.object_kind))) " " (p.object_name) " "
        (parts::post(frame, &format!("/admin/permissions/{}/remove", p.id), &l.t("remove"), "pf-m-secondary"))
    }
}

async fn role(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let l = frame.l;
        let wanted = id::<RoleId>("role", &path)?;
        let all = permissions::roles(&cx).await?;
        let none = || EngineError::NotFound { kind: "role", id: wanted.to_string() };
        let r = all.into_iter().find(|r| r.id == wanted).ok_or_else(none)?;
        let facts = [
            (l.t("description"), text(&r.description)),
            (l.t("role-type"), text(if r.admin { l.t("role-admin") } else { l.t("role-user") })),
            (l.t("predefined"), text(if r.mutable { l.t("no") } else { l.t("yes") })),
            ("ID".to_owned(), text(r.id)),
        ];
        let content = html! {
            (parts::heading(&r.name, &html! {}, &html! {}))
            div class="vireo-grid" {
                (parts::card(&l.t("general"), &parts::facts(&facts)))
                (parts::card(&l.t("permits"), &links(l, r.actions.iter().map(|a| html! { code { (a) } }))))
            }
        };
        Ok(frame.page(&r.name, "", &content))
    };
    details::answer(&http, result.await)
}

async fn confirm(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let u = users::get(&cx, id::<UserId>("user", &path)?).await?;
        let held = permissions::of(&cx, u.id.into()).await?;
        let l = frame.l;
        let title = l.ta("confirm-remove-user", &[("name", &u.principal())]);
        let content = html! {
            (parts::heading(&title, &html! {}, &html! {}))
            p { (l.t("confirm-remove-user-text")) }
            (links(l, held.iter().map(|p| html! { (p.role_name) " · " (l.t(&format!("object-{}", p.object_kind))) " " (p.object_name) })))
            div class="vireo-actions" {
                (parts::post(&frame, &format!("/admin/users/{}/remove", u.id), &l.t("remove"), "pf-m-danger"))
                (parts::link_button("/admin/users", &l.t("cancel"), "pf-m-link"))
            }
        };
        Ok(frame.page(&title, "", &content))
    };
    details::answer(&http, result.await)
}

/// An object's permissions, with a form for one more.
pub async fn card(cx: &Cx, frame: &Frame, kind: ObjectKind, object: ObjectId) -> Result<Markup, EngineError> {
    let l = frame.l;
    let held = permissions::on(cx, object).await?;
    let roles = permissions::roles(cx).await?;
    let everything = ListQuery { max: u32::MAX, ..ListQuery::default() };
    let people = users::list(cx, &everything).await?.rows;
    let groups = users::groups(cx).await?;
    Ok(parts::card(
        &l.t("permissions"),
        &html! {
            table class="pf-v6-c-table pf-m-compact" aria-label=(l.t("permissions")) {
                tbody class="pf-v6-c-table__tbody" {
                    @for p in &held {
                        tr class="pf-v6-c-table__tr" {
                            td class="pf-v6-c-table__td" { (p.principal_name) }
                            td class="pf-v6-c-table__td" { (p.role_name) }
                            td class="pf-v6-c-table__td" { @if p.inherited { (l.ta("inherited-from", &[("name", &p.object_name)])) } @else {
                                (parts::post(frame, &format!("/admin/permissions/{}/remove", p.id), &l.t("remove"), "pf-m-secondary"))
                            } }
                        }
                    }
                }
            }
            form class="vireo-search" method="post" action="/admin/permissions" {
                (frame.csrf_field())
                input type="hidden" name="kind" value=(kind);
                input type="hidden" name="object" value=(object);
                select class="vireo-input" name="principal" aria-label=(l.t("user")) {
                    @for u in &people { option value=(u.id) { (u.principal()) } }
                    @for g in groups.iter().filter(|g| g.id != EVERYONE) { option value=(g.id) { (g.name) "@" (g.domain) " (" (l.t("group")) ")" } }
                    option value=(EVERYONE) { (l.t("everyone")) }
                }
                select class="vireo-input" name="role" aria-label=(l.t("role")) { @for r in &roles { option value=(r.id) selected[r.name == "UserRole"] { (r.name) } } }
                button class="pf-v6-c-button pf-m-secondary pf-m-small" type="submit" { (l.t("add")) }
            }
            (directory_search::for_object(cx, frame, kind, object))
        },
    ))
}

async fn grant(shared: web::Data<Shared>, http: HttpRequest, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, _, values) = changing(&shared, &http, &body).await?;
        let get = |name: &str| values.get(name).map_or("", String::as_str);
        let kind: ObjectKind = id("object kind", get("kind"))?;
        let principal: PrincipalId = id("user", get("principal"))?;
        permissions::grant(&cx, id("role", get("role"))?, principal, kind, id("object", get("object"))?).await
    };
    answer(&http, result.await.map(drop))
}

async fn revoke(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, ..) = changing(&shared, &http, &body).await?;
        permissions::revoke(&cx, id("permission", &path)?).await
    };
    answer(&http, result.await)
}

/// Back to the page the card stands on.
fn answer(http: &HttpRequest, result: Result<(), EngineError>) -> HttpResponse {
    let referer = http.headers().get("referer").and_then(|v| v.to_str().ok()).unwrap_or_default();
    let path = referer.split_once("://").and_then(|(_, r)| r.find('/').and_then(|at| r.get(at..))).unwrap_or("/admin");
    match result {
        Ok(()) if path.starts_with("/admin") => to(path),
        Ok(()) => to("/admin"),
        Err(e) => error::page(http, &e),
    }
}
