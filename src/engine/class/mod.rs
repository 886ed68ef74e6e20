//! Classes: a pool's teacher sees the screens of all who have its VMs, tells and gives them things, locks, helps, resets.
//!
//! A pool is not above its VMs in the tree of permissions, so a teacher's permits are asked for on the pool, and hold for its VMs that
//! somebody has.

mod deliver;
mod give;
mod lock;
mod notices;
mod reset;
#[cfg(test)]
mod tests;
mod view;

pub use deliver::Files;
pub(in crate::engine) use deliver::keep;
pub use give::{Body, Opened, end, gifts, give_file, link, open_file, remove, tell};
pub use lock::{lock_all, lock_one, locked};
pub(in crate::engine) use lock::{locks, not_locked};
pub use notices::{hand, hand_seen, notices, put_away};
pub use reset::{fresh, reset};
pub(in crate::engine) use view::permit;
pub use view::{get, list, picture, seat, teaches};

use crate::auth;
use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::{Cx, Engine, EngineError};
use crate::model::event::About;
use crate::model::ids::{PoolId, VmId};
use crate::model::role::Action;
use crate::store::class::seats::{Seat, Whose, seats};

/// Everything that a class's pages show may have changed.
fn changed(engine: &Engine, pool: PoolId) {
    engine.changed(Topic::Class, Some(pool.0));
}

/// The seat of a VM of this class, if the actor may do this there.
fn admit_to(cx: &Cx, db: &mut Db, pool: PoolId, vm: VmId, action: Action) -> Result<Seat, EngineError> {
    auth::check(db, &cx.actor, action, pool.object())?;
    let seat = seats(db, Whose::Vm(vm))?.into_iter().find(|seat| seat.pool == pool);
    seat.ok_or_else(|| EngineError::NotFound { kind: "VM", id: vm.to_string() })
}

/// The seat of a VM, if the actor may do this in its class.
pub(in crate::engine) fn admit(cx: &Cx, db: &mut Db, vm: VmId, action: Action) -> Result<Seat, EngineError> {
    let none = || EngineError::NotFound { kind: "VM", id: vm.to_string() };
    let pool = seats(db, Whose::Vm(vm))?.first().map(|seat| seat.pool).ok_or_else(none)?;
    admit_to(cx, db, pool, vm, action)
}

fn about(seat: &Seat) -> About {
    About {
        vm: Some((seat.vm, seat.name.clone())),
        pool: Some((seat.pool, seat.pool_name.clone())),
        ..About::default()
    }
}

/// A pool's name for its events.
fn about_pool(db: &mut Db, pool: PoolId) -> Result<About, EngineError> {
    let config = crate::store::pools::write::config(db, pool)?;
    let config = config.ok_or_else(|| EngineError::NotFound { kind: "pool", id: pool.to_string() })?;
    Ok(About { pool: Some((pool, config.name)), ..About::default() })
}
