//! Events as pages show them.

use crate::db::schema::event;
use crate::db::{Db, MultiBackend};
use crate::model::clock::Timestamp;
use crate::model::event::{About, EventCode, EventView, Severity};
use crate::model::ids::*;
use diesel::prelude::*;

type Row = (
    (i64, EventCode, Severity, String, String, Timestamp),
    (Option<UserId>, Option<String>, Option<VmId>, Option<String>, Option<HostId>, Option<String>),
    (Option<TemplateId>, Option<String>, Option<PoolId>, Option<String>),
    (Option<ClusterId>, Option<String>, Option<StorageDomainId>, Option<String>),
    (Option<JobId>, String),
);

/// Which events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wanted {
    /// Only those with a greater id, oldest first.
    pub after: Option<i64>,
    /// Only those about this object.
    pub about: Option<ObjectId>,
    pub id: Option<i64>,
    /// Only what this task told.
    pub job: Option<JobId>,
}

/// The newest `limit` events (or the next ones `after`).
pub fn list(db: &mut Db, wanted: Wanted, limit: i64) -> QueryResult<Vec<EventView>> {
    use event as e;
    let mut query = e::table
        .select((
            (e::id, e::code, e::severity, e::message, e::detail, e::time),
            (e::user_id, e::user_name, e::vm_id, e::vm_name, e::host_id, e::host_name),
            (e::template_id, e::template_name, e::vm_pool_id, e::vm_pool_name),
            (e::cluster_id, e::cluster_name, e::storage_domain_id, e::storage_domain_name),
            (e::job_id, e::correlation_id),
        ))
        .limit(limit)
        .into_boxed::<MultiBackend>();
    if let Some(id) = wanted.id {
        query = query.filter(e::id.eq(id));
    }
    if let Some(job) = wanted.job {
        query = query.filter(e::job_id.eq(job));
    }
    if let Some(object) = wanted.about {
        query = query.filter(
            e::vm_id
                .eq(object)
                .or(e::host_id.eq(object))
                .or(e::template_id.eq(object))
                .or(e::vm_pool_id.eq(object))
                .or(e::storage_domain_id.eq(object))
                .or(e::cluster_id.eq(object))
                .or(e::user_id.eq(object)),
        );
    }
    query = match wanted.after {
        Some(after) => query.filter(e::id.gt(after)).order(e::id.asc()),
        None => query.order(e::id.desc()),
    };
    Ok(query.load::<Row>(db)?.into_iter().map(view).collect())
}

/// How many there are.
pub fn count(db: &mut Db) -> QueryResult<i64> {
    event::table.count().get_result(db)
}

fn view(row: Row) -> EventView {
    let ((id, code, severity, message, detail, time), a, b, c, (job, correlation_id)) = row;
    let about = About {
        user: a.0.zip(a.1),
        vm: a.2.zip(a.3),
        host: a.4.zip(a.5),
        template: b.0.zip(b.1),
        pool: b.2.zip(b.3),
        cluster: c.0.zip(c.1),
        storage_domain: c.2.zip(c.3),
    };
    EventView { id, code, severity, message, detail, time, about, job, correlation_id }
}
