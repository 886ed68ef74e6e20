//! Sign-ins that are on their way through a provider: good once, for a while, in the browser that began them.

use crate::db::Db;
use crate::db::schema::openid_flow;
use crate::model::clock::Timestamp;
use crate::model::ids::ProviderId;
use diesel::prelude::*;

/// A sign-in on its way.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = openid_flow)]
pub struct Flow {
    pub state_hash: String,
    pub browser_hash: String,
    pub provider_id: ProviderId,
    pub nonce: String,
    /// Sealed.
    pub verifier: String,
    pub redirect_uri: String,
    pub then_path: String,
    pub source_ip: String,
    pub expires: Timestamp,
}

/// Keeps one, unless `most` from its address are on their way already; forgets those that never came back.
pub fn insert(db: &mut Db, flow: &Flow, most: i64, now: Timestamp) -> QueryResult<bool> {
    diesel::delete(openid_flow::table.filter(openid_flow::expires.lt(now))).execute(db)?;
    let there: i64 = openid_flow::table.filter(openid_flow::source_ip.eq(&flow.source_ip)).count().get_result(db)?;
    if there >= most {
        return Ok(false);
    }
    diesel::insert_into(openid_flow::table).values(flow.clone()).execute(db)?;
    Ok(true)
}

/// Uses one up: of two who come with it, one gets it. Another browser's or provider's stays untouched.
pub fn take(
    db: &mut Db,
    state_hash: &str,
    browser_hash: &str,
    provider: ProviderId,
    now: Timestamp,
) -> QueryResult<Option<Flow>> {
    let found: Option<Flow> = openid_flow::table
        .find(state_hash)
        .filter(openid_flow::browser_hash.eq(browser_hash))
        .filter(openid_flow::provider_id.eq(provider))
        .first(db)
        .optional()?;
    let Some(flow) = found else { return Ok(None) };
    let taken = diesel::delete(openid_flow::table.find(state_hash)).execute(db)?;
    Ok((taken == 1 && flow.expires >= now).then_some(flow))
}
