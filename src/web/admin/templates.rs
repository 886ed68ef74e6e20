//! Removing templates.

use super::card::links;
use super::{admin, changing, details, id};
use crate::engine::{catalog, templates};
use crate::model::ids::TemplateId;
use crate::web::error;
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::parts;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::html;

/// `/admin/templates/{id}/remove`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/templates/{id}/remove", web::get().to(confirm))
        .route("/admin/templates/{id}/remove", web::post().to(remove));
}

async fn confirm(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let t = catalog::template(&cx, id::<TemplateId>("template", &path)?).await?;
        let l = frame.l;
        let title = l.ta("confirm-remove-template", &[("name", &t.name)]);
        let disks = t.disks.iter().map(|d| html! { (d.disk.alias) " (" (parts::bytes(d.disk.virtual_bytes)) ")" });
        let content = html! {
            (parts::heading(&title, &html! {}, &html! {}))
            p { (l.t("confirm-remove-template-text")) }
            (links(l, disks))
            div class="vireo-actions" {
                (parts::post(&frame, &format!("/admin/templates/{}/remove", t.id), &l.t("remove"), "pf-m-danger"))
                (parts::link_button(&format!("/admin/templates/{}", t.id), &l.t("cancel"), "pf-m-link"))
            }
        };
        Ok(frame.page(&title, "", &content))
    };
    details::answer(&http, result.await)
}

async fn remove(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, ..) = changing(&shared, &http, &body).await?;
        templates::remove(&cx, id::<TemplateId>("template", &path)?).await
    };
    match result.await {
        Ok(_) => to("/admin/templates"),
        Err(e) => error::page(&http, &e),
    }
}
