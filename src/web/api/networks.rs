//! `networks`: made, changed, removed; those of a data center and of a cluster, with what each is used for there. (The list and the
//! details are with the other collections.)

use super::answer::{body, caller, id, ok, wants};
use super::data_centers::{all, center};
use super::document::{Element, collection};
use super::entry::BASE;
use super::input::Input;
use super::{actions, clusters, fault, render};
use crate::engine::{Cx, EngineError, catalog, clusters as engine_clusters, networks};
use crate::model::cluster::{ClusterConfig, ClusterView};
use crate::model::ids::{ClusterId, NetworkId};
use crate::model::network::{NetworkConfig, NetworkUsage, NetworkView};
use crate::model::valid::{Invalid, Problem};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};

/// Paths of networks, and below data centers and clusters.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/networks", web::post().to(add))
        .route("/networks/{id}", web::put().to(update))
        .route("/networks/{id}", web::delete().to(remove))
        .route("/networks/{id}/vnicprofiles", web::get().to(profiles))
        .route("/datacenters/{id}/networks", web::get().to(of_data_center))
        .route("/clusters/{id}/networks", web::get().to(of_cluster))
        .route("/clusters/{id}/networks", web::post().to(assign))
        .route("/clusters/{id}/networks/{network}", web::get().to(in_cluster))
        .route("/clusters/{id}/networks/{network}", web::put().to(use_for));
}

/// oVirt's fields; what means nothing to this engine yet is let through, since clients send it.
const NETWORK: &str = "\
    cluster comment data_center description display href id link mtu name network_labels permissions \
    profile_required qos required status stp usages vnic_profiles";

/// A `<network>` as a change of what is there. A network that is for something else than VMs is none for VMs.
fn read(input: &Input, old: NetworkConfig) -> Result<NetworkConfig, EngineError> {
    input.only("network", NETWORK)?;
    let text = |path: &str, old: String| input.text_at(path).map_or(old, ToOwned::to_owned);
    Ok(NetworkConfig {
        name: text("name", old.name),
        description: text("description", old.description),
        comment: text("comment", old.comment),
        vm_network: usages(input)?.map_or(old.vm_network, |all| all.contains(&NetworkUsage::Vm)),
    })
}

/// None: nothing is said of it.
fn usages(input: &Input) -> Result<Option<Vec<NetworkUsage>>, EngineError> {
    let Some(said) = input.at("usages") else { return Ok(None) };
    let known = || NetworkUsage::ALL.iter().map(|usage| usage.as_str()).collect::<Vec<_>>().join(", ");
    let parse = |one: &Input| {
        let problem = |_| Problem::NotOneOf { value: one.text.chars().take(64).collect(), allowed: known() };
        one.text.trim().parse().map_err(|e| Invalid::new("usages", problem(e)))
    };
    Ok(Some(said.all("usage").map(parse).collect::<Result<_, _>>()?))
}

/// A network with what it is used for in a cluster.
fn document(view: &NetworkView, cluster: &ClusterView) -> Element {
    let moves = match cluster.settings.migration.network {
        Some(network) => network == view.id,
        None => view.is_management(),
    };
    let used = [
        (NetworkUsage::Vm, view.vm_network),
        (NetworkUsage::Management, view.is_management()),
        (NetworkUsage::Display, view.is_management()),
        (NetworkUsage::Migration, moves),
    ];
    let used: Vec<&str> = used.iter().filter(|(_, used)| *used).map(|(usage, _)| usage.as_str()).collect();
    render::network_with(view, &used)
}

async fn add(request: HttpRequest, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let input = body(&request, &bytes)?;
        let made =
            networks::add(&cx, clusters::data_center(&cx, &input).await?, read(&input, NetworkConfig::default())?)
                .await?;
        Ok((made, render::network(&catalog::network(&cx, made).await?)))
    };
    match result.await {
        Ok((made, element)) => {
            let mut builder = HttpResponse::Created();
            builder.insert_header((header::LOCATION, format!("{BASE}/networks/{made}")));
            wants(&request).write(builder, &element)
        }
        Err(error) => fault::response(&request, &error),
    }
}

async fn update(request: HttpRequest, path: web::Path<String>, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let (network, input) = (id::<NetworkId>("network", &path)?, body(&request, &bytes)?);
        networks::edit(&cx, network, move |old| read(&input, old)).await?;
        Ok(render::network(&catalog::network(&cx, network).await?))
    };
    ok(&request, result.await)
}

