//! Directory domains: the list, a domain's page, the wizard.

mod pages;
mod report;
mod state;
mod wizard;

use super::card::{links, text};
use super::confirm::{Question, done};
use super::{Listing, admin, changing, details, directory_search, id, listing};
use crate::engine::domains::{self, Trial, people};
use crate::engine::{Cx, EngineError, events, permissions, users};
use crate::model::domain::StepReport;
use crate::model::domain_draft::{DomainView, LastCheck};
use crate::model::ids::{DomainId, GroupId, PrincipalId};
use crate::model::page::ListQuery;
use crate::web::directory_words as words;
use crate::web::error;
use crate::web::server::Shared;
use crate::web::ui::form::{Field, Filled};
use crate::web::ui::list::Row;
use crate::web::ui::{Frame, parts};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

/// `/admin/directory_domains` and below
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/directory_domains", web::get().to(list))
        .configure(wizard::routes)
        .route("/admin/directory_domains/{id}", web::get().to(show))
        .route("/admin/directory_domains/{id}/check", web::post().to(check))
        .route("/admin/directory_domains/{id}/remove", web::get().to(confirm))
        .route("/admin/directory_domains/{id}/remove", web::post().to(remove))
        .route("/admin/directory_groups/{id}/remove", web::post().to(remove_group));
}

async fn list(shared: web::Data<Shared>, http: HttpRequest, query: web::Query<ListQuery>) -> HttpResponse {
    let (cx, frame) = match admin(&shared, &http).await {
        Ok(entered) => entered,
        Err(e) => return error::page(&http, &e),
    };
    let l = frame.l;
    let found = domains::list(&cx, &query).await.map(|page| {
        page.map(|d| Row {
            href: format!("/admin/directory_domains/{}", d.id),
            cells: vec![
                html! { (d.config.name) },
                html! { (words::provider(l, d.config.provider)) },
                html! { (servers(&frame, &d)) },
                html! { (words::transport(l, d.config.transport)) },
                html! { (report::state(l, d.last.as_ref())) @if let Some(last) = &d.last { " " (parts::time(last.at)) } },
                html! {
                    div class="vireo-buttons" {
                        (parts::link_button(&format!("/admin/directory_domains/{}/edit", d.id), &l.t("edit"), "pf-m-secondary")) " "
                        (parts::link_button(&format!("/admin/directory_domains/{}/remove", d.id), &l.t("remove"), "pf-m-secondary"))
                    }
                },
            ],
            ..Row::default()
        })
    });
    let columns = vec![
        (l.t("domain-name"), "name"),
        (l.t("provider"), "provider"),
        (l.t("servers"), ""),
        (l.t("transport"), ""),
        (l.t("last-check"), ""),
        (l.t("actions"), ""),
    ];
    let actions = parts::link_button("/admin/directory_domains/new", &l.t("new-domain"), "pf-m-primary");
    let noun = "directory-domains";
    listing(&http, &frame, &query, Listing { noun, topics: "event", columns, actions, bulk: None }, found)
}

fn servers(frame: &Frame, domain: &DomainView) -> String {
    let all = domain.config.servers.to_string();
    if all.is_empty() { frame.l.t("servers-srv") } else { all }
}

async fn show(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        page(&cx, &frame, id("domain", &path)?, None, &Filled::default()).await
    };
    details::answer(&http, result.await)
}

/// Looks at the directory now; with a user to try, or without.
async fn check(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, frame, mut values) = changing(&shared, &http, &body).await?;
        let domain = id::<DomainId>("domain", &path)?;
        let password = values.remove("test_password").unwrap_or_default();
        let user = values.get("test_user").cloned().unwrap_or_default();
        let password = if user.trim().is_empty() { "" } else { password.as_str() };
        let steps = domains::validate(&cx, domain, &Trial::typed(&user, password)).await?;
        page(&cx, &frame, domain, Some(steps), &Filled { values, wrong: Vec::new() }).await
    };
    details::answer(&http, result.await)
}

async fn page(
    cx: &Cx,
    frame: &Frame,
    domain: DomainId,
    tried: Option<Vec<StepReport>>,
    filled: &Filled,
) -> Result<HttpResponse, EngineError> {
    let l = frame.l;
    let d = domains::get(cx, domain).await?;
    let (base, name) = (format!("/admin/directory_domains/{domain}"), d.config.name.clone());
    let actions = html! {
        (directory_search::button(frame, &name))
        (parts::link_button(&format!("{base}/edit"), &l.t("edit"), "pf-m-secondary"))
        (parts::link_button(&format!("{base}/remove"), &l.t("remove"), "pf-m-danger"))
    };
    let content = html! {
        (parts::heading(&name, &report::state(l, d.last.as_ref()), &actions))
        @if tried.is_none() { (report::trouble(l, d.last.as_ref())) }
        div class="vireo-grid" {
            (parts::card(&l.t("general"), &parts::facts(&facts(frame, &d))))
            (parts::card(&l.t("test-result"), &test_card(frame, &d, tried.as_deref(), filled)))
            (people_of(cx, frame, &d).await?)
            (groups_of(cx, frame, &d).await?)
            (events_of(cx, frame, &name).await?)
        }
    };
    // A page with an answer to a test stays as it is.
    Ok(frame.page(&name, if tried.is_some() { "" } else { "user group event" }, &content))
}

