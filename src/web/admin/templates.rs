//! A template's page, and its removal.

use super::card::{Detail, events_of, link, links, show, text};
use super::confirm::{Question, done};
use super::vm_form::display_name;
use super::{admin, details, id, quotas, tags};
use crate::engine::permissions::may;
use crate::engine::{EngineError, catalog, templates};
use crate::model::ids::{BLANK_TEMPLATE, TemplateId};
use crate::model::permission::ObjectKind;
use crate::model::role::Action;
use crate::model::tag::Tagged;
use crate::model::template::{Dependants, TemplateView, Version};
use crate::web::locale::Locale;
use crate::web::server::Shared;
use crate::web::ui::{Frame, parts};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

/// `/admin/templates/{id}` and `/admin/templates/{id}/remove`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/templates/{id}", web::get().to(detail))
        .route("/admin/templates/{id}/seal_log", web::get().to(seal_log))
        .route("/admin/templates/{id}/remove", web::get().to(confirm))
        .route("/admin/templates/{id}/remove", web::post().to(remove));
}

/// `2 – spring updates`
pub fn version_text(version: &Version) -> String {
    if version.name.is_empty() {
        version.number.to_string()
    } else {
        format!("{} – {}", version.number, version.name)
    }
}

fn facts(l: Locale, t: &TemplateView) -> Vec<(String, Markup)> {
    let hw = &t.hardware;
    let cluster = t.cluster.map_or_else(|| text("-"), |c| link("clusters", c, &t.cluster_name));
    let mut facts = vec![(l.t("status"), parts::status(l, t.status.as_str()))];
    if t.id != BLANK_TEMPLATE {
        facts.push((l.t("template-version"), text(version_text(&t.version))));
    }
    if t.version.base != t.id {
        facts.push((l.t("base-template"), link("templates", t.version.base, &t.version.base_name)));
    }
    if t.sealed {
        facts.push((l.t("sealed"), text(l.t("yes"))));
    }
    facts.extend([
        (l.t("description"), text(&t.description)),
        (l.t("comment"), text(&t.comment)),
        (l.t("cluster"), cluster),
        (l.t("operating-system"), text(super::vm_form::system_name(l, &t.os))),
        (l.t("optimized-for"), text(l.t(&format!("kind-{}", t.kind)))),
        (l.t("memory"), text(parts::memory(hw.memory_mib))),
        (l.t("vcpus"), text(format!("{} ({} × {} × {})", hw.vcpus(), hw.sockets, hw.cores, hw.threads))),
        (l.t("display"), text(display_name(hw.display))),
        (l.t("created"), parts::time(t.created)),
        (l.t("vms"), details::search_link("vms", "template", &t.name, t.vms)),
        ("ID".to_owned(), text(t.id)),
    ]);
    facts
}

/// What hangs on it: while any does, it cannot be removed.
fn hanging(l: Locale, on: &Dependants) -> Markup {
    let group = |title: &str, items: Vec<Markup>| {
        html! {
            @if !items.is_empty() {
                h3 class="pf-v6-c-title pf-m-md" { (l.t(title)) " (" (items.len()) ")" }
                (links(l, items.into_iter()))
            }
        }
    };
    if *on == Dependants::default() {
        return html! { p class="vireo-hint" { (l.t("dependants-none")) } };
    }
    html! {
        p class="vireo-hint" { (l.t("dependants-text")) }
        (group("template-versions", on.versions.iter().map(|(id, name)| link("templates", id, name)).collect()))
        (group("pools", on.pools.iter().map(|(id, name)| link("pools", id, name)).collect()))
        (group("vms", on.vms.iter().map(|(id, name)| link("vms", id, name)).collect()))
        (group("disks", on.disks.iter().map(|(id, name)| link("disks", id, name)).collect()))
    }
}

fn actions(frame: &Frame, t: &TemplateView, new: bool, edits: bool, removes: bool) -> Markup {
    let l = frame.l;
    html! {
        @if new { (parts::link_button(&format!("/admin/vms/new?template={}", t.id), &l.t("new-vm"), "pf-m-primary")) }
        @if edits { (parts::link_button(&format!("/admin/templates/{}/first_run", t.id), &l.t("first-run"), "pf-m-secondary")) }
        @if edits { (parts::link_button(&format!("/admin/templates/{}/icon", t.id), &l.t("icon"), "pf-m-secondary")) }
        @if removes { (parts::link_button(&format!("/admin/templates/{}/remove", t.id), &l.t("remove"), "pf-m-danger")) }
    }
}

