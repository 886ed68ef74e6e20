//! VMs as lists show them: one query a page, whatever the search, and one for the count.

use crate::db::Db;
use crate::db::dialect::DynamicQuery;
use crate::model::clock::Timestamp;
use crate::model::conflict::Holder;
use crate::model::ids::*;
use crate::model::page::{ListQuery, Page};
use crate::model::search::{self, Criterion, Join, Op, Search, SearchError};
use crate::model::vm::{Display, VmLoad, VmRow, VmStatus};
use crate::store::catalog::unsigned;
use crate::store::scope::Scope;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text, Timestamp as SqlTimestamp};

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
    #[diesel(sql_type = Nullable<SqlTimestamp>)]
    started: Option<Timestamp>,
}

/// Left joins, also where there always is a row: databases leave out those whose columns nobody asks for (a count's).
const FROM: &str = " from vm join vm_run r on r.vm_id = vm.id left join cluster c on c.id = vm.cluster_id \
    left join data_center dc on dc.id = c.data_center_id left join template t on t.id = vm.template_id \
    left join vm_pool p on p.id = vm.vm_pool_id left join host h on h.id = r.host_id";
const LOCKS: &str = " left join job_lock l on l.object_id = vm.id left join job j on j.id = l.job_id";
const COLUMNS: &str = "select vm.id, vm.name, vm.comment, vm.description, r.status, r.status_reason, \
    c.id as cluster, c.name as cluster_name, dc.name as data_center_name, t.id as template, t.name as template_name, \
    p.id as pool, p.name as pool_name, h.id as host, h.name as host_name, vm.memory_mib, \
    vm.sockets * vm.cores * vm.threads as vcpus, vm.display, vm.delete_protected, vm.stateless, r.addresses, r.fqdn, \
    j.kind as job_kind, j.subject as job_subject, r.started";

/// oVirt's search fields and the columns they are.
const TEXTS: &[(&str, &str)] = &[
    ("name", "vm.name"),
    ("description", "vm.description"),
    ("comment", "vm.comment"),
    ("status", "r.status"),
    ("cluster", "c.name"),
    ("datacenter", "dc.name"),
    ("host", "h.name"),
    ("template", "t.name"),
    ("pool", "p.name"),
    ("ip", "r.addresses"),
    ("fqdn", "r.fqdn"),
    ("os", "vm.os"),
    ("type", "vm.kind"),
    ("id", "vm.id"),
];
const NUMBERS: &[(&str, &str)] = &[("memory", "vm.memory_mib"), ("cpus", "vm.sockets * vm.cores * vm.threads")];
/// Sorted by, not searched.
const SORTS: &[(&str, &str)] = &[("uptime", "r.started"), ("creationdate", "vm.created"), ("display", "vm.display")];

/// Names of the fields, for suggestions and messages.
pub fn fields() -> Vec<&'static str> {
    TEXTS.iter().chain(NUMBERS).map(|f| f.0).collect()
}

/// A page of VMs in scope that match.
///
/// # Errors
/// The search is not understood, or the database failed.
pub fn list(db: &mut Db, scope: &Scope, query: &ListQuery) -> Result<Page<VmRow>, ListError> {
    let search = Search::parse(&query.search, "Vms")?;
    let (page, per_page) = search::paging(&search, query);
    let mut count = DynamicQuery::new("select count(*) as n");
    // Without a condition the count needs no joins.
    count.push(if search.criteria.is_empty() { " from vm" } else { FROM });
    conditions(&mut count, scope, &search)?;
    let total = count.count(db)?;
    let mut rows = DynamicQuery::new(COLUMNS);
    rows.push(FROM).push(LOCKS);
    conditions(&mut rows, scope, &search)?;
    order(&mut rows, &search, query)?;
    rows.push(&format!(" limit {per_page} offset {}", (u64::from(page) - 1) * u64::from(per_page)));
    let rows: Vec<Row> = rows.load(db)?;
    Ok(Page { rows: rows.into_iter().map(view).collect(), total: unsigned(total), page, per_page, fields: fields() })
}

fn order(q: &mut DynamicQuery, search: &Search, query: &ListQuery) -> Result<(), SearchError> {
    let (by, desc) = search::sorting(search, query);
    let column = TEXTS.iter().chain(NUMBERS).chain(SORTS).find(|f| f.0 == by).ok_or_else(|| unknown(&by))?.1;
    let way = if desc { "desc" } else { "asc" };
    if by == "name" {
        q.push(&format!(" order by lower(vm.name) {way}"));
    } else {
        q.push(&format!(" order by {column} {way}, lower(vm.name)"));
    }
    Ok(())
}

fn unknown(word: &str) -> SearchError {
    SearchError::UnknownField { word: word.to_owned(), known: fields().join(", ") }
}

