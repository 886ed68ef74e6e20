//! Another medium in a VM's CD drive, in both portals.

use super::error;
use super::server::Shared;
use super::sign_in::to;
use super::ui::{Frame, parts};
use super::vm_pages::{changing, id};
use super::words;
use crate::engine::{Cx, EngineError, disks, vms};
use crate::model::disk::{DiskContent, DiskView};
use crate::model::ids::VmId;
use crate::model::page::ListQuery;
use crate::model::vm::{VmAction, VmView};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

/// `/{portal}/vms/{id}/cd`
pub fn routes(config: &mut web::ServiceConfig) {
    config.route("/admin/vms/{id}/cd", web::post().to(change_cd)).route("/user/vms/{id}/cd", web::post().to(change_cd));
}

/// The media that the caller may put in.
///
/// # Errors
/// The database failed.
pub async fn media(cx: &Cx) -> Result<Vec<DiskView>, EngineError> {
    let everything = ListQuery { max: u32::MAX, ..ListQuery::default() };
    let mut isos = disks::list(cx, &everything).await?.rows;
    isos.retain(|d| d.content == DiskContent::Iso);
    Ok(isos)
}

/// What is in the drive, and what could be.
pub fn form(frame: &Frame, view: &VmView, isos: &[DiskView]) -> Markup {
    let l = frame.l;
    if let Some((_, why)) = view.cannot.iter().find(|c| c.0 == VmAction::ChangeCd) {
        let inside = isos.iter().find(|iso| view.cd == Some(iso.id)).map(|iso| iso.alias.clone());
        return html! {
            p { (inside.unwrap_or_else(|| l.t("cd-none"))) }
            (parts::refused(&l.t("change"), &words::refusal(l, why)))
        };
    }
    html! {
        form class="vireo-search" method="post" action={ (frame.portal.path()) "/vms/" (view.row.id) "/cd" } {
            (frame.csrf_field())
            select class="vireo-input" name="cd" aria-label=(l.t("cd")) {
                option value="" selected[view.cd.is_none()] { (l.t("cd-none")) }
                @for iso in isos { option value=(iso.id) selected[view.cd == Some(iso.id)] { (iso.alias) } }
            }
            button class="pf-v6-c-button pf-m-secondary pf-m-small" type="submit" { (l.t("change")) }
        }
    }
}

async fn change_cd(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, frame, values) = changing(&shared, &http, &body).await?;
        let cd = match values.get("cd").map_or("", String::as_str) {
            "" => None,
            text => Some(id("disk", text)?),
        };
        vms::change_cd(&cx, id::<VmId>("VM", &path)?, cd).await?;
        Ok::<_, EngineError>(format!("{}/vms/{path}", frame.portal.path()))
    };
    match result.await {
        Ok(page) => to(&page),
        Err(e) => error::page(&http, &e),
    }
}
