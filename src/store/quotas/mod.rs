//! Quotas, what was chosen for what, and what is used of them.

mod uses;
mod write;

pub use uses::{Wanted, disks, uses, vms};
pub use write::{insert, remove, update};

use crate::db::schema::{data_center, object_ancestor, quota, quota_choice, quota_cluster_limit, quota_storage_limit};
use crate::db::{Db, MultiBackend};
use crate::model::clock::Timestamp;
use crate::model::ids::*;
use crate::model::permission::ObjectKind;
use crate::model::predefined_roles::QUOTA_CONSUMER;
use crate::model::quota::*;
use crate::store::catalog::unsigned;
use crate::store::permissions;
use crate::store::scope::{Scope, within};
use diesel::prelude::*;
use std::collections::HashMap;

type Row = (
    (QuotaId, DataCenterId, String, QuotaMode),
    (String, String, bool),
    (i32, i32, i32, i32),
    (Option<i64>, Option<i64>, Option<i64>),
);

/// The quotas in scope: those of a data center together, the default one first.
pub fn list(db: &mut Db, scope: &Scope) -> QueryResult<Vec<Quota>> {
    let query = quota::table
        .inner_join(data_center::table)
        .select((
            (quota::id, data_center::id, data_center::name, data_center::quota_mode),
            (quota::name, quota::description, quota::is_default),
            (quota::threshold_cluster, quota::grace_cluster, quota::threshold_storage, quota::grace_storage),
            (quota::person_vcpus, quota::person_memory_mib, quota::person_storage_gib),
        ))
        .order((data_center::name, quota::is_default.desc(), quota::name))
        .into_boxed::<MultiBackend>();
    let rows: Vec<Row> = within!(query, quota::id, scope).load(db)?;
    let mut clusters = cluster_limits(db)?;
    let mut domains = storage_limits(db)?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let id = row.0.0;
            let (clusters, domains) = (clusters.remove(&id), domains.remove(&id));
            view(row, clusters.unwrap_or_default(), domains.unwrap_or_default())
        })
        .collect())
}

type ClusterRows = Vec<(Option<ClusterId>, ClusterLimit)>;
type DomainRows = Vec<(Option<StorageDomainId>, Option<u64>)>;

fn cluster_limits(db: &mut Db) -> QueryResult<HashMap<QuotaId, ClusterRows>> {
    use quota_cluster_limit as l;
    type Row = (QuotaId, Option<ClusterId>, Option<i64>, Option<i64>);
    let rows: Vec<Row> =
        l::table.order(l::id).select((l::quota_id, l::cluster_id, l::vcpus, l::memory_mib)).load(db)?;
    let mut all: HashMap<QuotaId, ClusterRows> = HashMap::new();
    for (quota, cluster, vcpus, memory) in rows {
        let limit = ClusterLimit { vcpus: vcpus.map(unsigned), memory_mib: memory.map(unsigned) };
        all.entry(quota).or_default().push((cluster, limit));
    }
    Ok(all)
}

fn storage_limits(db: &mut Db) -> QueryResult<HashMap<QuotaId, DomainRows>> {
    use quota_storage_limit as l;
    let rows: Vec<(QuotaId, Option<StorageDomainId>, Option<i64>)> =
        l::table.order(l::id).select((l::quota_id, l::storage_domain_id, l::gib)).load(db)?;
    let mut all: HashMap<QuotaId, DomainRows> = HashMap::new();
    for (quota, domain, gib) in rows {
        all.entry(quota).or_default().push((domain, gib.map(unsigned)));
    }
    Ok(all)
}

fn shares<Id, Limit: Copy>(rows: Vec<(Option<Id>, Limit)>) -> Shares<Id, Limit> {
    match rows.iter().find(|(place, _)| place.is_none()) {
        Some((_, limit)) => Shares::All(*limit),
        None => Shares::Each(rows.into_iter().filter_map(|(place, limit)| Some((place?, limit))).collect()),
    }
}

fn view(row: Row, clusters: ClusterRows, domains: DomainRows) -> Quota {
    let ((id, data_center, data_center_name, mode), (name, description, is_default), margins, person) = row;
    let margin = |threshold: i32, grace: i32| Margin { threshold: unsigned(threshold), grace: unsigned(grace) };
    let config = QuotaConfig {
        name,
        description,
        cluster: margin(margins.0, margins.1),
        storage: margin(margins.2, margins.3),
        clusters: shares(clusters),
        domains: shares(domains),
        person: PersonLimit {
            vcpus: person.0.map(unsigned),
            memory_mib: person.1.map(unsigned),
            storage_gib: person.2.map(unsigned),
        },
    };
    Quota { id, data_center, data_center_name, mode, is_default, config }
}

/// One of them.
pub fn get(db: &mut Db, id: QuotaId) -> QueryResult<Option<Quota>> {
    let scope = Scope::Some { trees: Vec::new(), single: vec![id.object()] };
    Ok(list(db, &scope)?.pop())
}

/// The quota that everything counts on for which none was chosen.
pub fn default_of(db: &mut Db, data_center: DataCenterId) -> QueryResult<QuotaId> {
    quota::table.filter(quota::data_center_id.eq(data_center)).filter(quota::is_default).select(quota::id).first(db)
}

