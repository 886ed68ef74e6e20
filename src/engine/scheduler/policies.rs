//! Scheduling policies come, change and go; oVirt's own stay as they are.

use super::wake;
use crate::auth;
use crate::db::Db;
use crate::engine::{Cx, EngineError};
use crate::model::conflict::Conflict;
use crate::model::event::{About, EventCode};
use crate::model::ids::{SYSTEM, SchedulingPolicyId};
use crate::model::role::Action;
use crate::model::scheduling::{Properties, SchedulingPolicy};
use crate::model::valid::{self, Invalid, Problem};
use crate::model::vm::{MAX_DESCRIPTION, MAX_NAME};
use crate::store::catalog;
use crate::store::scheduling::policies as store;
use crate::store::scope::Scope;

/// So often a weight counts at most.
pub const MOST_FACTOR: u32 = 1000;

/// All policies; whoever signs in to the Admin Portal sees them.
///
/// # Errors
/// The database failed.
pub async fn list(cx: &Cx) -> Result<Vec<SchedulingPolicy>, EngineError> {
    cx.engine.db.read(|db| Ok(store::all(db)?)).await
}

/// One of them, with the names of the clusters that the actor sees and that have it.
///
/// # Errors
/// There is none, or the database failed.
pub async fn get(cx: &Cx, id: SchedulingPolicyId) -> Result<(SchedulingPolicy, Vec<String>), EngineError> {
    let actor = cx.actor.clone();
    cx.engine
        .db
        .read(move |db| {
            let policy = found(db, id)?;
            let scope = auth::visible(db, &actor)?;
            Ok((policy, clusters(db, &scope, id)?))
        })
        .await
}

fn clusters(db: &mut Db, scope: &Scope, id: SchedulingPolicyId) -> Result<Vec<String>, EngineError> {
    let all = catalog::clusters(db, scope)?.into_iter();
    Ok(all.filter(|cluster| cluster.settings.scheduling.policy == id).map(|cluster| cluster.name).collect())
}

fn found(db: &mut Db, id: SchedulingPolicyId) -> Result<SchedulingPolicy, EngineError> {
    store::get(db, id)?.ok_or_else(|| EngineError::NotFound { kind: "scheduling policy", id: id.to_string() })
}

/// One as the model of a new one.
///
/// # Errors
/// Refused, there is none, or the database failed.
pub async fn model(cx: &Cx, id: SchedulingPolicyId) -> Result<SchedulingPolicy, EngineError> {
    let actor = cx.actor.clone();
    cx.engine
        .db
        .read(move |db| {
            auth::check(db, &actor, Action::EditStoragePoolConfiguration, SYSTEM)?;
            found(db, id)
        })
        .await
}

/// Adds a policy; its id and whether it is locked are the engine's to say.
///
/// # Errors
/// Refused, invalid, or the database failed.
pub async fn add(cx: &Cx, new: SchedulingPolicy) -> Result<SchedulingPolicyId, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            auth::check(db, &inner.actor, Action::EditStoragePoolConfiguration, SYSTEM)?;
            let policy = checked(db, SchedulingPolicy { id: SchedulingPolicyId::random(), locked: false, ..new })?;
            store::put(db, &policy)?;
            inner.tell(db, EventCode::PolicyAdded, About::default(), &policy.name)?;
            Ok(policy.id)
        })
        .await
}

/// Changes a policy. Clusters that have it go by it from their next decision.
///
/// # Errors
/// Refused, invalid, it is oVirt's own, hidden, or the database failed.
pub async fn edit(
    cx: &Cx,
    id: SchedulingPolicyId,
    change: impl FnOnce(SchedulingPolicy) -> SchedulingPolicy + Send + 'static,
) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            let before = own(&inner, db, id)?;
            let policy = checked(db, SchedulingPolicy { id, locked: false, ..change(before) })?;
            store::put(db, &policy)?;
            wake(&inner.engine);
            inner.tell(db, EventCode::PolicyChanged, About::default(), &policy.name)
        })
        .await
}

/// Removes a policy that no cluster has.
///
/// # Errors
/// Refused, it is oVirt's own or in use, hidden, or the database failed.
pub async fn remove(cx: &Cx, id: SchedulingPolicyId) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            let policy = own(&inner, db, id)?;
            let clusters = clusters(db, &Scope::All, id)?;
            if !clusters.is_empty() {
                return Err(Conflict::PolicyInUse { policy: policy.name, clusters: clusters.join(", ") }.into());
            }
            store::remove(db, id)?;
            inner.tell(db, EventCode::PolicyRemoved, About::default(), &policy.name)
        })
        .await
}

/// One that may be changed.
fn own(cx: &Cx, db: &mut Db, id: SchedulingPolicyId) -> Result<SchedulingPolicy, EngineError> {
    auth::check(db, &cx.actor, Action::EditStoragePoolConfiguration, SYSTEM)?;
    let policy = found(db, id)?;
    if policy.locked { Err(Conflict::PolicyLocked { policy: policy.name }.into()) } else { Ok(policy) }
}

/// The policy as it will be, or all that is wrong.
fn checked(db: &mut Db, mut policy: SchedulingPolicy) -> Result<SchedulingPolicy, EngineError> {
    let mut wrong = Vec::new();
    match valid::name("name", &policy.name, MAX_NAME) {
        Ok(name) => policy.name = name,
        Err(one) => wrong.push(one),
    }
    match valid::text("description", &policy.description, MAX_DESCRIPTION) {
        Ok(text) => policy.description = text,
        Err(one) => wrong.push(one),
    }
    if store::all(db)?.iter().any(|other| other.id != policy.id && other.name == policy.name) {
        wrong.push(Invalid::new("name", Problem::Taken { name: policy.name.clone() }));
    }
    policy.filters.sort();
    policy.filters.dedup();
    policy.weights.sort();
    policy.weights.dedup_by_key(|(weight, _)| *weight);
    for (weight, factor) in &policy.weights {
        wrong.extend(valid::range(weight.as_str(), (*factor).into(), 1, MOST_FACTOR.into()).err());
    }
    wrong.extend(check_properties(&policy, &policy.properties));
    if wrong.is_empty() { Ok(policy) } else { Err(EngineError::Invalid(wrong)) }
}

/// What is wrong with the numbers of a policy, its own or those that a cluster has otherwise.
pub fn check_properties(policy: &SchedulingPolicy, numbers: &Properties) -> Vec<Invalid> {
    let reads = policy.reads();
    let one = |(property, value): (&crate::model::scheduling::Property, &u32)| {
        if !reads.contains(property) {
            let allowed = reads.iter().map(|known| known.as_str()).collect::<Vec<_>>().join(", ");
            return Some(Invalid::new("properties", Problem::NotOneOf { value: property.to_string(), allowed }));
        }
        let (min, max) = property.range();
        valid::range(property.as_str(), (*value).into(), min.into(), max.into()).err()
    };
    numbers.iter().filter_map(one).collect()
}
