//! Lists and details of what is never many: hosts, clusters, data centers, domains, networks, templates, instance types.

use crate::auth;
use crate::db::Db;
use crate::engine::{Cx, EngineError, tags};
use crate::model::cluster::ClusterView;
use crate::model::data_center::DataCenterView;
use crate::model::host::HostView;
use crate::model::ids::{ClusterId, DataCenterId, HostId, NetworkId, ObjectId, StorageDomainId, TemplateId};
use crate::model::instance_type::InstanceTypeView;
use crate::model::mac_pool::MacPoolView;
use crate::model::network::{NetworkView, VnicProfileView};
use crate::model::page::{ListQuery, Page};
use crate::model::search::{Field, Value, select};
use crate::model::storage_domain::StorageDomainView;
use crate::model::template::TemplateView;
use crate::store::scope::Scope;
use crate::store::{catalog, hosts as store_hosts, templates as store_templates};
use diesel::QueryResult;
use std::collections::HashMap;

/// All of a kind that the actor may see.
async fn visible<T: Send + 'static>(
    cx: &Cx,
    list: fn(&mut Db, &Scope) -> QueryResult<Vec<T>>,
) -> Result<Vec<T>, EngineError> {
    let actor = cx.actor.clone();
    cx.engine
        .db
        .read(move |db| {
            let scope = auth::visible(db, &actor)?;
            Ok(list(db, &scope)?)
        })
        .await
}

/// One of a kind; hidden and missing are the same.
async fn one<T: Send + 'static>(
    cx: &Cx,
    list: fn(&mut Db, &Scope) -> QueryResult<Vec<T>>,
    kind: &'static str,
    id: uuid::Uuid,
    is: impl Fn(&T) -> bool,
) -> Result<T, EngineError> {
    let found = visible(cx, list).await?.into_iter().find(is);
    found.ok_or_else(|| EngineError::NotFound { kind, id: id.to_string() })
}

/// The tags that each is found by; asked for only where something is searched.
async fn found_by(
    cx: &Cx,
    query: &ListQuery,
    objects: impl Iterator<Item = ObjectId>,
) -> Result<HashMap<ObjectId, Vec<String>>, EngineError> {
    if query.search.is_empty() { Ok(HashMap::new()) } else { tags::found_by(cx, objects.collect()).await }
}

fn text(text: impl ToString) -> Value {
    Value::Text(text.to_string())
}

fn number(number: impl TryInto<i64>) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "compared and sorted only")]
    Value::Number(number.try_into().unwrap_or(i64::MAX) as f64)
}

/// The fields of a list: `name => |row| value`.
macro_rules! fields {
    ($type:ty: $($name:literal => $get:expr,)+) => {
        [$(Field { name: $name, get: { let get: fn(&$type) -> Value = $get; get } }),+]
    };
}

/// The hosts the actor may see.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn hosts(cx: &Cx, query: &ListQuery) -> Result<Page<HostView>, EngineError> {
    let mut rows = visible(cx, store_hosts::list::list).await?;
    rows.iter_mut().for_each(|host| host.load = cx.engine.live.host(host.id));
    let mut found_by = found_by(cx, query, rows.iter().map(|h| h.id.object())).await?;
    rows.iter_mut().for_each(|host| host.tags = found_by.remove(&host.id.object()).unwrap_or_default());
    let fields = fields! { HostView:
        "name" => |h| text(&h.name), "status" => |h| text(h.status), "cluster" => |h| text(&h.cluster_name),
        "datacenter" => |h| text(&h.data_center_name), "address" => |h| text(&h.address), "comment" => |h| text(&h.comment),
        "id" => |h| text(h.id), "memory" => |h| number(h.facts.memory_mib), "cpus" => |h| number(h.facts.cpus()),
        "vms" => |h| number(h.active_vms), "tag" => |h| Value::Texts(h.tags.clone()),
    };
    Ok(select(rows, "Hosts", &fields, query)?)
}

/// One of them.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn host(cx: &Cx, id: HostId) -> Result<HostView, EngineError> {
    let mut host = one(cx, store_hosts::list::list, "host", id.0, |h| h.id == id).await?;
    host.load = cx.engine.live.host(id);
    Ok(host)
}

/// The clusters the actor may see.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn clusters(cx: &Cx, query: &ListQuery) -> Result<Page<ClusterView>, EngineError> {
    let fields = fields! { ClusterView:
        "name" => |c| text(&c.name), "description" => |c| text(&c.description), "comment" => |c| text(&c.comment),
        "datacenter" => |c| text(&c.data_center_name), "compatibility" => |c| text(&c.compatibility), "id" => |c| text(c.id),
        "hosts" => |c| number(c.hosts), "vms" => |c| number(c.vms),
    };
    Ok(select(visible(cx, catalog::clusters).await?, "Clusters", &fields, query)?)
}

/// One of them.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn cluster(cx: &Cx, id: ClusterId) -> Result<ClusterView, EngineError> {
    one(cx, catalog::clusters, "cluster", id.0, |c| c.id == id).await
}

