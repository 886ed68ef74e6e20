//! A pool gets more VMs.

use super::fill::{self, Fill};
use crate::auth::Actor;
use crate::db::Db;
use crate::engine::jobs::{self, JobContext, Kind, NewJob, Next, Outcome, steps};
use crate::engine::{Cx, Engine, EngineError};
use crate::model::event::{About, EventCode};
use crate::model::ids::JobId;
use crate::model::job::JobKind;
use crate::store::pools::bulk;
use crate::store::pools::write::{self as rows, PoolConfig};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What the job knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Args {
    fill: Fill,
}

steps! { Step { CheckTemplate = "check_template", CreateVms = "create_vms", } }

/// The job.
pub(in crate::engine) struct GrowPool;

/// Keeps the job. Who may edit the pool may enlarge it: the VMs are the pool's, made as the others were.
pub(super) fn begin(cx: &Cx, db: &mut Db, pool: &PoolConfig, more: u32) -> Result<JobId, EngineError> {
    let cards = bulk::cards(db, pool.id)?;
    let own = Cx { actor: Actor::root(), ..cx.clone() };
    let fill = fill::begin(&own, db, pool, more, cards)?;
    let locks = fill.locks();
    jobs::insert::<GrowPool>(db, &NewJob::asked(cx, &pool.name), &Args { fill }, &locks)
}

impl Kind for GrowPool {
    const KIND: JobKind = JobKind::GrowPool;
    type Args = Args;
    type Step = Step;

    async fn run(engine: &Arc<Engine>, cx: &JobContext, args: &mut Args, step: Step) -> Result<Next, EngineError> {
        match step {
            Step::CheckTemplate => fill::check_template(engine, &args.fill).await,
            Step::CreateVms => fill::make(engine, cx, &args.fill).await,
        }
    }

    async fn undo(engine: &Arc<Engine>, cx: &JobContext, _: &mut Args, step: Step) -> Result<(), EngineError> {
        match step {
            Step::CheckTemplate => Ok(()),
            Step::CreateVms => fill::unmake(engine, cx).await,
        }
    }

    fn ended(
        engine: &Arc<Engine>,
        cx: &JobContext,
        db: &mut Db,
        args: &Args,
        outcome: Outcome<'_>,
    ) -> Result<(), EngineError> {
        let pool = args.fill.pool;
        let about = About { pool: Some((pool, args.fill.pool_name.clone())), ..About::default() };
        if outcome != Outcome::Finished {
            bulk::remove(db, &[args.fill.model])?;
        }
        rows::recount(db, pool)?;
        super::touch(engine, pool);
        engine.changed(super::topic(), Some(pool.0));
        match outcome {
            Outcome::Finished => cx.tell(engine, db, EventCode::PoolGrown, about, &args.fill.count().to_string()),
            Outcome::Failed(why) => cx.tell(engine, db, EventCode::PoolGrowFailed, about, why),
        }
    }
}
