//! Live updates: one stream of server-sent events per open page. They carry topics only; the page asks again for what it may see.

use super::request;
use super::server::Shared;
use crate::auth::{View, session};
use crate::engine::changes::Topic;
use actix_web::http::header::{self, ContentEncoding};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use futures_util::stream::unfold;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;

/// `GET /events/stream`
pub fn routes(config: &mut web::ServiceConfig) {
    config.route("/events/stream", web::get().to(stream));
}

/// Changes that come together go out together.
const GATHER: Duration = Duration::from_millis(100);
/// Keeps the connection alive, and ends it with the session.
const PING: Duration = Duration::from_secs(15);

fn word(topic: Topic) -> &'static str {
    match topic {
        Topic::Object(kind) => kind.as_str(),
        Topic::Jobs => "job",
        Topic::Events => "event",
        Topic::Class => "class",
        Topic::Stats => "stats",
    }
}

async fn stream(shared: web::Data<Shared>, http: HttpRequest) -> HttpResponse {
    let cx = match request::signed_in(&shared, &http, View::User).await {
        Ok(cx) => cx,
        Err(error) => return super::error::page(&http, &error),
    };
    let changes = shared.engine.changes.listen();
    let id = cx.actor.session;
    let lines = unfold((changes, shared, id), |(mut changes, shared, id)| async move {
        let mut topics = BTreeSet::new();
        let mut wait = PING;
        loop {
            match tokio::time::timeout(wait, changes.recv()).await {
                Ok(Ok(change)) => {
                    topics.insert(word(change.topic));
                    wait = GATHER;
                }
                Ok(Err(RecvError::Lagged(_))) => {
                    topics.insert("all");
                    wait = GATHER;
                }
                Ok(Err(RecvError::Closed)) => return None,
                Err(_) => break,
            }
        }
        if topics.is_empty() && !session_lives(&shared, id).await {
            return None;
        }
        let words = topics.into_iter().collect::<Vec<_>>().join(" ");
        let text = if words.is_empty() { ": ping\n\n".to_owned() } else { format!("data: {words}\n\n") };
        Some((Ok::<_, std::io::Error>(Bytes::from(text)), (changes, shared, id)))
    });
    HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header(ContentEncoding::Identity)
        .streaming(lines)
}

async fn session_lives(shared: &Shared, id: Option<crate::model::ids::SessionId>) -> bool {
    let Some(id) = id else { return false };
    session::alive(&shared.engine.db, vec![id]).await.is_ok_and(|alive| alive.contains(&id))
}
