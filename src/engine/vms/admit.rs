//! The entry of every command on a VM: permission first, then what the VM's state allows.

use crate::auth;
use crate::db::Db;
use crate::engine::vms::state;
use crate::engine::{Cx, EngineError};
use crate::model::conflict::{Attempt, Holder};
use crate::model::ids::VmId;
use crate::model::vm::{Refusal, VmAction};
use crate::model::vm_rules::{Standing, refusal};
use crate::store::vms::run::VmRun;

/// The VM's running side, if the actor may do `action` to it now.
///
/// # Errors
/// Hidden, forbidden, refused by its state, or the database failed.
pub(in crate::engine) fn admit(cx: &Cx, db: &mut Db, vm: VmId, action: VmAction) -> Result<VmRun, EngineError> {
    auth::check(db, &cx.actor, action.permit(), vm.object())?;
    let run = state::load(db, vm)?;
    match refusal(action, &standing(&run, held_by(db, vm)?.as_ref())) {
        Some(because) => Err(refuse(action, &run.name, because)),
        None => Ok(run),
    }
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
    }
}

/// The refusal as the command's error.
pub(in crate::engine) fn refuse(action: VmAction, name: &str, because: Refusal) -> EngineError {
    EngineError::Refused { what: Attempt::Vm(action, name.to_owned()), because }
}
