//! A host's upgrade: what there is, what would happen, and what is going on.

use super::super::confirm::done;
use super::super::vm_form::hinted;
use super::super::{admin, changing, id};
use super::state::whither;
use crate::engine::hosts::{maintenance, upgrade};
use crate::engine::{Cx, EngineError, catalog};
use crate::model::host::{HostAction, HostStatus, HostView};
use crate::model::host_upgrade::Found;
use crate::model::ids::{HostId, JobId};
use crate::web::admin::card::link;
use crate::web::admin::details;
use crate::web::locale::Locale;
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::form::{Filled, form};
use crate::web::ui::{Frame, parts};
use crate::web::{error, told::told};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

/// So many packages are listed; the rest is counted.
const LISTED: usize = 50;

/// `/admin/hosts/{id}/upgrade`, `/admin/hosts/{id}/check_upgrade`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/hosts/{id}/upgrade", web::get().to(confirm))
        .route("/admin/hosts/{id}/upgrade", web::post().to(begin))
        .route("/admin/hosts/{id}/check_upgrade", web::post().to(check));
}

/// The card of the host's page.
///
/// # Errors
/// Hidden, or the database failed.
pub(super) async fn card(cx: &Cx, frame: &Frame, h: &HostView) -> Result<Markup, EngineError> {
    let l = frame.l;
    let (log, job) = upgrade::log(cx, h.id).await?;
    let content = html! {
        @if let Some(job) = job { p { (link("jobs", job, &l.t("job-upgrade_host"))) } }
        @match h.upgrade.checked {
            None => { p { (l.t("upgrade-never-checked")) } }
            Some(at) => { p { (l.t("upgrade-checked")) " " (parts::time(at)) } (found(l, &h.upgrade.found)) }
        }
        @if !log.is_empty() { (log_text(l, &log)) }
    };
    Ok(parts::card(&l.t("upgrades"), &content))
}

/// What the package manager said.
pub(in crate::web::admin) fn log_text(l: Locale, log: &str) -> Markup {
    html! { pre class="vireo-log" tabindex="0" role="region" aria-label=(l.t("upgrade-log")) { (log) } }
}

fn found(l: Locale, found: &Found) -> Markup {
    let heads = ["upgrade-package", "upgrade-from", "upgrade-to"].map(|key| l.t(key));
    let rows: Vec<Vec<Markup>> = found
        .packages
        .iter()
        .take(LISTED)
        .map(|p| vec![html! { (p.name) }, html! { (p.from) }, html! { (p.to) }])
        .collect();
    let more = found.more + found.packages.len().saturating_sub(LISTED);
    html! {
        @if !found.error.is_empty() { (parts::alert("warning", &l.ta("upgrade-error", &[("why", &told(l, &found.error))]))) }
        @if found.reboot { p { (parts::label(&l.t("upgrade-reboot-needed"), "pf-m-orange")) } }
        @if found.program { p { (l.t("upgrade-program")) } }
        @if found.own { p { (l.t("upgrade-own")) } }
        @if !found.is_something() { p { (l.t("upgrade-none")) } }
        @if !rows.is_empty() { (parts::table(&l.t("upgrades"), &heads, &rows)) }
        @if more > 0 { p { (l.ta("upgrade-more", &[("count", &more.to_string())])) } }
    }
}

/// Who would go where, and what comes then.
async fn confirm(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let l = frame.l;
        let h = catalog::host(&cx, id::<HostId>("host", &path)?).await?;
        let rests = h.status == HostStatus::Maintenance;
        let plan = if rests { Vec::new() } else { maintenance::plan(&cx, h.id).await? };
        let stuck = plan.iter().any(|one| one.to.is_err());
        let (title, page) = (l.ta("upgrade-host", &[("name", &h.name)]), format!("/admin/hosts/{}", h.id));
        let fields = html! {
            @if !h.upgrade.found.own { (hinted(l, "upgrade-reboot", "reboot", "reboot", l.t("upgrade-reboot-hint")).check(&Filled::default())) }
        };
        let content = html! {
            (parts::heading(&title, &html! {}, &html! {}))
            p { (l.t("upgrade-host-text")) }
            @if h.upgrade.found.own { p { (l.t("upgrade-own")) } }
            p { (l.t(if rests { "upgrade-host-rests" } else { "upgrade-host-emptied" })) }
            @if stuck { (parts::alert("warning", &l.t("maintenance-stuck"))) }
            @if !plan.is_empty() { p { (l.t("maintenance-text")) } (whither(&frame, &plan)) }
            @if !stuck && h.status.allows(HostAction::Upgrade) {
                (form(&frame, &format!("{page}/upgrade"), &page, &l.t("host-action-upgrade"), &[], &fields))
            } @else {
                div class="vireo-actions" { (parts::link_button(&page, &l.t("cancel"), "pf-m-link")) }
            }
        };
        Ok(frame.page(&title, "host vm", &content))
    };
    details::answer(&http, result.await)
}

async fn begin(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let result: Result<JobId, EngineError> = async {
        let (cx, _, values) = changing(&shared, &http, &body).await?;
        let reboot = values.get("reboot").is_some_and(|value| value == "1");
        upgrade::upgrade(&cx, id::<HostId>("host", &path)?, reboot).await
    }
    .await;
    match result {
        Ok(job) => to(&format!("/admin/jobs/{job}")),
        Err(e) => error::page(&http, &e),
    }
}

async fn check(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    done(&shared, &http, &body, async |cx| {
        let host = id::<HostId>("host", &path)?;
        upgrade::check(&cx, host).await?;
        Ok(format!("/admin/hosts/{host}"))
    })
    .await
}
