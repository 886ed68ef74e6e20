//! What guests are told at their first start. A VM is told what it says itself, one of a pool what its pool says; what is made of a
//! template begins with what that says. Who forgets everything is told at each start.

mod cloud_init;
mod keep;
mod sysprep;
#[cfg(test)]
mod tests;

pub(in crate::engine) use keep::once;
pub use keep::{check_new, set};

use crate::auth;
use crate::db::Db;
use crate::engine::{Cx, Engine, EngineError};
use crate::model::event::About;
use crate::model::first_run::{FirstRun, Written};
use crate::model::ids::{BLANK_TEMPLATE, ObjectId, PoolId, TemplateId, VmId};
use crate::model::permission::ObjectKind;
use crate::model::role::Action;
use crate::model::run_once::RunOnce;
use crate::model::system::AnswerFile;
use crate::model::vm::VmAction;
use crate::store::first_run::{self as store, Kept};
use crate::store::pools::write::config as pool_config;
use crate::store::{nics, templates};
use crate::wire::Payload;
use std::sync::Arc;

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

    /// Its name and operating system; none: it is gone.
    fn guest(self, db: &mut Db) -> Result<Option<(String, String)>, EngineError> {
        Ok(match self {
            Self::Vm(id) => store::guest(db, id)?,
            // What everything begins with says nothing.
            Self::Template(id) if id == BLANK_TEMPLATE => None,
            Self::Template(id) => templates::get(db, id)?.map(|t| (t.name, t.os)),
            Self::Pool(id) => match pool_config(db, id)? {
                Some(pool) => templates::get(db, pool.template)?.map(|t| (pool.name, t.os)),
                None => None,
            },
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

/// What a guest is to be told, as people write it.
#[derive(Clone)]
pub struct Said {
    pub written: Written,
    pub password: Password,
    /// Of who lets a Windows into its domain.
    pub domain_password: Password,
}

/// Of whom it is asked.
#[derive(Debug, Clone)]
pub struct Asked {
    pub name: String,
    /// What its guest reads; none: it asks cloud-init.
    pub file: Option<AnswerFile>,
    pub shown: Option<Shown>,
}

/// What is kept, for whoever may edit it.
#[derive(Debug, Clone)]
pub struct Shown {
    pub settings: FirstRun,
    pub has_password: bool,
    pub has_domain_password: bool,
    /// The guest was told this already; of a VM only.
    pub told: bool,
}

/// What a VM, a template or a pool says.
///
/// # Errors
/// Refused, hidden, or the database failed.
pub async fn get(cx: &Cx, of: Of) -> Result<Asked, EngineError> {
    let cx = cx.clone();
    cx.engine
        .clone()
        .db
        .read(move |db| {
            auth::check(db, &cx.actor, of.permit(), of.object())?;
            let (name, system) = guest(db, of)?;
            let file = AnswerFile::of(&system);
            let Some(kept) = store::get(db, of.object())? else { return Ok(Asked { name, file, shown: None }) };
            let told = match of {
                Of::Vm(id) => store::told(db, id)? == Some(kept.revision),
                _ => false,
            };
            let secrets = keep::secrets(&cx.engine, &kept)?;
            let has_password =
                if file.is_some() { !secrets.administrator.is_empty() } else { !kept.password.is_empty() };
            let has_domain_password = !secrets.domain.is_empty();
            let shown = Shown { settings: kept.settings, has_password, has_domain_password, told };
            Ok(Asked { name, file, shown: Some(shown) })
        })
        .await
}

/// Its name and operating system.
fn guest(db: &mut Db, of: Of) -> Result<(String, String), EngineError> {
    let gone = || EngineError::NotFound { kind: of.kind().as_str(), id: of.object().to_string() };
    of.guest(db)?.ok_or_else(gone)
}

/// What the guest is told at this start, and its revision; none: nothing, or it knows.
///
/// # Errors
/// The database failed, or the password cannot be opened.
pub(in crate::engine) async fn payload(
    engine: &Arc<Engine>,
    vm: VmId,
    once: &RunOnce,
) -> Result<Option<Payload>, EngineError> {
    let (again, told) = (once.tell, once.told.clone());
    // Cloud-init does all anew only where it sees that it is another time.
    let edition = if again || told.is_some() { format!("-{}", once.began) } else { String::new() };
    let find = move |db: &mut Db| {
        let own = store::of_vm(db, vm)?;
        let kept = match (told, own) {
            (Some(told), own) => Kept {
                settings: told.settings,
                password: told.password,
                secrets: told.secrets,
                revision: own.map_or(0, |(kept, _)| kept.revision),
            },
            (None, None) => return Ok::<_, EngineError>(None),
            (None, Some((kept, forgets))) => {
                if !forgets && !again && store::told(db, vm)? == Some(kept.revision) {
                    return Ok(None);
                }
                kept
            }
        };
        let (name, system) = guest(db, Of::Vm(vm))?;
        Ok(Some((kept, name, AnswerFile::of(&system), nics::addresses(db, vm)?)))
    };
    let Some((kept, name, file, cards)) = engine.db.read(find).await? else { return Ok(None) };
    let Some(file) = file else {
        let password_hash = keep::password_hash(engine, &kept)?;
        let edition = format!("{}{edition}", kept.revision);
        let (edition, password_hash) = (edition.as_str(), password_hash.as_str());
        let guest = cloud_init::Guest { vm, name: &name, cards: &cards, edition, password_hash };
        return Ok(Some(cloud_init::disc(&kept.settings, &guest)));
    };
    let secrets = keep::secrets(engine, &kept)?;
    let failed = |why| EngineError::Internal(format!("the answer file for VM {name} cannot be written: {why}"));
    Ok(Some(sysprep::disc(file, &kept.settings, &secrets, &name).map_err(failed)?))
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
