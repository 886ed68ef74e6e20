//! Keeping events.

use crate::db::Db;
use crate::db::schema::{counter, event};
use crate::model::clock::Timestamp;
use crate::model::event::{About, EventCode};
use crate::model::ids::JobId;
use diesel::prelude::*;

/// An event to be kept.
#[derive(Debug, Clone)]
pub struct NewEvent<'a> {
    pub code: EventCode,
    pub message: &'a str,
    pub detail: &'a str,
    pub time: Timestamp,
    pub about: &'a About,
    pub job: Option<JobId>,
    pub correlation_id: &'a str,
}

/// Keeps an event; answers its number. Numbers grow in the order of commits, so who asks for those after the last one he has
/// seen misses none.
pub fn insert(db: &mut Db, new: &NewEvent<'_>) -> QueryResult<i64> {
    let id = next_number(db)?;
    let about = new.about;
    diesel::insert_into(event::table)
        .values((
            (event::id.eq(id), event::code.eq(new.code), event::severity.eq(new.code.severity())),
            (event::message.eq(new.message), event::detail.eq(new.detail), event::time.eq(new.time)),
            (event::user_id.eq(id_of(&about.user)), event::user_name.eq(name_of(&about.user))),
            (event::vm_id.eq(id_of(&about.vm)), event::vm_name.eq(name_of(&about.vm))),
            (event::host_id.eq(id_of(&about.host)), event::host_name.eq(name_of(&about.host))),
            (event::template_id.eq(id_of(&about.template)), event::template_name.eq(name_of(&about.template))),
            (event::vm_pool_id.eq(id_of(&about.pool)), event::vm_pool_name.eq(name_of(&about.pool))),
            (event::cluster_id.eq(id_of(&about.cluster)), event::cluster_name.eq(name_of(&about.cluster))),
            (
                event::storage_domain_id.eq(id_of(&about.storage_domain)),
                event::storage_domain_name.eq(name_of(&about.storage_domain)),
            ),
            (event::job_id.eq(new.job), event::correlation_id.eq(new.correlation_id)),
        ))
        .execute(db)?;
    Ok(id)
}

fn next_number(db: &mut Db) -> QueryResult<i64> {
    let row = counter::table.filter(counter::name.eq("event"));
    let changed = diesel::update(row).set(counter::value.eq(counter::value + 1)).execute(db)?;
    if changed == 0 {
        diesel::insert_into(counter::table).values((counter::name.eq("event"), counter::value.eq(1i64))).execute(db)?;
    }
    counter::table.filter(counter::name.eq("event")).select(counter::value).first(db)
}

fn id_of<Id: std::fmt::Display>(named: &Option<(Id, String)>) -> Option<String> {
    named.as_ref().map(|(id, _)| id.to_string())
}

fn name_of<Id>(named: &Option<(Id, String)>) -> Option<&str> {
    named.as_ref().map(|(_, name)| name.as_str())
}
