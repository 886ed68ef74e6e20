//! People of directories are kept as their directories have them: who has gone or is disabled there is out, groups follow.

use crate::directories::ldap::{Directory, Standing};
use crate::engine::changes::Topic;
use crate::engine::{Engine, EngineError};
use crate::model::event::{About, EventCode};
use crate::model::permission::ObjectKind;
use crate::store::outsiders::{self, Known, Which};
use std::collections::HashMap;
use std::sync::Arc;

/// So many are asked for at once.
const BATCH: usize = 200;

/// Those who are signed in.
///
/// # Errors
/// A directory did not answer (its people stay as they are; the others have been looked at), or the database failed.
pub(in crate::engine) async fn signed_in(engine: &Arc<Engine>) -> Result<(), EngineError> {
    each(engine, Which::SignedIn).await
}

/// All, and the groups.
///
/// # Errors
/// As [`signed_in`].
pub(in crate::engine) async fn all(engine: &Arc<Engine>) -> Result<(), EngineError> {
    each(engine, Which::All).await
}

async fn each(engine: &Arc<Engine>, which: Which) -> Result<(), EngineError> {
    let looks = engine.directories.names().into_iter().map(|domain| async move {
        match engine.directories.get(&domain) {
            Some(directory) => look(engine, &domain, &directory, which).await,
            None => Ok(()),
        }
    });
    futures_util::future::join_all(looks).await.into_iter().collect()
}

async fn look(engine: &Arc<Engine>, domain: &str, directory: &Directory, which: Which) -> Result<(), EngineError> {
    let name = domain.to_owned();
    let known = engine.db.read(move |db| Ok::<_, EngineError>(outsiders::known(db, &name, which)?)).await?;
    for batch in known.chunks(BATCH) {
        let ids: Vec<String> = batch.iter().map(|one| one.external_id.clone()).collect();
        let standings = directory.by_ids(&ids).await?;
        let by_id: HashMap<String, Standing> =
            standings.into_iter().map(|one| (one.person.external_id.clone(), one)).collect();
        follow(engine, domain, batch, by_id).await?;
    }
    if which == Which::All { groups(engine, domain, directory).await } else { Ok(()) }
}

/// What is to be done about somebody.
enum Change {
    Keep(Box<Standing>),
    /// Why he is out; none: his entry is gone.
    Out(Option<String>),
}

async fn follow(
    engine: &Arc<Engine>,
    domain: &str,
    batch: &[Known],
    mut by_id: HashMap<String, Standing>,
) -> Result<(), EngineError> {
    let wanted = batch.iter().filter_map(|one| {
        Some((
            one.clone(),
            match by_id.remove(&one.external_id) {
                Some(standing) if standing.usable.is_ok() => Change::Keep(Box::new(standing)),
                Some(standing) if one.active => Change::Out(standing.usable.err().map(|why| why.to_string())),
                None if one.active => Change::Out(None),
                _ => return None,
            },
        ))
    });
    let wanted: Vec<(Known, Change)> = wanted.collect();
    let name = domain.to_owned();
    // Most of the time nobody has changed, and nothing is written.
    let changes = engine
        .db
        .read(move |db| {
            let mut changes = Vec::new();
            for (known, change) in wanted {
                let is_current = match &change {
                    Change::Keep(standing) => outsiders::is_current(db, &name, known.id, &standing.person)?,
                    Change::Out(_) => false,
                };
                if !is_current {
                    changes.push((known, change));
                }
            }
            Ok::<_, EngineError>(changes)
        })
        .await?;
    if changes.is_empty() {
        return Ok(());
    }
    let (inner, name) = (engine.clone(), domain.to_owned());
    engine
        .db
        .write(move |db| {
            let now = inner.clock.now();
            for (known, change) in &changes {
                match change {
                    Change::Keep(standing) => drop(outsiders::keep(db, &name, &standing.person, now)?),
                    Change::Out(why) => {
                        outsiders::vanished(db, known.id)?;
                        let about = About { user: Some((known.id, known.full_name(&name))), ..About::default() };
                        match why {
                            Some(why) => inner.tell(db, EventCode::DirectoryUserOut, about, why)?,
                            None => inner.tell(db, EventCode::DirectoryUserGone, about, "")?,
                        }
                    }
                }
            }
            inner.changed(Topic::Object(ObjectKind::User), None);
            Ok::<_, EngineError>(())
        })
        .await?;
    // Consoles of those who are out close, and of those who lost a role with a group.
    engine.consoles.recheck(engine).await
}

async fn groups(engine: &Arc<Engine>, domain: &str, directory: &Directory) -> Result<(), EngineError> {
    let name = domain.to_owned();
    let known = engine.db.read(move |db| Ok::<_, EngineError>(outsiders::known_groups(db, &name)?)).await?;
    for batch in known.chunks(BATCH) {
        let ids: Vec<String> = batch.iter().map(|(_, external_id)| external_id.clone()).collect();
        let found = directory.groups_by_ids(&ids).await?;
        let (name, batch) = (domain.to_owned(), batch.to_vec());
        engine
            .db
            .write(move |db| {
                for (id, external_id) in &batch {
                    match found.iter().find(|group| group.external_id == *external_id) {
                        Some(group) => drop(outsiders::keep_group(db, &name, group)?),
                        None => outsiders::group_vanished(db, *id)?,
                    }
                }
                Ok::<_, EngineError>(())
            })
            .await?;
    }
    Ok(())
}
