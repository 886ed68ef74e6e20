//! `datacenters/{id}/quotas` with their limits, and which quota things count on.

use super::answer::{body, caller, created, id, ok, wants};
use super::document::{Element, collection};
use super::entry::BASE;
use super::input::Input;
use super::{actions, fault, render};
use crate::engine::{Cx, EngineError, catalog, quotas};
use crate::model::ids::{ClusterId, DataCenterId, ObjectId, QuotaId, StorageDomainId};
use crate::model::page::ListQuery;
use crate::model::quota::*;
use crate::model::valid::{Invalid, Problem};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};

/// Paths below `datacenters`.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/datacenters/{id}/quotas", web::get().to(list))
        .route("/datacenters/{id}/quotas", web::post().to(add))
        .route("/datacenters/{id}/quotas/{quota}", web::get().to(get))
        .route("/datacenters/{id}/quotas/{quota}", web::put().to(update))
        .route("/datacenters/{id}/quotas/{quota}", web::delete().to(remove))
        .route("/datacenters/{id}/quotas/{quota}/quotaclusterlimits", web::get().to(cluster_limits))
        .route("/datacenters/{id}/quotas/{quota}/quotaclusterlimits", web::post().to(add_cluster_limit))
        .route("/datacenters/{id}/quotas/{quota}/quotaclusterlimits/{limit}", web::get().to(cluster_limit))
        .route("/datacenters/{id}/quotas/{quota}/quotaclusterlimits/{limit}", web::delete().to(remove_cluster_limit))
        .route("/datacenters/{id}/quotas/{quota}/quotastoragelimits", web::get().to(storage_limits))
        .route("/datacenters/{id}/quotas/{quota}/quotastoragelimits", web::post().to(add_storage_limit))
        .route("/datacenters/{id}/quotas/{quota}/quotastoragelimits/{limit}", web::get().to(storage_limit))
        .route("/datacenters/{id}/quotas/{quota}/quotastoragelimits/{limit}", web::delete().to(remove_storage_limit));
}

const QUOTA: &str = "\
    cluster_hard_limit_pct cluster_soft_limit_pct comment data_center description disks href id link name permissions \
    person_limit quota_cluster_limits quota_storage_limits storage_hard_limit_pct storage_soft_limit_pct users vms";
const PERSON: &str = "memory_limit storage_limit vcpu_limit";
const CLUSTER_LIMIT: &str =
    "cluster comment description href id link memory_limit memory_usage name quota vcpu_limit vcpu_usage";
const STORAGE_LIMIT: &str = "comment description href id limit link name quota storage_domain usage";

fn href(center: DataCenterId, quota: QuotaId) -> String {
    format!("{BASE}/datacenters/{center}/quotas/{quota}")
}

fn reference(center: DataCenterId, quota: QuotaId) -> Element {
    Element::new("quota").attribute("href", href(center, quota)).attribute("id", quota)
}

/// Each document with the quota that its object counts on.
///
/// # Errors
/// The database failed.
pub async fn added(cx: &Cx, all: Vec<(ObjectId, Element)>) -> Result<Vec<Element>, EngineError> {
    let chosen = quotas::chosen(cx, all.iter().map(|(object, _)| *object).collect()).await?;
    let with = |(object, element): (ObjectId, Element)| match chosen.get(&object) {
        Some(chosen) => element.child(reference(chosen.data_center, chosen.quota)),
        None => element,
    };
    Ok(all.into_iter().map(with).collect())
}

/// A document with the quota that its object counts on.
///
/// # Errors
/// The database failed.
pub async fn added_to(cx: &Cx, object: ObjectId, element: Element) -> Result<Element, EngineError> {
    let mut all = added(cx, vec![(object, element)]).await?;
    Ok(all.pop().unwrap_or_default())
}

#[expect(clippy::cast_precision_loss, reason = "oVirt's documents have decimals")]
fn gib_of(amount: u64, per_gib: u64) -> f64 {
    amount as f64 / per_gib as f64
}

const MIB_PER_GIB: u64 = 1024;

/// -1: no limit.
fn or_none(limit: Option<u64>) -> i64 {
    limit.map_or(-1, |n| i64::try_from(n).unwrap_or(i64::MAX))
}

fn memory_limit(mib: Option<u64>) -> f64 {
    mib.map_or(-1.0, |mib| gib_of(mib, MIB_PER_GIB))
}

