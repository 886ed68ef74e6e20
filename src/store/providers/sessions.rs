//! Sessions that came from a provider.

use crate::db::Db;
use crate::db::schema::{openid_session, session};
use crate::model::ids::{ProviderId, SessionId};
use diesel::prelude::*;

/// Remembers where a session came from.
pub fn insert(db: &mut Db, session: SessionId, provider: ProviderId, sealed_id_token: &str) -> QueryResult<()> {
    diesel::insert_into(openid_session::table)
        .values((
            openid_session::session_id.eq(session),
            openid_session::provider_id.eq(provider),
            openid_session::id_token.eq(sealed_id_token),
        ))
        .execute(db)
        .map(drop)
}

/// The provider a session came from, and the sealed ID token.
pub fn find(db: &mut Db, session: SessionId) -> QueryResult<Option<(ProviderId, String)>> {
    openid_session::table
        .find(session)
        .select((openid_session::provider_id, openid_session::id_token))
        .first(db)
        .optional()
}

/// Ends all that came from this provider.
pub fn end_all(db: &mut Db, provider: ProviderId) -> QueryResult<()> {
    let ids: Vec<SessionId> = openid_session::table
        .filter(openid_session::provider_id.eq(provider))
        .select(openid_session::session_id)
        .load(db)?;
    diesel::delete(session::table.filter(session::id.eq_any(&ids))).execute(db).map(drop)
}
