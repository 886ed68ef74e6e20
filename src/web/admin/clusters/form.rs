//! New Cluster and Edit Cluster: oVirt's dialog in its sections.

use super::super::vm_form::{cpus, field, hinted, parsed};
use super::super::{admin, changing, details, id};
use super::{LIST, cpu_name, whole_cpu_name};
use crate::engine::scheduler::policies;
use crate::engine::{Cx, EngineError, catalog, clusters};
use crate::model::cluster::{ClusterConfig, ClusterView};
use crate::model::cluster_settings::*;
use crate::model::cpu::{MODELS, common};
use crate::model::data_center::LEVELS;
use crate::model::host::HostView;
use crate::model::ids::{ClusterId, DataCenterId};
use crate::model::migration::MigrationPolicyName;
use crate::model::scheduling::{ClusterScheduling, Property, SchedulingPolicy};
use crate::model::valid::{Invalid, Problem};
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::form::{Choice, Filled, form, section};
use crate::web::ui::{Frame, parts};
use crate::web::words;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use std::collections::HashMap;

type Values = HashMap<String, String>;

/// `/admin/clusters/new`, `/admin/clusters/{id}/edit`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/clusters/new", web::get().to(new_page))
        .route("/admin/clusters/new", web::post().to(create))
        .route("/admin/clusters/{id}/edit", web::get().to(edit_page))
        .route("/admin/clusters/{id}/edit", web::post().to(update));
}

/// What the CPU field says instead of a model: as it was computed, and: compute it now. (No model has such a name.)
const COMPUTED: &str = "=";
const COMPUTE: &str = "?";
const CUSTOM_BANDWIDTH: &str = "migration.bandwidth.custom_value";
const THRESHOLD: &str = "fencing_policy.skip_if_connectivity_broken.threshold";

/// Engine names of the fields that have a place of their own.
fn shown() -> Vec<&'static str> {
    let own = ["name", "description", "comment", "data_center", "version", "mac_pool", "cpu.type"];
    own.into_iter()
        .chain([CUSTOM_BANDWIDTH, "migration.network", THRESHOLD])
        .chain(Property::ALL.iter().map(|property| property.as_str()))
        .collect()
}

/// What the form offers.
struct Offer {
    centers: Vec<Choice>,
    pools: Vec<Choice>,
    cpus: Vec<Choice>,
    policies: Vec<SchedulingPolicy>,
    /// None: the data center is still to be chosen.
    networks: Option<Vec<Choice>>,
}

async fn offer(cx: &Cx, frame: &Frame, of: Option<&ClusterView>) -> Result<Offer, EngineError> {
    let centers = catalog::data_centers(cx, &details::all()).await?.rows;
    let mut pools = catalog::mac_pools(cx).await?;
    pools.sort_by_key(|pool| !pool.default);
    let mut hosts = catalog::hosts(cx, &details::all()).await?.rows;
    if let Some(view) = of.filter(|view| hosts.iter().any(|host| host.cluster == view.id)) {
        hosts.retain(|host| host.cluster == view.id);
    }
    Ok(Offer {
        centers: centers.iter().map(|center| Choice::new(center.id, &center.name)).collect(),
        pools: pools.iter().map(|pool| Choice::new(pool.id, &pool.name)).collect(),
        cpus: cpu_choices(frame, &hosts, of),
        policies: policies::list(cx).await?,
        networks: match of {
            Some(view) => Some(network_choices(cx, frame, view).await?),
            None => None,
        },
    })
}

/// Over which hosts of the cluster may send guests to one another.
async fn network_choices(cx: &Cx, frame: &Frame, view: &ClusterView) -> Result<Vec<Choice>, EngineError> {
    let all = catalog::networks(cx, &details::all()).await?.rows;
    let own = all.iter().filter(|network| network.data_center == view.data_center);
    let own = own.map(|network| Choice::new(network.id, &network.name));
    Ok([Choice::new("", frame.l.t("migration-network-usual"))].into_iter().chain(own).collect())
}

