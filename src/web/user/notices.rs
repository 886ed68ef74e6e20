//! What somebody who has a VM of a class is shown over his pages and consoles: what his teacher told and gave him, a lock, who looks on;
//! and the hand that he raises.

use crate::engine::{EngineError, class};
use crate::model::class::{Delivery, Desk, Gift, GiftKind, Notices};
use crate::model::console::{Entry, Watcher};
use crate::model::ids::VmId;
use crate::web::locale::Locale;
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::{Frame, Portal, parts};
use crate::web::vm_pages::{back, enter, vm_id};
use crate::web::{csrf, error};
use actix_web::http::header::{Charset, ContentDisposition, DispositionParam, DispositionType, ExtendedValue};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use serde::Deserialize;
use tokio_util::io::ReaderStream;

/// Paths of it.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/user/notices", web::get().to(show))
        .route("/user/notices/{id}/put_away", web::post().to(put_away))
        .route("/user/class/files/{id}", web::get().to(file))
        .route("/user/vms/{id}/hand/{way}", web::post().to(hand));
}

#[derive(Debug, Deserialize)]
struct Wanted {
    /// On this VM's console.
    vm: Option<VmId>,
}

async fn show(shared: web::Data<Shared>, http: HttpRequest, wanted: web::Query<Wanted>) -> HttpResponse {
    let result = async {
        let (cx, frame) = enter(&shared, &http, Portal::User).await?;
        Ok::<_, EngineError>((class::notices(&cx).await?, frame))
    };
    match result.await {
        Ok((notices, frame)) => HttpResponse::Ok()
            .content_type("text/html; charset=utf-8")
            .insert_header(("Cache-Control", "no-store"))
            .body(parts_of(&frame, &notices, wanted.vm).into_string()),
        Err(e) => error::page(&http, &e),
    }
}

/// The script puts each part where it belongs.
fn parts_of(frame: &Frame, notices: &Notices, vm: Option<VmId>) -> Markup {
    let desk = vm.and_then(|vm| notices.desks.iter().find(|desk| desk.vm == vm));
    html! {
        div data-part="notices" {
            @if let Some(desk) = desk { @for text in teachers(frame.l, &desk.teachers) { (note(&text)) } }
            @for desk in &notices.desks {
                @if let Some(ends) = desk.ends {
                    div class="pf-v6-c-alert pf-m-inline pf-m-warning" data-ends=(desk.vm) {
                        p class="pf-v6-c-alert__title" { (frame.l.ta("lesson-ends", &[("vm", &desk.name)])) " " (parts::time(ends)) }
                    }
                }
            }
            @for (gift, delivery) in &notices.gifts { (item(frame, gift, delivery.as_ref())) }
        }
        @if let Some(desk) = desk { div data-part="hand" { (hand_button(frame, desk)) } }
    }
}

fn note(text: &str) -> Markup {
    html! { div class="pf-v6-c-alert pf-m-inline pf-m-info" { p class="pf-v6-c-alert__title" { (text) } } }
}

/// Who watches, and who helps.
pub fn teachers(l: Locale, all: &[Watcher]) -> Vec<String> {
    let names = |entry: Entry| {
        let mut names: Vec<&str> = all.iter().filter(|w| w.entry == entry).map(|w| w.name.as_str()).collect();
        names.dedup();
        names.join(", ")
    };
    let (watching, helping) = (names(Entry::Watch), names(Entry::Help));
    let mut texts = Vec::new();
    if !helping.is_empty() {
        texts.push(l.ta("class-teacher-helps", &[("names", &helping)]));
    }
    if !watching.is_empty() {
        texts.push(l.ta("class-teacher-watches", &[("names", &watching)]));
    }
    texts
}

fn item(frame: &Frame, gift: &Gift, delivery: Option<&Delivery>) -> Markup {
    let l = frame.l;
    let content = gift.content.as_str();
    let size = parts::size(gift.bytes);
    html! {
        div class="pf-v6-c-alert pf-m-inline pf-m-custom vireo-notice" data-gift=(gift.kind) {
            p class="vireo-hint" { (l.ta("class-from", &[("sender", &gift.sender)])) " · " (parts::time(gift.created)) }
            @match gift.kind {
                GiftKind::Message => p class="vireo-said" { (content) },
                GiftKind::Link => p { a href=(content) target="_blank" rel="noopener noreferrer" { (l.ta("class-open-link", &[("address", content)])) } },
                GiftKind::File => {
                    p { a href={ "/user/class/files/" (gift.id) } { (l.ta("class-download", &[("name", content), ("size", &size)])) } }
                    @if let Some(path) = delivery.filter(|d| d.done).map(|d| d.detail.as_str()) { p { (l.ta("class-file-in-guest", &[("path", path)])) } }
                }
            }
            (parts::post(frame, &format!("/user/notices/{}/put_away", gift.id), &l.t("class-put-away"), "pf-m-secondary"))
        }
    }
}

/// Raises the hand or takes it down.
pub fn hand_button(frame: &Frame, desk: &Desk) -> Markup {
    let (way, text) = if desk.hand { ("lower", "class-lower") } else { ("raise", "class-raise") };
    html! {
        span class="vireo-inline" title=[desk.hand.then(|| frame.l.t("class-hand-up"))] {
            (parts::post(frame, &format!("/user/vms/{}/hand/{way}", desk.vm), &frame.l.t(text), "pf-m-secondary"))
        }
    }
}

async fn put_away(
    shared: web::Data<Shared>,
    http: HttpRequest,
    id: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, _) = enter(&shared, &http, Portal::User).await?;
        csrf::check(&http, &csrf::fields(&body))?;
        let missing = |_| EngineError::NotFound { kind: "gift", id: id.chars().take(64).collect() };
        class::put_away(&cx, id.parse().map_err(missing)?).await
    };
    match result.await {
        Ok(()) => to(&back(&http, Portal::User)),
        Err(e) => error::page(&http, &e),
    }
}

async fn hand(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<(String, String)>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, _) = enter(&shared, &http, Portal::User).await?;
        csrf::check(&http, &csrf::fields(&body))?;
        let up = match path.1.as_str() {
            "raise" => true,
            "lower" => false,
            other => return Err(EngineError::NotFound { kind: "action", id: other.chars().take(64).collect() }),
        };
        class::hand(&cx, vm_id(&path.0)?, up).await
    };
    match result.await {
        Ok(()) => to(&back(&http, Portal::User)),
        Err(e) => error::page(&http, &e),
    }
}

/// A file that was given, always as a download: a browser runs nothing of it here.
async fn file(shared: web::Data<Shared>, http: HttpRequest, id: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, _) = enter(&shared, &http, Portal::User).await?;
        let missing = |_| EngineError::NotFound { kind: "file", id: id.chars().take(64).collect() };
        class::open_file(&cx, id.parse().map_err(missing)?).await
    };
    match result.await {
        Ok(opened) => {
            let name = ExtendedValue {
                charset: Charset::Ext("UTF-8".to_owned()),
                language_tag: None,
                value: opened.name.into_bytes(),
            };
            let parameters = vec![DispositionParam::FilenameExt(name)];
            HttpResponse::Ok()
                .content_type("application/octet-stream")
                .insert_header(ContentDisposition { disposition: DispositionType::Attachment, parameters })
                .insert_header(("Cache-Control", "private, no-store"))
                .body(actix_web::body::SizedStream::new(opened.bytes, ReaderStream::new(opened.file)))
        }
        Err(e) => error::page(&http, &e),
    }
}
