//! The form for storage that all hosts see.

use super::vm_form::{field, hinted};
use super::{admin, changing, details, id};
use crate::engine::{Cx, EngineError, catalog, storage_domains};
use crate::model::storage_domain::NewSharedDomain;
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::form::{Choice, Filled, form};
use crate::web::ui::{Frame, parts};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::html;

const LIST: &str = "/admin/domains";
const SHOWN: [&str; 4] = ["name", "description", "data_center", "path"];

/// `/admin/domains/new`
pub fn routes(config: &mut web::ServiceConfig) {
    config.route("/admin/domains/new", web::get().to(new_page)).route("/admin/domains/new", web::post().to(create));
}

async fn page(cx: &Cx, frame: &Frame, filled: &Filled) -> Result<HttpResponse, EngineError> {
    let l = frame.l;
    let centers = catalog::data_centers(cx, &details::all()).await?.rows;
    let centers: Vec<Choice> = centers.iter().map(|c| Choice::new(c.id, &c.name)).collect();
    let fields = html! {
        p { (l.t("new-storage-domain-text")) }
        (field(l, "name", "name", "name").input(filled, "text"))
        (field(l, "data-center", "data_center", "data_center").choose(filled, &centers))
        (hinted(l, "path", "path", "path", l.t("domain-path-hint")).input(filled, "text"))
    };
    let title = l.t("new-storage-domain");
    let content = html! {
        (parts::heading(&title, &html! {}, &html! {}))
        (form(frame, &format!("{LIST}/new"), LIST, &l.t("create"), &filled.others(l, &SHOWN), &fields))
    };
    Ok(frame.page(&title, "", &content))
}

async fn new_page(shared: web::Data<Shared>, http: HttpRequest) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        page(&cx, &frame, &Filled::default()).await
    };
    details::answer(&http, result.await)
}

async fn create(shared: web::Data<Shared>, http: HttpRequest, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, frame, values) = changing(&shared, &http, &body).await?;
        let get = |name: &str| values.get(name).cloned().unwrap_or_default();
        let center = get("data_center");
        let data_center = if center.is_empty() { None } else { Some(id("data center", &center)?) };
        let new = NewSharedDomain { name: get("name"), description: String::new(), data_center, path: get("path") };
        match storage_domains::add_shared(&cx, new).await {
            Ok(made) => Ok(to(&format!("{LIST}/{}", made.id))),
            Err(EngineError::Invalid(wrong)) => page(&cx, &frame, &Filled { values, wrong }).await,
            Err(error) => Err(error),
        }
    };
    details::answer(&http, result.await)
}
