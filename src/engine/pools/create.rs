//! Making a pool with its VMs: all rows at once, image files by a job.

use crate::auth;
use crate::db::Db;
use crate::engine::jobs::{self, JobContext, Kind, NewJob, Next, Outcome, steps};
use crate::engine::storage;
use crate::engine::vms::create as vm;
use crate::engine::vms::plan;
use crate::engine::{Created, Cx, Engine, EngineError};
use crate::model::event::{About, EventCode};
use crate::model::ids::{ObjectId, PoolId, VmId};
use crate::model::job::JobKind;
use crate::model::pool::{MAX_POOL_SIZE, NewPool};
use crate::model::role::Action;
use crate::model::valid::{self, Invalid, Problem};
use crate::model::vm::{MAX_DESCRIPTION, MAX_NAME, NewVm};
use crate::store::pools::write::{self as rows, PoolConfig};
use crate::store::vms::insert::name_taken;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What the job knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Args {
    pool: PoolId,
    name: String,
    vms: Vec<vm::Args>,
}

steps! { Step { CreateImages = "create_images", } }

/// The job.
pub(in crate::engine) struct AddPool;

/// Makes a pool with its VMs.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn create(cx: &Cx, new: NewPool) -> Result<Created<PoolId>, EngineError> {
    let inner = cx.clone();
    let created = cx.engine.db.write(move |db| begin(&inner, db, &new)).await?;
    jobs::kick(&cx.engine, created.job);
    Ok(created)
}

fn begin(cx: &Cx, db: &mut Db, new: &NewPool) -> Result<Created<PoolId>, EngineError> {
    let pool = config(cx, db, new)?;
    let id = pool.id;
    rows::insert(db, &pool)?;
    let first = NewVm {
        name: free_names(db, &pool.name_mask, 1)?.pop().unwrap_or_default(),
        cluster: Some(pool.cluster),
        template: Some(pool.template),
        ..NewVm::default()
    };
    let mut vms = Vec::new();
    for name in free_names(db, &pool.name_mask, pool.size as usize)? {
        let mut planned = plan::plan(cx, db, &NewVm { name, ..first.clone() })?;
        planned.config.id = VmId::random();
        planned.config.pool = Some(id);
        planned.config.stateless = !pool.stateful;
        vms.push(vm::insert(&cx.engine, db, planned)?);
    }
    let mut locks: Vec<ObjectId> = vec![id.object()];
    locks.extend(vms.iter().flat_map(vm::locks));
    let args = Args { pool: id, name: pool.name.clone(), vms };
    cx.engine.changed(super::topic(), Some(id.0));
    let job = jobs::insert::<AddPool>(db, &NewJob::asked(cx, &pool.name), &args, &locks)?;
    Ok(Created { id, job })
}

fn config(cx: &Cx, db: &mut Db, new: &NewPool) -> Result<PoolConfig, EngineError> {
    let cluster = plan::cluster(db, new.cluster)?;
    auth::check(db, &cx.actor, Action::CreateVmPool, cluster.object())?;
    let mut wrong = Vec::new();
    // The `?` of a mask are not part of the pool's own name.
    let plain: String = new.name.chars().filter(|c| *c != '?').collect();
    let name = valid::name("name", plain.trim_matches('-'), MAX_NAME - 4).unwrap_or_else(|e| {
        wrong.push(e);
        String::new()
    });
    if rows::by_name(db, &name)?.is_some() {
        wrong.push(Invalid::new("name", Problem::Taken { name: name.clone() }));
    }
    let mut number = |field, value: u32, min, max| {
        if let Err(e) = valid::range(field, value.into(), min, max) {
            wrong.push(e);
        }
    };
    number("size", new.size, 1, MAX_POOL_SIZE);
    number("prestarted_vms", new.prestarted, 0, new.size.into());
    number("max_user_vms", new.max_user_vms, 1, MAX_POOL_SIZE);
    if !wrong.is_empty() {
        return Err(EngineError::Invalid(wrong));
    }
    let name_mask = if new.name.contains('?') { new.name.trim().to_owned() } else { format!("{name}-?") };
    Ok(PoolConfig {
        id: PoolId::random(),
        cluster,
        template: new.template,
        name,
        name_mask,
        description: valid::text("description", &new.description, MAX_DESCRIPTION)?,
        comment: valid::text("comment", &new.comment, MAX_DESCRIPTION)?,
        kind: new.kind,
        stateful: new.stateful,
        size: new.size,
        prestarted: new.prestarted,
        max_user_vms: new.max_user_vms,
    })
}

/// `desk-??` gives desk-01, desk-02, …; names that are taken are passed over.
fn free_names(db: &mut Db, mask: &str, wanted: usize) -> Result<Vec<String>, EngineError> {
    let mut names = Vec::new();
    for number in 1..=(wanted + 10_000) {
        if names.len() == wanted {
            break;
        }
        let name = numbered(mask, number);
        if !name_taken(db, &name, None)? {
            names.push(name);
        }
    }
    Ok(names)
}

/// The first run of `?` stands for the number, with leading zeros.
fn numbered(mask: &str, number: usize) -> String {
    let Some(start) = mask.find('?') else { return format!("{mask}{number}") };
    let digits = mask.get(start..).unwrap_or_default().chars().take_while(|c| *c == '?').count();
    let (before, after) = (mask.get(..start).unwrap_or_default(), mask.get(start + digits..).unwrap_or_default());
    format!("{before}{number:0digits$}{after}")
}

impl Kind for AddPool {
    const KIND: JobKind = JobKind::AddPool;
    type Args = Args;
    type Step = Step;

    async fn run(engine: &Arc<Engine>, cx: &JobContext, args: &mut Args, step: Step) -> Result<Next, EngineError> {
        match step {
            Step::CreateImages => {
                for (done, one) in args.vms.iter().enumerate() {
                    vm::make_images(engine, &one.images).await?;
                    let percent = u8::try_from((done + 1) * 100 / args.vms.len().max(1)).unwrap_or(100);
                    cx.progress(engine, percent).await?;
                }
            }
        }
        Ok(Next::Done)
    }

    async fn undo(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<(), EngineError> {
        match step {
            Step::CreateImages => {
                for image in args.vms.iter().flat_map(|v| &v.images) {
                    storage::unmake(engine, image).await?;
                }
            }
        }
        Ok(())
    }

    fn ended(
        engine: &Arc<Engine>,
        cx: &JobContext,
        db: &mut Db,
        args: &Args,
        outcome: Outcome<'_>,
    ) -> Result<(), EngineError> {
        let about = About { pool: Some((args.pool, args.name.clone())), ..About::default() };
        engine.changed(super::topic(), Some(args.pool.0));
        match outcome {
            Outcome::Finished => {
                for one in &args.vms {
                    vm::made(engine, db, one.vm)?;
                }
                cx.tell(engine, db, EventCode::UserAddPool, about, "")
            }
            Outcome::Failed(why) => {
                for one in &args.vms {
                    vm::unmade(engine, db, one)?;
                }
                rows::remove(db, args.pool)?;
                cx.tell(engine, db, EventCode::AddPoolFailed, about, why)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::numbered;

    #[test]
    fn masks_are_filled_in() {
        assert_eq!(numbered("desk-??", 3), "desk-03");
        assert_eq!(numbered("desk-?", 12), "desk-12");
        assert_eq!(numbered("a-???-b", 7), "a-007-b");
        assert_eq!(numbered("plain", 1), "plain1");
    }
}
