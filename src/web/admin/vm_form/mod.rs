//! The New VM and Edit VM forms, in oVirt's order: general, system, console, boot.

mod choices;
mod read;
mod sections;
mod settings;

use super::{admin, changing, id};
use crate::engine::{Cx, EngineError, vms};
use crate::model::ids::{BLANK_TEMPLATE, VmId};
use crate::model::vm::VmView;
use crate::web::error;
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::form::{Filled, form};
use crate::web::ui::{Frame, parts};
use actix_web::{HttpRequest, HttpResponse, web};
use choices::Choices;
pub use choices::{cpus, machines};
use maud::{Markup, html};
pub use read::{boot, parsed};
pub use sections::{allocations, boot_name, display_name, field, hinted, interfaces, system_name};
use std::collections::HashMap;

/// The forms' paths.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/vms/new", web::get().to(new_page))
        .route("/admin/vms/new", web::post().to(create))
        .route("/admin/vms/{id}/edit", web::get().to(edit_page))
        .route("/admin/vms/{id}/edit", web::post().to(update));
}

async fn new_page(
    shared: web::Data<Shared>,
    http: HttpRequest,
    query: web::Query<HashMap<String, String>>,
) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        Ok::<_, EngineError>((choices::load(&cx, &frame, None).await?, frame))
    };
    let mut values = HashMap::new();
    let template = query.get("template").cloned().unwrap_or_else(|| BLANK_TEMPLATE.to_string());
    values.insert("template".to_owned(), template.clone());
    match result.await {
        Ok((choices, frame)) => {
            let settings = choices.settings.iter().find(|(id, _)| *id == template).map(|(_, s)| s.clone());
            values.extend(settings::current(&settings.unwrap_or_default()));
            new_form(&frame, &choices, &Filled { values, wrong: Vec::new() })
        }
        Err(e) => error::page(&http, &e),
    }
}

fn new_form(frame: &Frame, choices: &Choices, filled: &Filled) -> HttpResponse {
    let l = frame.l;
    let fields = html! {
        (sections::head(frame, choices, filled))
        div data-tabs=(l.t("new-vm")) data-show=(l.t("show-advanced")) data-hide=(l.t("hide-advanced")) {
            (sections::general(frame, Some(choices), filled))
            (sections::system(frame, filled, &l.t("as-template")))
            (sections::console(frame, filled))
            (sections::boot(frame, Some(&choices.isos), filled))
            (more(frame, choices, filled))
        }
    };
    let content = html! {
        (parts::heading(&l.t("new-vm"), &html! {}, &html! {}))
        (form(frame, "/admin/vms/new", "/admin/vms", &l.t("create"), &filled.others(l, &shown(choices)), &fields))
    };
    frame.page(&l.t("new-vm"), "", &content)
}

/// What few people need.
fn more(frame: &Frame, choices: &Choices, filled: &Filled) -> Markup {
    html! {
        (settings::host(frame, choices, filled))
        (settings::availability(frame, choices, filled))
        (settings::resources(frame, filled))
        (settings::random(frame, filled))
        (settings::custom(frame, choices, filled))
    }
}

/// Engine names of all fields that have a place of their own.
fn shown(choices: &Choices) -> Vec<&'static str> {
    let quota = (!choices.quotas.is_empty()).then_some("quota");
    sections::SHOWN.iter().chain(settings::SHOWN).copied().chain(quota).collect()
}

async fn again(http: &HttpRequest, cx: &Cx, frame: &Frame, filled: Filled) -> HttpResponse {
    match choices::load(cx, frame, None).await {
        Ok(choices) => new_form(frame, &choices, &filled),
        Err(e) => error::page(http, &e),
    }
}

async fn create(shared: web::Data<Shared>, http: HttpRequest, body: web::Bytes) -> HttpResponse {
    let (cx, frame, mut values) = match changing(&shared, &http, &body).await {
        Ok(entered) => entered,
        Err(e) => return error::page(&http, &e),
    };
    // One row more of disks or network cards; nothing is made yet.
    if let Some(count) = match values.get("do").map(String::as_str) {
        Some("more-disks") => Some("disks"),
        Some("more-nics") => Some("nics"),
        _ => None,
    } {
        let rows = sections::rows(&values, count) + 1;
        values.insert(count.to_owned(), rows.to_string());
        return again(&http, &cx, &frame, Filled { values, wrong: Vec::new() }).await;
    }
    let (new, wrong) = read::new_vm(&values);
    let result = if wrong.is_empty() { vms::create(&cx, new).await } else { Err(EngineError::Invalid(wrong)) };
    match result {
        Ok(created) => to(&format!("/admin/vms/{}", created.id)),
        Err(why) => match Filled::again(values, why) {
            Ok(filled) => again(&http, &cx, &frame, filled).await,
            Err(e) => error::page(&http, &e),
        },
    }
}

async fn edit_page(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let view = vms::get(&cx, id::<VmId>("VM", &path)?).await?;
        let filled = Filled { values: read::current(&view), wrong: Vec::new() };
        edit_form(&cx, &frame, &view, &filled).await
    };
    result.await.unwrap_or_else(|e| error::page(&http, &e))
}

async fn edit_form(cx: &Cx, frame: &Frame, view: &VmView, filled: &Filled) -> Result<HttpResponse, EngineError> {
    let l = frame.l;
    let base = format!("/admin/vms/{}", view.row.id);
    let counted = view.row.pool.map_or(view.row.id.object(), |pool| pool.object());
    let choices = choices::load(cx, frame, Some(counted)).await?;
    let running = view.row.status.is_running();
    let hint = if running { l.t("at-once-or-later") } else { String::new() };
    // The CD of a running VM is changed on its page, where the guest sees it at once.
    let isos = (!running).then_some(choices.isos.as_slice());
    let fields = html! {
        (sections::fixed_head(frame, view, &choices, filled))
        @if running { (sections::hinted(l, "all-at-next-start", "next_run", "", l.t("all-at-next-start-hint")).check(filled)) }
        div data-tabs=(l.t("edit-vm")) data-show=(l.t("show-advanced")) data-hide=(l.t("hide-advanced")) {
            (sections::general(frame, None, filled))
            (sections::system(frame, filled, &hint))
            (sections::console(frame, filled))
            (sections::boot(frame, isos, filled))
            (more(frame, &choices, filled))
        }
    };
    let title = l.t("edit-vm");
    let content = html! {
        (parts::heading(&title, &html! { span class="vireo-name" { (view.row.name) } }, &html! {}))
        (form(frame, &format!("{base}/edit"), &base, &l.t("save"), &filled.others(l, &shown(&choices)), &fields))
    };
    Ok(frame.page(&title, "", &content))
}

async fn update(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, frame, values) = changing(&shared, &http, &body).await?;
        let vm = id::<VmId>("VM", &path)?;
        let (change, wrong) = read::change(&values);
        let result =
            if wrong.is_empty() { vms::update(&cx, vm, change).await } else { Err(EngineError::Invalid(wrong)) };
        match result {
            Ok(()) => Ok(to(&format!("/admin/vms/{vm}"))),
            Err(why) => edit_form(&cx, &frame, &vms::get(&cx, vm).await?, &Filled::again(values, why)?).await,
        }
    };
    result.await.unwrap_or_else(|e| error::page(&http, &e))
}
