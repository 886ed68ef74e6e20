//! Clusters: their pages, and their removal.

mod form;

use super::card::{Detail, events_of, link, links, show, text};
use super::confirm::Question;
use super::details::search_link;
use super::{admin, changing, cluster_power, cluster_upgrade, details, id};
use crate::engine::permissions::may;
use crate::engine::scheduler::policies;
use crate::engine::{Cx, EngineError, catalog, clusters};
use crate::model::cluster::ClusterView;
use crate::model::cluster_settings::{ClusterMigration, ClusterSettings, FencingPolicy, MigrationBandwidth};
use crate::model::ids::ClusterId;
use crate::model::network::NetworkView;
use crate::model::permission::ObjectKind;
use crate::model::role::Action;
use crate::model::scheduling::SchedulingPolicy;
use crate::web::locale::Locale;
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::{Frame, parts};
use crate::web::words;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

const LIST: &str = "/admin/clusters";

/// `/admin/clusters/…`
pub fn routes(config: &mut web::ServiceConfig) {
    form::routes(config);
    config
        .route("/admin/clusters/{id}", web::get().to(detail))
        .route("/admin/clusters/{id}/remove", web::get().to(confirm))
        .route("/admin/clusters/{id}/remove", web::post().to(remove));
}

/// The CPU that guests see.
pub fn cpu_name(l: Locale, model: &str) -> String {
    if model.is_empty() { l.t("cpu-of-host") } else { model.to_owned() }
}

/// The same of a cluster, whose CPU may be computed.
fn whole_cpu_name(l: Locale, set: &ClusterSettings) -> String {
    let Some(features) = &set.cpu_features else { return cpu_name(l, &set.cpu_type) };
    let more = features.iter().filter(|feature| feature.has).count().to_string();
    let less: Vec<&str> = features.iter().filter(|feature| !feature.has).map(|f| f.name.as_str()).collect();
    let (model, less) = (set.cpu_type.as_str(), if less.is_empty() { "–".to_owned() } else { less.join(", ") });
    l.ta("cpu-computed", &[("model", model), ("more", &more), ("less", &less)])
}

async fn detail(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let l = frame.l;
        let c = catalog::cluster(&cx, id::<ClusterId>("cluster", &path)?).await?;
        let permits = may::on(&cx, vec![c.id.object()]).await?;
        let here = format!("{LIST}/{}", c.id);
        let power = cluster_power::button(&cx, l, c.id).await?;
        let upgrade = cluster_upgrade::button(&cx, l, c.id).await?;
        let actions = html! {
            (upgrade)
            (power)
            @if permits.may(Action::EditClusterConfiguration, c.id.object()) { (parts::link_button(&format!("{here}/edit"), &l.t("edit"), "pf-m-primary")) }
            @if permits.may(Action::DeleteCluster, c.id.object()) { (parts::link_button(&format!("{here}/remove"), &l.t("remove"), "pf-m-danger")) }
        };
        let cards = cards(&cx, &frame, &c).await?;
        let facts = facts(l, &c, mac_pool(&cx, &c).await?);
        let detail = Detail { title: c.name, actions, facts, cards, ..Detail::default() };
        show(&cx, &frame, detail, "cluster host vm event", ObjectKind::Cluster, c.id.object()).await
    };
    details::answer(&http, result.await)
}

async fn mac_pool(cx: &Cx, c: &ClusterView) -> Result<String, EngineError> {
    let found = catalog::mac_pools(cx).await?.into_iter().find(|pool| pool.id == c.mac_pool);
    Ok(found.map_or_else(|| "-".to_owned(), |pool| pool.name))
}

fn facts(l: Locale, c: &ClusterView, mac_pool: String) -> Vec<(String, Markup)> {
    vec![
        (l.t("description"), text(&c.description)),
        (l.t("comment"), text(&c.comment)),
        (l.t("data-center"), link("data_centers", c.data_center, &c.data_center_name)),
        (l.t("compatibility"), text(&c.compatibility)),
        (l.t("cpu-type"), text(whole_cpu_name(l, &c.settings))),
        (l.t("cluster-mac-pool"), text(mac_pool)),
        (l.t("vms"), search_link("vms", "cluster", &c.name, c.vms)),
        ("ID".to_owned(), text(c.id)),
    ]
}

