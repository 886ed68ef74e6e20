//! Jobs, their steps and their locks.
//!
//! Every change of a running job names the engine that owns it: an engine whose lease was taken over changes nothing any more.

use crate::db::schema::{job, job_lock, job_step, users};
use crate::db::{Db, MultiBackend};
use crate::model::clock::Timestamp;
use crate::model::ids::{JobId, ObjectId, UserId};
use crate::model::job::{JobKind, JobStatus, JobView, StepStatus, StepView};
use diesel::prelude::*;

/// A job to be kept.
#[derive(Debug, Clone)]
pub struct NewJobRow<'a> {
    pub id: JobId,
    pub kind: JobKind,
    pub version: i32,
    pub args: &'a str,
    pub subject: &'a str,
    pub owner: Option<UserId>,
    pub correlation_id: &'a str,
    pub engine_id: &'a str,
    pub now: Timestamp,
    pub lease_until: Timestamp,
}

/// A job as its runner needs it.
#[derive(Debug, Clone)]
pub struct JobRow {
    pub id: JobId,
    pub kind: JobKind,
    pub version: i32,
    pub args: String,
    pub subject: String,
    pub status: JobStatus,
    pub owner: Option<UserId>,
    /// `admin@internal`; empty: the engine itself.
    pub owner_name: String,
    pub error: String,
    pub correlation_id: String,
    pub undoing: bool,
    /// In order.
    pub steps: Vec<(String, StepStatus)>,
}

/// Whose jobs a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    Everybody,
    Only(UserId),
}

/// The job that holds one of `objects`, in words' parts.
pub fn holder(db: &mut Db, objects: &[ObjectId]) -> QueryResult<Option<(JobId, JobKind, String)>> {
    job_lock::table
        .inner_join(job::table)
        .filter(job_lock::object_id.eq_any(objects))
        .select((job::id, job::kind, job::subject))
        .first(db)
        .optional()
}

/// Keeps a job with its steps and locks. A lock that is held already is a unique violation.
pub fn insert(db: &mut Db, new: &NewJobRow<'_>, steps: &[&str], locks: &[ObjectId]) -> QueryResult<()> {
    diesel::insert_into(job::table)
        .values((
            (job::id.eq(new.id), job::kind.eq(new.kind), job::version.eq(new.version), job::args.eq(new.args)),
            (job::subject.eq(new.subject), job::status.eq(JobStatus::Started), job::owner_id.eq(new.owner)),
            (job::error.eq(""), job::correlation_id.eq(new.correlation_id), job::started.eq(new.now)),
            (job::engine_id.eq(new.engine_id), job::lease_until.eq(new.lease_until), job::undoing.eq(false)),
        ))
        .execute(db)?;
    for (number, name) in (0..).zip(steps) {
        diesel::insert_into(job_step::table)
            .values((
                job_step::job_id.eq(new.id),
                job_step::number.eq::<i32>(number),
                job_step::name.eq(*name),
                job_step::status.eq(StepStatus::Pending),
            ))
            .execute(db)?;
    }
    for object in locks {
        diesel::insert_into(job_lock::table)
            .values((job_lock::object_id.eq(object), job_lock::job_id.eq(new.id)))
            .execute(db)?;
    }
    Ok(())
}

type Loaded = (
    (JobId, JobKind, i32, String, String, JobStatus),
    (Option<UserId>, Option<String>, Option<String>, String, String, bool),
);

/// A job with its steps.
pub fn load(db: &mut Db, id: JobId) -> QueryResult<Option<JobRow>> {
    let found: Option<Loaded> = job::table
        .left_join(users::table.on(users::id.nullable().eq(job::owner_id)))
        .filter(job::id.eq(id))
        .select((
            (job::id, job::kind, job::version, job::args, job::subject, job::status),
            (
                job::owner_id,
                users::user_name.nullable(),
                users::domain.nullable(),
                job::error,
                job::correlation_id,
                job::undoing,
            ),
        ))
        .first(db)
        .optional()?;
    let Some(((id, kind, version, args, subject, status), (owner, name, domain, error, correlation_id, undoing))) =
        found
    else {
        return Ok(None);
    };
    let steps = job_step::table
        .filter(job_step::job_id.eq(id))
        .order(job_step::number)
        .select((job_step::name, job_step::status))
        .load(db)?;
    let owner_name = principal(name, domain);
    Ok(Some(JobRow {
        id,
        kind,
        version,
        args,
        subject,
        status,
        owner,
        owner_name,
        error,
        correlation_id,
        undoing,
        steps,
    }))
}

