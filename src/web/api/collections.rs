//! The other collections: lists and details.

use super::answer::{body, caller, id, list_query, ok, parameters, wants};
use super::document::{Element, collection};
use super::{clusters, data_centers, fault, quotas, render, vm_body};
use crate::engine::{EngineError, catalog, disks, events, jobs, pools, quotas as engine_quotas, users};
use crate::model::disk::DiskChange;
use crate::model::ids::DiskId;
use crate::model::page::ListQuery;
use crate::model::valid::{Invalid, Problem};
use actix_web::{HttpRequest, HttpResponse, web};

/// A collection with its list and its single objects.
macro_rules! listed {
    ($config:expr, $path:literal, $plural:literal, $item:literal, $list:path, $get:path, $kind:literal, $render:path) => {
        $config
            .route(
                concat!("/", $path),
                web::get().to(|request: HttpRequest| async move {
                    let result = async {
                        let cx = caller(&request).await?;
                        let page = $list(&cx, &list_query(&request)?).await?;
                        Ok(collection($plural, $item, page.rows.iter().map($render).collect()))
                    };
                    ok(&request, result.await)
                }),
            )
            .route(
                concat!("/", $path, "/{id}"),
                web::get().to(|request: HttpRequest, path: web::Path<String>| async move {
                    let result = async {
                        let cx = caller(&request).await?;
                        Ok($render(&$get(&cx, id($kind, &path)?).await?))
                    };
                    ok(&request, result.await)
                }),
            )
    };
}

/// The same of what counts on quotas.
macro_rules! counted {
    ($config:expr, $path:literal, $plural:literal, $item:literal, $list:path, $get:path, $kind:literal, $render:path) => {
        $config
            .route(
                concat!("/", $path),
                web::get().to(|request: HttpRequest| async move {
                    let result = async {
                        let cx = caller(&request).await?;
                        let page = $list(&cx, &list_query(&request)?).await?;
                        let all = page.rows.iter().map(|one| (one.id.object(), $render(one))).collect();
                        Ok(collection($plural, $item, quotas::added(&cx, all).await?))
                    };
                    ok(&request, result.await)
                }),
            )
            .route(
                concat!("/", $path, "/{id}"),
                web::get().to(|request: HttpRequest, path: web::Path<String>| async move {
                    let result = async {
                        let cx = caller(&request).await?;
                        let one = $get(&cx, id($kind, &path)?).await?;
                        quotas::added_to(&cx, one.id.object(), $render(&one)).await
                    };
                    ok(&request, result.await)
                }),
            )
    };
}

/// A collection that comes whole.
macro_rules! whole {
    ($config:expr, $path:literal, $plural:literal, $item:literal, $list:path, $kind:literal, $render:path) => {
        $config
            .route(
                concat!("/", $path),
                web::get().to(|request: HttpRequest| async move {
                    let result = async {
                        let all = $list(&caller(&request).await?).await?;
                        Ok(collection($plural, $item, all.iter().map($render).collect()))
                    };
                    ok(&request, result.await)
                }),
            )
            .route(
                concat!("/", $path, "/{id}"),
                web::get().to(|request: HttpRequest, path: web::Path<String>| async move {
                    let result = async {
                        let all = $list(&caller(&request).await?).await?;
                        let found = all.iter().find(|one| one.id.to_string() == *path);
                        let missing = || EngineError::NotFound { kind: $kind, id: path.chars().take(64).collect() };
                        Ok($render(found.ok_or_else(missing)?))
                    };
                    ok(&request, result.await)
                }),
            )
    };
}

/// Paths of everything but VMs.
pub fn routes(config: &mut web::ServiceConfig) {
    searched(config);
    read_whole(config);
    config
        .route("/disks", web::post().to(add_disk))
        .route("/disks/{id}", web::put().to(change_disk))
        .route("/disks/{id}", web::delete().to(remove_disk))
        .route("/events", web::get().to(list_events))
        .route("/events/{id}", web::get().to(get_event))
        .route("/templates/{id}/diskattachments", web::get().to(template_disks));
}

