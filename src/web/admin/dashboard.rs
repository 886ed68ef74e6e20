//! The dashboard.

use super::admin;
use super::card::link;
use crate::engine::dashboard::{self, Dashboard, Tally, Usage};
use crate::engine::{EngineError, catalog, events, jobs};
use crate::model::event::EventView;
use crate::model::host::HostView;
use crate::model::job::JobView;
use crate::model::page::ListQuery;
use crate::model::permission::ObjectKind;
use crate::model::storage_domain::StorageDomainView;
use crate::web::error;
use crate::web::server::Shared;
use crate::web::ui::{Frame, parts};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

/// `/admin`
pub fn routes(config: &mut web::ServiceConfig) {
    config.route("/admin", web::get().to(page));
}

async fn page(shared: web::Data<Shared>, http: HttpRequest) -> HttpResponse {
    let newest = ListQuery { max: 10, ..ListQuery::default() };
    let all = ListQuery { max: u32::MAX, ..ListQuery::default() };
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let board = dashboard::get(&cx).await?;
        let events = events::list(&cx, &newest, None).await?.rows;
        let jobs = jobs::list(&cx).await?;
        let hosts = catalog::hosts(&cx, &all).await?.rows;
        let domains = catalog::storage_domains(&cx, &all).await?.rows;
        let lists = Lists { events, jobs, hosts: busiest(hosts, memory_share), domains: busiest(domains, space_share) };
        Ok::<_, EngineError>((frame, board, lists))
    };
    match result.await {
        Ok((frame, board, lists)) => frame.page(
            &frame.l.t("dashboard"),
            "vm host event job stats storage_domain",
            &content(&frame, &board, &lists),
        ),
        Err(e) => error::page(&http, &e),
    }
}

/// What the dashboard shows by name.
struct Lists {
    events: Vec<EventView>,
    jobs: Vec<JobView>,
    hosts: Vec<HostView>,
    domains: Vec<StorageDomainView>,
}

/// Those that are fullest; the others are in their lists.
fn busiest<T>(mut rows: Vec<T>, share: fn(&T) -> f64) -> Vec<T> {
    rows.sort_by(|a, b| share(b).total_cmp(&share(a)));
    rows.truncate(6);
    rows
}

#[expect(clippy::cast_precision_loss, reason = "shown as a bar")]
fn percent(used: u64, total: u64) -> f64 {
    if total == 0 { 0.0 } else { used as f64 / total as f64 * 100.0 }
}

fn memory_share(h: &HostView) -> f64 {
    percent(h.load.memory_used_mib, h.facts.memory_mib)
}

fn space_share(d: &StorageDomainView) -> f64 {
    percent(d.total_bytes.saturating_sub(d.available_bytes), d.total_bytes)
}

fn host_bars(frame: &Frame, h: &HostView) -> Markup {
    let l = frame.l;
    let memory = format!("{} / {}", mib_of(h.load.memory_used_mib), mib_of(h.facts.memory_mib));
    html! {
        div class="vireo-usage" {
            p { (link("hosts", h.id, &h.name)) " " (parts::status(l, h.status.as_str())) span class="vireo-space" {} (h.active_vms) " " (l.t("vms")) }
            (parts::bar(&l.t("cpu"), h.load.cpu_percent.into(), &format!("{:.0} %", h.load.cpu_percent)))
            (parts::bar(&l.t("memory"), memory_share(h), &memory))
        }
    }
}

fn domain_bar(frame: &Frame, d: &StorageDomainView) -> Markup {
    let l = frame.l;
    let used = d.total_bytes.saturating_sub(d.available_bytes);
    html! {
        div class="vireo-usage" {
            p { (link("domains", d.id, &d.name)) " " (parts::status(l, d.status.as_str())) span class="vireo-space" {} (d.data_center_name) }
            (parts::bar(&l.t("used-space"), space_share(d), &format!("{} / {}", parts::bytes(used), parts::bytes(d.total_bytes))))
        }
    }
}

fn mib_of(n: u64) -> String {
    parts::bytes(n << 20)
}

