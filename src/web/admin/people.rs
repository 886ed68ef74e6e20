//! Users.

use super::card::{events_of, links, text};
use super::confirm::{Question, done};
use super::permissions::{card, held};
use super::{Listing, admin, changing, details, directory_search, id, listing, tags};
use crate::engine::internal::accounts;
use crate::engine::permissions::may;
use crate::engine::users::{self, NewUser};
use crate::engine::{EngineError, factors, permissions};
use crate::model::ids::UserId;
use crate::model::page::ListQuery;
use crate::model::permission::ObjectKind;
use crate::model::tag::Tagged;
use crate::web::error;
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::form::{Field, Filled, form};
use crate::web::ui::list::Row;
use crate::web::ui::{Frame, parts};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::html;

/// `/admin/users`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/users", web::get().to(list))
        .route("/admin/users/new", web::get().to(new_page))
        .route("/admin/users/new", web::post().to(add))
        .route("/admin/users/{id}", web::get().to(user))
        .route("/admin/users/{id}/remove", web::get().to(confirm))
        .route("/admin/users/{id}/remove", web::post().to(remove));
}

async fn list(shared: web::Data<Shared>, http: HttpRequest, query: web::Query<ListQuery>) -> HttpResponse {
    let (cx, frame) = match admin(&shared, &http).await {
        Ok(entered) => entered,
        Err(e) => return error::page(&http, &e),
    };
    let (l, now) = (frame.l, cx.engine.clock.now());
    let manages = match may::makes(&cx).await {
        Ok(makes) => makes.user,
        Err(e) => return error::page(&http, &e),
    };
    let me = cx.actor.user;
    let found = users::list(&cx, &query).await.map(|page| {
        page.map(|u| Row {
            href: format!("/admin/users/{}", u.id),
            cells: vec![
                html! { (u.principal()) },
                html! { (u.first_name) " " (u.last_name) },
                html! { (u.email) },
                html! { @if let Some(at) = u.last_sign_in { (parts::time(at)) } },
                html! {
                    @if u.is_locked(now) {
                        span class="vireo-locked" { (l.t("account-is-locked")) @if let Some(at) = u.locked_at { " " (parts::time(at)) } " " (u.last_failure_ip) } " "
                        (parts::post(&frame, &format!("/admin/users/{}/unlock", u.id), &l.t("unlock"), "pf-m-secondary")) " "
                    }
                    @if u.disabled { (l.t("account-is-disabled")) " " }
                    @if !u.active { (parts::label(&l.t("not-in-directory"), "pf-m-orange")) }
                },
                html! { @if manages && u.id != me { (parts::link_button(&format!("/admin/users/{}/remove", u.id), &l.t("remove"), "pf-m-secondary")) } },
            ],
            ..Row::default()
        })
    });
    let columns = vec![
        (l.t("user-name"), "usrname"),
        (l.t("full-name"), "lastname"),
        (l.t("email"), "email"),
        (l.t("last-sign-in"), ""),
        (l.t("state"), ""),
        (l.t("actions"), ""),
    ];
    let actions = html! {
        @if manages { (parts::link_button("/admin/users/new", &l.t("new-user"), "pf-m-primary")) }
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
    done(&shared, &http, &body, async |cx| {
        users::remove(&cx, id("user", &path)?).await?;
        Ok("/admin/users".to_owned())
    })
    .await
}

async fn user(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let l = frame.l;
        let u = users::get(&cx, id::<UserId>("user", &path)?).await?;
        let rows = permissions::page_of(&cx, u.id.into(), &ListQuery::default()).await?;
        let makes = may::makes(&cx).await?;
        let now = cx.engine.clock.now();
        // Only those who manage users see more than who somebody is.
        let account = accounts::get(&cx, u.id).await.ok();
        let own = factors::of(&cx, u.id).await.unwrap_or_default();
        let mut facts = vec![
            (l.t("user-name"), text(u.principal())),
            (l.t("full-name"), text(format!("{} {}", u.first_name, u.last_name))),
            (l.t("email"), text(&u.email)),
            (l.t("last-sign-in"), u.last_sign_in.map_or_else(|| text("-"), parts::time)),
            ("ID".to_owned(), text(u.id)),
        ];
        if let Some(account) = &account {
            facts.extend(super::accounts::facts(l, account, &own, now));
        }
        facts.push(tags::fact(&cx, &frame, Tagged::User(u.id)).await?);
        let title = u.principal();
        let gone = html! { @if !u.active { (parts::label(&l.t("not-in-directory"), "pf-m-orange")) } };
        let actions = html! {
            (parts::link_button(&format!("/admin/permissions/why?who={}", u.id), &l.t("why"), "pf-m-secondary"))
            @if let Some(account) = &account { (super::accounts::actions(&frame, account, &own, now)) }
            @if makes.user && u.id != cx.actor.user { (parts::link_button(&format!("/admin/users/{}/remove", u.id), &l.t("remove"), "pf-m-danger")) }
        };
        // Who manages the user's own rights sees him in the tree; others see what he holds.
        let on_him = card(&cx, &frame, ObjectKind::User, u.id.object()).await.unwrap_or_default();
        let more = rows.total > rows.rows.len() as u64;
        let content = html! {
            (parts::heading(&title, &gone, &actions))
            div class="vireo-grid" {
                (parts::card(&l.t("general"), &parts::facts(&facts)))
                (events_of(&cx, l, u.id.object()).await.unwrap_or_default())
                div class="vireo-wide" { (parts::card(&l.ta("permissions-of", &[("name", &title)]), &html! {
                    (held(&cx, &frame, &title, &rows.rows, false).await?)
                    @if more { p class="vireo-hint" { (l.ta("all-permissions", &[("count", &rows.total.to_string())])) } }
                })) }
                div class="vireo-wide" { (on_him) }
            }
        };
        Ok(frame.page(&title, "user event", &content))
    };
    details::answer(&http, result.await)
}

async fn confirm(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let u = users::get(&cx, id::<UserId>("user", &path)?).await?;
        let held = permissions::page_of(&cx, u.id.into(), &ListQuery::default()).await?.rows;
        let l = frame.l;
        let title = l.ta("confirm-remove-user", &[("name", &u.principal())]);
        let text = html! {
            p { (l.t("confirm-remove-user-text")) }
            (links(l, held.iter().map(|p| html! { (p.role_name) " · " (l.t(&format!("object-{}", p.object_kind))) " " (p.object_name) })))
        };
        let button = Some((format!("/admin/users/{}/remove", u.id), l.t("remove"), "pf-m-danger"));
        Ok(Question { title, text, button, back: "/admin/users".to_owned(), topics: "" }.page(&frame))
    };
    details::answer(&http, result.await)
}
