//! What both portals show of a VM: its buttons, its console, its screen.

use super::assets::asset;
use super::csrf;
use super::error;
use super::locale::Locale;
use super::request;
use super::server::Shared;
use super::sign_in::to;
use super::ui::{Frame, Portal, layout, parts};
use super::words;
use crate::auth::View;
use crate::engine::{Cx, EngineError, permissions, vms};
use crate::model::ids::{JobId, VmId};
use crate::model::vm::{VmAction, VmRow};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use serde_json::json;

/// Console tickets, for both portals.
pub fn routes(config: &mut web::ServiceConfig) {
    config.route("/console/{vm}/ticket", web::post().to(ticket)).route("/console/{vm}/state", web::get().to(state));
}

/// The view a portal's pages have.
pub const fn view_of(portal: Portal) -> View {
    match portal {
        Portal::Admin => View::Admin,
        Portal::User => View::User,
    }
}

/// A portal's caller and frame.
///
/// # Errors
/// Not signed in, or no administrator.
pub async fn enter(shared: &Shared, http: &HttpRequest, portal: Portal) -> Result<(Cx, Frame), EngineError> {
    let cx = request::signed_in(shared, http, view_of(portal)).await?;
    let mut frame = Frame::new(http, portal, &cx.actor);
    if portal == Portal::Admin {
        frame.sections = permissions::may::sections(&cx).await?;
    }
    Ok((cx, frame))
}

/// What can be done to a VM, in the order people look for it. Those that end something are confirmed first.
const BUTTONS: [VmAction; 6] =
    [VmAction::Run, VmAction::Console, VmAction::Shutdown, VmAction::Reboot, VmAction::Suspend, VmAction::PowerOff];

/// The buttons of a VM: those it can take now.
pub fn buttons(frame: &Frame, row: &VmRow) -> Markup {
    let l = frame.l;
    let base = format!("{}/vms/{}", frame.portal.path(), row.id);
    html! {
        span class="vireo-buttons" {
            @for action in BUTTONS.into_iter().filter(|a| row.can.contains(a)) {
                @let text = l.t(&format!("action-{action}"));
                @match action {
                    VmAction::Console => (console_link(&base, row, &text)),
                    VmAction::PowerOff => (parts::link_button(&format!("{base}/confirm/stop"), &text, "pf-m-danger")),
                    VmAction::Shutdown if row.pool.is_some() && row.stateless => (parts::link_button(&format!("{base}/confirm/shutdown"), &text, "pf-m-secondary")),
                    VmAction::Run => (parts::post(frame, &format!("{base}/{action}"), &text, "pf-m-primary")),
                    _ => (parts::post(frame, &format!("{base}/{action}"), &text, "pf-m-secondary")),
                }
            }
        }
    }
}

fn console_link(base: &str, row: &VmRow, text: &str) -> Markup {
    html! { a class="pf-v6-c-button pf-m-small pf-m-primary" href={ (base) "/console" } target={ "console-" (row.id) } { span class="pf-v6-c-button__text" { (text) } } }
}

fn vm_id(text: &str) -> Result<VmId, EngineError> {
    text.parse().map_err(|_| EngineError::NotFound { kind: "VM", id: text.chars().take(64).collect() })
}

/// What a button's word asks for.
///
/// # Errors
/// Refused, hidden, no such action, or the database failed.
pub async fn perform(cx: &Cx, vm: VmId, action: &str) -> Result<JobId, EngineError> {
    match action {
        "start" => vms::start(cx, vm).await,
        "stop" => vms::stop(cx, vm).await,
        "shutdown" => vms::shutdown(cx, vm).await,
        "reboot" => vms::reboot(cx, vm).await,
        "suspend" => vms::suspend(cx, vm).await,
        _ => Err(EngineError::NotFound { kind: "action", id: action.chars().take(64).collect() }),
    }
}

