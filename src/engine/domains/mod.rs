//! Directory domains: kept in the database, given to whoever signs people in, looked at again and again.

mod change;
mod check;
mod members;
pub mod people;
#[cfg(test)]
mod tests;

pub use change::{add, belongings, edit, remove};
pub(in crate::engine) use check::watch;
pub use check::{Trial, test, validate, wrong};

use crate::auth::{self, vault::Vault};
use crate::db::Db;
use crate::engine::{Cx, Engine, EngineError};
use crate::model::domain::DirectoryConfig;
use crate::model::domain_draft::{DomainView, LastCheck};
use crate::model::ids::{DomainId, SYSTEM};
use crate::model::page::{ListQuery, Page};
use crate::model::role::Action;
use crate::model::search::{Field, Value, select};
use crate::store::domains::{self as store, DomainRow};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

/// What this engine has of the domains beside the database.
#[derive(Debug, Default)]
pub struct Domains {
    /// As which generation each was given to [`Engine::directories`].
    loaded: tokio::sync::Mutex<BTreeMap<String, (DomainId, i64)>>,
    last: Mutex<HashMap<DomainId, LastCheck>>,
}

impl Domains {
    /// How it went when the engine looked last.
    pub fn last(&self, id: DomainId) -> Option<LastCheck> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// Keeps how it went; says how it went before.
    fn note(&self, id: DomainId, check: LastCheck) -> Option<LastCheck> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).insert(id, check)
    }
}

/// Who may configure domains.
fn may(cx: &Cx, db: &mut Db) -> Result<(), EngineError> {
    Ok(auth::check(db, &cx.actor, Action::ConfigureEngine, SYSTEM)?)
}

fn none(id: DomainId) -> EngineError {
    EngineError::NotFound { kind: "domain", id: id.to_string() }
}

/// What a sealed bind password is for.
fn purpose(id: DomainId) -> String {
    format!("domain {id} bind")
}

/// As the directory is reached, password and all.
fn opened(vault: &Vault, row: &DomainRow) -> Result<DirectoryConfig, EngineError> {
    let open = |sealed: &String| vault.open(&purpose(row.id), sealed);
    let password = row.bind_password.as_ref().map(open).transpose();
    Ok(DirectoryConfig { bind_password: password.map_err(|e| EngineError::Internal(e.to_string()))?, ..shown(row)? })
}

/// As people see it: without the password.
fn shown(row: &DomainRow) -> Result<DirectoryConfig, EngineError> {
    Ok(DirectoryConfig {
        name: row.name.clone(),
        provider: row.provider,
        servers: row.servers.parse()?,
        transport: row.transport,
        ca_pem: row.ca_pem.clone(),
        bind_name: row.bind_name.clone(),
        bind_password: None,
        base_dn: row.base_dn.clone(),
        dns: row.dns.as_ref().and_then(|dns| dns.parse().ok()),
    })
}

fn view(engine: &Engine, row: &DomainRow) -> Result<DomainView, EngineError> {
    Ok(DomainView {
        id: row.id,
        config: shown(row)?,
        generation: row.generation,
        created: row.created,
        last: engine.domains.last(row.id),
    })
}

/// The domains with how they are reached.
///
/// # Errors
/// Refused, the search was not understood, or the database failed.
pub async fn list(cx: &Cx, query: &ListQuery) -> Result<Page<DomainView>, EngineError> {
    let inner = cx.clone();
    let rows = cx
        .engine
        .db
        .read(move |db| {
            may(&inner, db)?;
            store::list(db)?.iter().map(|row| view(&inner.engine, row)).collect::<Result<Vec<_>, EngineError>>()
        })
        .await?;
    let fields = [
        Field { name: "name", get: |d: &DomainView| Value::Text(d.config.name.clone()) },
        Field { name: "provider", get: |d| Value::Text(d.config.provider.to_string()) },
        Field { name: "servers", get: |d| Value::Text(d.config.servers.to_string()) },
        Field { name: "id", get: |d| Value::Text(d.id.to_string()) },
    ];
    Ok(select(rows, "Domains", &fields, query)?)
}

/// One domain.
///
/// # Errors
/// Refused, no such domain, or the database failed.
pub async fn get(cx: &Cx, id: DomainId) -> Result<DomainView, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .read(move |db| {
            may(&inner, db)?;
            view(&inner.engine, &store::get(db, id)?.ok_or_else(|| none(id))?)
        })
        .await
}

/// The domain with this name.
///
/// # Errors
/// Refused, no such domain, or the database failed.
pub async fn by_name(cx: &Cx, name: &str) -> Result<DomainView, EngineError> {
    let name = name.trim().to_lowercase();
    let all = list(cx, &ListQuery { max: u32::MAX, ..ListQuery::default() }).await?;
    let found = all.rows.into_iter().find(|domain| domain.config.name == name);
    found.ok_or(EngineError::NotFound { kind: "domain", id: name })
}

/// What the domains are called; everybody may know, since the sign-in page says it.
///
/// # Errors
/// The database failed.
pub async fn names(cx: &Cx) -> Result<Vec<(DomainId, String)>, EngineError> {
    let all = cx.engine.db.read(|db| Ok::<_, EngineError>(store::list(db)?)).await?;
    Ok(all.into_iter().map(|row| (row.id, row.name)).collect())
}

/// Gives the domains to [`Engine::directories`] as the database has them now: `vireo domains` and other engines change it, too.
///
/// # Errors
/// A secret does not open, or the database failed. The other domains are there all the same.
pub(in crate::engine) async fn load(engine: &Arc<Engine>) -> Result<(), EngineError> {
    let mut loaded = engine.domains.loaded.lock().await;
    let kept = engine.db.read(|db| Ok::<_, EngineError>(store::list(db)?)).await?;
    let before = loaded.len();
    loaded.retain(|name, _| kept.iter().any(|row| row.name == *name) || forget(engine, name));
    let gone = before > loaded.len();
    let (mut result, mut fresh) = (Ok(()), false);
    for row in kept {
        let version = (row.id, row.generation);
        if loaded.get(&row.name) == Some(&version) {
            continue;
        }
        match opened(&engine.vault, &row).and_then(|config| Ok(engine.directories.set(config)?)) {
            Ok(()) => {
                loaded.insert(row.name, version);
                fresh = true;
            }
            Err(error) => {
                forget(engine, &row.name);
                loaded.remove(&row.name);
                result = Err(error);
            }
        }
    }
    drop(loaded);
    if fresh {
        engine.reconcilers.wake("domain checks");
    }
    // Its people have no session any more.
    if gone {
        engine.consoles.recheck(engine).await?;
    }
    result
}

/// False, for [`BTreeMap::retain`].
fn forget(engine: &Engine, name: &str) -> bool {
    engine.directories.forget(name);
    false
}

/// After a command: what it changed holds at once. What is wrong with another domain is the reconciler's to tell.
async fn settle(engine: &Arc<Engine>) {
    let _ = load(engine).await;
}
