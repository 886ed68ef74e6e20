//! Directory domains, and what is kept of their people.

use crate::db::Db;
use crate::db::schema::{
    domain, group_member, object_ancestor, openid_provider, permission, session, tag_use, user_group, users,
};
use crate::model::clock::Timestamp;
use crate::model::domain::{Provider, Transport};
use crate::model::domain_draft::Belongings;
use crate::model::ids::{DomainId, UserId};
use diesel::prelude::*;
use std::collections::HashSet;

/// A domain as the table has it.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct DomainRow {
    pub id: DomainId,
    pub name: String,
    pub provider: Provider,
    pub servers: String,
    pub transport: Transport,
    pub ca_pem: Option<String>,
    pub bind_name: Option<String>,
    /// Sealed.
    pub bind_password: Option<String>,
    pub base_dn: Option<String>,
    pub dns: Option<String>,
    pub generation: i64,
    pub created: Timestamp,
}

/// All by name.
pub fn list(db: &mut Db) -> QueryResult<Vec<DomainRow>> {
    domain::table.order(domain::name).load(db)
}

/// One.
pub fn get(db: &mut Db, id: DomainId) -> QueryResult<Option<DomainRow>> {
    domain::table.find(id).first(db).optional()
}

/// There is a domain of this name.
pub fn exists(db: &mut Db, name: &str) -> QueryResult<bool> {
    let found: i64 = domain::table.filter(domain::name.eq(name)).count().get_result(db)?;
    Ok(found > 0)
}

/// The name is a domain's or an OpenID provider's, or somebody's whom another way of signing in brought here.
pub fn is_taken(db: &mut Db, name: &str) -> QueryResult<bool> {
    let providers: i64 = openid_provider::table.filter(openid_provider::name.eq(name)).count().get_result(db)?;
    let people: i64 = users::table.filter(users::domain.eq(name)).count().get_result(db)?;
    Ok(providers + people > 0 || exists(db, name)?)
}

/// Keeps a new one; the name must be free (unique violation).
pub fn insert(db: &mut Db, row: &DomainRow) -> QueryResult<()> {
    diesel::insert_into(domain::table)
        .values((
            domain::id.eq(row.id),
            domain::name.eq(&row.name),
            domain::provider.eq(row.provider),
            domain::servers.eq(&row.servers),
            domain::transport.eq(row.transport),
            domain::ca_pem.eq(&row.ca_pem),
            domain::bind_name.eq(&row.bind_name),
            domain::bind_password.eq(&row.bind_password),
            domain::base_dn.eq(&row.base_dn),
            domain::dns.eq(&row.dns),
            domain::generation.eq(row.generation),
            domain::created.eq(row.created),
        ))
        .execute(db)
        .map(drop)
}

/// Changes all but the name. False: somebody else changed it since `row.generation` was read.
pub fn update(db: &mut Db, row: &DomainRow) -> QueryResult<bool> {
    let changed = diesel::update(domain::table.find(row.id))
        .filter(domain::generation.eq(row.generation))
        .set((
            domain::provider.eq(row.provider),
            domain::servers.eq(&row.servers),
            domain::transport.eq(row.transport),
            domain::ca_pem.eq(&row.ca_pem),
            domain::bind_name.eq(&row.bind_name),
            domain::bind_password.eq(&row.bind_password),
            domain::base_dn.eq(&row.base_dn),
            domain::dns.eq(&row.dns),
            domain::generation.eq(row.generation + 1),
        ))
        .execute(db)?;
    Ok(changed == 1)
}

/// What is kept of the people of the domain with this name.
pub fn belongings(db: &mut Db, name: &str) -> QueryResult<Belongings> {
    let people = || users::table.filter(users::domain.eq(name)).select(users::id);
    let groups = || user_group::table.filter(user_group::domain.eq(name)).select(user_group::id);
    let held = permission::principal_id.eq_any(people()).or(permission::principal_id.eq_any(groups()));
    Ok(Belongings {
        users: people().count().get_result(db)?,
        groups: groups().count().get_result(db)?,
        permissions: permission::table.filter(held).count().get_result(db)?,
        sessions: session::table.filter(session::user_id.eq_any(people())).count().get_result(db)?,
    })
}

/// Removes a domain with its people: users, groups, their permissions and sessions.
pub fn remove(db: &mut Db, id: DomainId, name: &str) -> QueryResult<()> {
    let people = || users::table.filter(users::domain.eq(name)).select(users::id);
    let groups = || user_group::table.filter(user_group::domain.eq(name)).select(user_group::id);
    diesel::delete(permission::table.filter(permission::principal_id.eq_any(people()))).execute(db)?;
    diesel::delete(permission::table.filter(permission::principal_id.eq_any(groups()))).execute(db)?;
    diesel::delete(permission::table.filter(permission::object_id.eq_any(people()))).execute(db)?;
    diesel::delete(permission::table.filter(permission::object_id.eq_any(groups()))).execute(db)?;
    diesel::delete(group_member::table.filter(group_member::member_id.eq_any(people()))).execute(db)?;
    diesel::delete(group_member::table.filter(group_member::member_id.eq_any(groups()))).execute(db)?;
    diesel::delete(object_ancestor::table.filter(object_ancestor::object_id.eq_any(people()))).execute(db)?;
    diesel::delete(object_ancestor::table.filter(object_ancestor::object_id.eq_any(groups()))).execute(db)?;
    diesel::delete(tag_use::table.filter(tag_use::object_id.eq_any(people()))).execute(db)?;
    diesel::delete(tag_use::table.filter(tag_use::object_id.eq_any(groups()))).execute(db)?;
    diesel::delete(users::table.filter(users::domain.eq(name))).execute(db)?;
    diesel::delete(user_group::table.filter(user_group::domain.eq(name))).execute(db)?;
    diesel::delete(domain::table.find(id)).execute(db).map(drop)
}

/// The known people of a domain by what their directory calls them; those who are signed in come first.
pub fn known_people(db: &mut Db, name: &str) -> QueryResult<Vec<(UserId, String)>> {
    let rows: Vec<(UserId, Option<String>)> = users::table
        .filter(users::domain.eq(name))
        .filter(users::active)
        .select((users::id, users::external_id))
        .load(db)?;
    let signed_in: HashSet<UserId> =
        session::table.select(session::user_id).distinct().load::<UserId>(db)?.into_iter().collect();
    let mut known: Vec<(UserId, String)> = rows.into_iter().filter_map(|(id, ext)| Some((id, ext?))).collect();
    known.sort_by_key(|(id, _)| !signed_in.contains(id));
    Ok(known)
}
