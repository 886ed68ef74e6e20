//! Why a VM is where it is, and what the loss of a host would mean.

use super::super::{admin, details, id};
use crate::engine::catalog;
use crate::engine::scheduler::placement::{self, Placement};
use crate::engine::scheduler::what_if::{self, Loss};
use crate::engine::scheduler::{Decision, Explained};
use crate::model::clock::Timestamp;
use crate::model::ids::{HostId, VmId};
use crate::web::locale::Locale;
use crate::web::server::Shared;
use crate::web::told::told;
use crate::web::ui::parts;
use crate::web::words;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

/// `/admin/vms/{id}/placement`, `/admin/hosts/{id}/loss`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/vms/{id}/placement", web::get().to(of_vm))
        .route("/admin/hosts/{id}/loss", web::get().to(loss));
}

/// Each host: its points and what is left of its memory, or why it is out; the best first.
pub fn hosts_table(l: Locale, label: &str, hosts: &[Explained]) -> Markup {
    let mut sorted: Vec<&Explained> = hosts.iter().collect();
    sorted.sort_by_key(|one| one.fits.as_ref().map_or(u64::MAX, |weighed| weighed.points));
    let cells = |one: &Explained| {
        let name = html! { a href={ "/admin/hosts/" (one.id) } { (one.name) } };
        match &one.fits {
            Ok(weighed) => {
                let telling = weighed.weights.iter().filter(|(_, score, better)| *score != 0.0 || *better > 0);
                let weights = telling.map(|(weight, score, better)| {
                    let (score, better) = (format!("{score:.0}"), better.to_string());
                    l.ta("weight-told", &[("weight", weight.as_str()), ("score", &score), ("better", &better)])
                });
                let weights: Vec<String> = weights.collect();
                vec![
                    name,
                    html! { (l.ta("host-fits", &[("free", &parts::memory(weighed.free_mib))])) },
                    html! { (weighed.points) },
                    html! { (weights.join("; ")) },
                ]
            }
            Err(why) => vec![name, html! { (words::no_room(l, why)) }, html! { "–" }, html! {}],
        }
    };
    let rows: Vec<Vec<Markup>> = sorted.into_iter().map(cells).collect();
    let heads = ["host", "fits", "points", "weights"].map(|key| l.t(key));
    html! { div data-explained { (parts::table(label, &heads, &rows)) } }
}

async fn of_vm(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let found = placement::placement(&cx, id::<VmId>("VM", &path)?).await?;
        let l = frame.l;
        let Placement { vm, name, policy, host, host_name, hosts, last } = found;
        let title = l.ta("placement-of", &[("name", &name)]);
        let now = match host {
            Some(_) => l.ta("placement-runs", &[("host", &host_name)]),
            None => l.t("placement-down"),
        };
        let content = html! {
            (parts::heading(&title, &html! {}, &parts::link_button(&format!("/admin/vms/{vm}"), &l.t("back"), "pf-m-secondary")))
            p { (now) " " (l.ta("placement-policy", &[("policy", &policy)])) }
            div class="vireo-wide" { (parts::card(&l.t("placement-now"), &hosts_table(l, &title, &hosts))) }
            @if let Some((at, decision)) = &last { (parts::card(&l.t("placement-last"), &decided(l, *at, decision))) }
        };
        Ok(frame.page(&title, "host vm", &content))
    };
    details::answer(&http, result.await)
}

/// A decision that was taken.
fn decided(l: Locale, at: Timestamp, decision: &Decision) -> Markup {
    html! {
        p { (parts::time(at)) " " (l.ta("placement-chosen", &[("host", &decision.chosen), ("policy", &decision.policy)])) }
        ul class="pf-v6-c-list" data-decision {
            @for (host, points, scores) in &decision.fitted {
                @let scores: Vec<String> = scores.iter().map(|(weight, score)| format!("{weight} {score:.0}")).collect();
                li { strong { (host) } " " (l.ta("placement-points", &[("points", &points.to_string())])) " – " (scores.join(", ")) }
            }
            @for (host, why) in &decision.refused { li { strong { (host) } " " (told(l, why)) } }
        }
        @if decision.more > 0 { p { (l.ta("placement-more", &[("count", &decision.more.to_string())])) } }
    }
}

async fn loss(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let host = catalog::host(&cx, id::<HostId>("host", &path)?).await?;
        let losses = what_if::loss_of(&cx, host.id).await?;
        let l = frame.l;
        let title = l.ta("loss-of", &[("name", &host.name)]);
        let fits = losses.iter().filter(|one| one.to.is_ok()).count();
        let restart = losses.iter().filter(|one| one.restarts && one.to.is_ok()).count();
        let counts = [
            ("vms", losses.len().to_string()),
            ("restart", restart.to_string()),
            ("fits", fits.to_string()),
            ("out", (losses.len() - fits).to_string()),
        ];
        let counts: Vec<(&str, &str)> = counts.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let rows: Vec<Vec<Markup>> = losses.iter().map(|one| lost(l, one)).collect();
        let heads = ["vm", "high-availability", "would-run"].map(|key| l.t(key));
        let content = html! {
            (parts::heading(&title, &html! {}, &parts::link_button(&format!("/admin/hosts/{}", host.id), &l.t("back"), "pf-m-secondary")))
            @if losses.is_empty() { p { (l.t("loss-nothing")) } } @else {
                p { (l.ta("loss-summary", &counts)) }
                div data-loss { (parts::table(&title, &heads, &rows)) }
            }
        };
        Ok(frame.page(&title, "host vm", &content))
    };
    details::answer(&http, result.await)
}

fn lost(l: Locale, one: &Loss) -> Vec<Markup> {
    vec![
        html! { a href={ "/admin/vms/" (one.vm) } { (one.name) } },
        html! { (if one.restarts { l.t("loss-restarts") } else { l.t("loss-by-hand") }) },
        match &one.to {
            Ok(host) => html! { (host) },
            Err(error) => html! { span class="vireo-error" { (words::error(l, error)) } },
        },
    ]
}
