//! What the sealing of templates said.

use crate::db::Db;
use crate::db::schema::{job, seal_log, template};
use crate::model::ids::{JobId, TemplateId};
use diesel::prelude::*;

/// Keeps what was said so far.
pub fn set(db: &mut Db, template: TemplateId, job: JobId, log: &str) -> QueryResult<()> {
    let there = diesel::update(seal_log::table.find(template.to_string()))
        .set((seal_log::job_id.eq(job.to_string()), seal_log::log.eq(log)))
        .execute(db)?;
    if there == 0 {
        diesel::insert_into(seal_log::table)
            .values((
                seal_log::template_id.eq(template.to_string()),
                seal_log::job_id.eq(job.to_string()),
                seal_log::log.eq(log),
            ))
            .execute(db)?;
    }
    Ok(())
}

/// Of a template.
pub fn of_template(db: &mut Db, id: TemplateId) -> QueryResult<Option<String>> {
    seal_log::table.find(id.to_string()).select(seal_log::log).first(db).optional()
}

/// Of a task; its template may be gone.
pub fn of_job(db: &mut Db, id: JobId) -> QueryResult<Option<String>> {
    seal_log::table.filter(seal_log::job_id.eq(id.to_string())).select(seal_log::log).first(db).optional()
}

/// Forgets those whose template and task are gone.
pub fn purge(db: &mut Db) -> QueryResult<()> {
    let all: Vec<(String, String)> = seal_log::table.select((seal_log::template_id, seal_log::job_id)).load(db)?;
    for (of, by) in all {
        let template: Option<TemplateId> = of.parse().ok();
        let task: Option<JobId> = by.parse().ok();
        let templates: i64 = template::table.filter(template::id.nullable().eq(template)).count().get_result(db)?;
        let tasks: i64 = job::table.filter(job::id.nullable().eq(task)).count().get_result(db)?;
        if templates + tasks == 0 {
            diesel::delete(seal_log::table.find(of)).execute(db)?;
        }
    }
    Ok(())
}
