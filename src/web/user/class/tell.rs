//! What a teacher tells and gives, and what became of it.

use super::{address, pool_id};
use crate::engine::{EngineError, class};
use crate::model::class::{ClassView, Delivery, GiftKind, GiftView, MAX_FILE};
use crate::model::ids::VmId;
use crate::web::locale::Locale;
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::{Frame, Portal, parts};
use crate::web::vm_pages::enter;
use crate::web::{csrf, error, words};
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::StreamExt as _;
use maud::{Markup, html};
use serde::Deserialize;
use std::collections::HashMap;

#[derive(Debug, Deserialize)]
pub struct Wanted {
    to: Option<String>,
}

/// `GET …/tell`
pub async fn page(
    shared: web::Data<Shared>,
    http: HttpRequest,
    id: web::Path<String>,
    wanted: web::Query<Wanted>,
) -> HttpResponse {
    let fields = HashMap::from([("to".to_owned(), wanted.to.clone().unwrap_or_default())]);
    show(&shared, &http, &id, &fields, None).await
}

/// The page, with what was wrong and what was typed.
async fn show(
    shared: &Shared,
    http: &HttpRequest,
    id: &str,
    fields: &HashMap<String, String>,
    wrong: Option<&EngineError>,
) -> HttpResponse {
    let result = async {
        let (cx, frame) = enter(shared, http, Portal::User).await?;
        let pool = pool_id(id)?;
        Ok::<_, EngineError>((class::get(&cx, pool).await?, class::gifts(&cx, pool).await?, frame))
    };
    match result.await {
        Ok((view, gifts, frame)) => {
            let wrong = wrong.map(|e| words::error(frame.l, e));
            frame.page(&frame.l.t("class-tell"), "class", &content(&frame, &view, &gifts, fields, wrong.as_deref()))
        }
        Err(e) => error::page(http, &e),
    }
}

fn content(
    frame: &Frame,
    view: &ClassView,
    gifts: &[GiftView],
    fields: &HashMap<String, String>,
    wrong: Option<&str>,
) -> Markup {
    let (l, base) = (frame.l, address(view.pool.id));
    let typed = |name: &str| fields.get(name).map_or("", String::as_str);
    let most = (MAX_FILE >> 20).to_string();
    let form = |word: &str, key: &str, hint: String, field: Markup, go: &str| {
        html! {
            form class="pf-v6-c-form vireo-form" method="post" action={ (base) "/" (word) } id={ "class-" (word) } data-broken=(l.t("upload-broken")) {
                (frame.csrf_field())
                (recipients(l, view, typed("to"), word))
                label for={ "field-" (word) } { (l.t(key)) }
                (field)
                p class="vireo-hint" { (hint) }
                @if word == "file" { progress max="1" value="0" hidden aria-label=(l.t("progress")) {} p role="status" {} }
                div class="vireo-actions" { button class="pf-v6-c-button pf-m-primary pf-m-small" type="submit" { (l.t(go)) } }
            }
        }
    };
    let message = html! { textarea class="vireo-input" id="field-tell" name="text" rows="3" maxlength="2000" required { (typed("text")) } };
    let link = html! { input class="vireo-input" type="url" id="field-link" name="address" maxlength="2000" required placeholder="https://" value=(typed("address")); };
    let file = html! { input class="vireo-input" type="file" id="field-file" name="file" required; };
    html! {
        (parts::heading(&l.t("class-tell"), &html! { span { (view.pool.name) } }, &parts::link_button(&base, &l.t("class-back"), "pf-m-secondary")))
        @if let Some(wrong) = wrong { (parts::alert("danger", wrong)) }
        div class="vireo-grid" {
            @if view.may.message { (parts::card(&l.t("class-message"), &form("tell", "class-message", l.t("class-message-hint"), message, "class-send"))) }
            @if view.may.give {
                (parts::card(&l.t("class-link"), &form("link", "class-link", l.t("class-link-hint"), link, "class-give")))
                (parts::card(&l.t("class-file"), &form("file", "class-file", l.ta("class-file-hint", &[("most", &most)]), file, "class-give")))
            }
        }
        (given(frame, gifts, &base))
    }
}

fn recipients(l: Locale, view: &ClassView, chosen: &str, word: &str) -> Markup {
    html! {
        label for={ "to-" (word) } { (l.t("class-to")) }
        select class="vireo-input" id={ "to-" (word) } name="to" {
            option value="" { (l.t("class-everybody")) }
            @for student in &view.students {
                @let id = student.vm.id.to_string();
                option value=(id) selected[id == chosen] { (student.full_name) " (" (student.vm.name) ")" }
            }
        }
    }
}

fn given(frame: &Frame, gifts: &[GiftView], base: &str) -> Markup {
    let l = frame.l;
    let list = html! {
        @if gifts.is_empty() { p { (l.t("class-given-none")) } }
        ul class="vireo-given" role="list" {
            @for one in gifts {
                li data-gift=(one.gift.kind) {
                    p {
                        @match one.gift.kind {
                            GiftKind::Message => span class="vireo-said" { (one.gift.content) },
                            GiftKind::Link => a href=(one.gift.content) target="_blank" rel="noopener noreferrer" { (one.gift.content) },
                            GiftKind::File => a href={ "/user/class/files/" (one.gift.id) } { (one.gift.content) " (" (parts::size(one.gift.bytes)) ")" },
                        }
                    }
                    p class="vireo-hint" {
                        (l.t("class-to")) " " (if one.to_name.is_empty() { l.t("class-everybody") } else { one.to_name.clone() })
                        " · " (l.ta("class-from", &[("sender", &one.gift.sender)])) " · " (parts::time(one.gift.created))
                    }
                    @if one.gift.kind == GiftKind::File { (outcome(l, one)) }
                    (parts::post(frame, &format!("{base}/gifts/{}/remove", one.gift.id), &l.t("class-take-back"), "pf-m-secondary"))
                }
            }
        }
    };
    parts::card(&l.t("class-given"), &list)
}

