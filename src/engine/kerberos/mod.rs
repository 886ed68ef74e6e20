//! Kerberos single sign-on: which domains take tickets, and signing in with one.

pub mod sign_in;

use crate::auth;
use crate::db::Db;
use crate::directories::kerberos::Acceptor;
use crate::engine::{Cx, Engine, EngineError};
use crate::model::event::{About, EventCode};
use crate::model::ids::{DomainId, SYSTEM};
use crate::model::kerberos::{KerberosView, principals};
use crate::model::role::Action;
use crate::model::valid::{Invalid, Problem};
use crate::store::domains;
use crate::store::kerberos::{self as store, Kept};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The keytabs that are in use, each as of some generation.
#[derive(Debug, Default)]
pub struct Kerberos(Mutex<HashMap<DomainId, (i64, Acceptor)>>);

fn may(cx: &Cx, db: &mut Db) -> Result<(), EngineError> {
    Ok(auth::check(db, &cx.actor, Action::ConfigureEngine, SYSTEM)?)
}

fn purpose(id: DomainId) -> String {
    format!("kerberos {id} keytab")
}

fn not_found(id: DomainId) -> EngineError {
    EngineError::NotFound { kind: "domain", id: id.to_string() }
}

impl Engine {
    fn keytab(&self, kept: &Kept) -> Result<Vec<u8>, EngineError> {
        let text = self.vault.open(&purpose(kept.domain), &kept.keytab);
        let bytes = text.map_err(|e| EngineError::Internal(e.to_string()))?;
        STANDARD.decode(bytes).map_err(|e| EngineError::Internal(e.to_string()))
    }

    /// What takes tickets for the domain.
    async fn acceptor(&self, kept: &Kept) -> Result<Acceptor, EngineError> {
        let known = |all: &HashMap<DomainId, (i64, Acceptor)>| {
            all.get(&kept.domain).filter(|(generation, _)| *generation == kept.generation).map(|(_, a)| a.clone())
        };
        let found = known(&self.kerberos.0.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(acceptor) = found {
            return Ok(acceptor);
        }
        let bytes = self.keytab(kept)?;
        let made = tokio::task::spawn_blocking(move || Acceptor::new(&bytes)).await;
        let acceptor = made.map_err(|e| EngineError::Internal(e.to_string()))??;
        let mut all = self.kerberos.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(kept.domain, (kept.generation, acceptor.clone()));
        Ok(acceptor)
    }
}

/// Whether the sign-in page offers it.
///
/// # Errors
/// The database failed.
pub async fn is_offered(engine: &Engine) -> Result<bool, EngineError> {
    engine.db.read(|db| Ok(!store::list(db)?.is_empty())).await
}

/// All domains, with the principals of their keytabs.
///
/// # Errors
/// Refused, or the database failed.
pub async fn list(cx: &Cx) -> Result<Vec<KerberosView>, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .read(move |db| {
            may(&inner, db)?;
            let kept = store::list(db)?;
            let view = |row: domains::DomainRow| {
                let (domain, domain_name) = (row.id, row.name);
                let own = kept.iter().find(|k| k.domain == domain);
                let names = own.map(|own| inner.engine.keytab(own).map(|bytes| principals(&bytes)));
                let names = names.transpose()?.map(|found| found.unwrap_or_default().into_iter().collect());
                Ok(KerberosView { domain, domain_name, principals: names })
            };
            domains::list(db)?.into_iter().map(view).collect()
        })
        .await
}

/// Takes tickets for people of a domain with this keytab (base64).
///
/// # Errors
/// Refused, no keytab, no such domain, or the database failed.
pub async fn set(cx: &Cx, id: DomainId, keytab: &str) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine.db.read(move |db| may(&inner, db)).await?;
    let plain: String = keytab.split_whitespace().collect();
    let wrong = || Invalid::new("keytab", if plain.is_empty() { Problem::Missing } else { Problem::NotAKeytab });
    let bytes = STANDARD.decode(&plain).map_err(|_| wrong())?;
    principals(&bytes)?;
    // Tried before it is kept.
    let tried = tokio::task::spawn_blocking(move || Acceptor::new(&bytes)).await;
    tried.map_err(|e| EngineError::Internal(e.to_string()))??;
    let sealed = cx.engine.vault.seal(&purpose(id), &plain).map_err(|e| EngineError::Internal(e.to_string()))?;
    changed(cx, id, EventCode::KerberosSet, move |db| Ok(store::set(db, id, &sealed)?)).await
}

/// Takes no tickets for people of a domain any more.
///
/// # Errors
/// Refused, no such domain, it took none, or the database failed.
pub async fn remove(cx: &Cx, id: DomainId) -> Result<(), EngineError> {
    changed(cx, id, EventCode::KerberosRemoved, move |db| match store::remove(db, id)? {
        true => Ok(()),
        false => Err(not_found(id)),
    })
    .await?;
    cx.engine.kerberos.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    Ok(())
}

async fn changed(
    cx: &Cx,
    id: DomainId,
    code: EventCode,
    change: impl FnOnce(&mut Db) -> Result<(), EngineError> + Send + 'static,
) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            may(&inner, db)?;
            let name = domains::get(db, id)?.ok_or_else(|| not_found(id))?.name;
            change(db)?;
            inner.tell(db, code, About::default(), &name)
        })
        .await
}

/// The domains that take tickets.
async fn all(engine: &Arc<Engine>) -> Result<Vec<Kept>, EngineError> {
    engine.db.read(|db| Ok(store::list(db)?)).await
}
