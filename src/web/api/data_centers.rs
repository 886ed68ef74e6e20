//! `datacenters`: made, changed, removed, and what is in each. (The list and the details are with the other collections.)

use super::answer::{body, caller, id, ok, wants};
use super::document::{Element, collection};
use super::entry::BASE;
use super::input::Input;
use super::{actions, clusters, fault, render};
use crate::engine::{Cx, EngineError, catalog, data_centers};
use crate::model::data_center::{DataCenterConfig, DataCenterView};
use crate::model::ids::DataCenterId;
use crate::model::page::ListQuery;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};

/// Paths below `datacenters`.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/datacenters", web::post().to(add))
        .route("/datacenters/{id}", web::put().to(update))
        .route("/datacenters/{id}", web::delete().to(remove))
        .route("/datacenters/{id}/clusters", web::get().to(clusters))
        .route("/datacenters/{id}/storagedomains", web::get().to(storage_domains));
}

const DATA_CENTER: &str = "\
    clusters comment description href id iscsi_bonds link local mac_pool name networks permissions qoss quota_mode quotas \
    status storage_domains storage_format supported_versions version";

/// A data center.
pub fn document(view: &DataCenterView) -> Element {
    let links = &["clusters", "networks", "quotas", "storagedomains", "permissions"];
    render::object("data_center", "datacenters", view.id, links)
        .text("name", view.name.as_str())
        .text("description", view.description.as_str())
        .text("comment", view.comment.as_str())
        .bool("local", view.local)
        .text("status", view.status.as_str())
        .text("storage_format", "v4")
        .text("quota_mode", view.quota_mode.as_str())
        .child(render::version(&view.compatibility))
}

/// `<version><major>4</major><minor>1</minor></version>`, if it is there.
pub fn version(input: &Input) -> Option<String> {
    let part = |path| input.text_at(path).map(str::trim);
    part("version/major").map(|major| format!("{major}.{}", part("version/minor").unwrap_or("0")))
}

/// A `<data_center>` as a change of what is there.
fn read(input: &Input, old: DataCenterConfig) -> Result<DataCenterConfig, EngineError> {
    input.only("data_center", DATA_CENTER)?;
    let text = |path: &str, old: String| input.text_at(path).map_or(old, ToOwned::to_owned);
    Ok(DataCenterConfig {
        name: text("name", old.name),
        description: text("description", old.description),
        comment: text("comment", old.comment),
        local: input.bool_at("local", "local")?.unwrap_or(old.local),
        compatibility: version(input).unwrap_or(old.compatibility),
        quota_mode: input.parsed("quota_mode", "quota_mode")?.unwrap_or(old.quota_mode),
    })
}

async fn add(request: HttpRequest, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let made = data_centers::add(&cx, read(&body(&request, &bytes)?, DataCenterConfig::default())?).await?;
        Ok((made, document(&catalog::data_center(&cx, made).await?)))
    };
    match result.await {
        Ok((made, element)) => {
            let mut builder = HttpResponse::Created();
            builder.insert_header((header::LOCATION, format!("{BASE}/datacenters/{made}")));
            wants(&request).write(builder, &element)
        }
        Err(error) => fault::response(&request, &error),
    }
}

async fn update(request: HttpRequest, path: web::Path<String>, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let (center, input) = (id::<DataCenterId>("data center", &path)?, body(&request, &bytes)?);
        data_centers::edit(&cx, center, move |old| read(&input, old)).await?;
        Ok(document(&catalog::data_center(&cx, center).await?))
    };
    ok(&request, result.await)
}

async fn remove(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        data_centers::remove(&caller(&request).await?, id("data center", &path)?).await?;
        Ok(actions::complete(None))
    };
    ok(&request, result.await)
}

pub async fn center(request: &HttpRequest, path: &str) -> Result<(Cx, DataCenterId), EngineError> {
    let cx = caller(request).await?;
    let found = catalog::data_center(&cx, id("data center", path)?).await?.id;
    Ok((cx, found))
}

pub fn all() -> ListQuery {
    ListQuery { max: u32::MAX, ..ListQuery::default() }
}

async fn clusters(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, center) = center(&request, &path).await?;
        let found = catalog::clusters(&cx, &all()).await?.rows;
        let own = found.iter().filter(|one| one.data_center == center).map(clusters::document);
        Ok(collection("clusters", "cluster", own.collect()))
    };
    ok(&request, result.await)
}

async fn storage_domains(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, center) = center(&request, &path).await?;
        let found = catalog::storage_domains(&cx, &all()).await?.rows;
        let own = found.iter().filter(|one| one.data_center == Some(center)).map(render::storage_domain);
        Ok(collection("storage_domains", "storage_domain", own.collect()))
    };
    ok(&request, result.await)
}
