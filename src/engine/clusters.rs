//! Clusters: made, changed, removed.

use crate::auth;
use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::data_centers::level;
use crate::engine::hosts::cpu;
use crate::engine::scheduler::policies::check_properties;
use crate::engine::{Cx, EngineError};
use crate::model::cluster::{ClusterConfig, ClusterView, MAX_CLUSTER_NAME};
use crate::model::cluster_settings::{ClusterSettings, MigrationBandwidth};
use crate::model::conflict::Conflict;
use crate::model::cpu::{CpuBase, MODELS};
use crate::model::event::{About, EventCode};
use crate::model::host::HostView;
use crate::model::ids::{ClusterId, DataCenterId, MacPoolId};
use crate::model::permission::ObjectKind;
use crate::model::role::Action;
use crate::model::valid::{self, Invalid, Problem};
use crate::model::vm::MAX_DESCRIPTION;
use crate::model::vm_settings::VmSettings;
use crate::store::hosts::list as hosts;
use crate::store::scheduling::policies;
use crate::store::scope::Scope;
use crate::store::vms::launch;
use crate::store::vms::run::{self, Which};
use crate::store::{catalog, clusters as store, data_centers};

/// No link of a host is faster.
const MAX_MBPS: u64 = 1_000_000;

/// Makes one in a data center.
///
/// # Errors
/// Refused, invalid, a local data center has its one already, or the database failed.
pub async fn add(cx: &Cx, data_center: DataCenterId, new: ClusterConfig) -> Result<ClusterId, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            auth::check(db, &inner.actor, Action::CreateCluster, data_center.object())?;
            let center = catalog::data_centers(db, &Scope::All)?.into_iter().find(|center| center.id == data_center);
            let none = || EngineError::NotFound { kind: "data center", id: data_center.to_string() };
            let center = center.ok_or_else(none)?;
            let (clusters, _) = data_centers::holds(db, data_center)?;
            if center.local && !clusters.is_empty() {
                return Err(Conflict::LocalCenterFull { data_center: center.name, has: clusters.join(", ") }.into());
            }
            let (config, pool) = checked(db, data_center, None, new)?;
            let id = ClusterId::random();
            store::insert(db, id, data_center, pool, &config)?;
            told(&inner, db, id, EventCode::ClusterAdded, &config.name)?;
            Ok(id)
        })
        .await
}

/// Changes one.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn edit(
    cx: &Cx,
    id: ClusterId,
    change: impl FnOnce(ClusterConfig) -> Result<ClusterConfig, EngineError> + Send + 'static,
) -> Result<(), EngineError> {
    let inner = cx.clone();
    let other_cpu = cx
        .engine
        .db
        .write(move |db| {
            auth::check(db, &inner.actor, Action::EditClusterConfiguration, id.object())?;
            let view = found(db, id)?;
            let before = view.config();
            let (config, pool) = checked(db, view.data_center, Some((id, &before)), change(before.clone())?)?;
            if config == before {
                return Ok(false);
            }
            store::update(db, id, pool, &config)?;
            told(&inner, db, id, EventCode::ClusterEdited, &config.name)?;
            let cpu = |of: &ClusterConfig| (of.settings.cpu_type.clone(), of.settings.cpu_features.clone());
            Ok::<_, EngineError>(cpu(&config) != cpu(&before))
        })
        .await?;
    if other_cpu { cpu::changed(&cx.engine, id).await } else { Ok(()) }
}

/// What another CPU type would do, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CpuChange {
    /// Hosts that do not offer it and could run no VMs of the cluster, with the flags that they lack.
    pub fall_out: Vec<String>,
    /// Running VMs that keep the CPU they have until they are started again.
    pub keep_old: Vec<String>,
}

/// The CPU that all its hosts have in common.
///
/// # Errors
/// Refused, hidden, no host is up, one cannot be asked, they have nothing in common, or the database failed.
pub async fn common_cpu(cx: &Cx, id: ClusterId) -> Result<CpuBase, EngineError> {
    let actor = cx.actor.clone();
    let may = move |db: &mut Db| {
        Ok::<_, EngineError>(auth::check(db, &actor, Action::EditClusterConfiguration, id.object())?)
    };
    cx.engine.db.read(may).await?;
    cpu::common(&cx.engine, id).await
}

