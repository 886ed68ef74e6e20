//! Keeping what guests are told: checked for their operating system, passwords sealed. Linux gets a password as its hash; Windows must read it.

use super::sysprep::Secrets;
use super::{Of, Password, Said, guest};
use crate::auth;
use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::{Cx, Engine, EngineError};
use crate::model::conflict::Conflict;
use crate::model::event::EventCode;
use crate::model::first_run::FirstRun;
use crate::model::ids::{TemplateId, VmId};
use crate::model::run_once::Told;
use crate::model::sysprep::Join;
use crate::model::system::AnswerFile;
use crate::model::valid::{Invalid, Problem};
use crate::store::first_run::{self as store, Kept};
use crate::store::pools::write::membership;
use crate::store::templates;
use sha_crypt::{Sha512Params, sha512_simple};

/// The longest password that is taken.
const MAX_PASSWORD: usize = 200;
/// What crypt's SHA-512 does by itself.
const ROUNDS: usize = 5000;
/// What they are sealed for: the same for all, since templates hand theirs on.
const HASH: &str = "first-run password";
const SECRETS: &str = "first-run secrets";

/// What was checked.
struct Checked {
    file: Option<AnswerFile>,
    settings: FirstRun,
    /// As it is to be told: a hash, or what Windows reads.
    password: Password,
    domain_password: Password,
}

/// Says it, or says nothing any more (`None`). A guest that was told something else before is told again at its next start.
///
/// # Errors
/// Every field that is wrong; refused, hidden, or the database failed.
pub async fn set(cx: &Cx, of: Of, said: Option<Said>) -> Result<(), EngineError> {
    let cx = cx.clone();
    let db = cx.engine.db.clone();
    let checked = match said {
        None => None,
        Some(said) => {
            let inner = cx.clone();
            let find = move |db: &mut Db| {
                auth::check(db, &inner.actor, of.permit(), of.object())?;
                Ok::<_, EngineError>(AnswerFile::of(&guest(db, of)?.1))
            };
            // A hash takes its time: not in the database's.
            Some(checked(db.read(find).await?, &said)?)
        }
    };
    db.write(move |db| keep(&cx, db, of, checked)).await
}

/// What a VM's guest is to be told this one time, checked and sealed; a password that is not said is the one it is told usually.
///
/// # Errors
/// Every field that is wrong; refused, hidden, or the database failed.
pub(in crate::engine) async fn once(cx: &Cx, vm: VmId, said: Said) -> Result<Told, EngineError> {
    let (of, inner) = (Of::Vm(vm), cx.clone());
    let find = move |db: &mut Db| {
        auth::check(db, &inner.actor, of.permit(), of.object())?;
        let before = store::get(db, of.object())?.unwrap_or_default();
        Ok::<_, EngineError>((before, AnswerFile::of(&guest(db, of)?.1)))
    };
    let (before, file) = cx.engine.db.read(find).await?;
    let kept = sealed(&cx.engine, before, checked(file, &said)?)?;
    Ok(Told { settings: kept.settings, password: kept.password, secrets: kept.secrets })
}

/// What is to be said of something new, before that is made: of this operating system, or its template's.
///
/// # Errors
/// Every field that is wrong, or the database failed.
pub async fn check_new(
    cx: &Cx,
    system: Option<&str>,
    template: Option<TemplateId>,
    said: Option<&Said>,
) -> Result<(), EngineError> {
    let Some(said) = said else { return Ok(()) };
    let system = match (system, template) {
        (Some(system), _) => system.to_owned(),
        (None, Some(id)) => cx
            .engine
            .db
            .read(move |db| Ok::<_, EngineError>(templates::get(db, id)?))
            .await?
            .map(|t| t.os)
            .unwrap_or_default(),
        (None, None) => String::new(),
    };
    let file = AnswerFile::of(&system);
    said.written.read(file).map_err(EngineError::Invalid)?;
    Ok(())
}

