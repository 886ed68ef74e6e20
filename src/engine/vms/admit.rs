//! The entry of every command on a VM: permission first, then what the VM's state allows.

use crate::auth;
use crate::db::Db;
use crate::engine::vms::state;
use crate::engine::{Cx, EngineError, jobs};
use crate::model::conflict::{Attempt, Holder};
use crate::model::ids::{JobId, VmId};
use crate::model::vm::{Refusal, VmAction};
use crate::model::vm_rules::{Standing, refusal};
use crate::model::vm_settings::Screens;
use crate::store::vms::run::VmRun;
use std::time::Duration;

/// How long a command waits for the task that holds its VM.
pub(in crate::engine) const PATIENCE: Duration = Duration::from_secs(5);

/// The VM's running side, if the actor may do `action` to it now.
///
/// # Errors
/// Hidden, forbidden, refused by its state, or the database failed.
pub(in crate::engine) fn admit(cx: &Cx, db: &mut Db, vm: VmId, action: VmAction) -> Result<VmRun, EngineError> {
    auth::check(db, &cx.actor, action.permit(), vm.object())?;
    ready(db, vm, action)
}

/// The VM's running side, if its state allows `action`: for who was permitted by something else than the VM.
///
/// # Errors
/// Refused by its state, or the database failed.
pub(in crate::engine) fn ready(db: &mut Db, vm: VmId, action: VmAction) -> Result<VmRun, EngineError> {
    let run = state::load(db, vm)?;
    match refusal(action, &standing(&run, held_by(db, vm)?.as_ref())) {
        Some(because) => Err(refuse(action, &run.name, because)),
        None => Ok(run),
    }
}

/// Runs a command's transaction. A VM can be seen as up a moment before the task that started it has ended: whoever acts on what
/// he sees waits that moment and is not refused.
///
/// # Errors
/// What the command says.
pub(in crate::engine) async fn command<T: Send + 'static>(
    cx: &Cx,
    vm: VmId,
    action: VmAction,
    work: impl Fn(&Cx, &mut Db) -> Result<T, EngineError> + Clone + Send + 'static,
) -> Result<T, EngineError> {
    let attempt = || {
        let (inner, work) = (cx.clone(), work.clone());
        cx.engine.db.write(move |db| work(&inner, db))
    };
    let refused = match attempt().await {
        Err(error @ EngineError::Refused { because: Refusal::Locked { .. }, .. }) => error,
        other => return other,
    };
    match cx.engine.db.read(move |db| in_the_way(db, vm, action)).await? {
        Some(job) => {
            // Whether it ended or not, the second attempt tells.
            let _ = tokio::time::timeout(PATIENCE, jobs::wait(&cx.engine, job)).await;
            attempt().await
        }
        None => Err(refused),
    }
}

/// The task without which the VM's state would allow the action.
fn in_the_way(db: &mut Db, vm: VmId, action: VmAction) -> Result<Option<JobId>, EngineError> {
    if !state::load(db, vm)?.status.allows(action) {
        return Ok(None);
    }
    Ok(crate::store::jobs::holder(db, &[vm.object()])?.map(|(job, _, _)| job))
}

/// The task that holds the VM.
pub(in crate::engine) fn held_by(db: &mut Db, vm: VmId) -> Result<Option<Holder>, EngineError> {
    let holder = crate::store::jobs::holder(db, &[vm.object()])?;
    Ok(holder.map(|(_, kind, subject)| Holder::Job { kind, subject }))
}

fn standing<'a>(run: &'a VmRun, locked_by: Option<&'a Holder>) -> Standing<'a> {
    Standing {
        status: run.status,
        locked_by,
        pool: run.pool.as_ref().map(|(_, name)| name.as_str()),
        host: run.host.map(|_| run.host_name.as_str()),
        delete_protected: run.delete_protected,
        stateless: run.stateless,
        serial: Screens::of(&run.launched).is_none_or(Screens::serial),
    }
}

/// The refusal as the command's error.
pub(in crate::engine) fn refuse(action: VmAction, name: &str, because: Refusal) -> EngineError {
    EngineError::Refused { what: Attempt::Vm(action, name.to_owned()), because }
}
