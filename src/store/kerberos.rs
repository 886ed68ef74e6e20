//! Domains whose people may come with a Kerberos ticket.

use crate::db::Db;
use crate::db::schema::{domain, kerberos};
use crate::model::ids::DomainId;
use diesel::prelude::*;

/// A domain's keytab.
#[derive(Debug, Clone, Queryable)]
pub struct Kept {
    pub domain: DomainId,
    pub domain_name: String,
    /// base64, sealed
    pub keytab: String,
    pub generation: i64,
}

/// All, by the domains' names.
pub fn list(db: &mut Db) -> QueryResult<Vec<Kept>> {
    kerberos::table
        .inner_join(domain::table.on(domain::id.eq(kerberos::domain_id)))
        .order(domain::name)
        .select((kerberos::domain_id, domain::name, kerberos::keytab, kerberos::generation))
        .load(db)
}

/// Sets a domain's keytab, or another one.
pub fn set(db: &mut Db, id: DomainId, keytab: &str) -> QueryResult<()> {
    let changed = diesel::update(kerberos::table.find(id))
        .set((kerberos::keytab.eq(keytab), kerberos::generation.eq(kerberos::generation + 1)))
        .execute(db)?;
    if changed == 0 {
        diesel::insert_into(kerberos::table)
            .values((kerberos::domain_id.eq(id), kerberos::keytab.eq(keytab), kerberos::generation.eq(1)))
            .execute(db)?;
    }
    Ok(())
}

/// Takes a domain's keytab away. False: it had none.
pub fn remove(db: &mut Db, id: DomainId) -> QueryResult<bool> {
    Ok(diesel::delete(kerberos::table.find(id)).execute(db)? == 1)
}