fn checked(file: Option<AnswerFile>, said: &Said) -> Result<Checked, EngineError> {
    let mut wrong = Vec::new();
    let settings = said.written.read(file).unwrap_or_else(|all| {
        wrong.extend(all);
        FirstRun::default()
    });
    let mut fits = |field, password: &Password| {
        let Password::Set(text) = password else { return };
        if text.chars().count() > MAX_PASSWORD {
            wrong.push(Invalid::new(field, Problem::TooLong { max: MAX_PASSWORD }));
        }
        if let Some(found) = text.chars().find(|c| c.is_control()) {
            wrong.push(Invalid::new(field, Problem::Character { found }));
        }
    };
    fits("root_password", &said.password);
    fits("domain.user.password", &said.domain_password);
    if !wrong.is_empty() {
        return Err(EngineError::Invalid(wrong));
    }
    let password = match &said.password {
        Password::Set(text) if file.is_none() => Password::Set(hash(text)?),
        other => other.clone(),
    };
    Ok(Checked { file, settings, password, domain_password: said.domain_password.clone() })
}

fn failed(what: &str) -> EngineError {
    EngineError::Internal(format!("a password cannot be kept: {what}"))
}

fn hash(text: &str) -> Result<String, EngineError> {
    let params = Sha512Params::new(ROUNDS).map_err(|_| failed("wrong number of rounds"))?;
    sha512_simple(text, &params).map_err(|_| failed("it cannot be hashed"))
}

fn open(engine: &Engine, purpose: &str, sealed: &str) -> Result<String, EngineError> {
    let failed =
        |_| EngineError::Internal("the password for the guest was kept under another key; set it again".to_owned());
    if sealed.is_empty() { Ok(String::new()) } else { engine.vault.open(purpose, sealed).map_err(failed) }
}

/// The hash that Linux is told; empty: none.
///
/// # Errors
/// It was sealed under another key.
pub(super) fn password_hash(engine: &Engine, kept: &Kept) -> Result<String, EngineError> {
    open(engine, HASH, &kept.password)
}

/// What Windows is told.
///
/// # Errors
/// It was sealed under another key.
pub(super) fn secrets(engine: &Engine, kept: &Kept) -> Result<Secrets, EngineError> {
    Ok(serde_json::from_str(&open(engine, SECRETS, &kept.secrets)?).unwrap_or_default())
}

fn changed(old: String, password: Password) -> String {
    match password {
        Password::Keep => old,
        Password::Forget => String::new(),
        Password::Set(text) => text,
    }
}

fn keep(cx: &Cx, db: &mut Db, of: Of, wanted: Option<Checked>) -> Result<(), EngineError> {
    auth::check(db, &cx.actor, of.permit(), of.object())?;
    let (name, _) = guest(db, of)?;
    if let Of::Vm(id) = of
        && let Some(member) = membership(db, id)?
    {
        return Err(Conflict::FirstRunOfPool { vm: name, pool: member.pool_name }.into());
    }
    let before = store::get(db, of.object())?;
    match wanted {
        None => store::remove(db, of.object())?,
        Some(checked) => {
            let kept = sealed(&cx.engine, before.unwrap_or_default(), checked)?;
            store::set(db, of.object(), &kept)?;
        }
    }
    cx.engine.changed(Topic::Object(of.kind()), None);
    cx.tell(db, EventCode::FirstRunChanged, of.about(name.clone()), &name)
}

/// What is kept after the change.
fn sealed(engine: &Engine, before: Kept, checked: Checked) -> Result<Kept, EngineError> {
    let seal = |purpose: &str, text: &str| engine.vault.seal(purpose, text).map_err(|_| failed("no randomness"));
    let revision = before.revision + 1;
    let Checked { file, settings, password, domain_password } = checked;
    if file.is_none() {
        let password = match password {
            Password::Keep => before.password,
            Password::Forget => String::new(),
            Password::Set(hash) => seal(HASH, &hash)?,
        };
        return Ok(Kept { settings, password, secrets: before.secrets, revision });
    }
    let old = secrets(engine, &before)?;
    let mut new =
        Secrets { administrator: changed(old.administrator, password), domain: changed(old.domain, domain_password) };
    if matches!(settings.windows.join, Join::Domain { .. }) {
        if new.domain.is_empty() {
            return Err(Invalid::new("domain.user.password", Problem::Missing).into());
        }
    } else {
        // Who joins nothing needs nobody's password.
        new.domain.clear();
    }
    let text = serde_json::to_string(&new).map_err(|_| failed("it is no text"))?;
    Ok(Kept { settings, password: before.password, secrets: seal(SECRETS, &text)?, revision })
}
