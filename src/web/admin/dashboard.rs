//! The dashboard.

use super::admin;
use crate::engine::dashboard::{self, Dashboard, Tally, Usage};
use crate::engine::{EngineError, events, jobs};
use crate::model::event::EventView;
use crate::model::job::JobView;
use crate::model::page::ListQuery;
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
    let newest = ListQuery { max: 8, ..ListQuery::default() };
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let board = dashboard::get(&cx).await?;
        let events = events::list(&cx, &newest, None).await?.rows;
        let jobs = jobs::list(&cx).await?;
        Ok::<_, EngineError>((frame, board, events, jobs))
    };
    match result.await {
        Ok((frame, board, events, jobs)) => frame.page(
            &frame.l.t("dashboard"),
            "vm host event job stats storage_domain",
            &content(&frame, &board, &events, &jobs),
        ),
        Err(e) => error::page(&http, &e),
    }
}

fn content(frame: &Frame, board: &Dashboard, events: &[EventView], jobs: &[JobView]) -> Markup {
    let l = frame.l;
    html! {
        h1 class="pf-v6-c-title pf-m-xl" { (l.t("dashboard")) }
        div class="vireo-tiles" {
            (tile(frame, "/admin/data_centers", &l.t("data-centers"), board.data_centers))
            (tile(frame, "/admin/clusters", &l.t("clusters"), board.clusters))
            (tile(frame, "/admin/hosts", &l.t("hosts"), board.hosts))
            (tile(frame, "/admin/domains", &l.t("domains"), board.storage_domains))
            (tile(frame, "/admin/vms", &l.t("vms"), board.vms))
        }
        div class="vireo-grid" {
            (parts::card(&l.t("utilization"), &html! {
                (usage(&l.t("cpu"), board.cpu, &format!("{:.1} / {:.0}", board.cpu.used, board.cpu.total)))
                (usage(&l.t("memory"), board.memory, &format!("{} / {}", mib(board.memory.used), mib(board.memory.total))))
                (usage(&l.t("storage"), board.storage, &format!("{} / {}", gib(board.storage.used), gib(board.storage.total))))
            }))
            (parts::card(&l.t("jobs"), &job_lines(frame, jobs)))
            (parts::card(&l.t("latest-events"), &html! {
                ul class="pf-v6-c-list pf-m-plain" { @for e in events { li { (parts::time(e.time)) " " (super::catalog::event_text(l, e)) } } }
            }))
        }
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
            @for job in jobs.iter().take(8) { li { (parts::status(l, job.status.as_str())) " " (l.t(&format!("job-{}", job.kind))) " " (job.subject) } }
        }
    }
}
