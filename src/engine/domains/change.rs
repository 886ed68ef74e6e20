//! Domains added, edited and removed.

use super::check::{self, Trial};
use super::{may, none, opened, purpose, settle};
use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::{Cx, EngineError};
use crate::model::conflict::Conflict;
use crate::model::domain::DirectoryConfig;
use crate::model::domain_draft::{Belongings, Draft, LastCheck, failed};
use crate::model::event::{About, EventCode};
use crate::model::ids::{DomainId, SYSTEM};
use crate::model::permission::ObjectKind;
use crate::model::role::SUPER_USER;
use crate::model::valid::{Invalid, Problem};
use crate::store::domains::{self as store, DomainRow};
use crate::store::{permissions, users};
use diesel::result::{DatabaseErrorKind, Error as QueryError};

/// Adds a domain. Its directory is tried first; `force`: it is added whatever came out.
///
/// # Errors
/// Refused, invalid, the name is taken, a step failed ([`EngineError::Steps`]), or the database failed.
pub async fn add(cx: &Cx, draft: &Draft, trial: &Trial, force: bool) -> Result<DomainId, EngineError> {
    let (inner, name) = (cx.clone(), draft.name.trim().to_lowercase());
    let taken = cx
        .engine
        .db
        .read(move |db| {
            may(&inner, db)?;
            Ok::<_, EngineError>(store::is_taken(db, &name)?)
        })
        .await?;
    let config = draft.config(None).map_err(EngineError::Invalid)?;
    if taken {
        return Err(name_taken(&config.name));
    }
    let last = tried(cx, &config, trial, force).await?;
    let id = DomainId::random();
    let mut row = sealed(cx, id, &config)?;
    row.created = cx.engine.clock.now();
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            match store::insert(db, &row) {
                Err(QueryError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => {
                    return Err(name_taken(&row.name));
                }
                other => other?,
            }
            inner.tell(db, EventCode::DomainAdded, About::default(), &row.name)
        })
        .await?;
    noted(cx, id, last).await;
    Ok(id)
}

fn name_taken(name: &str) -> EngineError {
    Invalid::new("name", Problem::Taken { name: name.to_owned() }).into()
}

/// Changes a domain; its name stays. `generation`: as which it was looked at.
///
/// # Errors
/// Refused, invalid, no such domain, changed by somebody else meanwhile, a step failed, or the database failed.
pub async fn edit(
    cx: &Cx,
    id: DomainId,
    generation: i64,
    draft: &Draft,
    trial: &Trial,
    force: bool,
) -> Result<(), EngineError> {
    let kept = kept(cx, id).await?;
    let config = renamed(draft, &kept).config(Some(&kept)).map_err(EngineError::Invalid)?;
    let last = tried(cx, &config, trial, force).await?;
    let (inner, row) = (cx.clone(), DomainRow { generation, ..sealed(cx, id, &config)? });
    cx.engine
        .db
        .write(move |db| {
            if !store::update(db, &row)? {
                return Err(Conflict::DomainChanged { domain: row.name }.into());
            }
            inner.tell(db, EventCode::DomainEdited, About::default(), &row.name)
        })
        .await?;
    noted(cx, id, last).await;
    Ok(())
}

/// How the domain is reached now, password and all.
pub(super) async fn kept(cx: &Cx, id: DomainId) -> Result<DirectoryConfig, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .read(move |db| {
            may(&inner, db)?;
            opened(&inner.engine.vault, &store::get(db, id)?.ok_or_else(|| none(id))?)
        })
        .await
}

/// People are kept by the domain's name.
pub(super) fn renamed(draft: &Draft, kept: &DirectoryConfig) -> Draft {
    Draft { name: kept.name.clone(), ..draft.clone() }
}

async fn tried(
    cx: &Cx,
    config: &DirectoryConfig,
    trial: &Trial,
    force: bool,
) -> Result<Option<LastCheck>, EngineError> {
    if force {
        check::readable(config)?;
        return Ok(None);
    }
    let steps = check::steps(config, trial).await;
    match failed(&steps) {
        Some(_) => Err(EngineError::Steps(steps)),
        None => Ok(Some(LastCheck { at: cx.engine.clock.now(), steps })),
    }
}

fn sealed(cx: &Cx, id: DomainId, config: &DirectoryConfig) -> Result<DomainRow, EngineError> {
    let seal = |password: &String| cx.engine.vault.seal(&purpose(id), password);
    let password = config.bind_password.as_ref().map(seal).transpose();
    Ok(DomainRow {
        id,
        name: config.name.clone(),
        provider: config.provider,
        servers: config.servers.to_string(),
        transport: config.transport,
        ca_pem: config.ca_pem.clone(),
        bind_name: config.bind_name.clone(),
        bind_password: password.map_err(|e| EngineError::Internal(e.to_string()))?,
        base_dn: config.base_dn.clone(),
        dns: config.dns.map(|dns| dns.to_string()),
        generation: 0,
        created: cx.engine.clock.now(),
    })
}

async fn noted(cx: &Cx, id: DomainId, last: Option<LastCheck>) {
    if let Some(last) = last {
        cx.engine.domains.note(id, last);
    }
    settle(&cx.engine).await;
}

/// What would be lost with the domain.
///
/// # Errors
/// Refused, no such domain, or the database failed.
pub async fn belongings(cx: &Cx, id: DomainId) -> Result<Belongings, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .read(move |db| {
            may(&inner, db)?;
            let row = store::get(db, id)?.ok_or_else(|| none(id))?;
            Ok(store::belongings(db, &row.name)?)
        })
        .await
}

/// Removes a domain with its people: users, groups, their permissions; they are signed out. Says what was lost.
///
/// # Errors
/// Refused, no such domain, nobody could administer any more, or the database failed.
pub async fn remove(cx: &Cx, id: DomainId) -> Result<Belongings, EngineError> {
    let inner = cx.clone();
    let lost = cx
        .engine
        .db
        .write(move |db| {
            may(&inner, db)?;
            let row = store::get(db, id)?.ok_or_else(|| none(id))?;
            if users::get(db, inner.actor.user)?.is_some_and(|me| me.domain == row.name) {
                return Err(EngineError::from(Conflict::RemoveSelf));
            }
            let lost = store::belongings(db, &row.name)?;
            store::remove(db, id, &row.name)?;
            somebody_administers(db)?;
            inner.engine.changed(Topic::Object(ObjectKind::User), None);
            inner.tell(db, EventCode::DomainRemoved, About::default(), &row.name)?;
            Ok(lost)
        })
        .await?;
    settle(&cx.engine).await;
    cx.engine.consoles.recheck(&cx.engine).await?;
    Ok(lost)
}

fn somebody_administers(db: &mut Db) -> Result<(), EngineError> {
    let all = permissions::on(db, SYSTEM)?;
    if all.iter().any(|held| held.role == SUPER_USER) { Ok(()) } else { Err(Conflict::LastSuperUser.into()) }
}
