//! What guests are told at their first start; kept for VMs, templates and pools alike.

use crate::db::Db;
use crate::db::schema::{first_run, first_run_done, vm};
use crate::model::first_run::FirstRun;
use crate::model::ids::{ObjectId, PoolId, TemplateId, VmId};
use diesel::prelude::*;

/// What is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kept {
    pub settings: FirstRun,
    /// The password's hash, sealed by the vault; empty: there is none.
    pub password: String,
    /// What Windows must read as it was written, sealed by the vault; empty: there is none.
    pub secrets: String,
    /// Grows with each change: a guest that was told an older one is told again.
    pub revision: i32,
}

/// Of a VM, a template or a pool.
pub fn get(db: &mut Db, object: ObjectId) -> QueryResult<Option<Kept>> {
    let row: Option<(String, String, String, i32)> = first_run::table
        .find(object)
        .select((first_run::settings, first_run::password, first_run::secrets, first_run::revision))
        .first(db)
        .optional()?;
    Ok(row.map(|(settings, password, secrets, revision)| Kept {
        settings: serde_json::from_str(&settings).unwrap_or_default(),
        password,
        secrets,
        revision,
    }))
}

/// Keeps it, in place of what was kept.
pub fn set(db: &mut Db, object: ObjectId, kept: &Kept) -> QueryResult<()> {
    remove(db, object)?;
    let settings = serde_json::to_string(&kept.settings).unwrap_or_default();
    diesel::insert_into(first_run::table)
        .values((
            first_run::object_id.eq(object),
            first_run::settings.eq(settings),
            first_run::password.eq(&kept.password),
            first_run::secrets.eq(&kept.secrets),
            first_run::revision.eq(kept.revision),
        ))
        .execute(db)
        .map(drop)
}

/// Forgets it. Not there: fine.
pub fn remove(db: &mut Db, object: ObjectId) -> QueryResult<()> {
    diesel::delete(first_run::table.find(object)).execute(db).map(drop)
}

/// What is made of a template is told what that says.
pub fn inherit(db: &mut Db, template: TemplateId, object: ObjectId) -> QueryResult<()> {
    match get(db, template.object())? {
        Some(kept) => set(db, object, &kept),
        None => Ok(()),
    }
}

/// What the VM is told: its pool's, or its own. And whether its disks forget that they were told.
pub fn of_vm(db: &mut Db, id: VmId) -> QueryResult<Option<(Kept, bool)>> {
    let row: Option<(Option<PoolId>, bool)> =
        vm::table.find(id).select((vm::vm_pool_id, vm::stateless)).first(db).optional()?;
    let Some((pool, forgets)) = row else { return Ok(None) };
    let found = get(db, pool.map_or(id.object(), |pool| pool.object()))?;
    Ok(found.map(|kept| (kept, forgets)))
}

/// The VM's name and operating system.
pub fn guest(db: &mut Db, id: VmId) -> QueryResult<Option<(String, String)>> {
    vm::table.find(id).select((vm::name, vm::os)).first(db).optional()
}

/// The revision that the VM was told.
pub fn told(db: &mut Db, id: VmId) -> QueryResult<Option<i32>> {
    first_run_done::table.find(id).select(first_run_done::revision).first(db).optional()
}

/// The VM was told.
pub fn set_told(db: &mut Db, id: VmId, revision: i32) -> QueryResult<()> {
    diesel::delete(first_run_done::table.find(id)).execute(db)?;
    diesel::insert_into(first_run_done::table)
        .values((first_run_done::vm_id.eq(id), first_run_done::revision.eq(revision)))
        .execute(db)
        .map(drop)
}
