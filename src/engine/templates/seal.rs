//! Sealing the copies that become a template: on the host that works on them, watched while it goes on.

use crate::auth;
use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::jobs::JobContext;
use crate::engine::storage::{self, PlannedImage};
use crate::engine::vms::copy::{self, Origin};
use crate::engine::vms::create;
use crate::engine::{Cx, Engine, EngineError};
use crate::model::conflict::Conflict;
use crate::model::ids::{HostId, JobId, TemplateId};
use crate::model::valid::{Invalid, Problem};
use crate::store::templates::seal as logs;
use crate::wire::{SealImages, SealLog, SealSupport, SealingImage};
use std::sync::Arc;
use std::time::Duration;

const LOOK: Duration = Duration::from_secs(1);
/// Images that were lost half sealed are copied anew so often.
const TRIES: usize = 3;

/// Refuses before anything is made, where it cannot be sealed. What else is wrong is for the command to say.
///
/// # Errors
/// The VM has no Linux, or its host no virt-sysprep.
pub(super) async fn possible(cx: &Cx, origin: Origin) -> Result<(), EngineError> {
    let inner = cx.clone();
    let hosts = cx.engine.db.read(move |db| hosts(&inner, db, origin)).await?;
    for host in hosts {
        if !cx.engine.call(host, &SealSupport {}).await?.sealing {
            return Err(Conflict::CannotSeal { host: cx.engine.hosts.name(host) }.into());
        }
    }
    Ok(())
}

fn hosts(cx: &Cx, db: &mut Db, origin: Origin) -> Result<Vec<HostId>, EngineError> {
    let copied = copy::read(cx, db, origin)?;
    if copied.disks.is_empty() || copied.config.os.starts_with("windows") {
        return Err(Invalid::new("seal", Problem::NothingToSeal).into());
    }
    let mut hosts = Vec::new();
    for disk in &copied.disks {
        let place = storage::choose(db, copied.view.row.cluster, Some(disk.active.domain), disk.active.virtual_bytes)?;
        hosts.push(storage::worker(db, place.host, place.data_center)?);
    }
    hosts.dedup();
    Ok(hosts)
}

/// Copies, if a copy is missing, and seals. What was sealed already stays.
///
/// # Errors
/// The host is away, or virt-sysprep failed.
pub(super) async fn seal(
    engine: &Arc<Engine>,
    cx: &JobContext,
    template: TemplateId,
    images: &[PlannedImage],
) -> Result<(), EngineError> {
    let Some(first) = images.first() else { return Ok(()) };
    let one = |plan: &PlannedImage| SealingImage { image: plan.image.clone(), format: plan.format };
    let request = SealImages { images: images.iter().map(one).collect() };
    let look = SealLog { image: first.image.clone() };
    for _ in 0..TRIES {
        create::make_images(engine, images).await?;
        let mut sealing = std::pin::pin!(engine.call(first.host, &request));
        let ended = loop {
            tokio::select! {
                ended = &mut sealing => break ended,
                () = tokio::time::sleep(LOOK) => {
                    if let Ok(now) = engine.call(first.host, &look).await {
                        cx.progress(engine, now.percent).await?;
                        keep(engine, template, cx.job, now.log).await?;
                    }
                }
            }
        };
        match ended {
            Ok(done) => return keep(engine, template, cx.job, done.log).await,
            Err(EngineError::NotFoundOnHost(_)) => {}
            Err(error) => {
                // Its last words say most. With the host away there are none.
                if let Ok(last) = engine.call(first.host, &look).await {
                    keep(engine, template, cx.job, last.log).await?;
                }
                return Err(error);
            }
        }
    }
    Err(EngineError::Internal("the copies that were to be sealed are lost again and again".to_owned()))
}

async fn keep(engine: &Arc<Engine>, template: TemplateId, job: JobId, log: String) -> Result<(), EngineError> {
    if log.is_empty() {
        return Ok(());
    }
    engine.db.write(move |db| Ok::<_, EngineError>(logs::set(db, template, job, &log)?)).await?;
    engine.changes.tell(Topic::Jobs, Some(job.0));
    Ok(())
}

/// What the sealing of a template said; none: it was not sealed.
///
/// # Errors
/// Hidden, or the database failed.
pub async fn log(cx: &Cx, id: TemplateId) -> Result<Option<String>, EngineError> {
    let actor = cx.actor.clone();
    cx.engine
        .db
        .read(move |db| {
            auth::see(db, &actor, id.object())?;
            Ok(logs::of_template(db, id)?)
        })
        .await
}

/// What the sealing in a task said, of one that the actor may see.
///
/// # Errors
/// Hidden, or the database failed.
pub async fn log_of_job(cx: &Cx, id: JobId) -> Result<Option<String>, EngineError> {
    crate::engine::jobs::get(cx, id).await?;
    cx.engine.db.read(move |db| Ok::<_, EngineError>(logs::of_job(db, id)?)).await
}