/// `POST /{portal}/vms/{id}/{action}`
pub async fn act(
    shared: &Shared,
    http: &HttpRequest,
    portal: Portal,
    vm: &str,
    action: &str,
    body: &[u8],
) -> HttpResponse {
    let result = async {
        let (cx, _) = enter(shared, http, portal).await?;
        csrf::check(http, &csrf::fields(body))?;
        perform(&cx, vm_id(vm)?, action).await
    };
    match result.await {
        Ok(_) => to(&back(http, portal)),
        Err(e) => error::page(http, &e),
    }
}

/// To the page the button stood on, if it is one of ours and no confirmation.
fn back(http: &HttpRequest, portal: Portal) -> String {
    let referer = http.headers().get("referer").and_then(|v| v.to_str().ok()).unwrap_or_default();
    let path = referer.split_once("://").and_then(|(_, r)| r.find('/').and_then(|at| r.get(at..))).unwrap_or_default();
    if path.starts_with(portal.path()) && !path.contains("/confirm/") {
        path.to_owned()
    } else {
        format!("{}/vms", portal.path())
    }
}

/// `GET /{portal}/vms/{id}/confirm/{action}`: names what will be lost.
pub async fn confirm(shared: &Shared, http: &HttpRequest, portal: Portal, vm: &str, action: &str) -> HttpResponse {
    let result = async {
        let (cx, frame) = enter(shared, http, portal).await?;
        Ok::<_, EngineError>((vms::get(&cx, vm_id(vm)?).await?, frame))
    };
    let (view, frame) = match result.await {
        Ok(found) => found,
        Err(e) => return error::page(http, &e),
    };
    let (l, row) = (frame.l, &view.row);
    let name = row.name.as_str();
    let (title, text) = match action {
        "stop" => (l.ta("confirm-stop", &[("name", name)]), l.t("confirm-stop-text")),
        "shutdown" => (l.ta("confirm-shutdown", &[("name", name)]), String::new()),
        _ => return error::no_such_page(http.clone()).await,
    };
    let lost = row.stateless.then(|| l.t("confirm-stateless"));
    let base = format!("{}/vms", portal.path());
    let content = html! {
        (parts::heading(&title, &html! {}, &html! {}))
        @if !text.is_empty() { p { (text) } }
        @if let Some(lost) = lost { (parts::alert("warning", &lost)) }
        div class="vireo-actions" {
            (parts::post(&frame, &format!("{base}/{}/{action}", row.id), &title, "pf-m-danger"))
            (parts::link_button(&base, &l.t("cancel"), "pf-m-link"))
        }
    };
    frame.page(&title, "", &content)
}

/// `GET /{portal}/vms/{id}/console`
pub async fn console(shared: &Shared, http: &HttpRequest, portal: Portal, vm: &str) -> HttpResponse {
    let result = async {
        let (cx, frame) = enter(shared, http, portal).await?;
        Ok::<_, EngineError>((vms::get(&cx, vm_id(vm)?).await?, frame))
    };
    match result.await {
        Ok((view, frame)) => HttpResponse::Ok()
            .content_type("text/html; charset=utf-8")
            .insert_header(("Cache-Control", "no-store"))
            .body(console_page(&frame, &view.row).into_string()),
        Err(e) => error::page(http, &e),
    }
}