/// The CPUs of the hosts; where some hosts do not offer one, it is said who.
fn cpu_choices(frame: &Frame, hosts: &[HostView], of: Option<&ClusterView>) -> Vec<Choice> {
    let l = frame.l;
    let mut all = vec![Choice::new("", cpu_name(l, ""))];
    if let Some(view) = of {
        all.extend(
            view.settings.cpu_features.is_some().then(|| Choice::new(COMPUTED, whole_cpu_name(l, &view.settings))),
        );
        all.push(Choice::new(COMPUTE, l.t("cpu-compute")));
    }
    let own: Vec<&HostView> = hosts.iter().filter(|host| of.is_some_and(|view| host.cluster == view.id)).collect();
    let base = common(own.iter().map(|host| host.facts.cpu_models.as_slice()));
    all.extend(base.map(|model| Choice::new(model, l.ta("cpu-common", &[("model", model)]))));
    let mut models = cpus(hosts);
    // One without hosts takes any that will come.
    if own.is_empty() {
        models
            .extend(MODELS.iter().filter(|model| !hosts.iter().any(|h| h.facts.has_cpu(model))).map(|m| m.to_string()));
    }
    models.retain(|model| Some(model.as_str()) != base);
    for model in models {
        let without = hosts.iter().filter(|host| !host.facts.has_cpu(&model)).map(|host| host.name.as_str());
        let without: Vec<&str> = without.collect();
        let text = match without.is_empty() || own.is_empty() {
            true => model.clone(),
            false => l.ta("cpu-not-on", &[("model", &model), ("hosts", &without.join(", "))]),
        };
        all.push(Choice::new(&model, text));
    }
    if let Some(has) = of.filter(|view| view.settings.cpu_features.is_none()).map(|view| &view.settings.cpu_type)
        && !all.iter().any(|choice| choice.value == *has)
    {
        all.push(Choice::new(has, has));
    }
    all
}

fn general(frame: &Frame, offer: &Offer, existing: Option<&ClusterView>, filled: &Filled) -> Markup {
    let l = frame.l;
    let levels: Vec<Choice> = LEVELS.iter().map(|level| Choice::new(level, level)).collect();
    let content = html! {
        @match existing {
            Some(view) => (field(l, "data-center", "", "").fixed(&view.data_center_name)),
            None => (field(l, "data-center", "data_center", "data_center").choose(filled, &offer.centers)),
        }
        (field(l, "name", "name", "name").input(filled, "text"))
        (field(l, "description", "description", "description").input(filled, "text"))
        (field(l, "comment", "comment", "comment").input(filled, "text"))
        (hinted(l, "cpu-type", "cpu_type", "cpu.type", l.t("cluster-cpu-hint")).choose(filled, &offer.cpus))
        (field(l, "compatibility", "compatibility", "version").choose(filled, &levels))
        (field(l, "cluster-mac-pool", "mac_pool", "mac_pool").choose(filled, &offer.pools))
    };
    section("general", &l.t("general"), &content)
}

fn optimization(frame: &Frame, filled: &Filled) -> Markup {
    let l = frame.l;
    let overcommit: Vec<Choice> =
        MemoryOvercommit::ALL.iter().map(|o| Choice::new(o, l.t(&format!("overcommit-{o}")))).collect();
    let content = html! {
        (hinted(l, "memory-overcommit", "overcommit", "", l.t("memory-overcommit-hint")).choose(filled, &overcommit))
        (hinted(l, "threads-as-cores", "threads_as_cores", "", l.t("threads-as-cores-hint")).check(filled))
        (hinted(l, "cluster-ballooning", "ballooning", "", l.t("cluster-ballooning-hint")).check(filled))
        (hinted(l, "cluster-ksm", "ksm", "", l.t("cluster-ksm-hint")).check(filled))
    };
    section("optimization", &l.t("cluster-optimization"), &content)
}

fn migration(frame: &Frame, offer: &Offer, filled: &Filled) -> Markup {
    let l = frame.l;
    let policies: Vec<Choice> =
        MigrationPolicyName::ALL.iter().rev().map(|p| Choice::new(p, l.t(&format!("policy-{p}")))).collect();
    let bandwidths: Vec<Choice> =
        MigrationBandwidth::ALL.iter().map(|b| Choice::new(b, l.t(&format!("bandwidth-{b}")))).collect();
    let on_error: Vec<Choice> =
        MigrateOnError::ALL.iter().map(|o| Choice::new(o, l.t(&format!("on-error-{o}")))).collect();
    let content = html! {
        (hinted(l, "migration-policy", "migration_policy", "", l.t("migration-policy-hint")).choose(filled, &policies))
        (hinted(l, "cluster-bandwidth", "bandwidth", "", l.t("cluster-bandwidth-hint")).choose(filled, &bandwidths))
        div data-when="bandwidth" data-is=(MigrationBandwidth::Custom) {
            (field(l, "custom-mbps", "custom_mbps", CUSTOM_BANDWIDTH).input(filled, "number"))
        }
        @if let Some(networks) = &offer.networks {
            (hinted(l, "migration-network", "migration_network", "migration.network", l.t("migration-network-hint")).choose(filled, networks))
        }
        (hinted(l, "on-error", "on_error", "", l.t("on-error-hint")).choose(filled, &on_error))
    };
    section("migration", &l.t("cluster-migration"), &content)
}

