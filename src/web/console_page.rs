//! A console's page, and what its script asks for: whether the VM runs, who else looks on, a ticket.

use super::api::fault;
use super::assets::asset;
use super::csrf;
use super::error;
use super::locale::Locale;
use super::server::Shared;
use super::told::told;
use super::ui::{Frame, Portal, layout, parts};
use super::vm_pages::{enter, vm_id};
use super::words;
use crate::auth::View;
use crate::engine::{EngineError, class, preferences, vms};
use crate::model::conflict::Conflict;
use crate::model::console::{ConsoleKind, ConsoleOf, Entry, Manner, Watcher};
use crate::model::preference::{ConsoleChoice, Preferences};
use crate::model::vm::{Display, Protocol, Refusal, VmRow, VmView};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::json;

/// What consoles' scripts ask for, for both portals.
pub fn routes(config: &mut web::ServiceConfig) {
    config.route("/console/{vm}/ticket", web::post().to(ticket)).route("/console/{vm}/state", web::get().to(state));
}

/// `GET /{portal}/vms/{id}/console`, `…/serial`
pub async fn show(shared: &Shared, http: &HttpRequest, portal: Portal, vm: &str, of: ConsoleOf) -> HttpResponse {
    let result = async {
        let (cx, frame) = enter(shared, http, portal).await?;
        let viewers = of == ConsoleOf::Screen && vms::console::viewers_allowed(&cx).await?;
        let mut chosen = preferences::get(&cx).await?;
        let asked: Option<web::Query<Asked>> = web::Query::from_query(http.query_string()).ok();
        chosen.protocol = asked.and_then(|asked| asked.protocol).unwrap_or(chosen.protocol);
        Ok::<_, EngineError>((vms::get(&cx, vm_id(vm)?).await?, frame, viewers, chosen))
    };
    match result.await {
        Ok((view, frame, viewers, chosen)) => HttpResponse::Ok()
            .content_type("text/html; charset=utf-8")
            .insert_header(("Cache-Control", "no-store"))
            .body(page(&frame, &view.row, of, &Look { viewers, chosen, ..Look::own(&frame, &view.row) }).into_string()),
        Err(e) => error::page(http, &e),
    }
}

/// What a console's address may say.
#[derive(Deserialize)]
struct Asked {
    protocol: Option<Protocol>,
}

/// By what right the console is shown, and what is around it.
struct Look {
    entry: Entry,
    title: String,
    leave: String,
    viewers: bool,
    /// There may be a teacher, who is asked for help and tells things.
    class: bool,
    chosen: Preferences,
}

impl Look {
    fn own(frame: &Frame, row: &VmRow) -> Self {
        Self {
            entry: Entry::Own,
            title: row.name.clone(),
            leave: format!("{}/vms", frame.portal.path()),
            viewers: false,
            class: row.pool.is_some(),
            chosen: Preferences::default(),
        }
    }
}

/// Several can look at such a display.
pub fn is_shared(display: Display) -> bool {
    display.has(Protocol::Vnc)
}

/// A student's console, as his teacher opens it.
pub fn of_teacher(frame: &Frame, row: &VmRow, entry: Entry, title: &str, leave: &str) -> HttpResponse {
    let look = Look {
        entry,
        title: title.to_owned(),
        leave: leave.to_owned(),
        viewers: false,
        class: false,
        chosen: Preferences::default(),
    };
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header(("Cache-Control", "no-store"))
        .body(page(frame, row, ConsoleOf::Screen, &look).into_string())
}

/// Who has a console open, for the VM's page.
pub fn watchers(l: Locale, all: &[Watcher]) -> Markup {
    html! {
        @if all.is_empty() { (l.t("console-nobody")) }
        @for one in all { p data-watcher=(one.name) { (one.name) " (" (kind_name(l, one.kind)) ", " (parts::time(one.since)) ")" } }
    }
}