fn document(view: &QuotaView) -> Element {
    let (quota, config) = (&view.quota, &view.quota.config);
    let person = Element::new("person_limit")
        .int("vcpu_limit", or_none(config.person.vcpus))
        .decimal("memory_limit", memory_limit(config.person.memory_mib))
        .int("storage_limit", or_none(config.person.storage_gib));
    let links = &["quotaclusterlimits", "quotastoragelimits", "permissions"];
    render::object("quota", &format!("datacenters/{}/quotas", quota.data_center), quota.id, links)
        .text("name", config.name.as_str())
        .text("description", config.description.as_str())
        .int("cluster_soft_limit_pct", config.cluster.threshold)
        .int("cluster_hard_limit_pct", config.cluster.grace)
        .int("storage_soft_limit_pct", config.storage.threshold)
        .int("storage_hard_limit_pct", config.storage.grace)
        .child(person)
        .child(render::reference("data_center", "datacenters", quota.data_center))
}

/// A limit's id is its cluster's or storage domain's; that of all is the quota's, as oVirt has it.
fn limit_element(view: &QuotaView, name: &'static str, limit: ObjectId) -> Element {
    let quota = &view.quota;
    let href = href(quota.data_center, quota.id);
    let collection = if name == "quota_cluster_limit" { "quotaclusterlimits" } else { "quotastoragelimits" };
    Element::new(name)
        .attribute("href", format!("{href}/{collection}/{limit}"))
        .attribute("id", limit)
        .child(reference(quota.data_center, quota.id))
}

fn cluster_elements(view: &QuotaView) -> Vec<(ObjectId, Element)> {
    let one = |share: &ClusterShare| {
        let place = share.cluster.as_ref().map(|(id, _)| *id);
        let own = place.map_or(view.quota.id.object(), ClusterId::object);
        let mut element = limit_element(view, "quota_cluster_limit", own)
            .int("vcpu_limit", or_none(share.limit.vcpus))
            .int("vcpu_usage", or_none(Some(share.used.vcpus)))
            .decimal("memory_limit", memory_limit(share.limit.memory_mib))
            .decimal("memory_usage", gib_of(share.used.memory_mib, MIB_PER_GIB));
        if let Some(cluster) = place {
            element = element.child(render::reference("cluster", "clusters", cluster));
        }
        (own, element)
    };
    view.clusters.iter().map(one).collect()
}

fn storage_elements(view: &QuotaView) -> Vec<(ObjectId, Element)> {
    let one = |share: &DomainShare| {
        let place = share.domain.as_ref().map(|(id, _)| *id);
        let own = place.map_or(view.quota.id.object(), StorageDomainId::object);
        let mut element = limit_element(view, "quota_storage_limit", own)
            .int("limit", or_none(share.gib))
            .decimal("usage", gib_of(share.used, crate::model::disk::GIB));
        if let Some(domain) = place {
            element = element.child(render::reference("storage_domain", "storagedomains", domain));
        }
        (own, element)
    };
    view.domains.iter().map(one).collect()
}

/// A whole number of at least -1, which is no limit.
fn whole(input: &Input, path: &str, field: &'static str) -> Result<Option<Option<u64>>, Invalid> {
    match input.parsed::<i64>(path, field)? {
        None => Ok(None),
        Some(-1) => Ok(Some(None)),
        Some(n) => match u64::try_from(n) {
            Ok(n) => Ok(Some(Some(n))),
            Err(_) => Err(Invalid::new(field, Problem::Range { min: 0, max: MAX_QUOTA_STORAGE_GIB })),
        },
    }
}