/// Each number once, with the policies that read it.
fn scheduling(frame: &Frame, offer: &Offer, filled: &Filled) -> Markup {
    let l = frame.l;
    let policies: Vec<Choice> = offer.policies.iter().map(|p| Choice::new(p.id, &p.name)).collect();
    let readers = |property: Property| {
        let all = offer.policies.iter().filter(move |policy| policy.reads().contains(&property));
        all.map(|policy| policy.id.to_string()).collect::<Vec<_>>().join(" ")
    };
    let content = html! {
        (hinted(l, "scheduling-policy", "policy", "scheduling_policy", l.t("scheduling-policy-hint")).choose(filled, &policies))
        @for property in Property::ALL.iter().copied().filter(|property| !readers(*property).is_empty()) {
            @let (min, max) = property.range();
            @let hint = l.ta("property-hint", &[("min", &min.to_string()), ("max", &max.to_string())]);
            div data-when="policy" data-is=(readers(property)) {
                (hinted(l, &format!("property-{property}"), &format!("p_{property}"), property.as_str(), hint).input(filled, "number"))
            }
        }
        (hinted(l, "ha-reservation", "ha_reservation", "", l.t("ha-reservation-hint")).check(filled))
    };
    section("scheduling", &l.t("cluster-scheduling"), &content)
}

fn fencing(frame: &Frame, filled: &Filled) -> Markup {
    let l = frame.l;
    let content = html! {
        (hinted(l, "fencing-enabled", "fencing_enabled", "", l.t("fencing-enabled-hint")).check(filled))
        (hinted(l, "skip-if-storage-active", "skip_if_storage_active", "", l.t("skip-if-storage-active-hint")).check(filled))
        (hinted(l, "skip-if-silent", "skip_if_silent", "", l.t("skip-if-silent-hint")).check(filled))
        (field(l, "silent-percent", "silent_percent", THRESHOLD).input(filled, "number"))
    };
    section("fencing", &l.t("cluster-fencing"), &content)
}

fn page(
    frame: &Frame,
    offer: &Offer,
    existing: Option<&ClusterView>,
    notice: &Markup,
    filled: &Filled,
) -> HttpResponse {
    let l = frame.l;
    let (title, action, back, submit) = match existing {
        Some(view) => {
            let here = format!("{LIST}/{}", view.id);
            (view.name.clone(), format!("{here}/edit"), here, l.t("save"))
        }
        None => (l.t("new-cluster"), format!("{LIST}/new"), LIST.to_owned(), l.t("create")),
    };
    let fields = html! {
        (notice)
        div data-tabs=(title) {
            (general(frame, offer, existing, filled))
            (optimization(frame, filled))
            (migration(frame, offer, filled))
            (scheduling(frame, offer, filled))
            (fencing(frame, filled))
        }
    };
    let others = filled.others(l, &shown());
    let content = html! {
        (parts::heading(&title, &html! {}, &html! {}))
        (form(frame, &action, &back, &submit, &others, &fields))
    };
    frame.page(&title, "", &content)
}

