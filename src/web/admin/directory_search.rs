//! People and groups of a directory are looked for and taken in; with an object, each of them gets a role on it. They need not ever have
//! signed in.

use super::{admin, details, id};
use crate::engine::domains::people::{self, Picked};
use crate::engine::permissions::{self, may};
use crate::engine::{Cx, EngineError};
use crate::model::ids::{ObjectId, SYSTEM};
use crate::model::permission::{ObjectKind, Place};
use crate::model::role::USER_ROLE;
use crate::web::csrf;
use crate::web::server::Shared;
use crate::web::sign_in::{local, to};
use crate::web::ui::form::{Choice, Field, Filled};
use crate::web::ui::{Frame, parts};
use crate::web::words;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use serde::Deserialize;

/// `/admin/directory_search`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/directory_search", web::get().to(search))
        .route("/admin/directory_search", web::post().to(take));
}

/// A link to the search in a domain.
pub fn button(frame: &Frame, domain: &str) -> Markup {
    let query = [("domain", domain), ("back", &frame.here)];
    link(frame, &query, "pf-m-primary")
}

/// A link to the search for somebody to give a role on an object; nothing where there is no directory.
pub fn for_object(cx: &Cx, frame: &Frame, place: &Place, back: &str) -> Markup {
    if cx.engine.directories.names().is_empty() {
        return html! {};
    }
    let (kind, object) = (place.kind.to_string(), place.object.to_string());
    link(frame, &[("kind", &kind), ("object", &object), ("back", back)], "pf-m-secondary")
}

/// A link to the search for people to take in; nothing where there is no directory.
pub fn for_users(cx: &Cx, frame: &Frame) -> Markup {
    if cx.engine.directories.names().is_empty() {
        return html! {};
    }
    link(frame, &[("back", "/admin/users")], "pf-m-secondary")
}

fn link(frame: &Frame, query: &[(&str, &str)], class: &str) -> Markup {
    let query = serde_urlencoded::to_string(query).unwrap_or_default();
    parts::link_button(&format!("/admin/directory_search?{query}"), &frame.l.t("search-directory"), class)
}

/// What is looked for, and for what.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Wanted {
    domain: String,
    /// `groups`, or else people.
    what: String,
    /// None: nothing was looked for yet.
    words: Option<String>,
    kind: String,
    object: String,
    role: String,
    back: String,
}

impl Wanted {
    /// What they get a role on; None: they are taken in, no more.
    fn on(&self) -> Result<Option<(ObjectKind, ObjectId)>, EngineError> {
        if self.object.is_empty() {
            return Ok(None);
        }
        Ok(Some((id("object kind", &self.kind)?, id("object", &self.object)?)))
    }

    fn back(&self) -> &str {
        match local(&self.back) {
            "/" => "/admin/users",
            path => path,
        }
    }

    fn groups(&self) -> bool {
        self.what == "groups"
    }
}

/// Somebody who was found.
struct Hit {
    pick: String,
    name: String,
    login: String,
    more: String,
}

async fn search(shared: web::Data<Shared>, http: HttpRequest, query: web::Query<Wanted>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        page(&cx, &frame, &query, None).await
    };
    details::answer(&http, result.await)
}

async fn take(shared: web::Data<Shared>, http: HttpRequest, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        csrf::check(&http, &csrf::fields(&body))?;
        let all: Vec<(String, String)> = serde_urlencoded::from_bytes(&body).unwrap_or_default();
        let get = |name: &str| all.iter().find(|(k, _)| k == name).map(|(_, v)| v.clone());
        let text = |name: &str| get(name).unwrap_or_default();
        let wanted = Wanted {
            domain: text("domain"),
            what: text("what"),
            words: get("words"),
            kind: text("kind"),
            object: text("object"),
            role: text("role"),
            back: text("back"),
        };
        let picked: Vec<String> = all.into_iter().filter(|(k, _)| k == "pick").map(|(_, v)| v).collect();
        let picked = if wanted.groups() {
            Picked { groups: picked, ..Picked::default() }
        } else {
            Picked { people: picked, ..Picked::default() }
        };
        let done = match wanted.on()? {
            Some((kind, object)) => {
                let role = id("role", &wanted.role)?;
                people::give(&cx, &wanted.domain, &picked, role, kind, object).await
            }
            None => people::keep(&cx, &wanted.domain, &picked, SYSTEM).await,
        };
        match done {
            Ok(_) => Ok(to(wanted.back())),
            Err(error @ (EngineError::Invalid(_) | EngineError::Conflict(_) | EngineError::Directory(_))) => {
                let told = words::error(frame.l, &error);
                page(&cx, &frame, &wanted, Some(told)).await
            }
            Err(other) => Err(other),
        }
    };
    details::answer(&http, result.await)
}

