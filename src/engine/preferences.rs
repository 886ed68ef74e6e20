//! How people want their consoles; everybody chooses for himself.

use crate::engine::{Cx, EngineError, vms};
use crate::model::ids::VmId;
use crate::model::page::ListQuery;
use crate::model::preference::Preferences;
use crate::model::vm::VmAction;
use crate::store::preferences as store;

/// The actor's.
///
/// # Errors
/// The database failed.
pub async fn get(cx: &Cx) -> Result<Preferences, EngineError> {
    let user = cx.actor.user;
    cx.engine.db.read(move |db| Ok(store::get(db, user)?)).await
}

/// Changes the actor's.
///
/// # Errors
/// The database failed.
pub async fn set(cx: &Cx, chosen: Preferences) -> Result<(), EngineError> {
    let user = cx.actor.user;
    cx.engine.db.write(move |db| Ok(store::set(db, user, &chosen)?)).await
}

/// The desktop that the actor wants to come to at once: he has one only, and it can be shown.
///
/// # Errors
/// The database failed.
pub async fn at_once(cx: &Cx) -> Result<Option<VmId>, EngineError> {
    if !get(cx).await?.auto_connect {
        return Ok(None);
    }
    let two = ListQuery { max: 2, ..ListQuery::default() };
    let all = vms::list(cx, &two).await?.rows;
    Ok(all.first().filter(|vm| all.len() == 1 && vm.can.contains(&VmAction::Console)).map(|vm| vm.id))
}
