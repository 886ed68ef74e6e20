//! Logical networks: made, changed, removed. On a host one is the bridge of its name, or what libvirt makes
//! (`agent/networks.rs`).

use crate::auth;
use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::{Cx, EngineError};
use crate::model::conflict::{Conflict, Held};
use crate::model::event::{About, EventCode};
use crate::model::ids::{DataCenterId, EVERYONE, NetworkId};
use crate::model::network::{MANAGEMENT_NETWORK, MAX_NETWORK_NAME, NetworkConfig, NetworkView};
use crate::model::permission::ObjectKind;
use crate::model::predefined_roles::VNIC_PROFILE_USER;
use crate::model::role::Action;
use crate::model::valid::{self, Invalid, Problem};
use crate::model::vm::MAX_DESCRIPTION;
use crate::store::scope::Scope;
use crate::store::{catalog, networks as store, permissions};

/// Makes one in a data center; if VMs can be on it, with a profile of its name that everybody may use.
///
/// # Errors
/// Refused, invalid, no such data center, or the database failed.
pub async fn add(cx: &Cx, data_center: DataCenterId, new: NetworkConfig) -> Result<NetworkId, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            auth::check(db, &inner.actor, Action::CreateStoragePoolNetwork, data_center.object())?;
            if !catalog::data_centers(db, &Scope::All)?.iter().any(|center| center.id == data_center) {
                return Err(EngineError::NotFound { kind: "data center", id: data_center.to_string() });
            }
            let config = checked(db, data_center, None, new)?;
            let id = NetworkId::random();
            store::insert(db, id, data_center, &config)?;
            if config.vm_network {
                profile(&inner, db, id, &config.name)?;
            }
            told(&inner, db, id, EventCode::NetworkAdded, &config.name)?;
            Ok(id)
        })
        .await
}

/// Changes one.
///
/// # Errors
/// Refused, invalid, hidden, VMs are on it, or the database failed.
pub async fn edit(
    cx: &Cx,
    id: NetworkId,
    change: impl FnOnce(NetworkConfig) -> Result<NetworkConfig, EngineError> + Send + 'static,
) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            auth::check(db, &inner.actor, Action::ConfigureStoragePoolNetwork, id.object())?;
            let view = found(db, id)?;
            let before = view.config();
            let config = checked(db, view.data_center, Some(id), change(before.clone())?)?;
            if config == before {
                return Ok(());
            }
            // Hosts know it by its name, and guests that run are plugged in there.
            if config.name != before.name || (before.vm_network && !config.vm_network) {
                may_change(db, &view)?;
            }
            store::update(db, id, &config)?;
            match (before.vm_network, config.vm_network) {
                (true, false) => store::remove_profiles(db, id)?,
                (false, true) => profile(&inner, db, id, &config.name)?,
                _ => {}
            }
            told(&inner, db, id, EventCode::NetworkEdited, &config.name)
        })
        .await
}

fn may_change(db: &mut Db, view: &NetworkView) -> Result<(), EngineError> {
    if view.is_management() {
        return Err(Conflict::ManagementNetwork { network: view.name.clone() }.into());
    }
    let vms = store::users(db, view.id)?;
    if vms.is_empty() {
        return Ok(());
    }
    Err(Conflict::NetworkInUse { network: view.name.clone(), vms: vms.join(", ") }.into())
}

/// Removes one that no VM is on and over which no cluster's VMs are moved; its profiles go with it.
///
/// # Errors
/// Refused, hidden, it is used, or the database failed.
pub async fn remove(cx: &Cx, id: NetworkId) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            auth::check(db, &inner.actor, Action::DeleteStoragePoolNetwork, id.object())?;
            let view = found(db, id)?;
            if view.is_management() {
                return Err(Conflict::ManagementNetwork { network: view.name }.into());
            }
            let clusters = catalog::clusters(db, &Scope::All)?.into_iter();
            let clusters = clusters.filter(|cluster| cluster.settings.migration.network == Some(id));
            let clusters: Vec<String> = clusters.map(|cluster| cluster.name).collect();
            for (holds, names) in [(Held::Vms, store::users(db, id)?), (Held::Clusters, clusters)] {
                if !names.is_empty() {
                    let names = names.join(", ");
                    return Err(Conflict::NotEmpty { kind: ObjectKind::Network, name: view.name, holds, names }.into());
                }
            }
            store::remove(db, id)?;
            inner.engine.changed(Topic::Object(ObjectKind::VnicProfile), None);
            told(&inner, db, id, EventCode::NetworkRemoved, &view.name)
        })
        .await
}

/// Everybody may use it, as with oVirt's new networks.
fn profile(cx: &Cx, db: &mut Db, id: NetworkId, name: &str) -> Result<(), EngineError> {
    let profile = store::insert_profile(db, id, name)?;
    let now = cx.engine.clock.now();
    permissions::grant(db, VNIC_PROFILE_USER, EVERYONE.into(), ObjectKind::VnicProfile, profile.object(), now)?;
    cx.engine.changed(Topic::Object(ObjectKind::VnicProfile), None);
    Ok(())
}

