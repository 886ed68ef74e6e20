//! Who of the people that are known already is in a group that was just given something.

use crate::engine::changes::Topic;
use crate::engine::{Engine, EngineError};
use crate::model::permission::ObjectKind;
use crate::store::{domains as store, outsiders};
use std::sync::Arc;

/// So many are asked for at once.
const BATCH: usize = 100;

/// Brings the groups of all known people of a domain up to date, those who are signed in first. In the background: there may be
/// thousands, and whoever gives a role does not wait for them.
pub(super) fn refresh(engine: &Arc<Engine>, domain: &str) {
    let (engine, domain) = (engine.clone(), domain.to_owned());
    tokio::spawn(async move {
        if let Err(error) = all(&engine, &domain).await {
            // At his next sign-in each of them gets what he has not got now.
            tracing::warn!(domain, %error, "the members of a group cannot be asked for");
        }
    });
}

async fn all(engine: &Arc<Engine>, domain: &str) -> Result<(), EngineError> {
    let Some(directory) = engine.directories.get(domain) else { return Ok(()) };
    let name = domain.to_owned();
    let known = engine.db.read(move |db| Ok::<_, EngineError>(store::known_people(db, &name)?)).await?;
    let known: Vec<String> = known.into_iter().map(|(_, external_id)| external_id).collect();
    for batch in known.chunks(BATCH) {
        let standings = directory.by_ids(batch).await?;
        let (inner, name) = (engine.clone(), domain.to_owned());
        engine
            .db
            .write(move |db| {
                for standing in standings {
                    let person = standing.person;
                    if let Some(user) = outsiders::find(db, &name, &person.external_id)? {
                        outsiders::set_groups(db, &name, user, &person.groups)?;
                    }
                }
                inner.changed(Topic::Object(ObjectKind::User), None);
                Ok::<_, EngineError>(())
            })
            .await?;
    }
    Ok(())
}
