//! People and groups of a directory: looked for, and taken in without their ever having signed in.

use super::members;
use crate::auth;
use crate::db::Db;
use crate::directories::ldap::{Directory, Listing};
use crate::engine::changes::Topic;
use crate::engine::{Cx, EngineError, permissions};
use crate::model::directory::{DirectoryGroup, Person};
use crate::model::event::{About, EventCode};
use crate::model::ids::{DomainId, EVERYONE, GroupId, ObjectId, PrincipalId, RoleId, SYSTEM, UserId};
use crate::model::permission::ObjectKind;
use crate::model::role::Action;
use crate::model::user::INTERNAL_DOMAIN;
use crate::model::valid::{self, Invalid, Problem};
use crate::store::{domains as store, groups, outsiders};

/// A search shows so many; whoever is not among them is looked for with more words.
const SHOWN: usize = 100;
/// So many are taken in at once.
const MOST: usize = 100;

/// Whom somebody picked, by what the directory calls them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Picked {
    pub people: Vec<String>,
    pub groups: Vec<String>,
}

/// Who was taken in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kept {
    pub users: Vec<UserId>,
    pub groups: Vec<GroupId>,
}

/// The directory of the domain, for somebody who may take people of it in on `object`.
async fn directory(cx: &Cx, domain: &str, object: ObjectId) -> Result<Directory, EngineError> {
    let inner = cx.clone();
    let may = move |db: &mut Db| {
        let action = Action::AddUsersAndGroupsFromDirectory;
        Ok::<_, EngineError>(auth::check(db, &inner.actor, action, object)?)
    };
    cx.engine.db.read(may).await?;
    let none = || Invalid::new("domain", Problem::NoSuch { value: domain.chars().take(253).collect() });
    Ok(cx.engine.directories.get(domain).ok_or_else(none)?)
}

/// People of a domain whose names begin with these words; `object`: what they are to get a role on.
///
/// # Errors
/// Refused, invalid, no such domain, or its directory cannot be searched.
pub async fn find_people(cx: &Cx, domain: &str, words: &str, object: ObjectId) -> Result<Listing<Person>, EngineError> {
    let words = valid::text("search", words, 255)?;
    Ok(directory(cx, domain, object).await?.find_people(&words, SHOWN).await?)
}

/// Groups of a domain whose names begin with these words.
///
/// # Errors
/// Refused, invalid, no such domain, or its directory cannot be searched.
pub async fn find_groups(
    cx: &Cx,
    domain: &str,
    words: &str,
    object: ObjectId,
) -> Result<Listing<DirectoryGroup>, EngineError> {
    let words = valid::text("search", words, 255)?;
    Ok(directory(cx, domain, object).await?.find_groups(&words, SHOWN).await?)
}

/// Takes people and groups in; whoever is known already is brought up to date.
///
/// # Errors
/// Refused, invalid, nobody picked or gone meanwhile, or the directory cannot be searched.
pub async fn keep(cx: &Cx, domain: &str, picked: &Picked, object: ObjectId) -> Result<Kept, EngineError> {
    let directory = directory(cx, domain, object).await?;
    let (people, found) = look_up(&directory, picked).await?;
    let (inner, name) = (cx.clone(), domain.to_owned());
    let kept = cx
        .engine
        .db
        .write(move |db| {
            let mut kept = Kept::default();
            // Groups first: who is taken in with them is in them at once.
            for group in &found {
                kept.groups.push(keep_group(&inner, db, &name, group)?);
            }
            for person in &people {
                kept.users.push(keep_person(&inner, db, &name, person)?);
            }
            Ok::<_, EngineError>(kept)
        })
        .await?;
    if !kept.groups.is_empty() {
        members::refresh(&cx.engine, domain);
    }
    Ok(kept)
}

/// Takes people and groups in and gives each of them the role on the object.
///
/// # Errors
/// As [`keep`] and [`permissions::grant`].
pub async fn give(
    cx: &Cx,
    domain: &str,
    picked: &Picked,
    role: RoleId,
    kind: ObjectKind,
    object: ObjectId,
) -> Result<Kept, EngineError> {
    let inner = cx.clone();
    // Who may not give it takes nobody in.
    let may =
        move |db: &mut Db| Ok::<_, EngineError>(auth::check(db, &inner.actor, Action::ManipulatePermissions, object)?);
    cx.engine.db.read(may).await?;
    let kept = keep(cx, domain, picked, object).await?;
    let users = kept.users.iter().map(|id| PrincipalId::from(*id));
    for principal in users.chain(kept.groups.iter().map(|id| PrincipalId::from(*id))) {
        permissions::grant(cx, role, principal, kind, object).await?;
    }
    Ok(kept)
}