async fn remove(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        networks::remove(&caller(&request).await?, id("network", &path)?).await?;
        Ok(actions::complete(None))
    };
    ok(&request, result.await)
}

async fn profiles(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let network = catalog::network(&cx, id("network", &path)?).await?.id;
        let found = catalog::vnic_profiles(&cx).await?;
        let own = found.iter().filter(|one| one.network == network).map(render::vnic_profile);
        Ok(collection("vnic_profiles", "vnic_profile", own.collect()))
    };
    ok(&request, result.await)
}

async fn of_data_center(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, center) = center(&request, &path).await?;
        let found = catalog::networks(&cx, &all()).await?.rows;
        let own = found.iter().filter(|one| one.data_center == center).map(render::network);
        Ok(collection("networks", "network", own.collect()))
    };
    ok(&request, result.await)
}

/// Every network of the data center is there on every cluster.
async fn of_cluster(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let cluster = catalog::cluster(&cx, id("cluster", &path)?).await?;
        let found = catalog::networks(&cx, &all()).await?.rows;
        let own = found.iter().filter(|network| network.data_center == cluster.data_center);
        Ok(collection("networks", "network", own.map(|network| document(network, &cluster)).collect()))
    };
    ok(&request, result.await)
}

/// One of them.
async fn both(cx: &Cx, cluster: &str, network: &str) -> Result<(NetworkView, ClusterView), EngineError> {
    let cluster = catalog::cluster(cx, id("cluster", cluster)?).await?;
    let network = catalog::network(cx, id("network", network)?).await?;
    if network.data_center != cluster.data_center {
        return Err(EngineError::NotFound { kind: "network", id: network.id.to_string() });
    }
    Ok((network, cluster))
}

async fn in_cluster(request: HttpRequest, path: web::Path<(String, String)>) -> HttpResponse {
    let result = async {
        let (network, cluster) = both(&caller(&request).await?, &path.0, &path.1).await?;
        Ok(document(&network, &cluster))
    };
    ok(&request, result.await)
}

/// Has the cluster's VMs move over it, or no longer. What it is for beside that does not change.
async fn used(cx: &Cx, input: &Input, cluster: &str, network: &str) -> Result<Element, EngineError> {
    input.only("network", NETWORK)?;
    let (view, cluster) = both(cx, cluster, network).await?;
    if let Some(usages) = usages(input)? {
        if usages.contains(&NetworkUsage::Management) && !view.is_management() {
            let problem = Problem::NotOneOf { value: "management".to_owned(), allowed: "vm, migration".to_owned() };
            return Err(Invalid::new("usages", problem).into());
        }
        let (network, moves) = (view.id, usages.contains(&NetworkUsage::Migration));
        let change = move |mut old: ClusterConfig| {
            let before = old.settings.migration.network;
            old.settings.migration.network = if moves { Some(network) } else { before.filter(|one| *one != network) };
            Ok(old)
        };
        engine_clusters::edit(cx, cluster.id, change).await?;
    }
    Ok(document(&view, &catalog::cluster(cx, cluster.id).await?))
}

async fn use_for(request: HttpRequest, path: web::Path<(String, String)>, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        used(&cx, &body(&request, &bytes)?, &path.0, &path.1).await
    };
    ok(&request, result.await)
}

/// oVirt's way to have a network on a cluster's hosts; it is there already.
async fn assign(request: HttpRequest, path: web::Path<String>, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let input = body(&request, &bytes)?;
        let text = |path| input.text_at(path).filter(|text| !text.is_empty());
        let wanted = text("id").or_else(|| text("name")).ok_or_else(|| Invalid::new("id", Problem::Missing))?;
        let cluster = catalog::cluster(&cx, id::<ClusterId>("cluster", &path)?).await?;
        let found = catalog::networks(&cx, &all()).await?.rows;
        let own = found.iter().filter(|network| network.data_center == cluster.data_center);
        let network = own.into_iter().find(|one| one.id.to_string() == wanted || one.name == wanted);
        let value = wanted.chars().take(64).collect();
        let network = network.ok_or_else(|| Invalid::new("id", Problem::NoSuch { value }))?.id;
        used(&cx, &input, &path, &network.to_string()).await.map(|element| (cluster.id, network, element))
    };
    match result.await {
        Ok((cluster, network, element)) => {
            let mut builder = HttpResponse::Created();
            builder.insert_header((header::LOCATION, format!("{BASE}/clusters/{cluster}/networks/{network}")));
            wants(&request).write(builder, &element)
        }
        Err(error) => fault::response(&request, &error),
    }
}
