//! Several VMs at once: what was picked in the list is run, shut down, … or, after one confirmation that names what is lost, removed; or moved,
//! after one dialog that asks where to.

use super::{admin, migrate};
use crate::engine::permissions::may::Permits;
use crate::engine::vms::migrate::Wanted;
use crate::engine::{Cx, EngineError, vms};
use crate::model::ids::VmId;
use crate::model::role::Action;
use crate::model::vm::{VmAction, VmRow, VmView};
use crate::web::csrf;
use crate::web::error;
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::form::Filled;
use crate::web::ui::list::Bulk;
use crate::web::ui::{Frame, parts};
use crate::web::vm_pages;
use crate::web::words;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use std::collections::HashMap;

/// `/admin/vms/selected`
pub fn routes(config: &mut web::ServiceConfig) {
    config.route("/admin/vms/selected", web::post().to(selected));
}

/// What can be done to several.
const ACTIONS: [VmAction; 7] = [
    VmAction::Run,
    VmAction::Suspend,
    VmAction::Shutdown,
    VmAction::Reboot,
    VmAction::Migrate,
    VmAction::PowerOff,
    VmAction::Remove,
];

/// What the list offers for picked VMs: what the actor may do to any of those shown.
pub fn bulk(frame: &Frame, rows: &[VmRow], permits: &Permits) -> Option<Bulk> {
    let l = frame.l;
    let some = |action: &VmAction| rows.iter().any(|vm| permits.may(action.permit(), vm.id.object()));
    let class = |action| if action == VmAction::Remove { "pf-m-danger" } else { "pf-m-secondary" };
    let offered = ACTIONS.into_iter().filter(some);
    let buttons: Vec<_> = offered.map(|a| (a.as_str(), l.t(&format!("action-{a}")), class(a))).collect();
    let tags = rows.iter().any(|vm| permits.may(Action::TagManagement, vm.id.object()));
    let others: Vec<_> = tags.then(|| ("/admin/vms/tags", l.t("assign-tags"))).into_iter().collect();
    let some = !buttons.is_empty() || !others.is_empty();
    some.then_some(Bulk { href: "/admin/vms/selected", buttons, others })
}

/// What was asked for.
struct Asked {
    action: VmAction,
    picked: Vec<VmId>,
    confirmed: bool,
    keep_disks: bool,
    /// The list as it was searched and sorted.
    back: String,
    /// What else was chosen.
    values: HashMap<String, String>,
}

fn asked(body: &[u8]) -> Result<Asked, EngineError> {
    let fields: Vec<(String, String)> = serde_urlencoded::from_bytes(body).unwrap_or_default();
    let get = |name: &str| fields.iter().find(|(k, _)| k == name).map_or("", |(_, v)| v.as_str());
    let action = super::id("action", get("action"))?;
    let picked =
        fields.iter().filter(|(k, _)| k == "pick").map(|(_, v)| super::id("VM", v)).collect::<Result<_, _>>()?;
    let back = if get("back").starts_with("/admin/vms") { get("back") } else { "/admin/vms" };
    Ok(Asked {
        action,
        picked,
        confirmed: get("confirmed") == "1",
        keep_disks: get("keep") == "1",
        back: back.to_owned(),
        values: fields.into_iter().collect(),
    })
}

async fn selected(shared: web::Data<Shared>, http: HttpRequest, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        csrf::check(&http, &csrf::fields(&body))?;
        let asked = asked(&body)?;
        let ends =
            matches!(asked.action, VmAction::Shutdown | VmAction::PowerOff | VmAction::Reboot | VmAction::Remove);
        if asked.picked.is_empty() {
            return Ok(to(&asked.back));
        }
        if asked.action == VmAction::Migrate {
            return moved(&cx, &frame, &asked).await;
        }
        if ends && !asked.confirmed {
            return confirm(&cx, &frame, &asked).await;
        }
        perform(&cx, &frame, &asked, Wanted::default()).await
    };
    result.await.unwrap_or_else(|e| error::page(&http, &e))
}

/// Asks where to, and moves them there.
async fn moved(cx: &Cx, frame: &Frame, asked: &Asked) -> Result<HttpResponse, EngineError> {
    if !asked.confirmed {
        return migrate::ask_for(cx, frame, &asked.picked, &asked.back, Filled::default()).await;
    }
    match migrate::wanted(&asked.values) {
        Ok(wanted) => perform(cx, frame, asked, wanted).await,
        Err(why) => {
            let filled = Filled::again(asked.values.clone(), why)?;
            migrate::ask_for(cx, frame, &asked.picked, &asked.back, filled).await
        }
    }
}