fn kind_name(l: Locale, kind: ConsoleKind) -> String {
    match kind {
        ConsoleKind::Vnc | ConsoleKind::Spice => kind.as_str().to_uppercase(),
        ConsoleKind::Serial => l.t("action-serial_console"),
    }
}

fn page(frame: &Frame, row: &VmRow, of: ConsoleOf, look: &Look) -> Markup {
    let (l, kind) = (frame.l, of.kind(row.display, look.chosen.protocol));
    let name = row.name.as_str();
    let in_viewer = look.viewers && look.chosen.console == ConsoleChoice::Viewer;
    let body = html! {
        div id="console" class="vireo-console" data-vm=(row.id) data-of=(of) data-entry=(look.entry) data-full=[look.chosen.full_screen.then_some("1")] data-viewer=[in_viewer.then(|| l.t("preference-in-viewer"))] data-kind=(kind) data-protocol=(look.chosen.protocol) data-driver=(asset(&format!("console/{kind}.js")))
            data-waiting=(l.t("console-waiting")) data-connecting=(l.t("console-connecting")) data-connected=(l.t("console-connected"))
            data-lost=(l.t("console-lost")) data-again=(l.ta("console-again", &[("seconds", "{seconds}")])) data-with=(l.ta("console-with", &[("names", "{names}")]))
            data-4401=(l.t("console-4401")) data-4403=(l.t("console-4403")) data-4404=(l.t("console-4404")) data-4409=(l.t("console-4409")) data-4423=(l.t("class-screens-locked")) {
            header class="vireo-console-bar" {
                h1 { (look.title) @if of == ConsoleOf::Serial { " – " (l.t("action-serial_console")) } }
                span id="console-state" role="status" { (l.t("console-connecting")) }
                span id="console-others" role="status" {}
                span class="vireo-space" {}
                @if look.class { span id="hand" {} }
                (tools(l, kind, look))
                a class="pf-v6-c-button pf-m-link pf-m-small" href=(look.leave) { (l.t("console-leave")) }
            }
            (question(l, kind))
            @let label = if of == ConsoleOf::Screen { l.ta("console-of", &[("name", name)]) } else { l.ta("console-line-of", &[("name", name)]) };
            main id="screen" tabindex="-1" aria-label=(label) {}
            @if look.entry == Entry::Own { (locked(l)) }
        }
        @if look.class { (layout::notices(l, &format!("/user/notices?vm={}", row.id))) }
        @if kind == ConsoleKind::Serial { link rel="stylesheet" href=(asset("@xterm/xterm/css/xterm.css")); }
        script type="module" src=(asset("console.js")) {}
    };
    layout::document(l, name, &frame.csrf, &body)
}

/// Over all of the page, while the teacher has the screens locked.
fn locked(l: Locale) -> Markup {
    html! {
        div id="console-locked" class="vireo-locked" role="alert" hidden {
            h2 { (l.t("class-screens-locked")) }
            p { (l.t("class-screens-locked-hint")) }
        }
    }
}

fn tools(l: Locale, kind: ConsoleKind, look: &Look) -> Markup {
    let types = look.entry != Entry::Watch;
    let button = |id: &str, text: String| html! { button class="pf-v6-c-button pf-m-secondary pf-m-small" type="button" id=(id) { (text) } };
    html! {
        div class="vireo-console-tools" role="toolbar" aria-label=(l.t("console-toolbar")) {
            @if types && kind != ConsoleKind::Serial { (button("ctrl-alt-del", "Ctrl-Alt-Del".to_owned())) }
            @if types { (button("paste", l.t("console-paste"))) }
            @if kind != ConsoleKind::Serial { (button("shot", l.t("console-screenshot"))) }
            (button("full", l.t("console-full-screen")))
            (button("again", l.t("console-reconnect")))
            @if look.viewers { (button("viewer", l.t("console-viewer"))) }
        }
    }
}

