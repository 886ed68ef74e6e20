//! OpenID providers, and what came through them.

pub mod flows;
pub mod sessions;

use crate::db::Db;
use crate::db::schema::{openid_provider, user_group, users};
use crate::model::ids::{GroupId, ProviderId, UserId};
use crate::model::provider::{Claims, ProviderView};
use diesel::prelude::*;

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = openid_provider)]
struct Row {
    id: ProviderId,
    name: String,
    label: String,
    issuer: String,
    client_id: String,
    client_secret: String,
    scopes: String,
    user_name_claim: String,
    first_name_claim: String,
    last_name_claim: String,
    email_claim: String,
    groups_claim: String,
    ca_pem: String,
    api_audience: String,
    sign_out: bool,
    enabled: bool,
    generation: i64,
}

/// A provider with its secret as it is kept (sealed; empty: none).
#[derive(Debug, Clone)]
pub struct Kept {
    pub view: ProviderView,
    pub sealed_secret: String,
}

impl From<Row> for Kept {
    fn from(row: Row) -> Self {
        let claims = Claims {
            user_name: row.user_name_claim,
            first_name: row.first_name_claim,
            last_name: row.last_name_claim,
            email: row.email_claim,
            groups: row.groups_claim,
        };
        let view = ProviderView {
            id: row.id,
            name: row.name,
            label: row.label,
            issuer: row.issuer,
            client_id: row.client_id,
            has_secret: !row.client_secret.is_empty(),
            scopes: row.scopes,
            claims,
            ca_pem: row.ca_pem,
            api_audience: row.api_audience,
            sign_out: row.sign_out,
            enabled: row.enabled,
            generation: row.generation,
        };
        Self { view, sealed_secret: row.client_secret }
    }
}

impl From<Kept> for Row {
    fn from(Kept { view, sealed_secret }: Kept) -> Self {
        Self {
            id: view.id,
            name: view.name,
            label: view.label,
            issuer: view.issuer,
            client_id: view.client_id,
            client_secret: sealed_secret,
            scopes: view.scopes,
            user_name_claim: view.claims.user_name,
            first_name_claim: view.claims.first_name,
            last_name_claim: view.claims.last_name,
            email_claim: view.claims.email,
            groups_claim: view.claims.groups,
            ca_pem: view.ca_pem,
            api_audience: view.api_audience,
            sign_out: view.sign_out,
            enabled: view.enabled,
            generation: view.generation,
        }
    }
}

/// All, by name.
pub fn list(db: &mut Db) -> QueryResult<Vec<Kept>> {
    let rows: Vec<Row> = openid_provider::table.order(openid_provider::name).load(db)?;
    Ok(rows.into_iter().map(Kept::from).collect())
}

/// The provider of this id.
pub fn get(db: &mut Db, id: ProviderId) -> QueryResult<Option<Kept>> {
    let row: Option<Row> = openid_provider::table.find(id).first(db).optional()?;
    Ok(row.map(Kept::from))
}

/// The provider of this name.
pub fn by_name(db: &mut Db, name: &str) -> QueryResult<Option<Kept>> {
    let row: Option<Row> = openid_provider::table.filter(openid_provider::name.eq(name)).first(db).optional()?;
    Ok(row.map(Kept::from))
}

/// Adds one; the name must be free (unique violation).
pub fn insert(db: &mut Db, provider: Kept) -> QueryResult<()> {
    diesel::insert_into(openid_provider::table).values(Row::from(provider)).execute(db).map(drop)
}

/// Changes one.
pub fn update(db: &mut Db, provider: Kept) -> QueryResult<()> {
    diesel::update(openid_provider::table.find(provider.view.id)).set(Row::from(provider)).execute(db).map(drop)
}

/// Removes one with its people: users, groups, their permissions and sessions.
pub fn remove(db: &mut Db, provider: &ProviderView) -> QueryResult<()> {
    let people: Vec<UserId> = users::table.filter(users::domain.eq(&provider.name)).select(users::id).load(db)?;
    for user in people {
        super::users::remove(db, user)?;
    }
    let groups: Vec<GroupId> =
        user_group::table.filter(user_group::domain.eq(&provider.name)).select(user_group::id).load(db)?;
    for group in groups {
        super::groups::remove(db, group)?;
    }
    diesel::delete(openid_provider::table.find(provider.id)).execute(db).map(drop)
}
