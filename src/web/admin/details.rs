//! Details of storage domains, templates, disks, and of one event or task.

use super::card::{Detail, event_line, events_of, link, links, show, text};
use super::{admin, id, quotas};
use crate::engine::permissions::may;
use crate::engine::{catalog, disks, events, hosts, jobs, templates};
use crate::model::disk::{AttachedTo, DiskView};
use crate::model::ids::{DiskId, StorageDomainId};
use crate::model::job::{JobKind, JobStatus, StepStatus, StepView};
use crate::model::page::ListQuery;
use crate::model::permission::ObjectKind;
use crate::model::role::Action;
use crate::web::server::Shared;
use crate::web::ui::{Frame, parts};
pub use crate::web::vm_pages::answer;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

/// One page per kind.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/domains/{id}", web::get().to(domain))
        .route("/admin/disks/{id}", web::get().to(disk))
        .route("/admin/events/{id}", web::get().to(event))
        .route("/admin/jobs/{id}", web::get().to(job));
}

/// Everything of a kind.
pub fn all() -> ListQuery {
    ListQuery { max: u32::MAX, ..ListQuery::default() }
}

/// How many, leading to them.
pub fn search_link(noun: &str, field: &str, value: &str, count: u32) -> Markup {
    let query = serde_urlencoded::to_string([("search", format!("{field}={value}"))]).unwrap_or_default();
    html! { a href={ "/admin/" (noun) "?" (query) } { (count) } }
}

async fn domain(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let l = frame.l;
        let s = catalog::storage_domain(&cx, id::<StorageDomainId>("storage domain", &path)?).await?;
        let disks = disks::list(&cx, &all()).await?.rows;
        let used = s.total_bytes.saturating_sub(s.available_bytes);
        #[expect(clippy::cast_precision_loss, reason = "shown as a bar")]
        let percent = if s.total_bytes == 0 { 0.0 } else { used as f64 / s.total_bytes as f64 * 100.0 };
        let kind = l.t(&format!("domain-kind-{}", s.kind));
        let center = s.data_center.map_or_else(|| text("-"), |d| link("data_centers", d, &s.data_center_name));
        let facts = vec![
            (l.t("status"), parts::status(l, s.status.as_str())),
            (l.t("description"), text(&s.description)),
            (l.t("comment"), text(&s.comment)),
            (l.t("domain-type"), text(if s.master { format!("{kind} ({})", l.t("master")) } else { kind })),
            (l.t("storage-type"), text(s.storage_type)),
            (l.t("data-center"), center),
            (l.t("path"), text(&s.path)),
            (
                l.t("used-space"),
                parts::bar(
                    &l.t("used-space"),
                    percent,
                    &format!("{} / {}", parts::bytes(used), parts::bytes(s.total_bytes)),
                ),
            ),
            (l.t("committed-space"), text(parts::bytes(s.committed_bytes))),
            ("ID".to_owned(), text(s.id)),
        ];
        let disks = disks.iter().filter(|d| d.storage_domain == s.id).map(|d| {
            html! { (link("disks", d.id, &d.alias)) " " (parts::bytes(d.virtual_bytes)) " " (parts::status(l, d.status.as_str())) }
        });
        let cards = vec![parts::card(&l.t("disks"), &links(l, disks)), events_of(&cx, l, s.id.object()).await?];
        let detail = Detail { title: s.name, state: Some(s.status.as_str()), facts, cards, ..Detail::default() };
        show(&cx, &frame, detail, "storage_domain disk event", ObjectKind::StorageDomain, s.id.object()).await
    };
    answer(&http, result.await)
}

async fn disk(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let d = disks::get(&cx, id::<DiskId>("disk", &path)?).await?;
        let removes = may::on(&cx, vec![d.id.object()]).await?.may(Action::DeleteDisk, d.id.object());
        let remove = html! { @if removes { (parts::link_button(&format!("/admin/disks/{}/remove", d.id), &frame.l.t("remove"), "pf-m-danger")) } };
        let mut facts = disk_facts(&frame, &d);
        facts.extend(quotas::fact(&cx, &frame, "disks", d.id.object(), Some(Action::EditDiskProperties)).await?);
        let detail = Detail {
            title: d.alias.clone(),
            state: Some(d.status.as_str()),
            actions: remove,
            facts,
            ..Detail::default()
        };
        show(&cx, &frame, detail, "disk vm", ObjectKind::Disk, d.id.object()).await
    };
    answer(&http, result.await)
}

/// What a disk is attached to, leading there.
pub fn owners(d: &DiskView) -> Markup {
    html! {
        @for (i, owner) in d.attached.iter().enumerate() {
            @if i > 0 { ", " }
            @match owner {
                AttachedTo::Vm(id, name) => (link("vms", *id, name)),
                AttachedTo::Template(id, name) => (link("templates", *id, name)),
            }
        }
    }
}

