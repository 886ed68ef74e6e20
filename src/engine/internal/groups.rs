//! Groups of the internal domain: of users, and of groups.

use super::may;
use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::{Cx, EngineError};
use crate::model::conflict::Conflict;
use crate::model::event::{About, EventCode};
use crate::model::ids::{EVERYONE, GroupId, PrincipalId};
use crate::model::permission::ObjectKind;
use crate::model::user::{GroupView, INTERNAL_DOMAIN};
use crate::model::valid::{self, Invalid, Problem};
use crate::store::{accounts, groups as store};
use diesel::result::{DatabaseErrorKind, Error as QueryError};

/// Who is directly in a group, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Members {
    pub users: Vec<String>,
    pub groups: Vec<String>,
}

/// Somebody to put into a group or take out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Member {
    User(String),
    Group(String),
}

/// The group of that name with its members.
///
/// # Errors
/// Refused, no such group, or the database failed.
pub async fn get(cx: &Cx, name: &str) -> Result<(GroupView, Members), EngineError> {
    let (inner, name) = (cx.clone(), name.to_owned());
    cx.engine
        .db
        .read(move |db| {
            may(&inner, db)?;
            let group = named(db, &name)?;
            let (users, groups) = store::members(db, group.id)?;
            Ok((group, Members { users, groups }))
        })
        .await
}

fn named(db: &mut Db, name: &str) -> Result<GroupView, EngineError> {
    let all = store::list(db)?;
    let found = all.into_iter().find(|g| g.domain == INTERNAL_DOMAIN && g.name == name && g.id != EVERYONE);
    found.ok_or_else(|| EngineError::NotFound { kind: "group", id: name.to_owned() })
}

/// Adds a group.
///
/// # Errors
/// Refused, invalid, the name is taken, or the database failed.
pub async fn add(cx: &Cx, name: &str, description: &str) -> Result<GroupId, EngineError> {
    let group = GroupView {
        id: GroupId::random(),
        name: valid::name("name", name, 255)?,
        domain: INTERNAL_DOMAIN.to_owned(),
        description: valid::text("description", description, 255)?,
        active: true,
    };
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            may(&inner, db)?;
            free(store::insert(db, &group), &group.name)?;
            told(&inner, db, group.id, EventCode::GroupAdded, &group.name)?;
            Ok(group.id)
        })
        .await
}

fn free(done: diesel::QueryResult<()>, name: &str) -> Result<(), EngineError> {
    match done {
        Err(QueryError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => {
            Err(Invalid::new("name", Problem::Taken { name: name.to_owned() }).into())
        }
        other => Ok(other?),
    }
}

/// Changes a group's name or description; None stays as it is.
///
/// # Errors
/// Refused, invalid, no such group, the name is taken, or the database failed.
pub async fn edit(
    cx: &Cx,
    name: &str,
    new_name: Option<String>,
    description: Option<String>,
) -> Result<(), EngineError> {
    let (inner, name) = (cx.clone(), name.to_owned());
    let new_name = new_name.map(|new| valid::name("name", &new, 255)).transpose()?;
    let description = description.map(|new| valid::text("description", &new, 255)).transpose()?;
    cx.engine
        .db
        .write(move |db| {
            may(&inner, db)?;
            let group = named(db, &name)?;
            let new_name = new_name.unwrap_or(group.name);
            free(store::update(db, group.id, &new_name, &description.unwrap_or(group.description)), &new_name)?;
            told(&inner, db, group.id, EventCode::GroupEdited, &new_name)
        })
        .await
}

/// Removes a group with its permissions; who had them through it only, loses them at once.
///
/// # Errors
/// Refused, no such group, or the database failed.
pub async fn remove(cx: &Cx, name: &str) -> Result<(), EngineError> {
    let (inner, name) = (cx.clone(), name.to_owned());
    cx.engine
        .db
        .write(move |db| {
            may(&inner, db)?;
            let group = named(db, &name)?;
            store::remove(db, group.id)?;
            told(&inner, db, group.id, EventCode::GroupRemoved, &name)
        })
        .await?;
    cx.engine.consoles.recheck(&cx.engine).await
}

/// Puts somebody into a group.
///
/// # Errors
/// Refused, no such user or group, in there already, a group within itself, or the database failed.
pub async fn add_member(cx: &Cx, name: &str, member: Member) -> Result<(), EngineError> {
    let (inner, name) = (cx.clone(), name.to_owned());
    cx.engine
        .db
        .write(move |db| {
            may(&inner, db)?;
            let group = named(db, &name)?;
            let (id, who) = principal(db, member)?;
            if id == group.id.into() || store::of(db, group.id.into())?.iter().any(|above| id == (*above).into()) {
                return Err(Conflict::GroupInItself { group: name, member: who }.into());
            }
            if !store::add_member(db, group.id, id)? {
                return Err(Conflict::MemberAlready { group: name, member: who }.into());
            }
            told(&inner, db, group.id, EventCode::GroupEdited, &name)
        })
        .await
}

/// Takes somebody out of a group.
///
/// # Errors
/// Refused, no such user or group, not in there, or the database failed.
pub async fn remove_member(cx: &Cx, name: &str, member: Member) -> Result<(), EngineError> {
    let (inner, name) = (cx.clone(), name.to_owned());
    cx.engine
        .db
        .write(move |db| {
            may(&inner, db)?;
            let group = named(db, &name)?;
            let (id, who) = principal(db, member)?;
            if !store::remove_member(db, group.id, id)? {
                return Err(Conflict::NoMember { group: name, member: who }.into());
            }
            told(&inner, db, group.id, EventCode::GroupEdited, &name)
        })
        .await?;
    cx.engine.consoles.recheck(&cx.engine).await
}

fn principal(db: &mut Db, member: Member) -> Result<(PrincipalId, String), EngineError> {
    match member {
        Member::Group(name) => Ok((named(db, &name)?.id.into(), name)),
        Member::User(name) => match accounts::find(db, &name, INTERNAL_DOMAIN)? {
            Some(account) => Ok((account.id.into(), name)),
            None => Err(EngineError::NotFound { kind: "user", id: name }),
        },
    }
}

fn told(cx: &Cx, db: &mut Db, id: GroupId, code: EventCode, name: &str) -> Result<(), EngineError> {
    cx.engine.changed(Topic::Object(ObjectKind::User), Some(id.0));
    cx.tell(db, code, About::default(), name)
}
