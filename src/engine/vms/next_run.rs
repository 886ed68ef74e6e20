//! What a running guest has, against what is set: what differs waits for its next start.

use crate::db::Db;
use crate::engine::vms::state;
use crate::engine::{Engine, EngineError};
use crate::model::ids::VmId;
use crate::model::vm_settings::Running;
use crate::store::vms::launch;
use crate::store::vms::run::VmRun;
use std::sync::Arc;

/// Looks anew whether settings wait. `learn` changes what is known of the running guest.
///
/// # Errors
/// The VM does not exist, or the database failed.
pub(in crate::engine) fn settle(
    engine: &Arc<Engine>,
    db: &mut Db,
    vm: VmId,
    learn: impl Fn(&mut Running),
) -> Result<VmRun, EngineError> {
    let missing = || EngineError::NotFound { kind: "VM", id: vm.to_string() };
    let intended = launch::get(db, vm)?.ok_or_else(missing)?.running();
    state::change(engine, db, vm, |run| {
        let Some(now) = Running::from_json(&run.launched) else { return Ok(()) };
        let mut now = now.with_immediate(&intended);
        learn(&mut now);
        run.waits = !now.waiting(&intended).is_empty();
        run.launched = now.to_json();
        Ok(())
    })
}
