//! Signing out at the provider, too.

use super::sign_in::token_purpose;
use crate::engine::{Cx, EngineError};
use crate::store::providers::{self as store, sessions};

/// Where the browser goes to sign out there.
#[derive(Debug)]
pub struct Farewell {
    pub label: String,
    pub url: String,
}

/// What the session's provider wants when it ends; ask before ending it. None: the session came from none, or it offers nothing. A
/// provider that is away keeps nobody from leaving here.
///
/// # Errors
/// The database failed.
pub async fn farewell(cx: &Cx, return_to: &str) -> Result<Option<Farewell>, EngineError> {
    let Some(session) = cx.actor.session else { return Ok(None) };
    let found = cx
        .engine
        .db
        .read(move |db| {
            let Some((provider, sealed)) = sessions::find(db, session)? else { return Ok::<_, EngineError>(None) };
            Ok(store::get(db, provider)?.map(|kept| (kept, sealed)))
        })
        .await?;
    let Some((kept, sealed)) = found.filter(|(kept, sealed)| kept.view.sign_out && !sealed.is_empty()) else {
        return Ok(None);
    };
    let label = kept.view.label.clone();
    let Ok(id_token) = cx.engine.vault.open(&token_purpose(&session), &sealed) else { return Ok(None) };
    let provider = cx.engine.provider(kept)?;
    match provider.sign_out_url(&id_token, return_to, cx.engine.clock.now()).await {
        Ok(url) => Ok(url.map(|url| Farewell { label, url })),
        Err(why) => {
            tracing::warn!(%why, "nobody can be signed out at the OpenID provider");
            Ok(None)
        }
    }
}
