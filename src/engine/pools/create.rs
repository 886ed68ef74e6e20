//! Making a pool with its VMs.

use super::fill::{self, Fill};
use crate::auth;
use crate::db::Db;
use crate::engine::jobs::{self, JobContext, Kind, NewJob, Next, Outcome, steps};
use crate::engine::vms::plan;
use crate::engine::{Created, Cx, Engine, EngineError, quotas};
use crate::model::event::{About, EventCode};
use crate::model::ids::PoolId;
use crate::model::job::JobKind;
use crate::model::pool::{NewPool, PoolKind};
use crate::model::role::Action;
use crate::model::valid::{self, Invalid, Problem};
use crate::model::vm::{MAX_DESCRIPTION, MAX_NAME};
use crate::store::pools::bulk;
use crate::store::pools::write::{self as rows, PoolConfig};
use crate::store::templates::versions;
use crate::store::{first_run, settings, storage_domains};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What the job knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Args {
    fill: Fill,
}

steps! { Step { CheckTemplate = "check_template", CreateVms = "create_vms", } }

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
    first_run::inherit(db, pool.template, id.object())?;
    let center = storage_domains::data_center_of(db, pool.cluster)?;
    quotas::choose(cx, db, id.object(), center, new.quota)?;
    let fill = fill::begin(cx, db, &pool, pool.size, None)?;
    let locks = fill.locks();
    cx.engine.changed(super::topic(), Some(id.0));
    let job = jobs::insert::<AddPool>(db, &NewJob::asked(cx, &pool.name), &Args { fill }, &locks)?;
    Ok(Created { id, job })
}

fn config(cx: &Cx, db: &mut Db, new: &NewPool) -> Result<PoolConfig, EngineError> {
    let cluster = plan::cluster(db, new.cluster)?;
    auth::check(db, &cx.actor, Action::CreateVmPool, cluster.object())?;
    let mut wrong = Vec::new();
    let (name, name_mask) = name_and_mask(&new.name).unwrap_or_else(|e| {
        wrong.push(e);
        (String::new(), String::new())
    });
    if rows::by_name(db, &name)?.is_some() {
        wrong.push(Invalid::new("name", Problem::Taken { name: name.clone() }));
    }
    let most = settings::engine(db)?.max_vms_in_pool.into();
    wrong.extend(valid::range("size", new.size.into(), 1, most).err());
    wrong.extend(valid::range("prestarted_vms", new.prestarted.into(), 0, new.size.into()).err());
    wrong.extend(valid::range("max_user_vms", new.max_user_vms.into(), 1, most).err());
    wrong.extend(instant_start(new.instant_start, new.kind, new.stateful).err());
    if new.use_latest && new.stateful {
        wrong.push(Invalid::new("use_latest_template_version", Problem::NothingToFollow));
    }
    if !wrong.is_empty() {
        return Err(EngineError::Invalid(wrong));
    }
    let template = if new.use_latest { versions::base_of(db, new.template)? } else { new.template };
    Ok(PoolConfig {
        id: PoolId::random(),
        cluster,
        template,
        name,
        name_mask,
        description: valid::text("description", &new.description, MAX_DESCRIPTION)?,
        comment: valid::text("comment", &new.comment, MAX_DESCRIPTION)?,
        kind: new.kind,
        stateful: new.stateful,
        instant_start: new.instant_start,
        size: new.size,
        prestarted: new.prestarted,
        max_user_vms: new.max_user_vms,
        use_latest: new.use_latest,
    })
}

/// Who finds again what he wrote cannot go on from where another guest was.
pub(super) fn instant_start(wanted: bool, kind: PoolKind, stateful: bool) -> Result<(), Invalid> {
    let fits = kind == PoolKind::Automatic && !stateful;
    if wanted && !fits { Err(Invalid::new("instant_start", Problem::OnlyFreshVms)) } else { Ok(()) }
}

/// A pool's own name is without the `?` that stand for its VMs' numbers.
pub(super) fn name_and_mask(text: &str) -> Result<(String, String), Invalid> {
    let plain: String = text.chars().filter(|c| *c != '?').collect();
    let name = valid::name("name", plain.trim().trim_matches('-'), MAX_NAME - 4)?;
    let mask = if text.contains('?') { text.trim().to_owned() } else { format!("{name}-?") };
    Ok((name, mask))
}

impl Kind for AddPool {
    const KIND: JobKind = JobKind::AddPool;
    const VERSION: i32 = 2;
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
        engine.changed(super::topic(), Some(pool.0));
        match outcome {
            Outcome::Finished => {
                super::touch(engine, pool);
                cx.tell(engine, db, EventCode::UserAddPool, about, "")
            }
            Outcome::Failed(why) => {
                bulk::remove(db, &[args.fill.model])?;
                rows::remove(db, pool)?;
                cx.tell(engine, db, EventCode::AddPoolFailed, about, why)
            }
        }
    }
}
