//! Changing a pool. A larger size makes VMs, a smaller one takes free ones away; both are jobs.

use super::create::{instant_start, name_and_mask};
use super::{grow, missing, shrink};
use crate::auth;
use crate::db::Db;
use crate::engine::jobs;
use crate::engine::{Cx, EngineError, quotas};
use crate::model::event::{About, EventCode};
use crate::model::ids::{JobId, PoolId};
use crate::model::pool::PoolUpdate;
use crate::model::role::Action;
use crate::model::valid::{self, Invalid, Problem};
use crate::model::vm::MAX_DESCRIPTION;
use crate::store::pools::write::{self as rows, PoolConfig};
use crate::store::settings;
use crate::store::templates::versions;

/// Changes a pool. The job makes or removes VMs, if the size changed. Who has more VMs than `max_user_vms` allows now keeps them.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn update(cx: &Cx, id: PoolId, change: PoolUpdate) -> Result<Option<JobId>, EngineError> {
    let inner = cx.clone();
    let job = cx.engine.db.write(move |db| apply(&inner, db, id, &change)).await?;
    if let Some(job) = job {
        jobs::kick(&cx.engine, job);
    }
    Ok(job)
}

fn apply(cx: &Cx, db: &mut Db, id: PoolId, change: &PoolUpdate) -> Result<Option<JobId>, EngineError> {
    auth::check(db, &cx.actor, Action::EditVmPoolConfiguration, id.object())?;
    if !rows::queue_up(db, id)? {
        return Err(missing(id));
    }
    let before = rows::config(db, id)?.ok_or_else(|| missing(id))?;
    let after = checked(db, &before, change)?;
    let moved = quotas::move_to(cx, db, quotas::Disks::Pool(id), id.object(), change.quota)?;
    if after == before && !moved {
        return Ok(None);
    }
    rows::update(db, &after)?;
    let job = match (after.size.checked_sub(before.size), change.surplus) {
        (Some(0), _) => None,
        (Some(more), _) => Some(grow::begin(cx, db, &after, more)?),
        (None, Some(surplus)) => Some(shrink::begin(cx, db, &before, after.size, surplus)?),
        (None, None) => return Err(Invalid::new("size", Problem::NoSurplus).into()),
    };
    cx.engine.changed(super::topic(), Some(id.0));
    super::touch(&cx.engine, id);
    if moved || (PoolConfig { size: before.size, ..after.clone() }) != before {
        let about = About { pool: Some((id, after.name)), ..About::default() };
        cx.tell(db, EventCode::UserUpdatePool, about, "")?;
    }
    Ok(job)
}

/// The pool as it will be, or all that is wrong.
fn checked(db: &mut Db, before: &PoolConfig, change: &PoolUpdate) -> Result<PoolConfig, EngineError> {
    let mut wrong = fixed(before, change);
    let mut after = before.clone();
    if let Some(text) = &change.name {
        match name_and_mask(text) {
            Ok((name, mask)) if name != before.name || text.contains('?') => {
                (after.name, after.name_mask) = (name, mask);
            }
            Ok(_) => {}
            Err(e) => wrong.push(e),
        }
    }
    if rows::by_name(db, &after.name)?.is_some_and(|other| other != before.id) {
        wrong.push(Invalid::new("name", Problem::Taken { name: after.name.clone() }));
    }
    for (field, new, old) in
        [("description", &change.description, &mut after.description), ("comment", &change.comment, &mut after.comment)]
    {
        if let Some(text) = new {
            match valid::text(field, text, MAX_DESCRIPTION) {
                Ok(text) => *old = text,
                Err(e) => wrong.push(e),
            }
        }
    }
    let most = u64::from(settings::engine(db)?.max_vms_in_pool);
    after.size = change.size.unwrap_or(before.size);
    after.max_user_vms = change.max_user_vms.unwrap_or(before.max_user_vms);
    // What is so already may stay, though the limit was lowered meanwhile.
    wrong.extend(valid::range("size", after.size.into(), 1, most.max(before.size.into())).err());
    let shares = most.max(before.max_user_vms.into());
    wrong.extend(valid::range("max_user_vms", after.max_user_vms.into(), 1, shares).err());
    after.instant_start = change.instant_start.unwrap_or(before.instant_start);
    wrong.extend(instant_start(after.instant_start, before.kind, before.stateful).err());
    // Who only makes the pool smaller does not want to hear of what goes with it.
    after.prestarted = change.prestarted.unwrap_or(before.prestarted.min(after.size));
    wrong.extend(valid::range("prestarted_vms", after.prestarted.into(), 0, after.size.into()).err());
    after.use_latest = change.use_latest.unwrap_or(before.use_latest);
    if after.use_latest && after.stateful {
        wrong.push(Invalid::new("use_latest_template_version", Problem::NothingToFollow));
    }
    // What follows names the base, what does not the version that its next VMs are of.
    match (before.use_latest, after.use_latest) {
        (false, true) => after.template = versions::base_of(db, before.template)?,
        (true, false) => after.template = versions::newest(db, before.template)?,
        _ => {}
    }
    if wrong.is_empty() { Ok(after) } else { Err(EngineError::Invalid(wrong)) }
}

/// What oVirt does not let anybody change.
fn fixed(before: &PoolConfig, change: &PoolUpdate) -> Vec<Invalid> {
    let changes = [
        ("type", change.kind.is_some_and(|new| new != before.kind)),
        ("stateful", change.stateful.is_some_and(|new| new != before.stateful)),
        ("cluster", change.cluster.is_some_and(|new| new != before.cluster)),
        ("template", change.template.is_some_and(|new| new != before.template)),
    ];
    changes.into_iter().filter(|c| c.1).map(|(field, _)| Invalid::new(field, Problem::Fixed)).collect()
}
