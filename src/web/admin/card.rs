//! What every detail page is made of: facts, cards of its own, permissions.

use super::permissions;
use crate::engine::{Cx, EngineError, events};
use crate::model::event::EventView;
use crate::model::ids::ObjectId;
use crate::model::permission::ObjectKind;
use crate::web::locale::Locale;
use crate::web::ui::{Frame, parts};
use actix_web::HttpResponse;
use maud::{Markup, html};

/// How many events a detail page shows; the rest is in the list of events.
const EVENTS: u32 = 12;

/// A detail page's own part.
#[derive(Default)]
pub struct Detail {
    pub title: String,
    pub state: Option<&'static str>,
    pub actions: Markup,
    /// Above all: what a person must know first.
    pub notice: Markup,
    pub facts: Vec<(String, Markup)>,
    pub cards: Vec<Markup>,
}

/// The page: with the permissions on the object added.
pub async fn show(
    cx: &Cx,
    frame: &Frame,
    detail: Detail,
    topics: &str,
    kind: ObjectKind,
    object: ObjectId,
) -> Result<HttpResponse, EngineError> {
    let l = frame.l;
    let permissions = permissions::card(cx, frame, kind, object).await?;
    let state = html! { @if let Some(word) = detail.state { (parts::status(l, word)) } };
    let content = html! {
        (parts::heading(&detail.title, &state, &detail.actions))
        (detail.notice)
        div class="vireo-grid" {
            (parts::card(&l.t("general"), &parts::facts(&detail.facts)))
            @for card in &detail.cards { (card) }
            div class="vireo-wide" { (permissions) }
        }
    };
    Ok(frame.page(&detail.title, topics, &content))
}

/// The newest events about an object.
pub async fn events_of(cx: &Cx, l: Locale, object: ObjectId) -> Result<Markup, EngineError> {
    let found = events::about(cx, object, EVENTS).await?;
    Ok(parts::card(&l.t("events"), &links(l, found.iter().map(|e| event_line(l, e)))))
}

/// An event in a line.
pub fn event_line(l: Locale, e: &EventView) -> Markup {
    html! { (parts::time(e.time)) " " (super::catalog::severity(l, e.severity)) " " a href={ "/admin/events/" (e.id) } { (super::catalog::event_text(l, e)) } }
}

/// Where a thing's own page is.
pub fn link(noun: &str, id: impl ToString, name: &str) -> Markup {
    html! { a href={ "/admin/" (noun) "/" (id.to_string()) } { (name) } }
}

/// A plain list; says so when it is empty.
pub fn links(l: Locale, items: impl Iterator<Item = Markup>) -> Markup {
    let items: Vec<Markup> = items.collect();
    html! {
        @if items.is_empty() { (l.t("none")) } @else { ul class="pf-v6-c-list pf-m-plain" role="list" { @for item in &items { li { (item) } } } }
    }
}

/// Any value as it is.
pub fn text(value: impl ToString) -> Markup {
    let value = value.to_string();
    html! { (value) }
}
