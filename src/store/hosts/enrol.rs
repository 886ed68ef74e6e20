//! Hosts that are added, invited, certified and removed.

use crate::db::Db;
use crate::db::schema::{affinity_group_host, host, host_invitation, host_ssh, storage_domain, vm_run};
use crate::model::clock::Timestamp;
use crate::model::host::{HostEdit, HostStatus};
use crate::model::ids::{ClusterId, HostId};
use crate::store::ancestors;
use diesel::prelude::*;

/// A host to be kept.
#[derive(Debug, Clone)]
pub struct HostConfig<'a> {
    pub id: HostId,
    pub cluster: ClusterId,
    pub name: &'a str,
    pub comment: &'a str,
    /// Empty: it is known when the host has joined.
    pub address: &'a str,
    pub port: u16,
    pub status: HostStatus,
    pub reason: &'a str,
}

/// Keeps a host that was not there before.
pub fn insert(db: &mut Db, new: &HostConfig<'_>) -> QueryResult<()> {
    diesel::insert_into(host::table)
        .values((
            (host::id.eq(new.id), host::cluster_id.eq(new.cluster), host::name.eq(new.name)),
            (host::comment.eq(new.comment), host::address.eq(new.address), host::port.eq(i32::from(new.port))),
            (host::status.eq(new.status), host::status_reason.eq(new.reason)),
            (host::facts.eq("{}"), host::generation.eq(0i64), host::fingerprint.eq("")),
        ))
        .execute(db)?;
    ancestors::set(db, new.id.object(), &[new.cluster.object()])
}

/// Is the name in use?
pub fn is_taken(db: &mut Db, name: &str, by_other_than: Option<HostId>) -> QueryResult<bool> {
    let found: Vec<HostId> = host::table.filter(host::name.eq(name)).select(host::id).load(db)?;
    Ok(found.into_iter().any(|id| Some(id) != by_other_than))
}

/// Keeps what somebody set of it. In another cluster it is in none of the affinity groups it was in.
pub fn edit(db: &mut Db, id: HostId, new: &HostEdit) -> QueryResult<()> {
    let was: ClusterId = host::table.find(id).select(host::cluster_id).first(db)?;
    diesel::update(host::table.find(id))
        .set((
            (host::name.eq(&new.name), host::comment.eq(&new.comment), host::cluster_id.eq(new.cluster)),
            (host::address.eq(&new.address), host::port.eq(i32::from(new.port))),
            host::generation.eq(host::generation + 1),
        ))
        .execute(db)?;
    if was == new.cluster {
        return Ok(());
    }
    diesel::delete(affinity_group_host::table.filter(affinity_group_host::host_id.eq(id))).execute(db)?;
    ancestors::set(db, id.object(), &[new.cluster.object()])
}

/// Removes a host and its invitation.
pub fn remove(db: &mut Db, id: HostId) -> QueryResult<()> {
    withdraw(db, id)?;
    diesel::delete(host_ssh::table.find(id)).execute(db)?;
    ancestors::remove(db, id.object())?;
    diesel::delete(host::table.find(id)).execute(db).map(drop)
}

/// VMs that run there, or perhaps still do.
pub fn vms_on(db: &mut Db, id: HostId) -> QueryResult<i64> {
    vm_run::table.filter(vm_run::host_id.eq(id)).count().get_result(db)
}

/// Storage domains that only this host has.
pub fn local_domains(db: &mut Db, id: HostId) -> QueryResult<Vec<String>> {
    storage_domain::table.filter(storage_domain::host_id.eq(id)).select(storage_domain::name).load(db)
}

/// What a machine may become a host with.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Invitation {
    pub host: HostId,
    pub secret_hash: String,
    pub expires: Timestamp,
    /// Of the key that used it; empty: nobody did.
    pub fingerprint: String,
}

/// Keeps the host's one invitation: an earlier one is void.
pub fn invite(db: &mut Db, new: &Invitation) -> QueryResult<()> {
    diesel::delete(host_invitation::table.find(new.host)).execute(db)?;
    diesel::insert_into(host_invitation::table)
        .values((
            host_invitation::host_id.eq(new.host),
            host_invitation::secret_hash.eq(&new.secret_hash),
            host_invitation::expires.eq(new.expires),
            host_invitation::fingerprint.eq(&new.fingerprint),
        ))
        .execute(db)
        .map(drop)
}

/// Nobody may come as this host.
pub fn withdraw(db: &mut Db, id: HostId) -> QueryResult<()> {
    diesel::delete(host_invitation::table.find(id)).execute(db).map(drop)
}

/// The invitation with this secret.
pub fn invitation(db: &mut Db, secret_hash: &str) -> QueryResult<Option<Invitation>> {
    host_invitation::table
        .filter(host_invitation::secret_hash.eq(secret_hash))
        .select((
            host_invitation::host_id,
            host_invitation::secret_hash,
            host_invitation::expires,
            host_invitation::fingerprint,
        ))
        .first(db)
        .optional()
}

/// Keeps the key that used an invitation.
pub fn use_up(db: &mut Db, id: HostId, fingerprint: &str) -> QueryResult<()> {
    diesel::update(host_invitation::table.find(id))
        .set(host_invitation::fingerprint.eq(fingerprint))
        .execute(db)
        .map(drop)
}

/// The host is called there from now on, and must hold this key.
pub fn set_line(db: &mut Db, id: HostId, address: &str, port: u16, fingerprint: &str) -> QueryResult<()> {
    diesel::update(host::table.find(id))
        .set((host::address.eq(address), host::port.eq(i32::from(port)), host::fingerprint.eq(fingerprint)))
        .execute(db)
        .map(drop)
}

/// When its certificate ends.
pub fn set_certificate_end(db: &mut Db, id: HostId, ends: Timestamp) -> QueryResult<()> {
    diesel::update(host::table.find(id)).set(host::certificate_ends.eq(ends)).execute(db).map(drop)
}

/// Hosts that are up whose certificate ends before `by`.
pub fn due(db: &mut Db, by: Timestamp) -> QueryResult<Vec<HostId>> {
    host::table.filter(host::status.eq(HostStatus::Up)).filter(host::certificate_ends.lt(by)).select(host::id).load(db)
}
