//! Who has which role on what: the card on each object's page, a page with all of them, adding, taking away, and why.

mod add;
mod card;
mod list;
mod why;

pub use card::{card, held};

use super::confirm::done;
use super::{changing, id};
use crate::engine::{EngineError, permissions};
use crate::model::ids::{ObjectId, PermissionId, PrincipalId, RoleId, SYSTEM};
use crate::model::permission::{ObjectKind, Place};
use crate::web::error;
use crate::web::locale::Locale;
use crate::web::server::Shared;
use crate::web::sign_in::to;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use serde::Deserialize;

/// `/admin/permissions`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/permissions", web::get().to(list::page))
        .route("/admin/permissions", web::post().to(grant))
        .route("/admin/permissions/add", web::get().to(add::page))
        .route("/admin/permissions/why", web::get().to(why::page))
        .route("/admin/permissions/{id}/remove", web::post().to(revoke));
}

/// Which object's permissions; without a word the system's.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    kind: String,
    object: String,
    search: String,
    page: u32,
}

impl Asked {
    fn object(&self) -> Result<(ObjectKind, ObjectId), EngineError> {
        if self.kind.is_empty() && self.object.is_empty() {
            return Ok((ObjectKind::System, SYSTEM));
        }
        Ok((id("object kind", &self.kind)?, id("object", &self.object)?))
    }
}

/// An address below `/admin/permissions` about an object.
fn address(below: &str, place: &Place) -> String {
    format!("/admin/permissions{below}?kind={}&object={}", place.kind, place.object)
}

/// The page an object has; those without one have that of their permissions.
pub fn page_of(place: &Place) -> String {
    let noun = match place.kind {
        ObjectKind::DataCenter => "data_centers",
        ObjectKind::Cluster => "clusters",
        ObjectKind::Host => "hosts",
        ObjectKind::StorageDomain => "domains",
        ObjectKind::Network => "networks",
        ObjectKind::Template => "templates",
        ObjectKind::Vm => "vms",
        ObjectKind::Pool => "pools",
        ObjectKind::Disk => "disks",
        ObjectKind::Quota => "quotas",
        ObjectKind::User => "users",
        ObjectKind::Group => "groups",
        ObjectKind::Role => "roles",
        ObjectKind::System => return "/admin/permissions".to_owned(),
        ObjectKind::VnicProfile | ObjectKind::MacPool | ObjectKind::InstanceType => return address("", place),
    };
    format!("/admin/{noun}/{}", place.object)
}

/// "Cluster Default", leading there.
pub fn link_to(l: Locale, place: &Place) -> Markup {
    let kind = l.t(&format!("object-{}", place.kind));
    html! { a href=(page_of(place)) { (kind) @if place.kind != ObjectKind::System { " " (place.name) } } }
}

/// The page of who holds something.
pub fn holder(principal: PrincipalId, name: &str, is_group: bool) -> Markup {
    let noun = if is_group { "groups" } else { "users" };
    html! { a href={ "/admin/" (noun) "/" (principal) } { (name) } }
}

async fn grant(shared: web::Data<Shared>, http: HttpRequest, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, _, values) = changing(&shared, &http, &body).await?;
        let get = |name: &str| values.get(name).map_or("", String::as_str);
        let kind: ObjectKind = id("object kind", get("kind"))?;
        let object: ObjectId = id("object", get("object"))?;
        let (role, principal): (RoleId, PrincipalId) = (id("role", get("role"))?, id("user", get("principal"))?);
        permissions::grant(&cx, role, principal, kind, object).await?;
        Ok(page_of(&Place { object, kind, name: String::new() }))
    };
    match result.await {
        Ok(page) => to(&page),
        Err(e) => error::page(&http, &e),
    }
}

async fn revoke(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    done(&shared, &http, &body, async |cx| {
        permissions::revoke(&cx, id::<PermissionId>("permission", &path)?).await?;
        Ok(back(&http))
    })
    .await
}

/// Back to the page the button stands on.
fn back(http: &HttpRequest) -> String {
    let referer = http.headers().get("referer").and_then(|v| v.to_str().ok()).unwrap_or_default();
    let path = referer.split_once("://").and_then(|(_, r)| r.find('/').and_then(|at| r.get(at..))).unwrap_or_default();
    if path.starts_with("/admin") { path.to_owned() } else { "/admin".to_owned() }
}
