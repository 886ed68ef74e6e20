//! `clusters`: made, changed, removed, with all that is set of them. (The list and the details are with the other collections.)

use super::answer::{body, caller, id, ok, wants};
use super::data_centers::version;
use super::document::Element;
use super::entry::BASE;
use super::input::Input;
use super::{actions, fault, render};
use crate::engine::scheduler::policies;
use crate::engine::{Cx, EngineError, catalog, clusters};
use crate::model::cluster::{ClusterConfig, ClusterView};
use crate::model::cluster_settings::{ClusterMigration, ClusterSettings, FencingPolicy, MigrationBandwidth};
use crate::model::ids::{ClusterId, DataCenterId, SchedulingPolicyId};
use crate::model::migration::MigrationPolicyName;
use crate::model::page::ListQuery;
use crate::model::scheduling::{ClusterScheduling, Properties};
use crate::model::valid::{Invalid, Problem};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};

/// Paths below `clusters`.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/clusters", web::post().to(add))
        .route("/clusters/{id}", web::put().to(update))
        .route("/clusters/{id}", web::delete().to(remove));
}

/// oVirt's fields; what is known and means nothing to this engine is let through, since clients send it.
const CLUSTER: &str = "\
    actions affinity_groups ballooning_enabled bios_type comment cpu cpu_profiles custom_scheduling_policy_properties \
    data_center description display enabled_features error_handling external_network_providers fencing_policy \
    firewall_type gluster_hooks gluster_service gluster_tuned_profile gluster_volumes ha_reservation href id ksm link \
    log_max_memory_used_threshold log_max_memory_used_threshold_type mac_pool maintenance_reason_required \
    management_network memory_policy migration name network_filters networks optional_reason permissions \
    required_rng_sources scheduling_policy serial_number supported_versions switch_type threads_as_cores trusted_service \
    tunnel_migration version virt_service vnc_encryption";

/// A cluster.
pub fn document(view: &ClusterView) -> Element {
    let set = &view.settings;
    let own = set.scheduling.properties.iter();
    let own =
        own.map(|(name, value)| Element::new("property").text("name", name.as_str()).text("value", value.to_string()));
    let overcommit = i64::try_from(set.memory_overcommit.percent()).unwrap_or_default();
    let memory = Element::new("memory_policy").child(Element::new("over_commit").int("percent", overcommit));
    let policy = set.scheduling.policy;
    render::object("cluster", "clusters", view.id, &["networks", "permissions"])
        .text("name", view.name.as_str())
        .text("description", view.description.as_str())
        .text("comment", view.comment.as_str())
        .child(Element::new("cpu").text("architecture", "x86_64").some_text("type", &set.cpu_type))
        .child(render::version(&view.compatibility))
        .child(memory)
        .bool("ballooning_enabled", set.ballooning)
        .child(Element::new("ksm").bool("enabled", set.ksm).bool("merge_across_nodes", true))
        .bool("threads_as_cores", set.threads_as_cores)
        .bool("ha_reservation", set.ha_reservation)
        .child(Element::new("error_handling").text("on_error", set.migration.on_error.as_str()))
        .child(migration(&set.migration))
        .child(fencing(&set.fencing))
        .child(render::reference("scheduling_policy", "schedulingpolicies", policy))
        .list("custom_scheduling_policy_properties", "property", own.collect())
        .bool("trusted_service", false)
        .bool("tunnel_migration", false)
        .text("switch_type", "legacy")
        .bool("virt_service", true)
        .bool("gluster_service", false)
        .child(render::reference("data_center", "datacenters", view.data_center))
        .child(render::reference("mac_pool", "macpools", view.mac_pool))
}

fn migration(set: &ClusterMigration) -> Element {
    let mut bandwidth = Element::new("bandwidth").text("assignment_method", set.bandwidth.as_str());
    if set.bandwidth == MigrationBandwidth::Custom {
        bandwidth = bandwidth.int("custom_value", set.custom_mbps);
    }
    Element::new("migration").child(bandwidth).child(Element::new("policy").attribute("id", set.policy.id()))
}

fn fencing(set: &FencingPolicy) -> Element {
    let silent = Element::new("skip_if_connectivity_broken")
        .bool("enabled", set.skip_if_silent_percent.is_some())
        .int("threshold", set.skip_if_silent_percent.unwrap_or(USUAL_THRESHOLD));
    Element::new("fencing_policy")
        .bool("enabled", set.enabled)
        .child(silent)
        .child(Element::new("skip_if_sd_active").bool("enabled", set.skip_if_storage_active))
}

