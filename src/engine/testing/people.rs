//! Somebody who asks, besides the administrator.

use super::Bench;
use crate::auth::{View, session};
use crate::engine::users::{self, NewUser};
use crate::engine::{Cx, EngineError};
use crate::model::ids::UserId;

/// A new user of the internal domain, as one who asks in the view that is his.
pub(in crate::engine) async fn person(bench: &Bench, name: &str) -> Cx {
    let new = NewUser { user_name: name.to_owned(), ..NewUser::default() };
    let id = users::add(&bench.cx, new).await.unwrap();
    asking(bench, id, name).await
}

/// The same person with the groups and roles of now.
pub(in crate::engine) async fn again(bench: &Bench, cx: &Cx) -> Cx {
    let name = cx.actor.name.trim_end_matches("@internal").to_owned();
    asking(bench, cx.actor.user, &name).await
}

async fn asking(bench: &Bench, id: UserId, name: &str) -> Cx {
    let name = name.to_owned();
    let mut actor = bench
        .engine
        .db
        .read(move |db| Ok::<_, EngineError>(session::actor(db, id, &name, "internal", None, View::Admin)?))
        .await
        .unwrap();
    if !actor.is_admin {
        actor.view = View::User;
    }
    Cx { actor, ..bench.cx.clone() }
}
