//! Active user sessions: who is signed in, from where, and an end to it.

use super::{Listing, admin, listing};
use crate::engine::{EngineError, sessions};
use crate::model::ids::SessionId;
use crate::model::page::ListQuery;
use crate::web::csrf;
use crate::web::error;
use crate::web::security::method;
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::list::{Bulk, Row};
use crate::web::ui::parts;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::html;

/// `/admin/sessions`
pub fn routes(config: &mut web::ServiceConfig) {
    config.route("/admin/sessions", web::get().to(list)).route("/admin/sessions", web::post().to(end));
}

async fn list(shared: web::Data<Shared>, http: HttpRequest, query: web::Query<ListQuery>) -> HttpResponse {
    let (cx, frame) = match admin(&shared, &http).await {
        Ok(entered) => entered,
        Err(e) => return error::page(&http, &e),
    };
    let l = frame.l;
    let found = sessions::list(&cx, &query).await.map(|page| {
        page.map(|s| Row {
            href: format!("/admin/users/{}", s.user),
            pick: s.id.to_string(),
            name: s.principal(),
            cells: vec![
                html! { (s.principal()) },
                html! { (s.domain) },
                html! { (s.source_ip) },
                parts::time(s.created),
                parts::time(s.last_active),
                html! { (l.t(&format!("session-kind-{}", s.kind))) },
                html! { (method(l, &s)) },
                html! { (s.consoles) @if Some(s.id) == cx.actor.session { " · " (l.t("this-session")) } },
            ],
        })
    });
    let columns = vec![
        (l.t("user"), "user"),
        (l.t("domain-of-user"), "domain"),
        (l.t("address"), "address"),
        (l.t("session-since"), "since"),
        (l.t("session-active"), "active"),
        (l.t("session-kind"), "kind"),
        (l.t("session-method"), "method"),
        (l.t("consoles"), "consoles"),
    ];
    let buttons = vec![("end", l.t("end-session"), "pf-m-danger")];
    let bulk = Some(Bulk { href: "/admin/sessions", buttons, others: Vec::new() });
    let what = Listing { noun: "sessions", topics: "event", columns, actions: html! {}, bulk };
    listing(&http, &frame, &query, what, found)
}

async fn end(shared: web::Data<Shared>, http: HttpRequest, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, _) = admin(&shared, &http).await?;
        csrf::check(&http, &csrf::fields(&body))?;
        let fields: Vec<(String, String)> = serde_urlencoded::from_bytes(&body).unwrap_or_default();
        let picked: Vec<SessionId> = fields
            .iter()
            .filter(|(name, _)| name == "pick")
            .map(|(_, id)| super::id("session", id))
            .collect::<Result<_, EngineError>>()?;
        sessions::end(&cx, picked).await?;
        let back = fields.iter().find(|(name, _)| name == "back").map_or("", |(_, back)| back.as_str());
        Ok(to(if back.starts_with("/admin/sessions") { back } else { "/admin/sessions" }))
    };
    result.await.unwrap_or_else(|e| error::page(&http, &e))
}
