//! The hosts of a cluster are upgraded one after another: which ones, what stands against it, and how far it is.

use super::card::link;
use super::vm_form::hinted;
use super::{admin, changing, id};
use crate::engine::cluster_upgrade::{self, ClusterUpgrade, Wanted};
use crate::engine::permissions::may;
use crate::engine::{Cx, EngineError, catalog, jobs};
use crate::model::host_upgrade::{Course, HostTurn, Turn};
use crate::model::ids::ClusterId;
use crate::model::job::{JobView, StepStatus};
use crate::model::role::Action;
use crate::web::admin::details;
use crate::web::locale::Locale;
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::form::{Filled, form};
use crate::web::ui::{Frame, parts};
use crate::web::{error, told::told, words};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

/// `/admin/clusters/{id}/upgrade…`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/clusters/{id}/upgrade", web::get().to(page))
        .route("/admin/clusters/{id}/upgrade", web::post().to(begin))
        .route("/admin/clusters/{id}/upgrade/calloff", web::post().to(call_off));
}

/// The way here, for who may.
///
/// # Errors
/// The database failed.
pub async fn button(cx: &Cx, l: Locale, cluster: ClusterId) -> Result<Markup, EngineError> {
    let permits = may::on(cx, vec![cluster.object()]).await?;
    let needed = [Action::ManipulateHost, Action::EditHostConfiguration];
    let allowed = needed.iter().all(|action| permits.may(*action, cluster.object()));
    let address = format!("/admin/clusters/{cluster}/upgrade");
    Ok(html! { @if allowed { (parts::link_button(&address, &l.t("cluster-upgrade"), "pf-m-secondary")) } })
}

async fn page(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let l = frame.l;
        let cluster = catalog::cluster(&cx, id::<ClusterId>("cluster", &path)?).await?;
        let view = cluster_upgrade::view(&cx, cluster.id).await?;
        let turn = match view.course.as_ref().and_then(Course::running).and_then(|turn| turn.job) {
            // Who may not see it sees the rest.
            Some(job) => jobs::get(&cx, job).await.ok(),
            None => None,
        };
        let title = l.ta("cluster-upgrade-of", &[("name", &cluster.name)]);
        let back = format!("/admin/clusters/{}", cluster.id);
        let content = html! {
            (parts::heading(&title, &html! {}, &html! {}))
            p { (l.t("cluster-upgrade-text")) }
            @if view.job.is_some() {
                @if let Some(course) = &view.course { (progress(&frame, course, turn.as_ref())) }
                @if view.called_off { (parts::alert("info", &l.t("cluster-upgrade-off-text"))) }
                @else { div class="vireo-actions" { (parts::post(&frame, &format!("{back}/upgrade/calloff"), &l.t("cluster-upgrade-off"), "pf-m-danger")) } }
            } @else {
                (before(&frame, &view, &back))
                @if let Some(course) = &view.course { (parts::card(&l.t("cluster-upgrade-last"), &turns(l, course))) }
            }
        };
        Ok(frame.page(&title, "cluster host vm job", &content))
    };
    details::answer(&http, result.await)
}

/// "2 of 5: host3: Upgrade its packages"
fn progress(frame: &Frame, course: &Course, turn: Option<&JobView>) -> Markup {
    let l = frame.l;
    let all = course.hosts.len();
    let now = course.hosts.iter().position(|one| one.turn == Turn::Running);
    let step = turn.and_then(|job| job.steps.iter().find(|step| step.status == StepStatus::Started));
    let said = now.zip(course.running()).map(|(at, host)| {
        let (number, all) = ((at + 1).to_string(), all.to_string());
        let mut values = vec![("number", number.as_str()), ("all", all.as_str()), ("host", host.name.as_str())];
        match step {
            None => l.ta("cluster-upgrade-now", &values),
            Some(step) => {
                let step = l.t(&format!("step-{}", step.name));
                values.push(("step", &step));
                l.ta("cluster-upgrade-step", &values)
            }
        }
    });
    html! {
        div class="vireo-progress" {
            progress max=(all) value=(course.done()) aria-label=(l.t("progress")) {} " "
            @if let Some(said) = said { span data-progress { (said) } }
        }
        (parts::card(&l.t("hosts"), &turns(l, course)))
    }
}

fn turns(l: Locale, course: &Course) -> Markup {
    let colour = |turn: Turn| match turn {
        Turn::Done => "pf-m-green",
        Turn::Failed => "pf-m-red",
        Turn::Running => "pf-m-blue",
        Turn::Waiting | Turn::Left => "",
    };
    let one = |one: &HostTurn| {
        html! {
            (link("hosts", one.host, &one.name)) " " (parts::label(&l.t(&format!("turn-{}", one.turn)), colour(one.turn)))
            @if let Some(job) = one.job { " " (link("jobs", job, &l.t("job"))) }
            @if !one.why.is_empty() { " " span class="vireo-error" { (told(l, &one.why)) } }
        }
    };
    html! { ol class="pf-v6-c-list vireo-steps" { @for host in &course.hosts { li { (one(host)) } } } }
}

/// Which hosts, and what keeps each from being emptied.
fn before(frame: &Frame, view: &ClusterUpgrade, back: &str) -> Markup {
    let l = frame.l;
    let heads = [l.t("host"), l.t("status"), l.t("cluster-upgrade-can")];
    let rows: Vec<Vec<Markup>> = view
        .hosts
        .iter()
        .map(|(host, can)| {
            let can = match can {
                Ok(()) => html! { (l.t("yes")) },
                Err(why) => html! { span class="vireo-error" { (words::error(l, why)) } },
            };
            vec![link("hosts", host.id, &host.name), parts::status(l, host.status.as_str()), can]
        })
        .collect();
    let stuck = view.hosts.iter().any(|(_, can)| can.is_err());
    let check =
        |label: &str, name: &'static str, hint: &str| hinted(l, label, name, name, l.t(hint)).check(&Filled::default());
    let fields = html! {
        (check("upgrade-reboot", "reboot", "upgrade-reboot-hint"))
        (check("cluster-upgrade-maintenance", "maintenance", "cluster-upgrade-maintenance-hint"))
    };
    html! {
        @if !rows.is_empty() { (parts::table(&l.t("hosts"), &heads, &rows)) }
        @if stuck { (parts::alert("warning", &l.t("cluster-upgrade-stuck"))) }
        @if stuck || rows.is_empty() { div class="vireo-actions" { (parts::link_button(back, &l.t("cancel"), "pf-m-link")) } }
        @else { (form(frame, &format!("{back}/upgrade"), back, &l.t("cluster-upgrade"), &[], &fields)) }
    }
}

fn answered(http: &HttpRequest, path: &str, result: Result<(), EngineError>) -> HttpResponse {
    match result {
        Ok(()) => to(&format!("/admin/clusters/{path}/upgrade")),
        Err(e) => error::page(http, &e),
    }
}

async fn begin(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, _, values) = changing(&shared, &http, &body).await?;
        let on = |name: &str| values.get(name).is_some_and(|value| value == "1");
        let wanted = Wanted { maintenance: on("maintenance"), reboot: on("reboot") };
        cluster_upgrade::upgrade(&cx, id("cluster", &path)?, wanted).await.map(drop)
    };
    answered(&http, &path, result.await)
}

async fn call_off(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, ..) = changing(&shared, &http, &body).await?;
        cluster_upgrade::call_off(&cx, id("cluster", &path)?).await
    };
    answered(&http, &path, result.await)
}