fn found(db: &mut Db, id: NetworkId) -> Result<NetworkView, EngineError> {
    let none = || EngineError::NotFound { kind: "network", id: id.to_string() };
    catalog::networks(db, &Scope::All)?.into_iter().find(|network| network.id == id).ok_or_else(none)
}

/// The network as it will be, or all that is wrong.
fn checked(
    db: &mut Db,
    data_center: DataCenterId,
    own: Option<NetworkId>,
    new: NetworkConfig,
) -> Result<NetworkConfig, EngineError> {
    let mut wrong = Vec::new();
    let mut take = |result: Result<String, Invalid>| result.map_err(|one| wrong.push(one)).unwrap_or_default();
    let name = take(valid::name("name", &new.name, MAX_NETWORK_NAME));
    let description = take(valid::text("description", &new.description, MAX_DESCRIPTION));
    let comment = take(valid::text("comment", &new.comment, MAX_DESCRIPTION));
    let taken = !name.is_empty() && store::by_name(db, data_center, &name)?.is_some_and(|other| Some(other) != own);
    if taken {
        wrong.push(Invalid::new("name", Problem::Taken { name: name.clone() }));
    }
    if name == MANAGEMENT_NETWORK && !new.vm_network {
        return Err(Conflict::ManagementNetwork { network: name }.into());
    }
    if wrong.is_empty() {
        Ok(NetworkConfig { name, description, comment, ..new })
    } else {
        Err(EngineError::Invalid(wrong))
    }
}

fn told(cx: &Cx, db: &mut Db, id: NetworkId, code: EventCode, name: &str) -> Result<(), EngineError> {
    cx.engine.changed(Topic::Object(ObjectKind::Network), Some(id.0));
    cx.tell(db, code, About::default(), name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::Bench;
    use crate::engine::{catalog as seen, clusters};
    use crate::model::cluster::ClusterConfig;

    fn named(name: &str) -> NetworkConfig {
        NetworkConfig { name: name.to_owned(), ..NetworkConfig::default() }
    }

    async fn profiles(b: &Bench, id: NetworkId) -> usize {
        seen::vnic_profiles(&b.cx).await.unwrap().iter().filter(|profile| profile.network == id).count()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_network_comes_changes_and_goes_with_its_profile() {
        let b = Bench::new().await;
        let center = seen::cluster(&b.cx, b.cluster).await.unwrap().data_center;
        let id = add(&b.cx, center, named("red")).await.unwrap();
        assert_eq!(profiles(&b, id).await, 1);
        edit(&b.cx, id, |old| Ok(NetworkConfig { vm_network: false, ..old })).await.unwrap();
        assert_eq!(profiles(&b, id).await, 0);
        edit(&b.cx, id, |old| Ok(NetworkConfig { name: "blue".to_owned(), vm_network: true, ..old })).await.unwrap();
        assert_eq!((profiles(&b, id).await, seen::network(&b.cx, id).await.unwrap().name), (1, "blue".to_owned()));
        let Err(EngineError::Invalid(wrong)) = add(&b.cx, center, named("blue")).await else { panic!("twice") };
        assert_eq!(wrong[0].field, "name");
        let Err(EngineError::Invalid(_)) = add(&b.cx, center, named("sixteen-letters.")).await else { panic!("long") };
        remove(&b.cx, id).await.unwrap();
        assert!(seen::network(&b.cx, id).await.is_err());
        assert_eq!(profiles(&b, id).await, 0);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_network_that_is_used_stays() {
        let b = Bench::new().await;
        let center = seen::cluster(&b.cx, b.cluster).await.unwrap().data_center;
        let all = seen::networks(&b.cx, &crate::model::page::ListQuery::default()).await.unwrap().rows;
        let management = all.iter().find(|network| network.is_management()).unwrap().id;
        let kept = remove(&b.cx, management).await.unwrap_err();
        assert!(kept.to_string().contains("how the engine reaches hosts"), "{kept}");
        let kept = edit(&b.cx, management, |old| Ok(NetworkConfig { name: "other".to_owned(), ..old })).await;
        assert!(kept.unwrap_err().to_string().contains("how the engine reaches hosts"));
        let id = add(&b.cx, center, NetworkConfig { vm_network: false, ..named("moves") }).await.unwrap();
        let over = move |network| {
            move |mut old: ClusterConfig| {
                old.settings.migration.network = network;
                Ok(old)
            }
        };
        clusters::edit(&b.cx, b.cluster, over(Some(id))).await.unwrap();
        let kept = remove(&b.cx, id).await.unwrap_err();
        assert!(kept.to_string().contains("clusters are in it (Default)"), "{kept}");
        clusters::edit(&b.cx, b.cluster, over(None)).await.unwrap();
        remove(&b.cx, id).await.unwrap();
        let gone = clusters::edit(&b.cx, b.cluster, over(Some(id))).await;
        let Err(EngineError::Invalid(wrong)) = gone else { panic!("{gone:?}") };
        assert_eq!(wrong[0].field, "migration.network");
    }
}