/// The quota of that name.
pub fn by_name(db: &mut Db, data_center: DataCenterId, name: &str) -> QueryResult<Option<QuotaId>> {
    quota::table
        .filter(quota::data_center_id.eq(data_center))
        .filter(quota::name.eq(name))
        .select(quota::id)
        .first(db)
        .optional()
}

/// Gives each data center that has none its default quota, which everybody may use.
pub fn defaults(db: &mut Db, now: Timestamp) -> QueryResult<()> {
    let served: Vec<DataCenterId> = quota::table.filter(quota::is_default).select(quota::data_center_id).load(db)?;
    let all: Vec<DataCenterId> = data_center::table.select(data_center::id).load(db)?;
    for center in all.into_iter().filter(|center| !served.contains(center)) {
        let config = QuotaConfig {
            name: "Default".to_owned(),
            description: String::new(),
            cluster: Margin::default(),
            storage: Margin::default(),
            clusters: Shares::All(ClusterLimit::default()),
            domains: Shares::All(None),
            person: PersonLimit::default(),
        };
        let id = QuotaId::random();
        insert(db, id, center, &config, true)?;
        permissions::grant(db, QUOTA_CONSUMER, EVERYONE.into(), ObjectKind::Quota, id.object(), now)?;
    }
    Ok(())
}

/// Some data center's quotas count.
pub fn in_use(db: &mut Db) -> QueryResult<bool> {
    let one: Option<DataCenterId> = data_center::table
        .filter(data_center::quota_mode.ne(QuotaMode::Disabled))
        .select(data_center::id)
        .first(db)
        .optional()?;
    Ok(one.is_some())
}

/// The data center of a VM, a pool, a template or a disk; none: it is in none.
pub fn center_of(db: &mut Db, object: ObjectId) -> QueryResult<Option<DataCenterId>> {
    object_ancestor::table
        .inner_join(data_center::table.on(data_center::id.eq(object_ancestor::ancestor_id)))
        .filter(object_ancestor::object_id.eq(object))
        .select(data_center::id)
        .first(db)
        .optional()
}

/// Whether a data center's quotas count.
pub fn mode_of(db: &mut Db, id: DataCenterId) -> QueryResult<Option<QuotaMode>> {
    data_center::table.find(id).select(data_center::quota_mode).first(db).optional()
}

/// Changes it; false: there is no such data center.
pub fn set_mode(db: &mut Db, id: DataCenterId, mode: QuotaMode) -> QueryResult<bool> {
    Ok(diesel::update(data_center::table.find(id)).set(data_center::quota_mode.eq(mode)).execute(db)? == 1)
}

/// Whoever asks for something of it next waits until this transaction has ended: nobody counts what another is about to take.
pub fn queue_up(db: &mut Db, id: QuotaId) -> QueryResult<()> {
    diesel::update(quota::table.find(id)).set(quota::id.eq(quota::id)).execute(db).map(drop)
}

/// Chooses what a VM, a pool, a template or a disk counts on; none: the default one, and a disk on what it belongs to counts on.
pub fn choose(db: &mut Db, object: ObjectId, chosen: Option<QuotaId>) -> QueryResult<()> {
    diesel::delete(quota_choice::table.find(object)).execute(db)?;
    if let Some(quota) = chosen {
        diesel::insert_into(quota_choice::table)
            .values((quota_choice::object_id.eq(object), quota_choice::quota_id.eq(quota)))
            .execute(db)?;
    }
    Ok(())
}

/// What belongs to a pool no more counts on what the pool counts on.
pub fn inherit(db: &mut Db, from: ObjectId, to: ObjectId) -> QueryResult<()> {
    let quota = chosen(db, &[from])?.remove(&from).map(|chosen| chosen.quota);
    choose(db, to, quota)
}

/// A disk goes on to count on what it counts on, whatever it belongs to.
pub fn keep(db: &mut Db, disk: DiskId) -> QueryResult<()> {
    if let Some(found) = disks(db, Wanted::Disk(disk))?.pop() {
        let default: bool = quota::table.find(found.quota).select(quota::is_default).first(db)?;
        choose(db, disk.object(), (!default).then_some(found.quota))?;
    }
    Ok(())
}

/// So many are asked for by name; of more, all are read.
const FEW: usize = 500;

/// What was chosen for these.
pub fn chosen(db: &mut Db, objects: &[ObjectId]) -> QueryResult<HashMap<ObjectId, Chosen>> {
    let query = quota_choice::table
        .inner_join(quota::table.on(quota::id.eq(quota_choice::quota_id)))
        .select((quota_choice::object_id, quota::id, quota::name, quota::data_center_id))
        .into_boxed::<MultiBackend>();
    let query = if objects.len() > FEW { query } else { query.filter(quota_choice::object_id.eq_any(objects)) };
    let rows: Vec<(ObjectId, QuotaId, String, DataCenterId)> = query.load(db)?;
    let chosen = |(object, quota, name, data_center)| (object, Chosen { quota, name, data_center });
    Ok(rows.into_iter().map(chosen).collect())
}

/// Objects for which this quota was chosen.
pub fn chosen_by(db: &mut Db, id: QuotaId) -> QueryResult<Vec<ObjectId>> {
    quota_choice::table.filter(quota_choice::quota_id.eq(id)).select(quota_choice::object_id).load(db)
}
