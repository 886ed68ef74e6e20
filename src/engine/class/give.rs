//! What a teacher tells and gives: to one, or to all who have a VM of the pool, and to who takes one later.

use super::{about_pool, admit_to, changed};
use crate::auth;
use crate::db::Db;
use crate::engine::{Cx, EngineError};
use crate::model::class::{self, GIVEN, Gift, GiftKind, GiftView, MAX_FILE, MAX_GIFTS, TOLD};
use crate::model::conflict::Conflict;
use crate::model::event::EventCode;
use crate::model::ids::{GiftId, PoolId, UserId, VmId};
use crate::model::role::Action;
use crate::store::class::gifts as rows;
use crate::store::class::seats::{self, Seat, Whose};
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use tokio::io::AsyncWriteExt as _;

/// The bytes of a file.
pub type Body = BoxStream<'static, Result<Bytes, std::io::Error>>;

/// A file to be read.
#[derive(Debug)]
pub struct Opened {
    pub name: String,
    pub bytes: u64,
    pub file: tokio::fs::File,
}

/// Tells something: it is shown over what its hearers do just now.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn tell(cx: &Cx, pool: PoolId, to: Option<VmId>, text: &str) -> Result<GiftId, EngineError> {
    let text = class::message(text)?;
    keep(cx, pool, to, GiftKind::Message, GiftId::random(), text, 0).await
}

/// Gives the address of a web page.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn link(cx: &Cx, pool: PoolId, to: Option<VmId>, address: &str) -> Result<GiftId, EngineError> {
    let address = class::link(address)?;
    keep(cx, pool, to, GiftKind::Link, GiftId::random(), address, 0).await
}

/// Gives a file: it can be had in the User Portal, and is put into the guests whose agent takes it.
///
/// # Errors
/// Refused, invalid, hidden, too large, the stream broke, or the data folder is full.
pub async fn give_file(cx: &Cx, pool: PoolId, to: Option<VmId>, name: &str, body: Body) -> Result<GiftId, EngineError> {
    let name = class::file_name(name)?;
    // Nobody who may not give fills the disk.
    let inner = cx.clone();
    cx.engine.db.read(move |db| admitted(&inner, db, pool, to, GiftKind::File).map(drop)).await?;
    let id = GiftId::random();
    let (part, whole) = (cx.engine.files.part(id), cx.engine.files.path(id));
    let written = write(&part, body).await;
    let given = match written {
        Ok(bytes) => match tokio::fs::rename(&part, &whole).await {
            Ok(()) => keep(cx, pool, to, GiftKind::File, id, name, bytes).await,
            Err(e) => Err(EngineError::Internal(format!("the file cannot be kept: {e}"))),
        },
        Err(error) => Err(error),
    };
    if given.is_err() {
        // What cannot be removed now goes with the files that belong to nothing.
        let _ = tokio::fs::remove_file(&part).await;
        let _ = tokio::fs::remove_file(&whole).await;
    }
    cx.engine.reconcilers.wake("classes");
    given
}

/// Writes the bytes as they come; how many.
async fn write(part: &std::path::Path, mut body: Body) -> Result<u64, EngineError> {
    let failed = |e: std::io::Error| EngineError::Internal(format!("the file cannot be kept: {e}"));
    if let Some(folder) = part.parent() {
        tokio::fs::create_dir_all(folder).await.map_err(failed)?;
    }
    let mut file = tokio::fs::File::create(part).await.map_err(failed)?;
    let mut bytes = 0;
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|_| Conflict::UploadBroken)?;
        bytes += piece.len() as u64;
        if bytes > MAX_FILE {
            return Err(Conflict::FileTooLarge { most: MAX_FILE >> 20 }.into());
        }
        file.write_all(&piece).await.map_err(failed)?;
    }
    file.sync_all().await.map_err(failed)?;
    Ok(bytes)
}

fn admitted(
    cx: &Cx,
    db: &mut Db,
    pool: PoolId,
    to: Option<VmId>,
    kind: GiftKind,
) -> Result<Option<UserId>, EngineError> {
    let action = if kind == GiftKind::Message { Action::MessageClass } else { Action::GiveToClass };
    auth::check(db, &cx.actor, action, pool.object())?;
    let to = to.map(|vm| admit_to(cx, db, pool, vm, action)).transpose()?.map(|seat| seat.user);
    if rows::of_pools(db, &[pool], cx.engine.clock.now())?.len() >= MAX_GIFTS {
        return Err(Conflict::GiftsFull { most: MAX_GIFTS }.into());
    }
    Ok(to)
}

async fn keep(
    cx: &Cx,
    pool: PoolId,
    to: Option<VmId>,
    kind: GiftKind,
    id: GiftId,
    content: String,
    bytes: u64,
) -> Result<GiftId, EngineError> {
    let inner = cx.clone();
    let work = move |db: &mut Db| {
        let to = admitted(&inner, db, pool, to, kind)?;
        let now = inner.engine.clock.now();
        let me = inner.actor.user;
        let sender = seats::full_names(db, &[me])?.remove(&me).unwrap_or_else(|| inner.actor.name.clone());
        let expires = now + if kind == GiftKind::Message { TOLD } else { GIVEN };
        // What a message says is for those it is told.
        let detail = if kind == GiftKind::Message { String::new() } else { content.clone() };
        rows::insert(db, &Gift { id, pool, to, kind, content, bytes, sender, created: now, expires })?;
        changed(&inner.engine, pool);
        let code = match kind {
            GiftKind::Message => EventCode::ClassMessage,
            GiftKind::Link => EventCode::ClassLink,
            GiftKind::File => EventCode::ClassFile,
        };
        let about = about_pool(db, pool)?;
        inner.tell(db, code, about, &detail)?;
        Ok::<_, EngineError>(id)
    };
    cx.engine.db.write(work).await
}

