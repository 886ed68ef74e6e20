//! Tags come, move and go; things get them and lose them.

use crate::auth;
use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::{Cx, EngineError};
use crate::model::event::{About, EventCode};
use crate::model::ids::{ObjectId, ROOT_TAG, SYSTEM, TagId, UserId};
use crate::model::role::Action;
use crate::model::tag::{MAX_TAGS, Tag, Tagged, in_order, is_root, place, with_below};
use crate::model::valid::{self, Invalid, Problem};
use crate::model::vm::{MAX_DESCRIPTION, MAX_NAME};
use crate::store::permissions::object_name;
use crate::store::{tags as store, users};
use std::collections::HashMap;

#[cfg(test)]
mod tests;

/// All tags as the tree is read, each with its depth; the root is the first. They are the administrators': others see those of what is theirs.
///
/// # Errors
/// The database failed.
pub async fn list(cx: &Cx) -> Result<Vec<(usize, Tag)>, EngineError> {
    if !cx.actor.is_admin {
        return Ok(Vec::new());
    }
    cx.engine.db.read(move |db| Ok(in_order(store::all(db)?))).await
}

/// One tag.
///
/// # Errors
/// There is none, or the database failed.
pub async fn get(cx: &Cx, id: TagId) -> Result<Tag, EngineError> {
    let all: Vec<Tag> = list(cx).await?.into_iter().map(|(_, tag)| tag).collect();
    found(&all, id)
}

fn found(all: &[Tag], id: TagId) -> Result<Tag, EngineError> {
    let missing = || EngineError::NotFound { kind: "tag", id: id.to_string() };
    all.iter().find(|tag| tag.id == id).cloned().ok_or_else(missing)
}

/// Adds a tag; its id is the engine's to say. Without a parent it lies below the root.
///
/// # Errors
/// Refused, invalid, or the database failed.
pub async fn add(cx: &Cx, new: Tag) -> Result<TagId, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            auth::check(db, &inner.actor, Action::TagManagement, SYSTEM)?;
            let all = store::all(db)?;
            let most = MAX_TAGS as u64;
            if all.len() > MAX_TAGS {
                return Err(Invalid::new("tags", Problem::Range { min: 0, max: most }).into());
            }
            let tag = checked(&all, Tag { id: TagId::random(), ..new })?;
            store::add(db, &tag)?;
            inner.tell(db, EventCode::TagAdded, About::default(), &tag.name)?;
            Ok(tag.id)
        })
        .await
}

/// Changes a tag: its name, its description, or what it lies below.
///
/// # Errors
/// Refused, invalid, it is the root, or the database failed.
pub async fn edit(cx: &Cx, id: TagId, change: impl FnOnce(Tag) -> Tag + Send + 'static) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            auth::check(db, &inner.actor, Action::TagManagement, SYSTEM)?;
            let all = store::all(db)?;
            let before = found(&all, id)?;
            not_root(id)?;
            let tag = checked(&all, Tag { id, ..change(before.clone()) })?;
            if tag == before {
                return Ok(());
            }
            store::update(db, &tag)?;
            if tag.parent != before.parent {
                inner.tell(db, EventCode::TagMoved, About::default(), &tag.name)?;
            }
            if (&tag.name, &tag.description) != (&before.name, &before.description) {
                inner.tell(db, EventCode::TagChanged, About::default(), &tag.name)?;
            }
            Ok(())
        })
        .await
}

/// Removes a tag with all below it: nothing carries them any more.
///
/// # Errors
/// Refused, it is the root, or the database failed.
pub async fn remove(cx: &Cx, id: TagId) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            auth::check(db, &inner.actor, Action::TagManagement, SYSTEM)?;
            let all = store::all(db)?;
            found(&all, id)?;
            not_root(id)?;
            let gone = with_below(&all, id);
            store::remove(db, &gone)?;
            for id in gone {
                inner.tell(db, EventCode::TagRemoved, About::default(), &found(&all, id)?.name)?;
            }
            Ok(())
        })
        .await
}

fn not_root(id: TagId) -> Result<(), EngineError> {
    if is_root(id) { Err(Invalid::new("id", Problem::RootTag).into()) } else { Ok(()) }
}

/// The tag as it will be, or all that is wrong.
fn checked(all: &[Tag], mut tag: Tag) -> Result<Tag, EngineError> {
    let mut wrong = Vec::new();
    match valid::name("name", &tag.name, MAX_NAME) {
        Ok(name) => tag.name = name,
        Err(one) => wrong.push(one),
    }
    match valid::text("description", &tag.description, MAX_DESCRIPTION) {
        Ok(text) => tag.description = text,
        Err(one) => wrong.push(one),
    }
    // A search does not look at case.
    let same = |other: &&Tag| other.id != tag.id && other.name.eq_ignore_ascii_case(&tag.name);
    if let Some(other) = all.iter().find(same) {
        wrong.push(Invalid::new("name", Problem::Taken { name: other.name.clone() }));
    }
    let parent = tag.parent.unwrap_or(ROOT_TAG);
    tag.parent = Some(parent);
    if let Err(why) = place(all, tag.id, parent) {
        wrong.push(Invalid::new("parent", Problem::TagPlace(why)));
    }
    if wrong.is_empty() { Ok(tag) } else { Err(EngineError::Invalid(wrong)) }
}

