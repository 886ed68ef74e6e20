//! VMs as lists show them: which they are is found first, in as few columns as the search needs, then their rows are read.

use crate::db::Db;
use crate::db::dialect::DynamicQuery;
use crate::model::clock::Timestamp;
use crate::model::conflict::Holder;
use crate::model::icon::Icons;
use crate::model::ids::*;
use crate::model::page::{ListQuery, Page};
use crate::model::search::{self, Search, SearchError};
use crate::model::vm::{Display, VmLoad, VmRow, VmStatus};
use crate::model::vm_settings::Screens;
use crate::store::catalog::unsigned;
use crate::store::icons;
use crate::store::scope::Scope;
use crate::store::vms::search::{conditions, fields, order, scope_condition};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text, Timestamp as SqlTimestamp};
use std::collections::HashMap;

/// The search was not understood, or the database failed.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    #[error(transparent)]
    Search(#[from] SearchError),
    #[error("the database refused a query")]
    Query(#[from] diesel::result::Error),
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    id: VmId,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    comment: String,
    #[diesel(sql_type = Text)]
    description: String,
    #[diesel(sql_type = Text)]
    status: VmStatus,
    #[diesel(sql_type = Text)]
    status_reason: String,
    #[diesel(sql_type = Text)]
    cluster: ClusterId,
    #[diesel(sql_type = Text)]
    cluster_name: String,
    #[diesel(sql_type = Text)]
    data_center_name: String,
    #[diesel(sql_type = Text)]
    template: TemplateId,
    #[diesel(sql_type = Text)]
    template_name: String,
    #[diesel(sql_type = Nullable<Text>)]
    pool: Option<PoolId>,
    #[diesel(sql_type = Nullable<Text>)]
    pool_name: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    host: Option<HostId>,
    #[diesel(sql_type = Nullable<Text>)]
    host_name: Option<String>,
    #[diesel(sql_type = BigInt)]
    memory_mib: i64,
    #[diesel(sql_type = Integer)]
    vcpus: i32,
    #[diesel(sql_type = Text)]
    display: Display,
    #[diesel(sql_type = Bool)]
    delete_protected: bool,
    #[diesel(sql_type = Bool)]
    stateless: bool,
    #[diesel(sql_type = Text)]
    addresses: String,
    #[diesel(sql_type = Text)]
    fqdn: String,
    #[diesel(sql_type = Nullable<Text>)]
    job_kind: Option<crate::model::job::JobKind>,
    #[diesel(sql_type = Nullable<Text>)]
    job_subject: Option<String>,
    #[diesel(sql_type = Bool)]
    waits: bool,
    #[diesel(sql_type = Text)]
    os: String,
    #[diesel(sql_type = Text)]
    launched: String,
    #[diesel(sql_type = Nullable<SqlTimestamp>)]
    started: Option<Timestamp>,
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Text)]
    id: VmId,
}

/// So many matches are looked for beyond the page: if there are fewer, nothing need be counted.
const AHEAD: u64 = 500;

const FROM: &str = " from vm join vm_run r on r.vm_id = vm.id left join cluster c on c.id = vm.cluster_id \
    left join data_center dc on dc.id = c.data_center_id left join template t on t.id = vm.template_id \
    left join vm_pool p on p.id = vm.vm_pool_id left join host h on h.id = r.host_id";
const LOCKS: &str = " left join job_lock l on l.object_id = vm.id left join job j on j.id = l.job_id";
const COLUMNS: &str = "select vm.id, vm.name, vm.comment, vm.description, r.status, r.status_reason, \
    c.id as cluster, c.name as cluster_name, dc.name as data_center_name, t.id as template, t.name as template_name, \
    p.id as pool, p.name as pool_name, h.id as host, h.name as host_name, vm.memory_mib, \
    vm.sockets * vm.cores * vm.threads as vcpus, vm.display, vm.delete_protected, vm.stateless, r.addresses, r.fqdn, \
    j.kind as job_kind, j.subject as job_subject, r.waits, vm.os, r.launched, r.started";