/// oVirt's own, where nobody says another.
const USUAL_THRESHOLD: u8 = 50;

/// oVirt's "Intel Haswell Family" is libvirt's Haswell.
fn cpu_type(text: &str) -> String {
    let short = text.trim();
    let short = short.strip_prefix("Intel ").or_else(|| short.strip_prefix("AMD ")).unwrap_or(short);
    short.strip_suffix(" Family").unwrap_or(short).trim().replace(' ', "_")
}

/// A `<cluster>` as a change of what is there. `policy`: the one that it names.
fn read(input: &Input, policy: Option<SchedulingPolicyId>, old: ClusterConfig) -> Result<ClusterConfig, EngineError> {
    input.only("cluster", CLUSTER)?;
    let text = |path: &str, old: String| input.text_at(path).map_or(old, ToOwned::to_owned);
    Ok(ClusterConfig {
        name: text("name", old.name),
        description: text("description", old.description),
        comment: text("comment", old.comment),
        mac_pool: input.parsed("mac_pool/id", "mac_pool")?.or(old.mac_pool),
        compatibility: version(input).unwrap_or(old.compatibility),
        settings: settings(input, policy, old.settings)?,
    })
}

fn settings(
    input: &Input,
    policy: Option<SchedulingPolicyId>,
    old: ClusterSettings,
) -> Result<ClusterSettings, EngineError> {
    let flag = |path, field, old: bool| Ok::<_, EngineError>(input.bool_at(path, field)?.unwrap_or(old));
    let other_cpu = input.text_at("cpu/type").map(cpu_type).filter(|model| *model != old.cpu_type);
    Ok(ClusterSettings {
        // Another than what was computed is what its name says.
        cpu_features: old.cpu_features.filter(|_| other_cpu.is_none()),
        cpu_type: other_cpu.unwrap_or(old.cpu_type),
        memory_overcommit: input
            .parsed("memory_policy/over_commit/percent", "memory_policy.over_commit.percent")?
            .unwrap_or(old.memory_overcommit),
        threads_as_cores: flag("threads_as_cores", "threads_as_cores", old.threads_as_cores)?,
        ballooning: flag("ballooning_enabled", "ballooning_enabled", old.ballooning)?,
        ksm: flag("ksm/enabled", "ksm.enabled", old.ksm)?,
        scheduling: scheduling(input, policy, old.scheduling)?,
        ha_reservation: flag("ha_reservation", "ha_reservation", old.ha_reservation)?,
        migration: read_migration(input, old.migration)?,
        fencing: read_fencing(input, old.fencing)?,
    })
}

/// With another policy the numbers begin anew.
fn scheduling(
    input: &Input,
    policy: Option<SchedulingPolicyId>,
    old: ClusterScheduling,
) -> Result<ClusterScheduling, EngineError> {
    let mut new = match policy.filter(|policy| *policy != old.policy) {
        Some(policy) => ClusterScheduling { policy, properties: Properties::new() },
        None => old,
    };
    if let Some(own) = super::scheduling::read_properties(input, "custom_scheduling_policy_properties")? {
        new.properties = own;
    }
    Ok(new)
}

fn read_migration(input: &Input, old: ClusterMigration) -> Result<ClusterMigration, EngineError> {
    let policy = match input.text_at("migration/policy/id").filter(|text| !text.is_empty()) {
        None => old.policy,
        Some(text) => {
            let known = MigrationPolicyName::ALL.iter().copied();
            let allowed = || known.clone().map(MigrationPolicyName::id).collect::<Vec<_>>().join(", ");
            let problem = || Problem::NotOneOf { value: text.chars().take(64).collect(), allowed: allowed() };
            let found = known.clone().find(|policy| policy.id() == text);
            found.ok_or_else(|| Invalid::new("migration.policy", problem()))?
        }
    };
    let method = input.parsed("migration/bandwidth/assignment_method", "migration.bandwidth.assignment_method")?;
    let custom = input.parsed("migration/bandwidth/custom_value", "migration.bandwidth.custom_value")?;
    Ok(ClusterMigration {
        policy,
        bandwidth: method.unwrap_or(old.bandwidth),
        custom_mbps: custom.unwrap_or(old.custom_mbps),
        network: old.network,
        on_error: input.parsed("error_handling/on_error", "error_handling.on_error")?.unwrap_or(old.on_error),
    })
}

