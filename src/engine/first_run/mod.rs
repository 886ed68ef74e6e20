//! What guests are told at their first start. A VM is told what it says itself, one of a pool what its pool says; what is made of a
//! template begins with what that says. Who forgets everything is told at each start.

mod cloud_init;
#[cfg(test)]
mod tests;

use crate::auth;
use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::{Cx, Engine, EngineError};
use crate::model::conflict::Conflict;
use crate::model::event::{About, EventCode};
use crate::model::first_run::{FirstRun, Written};
use crate::model::ids::{BLANK_TEMPLATE, ObjectId, PoolId, TemplateId, VmId};
use crate::model::permission::ObjectKind;
use crate::model::role::Action;
use crate::model::valid::{Invalid, Problem};
use crate::model::vm::VmAction;
use crate::store::first_run::{self as store, Kept};
use crate::store::pools::write::{config as pool_config, membership};
use crate::store::{nics, templates, vms};
use crate::wire::Payload;
use sha_crypt::{Sha512Params, sha512_simple};
use std::sync::Arc;

/// The longest password that is taken.
const MAX_PASSWORD: usize = 200;
/// What crypt's SHA-512 does by itself.
const ROUNDS: usize = 5000;

/// Of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    Vm(VmId),
    Template(TemplateId),
    Pool(PoolId),
}

impl Of {
    /// As permissions know it.
    pub const fn object(self) -> ObjectId {
        match self {
            Self::Vm(id) => id.object(),
            Self::Template(id) => id.object(),
            Self::Pool(id) => id.object(),
        }
    }

    const fn permit(self) -> Action {
        match self {
            Self::Vm(_) => VmAction::Edit.permit(),
            Self::Template(_) => Action::EditTemplateProperties,
            Self::Pool(_) => Action::EditVmPoolConfiguration,
        }
    }

    const fn kind(self) -> ObjectKind {
        match self {
            Self::Vm(_) => ObjectKind::Vm,
            Self::Template(_) => ObjectKind::Template,
            Self::Pool(_) => ObjectKind::Pool,
        }
    }

    /// Its name; none: it is gone.
    fn name(self, db: &mut Db) -> Result<Option<String>, EngineError> {
        Ok(match self {
            Self::Vm(id) => vms::run::get(db, id)?.map(|run| run.name),
            // What everything begins with says nothing.
            Self::Template(id) if id == BLANK_TEMPLATE => None,
            Self::Template(id) => templates::get(db, id)?.map(|t| t.name),
            Self::Pool(id) => pool_config(db, id)?.map(|pool| pool.name),
        })
    }

    fn about(self, name: String) -> About {
        match self {
            Self::Vm(id) => About { vm: Some((id, name)), ..About::default() },
            Self::Template(id) => About { template: Some((id, name)), ..About::default() },
            Self::Pool(id) => About { pool: Some((id, name)), ..About::default() },
        }
    }
}

/// What becomes of the password that is kept.
#[derive(Clone)]
pub enum Password {
    Keep,
    Forget,
    Set(String),
}

/// What is kept, for whoever may edit it.
#[derive(Debug, Clone)]
pub struct Shown {
    pub name: String,
    pub settings: FirstRun,
    pub has_password: bool,
    /// The guest was told this already; of a VM only.
    pub told: bool,
}

/// What a VM, a template or a pool says; none: nothing.
///
/// # Errors
/// Refused, hidden, or the database failed.
pub async fn get(cx: &Cx, of: Of) -> Result<(String, Option<Shown>), EngineError> {
    let cx = cx.clone();
    cx.engine
        .clone()
        .db
        .read(move |db| {
            auth::check(db, &cx.actor, of.permit(), of.object())?;
            let name = name(db, of)?;
            let Some(kept) = store::get(db, of.object())? else { return Ok((name, None)) };
            let told = match of {
                Of::Vm(id) => store::told(db, id)? == Some(kept.revision),
                _ => false,
            };
            let (settings, has_password) = (kept.settings, !kept.password.is_empty());
            Ok((name.clone(), Some(Shown { name, settings, has_password, told })))
        })
        .await
}

fn name(db: &mut Db, of: Of) -> Result<String, EngineError> {
    let gone = || EngineError::NotFound { kind: of.kind().as_str(), id: of.object().to_string() };
    of.name(db)?.ok_or_else(gone)
}

/// Says it, or says nothing any more (`None`). A guest that was told something else before is told again at its next start.
///
/// # Errors
/// Every field that is wrong; refused, hidden, or the database failed.
pub async fn set(cx: &Cx, of: Of, wanted: Option<(Written, Password)>) -> Result<(), EngineError> {
    let cx = cx.clone();
    // A hash takes its time: not in the database's.
    let read = match wanted {
        None => None,
        Some((written, password)) => Some(checked(&cx.engine, of, &written, password)?),
    };
    cx.engine.clone().db.write(move |db| keep(&cx, db, of, read)).await
}