/// What would happen if the cluster had this CPU type. `computed`: as what its hosts have in common.
///
/// # Errors
/// Hidden, or the database failed.
pub async fn cpu_change(cx: &Cx, id: ClusterId, model: String, computed: bool) -> Result<CpuChange, EngineError> {
    let (inner, wanted) = (cx.clone(), model.clone());
    let found = cx.engine.db.read(move |db| {
        auth::see(db, &inner.actor, id.object())?;
        let mut own = hosts::list(db, &Scope::All)?;
        own.retain(|host| host.cluster == id);
        let mut keep_old = Vec::new();
        for host in &own {
            for run in run::find(db, Which::OnHost(host.id))? {
                let settings = launch::get(db, run.vm)?.map(|vm| vm.hardware.settings);
                let follows = |s: &VmSettings| s.cpu_type.is_empty() && !s.cpu_passthrough;
                keep_old.extend(settings.as_ref().is_some_and(follows).then_some(run.name));
            }
        }
        own.retain(|host| !computed && !host.facts.has_cpu(&wanted));
        Ok::<_, EngineError>((own, keep_old))
    });
    let (lacking, keep_old) = found.await?;
    let mut fall_out = Vec::new();
    for host in lacking {
        // Who is away falls out all the same.
        let flags = cpu::missing(&cx.engine, host.id, &model).await.unwrap_or_default();
        fall_out.push(if flags.is_empty() { host.name } else { format!("{} ({flags})", host.name) });
    }
    Ok(CpuChange { fall_out, keep_old })
}

/// Removes one that is empty.
///
/// # Errors
/// Refused, hidden, something is in it, or the database failed.
pub async fn remove(cx: &Cx, id: ClusterId) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            auth::check(db, &inner.actor, Action::DeleteCluster, id.object())?;
            let name = found(db, id)?.name;
            if let Some((holds, names)) = store::holds(db, id)? {
                let names = names.join(", ");
                return Err(Conflict::NotEmpty { kind: ObjectKind::Cluster, name, holds, names }.into());
            }
            store::remove(db, id)?;
            told(&inner, db, id, EventCode::ClusterRemoved, &name)
        })
        .await
}

fn found(db: &mut Db, id: ClusterId) -> Result<ClusterView, EngineError> {
    let none = || EngineError::NotFound { kind: "cluster", id: id.to_string() };
    catalog::clusters(db, &Scope::All)?.into_iter().find(|cluster| cluster.id == id).ok_or_else(none)
}

/// The cluster as it will be with its MAC pool, or all that is wrong. `own`: what it is now.
fn checked(
    db: &mut Db,
    data_center: DataCenterId,
    own: Option<(ClusterId, &ClusterConfig)>,
    new: ClusterConfig,
) -> Result<(ClusterConfig, MacPoolId), EngineError> {
    let mut wrong = Vec::new();
    let mut take = |result: Result<String, Invalid>| result.map_err(|one| wrong.push(one)).unwrap_or_default();
    let name = take(valid::name("name", &new.name, MAX_CLUSTER_NAME));
    let description = take(valid::text("description", &new.description, MAX_DESCRIPTION));
    let comment = take(valid::text("comment", &new.comment, MAX_DESCRIPTION));
    let own_id = own.map(|(id, _)| id);
    if !name.is_empty() && store::by_name(db, &name)?.is_some_and(|other| Some(other) != own_id) {
        wrong.push(Invalid::new("name", Problem::Taken { name: name.clone() }));
    }
    wrong.extend(level(&new.compatibility).err());
    let pool = match new.mac_pool {
        Some(pool) => catalog::mac_pools(db)?.iter().any(|known| known.id == pool).then_some(pool),
        None => store::default_mac_pool(db)?,
    };
    if pool.is_none() {
        let value = new.mac_pool.map(|pool| pool.to_string()).unwrap_or_default();
        wrong.push(Invalid::new("mac_pool", Problem::NoSuch { value }));
    }
    let kept = own.map(|(_, before)| before.settings.cpu_type.as_str());
    if kept != Some(new.settings.cpu_type.as_str()) && new.settings.cpu_features.is_none() {
        wrong.extend(offered(&hosts::list(db, &Scope::All)?, own_id, &new.settings.cpu_type).err());
    }
    if let Some(network) = new.settings.migration.network
        && !catalog::networks(db, &Scope::All)?.iter().any(|n| n.id == network && n.data_center == data_center)
    {
        wrong.push(Invalid::new("migration.network", Problem::NoSuch { value: network.to_string() }));
    }
    wrong.extend(settings(db, &new.settings)?);
    match pool {
        Some(pool) if wrong.is_empty() => {
            Ok((ClusterConfig { name, description, comment, mac_pool: Some(pool), ..new }, pool))
        }
        _ => Err(EngineError::Invalid(wrong)),
    }
}

