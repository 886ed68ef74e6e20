//! A host is known to be off: whatever ran there runs no more, and may run elsewhere.

use super::enrol::admitted;
use crate::auth;
use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::vms::{ha, state};
use crate::engine::{Cx, Engine, EngineError};
use crate::model::conflict::Conflict;
use crate::model::event::{About, EventCode};
use crate::model::host::{HostAction, HostStatus};
use crate::model::ids::HostId;
use crate::model::permission::ObjectKind;
use crate::model::role::Action;
use crate::store::hosts::write::{self, HostRow};
use crate::store::vms::run::{self, Which};
use std::sync::Arc;

const OFF: &str = "Its host was off.";

/// A person says that the host was rebooted or is off: he has looked. Its VMs are down then; nothing keeps them from starting elsewhere,
/// so that is said only of a host that does not answer.
///
/// # Errors
/// Refused by its state, hidden, or the database failed.
pub async fn confirm(cx: &Cx, id: HostId) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            auth::check(db, &inner.actor, Action::ManipulateHost, id.object())?;
            let row = admitted(db, id, HostAction::ConfirmOff)?;
            inner.tell(db, EventCode::HostConfirmedOff, about(&row), "")?;
            is_off(&inner.engine, db, &row)
        })
        .await
}

/// The host is off, in the caller's transaction.
///
/// # Errors
/// Somebody changed the host meanwhile, or the database failed.
pub(super) fn is_off(engine: &Arc<Engine>, db: &mut Db, row: &HostRow) -> Result<(), EngineError> {
    runs_nothing(engine, db, row, HostStatus::Down)
}

/// Nothing that ran on the host runs any more, in the caller's transaction.
///
/// # Errors
/// Somebody changed the host meanwhile, or the database failed.
pub(super) fn runs_nothing(
    engine: &Arc<Engine>,
    db: &mut Db,
    row: &HostRow,
    status: HostStatus,
) -> Result<(), EngineError> {
    if !write::set_status(db, row, status, "")? {
        return Err(Conflict::ChangedMeanwhile.into());
    }
    for run in run::find(db, Which::OnHost(row.id))? {
        // What a task holds it brings to its end itself: it asks this host no more.
        if run::is_locked(db, run.vm)? {
            continue;
        }
        let inner = engine.clone();
        let living = run.observed.is_living();
        state::change(engine, db, run.vm, |run| {
            if run.observed.is_living() || !run.status.is_running() {
                state::set_off(&inner, run, OFF);
            }
            Ok(())
        })?;
        if living {
            engine.tell(db, EventCode::VmDownError, state::about(&run), OFF)?;
            ha::went_down(engine, db, &run)?;
        }
    }
    engine.changed(Topic::Object(ObjectKind::Host), Some(row.id.0));
    Ok(())
}

fn about(row: &HostRow) -> About {
    About { host: Some((row.id, row.name.clone())), ..About::default() }
}