/// The settings, and the password's sealed hash if there is a new one (empty: none any more).
fn checked(
    engine: &Engine,
    of: Of,
    written: &Written,
    password: Password,
) -> Result<(FirstRun, Option<String>), EngineError> {
    let mut wrong = Vec::new();
    let settings = written.read().unwrap_or_else(|all| {
        wrong.extend(all);
        FirstRun::default()
    });
    let sealed = match password {
        Password::Keep => None,
        Password::Forget => Some(String::new()),
        Password::Set(text) if text.chars().count() > MAX_PASSWORD => {
            wrong.push(Invalid::new("root_password", Problem::TooLong { max: MAX_PASSWORD }));
            None
        }
        Password::Set(text) => {
            let failed = |what: &str| EngineError::Internal(format!("a password cannot be kept: {what}"));
            let params = Sha512Params::new(ROUNDS).map_err(|_| failed("wrong number of rounds"))?;
            let hash = sha512_simple(&text, &params).map_err(|_| failed("it cannot be hashed"))?;
            Some(engine.vault.seal(&purpose(of.object()), &hash).map_err(|_| failed("no randomness"))?)
        }
    };
    if wrong.is_empty() { Ok((settings, sealed)) } else { Err(EngineError::Invalid(wrong)) }
}

/// What the hash is sealed for: the same for all, since templates hand theirs on.
fn purpose(_: ObjectId) -> String {
    "first-run password".to_owned()
}

fn keep(cx: &Cx, db: &mut Db, of: Of, wanted: Option<(FirstRun, Option<String>)>) -> Result<(), EngineError> {
    auth::check(db, &cx.actor, of.permit(), of.object())?;
    let name = name(db, of)?;
    if let Of::Vm(id) = of
        && let Some(member) = membership(db, id)?
    {
        return Err(Conflict::FirstRunOfPool { vm: name, pool: member.pool_name }.into());
    }
    let before = store::get(db, of.object())?;
    match wanted {
        None => store::remove(db, of.object())?,
        Some((settings, password)) => {
            let before = before.unwrap_or_default();
            let kept = Kept { settings, password: password.unwrap_or(before.password), revision: before.revision + 1 };
            store::set(db, of.object(), &kept)?;
        }
    }
    cx.engine.changed(Topic::Object(of.kind()), None);
    cx.tell(db, EventCode::FirstRunChanged, of.about(name.clone()), &name)
}

/// What the guest is told at this start, and its revision; none: nothing, or it knows.
///
/// # Errors
/// The database failed, or the password cannot be opened.
pub(in crate::engine) async fn payload(
    engine: &Arc<Engine>,
    vm: VmId,
    again: bool,
) -> Result<Option<Payload>, EngineError> {
    let find = move |db: &mut Db| {
        let Some((kept, forgets)) = store::of_vm(db, vm)? else { return Ok::<_, EngineError>(None) };
        if !forgets && !again && store::told(db, vm)? == Some(kept.revision) {
            return Ok(None);
        }
        let name = vms::run::get(db, vm)?.map(|run| run.name).unwrap_or_default();
        Ok(Some((kept, name, nics::addresses(db, vm)?)))
    };
    let Some((kept, name, cards)) = engine.db.read(find).await? else { return Ok(None) };
    let failed =
        |_| EngineError::Internal("the password for the guest was kept under another key; set it again".to_owned());
    let password_hash = match kept.password.as_str() {
        "" => String::new(),
        sealed => engine.vault.open(&purpose(vm.object()), sealed).map_err(failed)?,
    };
    let (revision, password_hash) = (kept.revision, password_hash.as_str());
    let guest = cloud_init::Guest { vm, name: &name, cards: &cards, revision, password_hash };
    Ok(Some(cloud_init::disc(&kept.settings, &guest)))
}

/// The guest runs with what it was told.
///
/// # Errors
/// The database failed.
pub(in crate::engine) async fn told(engine: &Arc<Engine>, vm: VmId) -> Result<(), EngineError> {
    let find = move |db: &mut Db| {
        let Some((kept, _)) = store::of_vm(db, vm)? else { return Ok::<_, EngineError>(None) };
        Ok((store::told(db, vm)? != Some(kept.revision)).then_some(kept.revision))
    };
    let Some(revision) = engine.db.read(find).await? else { return Ok(()) };
    engine.db.write(move |db| Ok::<_, EngineError>(store::set_told(db, vm, revision)?)).await
}
