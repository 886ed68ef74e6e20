//! Affinity groups and labels come, change and go. A rule that is broken by it is mended by the next round of balancing, at once.

use super::wake;
use crate::auth;
use crate::db::Db;
use crate::engine::{Cx, EngineError};
use crate::model::conflict::Conflict;
use crate::model::event::{About, EventCode};
use crate::model::ids::{AffinityGroupId, AffinityLabelId, ClusterId, HostId, SYSTEM, VmId};
use crate::model::role::Action;
use crate::model::scheduling::{AffinityGroup, AffinityLabel, contradiction};
use crate::model::valid::{self, Invalid, Problem};
use crate::model::vm::{MAX_DESCRIPTION, MAX_NAME};
use crate::store::scheduling::affinity::{self as store, Groups};
use crate::store::scheduling::places;

/// The groups of a cluster.
///
/// # Errors
/// Hidden, or the database failed.
pub async fn groups(cx: &Cx, cluster: ClusterId) -> Result<Vec<AffinityGroup>, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .read(move |db| {
            auth::see(db, &inner.actor, cluster.object())?;
            Ok(store::groups(db, Groups::OfCluster(cluster))?)
        })
        .await
}

/// One group.
///
/// # Errors
/// Hidden, or the database failed.
pub async fn group(cx: &Cx, id: AffinityGroupId) -> Result<AffinityGroup, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .read(move |db| {
            let group = found(db, id)?;
            auth::see(db, &inner.actor, group.cluster.object())?;
            Ok(group)
        })
        .await
}

fn found(db: &mut Db, id: AffinityGroupId) -> Result<AffinityGroup, EngineError> {
    let missing = || EngineError::NotFound { kind: "affinity group", id: id.to_string() };
    store::groups(db, Groups::One(id))?.pop().ok_or_else(missing)
}

/// Adds a group; its id is the engine's to say.
///
/// # Errors
/// Refused, invalid, its rules contradict others, or the database failed.
pub async fn add_group(cx: &Cx, new: AffinityGroup) -> Result<AffinityGroupId, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            auth::check(db, &inner.actor, Action::ManipulateAffinityGroups, new.cluster.object())?;
            let group = checked(db, AffinityGroup { id: AffinityGroupId::random(), ..new })?;
            store::put_group(db, &group)?;
            told(&inner, db, EventCode::AffinityGroupAdded, &group)?;
            Ok(group.id)
        })
        .await
}

/// Changes a group; its cluster stays.
///
/// # Errors
/// Refused, invalid, its rules contradict others, hidden, or the database failed.
pub async fn edit_group(
    cx: &Cx,
    id: AffinityGroupId,
    change: impl FnOnce(AffinityGroup) -> AffinityGroup + Send + 'static,
) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            let before = found(db, id)?;
            auth::check(db, &inner.actor, Action::ManipulateAffinityGroups, before.cluster.object())?;
            let cluster = before.cluster;
            let group = checked(db, AffinityGroup { id, cluster, ..change(before) })?;
            store::put_group(db, &group)?;
            told(&inner, db, EventCode::AffinityGroupChanged, &group)
        })
        .await
}

/// Removes a group.
///
/// # Errors
/// Refused, hidden, or the database failed.
pub async fn remove_group(cx: &Cx, id: AffinityGroupId) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            let group = found(db, id)?;
            auth::check(db, &inner.actor, Action::ManipulateAffinityGroups, group.cluster.object())?;
            store::remove_group(db, id)?;
            told(&inner, db, EventCode::AffinityGroupRemoved, &group)
        })
        .await
}

fn told(cx: &Cx, db: &mut Db, code: EventCode, group: &AffinityGroup) -> Result<(), EngineError> {
    wake(&cx.engine);
    let about = About { cluster: Some((group.cluster, places::name(db, group.cluster)?)), ..About::default() };
    cx.tell(db, code, about, &group.name)
}