/// What the class has been given, with what became of it.
///
/// # Errors
/// Refused, hidden, or the database failed.
pub async fn gifts(cx: &Cx, pool: PoolId) -> Result<Vec<GiftView>, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .read(move |db| {
            auth::check(db, &inner.actor, Action::WatchClass, pool.object())?;
            let all = rows::of_pools(db, &[pool], inner.engine.clock.now())?;
            let seats = seats::seats(db, Whose::Pool(pool))?;
            let deliveries = rows::deliveries(db, &all.iter().map(|gift| gift.id).collect::<Vec<_>>())?;
            let users: Vec<UserId> = seats.iter().map(|s| s.user).chain(all.iter().filter_map(|g| g.to)).collect();
            let names = seats::full_names(db, &users)?;
            let name = |user: UserId| names.get(&user).cloned().unwrap_or_default();
            let line = |gift: &Gift, seat: &Seat| {
                let delivery = deliveries.iter().find(|d| d.gift == gift.id && d.vm == seat.vm).cloned();
                (name(seat.user), seat.name.clone(), delivery)
            };
            let view = |gift: Gift| {
                let his = |seat: &&Seat| gift.kind == GiftKind::File && gift.to.is_none_or(|to| to == seat.user);
                let deliveries = seats.iter().filter(his).map(|seat| line(&gift, seat)).collect();
                GiftView { to_name: gift.to.map(name).unwrap_or_default(), deliveries, gift }
            };
            Ok(all.into_iter().map(view).collect())
        })
        .await
}

/// Takes back what was told or given. In a guest it stays.
///
/// # Errors
/// Refused, hidden, or the database failed.
pub async fn remove(cx: &Cx, pool: PoolId, id: GiftId) -> Result<(), EngineError> {
    let inner = cx.clone();
    let work = move |db: &mut Db| {
        auth::check(db, &inner.actor, Action::WatchClass, pool.object())?;
        let none = || EngineError::NotFound { kind: "gift", id: id.to_string() };
        let gift = rows::get(db, id)?.filter(|gift| gift.pool == pool).ok_or_else(none)?;
        let action = if gift.kind == GiftKind::Message { Action::MessageClass } else { Action::GiveToClass };
        auth::check(db, &inner.actor, action, pool.object())?;
        rows::remove(db, id)?;
        changed(&inner.engine, pool);
        Ok::<_, EngineError>(())
    };
    cx.engine.db.write(work).await?;
    cx.engine.reconcilers.wake("classes");
    Ok(())
}

/// The lesson is over: nothing that was told or given is left, hands go down, screens are unlocked. VMs stay whose they are.
///
/// # Errors
/// Refused, hidden, or the database failed.
pub async fn end(cx: &Cx, pool: PoolId) -> Result<(), EngineError> {
    let inner = cx.clone();
    let work = move |db: &mut Db| {
        for action in [Action::MessageClass, Action::GiveToClass, Action::LockClass] {
            auth::check(db, &inner.actor, action, pool.object())?;
        }
        let about = about_pool(db, pool)?;
        rows::remove_all(db, pool)?;
        for seat in seats::seats(db, Whose::Pool(pool))? {
            seats::hand(db, seat.vm, None)?;
        }
        seats::lock_all(db, pool, None)?;
        changed(&inner.engine, pool);
        inner.tell(db, EventCode::ClassEnded, about, "")
    };
    cx.engine.db.write(work).await?;
    cx.engine.reconcilers.wake("classes");
    Ok(())
}

/// A file that the actor was given, or gives.
///
/// # Errors
/// It is not for him, or gone.
pub async fn open_file(cx: &Cx, id: GiftId) -> Result<Opened, EngineError> {
    let none = move || EngineError::NotFound { kind: "file", id: id.to_string() };
    let inner = cx.clone();
    let gift = cx
        .engine
        .db
        .read(move |db| {
            let now = inner.engine.clock.now();
            let gift = rows::get(db, id)?.filter(|gift| gift.kind == GiftKind::File && gift.expires > now);
            let gift = gift.ok_or_else(none)?;
            let me = inner.actor.user;
            let his = seats::seats(db, Whose::User(me))?.iter().any(|seat| seat.pool == gift.pool && !seat.returning);
            if !(his && gift.to.is_none_or(|to| to == me)) {
                auth::check(db, &inner.actor, Action::GiveToClass, gift.pool.object())?;
            }
            Ok::<_, EngineError>(gift)
        })
        .await?;
    let file = tokio::fs::File::open(cx.engine.files.path(id)).await.map_err(|_| none())?;
    Ok(Opened { name: gift.content, bytes: gift.bytes, file })
}