fn facts(frame: &Frame, d: &DomainView) -> Vec<(String, Markup)> {
    let l = frame.l;
    let or = |value: &Option<String>, none: &str| value.clone().unwrap_or_else(|| l.t(none));
    vec![
        (l.t("domain-name"), text(&d.config.name)),
        (l.t("provider"), text(words::provider(l, d.config.provider))),
        (l.t("servers"), text(servers(frame, d))),
        (l.t("dns-server"), text(d.config.dns.map_or_else(|| l.t("the-systems"), |dns| dns.to_string()))),
        (l.t("transport"), text(words::transport(l, d.config.transport))),
        (l.t("ca-pem"), text(l.t(if d.config.ca_pem.is_some() { "ca-given" } else { "the-systems" }))),
        (l.t("bind-name"), text(or(&d.config.bind_name, "anonymous"))),
        (l.t("base-dn"), text(or(&d.config.base_dn, "base-dn-told"))),
        (l.t("created"), parts::time(d.created)),
        ("ID".to_owned(), text(d.id)),
    ]
}

fn test_card(frame: &Frame, d: &DomainView, tried: Option<&[StepReport]>, filled: &Filled) -> Markup {
    let l = frame.l;
    let field = |label: &str, name, hint: &str| Field { l, label: l.t(label), name, field: name, hint: l.t(hint) };
    let at = d.last.as_ref().filter(|_| tried.is_none()).map(|last| last.at);
    let steps = tried.or(d.last.as_ref().map(|last: &LastCheck| last.steps.as_slice()));
    html! {
        @if let Some(at) = at { p { (l.t("last-check")) ": " (parts::time(at)) } }
        @if let Some(steps) = steps { (report::report(l, steps)) }
        form class="pf-v6-c-form pf-m-horizontal vireo-form" method="post" action={ "/admin/directory_domains/" (d.id) "/check" } {
            (frame.csrf_field())
            (field("test-user", "test_user", "test-user-hint").input(filled, "text"))
            (field("password", "test_password", "test-password-hint").input(filled, "password"))
            div class="vireo-actions" { button class="pf-v6-c-button pf-m-secondary" type="submit" { (l.t("wizard-test")) } }
        }
    }
}

/// So many are shown; all are in the list of users.
const SHOWN: u32 = 20;

async fn people_of(cx: &Cx, frame: &Frame, d: &DomainView) -> Result<Markup, EngineError> {
    let l = frame.l;
    let search = format!("domain=\"{}\"", d.config.name);
    let query = ListQuery { search: search.clone(), max: SHOWN, ..ListQuery::default() };
    let page = users::list(cx, &query).await?;
    let lines = page.rows.iter().map(|u| {
        html! { a href={ "/admin/users/" (u.id) } { (u.user_name) } " " (u.first_name) " " (u.last_name) @if !u.active { " " (parts::label(&l.t("not-in-directory"), "pf-m-orange")) } }
    });
    let query = serde_urlencoded::to_string([("search", &search)]).unwrap_or_default();
    Ok(parts::card(
        &l.t("users"),
        &html! {
            (links(l, lines))
            @if page.total > u64::from(SHOWN) { p { a href={ "/admin/users?" (query) } { (l.t("show-all")) } " (" (page.total) ")" } }
        },
    ))
}

async fn groups_of(cx: &Cx, frame: &Frame, d: &DomainView) -> Result<Markup, EngineError> {
    let l = frame.l;
    let mut lines = Vec::new();
    for g in users::groups(cx).await?.into_iter().filter(|g| g.domain == d.config.name) {
        let held = permissions::of(cx, PrincipalId::from(g.id)).await?;
        let held = held.iter().map(|p| {
            html! { (p.role_name) " · " (l.t(&format!("object-{}", p.object_kind))) " " (p.object_name) }
        });
        lines.push(html! {
            (super::card::link("groups", g.id, &g.name)) @if !g.active { " " (parts::label(&l.t("not-in-directory"), "pf-m-orange")) } " "
            (parts::post(frame, &format!("/admin/directory_groups/{}/remove", g.id), &l.t("remove"), "pf-m-secondary"))
            (links(l, held))
        });
    }
    Ok(parts::card(&l.t("groups-with-permissions"), &links(l, lines.into_iter())))
}

async fn events_of(cx: &Cx, frame: &Frame, name: &str) -> Result<Markup, EngineError> {
    let search = format!("message=\"*{name}*\"");
    let found = events::list(cx, &ListQuery { search, max: 12, ..ListQuery::default() }, None).await?;
    let l = frame.l;
    let lines = found.rows.iter().map(|e| super::card::event_line(l, e));
    Ok(parts::card(&l.t("events"), &links(l, lines)))
}

async fn confirm(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let domain = id::<DomainId>("domain", &path)?;
        let d = domains::get(&cx, domain).await?;
        let lost = domains::belongings(&cx, domain).await?;
        let l = frame.l;
        let title = l.ta("confirm-remove-domain", &[("name", &d.config.name)]);
        let counts = [
            ("users", lost.users),
            ("groups", lost.groups),
            ("permissions", lost.permissions),
            ("sessions", lost.sessions),
        ];
        let lost = html! {
            p { (l.t("confirm-remove-domain-text")) }
            (parts::facts(&counts.map(|(key, n)| (l.t(if key == "sessions" { "open-sessions" } else { key }), text(n)))))
        };
        let back = format!("/admin/directory_domains/{domain}");
        let button = Some((format!("{back}/remove"), l.t("remove"), "pf-m-danger"));
        Ok(Question { title, text: lost, button, back, topics: "" }.page(&frame))
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
        domains::remove(&cx, id("domain", &path)?).await?;
        Ok("/admin/directory_domains".to_owned())
    })
    .await
}

async fn remove_group(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    done(&shared, &http, &body, async |cx| {
        let domain = people::remove_group(&cx, id::<GroupId>("group", &path)?).await?;
        Ok(domain.map_or_else(|| "/admin/users".to_owned(), |id| format!("/admin/directory_domains/{id}")))
    })
    .await
}
