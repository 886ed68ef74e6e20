//! Quotas come, change and go; whether they count is the data center's mode.

use super::{missing, topic};
use crate::auth;
use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::{Cx, EngineError};
use crate::model::conflict::Conflict;
use crate::model::event::{About, EventCode};
use crate::model::ids::{DataCenterId, ObjectId, QuotaId};
use crate::model::permission::ObjectKind;
use crate::model::quota::*;
use crate::model::role::Action;
use crate::model::valid::{self, Invalid, Problem};
use crate::store::quotas as store;
use crate::store::scope::Scope;
use crate::store::{catalog, permissions};

/// Adds a quota to a data center.
///
/// # Errors
/// Refused, invalid, or the database failed.
pub async fn add(cx: &Cx, data_center: DataCenterId, new: QuotaConfig) -> Result<QuotaId, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            auth::check(db, &inner.actor, Action::ConfigureQuota, data_center.object())?;
            let config = checked(db, data_center, None, new)?;
            let id = QuotaId::random();
            store::insert(db, id, data_center, &config, false)?;
            told(&inner, db, id, EventCode::QuotaAdded, &config.name)?;
            Ok(id)
        })
        .await
}

/// Changes a quota. What counts on it stays, even if it is more than the new limits give.
///
/// # Errors
/// Refused, invalid, it is a default one, or the database failed.
pub async fn edit(
    cx: &Cx,
    id: QuotaId,
    change: impl FnOnce(QuotaConfig) -> QuotaConfig + Send + 'static,
) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            let before = own(&inner, db, id)?;
            store::queue_up(db, id)?;
            let config = checked(db, before.data_center, Some(id), change(before.config.clone()))?;
            if config == before.config {
                return Ok(());
            }
            store::update(db, id, &config)?;
            told(&inner, db, id, EventCode::QuotaChanged, &config.name)
        })
        .await
}

/// Removes a quota that was chosen for nothing.
///
/// # Errors
/// Refused, in use, it is a default one, or the database failed.
pub async fn remove(cx: &Cx, id: QuotaId) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            let quota = own(&inner, db, id)?;
            store::queue_up(db, id)?;
            let users = store::chosen_by(db, id)?;
            if !users.is_empty() {
                let users = names(db, &users)?;
                return Err(Conflict::QuotaInUse { quota: quota.config.name, users }.into());
            }
            store::remove(db, id)?;
            told(&inner, db, id, EventCode::QuotaRemoved, &quota.config.name)
        })
        .await
}

/// So many are named.
const NAMED: usize = 10;

fn names(db: &mut Db, objects: &[ObjectId]) -> Result<String, EngineError> {
    let mut words = Vec::new();
    for object in objects.iter().take(NAMED) {
        for kind in [ObjectKind::Vm, ObjectKind::Pool, ObjectKind::Template, ObjectKind::Disk] {
            let name = permissions::object_name(db, kind, *object)?;
            if !name.is_empty() {
                words.push(name);
            }
        }
    }
    if objects.len() > NAMED {
        words.push(format!("+{}", objects.len() - NAMED));
    }
    Ok(words.join(", "))
}

/// Whether the quotas of a data center count.
///
/// # Errors
/// Refused, there is no such data center, or the database failed.
pub async fn set_mode(cx: &Cx, id: DataCenterId, mode: QuotaMode) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            auth::check(db, &inner.actor, Action::EditStoragePoolConfiguration, id.object())?;
            let none = || EngineError::NotFound { kind: "data center", id: id.to_string() };
            if store::mode_of(db, id)?.ok_or_else(none)? == mode {
                return Ok(());
            }
            store::set_mode(db, id, mode)?;
            inner.engine.changed(Topic::Object(ObjectKind::DataCenter), Some(id.0));
            inner.engine.changed(topic(), None);
            let name = permissions::object_name(db, ObjectKind::DataCenter, id.object())?;
            inner.tell(db, EventCode::QuotaModeChanged, About::default(), &format!("{name}: {mode}"))
        })
        .await
}

/// The quota, if the actor may change it.
fn own(cx: &Cx, db: &mut Db, id: QuotaId) -> Result<Quota, EngineError> {
    auth::check(db, &cx.actor, Action::ConfigureQuota, id.object())?;
    let quota = store::get(db, id)?.ok_or_else(|| missing(id))?;
    if quota.is_default {
        return Err(Conflict::QuotaDefault { quota: quota.config.name }.into());
    }
    Ok(quota)
}

