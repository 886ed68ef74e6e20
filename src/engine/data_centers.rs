//! Data centers: made, changed, removed.

use crate::auth;
use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::{Cx, EngineError};
use crate::model::conflict::{Conflict, Held};
use crate::model::data_center::{DataCenterConfig, DataCenterView, LEVELS, MAX_DATA_CENTER_NAME};
use crate::model::event::{About, EventCode};
use crate::model::ids::{ClusterId, DataCenterId, SYSTEM};
use crate::model::permission::ObjectKind;
use crate::model::role::Action;
use crate::model::valid::{self, Invalid, Problem};
use crate::model::vm::MAX_DESCRIPTION;
use crate::store::hosts::write as hosts;
use crate::store::scope::Scope;
use crate::store::storage_domains::data_center_of;
use crate::store::{catalog, data_centers as store};

/// Makes one, with its management network and its default quota.
///
/// # Errors
/// Refused, invalid, or the database failed.
pub async fn add(cx: &Cx, new: DataCenterConfig) -> Result<DataCenterId, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            auth::check(db, &inner.actor, Action::CreateStoragePool, SYSTEM)?;
            let config = checked(db, None, new)?;
            let id = DataCenterId::random();
            store::insert(db, id, &config, inner.engine.clock.now())?;
            for kind in [ObjectKind::Network, ObjectKind::VnicProfile, ObjectKind::Quota] {
                inner.engine.changed(Topic::Object(kind), None);
            }
            told(&inner, db, id, EventCode::DataCenterAdded, &config.name)
        })
        .await
}

/// Changes one.
///
/// # Errors
/// Refused, invalid, hidden, its storage binds it, or the database failed.
pub async fn edit(
    cx: &Cx,
    id: DataCenterId,
    change: impl FnOnce(DataCenterConfig) -> Result<DataCenterConfig, EngineError> + Send + 'static,
) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            auth::check(db, &inner.actor, Action::EditStoragePoolConfiguration, id.object())?;
            let before = found(db, id)?.config();
            let config = checked(db, Some(id), change(before.clone())?)?;
            if config == before {
                return Ok(());
            }
            if config.local != before.local {
                may_turn(db, id, &config)?;
            }
            store::update(db, id, &config)?;
            if config.quota_mode != before.quota_mode {
                inner.engine.changed(Topic::Object(ObjectKind::Quota), None);
                let detail = format!("{}: {}", config.name, config.quota_mode);
                inner.tell(db, EventCode::QuotaModeChanged, About::default(), &detail)?;
            }
            told(&inner, db, id, EventCode::DataCenterEdited, &config.name).map(drop)
        })
        .await
}

/// Whether its storage may become local, or shared.
fn may_turn(db: &mut Db, id: DataCenterId, config: &DataCenterConfig) -> Result<(), EngineError> {
    let (clusters, domains) = store::holds(db, id)?;
    let data_center = config.name.clone();
    if !domains.is_empty() {
        return Err(Conflict::CenterHasStorage { data_center, domains: domains.join(", ") }.into());
    }
    let hosts: Vec<String> = hosts::in_data_center(db, id)?.into_iter().map(|host| host.name).collect();
    if config.local && (clusters.len() > 1 || hosts.len() > 1) {
        let has = if hosts.len() > 1 { hosts } else { clusters }.join(", ");
        return Err(Conflict::LocalCenterFull { data_center, has }.into());
    }
    Ok(())
}

/// A data center whose storage is one host's has no second.
///
/// # Errors
/// It has one already, or the database failed.
pub(in crate::engine) fn takes_host(db: &mut Db, cluster: ClusterId) -> Result<(), EngineError> {
    let Some(id) = data_center_of(db, cluster)? else { return Ok(()) };
    let center = found(db, id)?;
    let hosts: Vec<String> = hosts::in_data_center(db, id)?.into_iter().map(|host| host.name).collect();
    if center.local && !hosts.is_empty() {
        return Err(Conflict::LocalCenterFull { data_center: center.name, has: hosts.join(", ") }.into());
    }
    Ok(())
}

/// Removes one without clusters and storage; its networks and quotas go with it.
///
/// # Errors
/// Refused, hidden, something is in it, or the database failed.
pub async fn remove(cx: &Cx, id: DataCenterId) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            auth::check(db, &inner.actor, Action::DeleteStoragePool, id.object())?;
            let name = found(db, id)?.name;
            let (clusters, domains) = store::holds(db, id)?;
            for (holds, names) in [(Held::Clusters, clusters), (Held::Domains, domains)] {
                if !names.is_empty() {
                    let names = names.join(", ");
                    return Err(Conflict::NotEmpty { kind: ObjectKind::DataCenter, name, holds, names }.into());
                }
            }
            store::remove(db, id)?;
            told(&inner, db, id, EventCode::DataCenterRemoved, &name).map(drop)
        })
        .await
}

fn found(db: &mut Db, id: DataCenterId) -> Result<DataCenterView, EngineError> {
    let none = || EngineError::NotFound { kind: "data center", id: id.to_string() };
    catalog::data_centers(db, &Scope::All)?.into_iter().find(|center| center.id == id).ok_or_else(none)
}