/// The tags of something, by name.
///
/// # Errors
/// Hidden, or the database failed.
pub async fn of(cx: &Cx, what: Tagged) -> Result<Vec<Tag>, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .read(move |db| {
            see(&inner, db, what)?;
            let carried = store::of(db, &[what.object()])?.remove(&what.object()).unwrap_or_default();
            let mut all = store::all(db)?;
            all.retain(|tag| carried.contains(&tag.id));
            all.sort_by_key(|tag| tag.name.to_lowercase());
            Ok(all)
        })
        .await
}

/// Users and groups are seen by whoever may enter the Admin Portal, as in their lists; the others as the tree of permissions has it.
fn see(cx: &Cx, db: &mut Db, what: Tagged) -> Result<(), EngineError> {
    let missing = || EngineError::NotFound { kind: what.kind().as_str(), id: what.object().to_string() };
    match what {
        Tagged::User(_) | Tagged::Group(_) if cx.actor.is_admin => {}
        _ => return Ok(auth::see(db, &cx.actor, what.object())?),
    }
    if object_name(db, what.kind(), what.object())?.is_empty() { Err(missing()) } else { Ok(()) }
}

/// Puts tags on something and takes others off. What it carries already, or does not carry, is as it should be.
///
/// # Errors
/// Refused, there is no such tag, hidden, or the database failed.
pub async fn assign(cx: &Cx, what: Tagged, put: Vec<TagId>, take: Vec<TagId>) -> Result<(), EngineError> {
    let inner = cx.clone();
    let object = what.object();
    cx.engine
        .db
        .write(move |db| {
            see(&inner, db, what)?;
            auth::check(db, &inner.actor, Action::TagManagement, object)?;
            let all = store::all(db)?;
            let carried = store::of(db, &[object])?.remove(&object).unwrap_or_default();
            let changes = put.iter().map(|id| (*id, true)).chain(take.iter().map(|id| (*id, false)));
            for (id, on) in changes {
                let none = || Invalid::new("tag", Problem::NoSuch { value: id.to_string() });
                let tag = all.iter().find(|tag| tag.id == id).ok_or_else(none)?;
                not_root(id)?;
                if carried.contains(&id) != on {
                    store::set(db, object, id, on)?;
                    told(&inner, db, what, &tag.name, on)?;
                }
            }
            inner.engine.changed(Topic::Object(what.kind()), Some(object.0));
            Ok(())
        })
        .await
}

fn told(cx: &Cx, db: &mut Db, what: Tagged, tag: &str, on: bool) -> Result<(), EngineError> {
    use EventCode::*;
    let name = object_name(db, what.kind(), what.object())?;
    let (codes, about, detail) = match what {
        Tagged::Vm(id) => ((TagOnVm, TagOffVm), About { vm: Some((id, name)), ..About::default() }, tag.to_owned()),
        Tagged::Host(id) => {
            ((TagOnHost, TagOffHost), About { host: Some((id, name)), ..About::default() }, tag.to_owned())
        }
        Tagged::Template(id) => {
            ((TagOnTemplate, TagOffTemplate), About { template: Some((id, name)), ..About::default() }, tag.to_owned())
        }
        // An event's user is who did it.
        Tagged::User(id) => ((TagOnUser, TagOffUser), About::default(), format!("{tag}: {}", principal(db, id, name)?)),
        Tagged::Group(_) => ((TagOnGroup, TagOffGroup), About::default(), format!("{tag}: {name}")),
    };
    cx.tell(db, if on { codes.0 } else { codes.1 }, about, &detail)
}

fn principal(db: &mut Db, id: UserId, name: String) -> Result<String, EngineError> {
    Ok(users::by_ids(db, &[id])?.pop().map_or(name, |user| user.principal()))
}

/// A thing's name.
///
/// # Errors
/// Hidden, or the database failed.
pub async fn name(cx: &Cx, what: Tagged) -> Result<String, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .read(move |db| {
            see(&inner, db, what)?;
            Ok(object_name(db, what.kind(), what.object())?)
        })
        .await
}

/// What several things carry: how many of them each tag. For who may put tags on all of them.
///
/// # Errors
/// Refused, hidden, or the database failed.
pub async fn carried(cx: &Cx, what: &[Tagged]) -> Result<HashMap<TagId, usize>, EngineError> {
    let (inner, what) = (cx.clone(), what.to_vec());
    cx.engine
        .db
        .read(move |db| {
            for one in &what {
                see(&inner, db, *one)?;
                auth::check(db, &inner.actor, Action::TagManagement, one.object())?;
            }
            let objects: Vec<ObjectId> = what.iter().map(|one| one.object()).collect();
            let mut count = HashMap::new();
            store::of(db, &objects)?.into_values().flatten().for_each(|tag| *count.entry(tag).or_default() += 1);
            Ok(count)
        })
        .await
}

/// The tag of this name.
///
/// # Errors
/// There is none, or the database failed.
pub async fn named(cx: &Cx, name: &str) -> Result<TagId, EngineError> {
    let name = name.to_owned();
    cx.engine
        .db
        .read(move |db| {
            let all = store::all(db)?;
            let none = || Invalid::new("tag", Problem::NoSuch { value: name.chars().take(64).collect() });
            Ok(all.iter().find(|tag| tag.name.eq_ignore_ascii_case(&name)).ok_or_else(none)?.id)
        })
        .await
}

/// By the names of which tags each of these is found.
///
/// # Errors
/// The database failed.
pub async fn found_by(cx: &Cx, objects: Vec<ObjectId>) -> Result<HashMap<ObjectId, Vec<String>>, EngineError> {
    cx.engine.db.read(move |db| Ok(store::found_by(db, &objects)?)).await
}
