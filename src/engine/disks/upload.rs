//! Images that come from outside. The rows are locked by a job from the first byte; whatever breaks, the job takes them and the file away.

use crate::db::Db;
use crate::engine::jobs::{self, JobContext, Kind, NewJob, Next, Outcome, steps};
use crate::engine::storage::{self, PlannedImage, Source};
use crate::engine::vms::plan;
use crate::engine::{Cx, Engine, EngineError, quotas};
use crate::model::conflict::Conflict;
use crate::model::disk::{DiskContent, DiskFormat, MAX_DISK_BYTES};
use crate::model::event::{About, EventCode};
use crate::model::ids::{DiskId, ImageId, JobId, QuotaId, StorageDomainId};
use crate::model::job::{JobKind, JobStatus};
use crate::model::permission::ObjectKind;
use crate::model::predefined_roles::DISK_OPERATOR;
use crate::model::valid::{self, Invalid, Problem};
use crate::store::disks::write::{self as disks, DiskConfig};
use crate::store::permissions;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

/// An image that comes from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUpload {
    pub alias: String,
    pub description: String,
    pub content: DiskContent,
    pub format: DiskFormat,
    /// The file's size.
    pub bytes: u64,
    pub storage_domain: Option<StorageDomainId>,
    pub quota: Option<QuotaId>,
}

/// The bytes of an upload.
pub type Body = BoxStream<'static, Result<Bytes, std::io::Error>>;

/// What the job knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Args {
    image: PlannedImage,
    alias: String,
    bytes: u64,
}

steps! { Step { Receive = "receive", } }

/// The job.
pub(in crate::engine) struct UploadImage;

/// Bodies on their way to their job. A job that is resumed after a crash finds none and is undone.
static BODIES: LazyLock<Mutex<HashMap<JobId, Body>>> = LazyLock::new(Mutex::default);

/// Takes an image's bytes in; answers when all are there.
///
/// # Errors
/// Refused, invalid, no space, not such an image, or the stream broke.
pub async fn upload(cx: &Cx, new: NewUpload, body: Body) -> Result<DiskId, EngineError> {
    let inner = cx.clone();
    let (disk, job) = cx.engine.db.write(move |db| begin(&inner, db, &new)).await?;
    BODIES.lock().unwrap_or_else(PoisonError::into_inner).insert(job, body);
    jobs::kick(&cx.engine, job);
    let ended = jobs::wait(&cx.engine, job).await?;
    match ended.status {
        JobStatus::Finished => Ok(disk),
        _ => Err(Conflict::told(ended.error).into()),
    }
}

fn begin(cx: &Cx, db: &mut Db, new: &NewUpload) -> Result<(DiskId, JobId), EngineError> {
    let mut wrong: Vec<Invalid> = Vec::new();
    let alias = valid::name("alias", &new.alias, 255).unwrap_or_else(|e| {
        wrong.push(e);
        String::new()
    });
    if let Err(e) = valid::range("size", new.bytes, 1, MAX_DISK_BYTES) {
        wrong.push(e);
    }
    if new.content == DiskContent::Iso && new.format != DiskFormat::Raw {
        wrong.push(Invalid::new("format", Problem::IsoNotRaw));
    }
    if !wrong.is_empty() {
        return Err(EngineError::Invalid(wrong));
    }
    let cluster = plan::cluster(db, None)?;
    let place = storage::choose(db, cluster, new.storage_domain, new.bytes)?;
    super::may_create(cx, db, place.id)?;
    let (disk, image) = (DiskId::random(), ImageId::random());
    let config = DiskConfig {
        id: disk,
        image,
        domain: place.id,
        alias: alias.clone(),
        description: valid::text("description", &new.description, 4000)?,
        content: new.content,
        format: new.format,
        sparse: new.format == DiskFormat::Cow,
        virtual_bytes: new.bytes,
        parent: None,
    };
    let now = cx.engine.clock.now();
    disks::insert(db, &config, now)?;
    permissions::grant(db, DISK_OPERATOR, cx.actor.user.into(), ObjectKind::Disk, disk.object(), now)?;
    quotas::choose(cx, db, disk.object(), place.data_center, new.quota)?;
    quotas::Asker::of(cx).stores(db, quotas::Disks::Disk(disk), 0)?;
    let image = PlannedImage {
        host: storage::worker(db, place.host, place.data_center)?,
        image: storage::new_path(&place, disk, image),
        format: new.format,
        virtual_bytes: new.bytes,
        sparse: config.sparse,
        source: Source::Empty,
    };
    cx.engine.changed(super::topic(), Some(disk.0));
    let args = Args { image, alias: alias.clone(), bytes: new.bytes };
    let job = jobs::insert::<UploadImage>(db, &NewJob::asked(cx, &alias), &args, &[disk.object()])?;
    Ok((disk, job))
}

impl Kind for UploadImage {
    const KIND: JobKind = JobKind::UploadImage;
    type Args = Args;
    type Step = Step;

    async fn run(engine: &Arc<Engine>, cx: &JobContext, args: &mut Args, step: Step) -> Result<Next, EngineError> {
        match step {
            Step::Receive => {
                let body = take_body(cx.job).await;
                let body = body.ok_or(Conflict::UploadBroken)?;
                let client = engine.hosts.client(args.image.host)?;
                let upload = client.upload_image(&args.image.image, args.image.format, args.bytes, body);
                // Trying again cannot help: the bytes that came are gone.
                let info = upload.await.map_err(Conflict::told)?;
                let disk = args.image.image.disk;
                let write = move |db: &mut Db| {
                    Ok::<_, EngineError>(disks::set_sizes(db, disk, info.virtual_bytes, info.actual_bytes)?)
                };
                engine.db.write(write).await?;
            }
        }
        Ok(Next::Done)
    }

    async fn undo(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<(), EngineError> {
        match step {
            Step::Receive => storage::unmake(engine, &args.image).await,
        }
    }

    fn ended(
        engine: &Arc<Engine>,
        cx: &JobContext,
        db: &mut Db,
        args: &Args,
        outcome: Outcome<'_>,
    ) -> Result<(), EngineError> {
        engine.changed(super::topic(), Some(args.image.image.disk.0));
        match outcome {
            Outcome::Finished => cx.tell(engine, db, EventCode::DiskAdded, About::default(), &args.alias),
            Outcome::Failed(why) => {
                disks::remove(db, args.image.image.disk)?;
                cx.tell(engine, db, EventCode::AddDiskFailed, About::default(), why)
            }
        }
    }
}

/// The runner may be there a moment before the body is.
async fn take_body(job: JobId) -> Option<Body> {
    for _ in 0..20 {
        let found = BODIES.lock().unwrap_or_else(PoisonError::into_inner).remove(&job);
        if found.is_some() {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    None
}