/// Some host of the cluster offers the CPU; as long as it has none, it is a host's or one that is known at all.
fn offered(hosts: &[HostView], own: Option<ClusterId>, model: &str) -> Result<(), Invalid> {
    let mut asked: Vec<&HostView> = hosts.iter().filter(|host| Some(host.cluster) == own).collect();
    let known = asked.is_empty() && MODELS.contains(&model);
    if asked.is_empty() {
        asked = hosts.iter().collect();
    }
    if model.is_empty() || known || asked.iter().any(|host| host.facts.has_cpu(model)) {
        return Ok(());
    }
    Err(Invalid::new("cpu.type", Problem::NoHostHas { value: model.chars().take(64).collect() }))
}

fn settings(db: &mut Db, new: &ClusterSettings) -> Result<Vec<Invalid>, EngineError> {
    let mut wrong = Vec::new();
    if new.migration.bandwidth == MigrationBandwidth::Custom {
        let mbps = new.migration.custom_mbps.into();
        wrong.extend(valid::range("migration.bandwidth.custom_value", mbps, 8, MAX_MBPS).err());
    }
    if let Some(percent) = new.fencing.skip_if_silent_percent {
        let field = "fencing_policy.skip_if_connectivity_broken.threshold";
        wrong.extend(valid::range(field, percent.into(), 1, 100).err());
    }
    let Some(policy) = policies::get(db, new.scheduling.policy)? else {
        let value = new.scheduling.policy.to_string();
        wrong.push(Invalid::new("scheduling_policy", Problem::NoSuch { value }));
        return Ok(wrong);
    };
    wrong.extend(check_properties(&policy, &new.scheduling.properties));
    Ok(wrong)
}

fn told(cx: &Cx, db: &mut Db, id: ClusterId, code: EventCode, name: &str) -> Result<(), EngineError> {
    cx.engine.changed(Topic::Object(ObjectKind::Cluster), Some(id.0));
    crate::engine::scheduler::wake(&cx.engine);
    let about = About { cluster: Some((id, name.to_owned())), ..About::default() };
    cx.tell(db, code, about, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::catalog as seen;
    use crate::engine::testing::Bench;
    use crate::model::scheduling::{ClusterScheduling, EVENLY_DISTRIBUTED, Properties, Property};

    fn named(name: &str) -> ClusterConfig {
        ClusterConfig { name: name.to_owned(), ..ClusterConfig::default() }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_cluster_is_made_changed_and_removed_when_it_is_empty() {
        let b = Bench::new().await;
        let center = seen::cluster(&b.cx, b.cluster).await.unwrap().data_center;
        let id = add(&b.cx, center, named("blue")).await.unwrap();
        let made = seen::cluster(&b.cx, id).await.unwrap();
        assert_eq!((made.data_center, made.settings), (center, ClusterSettings::default()));
        let properties = Properties::from([(Property::HighUtilization, 60)]);
        let scheduling = ClusterScheduling { policy: EVENLY_DISTRIBUTED, properties };
        let wanted = ClusterSettings { ksm: true, scheduling, ..ClusterSettings::default() };
        let settings = wanted.clone();
        edit(&b.cx, id, |old| Ok(ClusterConfig { settings, ..old })).await.unwrap();
        assert_eq!(seen::cluster(&b.cx, id).await.unwrap().settings, wanted);
        remove(&b.cx, id).await.unwrap();
        assert!(seen::cluster(&b.cx, id).await.is_err());
        let full = remove(&b.cx, b.cluster).await.unwrap_err();
        assert!(full.to_string().contains("hosts are in it (host1)"), "{full}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn each_wrong_field_of_a_cluster_is_named() {
        let b = Bench::new().await;
        let center = seen::cluster(&b.cx, b.cluster).await.unwrap().data_center;
        let mut new = named("a b");
        new.settings.cpu_type = "Abacus".to_owned();
        new.settings.migration.bandwidth = MigrationBandwidth::Custom;
        new.settings.scheduling.properties =
            Properties::from([(Property::HighUtilization, 7), (Property::HighVmCount, 10)]);
        let Err(EngineError::Invalid(wrong)) = add(&b.cx, center, new).await else { panic!("it was taken") };
        let fields: Vec<&str> = wrong.iter().map(|one| one.field).collect();
        let all = ["name", "cpu.type", "migration.bandwidth.custom_value", "HighUtilization"];
        assert_eq!(fields[..4], all);
        assert_eq!(fields[4..], ["properties"]);
    }
}