fn content(frame: &Frame, board: &Dashboard, lists: &Lists) -> Markup {
    let l = frame.l;
    html! {
        h1 class="pf-v6-c-title pf-m-xl" { (l.t("dashboard")) }
        div class="vireo-tiles" {
            @if frame.sees(ObjectKind::DataCenter) { (tile(frame, "/admin/data_centers", &l.t("data-centers"), board.data_centers)) }
            @if frame.sees(ObjectKind::Cluster) { (tile(frame, "/admin/clusters", &l.t("clusters"), board.clusters)) }
            @if frame.sees(ObjectKind::Host) { (tile(frame, "/admin/hosts", &l.t("hosts"), board.hosts)) }
            @if frame.sees(ObjectKind::StorageDomain) { (tile(frame, "/admin/domains", &l.t("domains"), board.storage_domains)) }
            @if frame.sees(ObjectKind::Vm) { (tile(frame, "/admin/vms", &l.t("vms"), board.vms)) }
        }
        div class="vireo-grid" {
            (parts::card(&l.t("utilization"), &html! {
                (usage(&l.t("cpu"), board.cpu, &format!("{:.1} / {:.0}", board.cpu.used, board.cpu.total)))
                (usage(&l.t("memory"), board.memory, &format!("{} / {}", mib(board.memory.used), mib(board.memory.total))))
                (usage(&l.t("storage"), board.storage, &format!("{} / {}", gib(board.storage.used), gib(board.storage.total))))
            }))
            (parts::card(&l.t("hosts"), &html! { @for h in &lists.hosts { (host_bars(frame, h)) } @if lists.hosts.is_empty() { (l.t("empty-hosts")) } }))
            (parts::card(&l.t("domains"), &html! { @for d in &lists.domains { (domain_bar(frame, d)) } @if lists.domains.is_empty() { (l.t("empty-domains")) } }))
            (parts::card(&l.t("jobs"), &job_lines(frame, &lists.jobs)))
            div class="vireo-wide" { (parts::card(&l.t("latest-events"), &event_lines(frame, &lists.events))) }
        }
    }
}

fn event_lines(frame: &Frame, events: &[EventView]) -> Markup {
    let l = frame.l;
    html! {
        ul class="pf-v6-c-list pf-m-plain vireo-events" role="list" {
            @for e in events { li {
                span class="vireo-when" { (parts::time(e.time)) }
                span { (super::catalog::severity(l, e.severity)) }
                a href={ "/admin/events/" (e.id) } { (super::catalog::event_text(l, e)) }
            } }
        }
        p class="vireo-hint" { a href="/admin/events" { (l.t("show-all")) } }
    }
}

fn tile(frame: &Frame, href: &str, title: &str, tally: Tally) -> Markup {
    html! {
        a class="pf-v6-c-card pf-m-compact" href=(href) {
            div class="pf-v6-c-card__title" { (title) }
            div class="pf-v6-c-card__body" {
                span class="vireo-number" { (tally.total) } " "
                (frame.l.ta("tally", &[("good", &tally.good.to_string()), ("bad", &tally.bad.to_string())]))
            }
        }
    }
}

fn usage(label: &str, usage: Usage, text: &str) -> Markup {
    parts::bar(label, if usage.total > 0.0 { usage.used / usage.total * 100.0 } else { 0.0 }, text)
}

fn mib(n: f64) -> String {
    format!("{:.1} GiB", n / 1024.0)
}

fn gib(n: f64) -> String {
    format!("{:.1} GiB", n / f64::from(1 << 30))
}

fn job_lines(frame: &Frame, jobs: &[JobView]) -> Markup {
    let l = frame.l;
    html! {
        @if jobs.is_empty() { (l.t("no-jobs")) }
        ul class="pf-v6-c-list pf-m-plain" {
            @for job in jobs.iter().take(8) { li {
                (parts::status(l, job.status.as_str())) " "
                a href={ "/admin/jobs/" (job.id) } { (l.t(&format!("job-{}", job.kind))) " " (job.subject) }
                @if job.ended.is_none() { span class="vireo-progress" { (parts::job_progress(l, job)) } }
            } }
        }
    }
}