/// All about a disk.
pub fn disk_facts(frame: &Frame, d: &DiskView) -> Vec<(String, Markup)> {
    let l = frame.l;
    vec![
        (l.t("status"), parts::status(l, d.status.as_str())),
        (l.t("description"), text(&d.description)),
        (l.t("attached-to"), owners(d)),
        (l.t("domain"), link("domains", d.storage_domain, &d.storage_domain_name)),
        (l.t("virtual-size"), text(parts::bytes(d.virtual_bytes))),
        (l.t("actual-size"), text(parts::bytes(d.actual_bytes))),
        (l.t("allocation"), text(if d.sparse { l.t("allocation-thin") } else { l.t("allocation-preallocated") })),
        (l.t("format"), text(d.format)),
        (l.t("content"), text(l.t(&format!("content-{}", d.content)))),
        (l.t("created"), parts::time(d.created)),
        ("ID".to_owned(), text(d.id)),
    ]
}

async fn event(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let l = frame.l;
        let e = events::get(&cx, id("event", &path)?).await?;
        let of = |noun: &str, found: &Option<(String, String)>| {
            found.as_ref().map_or_else(|| text("-"), |(id, name)| link(noun, id, name))
        };
        fn pair<Id: ToString>(of: &Option<(Id, String)>) -> Option<(String, String)> {
            of.as_ref().map(|(id, name)| (id.to_string(), name.clone()))
        }
        let facts = vec![
            (l.t("severity"), super::catalog::severity(l, e.severity)),
            (l.t("time"), parts::time(e.time)),
            (l.t("message"), text(super::catalog::event_text(l, &e))),
            (l.t("user"), of("users", &pair(&e.about.user))),
            (l.t("vm"), of("vms", &pair(&e.about.vm))),
            (l.t("host"), of("hosts", &pair(&e.about.host))),
            (l.t("template"), of("templates", &pair(&e.about.template))),
            (l.t("pool"), of("pools", &pair(&e.about.pool))),
            (l.t("cluster"), of("clusters", &pair(&e.about.cluster))),
            (l.t("domain"), of("domains", &pair(&e.about.storage_domain))),
            (l.t("job"), e.job.map_or_else(|| text("-"), |j| link("jobs", j, &j.to_string()))),
            (l.t("correlation-id"), text(&e.correlation_id)),
            ("ID".to_owned(), text(format!("{} ({})", e.id, e.code))),
        ];
        let title = l.ta("event-title", &[("number", &e.id.to_string())]);
        let content = html! { (parts::heading(&title, &html! {}, &html! {})) (parts::card(&l.t("general"), &parts::facts(&facts))) };
        Ok(frame.page(&title, "", &content))
    };
    answer(&http, result.await)
}

async fn job(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let l = frame.l;
        let j = jobs::get(&cx, id("job", &path)?).await?;
        let log = templates::seal_log_of_job(&cx, j.id).await?;
        let packages = hosts::upgrade::log_of_job(&cx, j.id).await?;
        let found = if j.kind == JobKind::InstallHost { events::of_job(&cx, j.id).await? } else { Vec::new() };
        let title = format!("{} {}", l.t(&format!("job-{}", j.kind)), j.subject);
        let facts = [
            (l.t("user"), text(&j.owner_name)),
            (l.t("started"), parts::time(j.started)),
            (l.t("ended"), j.ended.map_or_else(|| text("-"), parts::time)),
            (l.t("message"), text(crate::web::told::told(l, &j.error))),
            (l.t("correlation-id"), text(&j.correlation_id)),
            ("ID".to_owned(), text(j.id)),
        ];
        let retry = html! { @if j.status == JobStatus::Stuck { (parts::post(&frame, &format!("/admin/jobs/{}/retry", j.id), &l.t("retry"), "pf-m-primary")) } };
        let step = |s: &StepView| {
            html! {
                (parts::status(l, s.status.as_str())) " " (l.t(&format!("step-{}", s.name)))
                @if let Some(p) = s.progress.filter(|_| s.status == StepStatus::Started) { " " progress max="100" value=(p) aria-label=(l.t("progress")) {} " " (p) " %" }
            }
        };
        let steps = html! {
            div class="vireo-progress" { (parts::job_progress(l, &j)) }
            ol class="pf-v6-c-list vireo-steps" { @for s in &j.steps { li { (step(s)) } } }
        };
        let content = html! {
            (parts::heading(&title, &parts::status(l, j.status.as_str()), &retry))
            div class="vireo-grid" {
                (parts::card(&l.t("general"), &parts::facts(&facts)))
                (parts::card(&l.t("steps"), &steps))
                @if !found.is_empty() {
                    div class="vireo-wide" { (parts::card(&l.t("install-log"), &links(l, found.iter().map(|e| event_line(l, e))))) }
                }
                @if let Some(log) = &packages {
                    div class="vireo-wide" { (parts::card(&l.t("upgrade-log"), &super::hosts::upgrade::log_text(l, log))) }
                }
                @if let Some(log) = &log {
                    div class="vireo-wide" { (parts::card(&l.t("seal-log"), &super::templates::log_text(l, log))) }
                }
            }
        };
        Ok(frame.page(&title, "job event", &content))
    };
    answer(&http, result.await)
}