/// GiB as a decimal, in MiB; -1 is no limit.
fn memory(input: &Input, path: &str, field: &'static str) -> Result<Option<Option<u64>>, Invalid> {
    let Some(gib) = input.parsed::<f64>(path, field)? else { return Ok(None) };
    #[expect(clippy::float_cmp, reason = "the very number that means no limit")]
    if gib == -1.0 {
        return Ok(Some(None));
    }
    #[expect(clippy::cast_precision_loss, reason = "far below what a decimal tells apart")]
    let most = MAX_QUOTA_MEMORY_MIB as f64;
    let mib = (gib * 1024.0).ceil();
    if !(0.0..=most).contains(&mib) {
        return Err(Invalid::new(field, Problem::Range { min: 0, max: MAX_QUOTA_MEMORY_MIB / MIB_PER_GIB }));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
    Ok(Some(Some(mib as u64)))
}

fn cluster_limit_of(input: &Input) -> Result<(Option<ClusterId>, ClusterLimit), EngineError> {
    input.only("quota_cluster_limit", CLUSTER_LIMIT)?;
    let vcpus = whole(input, "vcpu_limit", "vcpu_limit")?.flatten();
    let memory_mib = memory(input, "memory_limit", "memory_limit")?.flatten();
    Ok((input.parsed("cluster/id", "cluster")?, ClusterLimit { vcpus, memory_mib }))
}

fn storage_limit_of(input: &Input) -> Result<(Option<StorageDomainId>, Option<u64>), EngineError> {
    input.only("quota_storage_limit", STORAGE_LIMIT)?;
    let gib = whole(input, "limit", "limit")?.flatten();
    Ok((input.parsed("storage_domain/id", "storage_domain")?, gib))
}

/// One limit more: of all it takes the place of those of each, and the other way round.
fn with<Id: PartialEq, Limit>(shares: Shares<Id, Limit>, place: Option<Id>, limit: Limit) -> Shares<Id, Limit> {
    match (place, shares) {
        (None, _) => Shares::All(limit),
        (Some(place), Shares::All(_)) => Shares::Each(vec![(place, limit)]),
        (Some(place), Shares::Each(mut all)) => {
            all.retain(|(id, _)| *id != place);
            all.push((place, limit));
            Shares::Each(all)
        }
    }
}

/// One limit less; of that of all nothing is left.
fn without<Id: PartialEq, Limit>(shares: Shares<Id, Limit>, place: Option<Id>) -> Shares<Id, Limit> {
    match (place, shares) {
        (Some(place), Shares::Each(mut all)) => {
            all.retain(|(id, _)| *id != place);
            Shares::Each(all)
        }
        _ => Shares::Each(Vec::new()),
    }
}

/// A `<quota>` as a change of what is there.
fn read(input: &Input, mut config: QuotaConfig) -> Result<QuotaConfig, EngineError> {
    input.only("quota", QUOTA)?;
    let text = |path: &str, old: String| input.text_at(path).map_or(old, ToOwned::to_owned);
    config.name = text("name", config.name);
    config.description = text("description", config.description);
    let percent = |path, old: u32| Ok::<u32, EngineError>(input.parsed(path, path)?.unwrap_or(old));
    config.cluster.threshold = percent("cluster_soft_limit_pct", config.cluster.threshold)?;
    config.cluster.grace = percent("cluster_hard_limit_pct", config.cluster.grace)?;
    config.storage.threshold = percent("storage_soft_limit_pct", config.storage.threshold)?;
    config.storage.grace = percent("storage_hard_limit_pct", config.storage.grace)?;
    if let Some(person) = input.child("person_limit") {
        person.only("person_limit", PERSON)?;
        config.person.vcpus = whole(person, "vcpu_limit", "person.vcpus")?.unwrap_or(config.person.vcpus);
        config.person.memory_mib = memory(person, "memory_limit", "person.memory")?.unwrap_or(config.person.memory_mib);
        config.person.storage_gib =
            whole(person, "storage_limit", "person.storage")?.unwrap_or(config.person.storage_gib);
    }
    if let Some(limits) = input.child("quota_cluster_limits") {
        config.clusters = Shares::Each(Vec::new());
        for limit in limits.all("quota_cluster_limit") {
            let (place, limit) = cluster_limit_of(limit)?;
            config.clusters = with(config.clusters, place, limit);
        }
    }
    if let Some(limits) = input.child("quota_storage_limits") {
        config.domains = Shares::Each(Vec::new());
        for limit in limits.all("quota_storage_limit") {
            let (place, limit) = storage_limit_of(limit)?;
            config.domains = with(config.domains, place, limit);
        }
    }
    Ok(config)
}

/// The quota of a path, if it is the data center's.
async fn found(cx: &Cx, request: &HttpRequest) -> Result<QuotaView, EngineError> {
    let part = |name| request.match_info().get(name).unwrap_or_default();
    let center = id::<DataCenterId>("data center", part("id"))?;
    let quota = id::<QuotaId>("quota", part("quota"))?;
    let view = quotas::get(cx, quota).await?;
    let none = || EngineError::NotFound { kind: "quota", id: quota.to_string() };
    Some(view).filter(|view| view.quota.data_center == center).ok_or_else(none)
}

async fn list(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let center = catalog::data_center(&cx, id("data center", &path)?).await?.id;
        let all = quotas::list(&cx, &ListQuery { max: u32::MAX, ..ListQuery::default() }).await?.rows;
        let own = all.iter().filter(|view| view.quota.data_center == center).map(document);
        Ok(collection("quotas", "quota", own.collect()))
    };
    ok(&request, result.await)
}

async fn get(request: HttpRequest) -> HttpResponse {
    let result = async { Ok(document(&found(&caller(&request).await?, &request).await?)) };
    ok(&request, result.await)
}

async fn add(request: HttpRequest, path: web::Path<String>, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        // Without limits it gives nothing: they are added one by one.
        let fresh = QuotaConfig {
            name: String::new(),
            description: String::new(),
            cluster: Margin::default(),
            storage: Margin::default(),
            clusters: Shares::Each(Vec::new()),
            domains: Shares::Each(Vec::new()),
            person: PersonLimit::default(),
        };
        let new = read(&body(&request, &bytes)?, fresh)?;
        let quota = quotas::add(&cx, id("data center", &path)?, new).await?;
        quotas::get(&cx, quota).await
    };
    match result.await {
        Ok(view) => {
            let mut builder = HttpResponse::Created();
            builder.insert_header((header::LOCATION, href(view.quota.data_center, view.quota.id)));
            wants(&request).write(builder, &document(&view))
        }
        Err(error) => fault::response(&request, &error),
    }
}