/// Asked when somebody else has the console open.
fn question(l: Locale, kind: ConsoleKind) -> Markup {
    let button = |manner: Manner, text: String| html! { button class="pf-v6-c-button pf-m-secondary pf-m-small" type="button" data-manner=(manner) { (text) } };
    html! {
        div id="console-question" class="vireo-console-question" role="alertdialog" aria-labelledby="console-asked" hidden {
            p id="console-asked" {}
            @if kind.is_shared() { (button(Manner::Together, l.t("console-together"))) }
            (button(Manner::TakeOver, l.t("console-take-over")))
        }
    }
}

#[derive(Debug, Deserialize)]
struct Wanted {
    of: Option<ConsoleOf>,
    entry: Option<Entry>,
}

async fn ticket(shared: web::Data<Shared>, http: HttpRequest, vm: web::Path<String>, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, _) = enter(&shared, &http, Portal::User).await?;
        let fields = csrf::fields(&body);
        csrf::check(&http, &fields)?;
        let of = fields.get("of").and_then(|word| word.parse().ok()).unwrap_or(ConsoleOf::Screen);
        let manner = fields.get("manner").and_then(|word| word.parse().ok()).unwrap_or(Manner::Ask);
        let entry = fields.get("entry").and_then(|word| word.parse().ok()).unwrap_or(Entry::Own);
        let wanted = fields.get("protocol").and_then(|word| word.parse().ok());
        vms::console::ticket(&cx, vm_id(&vm)?, of, wanted, manner, entry).await
    };
    match result.await {
        Ok(issued) => HttpResponse::Ok().json(json!({ "ticket": issued.first, "channels": issued.channels })),
        Err(e) => refused(&http, &e),
    }
}

/// A refusal as a console's script reads it.
pub fn refused(http: &HttpRequest, error: &EngineError) -> HttpResponse {
    let asks = matches!(error, EngineError::Conflict(Conflict::ConsoleInUse { .. }));
    let text = words::error(Locale::of(http), error);
    HttpResponse::build(fault::status(error)).json(json!({ "error": text, "asks": asks }))
}

/// What the console page waits for.
async fn state(
    shared: web::Data<Shared>,
    http: HttpRequest,
    vm: web::Path<String>,
    wanted: web::Query<Wanted>,
) -> HttpResponse {
    let of = wanted.of.unwrap_or(ConsoleOf::Screen);
    let entry = wanted.entry.unwrap_or(Entry::Own);
    let result = async {
        let (mut cx, _) = enter(&shared, &http, Portal::User).await?;
        let vm = vm_id(&vm)?;
        if entry != Entry::Own {
            return Ok((class::seat(&cx, vm, entry).await?.0, cx.actor.user, false));
        }
        if cx.actor.is_admin {
            cx.actor.view = View::Admin;
        }
        let locked = class::locked(&cx, vm).await?;
        Ok::<_, EngineError>((vms::get(&cx, vm).await?, cx.actor.user, locked))
    };
    let (VmView { row, watchers, cannot, .. }, me, locked) = match result.await {
        Ok(found) => found,
        Err(e) => return HttpResponse::build(fault::status(&e)).finish(),
    };
    let l = Locale::of(&http);
    let mut others: Vec<_> = watchers
        .iter()
        .filter(|w| w.kind.of() == of && w.user != me && w.entry == Entry::Own)
        .map(|w| &w.name)
        .collect();
    others.dedup();
    let refused = cannot.iter().find(|(action, why)| *action == of.action() && *why == Refusal::NotPermitted);
    HttpResponse::Ok().json(json!({
        "refused": refused.map(|(_, why)| words::refusal(l, why)),
        "status": row.status.as_str(),
        "text": l.t(&format!("status-{}", row.status)),
        "console": row.can.contains(&of.action()) && !locked,
        "locked": locked,
        "others": others,
        "reason": told(l, &row.status_reason),
    }))
}