fn read_fencing(input: &Input, old: FencingPolicy) -> Result<FencingPolicy, EngineError> {
    let flag = |path, field| Ok::<_, EngineError>(input.bool_at(path, field)?);
    let broken = "fencing_policy.skip_if_connectivity_broken";
    let threshold = input.parsed("fencing_policy/skip_if_connectivity_broken/threshold", broken)?;
    let asked = flag("fencing_policy/skip_if_connectivity_broken/enabled", broken)?;
    let skips = asked.unwrap_or(old.skip_if_silent_percent.is_some());
    let active = flag("fencing_policy/skip_if_sd_active/enabled", "fencing_policy.skip_if_sd_active")?;
    Ok(FencingPolicy {
        enabled: flag("fencing_policy/enabled", "fencing_policy.enabled")?.unwrap_or(old.enabled),
        skip_if_storage_active: active.unwrap_or(old.skip_if_storage_active),
        skip_if_silent_percent: skips.then(|| threshold.or(old.skip_if_silent_percent).unwrap_or(USUAL_THRESHOLD)),
    })
}

fn no_such(field: &'static str, value: &str) -> EngineError {
    Invalid::new(field, Problem::NoSuch { value: value.chars().take(64).collect() }).into()
}

/// By id, or by name as oVirt takes it, too.
async fn policy(cx: &Cx, input: &Input) -> Result<Option<SchedulingPolicyId>, EngineError> {
    let text = |path| input.text_at(path).filter(|text| !text.is_empty());
    let Some(wanted) = text("scheduling_policy/id").or_else(|| text("scheduling_policy/name")) else {
        return Ok(None);
    };
    let all = policies::list(cx).await?;
    let found = all.into_iter().find(|policy| policy.id.to_string() == wanted || policy.name == wanted);
    found.map(|policy| Some(policy.id)).ok_or_else(|| no_such("scheduling_policy", wanted))
}

pub async fn data_center(cx: &Cx, input: &Input) -> Result<DataCenterId, EngineError> {
    let text = |path| input.text_at(path).filter(|text| !text.is_empty());
    let Some(wanted) = text("data_center/id").or_else(|| text("data_center/name")) else {
        return Err(Invalid::new("data_center", Problem::Missing).into());
    };
    let all = catalog::data_centers(cx, &ListQuery { max: u32::MAX, ..ListQuery::default() }).await?.rows;
    let found = all.into_iter().find(|center| center.id.to_string() == wanted || center.name == wanted);
    found.map(|center| center.id).ok_or_else(|| no_such("data_center", wanted))
}

async fn add(request: HttpRequest, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let input = body(&request, &bytes)?;
        let new = read(&input, policy(&cx, &input).await?, ClusterConfig::default())?;
        let made = clusters::add(&cx, data_center(&cx, &input).await?, new).await?;
        Ok((made, document(&catalog::cluster(&cx, made).await?)))
    };
    match result.await {
        Ok((made, element)) => {
            let mut builder = HttpResponse::Created();
            builder.insert_header((header::LOCATION, format!("{BASE}/clusters/{made}")));
            wants(&request).write(builder, &element)
        }
        Err(error) => fault::response(&request, &error),
    }
}

async fn update(request: HttpRequest, path: web::Path<String>, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let (cluster, input) = (id::<ClusterId>("cluster", &path)?, body(&request, &bytes)?);
        let has = catalog::cluster(&cx, cluster).await?;
        if input.at("data_center").is_some() && data_center(&cx, &input).await? != has.data_center {
            return Err(Invalid::new("data_center", Problem::Fixed).into());
        }
        let policy = policy(&cx, &input).await?;
        clusters::edit(&cx, cluster, move |old| read(&input, policy, old)).await?;
        Ok(document(&catalog::cluster(&cx, cluster).await?))
    };
    ok(&request, result.await)
}

async fn remove(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        clusters::remove(&caller(&request).await?, id("cluster", &path)?).await?;
        Ok(actions::complete(None))
    };
    ok(&request, result.await)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ovirts_cpu_families_are_libvirts_models() {
        assert_eq!(cpu_type("Intel Haswell-noTSX Family"), "Haswell-noTSX");
        assert_eq!(cpu_type("AMD Opteron G3"), "Opteron_G3");
        assert_eq!(cpu_type("Nehalem"), "Nehalem");
        assert_eq!(cpu_type(""), "");
    }
}