async fn look_up(directory: &Directory, picked: &Picked) -> Result<(Vec<Person>, Vec<DirectoryGroup>), EngineError> {
    let all = picked.people.len() + picked.groups.len();
    if all == 0 {
        return Err(Invalid::new("pick", Problem::Missing).into());
    }
    if all > MOST {
        return Err(Invalid::new("pick", Problem::Range { min: 1, max: MOST as u64 }).into());
    }
    let gone = |id: &str| EngineError::from(Invalid::new("pick", Problem::NoSuch { value: clip(id) }));
    let mut people = Vec::new();
    if !picked.people.is_empty() {
        people.extend(directory.by_ids(&picked.people).await?.into_iter().map(|standing| standing.person));
    }
    if let Some(id) = picked.people.iter().find(|id| !people.iter().any(|p| p.external_id == **id)) {
        return Err(gone(id));
    }
    let mut groups = Vec::new();
    if !picked.groups.is_empty() {
        groups = directory.groups_by_ids(&picked.groups).await?;
    }
    match picked.groups.iter().find(|id| !groups.iter().any(|g| g.external_id == **id)) {
        Some(id) => Err(gone(id)),
        None => Ok((people, groups)),
    }
}

fn clip(text: &str) -> String {
    text.chars().take(64).collect()
}

fn keep_person(cx: &Cx, db: &mut Db, domain: &str, person: &Person) -> Result<UserId, EngineError> {
    let known = outsiders::find(db, domain, &person.external_id)?;
    let id = outsiders::keep(db, domain, person, cx.engine.clock.now())?;
    cx.engine.changed(Topic::Object(ObjectKind::User), Some(id.0));
    if known.is_none() {
        let name = format!("{}@{domain}", person.user_name.to_lowercase());
        cx.tell(db, EventCode::UserAdded, About { user: Some((id, name)), ..About::default() }, "")?;
    }
    Ok(id)
}

fn keep_group(cx: &Cx, db: &mut Db, domain: &str, group: &DirectoryGroup) -> Result<GroupId, EngineError> {
    let before = groups::list(db)?;
    let id = outsiders::keep_group(db, domain, group)?;
    cx.engine.changed(Topic::Object(ObjectKind::Group), Some(id.0));
    if !before.iter().any(|known| known.id == id) {
        cx.tell(db, EventCode::GroupAdded, About::default(), &format!("{}@{domain}", group.name))?;
    }
    Ok(id)
}

/// Takes in the one user of this name (the API's way).
///
/// # Errors
/// As [`keep`]; there is no such user in the domain.
pub async fn keep_user_named(cx: &Cx, domain: &str, user_name: &str) -> Result<UserId, EngineError> {
    let found = find_people(cx, domain, user_name, SYSTEM).await?.rows;
    let person = found.into_iter().find(|p| p.user_name.eq_ignore_ascii_case(user_name));
    let none = || Invalid::new("user_name", Problem::NoSuch { value: clip(user_name) });
    let picked = Picked { people: vec![person.ok_or_else(none)?.external_id], groups: Vec::new() };
    let kept = keep(cx, domain, &picked, SYSTEM).await?;
    Ok(kept.users.into_iter().next().ok_or_else(none)?)
}

/// Takes in the one group of this name (the API's way).
///
/// # Errors
/// As [`keep`]; there is no such group in the domain.
pub async fn keep_group_named(cx: &Cx, domain: &str, name: &str) -> Result<GroupId, EngineError> {
    let found = find_groups(cx, domain, name, SYSTEM).await?.rows;
    let group = found.into_iter().find(|g| g.name.eq_ignore_ascii_case(name));
    let none = || Invalid::new("name", Problem::NoSuch { value: clip(name) });
    let picked = Picked { people: Vec::new(), groups: vec![group.ok_or_else(none)?.external_id] };
    let kept = keep(cx, domain, &picked, SYSTEM).await?;
    Ok(kept.groups.into_iter().next().ok_or_else(none)?)
}

/// Removes a directory's group with its permissions; it can be taken in again. Says whose it was.
///
/// # Errors
/// Refused, no such group of a directory, or the database failed.
pub async fn remove_group(cx: &Cx, id: GroupId) -> Result<Option<DomainId>, EngineError> {
    let inner = cx.clone();
    let domain = cx
        .engine
        .db
        .write(move |db| {
            auth::check(db, &inner.actor, Action::ManipulateUsers, SYSTEM)?;
            let none = || EngineError::NotFound { kind: "group", id: id.to_string() };
            let all = groups::list(db)?;
            let group = all.into_iter().find(|g| g.id == id && g.domain != INTERNAL_DOMAIN && id != EVERYONE);
            let group = group.ok_or_else(none)?;
            groups::remove(db, id)?;
            inner.engine.changed(Topic::Object(ObjectKind::Group), Some(id.0));
            inner.tell(db, EventCode::GroupRemoved, About::default(), &format!("{}@{}", group.name, group.domain))?;
            let domains = store::list(db)?;
            Ok::<_, EngineError>(domains.into_iter().find(|d| d.name == group.domain).map(|d| d.id))
        })
        .await?;
    cx.engine.consoles.recheck(&cx.engine).await?;
    Ok(domain)
}
