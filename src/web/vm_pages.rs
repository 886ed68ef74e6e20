//! What both portals show of a VM: its buttons, its screen.

use super::csrf;
use super::error;
use super::request;
use super::server::Shared;
use super::sign_in::to;
use super::ui::{Frame, Portal, parts};
use crate::auth::View;
use crate::engine::{Cx, EngineError, class, permissions, vms};
use crate::model::ids::{JobId, VmId};
use crate::model::vm::{Display, Protocol, VmAction, VmRow};
use actix_web::{HttpRequest, HttpResponse};
use maud::{Markup, html};
use std::collections::HashMap;

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
    } else if http.method().is_safe() && !frame.fragment {
        frame.teaches = class::teaches(&cx).await?;
    }
    Ok((cx, frame))
}

/// The same, by the portal that the address names.
///
/// # Errors
/// Not signed in, or no administrator.
pub async fn entered(shared: &Shared, http: &HttpRequest) -> Result<(Cx, Frame), EngineError> {
    let own = |portal: &Portal| http.path().starts_with(portal.path());
    enter(shared, http, Some(Portal::User).filter(own).unwrap_or(Portal::Admin)).await
}

/// Who changes something, with the form's fields.
///
/// # Errors
/// Not signed in, no administrator, or the form is another site's.
pub async fn changing(
    shared: &Shared,
    http: &HttpRequest,
    body: &[u8],
) -> Result<(Cx, Frame, HashMap<String, String>), EngineError> {
    let (cx, frame) = entered(shared, http).await?;
    let fields = csrf::fields(body);
    csrf::check(http, &fields)?;
    Ok((cx, frame, fields))
}

/// An id of a path; what is none cannot exist.
///
/// # Errors
/// It is none.
pub fn id<T: std::str::FromStr>(kind: &'static str, text: &str) -> Result<T, EngineError> {
    text.parse().map_err(|_| EngineError::NotFound { kind, id: text.chars().take(64).collect() })
}

/// The page, or why there is none.
pub fn answer(http: &HttpRequest, result: Result<HttpResponse, EngineError>) -> HttpResponse {
    result.unwrap_or_else(|e| error::page(http, &e))
}

/// What can be done to a VM, in the order people look for it. Those that end something are confirmed first.
const BUTTONS: [VmAction; 7] = [
    VmAction::Run,
    VmAction::Console,
    VmAction::SerialConsole,
    VmAction::Shutdown,
    VmAction::Reboot,
    VmAction::Suspend,
    VmAction::PowerOff,
];

/// The buttons of a VM: those it can take now.
pub fn buttons(frame: &Frame, row: &VmRow) -> Markup {
    let l = frame.l;
    let base = format!("{}/vms/{}", frame.portal.path(), row.id);
    html! {
        span class="vireo-buttons" {
            @for action in BUTTONS.into_iter().filter(|a| row.can.contains(a)) {
                @let text = l.t(&format!("action-{action}"));
                @match action {
                    VmAction::Console => {
                        (console_link(&format!("{base}/console"), &format!("console-{}", row.id), &text, "pf-m-primary"))
                        (protocols(&base, row))
                    }
                    VmAction::SerialConsole => (console_link(&format!("{base}/serial"), &format!("serial-{}", row.id), &text, "pf-m-secondary")),
                    VmAction::PowerOff => (parts::link_button(&format!("{base}/confirm/stop"), &text, "pf-m-danger")),
                    VmAction::Shutdown if row.pool.is_some() && row.stateless => (parts::link_button(&format!("{base}/confirm/shutdown"), &text, "pf-m-secondary")),
                    VmAction::Run => (parts::post(frame, &format!("{base}/{action}"), &text, "pf-m-primary")),
                    _ => (parts::post(frame, &format!("{base}/{action}"), &text, "pf-m-secondary")),
                }
            }
        }
    }
}

/// Where a screen can be sent in two ways, each by its name; the button before them opens the one that is preferred.
fn protocols(base: &str, row: &VmRow) -> Markup {
    html! {
        @if row.display == Display::Both {
            @for protocol in Protocol::ALL {
                @let name = protocol.as_str().to_uppercase();
                (console_link(&format!("{base}/console?protocol={protocol}"), &format!("console-{}", row.id), &name, "pf-m-link"))
            }
        }
    }
}

fn console_link(href: &str, window: &str, text: &str, class: &str) -> Markup {
    html! { a class={ "pf-v6-c-button pf-m-small " (class) } href=(href) target=(window) { span class="pf-v6-c-button__text" { (text) } } }
}

/// A VM's id in an address.
///
/// # Errors
/// It is none.
pub fn vm_id(text: &str) -> Result<VmId, EngineError> {
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
pub fn back(http: &HttpRequest, portal: Portal) -> String {
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
    picture(http, screen, "image/png")
}

/// A picture of a screen, not sent again while it shows the same.
pub fn picture(http: &HttpRequest, screen: vms::Screen, kind: &str) -> HttpResponse {
    let tag = format!("\"{:x}\"", screen.tag);
    let known = http.headers().get("if-none-match").and_then(|v| v.to_str().ok());
    let headers = [("Cache-Control", "private, no-cache".to_owned()), ("ETag", tag.clone())];
    let mut answer = if known == Some(tag.as_str()) { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    for header in headers {
        answer.insert_header(header);
    }
    if known == Some(tag.as_str()) { answer.finish() } else { answer.content_type(kind).body(screen.image) }
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
