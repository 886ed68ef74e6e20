//! "Why may somebody do something here?": a person and an action are picked; the answer names each chain, or what would make it possible.

use super::{holder, link_to};
use crate::engine::permissions::why as engine;
use crate::engine::{Cx, EngineError, permissions};
use crate::model::ids::{EVERYONE, PrincipalId, SYSTEM};
use crate::model::permission::{Chain, ObjectKind, Place, Principal, Why};
use crate::model::permit_tree::TREE;
use crate::model::role::Action;
use crate::web::admin::{admin, details, id};
use crate::web::server::Shared;
use crate::web::ui::{Frame, parts};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

/// So many are offered where a name fits several.
const OFFERED: u32 = 20;

/// What is asked.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Question {
    kind: String,
    /// The object's id; or its name in `name`.
    object: String,
    name: String,
    /// A user's or group's id, or a part of the name.
    who: String,
    action: String,
}

/// `GET /admin/permissions/why`
pub async fn page(shared: web::Data<Shared>, http: HttpRequest, asked: web::Query<Question>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let l = frame.l;
        let places = objects(&cx, &asked).await?;
        let people = people(&cx, &asked.who).await?;
        let action = if asked.action.is_empty() { None } else { Some(id::<Action>("action", &asked.action)?) };
        let title = match places.as_slice() {
            [place] => {
                let kind = l.t(&format!("object-{}", place.kind));
                l.ta("why-title-on", &[("kind", &kind), ("name", &place.name)])
            }
            _ => l.t("why-title"),
        };
        let answer = match (places.as_slice(), people.as_slice(), action) {
            ([place], [person], Some(action)) => {
                let why = engine::why(&cx, person.id, action, place.object).await?;
                told(&frame, person, action, place, &why)
            }
            _ => unclear(&frame, &asked, &places, &people),
        };
        let content = html! {
            (parts::heading(&title, &html! {}, &html! {}))
            (form(&frame, &asked, &places, &people))
            (answer)
        };
        Ok::<_, EngineError>(frame.page(&title, "", &content))
    };
    details::answer(&http, result.await)
}

/// The object that is meant: by its id, or those of that name.
async fn objects(cx: &Cx, asked: &Question) -> Result<Vec<Place>, EngineError> {
    let kind: ObjectKind = match asked.kind.as_str() {
        "" => return Ok(Vec::new()),
        word => id("object kind", word)?,
    };
    if kind == ObjectKind::System {
        return Ok(vec![permissions::place(cx, kind, SYSTEM).await?]);
    }
    if asked.object.is_empty() {
        return permissions::named_places(cx, kind, &asked.name).await;
    }
    Ok(vec![permissions::place(cx, kind, id("object", &asked.object)?).await?])
}

/// Who is meant: by id, by just this name, or all with it in their names.
async fn people(cx: &Cx, who: &str) -> Result<Vec<Principal>, EngineError> {
    if who.trim().is_empty() {
        return Ok(Vec::new());
    }
    if let Ok(id) = who.trim().parse::<PrincipalId>() {
        return Ok(vec![permissions::principal(cx, id).await?]);
    }
    let mut found = permissions::search(cx, who, OFFERED).await?;
    if found.first().is_some_and(|p| p.name.eq_ignore_ascii_case(who.trim())) {
        found.truncate(1);
    }
    Ok(found)
}

fn form(frame: &Frame, asked: &Question, places: &[Place], people: &[Principal]) -> Markup {
    let l = frame.l;
    let who = if let [one] = people { one.name.as_str() } else { asked.who.as_str() };
    let row = |name: &str, label: String, control: Markup| {
        html! {
            div class="pf-v6-c-form__group" {
                div class="pf-v6-c-form__group-label" { label class="pf-v6-c-form__label" for=(name) { span class="pf-v6-c-form__label-text" { (label) } } }
                div class="pf-v6-c-form__group-control" { (control) }
            }
        }
    };
    let kinds = html! {
        select class="vireo-input" id="kind" name="kind" {
            @for kind in ObjectKind::ALL { option value=(kind) selected[kind.as_str() == asked.kind] { (l.t(&format!("object-{kind}"))) } }
        }
    };
    html! {
        form class="pf-v6-c-form pf-m-horizontal vireo-form" method="get" {
            @if let ([place], true) = (places, asked.name.is_empty()) {
                input type="hidden" name="kind" value=(place.kind);
                input type="hidden" name="object" value=(place.object);
            } @else {
                (row("kind", l.t("why-kind"), kinds))
                (row("name", l.t("why-object"), html! { input class="vireo-input" id="name" name="name" value=(asked.name); }))
            }
            (row("who", l.t("why-who"), html! { input class="vireo-input" type="search" id="who" name="who" value=(who) required; }))
            (row("action", l.t("why-action"), actions(frame, &asked.action)))
            div class="vireo-actions" { button class="pf-v6-c-button pf-m-primary" type="submit" { (l.t("why-ask")) } }
        }
    }
}

