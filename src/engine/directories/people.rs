//! People of directories are kept as their directories have them: who has gone or is disabled there is out, groups follow.

use crate::db::Db;
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
    by_id: HashMap<String, Standing>,
) -> Result<(), EngineError> {
    let (wanted, name) = (wanted(batch, by_id), domain.to_owned());
    // Most of the time nobody has changed, and nothing is written.
    let changes = engine.db.read(move |db| fresh(db, &name, wanted)).await?;
    if changes.is_empty() {
        return Ok(());
    }
    let (inner, name) = (engine.clone(), domain.to_owned());
    engine
        .db
        .write(move |db| {
            for (known, change) in &changes {
                apply(&inner, db, &name, known, change)?;
            }
            inner.changed(Topic::Object(ObjectKind::User), None);
            Ok::<_, EngineError>(())
        })
        .await?;
    // Consoles of those who are out close, and of those who lost a role with a group.
    engine.consoles.recheck(engine).await
}

fn wanted(batch: &[Known], mut by_id: HashMap<String, Standing>) -> Vec<(Known, Change)> {
    let wanted = batch.iter().filter_map(|known| {
        let change = match by_id.remove(&known.external_id) {
            Some(standing) if standing.usable.is_ok() => Change::Keep(Box::new(standing)),
            Some(standing) if known.active => Change::Out(standing.usable.err().map(|why| why.to_string())),
            None if known.active => Change::Out(None),
            _ => return None,
        };
        Some((known.clone(), change))
    });
    wanted.collect()
}

/// Those that would change something.
fn fresh(db: &mut Db, domain: &str, wanted: Vec<(Known, Change)>) -> Result<Vec<(Known, Change)>, EngineError> {
    let mut changes = Vec::new();
    for (known, change) in wanted {
        let is_current = match &change {
            Change::Keep(standing) => outsiders::is_current(db, domain, known.id, &standing.person)?,
            Change::Out(_) => false,
        };
        if !is_current {
            changes.push((known, change));
        }
    }
    Ok(changes)
}

fn apply(engine: &Engine, db: &mut Db, domain: &str, known: &Known, change: &Change) -> Result<(), EngineError> {
    // His domain may have been removed meanwhile, and he with it.
    if outsiders::find(db, domain, &known.external_id)? != Some(known.id) {
        return Ok(());
    }
    let why = match change {
        Change::Keep(standing) => {
            outsiders::keep(db, domain, &standing.person, engine.clock.now())?;
            return Ok(());
        }
        Change::Out(why) => why,
    };
    outsiders::vanished(db, known.id)?;
    let about = About { user: Some((known.id, known.full_name(domain))), ..About::default() };
    match why {
        Some(why) => engine.tell(db, EventCode::DirectoryUserOut, about, why),
        None => engine.tell(db, EventCode::DirectoryUserGone, about, ""),
    }
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