fn console_page(frame: &Frame, row: &VmRow) -> Markup {
    let l = frame.l;
    let button = |id: &str, key: String| html! { button class="pf-v6-c-button pf-m-secondary pf-m-small" type="button" id=(id) { (key) } };
    let body = html! {
        div id="console" class="vireo-console" data-vm=(row.id) data-rfb=(asset("@novnc/novnc/core/rfb.js"))
            data-waiting=(l.t("console-waiting")) data-connecting=(l.t("console-connecting")) data-connected=(l.t("console-connected"))
            data-lost=(l.t("console-lost")) data-4401=(l.t("console-4401")) data-4403=(l.t("console-4403")) data-4404=(l.t("console-4404")) {
            header class="vireo-console-bar" {
                h1 { (row.name) }
                span id="console-state" role="status" { (l.t("console-connecting")) }
                span class="vireo-space" {}
                div class="vireo-console-tools" role="toolbar" aria-label=(l.t("console-toolbar")) {
                    (button("ctrl-alt-del", "Ctrl-Alt-Del".to_owned()))
                    (button("paste", l.t("console-paste")))
                    (button("shot", l.t("console-screenshot")))
                    (button("full", l.t("console-full-screen")))
                    (button("again", l.t("console-reconnect")))
                }
                a class="pf-v6-c-button pf-m-link pf-m-small" href={ (frame.portal.path()) "/vms" } { (l.t("console-leave")) }
            }
            main id="screen" tabindex="-1" aria-label=(l.ta("console-of", &[("name", row.name.as_str())])) {}
        }
        script type="module" src=(asset("console.js")) {}
    };
    layout::document(l, &row.name, &frame.csrf, &body)
}

async fn ticket(shared: web::Data<Shared>, http: HttpRequest, vm: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, _) = enter(&shared, &http, Portal::User).await?;
        csrf::check(&http, &csrf::fields(b""))?;
        vms::console::ticket(&cx, vm_id(&vm)?).await
    };
    match result.await {
        Ok(ticket) => HttpResponse::Ok().json(json!({ "ticket": ticket })),
        Err(e) => {
            let text = words::error(Locale::of(&http), &e);
            HttpResponse::build(super::api::fault::status(&e)).json(json!({ "error": text }))
        }
    }
}

/// What the console page waits for.
async fn state(shared: web::Data<Shared>, http: HttpRequest, vm: web::Path<String>) -> HttpResponse {
    let result = async {
        let (mut cx, _) = enter(&shared, &http, Portal::User).await?;
        if cx.actor.is_admin {
            cx.actor.view = View::Admin;
        }
        vms::get(&cx, vm_id(&vm)?).await
    };
    match result.await {
        Ok(view) => {
            let l = Locale::of(&http);
            let status = view.row.status;
            HttpResponse::Ok().json(json!({
                "status": status.as_str(),
                "text": l.t(&format!("status-{status}")),
                "console": view.row.can.contains(&VmAction::Console),
                "reason": super::told::told(l, &view.row.status_reason),
            }))
        }
        Err(e) => HttpResponse::build(super::api::fault::status(&e)).finish(),
    }
}

/// `GET /{portal}/vms/{id}/screenshot.png`: not sent again while it shows the same.
pub async fn screenshot(shared: &Shared, http: &HttpRequest, portal: Portal, vm: &str) -> HttpResponse {
    let result = async {
        let cx = request::signed_in(shared, http, view_of(portal)).await?;
        vms::screenshot(&cx, vm_id(vm)?).await
    };
    let screen = match result.await {
        Ok(screen) => screen,
        Err(e) => return HttpResponse::build(super::api::fault::status(&e)).finish(),
    };
    let tag = format!("\"{:x}\"", screen.tag);
    let known = http.headers().get("if-none-match").and_then(|v| v.to_str().ok());
    let headers = [("Cache-Control", "private, no-cache".to_owned()), ("ETag", tag.clone())];
    let mut answer = if known == Some(tag.as_str()) { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    for header in headers {
        answer.insert_header(header);
    }
    if known == Some(tag.as_str()) { answer.finish() } else { answer.content_type("image/png").body(screen.image) }
}

/// A guest's screen, live; it leads to the console.
pub fn screen(frame: &Frame, row: &VmRow) -> Markup {
    let base = format!("{}/vms/{}", frame.portal.path(), row.id);
    let label = frame.l.ta("console-of", &[("name", row.name.as_str())]);
    html! {
        a class="vireo-screen" href={ (base) "/console" } target={ "console-" (row.id) } {
            canvas data-screen={ (base) "/screenshot.png" } role="img" aria-label=(label) {}
        }
    }
}