fn searched(config: &mut web::ServiceConfig) {
    listed!(config, "hosts", "hosts", "host", catalog::hosts, catalog::host, "host", render::host);
    listed!(
        config,
        "clusters",
        "clusters",
        "cluster",
        catalog::clusters,
        catalog::cluster,
        "cluster",
        clusters::document
    );
    listed!(
        config,
        "datacenters",
        "data_centers",
        "data_center",
        catalog::data_centers,
        catalog::data_center,
        "data center",
        data_centers::document
    );
    listed!(
        config,
        "storagedomains",
        "storage_domains",
        "storage_domain",
        catalog::storage_domains,
        catalog::storage_domain,
        "storage domain",
        render::storage_domain
    );
    listed!(config, "networks", "networks", "network", catalog::networks, catalog::network, "network", render::network);
    counted!(
        config,
        "templates",
        "templates",
        "template",
        catalog::templates,
        catalog::template,
        "template",
        render::template
    );
    counted!(config, "disks", "disks", "disk", disks::list, disks::get, "disk", render::disk);
    listed!(config, "vmpools", "vm_pools", "vm_pool", pools::list, pools::get, "pool", render::pool);
    listed!(config, "users", "users", "user", users::list, users::get, "user", render::user);
    listed!(config, "groups", "groups", "group", users::group_list, users::group, "group", render::group);
}

fn read_whole(config: &mut web::ServiceConfig) {
    whole!(
        config,
        "instancetypes",
        "instance_types",
        "instance_type",
        catalog::instance_types,
        "instance type",
        render::instance_type
    );
    whole!(
        config,
        "vnicprofiles",
        "vnic_profiles",
        "vnic_profile",
        catalog::vnic_profiles,
        "vNIC profile",
        render::vnic_profile
    );
    whole!(config, "macpools", "mac_pools", "mac_pool", catalog::mac_pools, "MAC pool", render::mac_pool);
    whole!(config, "jobs", "jobs", "job", jobs::list, "job", render::job);
}

async fn list_events(request: HttpRequest) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let from = parameters(&request).get("from").and_then(|t| t.parse().ok());
        let mut query = list_query(&request)?;
        if query.max == u32::MAX {
            query = ListQuery { max: 1000, ..query };
        }
        let page = events::list(&cx, &query, from).await?;
        Ok(collection("events", "event", page.rows.iter().map(render::event).collect()))
    };
    ok(&request, result.await)
}

async fn get_event(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async { Ok(render::event(&events::get(&caller(&request).await?, id("event", &path)?).await?)) };
    ok(&request, result.await)
}

async fn add_disk(request: HttpRequest, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let input = body(&request, &bytes)?;
        super::known::disk(&input)?;
        let created = disks::add(&cx, vm_body::disk(&input, &input)?, None).await?;
        quotas::added_to(&cx, created.id.object(), render::disk(&disks::get(&cx, created.id).await?)).await
    };
    match result.await {
        Ok(element) => wants(&request).write(HttpResponse::Accepted(), &element),
        Err(error) => fault::response(&request, &error),
    }
}

/// What it is called, and what it counts on; its size stays.
async fn change_disk(request: HttpRequest, path: web::Path<String>, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let input = body(&request, &bytes)?;
        super::known::disk(&input)?;
        let disk = id::<DiskId>("disk", &path)?;
        let old = disks::get(&cx, disk).await?;
        if input.parsed::<u64>("provisioned_size", "provisioned_size")?.is_some_and(|size| size != old.virtual_bytes) {
            return Err(Invalid::new("provisioned_size", Problem::Fixed).into());
        }
        let alias = input.text_at("alias").or_else(|| input.text_at("name")).unwrap_or(&old.alias).to_owned();
        let description = input.text_at("description").unwrap_or(&old.description).to_owned();
        if (&alias, &description) != (&old.alias, &old.description) {
            disks::change(&cx, disk, DiskChange { alias, description, seen: None }).await?;
        }
        if let Some(quota) = input.parsed("quota/id", "quota")? {
            engine_quotas::assign(&cx, engine_quotas::Choosable::Disk(disk), quota).await?;
        }
        quotas::added_to(&cx, disk.object(), render::disk(&disks::get(&cx, disk).await?)).await
    };
    ok(&request, result.await)
}

async fn remove_disk(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        Ok(super::actions::complete(Some(disks::remove(&cx, id("disk", &path)?).await?)))
    };
    ok(&request, result.await)
}

async fn template_disks(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let view = catalog::template(&caller(&request).await?, id("template", &path)?).await?;
        let all = view.disks.iter().map(|d| {
            Element::new("disk_attachment")
                .attribute("id", d.disk.id)
                .bool("bootable", d.bootable)
                .text("interface", d.interface.as_str())
                .child(render::reference("disk", "disks", d.disk.id))
        });
        Ok(collection("disk_attachments", "disk_attachment", all.collect()))
    };
    ok(&request, result.await)
}
