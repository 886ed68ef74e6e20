//! A cluster is shut down and started as a whole: what would happen, in its order, and what is under way.

use super::card::link;
use super::confirm::done;
use super::{admin, id};
use crate::engine::permissions::may;
use crate::engine::{Cx, EngineError, catalog, cluster_power, jobs};
use crate::model::ids::{ClusterId, VmId};
use crate::model::role::Action;
use crate::web::admin::details;
use crate::web::locale::Locale;
use crate::web::server::Shared;
use crate::web::ui::{Frame, parts};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

/// `/admin/clusters/{id}/power/…`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/clusters/{id}/power", web::get().to(page))
        .route("/admin/clusters/{id}/power/down", web::post().to(shut_down))
        .route("/admin/clusters/{id}/power/up", web::post().to(start))
        .route("/admin/clusters/{id}/power/calloff", web::post().to(call_off));
}

/// The way here, for who may.
///
/// # Errors
/// The database failed.
pub async fn button(cx: &Cx, l: Locale, cluster: ClusterId) -> Result<Markup, EngineError> {
    let permits = may::on(cx, vec![cluster.object()]).await?;
    let allowed = [Action::ManipulateHost, Action::ShutDownVm].iter().all(|a| permits.may(*a, cluster.object()));
    let address = format!("/admin/clusters/{cluster}/power");
    Ok(html! { @if allowed { (parts::link_button(&address, &l.t("cluster-power"), "pf-m-secondary")) } })
}

async fn page(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let cluster = catalog::cluster(&cx, id::<ClusterId>("cluster", &path)?).await?;
        let power = cluster_power::view(&cx, cluster.id).await?;
        let job = match power.job {
            Some(job) => Some(jobs::get(&cx, job).await?),
            None => None,
        };
        let l = frame.l;
        let title = l.ta("cluster-power-of", &[("name", &cluster.name)]);
        let base = format!("/admin/clusters/{}", cluster.id);
        let text = if power.rests {
            l.ta("cluster-power-rests", &[("vms", &power.remembered.to_string())])
        } else {
            l.t("cluster-power-text")
        };
        let steps = job.as_ref().map(|job| {
            html! {
                p { (link("jobs", job.id, &l.t(&format!("job-{}", job.kind)))) }
                ol class="pf-v6-c-list vireo-steps" {
                    @for step in &job.steps { li { (parts::status(l, step.status.as_str())) " " (l.t(&format!("step-{}", step.name))) } }
                }
            }
        });
        let hosts = power.hosts.iter().map(|(name, status)| html! { (name) " " (parts::status(l, status.as_str())) });
        let content = html! {
            (parts::heading(&title, &html! {}, &html! {}))
            p { (text) }
            div class="vireo-actions" { (buttons(&frame, &base, power.rests, power.job.is_some())) }
            div class="vireo-grid" {
                @if let Some(steps) = &steps { (parts::card(&l.t("cluster-power-job"), steps)) }
                (parts::card(&l.t("cluster-power-first"), &vms(&power.ordinary)))
                (parts::card(&l.t("cluster-power-then"), &vms(&power.highly_available)))
                (parts::card(&l.t("hosts"), &html! { ul class="pf-v6-c-list" { @for host in hosts { li { (host) } } } }))
            }
        };
        Ok(frame.page(&title, "cluster host vm job", &content))
    };
    details::answer(&http, result.await)
}

fn buttons(frame: &Frame, base: &str, rests: bool, under_way: bool) -> Markup {
    let l = frame.l;
    let post =
        |word: &str, key: &str, class: &str| parts::post(frame, &format!("{base}/power/{word}"), &l.t(key), class);
    html! {
        @if under_way {
            @if rests { (post("calloff", "cluster-power-off", "pf-m-danger")) }
        } @else if rests {
            (post("up", "cluster-power-up", "pf-m-primary"))
            (post("calloff", "cluster-power-free", "pf-m-secondary"))
        } @else {
            (post("down", "cluster-power-down", "pf-m-danger"))
        }
        (parts::link_button(base, &l.t("cancel"), "pf-m-link"))
    }
}

fn vms(all: &[(VmId, String)]) -> Markup {
    html! {
        @if all.is_empty() { p { "–" } }
        @else { ul class="pf-v6-c-list" { @for (id, name) in all { li { (link("vms", *id, name)) } } } }
    }
}

/// The page again, with what is under way now.
fn page_of(cluster: ClusterId) -> String {
    format!("/admin/clusters/{cluster}/power")
}

async fn shut_down(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    done(&shared, &http, &body, async |cx| {
        let cluster = id("cluster", &path)?;
        cluster_power::shut_down(&cx, cluster).await?;
        Ok(page_of(cluster))
    })
    .await
}

async fn start(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    done(&shared, &http, &body, async |cx| {
        let cluster = id("cluster", &path)?;
        cluster_power::start(&cx, cluster).await?;
        Ok(page_of(cluster))
    })
    .await
}

async fn call_off(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    done(&shared, &http, &body, async |cx| {
        let cluster = id("cluster", &path)?;
        cluster_power::call_off(&cx, cluster).await?;
        Ok(page_of(cluster))
    })
    .await
}