/// Does it to each; what did not go is told with its reason.
async fn perform(cx: &Cx, frame: &Frame, asked: &Asked, wanted: Wanted) -> Result<HttpResponse, EngineError> {
    let l = frame.l;
    let mut refused = Vec::new();
    for vm in &asked.picked {
        let done = match asked.action {
            VmAction::Remove => vms::remove(cx, *vm, asked.keep_disks).await,
            VmAction::Migrate => vms::migrate::migrate(cx, *vm, wanted).await,
            action => vm_pages::perform(cx, *vm, action.as_str()).await,
        };
        if let Err(why) = done {
            refused.push(words::error(l, &why));
        }
    }
    if refused.is_empty() {
        return Ok(to(&asked.back));
    }
    let title =
        l.ta("selected-refused", &[("some", &refused.len().to_string()), ("all", &asked.picked.len().to_string())]);
    let content = html! {
        (parts::heading(&title, &html! {}, &html! {}))
        @for why in &refused { (parts::alert("warning", why)) }
        div class="vireo-actions" { (parts::link_button(&asked.back, &l.t("go-back"), "pf-m-primary")) }
    };
    Ok(frame.page(&title, "", &content))
}

async fn confirm(cx: &Cx, frame: &Frame, asked: &Asked) -> Result<HttpResponse, EngineError> {
    let l = frame.l;
    let (mut can, mut cannot) = (Vec::new(), Vec::new());
    for vm in &asked.picked {
        let view = vms::get(cx, *vm).await?;
        match view.cannot.iter().find(|(action, _)| *action == asked.action) {
            Some((_, why)) => cannot.push((view.row.name.clone(), words::refusal(l, why))),
            None => can.push(view),
        }
    }
    let verb = l.t(&format!("action-{}", asked.action));
    let title = l.ta("confirm-selected", &[("action", &verb), ("count", &can.len().to_string())]);
    let content = html! {
        (parts::heading(&title, &html! {}, &html! {}))
        @if !can.is_empty() {
            p { (what_happens(frame, asked.action)) }
            ul class="pf-v6-c-list" { @for view in &can { li { (loses(frame, asked.action, view)) } } }
        }
        @if !cannot.is_empty() {
            p { (l.t("selected-left-out")) }
            ul class="pf-v6-c-list" { @for (name, why) in &cannot { li { strong { (name) } ": " (why) } } }
        }
        form class="pf-v6-c-form vireo-form" method="post" action="/admin/vms/selected" {
            (frame.csrf_field())
            @for view in &can { input type="hidden" name="pick" value=(view.row.id); }
            input type="hidden" name="action" value=(asked.action);
            input type="hidden" name="confirmed" value="1";
            input type="hidden" name="back" value=(asked.back);
            @if asked.action == VmAction::Remove && !can.is_empty() {
                label class="vireo-check" for="keep" { input type="checkbox" id="keep" name="keep" value="1"; span { (l.t("keep-disks")) } }
            }
            div class="vireo-actions" {
                @if !can.is_empty() { button class="pf-v6-c-button pf-m-danger" type="submit" { (title) } }
                a class="pf-v6-c-button pf-m-link" href=(asked.back) { (l.t("cancel")) }
            }
        }
    };
    Ok(frame.page(&title, "", &content))
}

fn what_happens(frame: &Frame, action: VmAction) -> String {
    match action {
        VmAction::Remove => frame.l.t("confirm-remove-vm-text"),
        VmAction::PowerOff => frame.l.t("confirm-stop-text"),
        VmAction::Reboot => frame.l.t("confirm-reboot-text"),
        _ => frame.l.t("confirm-shutdown-text"),
    }
}

/// The VM and what goes with it.
fn loses(frame: &Frame, action: VmAction, view: &VmView) -> Markup {
    let l = frame.l;
    html! {
        strong { (view.row.name) }
        @if action == VmAction::Remove { (disks(frame, view)) }
        @else if view.row.stateless && action != VmAction::Reboot { " – " (l.t("confirm-stateless")) }
    }
}

/// A VM's disks by name and size.
pub fn disks(frame: &Frame, view: &VmView) -> Markup {
    html! {
        @if view.disks.is_empty() { " – " (frame.l.t("no-disks")) } @else {
            ul class="pf-v6-c-list" { @for d in &view.disks { li { (d.disk.alias) " (" (parts::bytes(d.disk.virtual_bytes)) ", " (d.disk.storage_domain_name) ")" } } }
        }
    }
}