async fn detail(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let l = frame.l;
        let t = catalog::template(&cx, id::<TemplateId>("template", &path)?).await?;
        let permits = may::on(&cx, vec![t.id.object()]).await?;
        let new = may::makes(&cx).await?.vm && permits.may(Action::CreateVm, t.id.object());
        let removes = t.id != BLANK_TEMPLATE && permits.may(Action::DeleteTemplate, t.id.object());
        let edits = t.id != BLANK_TEMPLATE && permits.may(Action::EditTemplateProperties, t.id.object());
        let actions = actions(&frame, &t, new, edits, removes);
        let disk = |d: &crate::model::disk::DiskAttachment| {
            html! { (link("disks", d.disk.id, &d.disk.alias)) " " (parts::bytes(d.disk.virtual_bytes)) }
        };
        let mut cards = vec![parts::card(&l.t("disks"), &links(l, t.disks.iter().map(disk)))];
        if t.id != BLANK_TEMPLATE {
            cards.push(parts::card(&l.t("dependants"), &hanging(l, &templates::dependants(&cx, t.id).await?)));
        }
        if let Some(log) = templates::seal_log(&cx, t.id).await? {
            cards.push(parts::card(&l.t("seal-log"), &sealing(l, t.id, &log)));
        }
        cards.push(events_of(&cx, l, t.id.object()).await?);
        let mut facts = facts(l, &t);
        if t.id != BLANK_TEMPLATE {
            let edit = Some(Action::EditTemplateProperties);
            facts.extend(quotas::fact(&cx, &frame, "templates", t.id.object(), edit).await?);
        }
        facts.push(tags::fact(&cx, &frame, Tagged::Template(t.id)).await?);
        let detail =
            Detail { title: t.name, state: Some(t.status.as_str()), actions, facts, cards, ..Detail::default() };
        show(&cx, &frame, detail, "template vm vm_pool event", ObjectKind::Template, t.id.object()).await
    };
    details::answer(&http, result.await)
}

/// What virt-sysprep said.
pub fn log_text(l: Locale, log: &str) -> Markup {
    html! { pre class="vireo-log" tabindex="0" role="region" aria-label=(l.t("seal-log")) { (log) } }
}

fn sealing(l: Locale, id: TemplateId, log: &str) -> Markup {
    html! {
        (log_text(l, log))
        (parts::link_button(&format!("/admin/templates/{id}/seal_log"), &l.t("download"), "pf-m-secondary"))
    }
}

async fn seal_log(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, _) = admin(&shared, &http).await?;
        let t = catalog::template(&cx, id::<TemplateId>("template", &path)?).await?;
        let missing = || EngineError::NotFound { kind: "log", id: t.id.to_string() };
        let log = templates::seal_log(&cx, t.id).await?.ok_or_else(missing)?;
        let name = format!("attachment; filename=\"{}-seal.log\"", t.name.replace('/', "-"));
        let plain = (header::CONTENT_TYPE, "text/plain; charset=utf-8");
        Ok(HttpResponse::Ok().insert_header(plain).insert_header((header::CONTENT_DISPOSITION, name)).body(log))
    };
    details::answer(&http, result.await)
}

async fn confirm(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let t = catalog::template(&cx, id::<TemplateId>("template", &path)?).await?;
        let l = frame.l;
        let title = l.ta("confirm-remove-template", &[("name", &t.name)]);
        let on = templates::dependants(&cx, t.id).await?;
        let disks = t.disks.iter().map(|d| html! { (d.disk.alias) " (" (parts::bytes(d.disk.virtual_bytes)) ")" });
        let free = on == Dependants::default();
        let text = html! {
            @if free {
                p { (l.t("confirm-remove-template-text")) }
                (links(l, disks))
            } @else {
                (parts::alert("warning", &l.t("template-not-removable")))
                (hanging(l, &on))
            }
        };
        let back = format!("/admin/templates/{}", t.id);
        let button = free.then(|| (format!("{back}/remove"), l.t("remove"), "pf-m-danger"));
        Ok(Question { title, text, button, back, topics: "" }.page(&frame))
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
        templates::remove(&cx, id::<TemplateId>("template", &path)?).await?;
        Ok("/admin/templates".to_owned())
    })
    .await
}