/// Changes a step; false: the job belongs to another engine, or is gone.
pub fn set_step(db: &mut Db, id: JobId, engine_id: &str, number: usize, status: StepStatus) -> QueryResult<bool> {
    if !is_mine(db, id, engine_id)? {
        return Ok(false);
    }
    let step = diesel::update(job_step::table)
        .filter(job_step::job_id.eq(id))
        .filter(job_step::number.eq(i32::try_from(number).unwrap_or(i32::MAX)));
    let changed = if status == StepStatus::Started {
        step.set(job_step::status.eq(status)).execute(db)?
    } else {
        step.set((job_step::status.eq(status), job_step::progress.eq(None::<i32>))).execute(db)?
    };
    Ok(changed == 1)
}

/// How far a step is, in percent.
pub fn set_progress(db: &mut Db, id: JobId, number: usize, percent: u8) -> QueryResult<()> {
    diesel::update(job_step::table)
        .filter(job_step::job_id.eq(id))
        .filter(job_step::number.eq(i32::try_from(number).unwrap_or(i32::MAX)))
        .set(job_step::progress.eq(i32::from(percent)))
        .execute(db)
        .map(drop)
}

/// Keeps what the steps have found out.
pub fn set_args(db: &mut Db, id: JobId, engine_id: &str, args: &str) -> QueryResult<bool> {
    let mine = job::table.filter(job::id.eq(id)).filter(job::engine_id.eq(engine_id));
    Ok(diesel::update(mine).set(job::args.eq(args)).execute(db)? == 1)
}

/// From now on the job is undone, because of `error`.
pub fn set_undoing(db: &mut Db, id: JobId, engine_id: &str, error: &str) -> QueryResult<bool> {
    let mine = job::table.filter(job::id.eq(id)).filter(job::engine_id.eq(engine_id));
    Ok(diesel::update(mine).set((job::undoing.eq(true), job::error.eq(error))).execute(db)? == 1)
}

/// Its undoing failed: it keeps its locks and waits.
pub fn set_stuck(db: &mut Db, id: JobId, engine_id: &str, error: &str) -> QueryResult<bool> {
    let mine = job::table.filter(job::id.eq(id)).filter(job::engine_id.eq(engine_id));
    Ok(diesel::update(mine).set((job::status.eq(JobStatus::Stuck), job::error.eq(error))).execute(db)? == 1)
}

/// Ends it and frees what it held; false: it is not this engine's any more, or ended already.
pub fn end(db: &mut Db, id: JobId, engine_id: &str, status: JobStatus, now: Timestamp) -> QueryResult<bool> {
    let mine = job::table
        .filter(job::id.eq(id))
        .filter(job::engine_id.eq(engine_id))
        .filter(job::status.eq(JobStatus::Started));
    if diesel::update(mine).set((job::status.eq(status), job::ended.eq(now))).execute(db)? != 1 {
        return Ok(false);
    }
    diesel::delete(job_lock::table.filter(job_lock::job_id.eq(id))).execute(db)?;
    Ok(true)
}

/// A stuck job goes on, at this engine; false: it is not stuck.
pub fn retry(db: &mut Db, id: JobId, engine_id: &str, lease_until: Timestamp) -> QueryResult<bool> {
    let stuck = job::table.filter(job::id.eq(id)).filter(job::status.eq(JobStatus::Stuck));
    let set = (job::status.eq(JobStatus::Started), job::engine_id.eq(engine_id), job::lease_until.eq(lease_until));
    Ok(diesel::update(stuck).set(set).execute(db)? == 1)
}

fn is_mine(db: &mut Db, id: JobId, engine_id: &str) -> QueryResult<bool> {
    diesel::select(diesel::dsl::exists(
        job::table
            .filter(job::id.eq(id))
            .filter(job::engine_id.eq(engine_id))
            .filter(job::status.eq(JobStatus::Started)),
    ))
    .get_result(db)
}

/// This engine's unfinished jobs.
pub fn unfinished(db: &mut Db, engine_id: &str) -> QueryResult<Vec<JobId>> {
    job::table
        .filter(job::status.eq(JobStatus::Started))
        .filter(job::engine_id.eq(engine_id))
        .order(job::started)
        .select(job::id)
        .load(db)
}

