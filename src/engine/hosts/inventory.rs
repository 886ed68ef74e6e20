//! What is in a host besides CPU and memory, asked of its agent at that moment.

use crate::auth;
use crate::engine::{Cx, EngineError};
use crate::model::ids::HostId;
use crate::model::inventory::HostInventory;
use crate::wire::inventory::Inventory;

/// Its network cards, devices and hook scripts.
///
/// # Errors
/// Hidden, the host is away, or the database failed.
pub async fn inventory(cx: &Cx, host: HostId) -> Result<HostInventory, EngineError> {
    let actor = cx.actor.clone();
    cx.engine.db.read(move |db| Ok::<_, EngineError>(auth::see(db, &actor, host.object())?)).await?;
    cx.engine.call(host, &Inventory {}).await
}