fn actions(frame: &Frame, chosen: &str) -> Markup {
    let l = frame.l;
    html! {
        select class="vireo-input" id="action" name="action" {
            @for (branch, parts) in TREE {
                optgroup label=(l.t(&format!("permits-{branch}"))) {
                    @for action in parts.iter().flat_map(|(_, actions)| actions.iter()) {
                        option value=(action) selected[action.as_str() == chosen] { (l.t(&format!("permit-{action}"))) }
                    }
                }
            }
        }
    }
}

/// The question again, with one thing in it made clear.
fn again(asked: &Question, clear: impl FnOnce(&mut Question)) -> String {
    let mut question = asked.clone();
    clear(&mut question);
    format!("/admin/permissions/why?{}", serde_urlencoded::to_string(&question).unwrap_or_default())
}

/// Something is missing, or fits several.
fn unclear(frame: &Frame, asked: &Question, places: &[Place], people: &[Principal]) -> Markup {
    let l = frame.l;
    html! {
        @if !asked.name.is_empty() && places.is_empty() { (parts::alert("warning", &l.t("why-no-object"))) }
        @if places.len() > 1 {
            p { (l.t("why-several")) }
            ul class="pf-v6-c-list" { @for p in places { li { a href=(again(asked, |q| { q.object = p.object.to_string(); q.name = String::new(); })) { (p.name) " (" (p.object) ")" } } } }
        }
        @if !asked.who.trim().is_empty() && people.is_empty() { (parts::alert("warning", &l.t("nobody-found"))) }
        @if people.len() > 1 {
            p { (l.t("why-several")) }
            ul class="pf-v6-c-list" { @for p in people { li { a href=(again(asked, |q| q.who = p.id.to_string())) { (p.name) } @if p.is_group { " (" (l.t("group")) ")" } } } }
        }
    }
}

fn told(frame: &Frame, person: &Principal, action: Action, place: &Place, why: &Why) -> Markup {
    let l = frame.l;
    let kind = l.t(&format!("object-{}", place.kind));
    let verb = l.t(&format!("permit-{action}"));
    let values = [("who", person.name.as_str()), ("action", &verb), ("kind", &kind), ("name", &place.name)];
    html! {
        @if !person.active { (parts::alert("warning", &l.t("why-inactive"))) }
        @if why.chains.is_empty() {
            (parts::alert("info", &l.ta("why-no", &values)))
            (parts::card(&l.t("why-remedy"), &remedy(frame, why)))
        } @else {
            (parts::alert("success", &l.ta("why-yes", &values)))
            (parts::card(&l.t("why-since"), &html! { ul class="pf-v6-c-list" { @for chain in &why.chains { li { (chain_line(frame, chain)) } } } }))
        }
    }
}

/// "UserRole on Cluster Default (staff@internal): he is in a, b."
fn chain_line(frame: &Frame, chain: &Chain) -> Markup {
    let l = frame.l;
    let p = &chain.permission;
    let place = Place { object: p.object, kind: p.object_kind, name: p.object_name.clone() };
    html! {
        a href={ "/admin/roles/" (p.role) } { (p.role_name) } " ← " (link_to(l, &place)) " ← " (holder(p.principal, &p.principal_name, p.is_group))
        @if p.principal == EVERYONE.into() { " – " (l.t("why-chain-everyone")) }
        @else if chain.groups.is_empty() { " – " (l.t("why-chain-self")) }
        @for way in &chain.groups { br; (l.ta("why-chain-groups", &[("groups", &way.join(" → "))])) }
    }
}

fn remedy(frame: &Frame, why: &Why) -> Markup {
    let l = frame.l;
    html! {
        ul class="pf-v6-c-list" {
            @for (id, name, admin) in &why.roles {
                li { a href={ "/admin/roles/" (id) } { (name) } @if *admin { " (" (l.t("admin-permit-mark")) ")" } }
            }
        }
        p { (l.t("why-remedy-where")) }
        ul class="pf-v6-c-list" { @for place in &why.places { li { (link_to(l, place)) } } }
        @if !why.groups.is_empty() {
            p { (l.t("why-remedy-groups")) }
            ul class="pf-v6-c-list" { @for group in &why.groups { li { (group) } } }
        }
    }
}