/// Makes this engine the owner of unfinished jobs whose engine let its lease run out.
pub fn take_over(db: &mut Db, engine_id: &str, now: Timestamp, lease_until: Timestamp) -> QueryResult<usize> {
    let left = job::table.filter(job::status.eq(JobStatus::Started)).filter(job::lease_until.lt(now));
    diesel::update(left).set((job::engine_id.eq(engine_id), job::lease_until.eq(lease_until))).execute(db)
}

/// Says that this engine still works on its jobs.
pub fn renew(db: &mut Db, engine_id: &str, lease_until: Timestamp) -> QueryResult<usize> {
    let mine = job::table.filter(job::status.eq(JobStatus::Started)).filter(job::engine_id.eq(engine_id));
    diesel::update(mine).set(job::lease_until.eq(lease_until)).execute(db)
}

/// Forgets jobs that ended: well before `finished_before`, otherwise before `failed_before`.
pub fn purge(db: &mut Db, finished_before: Timestamp, failed_before: Timestamp) -> QueryResult<usize> {
    let well =
        diesel::delete(job::table.filter(job::status.eq(JobStatus::Finished)).filter(job::ended.lt(finished_before)))
            .execute(db)?;
    let badly = diesel::delete(
        job::table
            .filter(job::status.eq_any([JobStatus::Failed, JobStatus::Aborted]))
            .filter(job::ended.lt(failed_before)),
    )
    .execute(db)?;
    Ok(well + badly)
}

type Viewed = (
    (JobId, JobKind, String, JobStatus, Option<UserId>, Option<String>, Option<String>),
    (String, Timestamp, Option<Timestamp>, String),
);

/// The task that holds an object.
pub fn of_lock(db: &mut Db, id: ObjectId) -> QueryResult<Option<JobId>> {
    job_lock::table.filter(job_lock::object_id.eq(id)).select(job_lock::job_id).first(db).optional()
}

/// Jobs, newest first; `id`: only that one.
pub fn views(db: &mut Db, whose: Whose, id: Option<JobId>) -> QueryResult<Vec<JobView>> {
    let mut query = job::table
        .left_join(users::table.on(users::id.nullable().eq(job::owner_id)))
        .select((
            (
                job::id,
                job::kind,
                job::subject,
                job::status,
                job::owner_id,
                users::user_name.nullable(),
                users::domain.nullable(),
            ),
            (job::error, job::started, job::ended, job::correlation_id),
        ))
        .order((job::started.desc(), job::id))
        .into_boxed::<MultiBackend>();
    if let Whose::Only(user) = whose {
        query = query.filter(job::owner_id.eq(user));
    }
    if let Some(id) = id {
        query = query.filter(job::id.eq(id));
    }
    let rows: Vec<Viewed> = query.load(db)?;
    let mut views: Vec<JobView> = rows.into_iter().map(bare).collect();
    attach(db, &mut views)?;
    Ok(views)
}

fn bare(
    ((id, kind, subject, status, owner, name, domain), (error, started, ended, correlation_id)): Viewed,
) -> JobView {
    JobView {
        id,
        kind,
        subject,
        status,
        steps: Vec::new(),
        owner,
        owner_name: principal(name, domain),
        error,
        started,
        ended,
        correlation_id,
        locks: Vec::new(),
    }
}

fn attach(db: &mut Db, views: &mut [JobView]) -> QueryResult<()> {
    let ids: Vec<JobId> = views.iter().map(|v| v.id).collect();
    let steps: Vec<(JobId, i32, String, StepStatus, Option<i32>)> = job_step::table
        .filter(job_step::job_id.eq_any(&ids))
        .order((job_step::job_id, job_step::number))
        .select((job_step::job_id, job_step::number, job_step::name, job_step::status, job_step::progress))
        .load(db)?;
    let locks: Vec<(JobId, ObjectId)> = job_lock::table
        .filter(job_lock::job_id.eq_any(&ids))
        .order(job_lock::object_id)
        .select((job_lock::job_id, job_lock::object_id))
        .load(db)?;
    for view in views {
        view.steps = steps
            .iter()
            .filter(|s| s.0 == view.id)
            .map(|(_, number, name, status, progress)| StepView {
                number: u32::try_from(*number).unwrap_or_default(),
                name: name.clone(),
                status: *status,
                progress: progress.and_then(|p| u8::try_from(p).ok()),
            })
            .collect();
        view.locks = locks.iter().filter(|l| l.0 == view.id).map(|l| l.1).collect();
    }
    Ok(())
}

fn principal(name: Option<String>, domain: Option<String>) -> String {
    match (name, domain) {
        (Some(name), Some(domain)) => format!("{name}@{domain}"),
        _ => String::new(),
    }
}