/// The group as it will be, or all that is wrong.
fn checked(db: &mut Db, mut group: AffinityGroup) -> Result<AffinityGroup, EngineError> {
    let mut wrong = Vec::new();
    match valid::name("name", &group.name, MAX_NAME) {
        Ok(name) => group.name = name,
        Err(one) => wrong.push(one),
    }
    match valid::text("description", &group.description, MAX_DESCRIPTION) {
        Ok(text) => group.description = text,
        Err(one) => wrong.push(one),
    }
    let mut all = store::groups(db, Groups::OfCluster(group.cluster))?;
    all.retain(|other| other.id != group.id);
    if all.iter().any(|other| other.name == group.name) {
        wrong.push(Invalid::new("name", Problem::Taken { name: group.name.clone() }));
    }
    group.vms.sort();
    group.vms.dedup();
    group.hosts.sort();
    group.hosts.dedup();
    let (vms, hosts) = store::of_cluster(db, group.cluster)?;
    if let Some(stranger) = group.vms.iter().find(|vm| !vms.contains(vm)) {
        wrong.push(Invalid::new("vms", Problem::NoSuch { value: stranger.to_string() }));
    }
    if let Some(stranger) = group.hosts.iter().find(|host| !hosts.contains(host)) {
        wrong.push(Invalid::new("hosts", Problem::NoSuch { value: stranger.to_string() }));
    }
    if !wrong.is_empty() {
        return Err(EngineError::Invalid(wrong));
    }
    all.push(group.clone());
    match contradiction(&all) {
        Some(found) => Err(Conflict::Affinity(found).into()),
        None => Ok(group),
    }
}

/// All labels; VMs and hosts that the actor does not see are left out of them.
///
/// # Errors
/// The database failed.
pub async fn labels(cx: &Cx) -> Result<Vec<AffinityLabel>, EngineError> {
    let actor = cx.actor.clone();
    cx.engine
        .db
        .read(move |db| {
            let scope = auth::visible(db, &actor)?;
            Ok(store::labels_with(db, &scope)?)
        })
        .await
}

/// One label.
///
/// # Errors
/// There is none, or the database failed.
pub async fn label(cx: &Cx, id: AffinityLabelId) -> Result<AffinityLabel, EngineError> {
    labels(cx).await?.into_iter().find(|label| label.id == id).ok_or_else(|| no_label(id))
}

fn no_label(id: AffinityLabelId) -> EngineError {
    EngineError::NotFound { kind: "affinity label", id: id.to_string() }
}

/// Adds a label.
///
/// # Errors
/// Refused, invalid, or the database failed.
pub async fn add_label(
    cx: &Cx,
    name: String,
    vms: Vec<VmId>,
    hosts: Vec<HostId>,
) -> Result<AffinityLabelId, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            auth::check(db, &inner.actor, Action::TagManagement, SYSTEM)?;
            let label = checked_label(&inner, db, AffinityLabel { id: AffinityLabelId::random(), name, vms, hosts })?;
            store::put_label(db, &label)?;
            inner.tell(db, EventCode::AffinityLabelAdded, About::default(), &label.name)?;
            Ok(label.id)
        })
        .await
}

/// Changes a label. Who runs where the label forbids it stays until it starts or moves next, as in oVirt.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn edit_label(
    cx: &Cx,
    id: AffinityLabelId,
    change: impl FnOnce(AffinityLabel) -> AffinityLabel + Send + 'static,
) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            auth::check(db, &inner.actor, Action::TagManagement, SYSTEM)?;
            let before = store::labels(db)?.into_iter().find(|label| label.id == id).ok_or_else(|| no_label(id))?;
            let label = checked_label(&inner, db, AffinityLabel { id, ..change(before) })?;
            store::put_label(db, &label)?;
            inner.tell(db, EventCode::AffinityLabelChanged, About::default(), &label.name)
        })
        .await
}

/// Removes a label.
///
/// # Errors
/// Refused, hidden, or the database failed.
pub async fn remove_label(cx: &Cx, id: AffinityLabelId) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            auth::check(db, &inner.actor, Action::TagManagement, SYSTEM)?;
            let label = store::labels(db)?.into_iter().find(|label| label.id == id).ok_or_else(|| no_label(id))?;
            store::remove_label(db, id)?;
            inner.tell(db, EventCode::AffinityLabelRemoved, About::default(), &label.name)
        })
        .await
}

fn checked_label(cx: &Cx, db: &mut Db, mut label: AffinityLabel) -> Result<AffinityLabel, EngineError> {
    label.name = valid::name("name", &label.name, MAX_NAME)?;
    if store::labels(db)?.iter().any(|other| other.id != label.id && other.name == label.name) {
        return Err(Invalid::new("name", Problem::Taken { name: label.name }).into());
    }
    label.vms.sort();
    label.vms.dedup();
    label.hosts.sort();
    label.hosts.dedup();
    let hidden = |db: &mut Db, object| auth::see(db, &cx.actor, object).is_err();
    if let Some(vm) = label.vms.iter().find(|vm| hidden(db, vm.object())) {
        return Err(Invalid::new("vms", Problem::NoSuch { value: vm.to_string() }).into());
    }
    if let Some(host) = label.hosts.iter().find(|host| hidden(db, host.object())) {
        return Err(Invalid::new("hosts", Problem::NoSuch { value: host.to_string() }).into());
    }
    Ok(label)
}