/// The data centers the actor may see.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn data_centers(cx: &Cx, query: &ListQuery) -> Result<Page<DataCenterView>, EngineError> {
    let fields = fields! { DataCenterView:
        "name" => |d| text(&d.name), "description" => |d| text(&d.description), "comment" => |d| text(&d.comment),
        "status" => |d| text(d.status), "compatibility" => |d| text(&d.compatibility), "id" => |d| text(d.id),
        "type" => |d| text(if d.local { "local" } else { "shared" }),
    };
    Ok(select(visible(cx, catalog::data_centers).await?, "Datacenters", &fields, query)?)
}

/// One of them.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn data_center(cx: &Cx, id: DataCenterId) -> Result<DataCenterView, EngineError> {
    one(cx, catalog::data_centers, "data center", id.0, |d| d.id == id).await
}

/// The storage domains the actor may see.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn storage_domains(cx: &Cx, query: &ListQuery) -> Result<Page<StorageDomainView>, EngineError> {
    let fields = fields! { StorageDomainView:
        "name" => |s| text(&s.name), "description" => |s| text(&s.description), "comment" => |s| text(&s.comment),
        "status" => |s| text(s.status), "type" => |s| text(s.kind), "storage" => |s| text(s.storage_type),
        "datacenter" => |s| text(&s.data_center_name), "id" => |s| text(s.id), "size" => |s| number(s.total_bytes),
        "available" => |s| number(s.available_bytes), "committed" => |s| number(s.committed_bytes),
    };
    Ok(select(visible(cx, catalog::storage_domains).await?, "Storage", &fields, query)?)
}

/// One of them.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn storage_domain(cx: &Cx, id: StorageDomainId) -> Result<StorageDomainView, EngineError> {
    one(cx, catalog::storage_domains, "storage domain", id.0, |s| s.id == id).await
}

/// The networks the actor may see.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn networks(cx: &Cx, query: &ListQuery) -> Result<Page<NetworkView>, EngineError> {
    let fields = fields! { NetworkView:
        "name" => |n| text(&n.name), "description" => |n| text(&n.description), "comment" => |n| text(&n.comment),
        "datacenter" => |n| text(&n.data_center_name), "id" => |n| text(n.id), "mtu" => |n| number(n.mtu),
        "vlanid" => |n| n.vlan_id.map_or(text(""), number),
    };
    Ok(select(visible(cx, catalog::networks).await?, "Networks", &fields, query)?)
}

/// One of them.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn network(cx: &Cx, id: NetworkId) -> Result<NetworkView, EngineError> {
    one(cx, catalog::networks, "network", id.0, |n| n.id == id).await
}

/// The templates the actor may see.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn templates(cx: &Cx, query: &ListQuery) -> Result<Page<TemplateView>, EngineError> {
    let mut rows = visible(cx, store_templates::list).await?;
    let mut found_by = found_by(cx, query, rows.iter().map(|t| t.id.object())).await?;
    rows.iter_mut().for_each(|template| template.tags = found_by.remove(&template.id.object()).unwrap_or_default());
    let fields = fields! { TemplateView:
        "name" => |t| text(&t.version.base_name), "description" => |t| text(&t.description), "comment" => |t| text(&t.comment),
        "version" => |t| number(t.version.number), "versionname" => |t| text(&t.version.name),
        "status" => |t| text(t.status), "cluster" => |t| text(&t.cluster_name), "datacenter" => |t| text(&t.data_center_name),
        "os" => |t| text(&t.os), "type" => |t| text(t.kind), "id" => |t| text(t.id), "vms" => |t| number(t.vms),
        "memory" => |t| number(t.hardware.memory_mib), "cpus" => |t| number(t.hardware.vcpus()),
        "creationdate" => |t| text(t.created), "tag" => |t| Value::Texts(t.tags.clone()),
    };
    Ok(select(rows, "Templates", &fields, query)?)
}

/// One of them.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn template(cx: &Cx, id: TemplateId) -> Result<TemplateView, EngineError> {
    let actor = cx.actor.clone();
    let none = move || EngineError::NotFound { kind: "template", id: id.to_string() };
    cx.engine
        .db
        .read(move |db| {
            auth::see(db, &actor, id.object())?;
            store_templates::get(db, id)?.ok_or_else(none)
        })
        .await
}

/// vNIC profiles the actor may see.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn vnic_profiles(cx: &Cx) -> Result<Vec<VnicProfileView>, EngineError> {
    visible(cx, catalog::vnic_profiles).await
}

/// MAC pools.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn mac_pools(cx: &Cx) -> Result<Vec<MacPoolView>, EngineError> {
    let actor = cx.actor.clone();
    cx.engine
        .db
        .read(move |db| {
            let mut seen = Vec::new();
            for pool in catalog::mac_pools(db)? {
                if auth::see(db, &actor, pool.id.object()).is_ok() {
                    seen.push(pool);
                }
            }
            Ok(seen)
        })
        .await
}

/// Instance types the actor may use.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn instance_types(cx: &Cx) -> Result<Vec<InstanceTypeView>, EngineError> {
    visible(cx, catalog::instance_types).await
}