/// A page of VMs in scope that match.
///
/// # Errors
/// The search is not understood, or the database failed.
pub fn list(db: &mut Db, scope: &Scope, query: &ListQuery) -> Result<Page<VmRow>, ListError> {
    let search = Search::parse(&query.search, "Vms")?;
    let (page, per_page) = search::paging(&search, query);
    let skipped = (u64::from(page) - 1) * u64::from(per_page);
    let ahead = skipped + u64::from(per_page) + AHEAD;
    let mut found = DynamicQuery::new("select vm.id from vm cross join vm_run r where r.vm_id = vm.id and ");
    conditions(&mut found, scope, &search)?;
    order(&mut found, &search, query)?;
    found.push(&format!(" limit {ahead}"));
    let found: Vec<Found> = found.load(db)?;
    let total = if (found.len() as u64) < ahead { found.len() as u64 } else { count(db, scope, &search)? };
    let shown = found.iter().map(|f| f.id).skip(usize::try_from(skipped).unwrap_or(usize::MAX)).take(per_page as usize);
    Ok(Page { rows: rows(db, &shown.collect::<Vec<_>>())?, total, page, per_page, fields: fields() })
}

fn count(db: &mut Db, scope: &Scope, search: &Search) -> Result<u64, ListError> {
    let all = search.criteria.is_empty();
    let mut count = DynamicQuery::new("select count(*) as n from vm ");
    count.push(if all { "where " } else { "cross join vm_run r where r.vm_id = vm.id and " });
    conditions(&mut count, scope, search)?;
    Ok(unsigned(count.count(db)?))
}

/// These VMs, in this order.
fn rows(db: &mut Db, ids: &[VmId]) -> QueryResult<Vec<VmRow>> {
    let mut q = DynamicQuery::new(COLUMNS);
    q.push(FROM).push(LOCKS).push(" where vm.id in (");
    q.bind_all(ids.iter().map(ToString::to_string));
    q.push(")");
    let found = views(db, q)?;
    let mut found: HashMap<VmId, VmRow> = found.into_iter().map(|row| (row.id, row)).collect();
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

/// The rows, each with the picture that it or its template was given.
fn views(db: &mut Db, query: DynamicQuery) -> QueryResult<Vec<VmRow>> {
    let mut rows: Vec<VmRow> = query.load::<Row>(db)?.into_iter().map(view).collect();
    let mut objects: Vec<ObjectId> = rows.iter().flat_map(|row| [row.id.object(), row.template.object()]).collect();
    objects.sort();
    objects.dedup();
    let given: HashMap<ObjectId, Icons> = icons::of_all(db, &objects)?.into_iter().collect();
    for row in &mut rows {
        let own = given.get(&row.id.object()).or_else(|| given.get(&row.template.object()));
        row.icons = own.copied().unwrap_or(row.icons);
    }
    Ok(rows)
}

fn view(row: Row) -> VmRow {
    let screens = Some(&row.launched).filter(|_| row.status.is_running()).and_then(|text| Screens::of(text));
    let locked_by = row.job_kind.map(|kind| Holder::Job { kind, subject: row.job_subject.unwrap_or_default() });
    VmRow {
        id: row.id,
        name: row.name,
        comment: row.comment,
        description: row.description,
        status: row.status,
        status_reason: row.status_reason,
        cluster: row.cluster,
        cluster_name: row.cluster_name,
        data_center_name: row.data_center_name,
        template: row.template,
        template_name: row.template_name,
        pool: row.pool,
        pool_name: row.pool_name,
        host: row.host,
        host_name: row.host_name,
        memory_mib: unsigned(row.memory_mib),
        vcpus: unsigned(row.vcpus),
        display: screens.map_or(row.display, Screens::display),
        serial: screens.is_none_or(Screens::serial),
        icons: Icons::of_system(&row.os),
        delete_protected: row.delete_protected,
        stateless: row.stateless,
        addresses: serde_json::from_str(&row.addresses).unwrap_or_default(),
        fqdn: row.fqdn,
        locked_by,
        waits: row.waits,
        started: row.started,
        load: VmLoad::default(),
        can: Vec::new(),
    }
}

/// One VM as lists show it.
pub fn row(db: &mut Db, id: VmId) -> QueryResult<Option<VmRow>> {
    let mut q = DynamicQuery::new(COLUMNS);
    q.push(FROM).push(LOCKS).push(" where vm.id = ");
    q.bind(id.to_string());
    Ok(views(db, q)?.pop())
}

/// A pool's VMs in scope.
pub fn of_pool(db: &mut Db, scope: &Scope, pool: PoolId) -> QueryResult<Vec<VmRow>> {
    let mut q = DynamicQuery::new(COLUMNS);
    q.push(FROM).push(LOCKS).push(" where ");
    scope_condition(&mut q, scope);
    q.push(" and vm.vm_pool_id = ");
    q.bind(pool.to_string());
    q.push(" order by lower(vm.name)");
    views(db, q)
}
