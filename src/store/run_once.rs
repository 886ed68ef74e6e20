//! How VMs run this one time.

use crate::db::Db;
use crate::db::schema::run_once;
use crate::model::ids::VmId;
use crate::model::run_once::RunOnce;
use diesel::prelude::*;

/// How the VM runs now; none: as usual.
pub fn get(db: &mut Db, id: VmId) -> QueryResult<Option<RunOnce>> {
    let settings: Option<String> = run_once::table.find(id).select(run_once::settings).first(db).optional()?;
    Ok(settings.map(|text| serde_json::from_str(&text).unwrap_or_default()))
}

/// It is to run like this.
pub fn set(db: &mut Db, id: VmId, once: &RunOnce) -> QueryResult<()> {
    clear(db, id)?;
    let settings = serde_json::to_string(once).unwrap_or_default();
    diesel::insert_into(run_once::table)
        .values((run_once::vm_id.eq(id), run_once::settings.eq(settings), run_once::stateless.eq(once.stateless)))
        .execute(db)
        .map(drop)
}

/// As usual again.
pub fn clear(db: &mut Db, id: VmId) -> QueryResult<()> {
    diesel::delete(run_once::table.find(id)).execute(db).map(drop)
}
