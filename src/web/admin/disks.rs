//! Disks: list, upload, removal.

use super::confirm::{Question, done};
use super::{Listing, admin, id, listing, quotas};
use crate::engine::EngineError;
use crate::engine::disks::{self, NewUpload};
use crate::engine::permissions::may;
use crate::model::disk::{DiskContent, DiskFormat};
use crate::model::ids::QuotaId;
use crate::model::page::ListQuery;
use crate::model::role::Action;
use crate::model::valid::{Invalid, Problem};
use crate::web::csrf;
use crate::web::error;
use crate::web::locale::Locale;
use crate::web::server::Shared;
use crate::web::ui::list::Row;
use crate::web::ui::parts;
use crate::web::words;
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::StreamExt as _;
use maud::html;
use serde::Deserialize;

/// `/admin/disks`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/disks", web::get().to(list))
        .route("/admin/disks/upload", web::get().to(upload_page))
        .route("/admin/disks/upload", web::post().to(upload))
        .route("/admin/disks/{id}/remove", web::get().to(confirm))
        .route("/admin/disks/{id}/remove", web::post().to(remove));
}

async fn list(shared: web::Data<Shared>, http: HttpRequest, query: web::Query<ListQuery>) -> HttpResponse {
    let (cx, frame) = match admin(&shared, &http).await {
        Ok(entered) => entered,
        Err(e) => return error::page(&http, &e),
    };
    let l = frame.l;
    let found = async {
        let page = disks::list(&cx, &query).await?;
        let permits = may::on(&cx, page.rows.iter().map(|d| d.id.object()).collect()).await?;
        Ok(page.map(|d| {
            let removes = permits.may(Action::DeleteDisk, d.id.object());
            Row {
                href: format!("/admin/disks/{}", d.id),
                cells: vec![
                    html! { (d.alias) },
                    parts::status(l, d.status.as_str()),
                    super::details::owners(&d),
                    html! { (d.storage_domain_name) },
                    html! { (parts::bytes(d.virtual_bytes)) },
                    html! { (parts::bytes(d.actual_bytes)) },
                    html! { (l.t(&format!("content-{}", d.content))) },
                    html! { @if removes { (parts::link_button(&format!("/admin/disks/{}/remove", d.id), &l.t("remove"), "pf-m-secondary")) } },
                ],
                ..Row::default()
            }
        }))
    };
    let found = found.await;
    let upload = may::makes(&cx).await.is_ok_and(|makes| makes.disk);
    let columns = vec![
        (l.t("name"), "name"),
        (l.t("status"), "status"),
        (l.t("attached-to"), ""),
        (l.t("domain"), "storage"),
        (l.t("virtual-size"), "provisioned_size"),
        (l.t("actual-size"), "actual_size"),
        (l.t("content"), ""),
        (l.t("actions"), ""),
    ];
    let actions = html! { @if upload { (parts::link_button("/admin/disks/upload", &l.t("upload"), "pf-m-primary")) } };
    listing(&http, &frame, &query, Listing { noun: "disks", topics: "disk job", columns, actions, bulk: None }, found)
}

async fn upload_page(shared: web::Data<Shared>, http: HttpRequest) -> HttpResponse {
    let entered = async {
        let (cx, frame) = admin(&shared, &http).await?;
        Ok::<_, EngineError>((quotas::choices(&cx, None).await?, frame))
    };
    let (choices, frame) = match entered.await {
        Ok(entered) => entered,
        Err(e) => return error::page(&http, &e),
    };
    let l = frame.l;
    let content = html! {
        (parts::heading(&l.t("upload-title"), &html! {}, &html! {}))
        form class="pf-v6-c-form vireo-form" id="upload" action="/admin/disks/upload" method="get" data-broken=(l.t("upload-broken")) {
            label for="file" { (l.t("file")) }
            input class="vireo-input" type="file" id="file" name="file" required;
            label for="alias" { (l.t("name")) }
            input class="vireo-input" id="alias" name="alias" placeholder=(l.t("upload-name-hint"));
            label for="content" { (l.t("content")) }
            select class="vireo-input" id="content" name="content" { option value="iso" { "ISO" } option value="data" { (l.t("disk")) } }
            label for="format" { (l.t("format")) }
            select class="vireo-input" id="format" name="format" { option value="raw" { "raw" } option value="cow" { "qcow2" } }
            @if !choices.is_empty() {
                label for="quota" { (l.t("quota")) }
                select class="vireo-input" id="quota" name="quota" { @for c in &choices { option value=(c.value) { (c.text) } } }
            }
            progress max="1" value="0" hidden aria-label=(l.t("progress")) {}
            p role="status" {}
            div class="vireo-actions" {
                button class="pf-v6-c-button pf-m-primary" type="submit" { (l.t("upload")) }
                a class="pf-v6-c-button pf-m-link" href="/admin/disks" { (l.t("cancel")) }
            }
        }
    };
    frame.page(&l.t("upload-title"), "", &content)
}

#[derive(Deserialize)]
struct UploadQuery {
    alias: String,
    content: DiskContent,
    format: DiskFormat,
    bytes: u64,
    #[serde(default)]
    quota: Option<QuotaId>,
}

async fn upload(shared: web::Data<Shared>, http: HttpRequest, body: web::Payload) -> HttpResponse {
    let result = async {
        let (cx, _) = admin(&shared, &http).await?;
        csrf::check(&http, &csrf::fields(b""))?;
        let query = web::Query::<UploadQuery>::from_query(http.query_string());
        let query = query.map_err(|e| Invalid::new("upload", Problem::Other { because: e.to_string() }))?;
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
        let new = NewUpload {
            alias: query.alias.clone(),
            description: String::new(),
            content: query.content,
            format: query.format,
            bytes: query.bytes,
            storage_domain: None,
            quota: query.quota,
        };
        disks::upload(&cx, new, tokio_stream::wrappers::ReceiverStream::new(receiver).boxed()).await
    };
    match result.await {
        Ok(id) => HttpResponse::Ok().body(id.to_string()),
        Err(e) => {
            let text = words::error(Locale::of(&http), &e);
            HttpResponse::build(crate::web::api::fault::status(&e)).body(text)
        }
    }
}

/// The page a removal was asked for on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Back {
    back: String,
}

impl Back {
    fn path(&self) -> &str {
        if self.back.starts_with("/admin/") { &self.back } else { "/admin/disks" }
    }
}

async fn confirm(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    back: web::Query<Back>,
) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let disk = disks::get(&cx, id("disk", &path)?).await?;
        let l = frame.l;
        let title = l.ta("confirm-remove-disk", &[("name", &disk.alias)]);
        let text = html! {
            p { (l.t("confirm-remove-disk-text")) }
            (parts::facts(&super::details::disk_facts(&frame, &disk)))
        };
        let button = Some((http.uri().to_string(), l.t("remove"), "pf-m-danger"));
        Ok::<_, EngineError>(Question { title, text, button, back: back.path().to_owned(), topics: "" }.page(&frame))
    };
    result.await.unwrap_or_else(|e| error::page(&http, &e))
}

async fn remove(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    back: web::Query<Back>,
    body: web::Bytes,
) -> HttpResponse {
    done(&shared, &http, &body, async |cx| {
        disks::remove(&cx, id("disk", &path)?).await?;
        Ok(back.path().to_owned())
    })
    .await
}