fn conditions(q: &mut DynamicQuery, scope: &Scope, search: &Search) -> Result<(), SearchError> {
    q.push(" where ");
    scope_condition(q, scope);
    if search.criteria.is_empty() {
        return Ok(());
    }
    // Left to right without precedence, as oVirt reads it: one bracket per criterion.
    q.push(" and ").push(&"(".repeat(search.criteria.len()));
    for (i, (join, criterion)) in search.criteria.iter().enumerate() {
        if i > 0 {
            q.push(if *join == Join::And { " and " } else { " or " });
        }
        condition(q, criterion)?;
        q.push(")");
    }
    Ok(())
}

/// `vm.id` is in scope.
pub(super) fn scope_condition(q: &mut DynamicQuery, scope: &Scope) {
    let Scope::Some { trees, single } = scope else {
        q.push("true");
        return;
    };
    q.push("(vm.id in (select object_id from object_ancestor where ancestor_id in (");
    q.bind_all(trees.iter().map(ToString::to_string));
    q.push(")) or vm.id in (");
    q.bind_all(single.iter().map(ToString::to_string));
    q.push("))");
}

fn condition(q: &mut DynamicQuery, criterion: &Criterion) -> Result<(), SearchError> {
    match criterion {
        Criterion::Free(text) => {
            q.push("(");
            for (i, (_, column)) in TEXTS.iter().enumerate() {
                if i > 0 {
                    q.push(" or ");
                }
                like(q, column, &format!("*{text}*"));
            }
            q.push(")");
        }
        Criterion::Field { field, op, value } => {
            if let Some((_, column)) = TEXTS.iter().find(|f| f.0 == *field) {
                text_condition(q, column, *op, value);
            } else if let Some((_, column)) = NUMBERS.iter().find(|f| f.0 == *field) {
                let bad = |_| SearchError::NotANumber { field: field.clone(), value: value.clone() };
                let number: i64 = value.parse().map_err(bad)?;
                q.push(&format!("{column} {} {number}", sign(*op)));
            } else {
                return Err(unknown(field));
            }
        }
    }
    Ok(())
}

const fn sign(op: Op) -> &'static str {
    match op {
        Op::Is => "=",
        Op::IsNot => "<>",
        Op::Less => "<",
        Op::LessOrEqual => "<=",
        Op::Greater => ">",
        Op::GreaterOrEqual => ">=",
    }
}

fn text_condition(q: &mut DynamicQuery, column: &str, op: Op, value: &str) {
    let value = if column == "r.status" { status_word(value) } else { value.to_owned() };
    match op {
        Op::Is => like(q, column, &value),
        Op::IsNot => {
            q.push("not ");
            like(q, column, &value);
        }
        _ => {
            q.push(&format!("lower({column}) {} ", sign(op)));
            q.bind(value.to_lowercase());
        }
    }
}

/// oVirt takes `PoweringUp` as well as `powering_up`.
fn status_word(word: &str) -> String {
    let plain = |w: &str| w.replace('_', "").to_lowercase();
    VmStatus::ALL
        .iter()
        .find(|s| plain(s.as_str()) == plain(word))
        .map_or_else(|| word.to_owned(), |s| s.as_str().to_owned())
}

fn like(q: &mut DynamicQuery, column: &str, pattern: &str) {
    let pattern = pattern.to_lowercase();
    // What is always there and in lower case is compared as it stands: that is several times as quick over many rows.
    let text = match column {
        "r.status" => column.to_owned(),
        "h.name" | "p.name" => format!("lower(coalesce({column}, ''))"),
        _ => format!("lower({column})"),
    };
    if !pattern.contains('*') {
        q.push(&format!("{text} = "));
        q.bind(pattern);
        return;
    }
    q.push(&format!("{text} like "));
    q.bind(pattern.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_").replace('*', "%"));
    q.push(" escape '\\'");
}

fn view(row: Row) -> VmRow {
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
        display: row.display,
        delete_protected: row.delete_protected,
        stateless: row.stateless,
        addresses: serde_json::from_str(&row.addresses).unwrap_or_default(),
        fqdn: row.fqdn,
        locked_by,
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
    Ok(q.load::<Row>(db)?.pop().map(view))
}

/// A pool's VMs in scope.
pub fn of_pool(db: &mut Db, scope: &Scope, pool: PoolId) -> QueryResult<Vec<VmRow>> {
    let mut q = DynamicQuery::new(COLUMNS);
    q.push(FROM).push(LOCKS).push(" where ");
    scope_condition(&mut q, scope);
    q.push(" and vm.vm_pool_id = ");
    q.bind(pool.to_string());
    q.push(" order by lower(vm.name)");
    Ok(q.load::<Row>(db)?.into_iter().map(view).collect())
}
