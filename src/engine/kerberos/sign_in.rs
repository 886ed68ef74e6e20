//! Signing in with a Kerberos ticket: the directory says who its owner is, and whether he may.

use super::all;
use crate::auth::session::{self, Entry, Opened, SessionKind};
use crate::auth::{Actor, AuthError, View};
use crate::db::Db;
use crate::directories::kerberos::Shown;
use crate::engine::providers::sign_in::admit;
use crate::engine::{Engine, EngineError};
use crate::model::directory::Person;
use crate::model::domain::DirectoryTrouble;
use crate::model::event::{About, EventCode};
use crate::model::kerberos::{KerberosTrouble, principals};
use crate::model::user::SignInMethod;
use crate::store::users;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::sync::Arc;

/// Somebody whom a ticket let in.
pub struct Entered<T> {
    pub who: T,
    /// `Negotiate`'s answer (base64), by which the browser knows us.
    pub answer: Option<String>,
}

/// Opens a session for the owner of a ticket (base64, as `Authorization: Negotiate` has it).
///
/// # Errors
/// The ticket is not good, its owner is in no domain here or may not sign in, or the database failed.
pub async fn sign_in(
    engine: &Arc<Engine>,
    ticket: &str,
    source_ip: &str,
    kind: SessionKind,
    view: View,
) -> Result<Entered<Opened>, EngineError> {
    let (domain, person, answer) = shown(engine, ticket, source_ip).await?;
    let (inner, ip) = (engine.clone(), source_ip.to_owned());
    let open = move |db: &mut Db| {
        let now = inner.clock.now();
        let user = admit(db, &domain, &person, now)?;
        let opened =
            session::open(db, user, Entry { kind, method: SignInMethod::Kerberos, source_ip: &ip, view }, now)?;
        let about = About { user: Some((user, opened.actor.name.clone())), ..About::default() };
        inner.tell(db, EventCode::UserLoggedIn, about, "")?;
        Ok::<_, EngineError>(opened)
    };
    Ok(Entered { who: engine.db.write(open).await?, answer })
}

/// Who calls the API with a ticket: each call has its own, so none opens a session.
///
/// # Errors
/// As [`sign_in`].
pub async fn actor(
    engine: &Arc<Engine>,
    ticket: &str,
    source_ip: &str,
    view: View,
) -> Result<Entered<Actor>, EngineError> {
    let (domain, person, answer) = shown(engine, ticket, source_ip).await?;
    let inner = engine.clone();
    let find = move |db: &mut Db| {
        let user = admit(db, &domain, &person, inner.clock.now())?;
        let user = users::get(db, user)?.ok_or(diesel::result::Error::NotFound)?;
        Ok::<_, EngineError>(session::actor(db, user.id, &user.user_name, &user.domain, None, view)?)
    };
    Ok(Entered { who: engine.db.write(find).await?, answer })
}

/// The domain and the person that a ticket shows, and the answer to it.
async fn shown(
    engine: &Arc<Engine>,
    ticket: &str,
    source_ip: &str,
) -> Result<(String, Person, Option<String>), EngineError> {
    let now = engine.clock.now();
    let guess = engine.guesses.begin(source_ip, "", now).map_err(|seconds| AuthError::TooMany { seconds })?;
    let token = STANDARD.decode(ticket.trim()).map_err(|e| KerberosTrouble::Ticket { why: e.to_string() })?;
    let mut last = KerberosTrouble::NoTicket;
    for kept in all(engine).await? {
        let shown = match engine.acceptor(&kept).await?.accept(token.clone()).await {
            Ok(shown) => shown,
            Err(why) => {
                last = why;
                continue;
            }
        };
        // A ticket is proof enough; what the directory says of its owner is no guess of his.
        guess.was_right();
        let realms = principals(&engine.keytab(&kept)?)?;
        let result = person(engine, &kept.domain_name, &realms.into_iter().collect::<Vec<_>>(), &shown).await;
        if let Err(why) = &result {
            failed(engine, &shown.principal, why).await?;
        }
        let answer = shown.answer.map(|bytes| STANDARD.encode(bytes));
        let person = result.map_err(|why| told(&kept.domain_name, &shown.principal, why))?;
        return Ok((kept.domain_name, person, answer));
    }
    tracing::info!(%last, "a Kerberos ticket was refused");
    Err(last.into())
}

/// The directory's person behind a principal of the keytab's own realm. (Another realm's `alice` is somebody else, and what has a `/`
/// in its name is a service or a role of somebody.)
async fn person(engine: &Arc<Engine>, domain: &str, services: &[String], shown: &Shown) -> Result<Person, EngineError> {
    let nobody = || KerberosTrouble::Nobody { principal: shown.principal.chars().take(200).collect() };
    let (name, realm) = shown.principal.rsplit_once('@').ok_or_else(nobody)?;
    let own = services.iter().any(|service| service.rsplit_once('@').is_some_and(|(_, r)| r == realm));
    if !own || name.is_empty() || name.contains(['/', '@', '\\']) {
        return Err(nobody().into());
    }
    let directory = engine.directories.get(domain).ok_or_else(nobody)?;
    Ok(directory.person(name).await?)
}

/// What the ticket's owner may hear: what his directory has against him, but nothing of servers.
fn told(domain: &str, principal: &str, why: EngineError) -> EngineError {
    match why {
        EngineError::Directory(DirectoryTrouble::NoUser { .. } | DirectoryTrouble::Ambiguous { .. }) => {
            KerberosTrouble::Nobody { principal: principal.to_owned() }.into()
        }
        EngineError::Directory(DirectoryTrouble::SignIn(_)) => why,
        EngineError::Directory(_) => KerberosTrouble::Away { domain: domain.to_owned() }.into(),
        other => other,
    }
}

async fn failed(engine: &Arc<Engine>, principal: &str, why: &EngineError) -> Result<(), EngineError> {
    let (inner, detail) = (engine.clone(), format!("{principal}: {why}"));
    let tell = move |db: &mut Db| inner.tell(db, EventCode::KerberosFailed, About::default(), &detail);
    engine.db.write(tell).await
}
