//! A pool gets smaller: free VMs are removed, or detached and kept as ordinary ones. What somebody has is never touched.

use super::going::{self, Going};
use crate::db::Db;
use crate::engine::disks::layers;
use crate::engine::jobs::{self, JobContext, Kind, NewJob, Next, Outcome, steps};
use crate::engine::{Cx, Engine, EngineError};
use crate::model::conflict::Conflict;
use crate::model::event::{About, EventCode};
use crate::model::ids::{JobId, PoolId};
use crate::model::job::JobKind;
use crate::model::pool::Surplus;
use crate::model::vm::VmStatus;
use crate::store::pools::write::{self as rows, Member, PoolConfig};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What the job knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Args {
    pool: PoolId,
    name: String,
    /// They are removed; else detached.
    remove: bool,
    vms: Vec<Going>,
}

steps! { Step { Stop = "stop", DropLayers = "drop_layers", ForgetDomain = "forget_domain", RemoveImages = "remove_images", } }

/// The job.
pub(in crate::engine) struct ShrinkPool;

/// Chooses who goes, the least useful first: down, with the highest numbers.
pub(super) fn begin(
    cx: &Cx,
    db: &mut Db,
    pool: &PoolConfig,
    size: u32,
    surplus: Surplus,
) -> Result<JobId, EngineError> {
    let members = rows::members(db, pool.id)?;
    let surplus_count = members.len().saturating_sub(size as usize);
    let free = |m: &&Member| {
        let ready = matches!(m.status, VmStatus::Down | VmStatus::Up | VmStatus::PoweringUp);
        m.taken_by.is_none() && !m.locked && ready
    };
    let mut going: Vec<Member> = members.iter().filter(free).cloned().collect();
    if going.len() < surplus_count {
        let taken = members.iter().filter(|m| m.taken_by.is_some()).count();
        let busy = members.len() - taken - going.len();
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        return Err(Conflict::PoolTaken {
            pool: pool.name.clone(),
            wanted: size,
            taken: count(taken),
            busy: count(busy),
            size: count(members.len()),
        }
        .into());
    }
    going.sort_by_key(|m| (m.status != VmStatus::Down, std::cmp::Reverse((m.name.len(), m.name.clone()))));
    going.truncate(surplus_count);
    let remove = surplus == Surplus::Remove;
    let vms = going::plan(&cx.engine, db, pool.id, &going, remove)?;
    let locks = going::locks(pool.id, &vms);
    let args = Args { pool: pool.id, name: pool.name.clone(), remove, vms };
    jobs::insert::<ShrinkPool>(db, &NewJob::asked(cx, &pool.name), &args, &locks)
}

impl Kind for ShrinkPool {
    const KIND: JobKind = JobKind::ShrinkPool;
    type Args = Args;
    type Step = Step;

    async fn run(engine: &Arc<Engine>, cx: &JobContext, args: &mut Args, step: Step) -> Result<Next, EngineError> {
        match step {
            Step::Stop => going::power_off(engine, &args.vms).await,
            Step::DropLayers => {
                for going in args.vms.iter().filter(|_| !args.remove) {
                    layers::drop_stateless(engine, going.vm).await?;
                }
                Ok(Next::Done)
            }
            Step::ForgetDomain if args.remove => going::forget_domains(engine, cx, &args.vms).await,
            Step::RemoveImages if args.remove => going::remove_images(engine, cx, &args.vms).await,
            Step::ForgetDomain | Step::RemoveImages => Ok(Next::Done),
        }
    }

    /// What is removed stays removed; the VMs are still there, and the pool can be made smaller again.
    async fn undo(_: &Arc<Engine>, _: &JobContext, _: &mut Args, _: Step) -> Result<(), EngineError> {
        Ok(())
    }

    fn ended(
        engine: &Arc<Engine>,
        cx: &JobContext,
        db: &mut Db,
        args: &Args,
        outcome: Outcome<'_>,
    ) -> Result<(), EngineError> {
        if outcome == Outcome::Finished {
            if args.remove {
                going::forget_rows(db, &args.vms)?;
            } else {
                for going in &args.vms {
                    rows::detach(db, going.vm)?;
                }
            }
        }
        rows::recount(db, args.pool)?;
        super::touch(engine, args.pool);
        engine.changed(super::topic(), Some(args.pool.0));
        engine.changed(crate::engine::changes::Topic::Object(crate::model::permission::ObjectKind::Vm), None);
        let about = About { pool: Some((args.pool, args.name.clone())), ..About::default() };
        match outcome {
            Outcome::Finished => {
                let names: Vec<&str> = args.vms.iter().map(|g| g.name.as_str()).take(10).collect();
                let more = args.vms.len().saturating_sub(names.len());
                let more = if more > 0 { format!(" +{more}") } else { String::new() };
                cx.tell(engine, db, EventCode::PoolShrunk, about, &format!("{}{more}", names.join(", ")))
            }
            Outcome::Failed(why) => cx.tell(engine, db, EventCode::PoolShrinkFailed, about, why),
        }
    }
}