fn values_of(config: &ClusterConfig) -> Values {
    let set = &config.settings;
    let flag = |on: bool| if on { "1" } else { "" }.to_owned();
    let mut values: Values = [
        ("name", config.name.clone()),
        ("description", config.description.clone()),
        ("comment", config.comment.clone()),
        ("compatibility", config.compatibility.clone()),
        ("mac_pool", config.mac_pool.map(|pool| pool.to_string()).unwrap_or_default()),
        ("cpu_type", if set.cpu_features.is_some() { COMPUTED.to_owned() } else { set.cpu_type.clone() }),
        ("overcommit", set.memory_overcommit.to_string()),
        ("threads_as_cores", flag(set.threads_as_cores)),
        ("ballooning", flag(set.ballooning)),
        ("ksm", flag(set.ksm)),
        ("migration_policy", set.migration.policy.to_string()),
        ("bandwidth", set.migration.bandwidth.to_string()),
        ("custom_mbps", Some(set.migration.custom_mbps).filter(|n| *n > 0).map(|n| n.to_string()).unwrap_or_default()),
        ("on_error", set.migration.on_error.to_string()),
        ("migration_network", set.migration.network.map(|id| id.to_string()).unwrap_or_default()),
        ("policy", set.scheduling.policy.to_string()),
        ("ha_reservation", flag(set.ha_reservation)),
        ("fencing_enabled", flag(set.fencing.enabled)),
        ("skip_if_storage_active", flag(set.fencing.skip_if_storage_active)),
        ("skip_if_silent", flag(set.fencing.skip_if_silent_percent.is_some())),
        ("silent_percent", set.fencing.skip_if_silent_percent.unwrap_or(50).to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    let numbers = set.scheduling.properties.iter();
    values.extend(numbers.map(|(property, number)| (format!("p_{property}"), number.to_string())));
    values
}

/// A word of a select; the form offers no others.
fn word<T: std::str::FromStr + Copy>(values: &Values, name: &str, usual: T) -> T {
    values.get(name).and_then(|word| word.parse().ok()).unwrap_or(usual)
}

fn read(values: &Values, policies: &[SchedulingPolicy]) -> Result<ClusterConfig, EngineError> {
    let mut wrong: Vec<Invalid> = Vec::new();
    let text = |name: &str| values.get(name).cloned().unwrap_or_default();
    let flag = |name: &str| values.get(name).is_some_and(|value| value == "1");
    let usual = ClusterSettings::default();
    let migration = ClusterMigration {
        policy: word(values, "migration_policy", usual.migration.policy),
        bandwidth: word(values, "bandwidth", usual.migration.bandwidth),
        custom_mbps: parsed(values, "custom_mbps", CUSTOM_BANDWIDTH, &mut wrong).unwrap_or_default(),
        on_error: word(values, "on_error", usual.migration.on_error),
        network: values.get("migration_network").and_then(|id| id.parse().ok()),
    };
    let policy = word(values, "policy", usual.scheduling.policy);
    let reads = policies.iter().find(|known| known.id == policy).map(SchedulingPolicy::reads).unwrap_or_default();
    let mut scheduling = ClusterScheduling { policy, ..ClusterScheduling::default() };
    for property in reads {
        let number = parsed(values, &format!("p_{property}"), property.as_str(), &mut wrong);
        scheduling.properties.extend(number.map(|number| (property, number)));
    }
    let percent = parsed(values, "silent_percent", THRESHOLD, &mut wrong);
    let fencing = FencingPolicy {
        enabled: flag("fencing_enabled"),
        skip_if_storage_active: flag("skip_if_storage_active"),
        skip_if_silent_percent: flag("skip_if_silent").then(|| percent.unwrap_or_default()),
    };
    let settings = ClusterSettings {
        cpu_type: text("cpu_type"),
        cpu_features: None,
        memory_overcommit: word(values, "overcommit", usual.memory_overcommit),
        threads_as_cores: flag("threads_as_cores"),
        ballooning: flag("ballooning"),
        ksm: flag("ksm"),
        scheduling,
        ha_reservation: flag("ha_reservation"),
        migration,
        fencing,
    };
    if !wrong.is_empty() {
        return Err(EngineError::Invalid(wrong));
    }
    Ok(ClusterConfig {
        name: text("name"),
        description: text("description"),
        comment: text("comment"),
        mac_pool: values.get("mac_pool").and_then(|id| id.parse().ok()),
        compatibility: text("compatibility"),
        settings,
    })
}

async fn new_page(shared: web::Data<Shared>, http: HttpRequest, query: web::Query<Values>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let mut values = values_of(&ClusterConfig::default());
        values.extend(query.get("data_center").map(|center| ("data_center".to_owned(), center.clone())));
        Ok(page(&frame, &offer(&cx, &frame, None).await?, None, &html! {}, &Filled { values, wrong: Vec::new() }))
    };
    details::answer(&http, result.await)
}

fn center(values: &Values) -> Result<DataCenterId, EngineError> {
    let text = values.get("data_center").map_or("", String::as_str);
    let none = |_| Invalid::new("data_center", Problem::NoSuch { value: text.chars().take(64).collect() });
    Ok(text.parse().map_err(none)?)
}

async fn create(shared: web::Data<Shared>, http: HttpRequest, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, frame, values) = changing(&shared, &http, &body).await?;
        let offer = offer(&cx, &frame, None).await?;
        let done = match read(&values, &offer.policies).and_then(|new| Ok((center(&values)?, new))) {
            Ok((center, new)) => clusters::add(&cx, center, new).await,
            Err(e) => Err(e),
        };
        match done {
            Ok(made) => Ok(to(&format!("{LIST}/{made}"))),
            Err(e) => again(&frame, &offer, None, values, e),
        }
    };
    details::answer(&http, result.await)
}