/// The data center as it will be, or all that is wrong.
fn checked(db: &mut Db, own: Option<DataCenterId>, new: DataCenterConfig) -> Result<DataCenterConfig, EngineError> {
    let mut wrong = Vec::new();
    let mut take = |result: Result<String, Invalid>| result.map_err(|one| wrong.push(one)).unwrap_or_default();
    let name = take(valid::name("name", &new.name, MAX_DATA_CENTER_NAME));
    let description = take(valid::text("description", &new.description, MAX_DESCRIPTION));
    let comment = take(valid::text("comment", &new.comment, MAX_DESCRIPTION));
    if !name.is_empty() && store::by_name(db, &name)?.is_some_and(|other| Some(other) != own) {
        wrong.push(Invalid::new("name", Problem::Taken { name: name.clone() }));
    }
    wrong.extend(level(&new.compatibility).err());
    if wrong.is_empty() {
        Ok(DataCenterConfig { name, description, comment, ..new })
    } else {
        Err(EngineError::Invalid(wrong))
    }
}

/// It is a compatibility level.
pub(in crate::engine) fn level(text: &str) -> Result<(), Invalid> {
    if LEVELS.contains(&text) {
        return Ok(());
    }
    let value = text.chars().take(20).collect();
    Err(Invalid::new("version", Problem::NotOneOf { value, allowed: LEVELS.join(", ") }))
}

fn told(cx: &Cx, db: &mut Db, id: DataCenterId, code: EventCode, name: &str) -> Result<DataCenterId, EngineError> {
    cx.engine.changed(Topic::Object(ObjectKind::DataCenter), Some(id.0));
    cx.tell(db, code, About::default(), name)?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::Bench;
    use crate::engine::{catalog, clusters, hosts, quotas, storage_domains};
    use crate::model::cluster::ClusterConfig;
    use crate::model::host::NewHost;
    use crate::model::page::ListQuery;
    use crate::model::storage_domain::NewSharedDomain;

    fn named(name: &str) -> DataCenterConfig {
        DataCenterConfig { name: name.to_owned(), ..DataCenterConfig::default() }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_data_center_comes_with_what_it_needs_and_goes_with_it() {
        let b = Bench::new().await;
        let id = add(&b.cx, named("lab")).await.unwrap();
        let networks = catalog::networks(&b.cx, &ListQuery::default()).await.unwrap().rows;
        let own = networks.iter().find(|network| network.data_center == id).unwrap();
        assert_eq!(own.name, "ovirtmgmt");
        let profiles = catalog::vnic_profiles(&b.cx).await.unwrap();
        assert!(profiles.iter().any(|profile| profile.network == own.id));
        let quotas = quotas::list(&b.cx, &ListQuery::default()).await.unwrap().rows;
        assert!(quotas.iter().any(|q| q.quota.data_center == id && q.quota.is_default));
        let taken = add(&b.cx, named("lab")).await.unwrap_err();
        assert!(taken.to_string().starts_with("name: \"lab\" is in use"), "{taken}");
        let made = clusters::add(&b.cx, id, ClusterConfig { name: "lab-1".to_owned(), ..ClusterConfig::default() });
        let cluster = made.await.unwrap();
        let refused = remove(&b.cx, id).await.unwrap_err();
        assert!(refused.to_string().contains("clusters are in it (lab-1)"), "{refused}");
        clusters::remove(&b.cx, cluster).await.unwrap();
        remove(&b.cx, id).await.unwrap();
        assert!(catalog::data_center(&b.cx, id).await.is_err());
        let networks = catalog::networks(&b.cx, &ListQuery::default()).await.unwrap().rows;
        assert!(networks.iter().all(|network| network.data_center != id));
        assert_eq!(quotas::list(&b.cx, &ListQuery::default()).await.unwrap().rows.len(), 1);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_local_data_center_takes_one_cluster_and_one_host() {
        let b = Bench::new().await;
        let id = add(&b.cx, DataCenterConfig { local: true, ..named("desk") }).await.unwrap();
        let cluster = |name: &str| ClusterConfig { name: name.to_owned(), ..ClusterConfig::default() };
        let only = clusters::add(&b.cx, id, cluster("desk")).await.unwrap();
        let second = clusters::add(&b.cx, id, cluster("desk2")).await.unwrap_err();
        assert!(second.to_string().contains("and has desk."), "{second}");
        let host = |name: &str| NewHost { name: name.to_owned(), cluster: Some(only), ..NewHost::default() };
        let shared = NewSharedDomain {
            name: "all".to_owned(),
            path: "/srv".to_owned(),
            data_center: Some(id),
            ..NewSharedDomain::default()
        };
        let shared = storage_domains::add_shared(&b.cx, shared).await.unwrap_err();
        assert!(shared.to_string().starts_with("data_center: has its storage on one host"), "{shared}");
        hosts::enrol::add(&b.cx, host("h2")).await.unwrap();
        let second = hosts::enrol::add(&b.cx, host("h3")).await.unwrap_err();
        assert!(second.to_string().contains("and has h2."), "{second}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_has_storage_stays_what_it_is() {
        let b = Bench::new().await;
        let id = catalog::data_centers(&b.cx, &ListQuery::default()).await.unwrap().rows[0].id;
        let turned = edit(&b.cx, id, |old| Ok(DataCenterConfig { local: true, ..old })).await.unwrap_err();
        assert!(turned.to_string().contains("it has local"), "{turned}");
        let level = edit(&b.cx, id, |old| Ok(DataCenterConfig { compatibility: "9.9".to_owned(), ..old }));
        assert_eq!(level.await.unwrap_err().to_string(), "version: \"9.9\" is not one of: 4.1");
        edit(&b.cx, id, |old| Ok(DataCenterConfig { name: "Campus".to_owned(), ..old })).await.unwrap();
        assert_eq!(catalog::data_center(&b.cx, id).await.unwrap().name, "Campus");
    }
}