async fn page(cx: &Cx, frame: &Frame, wanted: &Wanted, told: Option<String>) -> Result<HttpResponse, EngineError> {
    let l = frame.l;
    let found = match &wanted.words {
        Some(words) => hits(cx, wanted, words).await.map(Some),
        None => Ok(None),
    };
    let (found, told) = match found {
        Ok(found) => (found, told),
        // The form stays, and says why.
        Err(error @ (EngineError::Invalid(_) | EngineError::Directory(_))) => (None, Some(words::error(l, &error))),
        Err(other) => return Err(other),
    };
    let mut roles = Vec::new();
    if wanted.on()?.is_some() {
        let super_user = may::makes(cx).await?.super_user;
        let all = permissions::roles(cx).await?.into_iter().filter(|r| super_user || !r.admin);
        roles.extend(all.map(|r| Choice::new(r.id, r.name)));
    }
    let title = l.t(if roles.is_empty() { "search-directory" } else { "search-directory-role" });
    let content = html! {
        (parts::heading(&title, &html! {}, &parts::link_button(wanted.back(), &l.t("go-back"), "pf-m-link")))
        @if let Some(told) = &told { (parts::alert("danger", told)) }
        @if cx.engine.directories.names().is_empty() { (super::kerberos::no_domain(frame)) } @else { (form(cx, frame, wanted)) }
        @if let Some((hits, more)) = &found {
            @if hits.is_empty() { (parts::empty(&l.t("nothing-found"), &l.t("nobody-found-hint"), &html! {})) }
            @else { (results(frame, wanted, hits, *more, &roles)) }
        }
    };
    Ok(frame.page(&title, "", &content))
}

/// Who was found, and whether there are more.
async fn hits(cx: &Cx, wanted: &Wanted, words: &str) -> Result<(Vec<Hit>, bool), EngineError> {
    let object = wanted.on()?.map_or(SYSTEM, |(_, object)| object);
    if wanted.groups() {
        let found = people::find_groups(cx, &wanted.domain, words, object).await?;
        let hit = |g: crate::model::directory::DirectoryGroup| Hit {
            pick: g.external_id,
            name: g.name,
            login: String::new(),
            more: g.description,
        };
        return Ok((found.rows.into_iter().map(hit).collect(), found.more));
    }
    let found = people::find_people(cx, &wanted.domain, words, object).await?;
    let hit = |p: crate::model::directory::Person| Hit {
        name: format!("{} {}", p.first_name, p.last_name).trim().to_owned(),
        more: [p.email, p.department, p.title].into_iter().filter(|t| !t.is_empty()).collect::<Vec<_>>().join(" · "),
        pick: p.external_id,
        login: p.user_name,
    };
    Ok((found.rows.into_iter().map(hit).collect(), found.more))
}

fn hidden(wanted: &Wanted) -> Markup {
    html! {
        input type="hidden" name="kind" value=(wanted.kind);
        input type="hidden" name="object" value=(wanted.object);
        input type="hidden" name="back" value=(wanted.back);
    }
}

