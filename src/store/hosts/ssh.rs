//! How hosts are logged in to, and by which key their SSH servers are known.

use crate::db::Db;
use crate::db::schema::host_ssh;
use crate::model::ids::HostId;
use diesel::prelude::*;

/// What is known of a host's SSH server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    pub port: u16,
    pub user: String,
    /// `SHA256:…`
    pub fingerprint: String,
}

/// Keeps it, in place of what was known before.
pub fn pin(db: &mut Db, host: HostId, new: &Pinned) -> QueryResult<()> {
    diesel::delete(host_ssh::table.find(host)).execute(db)?;
    diesel::insert_into(host_ssh::table)
        .values((
            host_ssh::host_id.eq(host),
            host_ssh::port.eq(i32::from(new.port)),
            host_ssh::user_name.eq(&new.user),
            host_ssh::fingerprint.eq(&new.fingerprint),
        ))
        .execute(db)
        .map(drop)
}

/// None: it was never installed by SSH.
pub fn pinned(db: &mut Db, host: HostId) -> QueryResult<Option<Pinned>> {
    let columns = (host_ssh::port, host_ssh::user_name, host_ssh::fingerprint);
    let found: Option<(i32, String, String)> = host_ssh::table.find(host).select(columns).first(db).optional()?;
    Ok(found.map(|(port, user, fingerprint)| Pinned {
        port: u16::try_from(port).unwrap_or_default(),
        user,
        fingerprint,
    }))
}