fn outcome(l: Locale, one: &GiftView) -> Markup {
    let done = one.deliveries.iter().filter(|(_, _, d)| d.as_ref().is_some_and(|d| d.done)).count();
    let said = |name: &str, vm: &str, delivery: Option<&Delivery>| match delivery {
        Some(delivery) if delivery.done => None,
        Some(delivery) => Some(l.ta("class-delivery-failed", &[("name", name), ("vm", vm), ("why", &delivery.detail)])),
        None => Some(l.ta("class-delivery-waiting", &[("name", name), ("vm", vm)])),
    };
    html! {
        p data-delivered=(done) { (l.ta("class-delivered", &[("done", &done.to_string()), ("all", &one.deliveries.len().to_string())])) }
        ul { @for (name, vm, delivery) in &one.deliveries { @if let Some(text) = said(name, vm, delivery.as_ref()) { li { (text) } } } }
    }
}

/// Whom a form names; nobody: all.
fn recipient(word: &str) -> Result<Option<VmId>, EngineError> {
    if word.is_empty() { Ok(None) } else { crate::web::vm_pages::vm_id(word).map(Some) }
}

/// `POST …/tell`
pub async fn tell(
    shared: web::Data<Shared>,
    http: HttpRequest,
    id: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    post(&shared, &http, &id, &body, GiftKind::Message).await
}

/// `POST …/link`
pub async fn link(
    shared: web::Data<Shared>,
    http: HttpRequest,
    id: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    post(&shared, &http, &id, &body, GiftKind::Link).await
}

async fn post(shared: &Shared, http: &HttpRequest, id: &str, body: &[u8], kind: GiftKind) -> HttpResponse {
    let fields = csrf::fields(body);
    let get = |name: &str| fields.get(name).map_or("", String::as_str);
    let result = async {
        let (cx, _) = enter(shared, http, Portal::User).await?;
        csrf::check(http, &fields)?;
        let (pool, to) = (pool_id(id)?, recipient(get("to"))?);
        match kind {
            GiftKind::Message => class::tell(&cx, pool, to, get("text")).await?,
            _ => class::link(&cx, pool, to, get("address")).await?,
        };
        Ok::<_, EngineError>(pool)
    };
    match result.await {
        Ok(pool) => to(&format!("{}/tell", address(pool))),
        Err(
            e @ (EngineError::Invalid(_) | EngineError::Conflict(crate::model::conflict::Conflict::GiftsFull { .. })),
        ) => {
            let mut page = show(shared, http, id, &fields, Some(&e)).await;
            if page.status() == StatusCode::OK {
                *page.status_mut() = crate::web::api::fault::status(&e);
            }
            page
        }
        Err(e) => error::page(http, &e),
    }
}

#[derive(Debug, Deserialize)]
pub struct FileQuery {
    name: String,
    to: Option<String>,
}

/// `POST …/file?name=&to=`: the file's bytes as they are.
pub async fn file(
    shared: web::Data<Shared>,
    http: HttpRequest,
    id: web::Path<String>,
    body: web::Payload,
) -> HttpResponse {
    let result = async {
        let (cx, _) = enter(&shared, &http, Portal::User).await?;
        csrf::check(&http, &HashMap::new())?;
        let query = web::Query::<FileQuery>::from_query(http.query_string());
        let query = query.map_err(|e| {
            let because = e.to_string();
            crate::model::valid::Invalid::new("file", crate::model::valid::Problem::Other { because })
        })?;
        // The payload stays on its worker's thread; the engine's side may run on another.
        let (sender, receiver) = tokio::sync::mpsc::channel(8);
        actix_web::rt::spawn(async move {
            let mut body = body;
            while let Some(chunk) = body.next().await {
                if sender.send(chunk.map_err(|e| std::io::Error::other(e.to_string()))).await.is_err() {
                    return;
                }
            }
        });
        let to = recipient(query.to.as_deref().unwrap_or_default())?;
        let body = tokio_stream::wrappers::ReceiverStream::new(receiver).boxed();
        class::give_file(&cx, pool_id(&id)?, to, &query.name, body).await
    };
    match result.await {
        Ok(id) => HttpResponse::Ok().body(id.to_string()),
        Err(e) => {
            let text = words::error(Locale::of(&http), &e);
            HttpResponse::build(crate::web::api::fault::status(&e)).body(text)
        }
    }
}

/// `POST …/gifts/{gift}/remove`
pub async fn remove(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<(String, String)>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, _) = enter(&shared, &http, Portal::User).await?;
        csrf::check(&http, &csrf::fields(&body))?;
        let missing = |_| EngineError::NotFound { kind: "gift", id: path.1.chars().take(64).collect() };
        let pool = pool_id(&path.0)?;
        class::remove(&cx, pool, path.1.parse().map_err(missing)?).await?;
        Ok::<_, EngineError>(pool)
    };
    match result.await {
        Ok(pool) => to(&format!("{}/tell", address(pool))),
        Err(e) => error::page(&http, &e),
    }
}