fn form(cx: &Cx, frame: &Frame, wanted: &Wanted) -> Markup {
    let l = frame.l;
    let words = wanted.words.clone().unwrap_or_default();
    html! {
        form class="vireo-search" method="get" action="/admin/directory_search" role="search" {
            (hidden(wanted))
            select class="vireo-input" name="domain" id="domain" aria-label=(l.t("domain-name")) {
                @for name in cx.engine.directories.names() { option value=(name) selected[name == wanted.domain] { (name) } }
            }
            select class="vireo-input" name="what" id="what" aria-label=(l.t("users-or-groups")) {
                option value="people" selected[!wanted.groups()] { (l.t("users")) }
                option value="groups" selected[wanted.groups()] { (l.t("groups")) }
            }
            input class="vireo-input" type="search" name="words" id="words" value=(words) maxlength="255" placeholder=(l.t("beginning-of-name")) aria-label=(l.t("beginning-of-name")) autofocus[words.is_empty()];
            button class="pf-v6-c-button pf-m-secondary pf-m-small" type="submit" { (l.t("search")) }
        }
    }
}

fn results(frame: &Frame, wanted: &Wanted, hits: &[Hit], more: bool, roles: &[Choice]) -> Markup {
    let l = frame.l;
    let role = Field { l, label: l.t("role"), name: "role", field: "role", hint: String::new() };
    let chosen = if wanted.role.is_empty() { USER_ROLE.to_string() } else { wanted.role.clone() };
    let filled = Filled { values: [("role".to_owned(), chosen)].into(), wrong: Vec::new() };
    html! {
        @if more { (parts::alert("info", &l.t("more-found"))) }
        form id="bulk" method="post" action="/admin/directory_search" {
            (frame.csrf_field())
            (hidden(wanted))
            input type="hidden" name="domain" value=(wanted.domain);
            input type="hidden" name="what" value=(wanted.what);
            input type="hidden" name="words" value=(wanted.words.clone().unwrap_or_default());
            div class="vireo-scroll" tabindex="0" role="region" aria-label=(l.t("found-people")) {
                table class="pf-v6-c-table pf-m-compact pf-m-grid-md" aria-label=(l.t("found-people")) {
                    thead class="pf-v6-c-table__thead" { tr class="pf-v6-c-table__tr" {
                        th class="pf-v6-c-table__th vireo-pick" scope="col" data-all=(l.t("pick-all")) { span class="pf-v6-screen-reader" { (l.t("pick")) } }
                        th class="pf-v6-c-table__th" scope="col" { (l.t("name")) }
                        @if !wanted.groups() { th class="pf-v6-c-table__th" scope="col" { (l.t("user-name")) } }
                        th class="pf-v6-c-table__th" scope="col" { (l.t("description")) }
                    } }
                    tbody class="pf-v6-c-table__tbody" { @for hit in hits { (row(frame, wanted, hit)) } }
                }
            }
            div class="pf-v6-c-form vireo-form" {
                @if !roles.is_empty() { (role.choose(&filled, roles)) }
                div class="vireo-actions" {
                    span class="vireo-picked" role="status" data-some=(l.t("picked-count")) data-none=(l.t("picked-none")) { (l.t("picked-none")) }
                    button class="pf-v6-c-button pf-m-primary" type="submit" { (l.t(if roles.is_empty() { "take-in" } else { "give-role" })) }
                    a class="pf-v6-c-button pf-m-link" href=(wanted.back()) { (l.t("cancel")) }
                }
            }
        }
    }
}

fn row(frame: &Frame, wanted: &Wanted, hit: &Hit) -> Markup {
    let l = frame.l;
    let name = if hit.name.is_empty() { &hit.login } else { &hit.name };
    html! {
        tr class="pf-v6-c-table__tr" {
            td class="pf-v6-c-table__td vireo-pick" { input type="checkbox" form="bulk" name="pick" value=(hit.pick) aria-label=(l.ta("pick-one", &[("name", name)])); }
            td class="pf-v6-c-table__td" data-label=(l.t("name")) { (name) }
            @if !wanted.groups() { td class="pf-v6-c-table__td" data-label=(l.t("user-name")) { (hit.login) "@" (wanted.domain) } }
            td class="pf-v6-c-table__td" data-label=(l.t("description")) { (hit.more) }
        }
    }
}
