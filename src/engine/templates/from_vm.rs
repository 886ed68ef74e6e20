//! A template made from a VM that is down, or from a snapshot: whole copies of its disks, which nobody writes any more.

use super::seal;
use crate::auth;
use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::disks::layers;
use crate::engine::jobs::{self, JobContext, Kind, NewJob, Next, Outcome, steps};
use crate::engine::storage::{self, PlannedImage, Source};
use crate::engine::vms::admit::command;
use crate::engine::vms::copy::{self, Origin};
use crate::engine::vms::{create, plan};
use crate::engine::{Created, Cx, Engine, EngineError, disks, quotas};
use crate::model::disk::{DiskContent, DiskFormat};
use crate::model::event::{About, EventCode};
use crate::model::ids::*;
use crate::model::job::JobKind;
use crate::model::permission::ObjectKind;
use crate::model::predefined_roles::{TEMPLATE_OWNER, USER_TEMPLATE_BASED_VM};
use crate::model::role::Action;
use crate::model::template::{TemplateStatus, version_name};
use crate::model::valid::{self, Invalid, Problem};
use crate::model::vm::{MAX_DESCRIPTION, MAX_NAME, VmAction};
use crate::store::disks::write::{self as disk_rows, DiskConfig};
use crate::store::templates::write::{self as rows, TemplateConfig};
use crate::store::templates::{self, versions};
use crate::store::{first_run, icons, jobs as holders, permissions, storage_domains};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A template to be made from a VM.
#[derive(Debug, Clone)]
pub struct TemplateOf {
    pub origin: Origin,
    /// Of a version: its base's name is its own.
    pub name: String,
    pub version: Option<VersionOf>,
    pub description: String,
    /// What belongs to one machine only is removed from the copies.
    pub seal: bool,
    /// What its disks count on; none: the default one.
    pub quota: Option<QuotaId>,
    /// Everybody may make VMs from it.
    pub everyone: bool,
}

/// Of which template it is a version, and what people call it.
#[derive(Debug, Clone)]
pub struct VersionOf {
    /// The base, or another version of it.
    pub base: TemplateId,
    pub name: String,
}

/// What the job knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Args {
    template: TemplateId,
    name: String,
    images: Vec<PlannedImage>,
    /// One that never ran may have no files yet.
    copied: VmId,
    #[serde(default)]
    seal: bool,
}

steps! { Step { CreateImages = "create_images", Seal = "seal", } }

/// The job.
pub(in crate::engine) struct AddTemplate;

/// Makes a template of a VM.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn create_of(cx: &Cx, new: TemplateOf) -> Result<Created<TemplateId>, EngineError> {
    let vm = new.origin.vm;
    if new.seal {
        seal::possible(cx, new.origin).await?;
    }
    let created = command(cx, vm, VmAction::Clone, move |cx, db| begin(cx, db, &new)).await?;
    jobs::kick(&cx.engine, created.job);
    Ok(created)
}

fn begin(cx: &Cx, db: &mut Db, new: &TemplateOf) -> Result<Created<TemplateId>, EngineError> {
    let copied = copy::read(cx, db, new.origin)?;
    let cluster = copied.view.row.cluster;
    let center = storage_domains::data_center_of(db, cluster)?;
    auth::check(db, &cx.actor, Action::CreateTemplate, center.map_or(SYSTEM, |c| c.object()))?;
    let mut wrong = Vec::new();
    let (name, version) = match &new.version {
        Some(of) => version(cx, db, of, center, &mut wrong)?,
        None => (own_name(db, &new.name, &mut wrong)?, None),
    };
    let description = valid::text("description", &new.description, MAX_DESCRIPTION);
    let description = description.map_err(|e| wrong.push(e)).unwrap_or_default();
    if !wrong.is_empty() {
        return Err(EngineError::Invalid(wrong));
    }
    let (id, now) = (TemplateId::random(), cx.engine.clock.now());
    let config = TemplateConfig {
        id,
        cluster,
        name: name.clone(),
        description,
        comment: String::new(),
        os: copied.config.os,
        kind: copied.config.kind,
        hardware: copied.config.hardware,
        version,
        sealed: new.seal,
    };
    rows::insert(db, &config, TemplateStatus::Locked, now)?;
    if let Some(told) = first_run::get(db, new.origin.vm.object())? {
        first_run::set(db, id.object(), &told)?;
    }
    icons::inherit(db, new.origin.vm.object(), id.object())?;
    let mut images = Vec::new();
    for (number, disk) in copied.disks.iter().enumerate() {
        disks::may_create(cx, db, disk.active.domain)?;
        images.push(copy_of(db, id, &name, number + 1, disk, cluster, now)?);
    }
    if let Some((base, ..)) = &config.version {
        // Who may use the base may use what follows it.
        for given in permissions::on(db, base.object())?.into_iter().filter(|given| !given.inherited) {
            permissions::grant(db, given.role, given.principal, ObjectKind::Template, id.object(), now)?;
        }
    }
    for role in [TEMPLATE_OWNER, USER_TEMPLATE_BASED_VM] {
        permissions::grant(db, role, cx.actor.user.into(), ObjectKind::Template, id.object(), now)?;
    }
    if new.everyone {
        permissions::grant(db, USER_TEMPLATE_BASED_VM, EVERYONE.into(), ObjectKind::Template, id.object(), now)?;
    }
    quotas::choose(cx, db, id.object(), center, new.quota)?;
    quotas::Asker::of(cx).stores(db, quotas::Disks::Template(id), 0)?;
    let mut locks = vec![id.object()];
    locks.extend(images.iter().map(|plan| plan.image.disk.object()));
    locks.extend(copied.locks);
    let args = Args { template: id, name: name.clone(), images, copied: new.origin.vm, seal: new.seal };
    cx.engine.changed(Topic::Object(ObjectKind::Template), Some(id.0));
    let job = jobs::insert::<AddTemplate>(db, &NewJob::asked(cx, &name), &args, &locks)?;
    Ok(Created { id, job })
}