async fn cards(cx: &Cx, frame: &Frame, c: &ClusterView) -> Result<Vec<Markup>, EngineError> {
    let l = frame.l;
    let hosts = catalog::hosts(cx, &details::all()).await?.rows;
    let hosts = hosts.iter().filter(|h| h.cluster == c.id).map(|h| {
        html! { (link("hosts", h.id, &h.name)) " " (parts::status(l, h.status.as_str())) " " (h.active_vms) " " (l.t("vms")) }
    });
    let policies = policies::list(cx).await?;
    let networks = catalog::networks(cx, &details::all()).await?.rows;
    let set = &c.settings;
    Ok(vec![
        parts::card(&l.t("hosts"), &links(l, hosts)),
        parts::card(&l.t("cluster-optimization"), &parts::facts(&optimization(l, set))),
        parts::card(&l.t("cluster-migration"), &parts::facts(&migration(l, &set.migration, &networks))),
        parts::card(&l.t("cluster-scheduling"), &parts::facts(&scheduling(l, set, &policies))),
        parts::card(&l.t("cluster-fencing"), &parts::facts(&fencing(l, &set.fencing))),
        super::scheduling::card(cx, frame, c.id).await?,
        events_of(cx, l, c.id.object()).await?,
    ])
}

fn yes_no(l: Locale, yes: bool) -> Markup {
    text(l.t(if yes { "yes" } else { "no" }))
}

fn optimization(l: Locale, set: &ClusterSettings) -> Vec<(String, Markup)> {
    vec![
        (l.t("memory-overcommit"), text(l.t(&format!("overcommit-{}", set.memory_overcommit)))),
        (l.t("threads-as-cores"), yes_no(l, set.threads_as_cores)),
        (l.t("cluster-ballooning"), yes_no(l, set.ballooning)),
        (l.t("cluster-ksm"), yes_no(l, set.ksm)),
    ]
}

fn migration(l: Locale, set: &ClusterMigration, networks: &[NetworkView]) -> Vec<(String, Markup)> {
    let network = networks.iter().find(|network| Some(network.id) == set.network);
    let bandwidth = match set.bandwidth {
        MigrationBandwidth::Custom => format!("{} Mbps", set.custom_mbps),
        other => l.t(&format!("bandwidth-{other}")),
    };
    vec![
        (l.t("migration-policy"), text(l.t(&format!("policy-{}", set.policy)))),
        (l.t("cluster-bandwidth"), text(bandwidth)),
        (
            l.t("migration-network"),
            network.map_or_else(|| text(l.t("migration-network-usual")), |n| link("networks", n.id, &n.name)),
        ),
        (l.t("on-error"), text(l.t(&format!("on-error-{}", set.on_error)))),
    ]
}

fn scheduling(l: Locale, set: &ClusterSettings, policies: &[SchedulingPolicy]) -> Vec<(String, Markup)> {
    let policy = policies.iter().find(|policy| policy.id == set.scheduling.policy);
    let mut all = vec![(l.t("scheduling-policy"), text(policy.map_or("-", |policy| policy.name.as_str())))];
    let numbers = policy.map(SchedulingPolicy::reads).unwrap_or_default();
    all.extend(numbers.into_iter().filter_map(|property| {
        let number = policy?.number(&set.scheduling.properties, property)?;
        Some((l.t(&format!("property-{property}")), text(number)))
    }));
    all.push((l.t("ha-reservation"), yes_no(l, set.ha_reservation)));
    all
}

fn fencing(l: Locale, set: &FencingPolicy) -> Vec<(String, Markup)> {
    let silent = set.skip_if_silent_percent.map_or_else(|| l.t("no"), |percent| format!("{percent} %"));
    vec![
        (l.t("fencing-enabled"), yes_no(l, set.enabled)),
        (l.t("skip-if-storage-active"), yes_no(l, set.skip_if_storage_active)),
        (l.t("skip-if-silent"), text(silent)),
    ]
}

async fn confirm(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        Ok(ask(&frame, &catalog::cluster(&cx, id("cluster", &path)?).await?, None))
    };
    details::answer(&http, result.await)
}

fn ask(frame: &Frame, view: &ClusterView, refused: Option<&str>) -> HttpResponse {
    let (l, here) = (frame.l, format!("{LIST}/{}", view.id));
    let title = l.ta("confirm-remove-cluster", &[("name", &view.name)]);
    let text = html! {
        @if let Some(why) = refused { (parts::alert("danger", why)) }
        p { (l.t("confirm-remove-cluster-text")) }
    };
    let button = Some((format!("{here}/remove"), l.t("remove"), "pf-m-danger"));
    Question { title, text, button, back: here, topics: "" }.page(frame)
}

async fn remove(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, frame, _) = changing(&shared, &http, &body).await?;
        let cluster = id::<ClusterId>("cluster", &path)?;
        match clusters::remove(&cx, cluster).await {
            Err(why @ EngineError::Conflict(_)) => {
                Ok(ask(&frame, &catalog::cluster(&cx, cluster).await?, Some(&words::error(frame.l, &why))))
            }
            other => other.map(|()| to(LIST)),
        }
    };
    details::answer(&http, result.await)
}