async fn update(request: HttpRequest, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let view = found(&cx, &request).await?;
        let new = read(&body(&request, &bytes)?, view.quota.config)?;
        quotas::edit(&cx, view.quota.id, move |_| new).await?;
        Ok(document(&quotas::get(&cx, view.quota.id).await?))
    };
    ok(&request, result.await)
}

async fn remove(request: HttpRequest) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        quotas::remove(&cx, found(&cx, &request).await?.quota.id).await?;
        Ok(actions::complete(None))
    };
    ok(&request, result.await)
}

/// One of a quota's limits.
fn limit(request: &HttpRequest, all: Vec<(ObjectId, Element)>) -> Result<(ObjectId, Element), EngineError> {
    let wanted = id::<ObjectId>("limit", request.match_info().get("limit").unwrap_or_default())?;
    let none = || EngineError::NotFound { kind: "limit", id: wanted.to_string() };
    all.into_iter().find(|(id, _)| *id == wanted).ok_or_else(none)
}

async fn cluster_limits(request: HttpRequest) -> HttpResponse {
    let result = async {
        let all = cluster_elements(&found(&caller(&request).await?, &request).await?);
        let all = all.into_iter().map(|(_, element)| element).collect();
        Ok(collection("quota_cluster_limits", "quota_cluster_limit", all))
    };
    ok(&request, result.await)
}

async fn cluster_limit(request: HttpRequest) -> HttpResponse {
    let result = async {
        let view = found(&caller(&request).await?, &request).await?;
        Ok(limit(&request, cluster_elements(&view))?.1)
    };
    ok(&request, result.await)
}

async fn add_cluster_limit(request: HttpRequest, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let quota = found(&cx, &request).await?.quota.id;
        let (place, new) = cluster_limit_of(&body(&request, &bytes)?)?;
        quotas::edit(&cx, quota, move |c| QuotaConfig { clusters: with(c.clusters, place, new), ..c }).await?;
        let all = cluster_elements(&quotas::get(&cx, quota).await?);
        let wanted = place.map_or(quota.object(), ClusterId::object);
        let own = all.into_iter().find(|(id, _)| *id == wanted);
        own.map(|(_, element)| element).ok_or(EngineError::NotFound { kind: "limit", id: wanted.to_string() })
    };
    created(&request, result.await)
}

async fn remove_cluster_limit(request: HttpRequest) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let view = found(&cx, &request).await?;
        let (own, _) = limit(&request, cluster_elements(&view))?;
        let place = (own != view.quota.id.object()).then_some(ClusterId(own.0));
        quotas::edit(&cx, view.quota.id, move |c| QuotaConfig { clusters: without(c.clusters, place), ..c }).await?;
        Ok(actions::complete(None))
    };
    ok(&request, result.await)
}

async fn storage_limits(request: HttpRequest) -> HttpResponse {
    let result = async {
        let all = storage_elements(&found(&caller(&request).await?, &request).await?);
        let all = all.into_iter().map(|(_, element)| element).collect();
        Ok(collection("quota_storage_limits", "quota_storage_limit", all))
    };
    ok(&request, result.await)
}

async fn storage_limit(request: HttpRequest) -> HttpResponse {
    let result = async {
        let view = found(&caller(&request).await?, &request).await?;
        Ok(limit(&request, storage_elements(&view))?.1)
    };
    ok(&request, result.await)
}

async fn add_storage_limit(request: HttpRequest, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let quota = found(&cx, &request).await?.quota.id;
        let (place, new) = storage_limit_of(&body(&request, &bytes)?)?;
        quotas::edit(&cx, quota, move |c| QuotaConfig { domains: with(c.domains, place, new), ..c }).await?;
        let all = storage_elements(&quotas::get(&cx, quota).await?);
        let wanted = place.map_or(quota.object(), StorageDomainId::object);
        let own = all.into_iter().find(|(id, _)| *id == wanted);
        own.map(|(_, element)| element).ok_or(EngineError::NotFound { kind: "limit", id: wanted.to_string() })
    };
    created(&request, result.await)
}

async fn remove_storage_limit(request: HttpRequest) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let view = found(&cx, &request).await?;
        let (own, _) = limit(&request, storage_elements(&view))?;
        let place = (own != view.quota.id.object()).then_some(StorageDomainId(own.0));
        quotas::edit(&cx, view.quota.id, move |c| QuotaConfig { domains: without(c.domains, place), ..c }).await?;
        Ok(actions::complete(None))
    };
    ok(&request, result.await)
}