fn own_name(db: &mut Db, text: &str, wrong: &mut Vec<Invalid>) -> Result<String, EngineError> {
    let name = valid::name("name", text, MAX_NAME).unwrap_or_else(|e| {
        wrong.push(e);
        String::new()
    });
    if rows::by_name(db, &name)?.is_some() {
        wrong.push(Invalid::new("name", Problem::Taken { name: name.clone() }));
    }
    Ok(name)
}

/// The base, the version's number in it, and what people call it.
type Numbered = (TemplateId, u32, String);

/// The next version's name, and where it belongs. Pools follow it: only who may edit the base adds to it.
fn version(
    cx: &Cx,
    db: &mut Db,
    of: &VersionOf,
    center: Option<DataCenterId>,
    wrong: &mut Vec<Invalid>,
) -> Result<(String, Option<Numbered>), EngineError> {
    const FIELD: &str = "version.base_template";
    let base = versions::base_of(db, of.base)?;
    auth::check(db, &cx.actor, Action::EditTemplateProperties, base.object())?;
    let number = versions::next_number(db, base)?;
    let found = templates::get(db, base)?.filter(|t| t.id != BLANK_TEMPLATE);
    let missing = || Invalid::new(FIELD, Problem::NoSuch { value: of.base.to_string() });
    let found = found.ok_or_else(missing)?;
    // Its removal may have begun.
    if found.status != TemplateStatus::Ok || holders::holder(db, &[base.object()])?.is_some() {
        let problem = Problem::TemplateNotOk { template: found.name.clone(), status: TemplateStatus::Locked };
        wrong.push(Invalid::new(FIELD, problem));
    }
    let cluster = found.cluster.map(|cluster| storage_domains::data_center_of(db, cluster)).transpose()?.flatten();
    if cluster != center {
        wrong.push(Invalid::new(FIELD, Problem::OtherDataCenter));
    }
    let name = valid::text("version.version_name", &of.name, MAX_NAME).unwrap_or_else(|e| {
        wrong.push(e);
        String::new()
    });
    Ok((version_name(&found.name, number), Some((base, number, name))))
}

fn copy_of(
    db: &mut Db,
    template: TemplateId,
    name: &str,
    number: usize,
    source: &plan::TemplateDisk,
    cluster: ClusterId,
    now: crate::model::clock::Timestamp,
) -> Result<PlannedImage, EngineError> {
    let active = &source.active;
    let place = storage::choose(db, cluster, Some(active.domain), active.virtual_bytes)?;
    let (disk, image) = (DiskId::random(), ImageId::random());
    let config = DiskConfig {
        id: disk,
        image,
        domain: place.id,
        alias: format!("{}_Disk{number}", name.replace('/', "-")),
        description: String::new(),
        content: DiskContent::Data,
        format: DiskFormat::Cow,
        sparse: true,
        virtual_bytes: active.virtual_bytes,
        parent: None,
    };
    disk_rows::insert(db, &config, now)?;
    disk_rows::attach_to_template(db, disk, template, source.interface, source.bootable)?;
    Ok(PlannedImage {
        host: storage::worker(db, place.host, place.data_center)?,
        image: storage::new_path(&place, disk, image),
        format: DiskFormat::Cow,
        virtual_bytes: active.virtual_bytes,
        sparse: true,
        source: Source::Copy(storage::path(active)),
    })
}

impl Kind for AddTemplate {
    const KIND: JobKind = JobKind::AddTemplate;
    const VERSION: i32 = 2;
    type Args = Args;
    type Step = Step;

    async fn run(engine: &Arc<Engine>, cx: &JobContext, args: &mut Args, step: Step) -> Result<Next, EngineError> {
        match step {
            Step::CreateImages => {
                layers::make_missing(engine, args.copied).await?;
                create::make_images(engine, &args.images).await?;
            }
            Step::Seal if args.seal => seal::seal(engine, cx, args.template, &args.images).await?,
            Step::Seal => {}
        }
        Ok(Next::Done)
    }

    async fn undo(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<(), EngineError> {
        // What is sealed, wholly or half, goes with the copies.
        let copies = args.images.iter().filter(|_| step == Step::CreateImages);
        for plan in copies {
            storage::unmake(engine, plan).await?;
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
        let about = About { template: Some((args.template, args.name.clone())), ..About::default() };
        engine.changed(Topic::Object(ObjectKind::Template), Some(args.template.0));
        match outcome {
            Outcome::Finished => {
                rows::set_status(db, args.template, TemplateStatus::Ok)?;
                // Pools may follow it.
                engine.refill.sweep();
                engine.changed(Topic::Object(ObjectKind::Pool), None);
                cx.tell(engine, db, EventCode::UserAddTemplate, about, "")
            }
            Outcome::Failed(why) => {
                for plan in &args.images {
                    disk_rows::remove(db, plan.image.disk)?;
                }
                rows::remove(db, args.template)?;
                cx.tell(engine, db, EventCode::AddTemplateFailed, about, why)
            }
        }
    }
}