/// The quota as it will be, or all that is wrong.
fn checked(
    db: &mut Db,
    center: DataCenterId,
    own: Option<QuotaId>,
    new: QuotaConfig,
) -> Result<QuotaConfig, EngineError> {
    let mut wrong = Vec::new();
    let mut take = |result: Result<String, Invalid>| result.map_err(|one| wrong.push(one)).unwrap_or_default();
    let name = take(valid::name("name", &new.name, MAX_QUOTA_NAME));
    let description = take(valid::text("description", &new.description, MAX_QUOTA_DESCRIPTION));
    if !name.is_empty() && store::by_name(db, center, &name)?.is_some_and(|other| Some(other) != own) {
        wrong.push(Invalid::new("name", Problem::Taken { name: name.clone() }));
    }
    let percents = [
        ("cluster_soft_limit_pct", new.cluster.threshold),
        ("cluster_hard_limit_pct", new.cluster.grace),
        ("storage_soft_limit_pct", new.storage.threshold),
        ("storage_hard_limit_pct", new.storage.grace),
    ];
    wrong.extend(percents.into_iter().filter_map(|(field, n)| valid::range(field, n.into(), 0, 100).err()));
    let within = |field, value: Option<u64>, most| value.and_then(|n| valid::range(field, n, 0, most).err());
    let person = [
        ("person.vcpus", new.person.vcpus, MAX_QUOTA_VCPUS),
        ("person.memory", new.person.memory_mib, MAX_QUOTA_MEMORY_MIB),
        ("person.storage", new.person.storage_gib, MAX_QUOTA_STORAGE_GIB),
    ];
    wrong.extend(person.into_iter().filter_map(|(field, value, most)| within(field, value, most)));
    let limits: Vec<ClusterLimit> = match &new.clusters {
        Shares::All(limit) => vec![*limit],
        Shares::Each(all) => all.iter().map(|(_, limit)| *limit).collect(),
    };
    wrong.extend(limits.iter().filter_map(|l| within("vcpu_limit", l.vcpus, MAX_QUOTA_VCPUS)));
    wrong.extend(limits.iter().filter_map(|l| within("memory_limit", l.memory_mib, MAX_QUOTA_MEMORY_MIB)));
    let gib: Vec<Option<u64>> = match &new.domains {
        Shares::All(gib) => vec![*gib],
        Shares::Each(all) => all.iter().map(|(_, gib)| *gib).collect(),
    };
    wrong.extend(gib.into_iter().filter_map(|gib| within("limit", gib, MAX_QUOTA_STORAGE_GIB)));
    wrong.extend(places(db, center, &new)?);
    if wrong.is_empty() { Ok(QuotaConfig { name, description, ..new }) } else { Err(EngineError::Invalid(wrong)) }
}

/// Clusters and storage domains that are not the data center's, or stand there twice.
fn places(db: &mut Db, center: DataCenterId, new: &QuotaConfig) -> Result<Vec<Invalid>, EngineError> {
    let mut wrong = Vec::new();
    if let Shares::Each(all) = &new.clusters {
        let mut free = catalog::clusters(db, &Scope::All)?;
        free.retain(|cluster| cluster.data_center == center);
        for (id, _) in all {
            match free.iter().position(|cluster| cluster.id == *id) {
                Some(at) => drop(free.swap_remove(at)),
                None => wrong.push(Invalid::new("cluster", Problem::NoSuch { value: id.to_string() })),
            }
        }
    }
    if let Shares::Each(all) = &new.domains {
        let mut free = catalog::storage_domains(db, &Scope::All)?;
        free.retain(|domain| domain.data_center == Some(center));
        for (id, _) in all {
            match free.iter().position(|domain| domain.id == *id) {
                Some(at) => drop(free.swap_remove(at)),
                None => wrong.push(Invalid::new("storage_domain", Problem::NoSuch { value: id.to_string() })),
            }
        }
    }
    Ok(wrong)
}

fn told(cx: &Cx, db: &mut Db, id: QuotaId, code: EventCode, name: &str) -> Result<(), EngineError> {
    cx.engine.changed(topic(), Some(id.0));
    cx.tell(db, code, About::default(), name)
}