/// The form once more with what is wrong, or the error that is not of the form.
fn again(
    frame: &Frame,
    offer: &Offer,
    existing: Option<&ClusterView>,
    values: Values,
    error: EngineError,
) -> Result<HttpResponse, EngineError> {
    match error {
        EngineError::Invalid(wrong) => Ok(page(frame, offer, existing, &html! {}, &Filled { values, wrong })),
        EngineError::Conflict(_) => {
            let refused = parts::alert("danger", &words::error(frame.l, &error));
            Ok(page(frame, offer, existing, &refused, &Filled { values, wrong: Vec::new() }))
        }
        other => Err(other),
    }
}

/// The CPU that the field means.
async fn with_cpu(cx: &Cx, view: &ClusterView, mut new: ClusterConfig) -> Result<ClusterConfig, EngineError> {
    let set = &mut new.settings;
    if set.cpu_type == COMPUTED {
        (set.cpu_type, set.cpu_features) = (view.settings.cpu_type.clone(), view.settings.cpu_features.clone());
    } else if set.cpu_type == COMPUTE {
        let found = clusters::common_cpu(cx, view.id).await?;
        (set.cpu_type, set.cpu_features) = (found.model, Some(found.features));
    }
    Ok(new)
}

/// Who would fall out and who would keep what it has, before another CPU type is taken; said once for each.
async fn cpu_warning(
    cx: &Cx,
    frame: &Frame,
    view: &ClusterView,
    new: &ClusterSettings,
    values: &Values,
) -> Result<Option<Markup>, EngineError> {
    let (model, computed) = (new.cpu_type.as_str(), new.cpu_features.is_some());
    let same = model == view.settings.cpu_type && new.cpu_features == view.settings.cpu_features;
    let chosen = values.get("cpu_type").cloned().unwrap_or_default();
    if same || values.get("cpu_seen").is_some_and(|seen| *seen == chosen) {
        return Ok(None);
    }
    let change = clusters::cpu_change(cx, view.id, model.to_owned(), computed).await?;
    if change == clusters::CpuChange::default() {
        return Ok(None);
    }
    let l = frame.l;
    let (hosts, vms) = (change.fall_out.join(", "), change.keep_old.join(", "));
    Ok(Some(html! {
        div id="cpu-change" {
            h2 class="pf-v6-c-title pf-m-lg" { (l.ta("cpu-change-title", &[("cpu", &whole_cpu_name(l, new))])) }
            @if !hosts.is_empty() { (parts::alert("danger", &l.ta("cpu-change-falls-out", &[("hosts", &hosts)]))) }
            @if !vms.is_empty() { (parts::alert("warning", &l.ta("cpu-change-keeps", &[("vms", &vms)]))) }
            p { (l.t("cpu-change-again")) }
            input type="hidden" name="cpu_seen" value=(chosen);
        }
    }))
}

async fn edit_page(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let view = catalog::cluster(&cx, id::<ClusterId>("cluster", &path)?).await?;
        let filled = Filled { values: values_of(&view.config()), wrong: Vec::new() };
        Ok(page(&frame, &offer(&cx, &frame, Some(&view)).await?, Some(&view), &html! {}, &filled))
    };
    details::answer(&http, result.await)
}

async fn update(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, frame, values) = changing(&shared, &http, &body).await?;
        let view = catalog::cluster(&cx, id::<ClusterId>("cluster", &path)?).await?;
        let offer = offer(&cx, &frame, Some(&view)).await?;
        let read = match read(&values, &offer.policies) {
            Ok(new) => with_cpu(&cx, &view, new).await,
            Err(e) => Err(e),
        };
        if let Ok(new) = &read
            && let Some(warning) = cpu_warning(&cx, &frame, &view, &new.settings, &values).await?
        {
            let filled = Filled { values, wrong: Vec::new() };
            return Ok(page(&frame, &offer, Some(&view), &warning, &filled));
        }
        let done = match read {
            Ok(new) => clusters::edit(&cx, view.id, move |_| Ok(new)).await,
            Err(e) => Err(e),
        };
        match done {
            Ok(()) => Ok(to(&format!("{LIST}/{}", view.id))),
            Err(e) => again(&frame, &offer, Some(&view), values, e),
        }
    };
    details::answer(&http, result.await)
}
