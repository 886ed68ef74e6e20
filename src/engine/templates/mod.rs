//! Templates: made from a disk that is there, removed with it.

mod follow;
mod from_vm;
mod renew;
mod seal;
#[cfg(test)]
mod tests;

pub(in crate::engine) use follow::follow;
pub(in crate::engine) use from_vm::AddTemplate;
pub use from_vm::{TemplateOf, VersionOf, create_of};
pub(in crate::engine) use renew::{RenewVm, renew_pools};
pub use seal::{log as seal_log, log_of_job as seal_log_of_job};

use crate::auth;
use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::jobs::{self, JobContext, Kind, NewJob, Next, Outcome, steps};
use crate::engine::storage;
use crate::engine::vms::plan;
use crate::engine::vms::remove::Doomed;
use crate::engine::{Cx, Engine, EngineError};
use crate::model::conflict::Conflict;
use crate::model::disk::{DiskContent, DiskInterface, DiskStatus};
use crate::model::event::{About, EventCode};
use crate::model::ids::*;
use crate::model::job::JobKind;
use crate::model::permission::ObjectKind;
use crate::model::predefined_roles::{TEMPLATE_OWNER, USER_TEMPLATE_BASED_VM};
use crate::model::role::Action;
use crate::model::template::{Dependants, TemplateStatus};
use crate::model::valid::{self, Invalid, Problem};
use crate::model::vm::{Hardware, MAX_DESCRIPTION, MAX_NAME, VmKind};
use crate::store::disks::{self, write as disk_rows};
use crate::store::templates::versions;
use crate::store::templates::write::{self as rows, TemplateConfig};
use crate::store::{catalog, permissions, scope, templates};
use crate::wire::DomainPath;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::sync::Arc;

/// A template to be made.
#[derive(Debug, Clone)]
pub struct NewTemplate {
    pub name: String,
    pub description: String,
    pub cluster: Option<ClusterId>,
    /// A floating disk that becomes the template's.
    pub disk: DiskId,
    pub os: String,
    pub hardware: Hardware,
}

/// Makes a template of a floating disk, which nobody writes any more.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn create(cx: &Cx, new: NewTemplate) -> Result<TemplateId, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            let cluster = plan::cluster(db, new.cluster)?;
            let center = crate::store::storage_domains::data_center_of(db, cluster)?;
            let object = center.map_or(SYSTEM, |c| c.object());
            auth::check(db, &inner.actor, Action::CreateTemplate, object)?;
            let mut wrong = Vec::new();
            plan::check_hardware(&new.hardware, &mut wrong);
            let name = valid::name("name", &new.name, MAX_NAME).unwrap_or_else(|e| {
                wrong.push(e);
                String::new()
            });
            if rows::by_name(db, &name)?.is_some() {
                wrong.push(Invalid::new("name", Problem::Taken { name: name.clone() }));
            }
            check_disk(db, new.disk, &mut wrong)?;
            if !wrong.is_empty() {
                return Err(EngineError::Invalid(wrong));
            }
            let id = TemplateId::random();
            let now = inner.engine.clock.now();
            let config = TemplateConfig {
                id,
                cluster,
                name: name.clone(),
                description: valid::text("description", &new.description, MAX_DESCRIPTION)?,
                comment: String::new(),
                os: valid::name("os", &new.os, 64)?,
                kind: VmKind::Desktop,
                hardware: new.hardware.clone(),
                version: None,
                sealed: false,
            };
            rows::insert(db, &config, TemplateStatus::Ok, now)?;
            disk_rows::attach_to_template(db, new.disk, id, DiskInterface::Virtio, true)?;
            // Who made it owns it and may use it.
            for role in [TEMPLATE_OWNER, USER_TEMPLATE_BASED_VM] {
                permissions::grant(db, role, inner.actor.user.into(), ObjectKind::Template, id.object(), now)?;
            }
            let about = About {
                template: Some((id, name)),
                user: Some((inner.actor.user, inner.actor.name.clone())),
                ..About::default()
            };
            inner.engine.tell(db, EventCode::UserAddTemplate, about, "")?;
            inner.engine.changed(Topic::Object(ObjectKind::Template), Some(id.0));
            Ok(id)
        })
        .await
}

fn check_disk(db: &mut Db, id: DiskId, wrong: &mut Vec<Invalid>) -> Result<(), EngineError> {
    let found = disks::by_ids(db, &[id])?.remove(&id);
    let usable =
        found.is_some_and(|d| d.status == DiskStatus::Ok && d.content == DiskContent::Data && d.attached.is_empty());
    if !usable {
        wrong.push(Invalid::new("disk", Problem::NotAFreeDisk));
    }
    Ok(())
}

/// What hangs on a template, as far as the actor may see it.
///
/// # Errors
/// Hidden, or the database failed.
pub async fn dependants(cx: &Cx, id: TemplateId) -> Result<Dependants, EngineError> {
    let actor = cx.actor.clone();
    cx.engine
        .db
        .read(move |db| {
            auth::see(db, &actor, id.object())?;
            let all = versions::dependants(db, id)?;
            let mut objects: Vec<ObjectId> = all.vms.iter().map(|one| one.0.object()).collect();
            objects.extend(all.disks.iter().map(|one| one.0.object()));
            objects.extend(all.pools.iter().map(|one| one.0.object()));
            objects.extend(all.versions.iter().map(|one| one.0.object()));
            let mut hidden = HashSet::new();
            for object in objects {
                match auth::see(db, &actor, object) {
                    Ok(()) => {}
                    Err(auth::AuthError::Hidden { .. }) => drop(hidden.insert(object)),
                    Err(error) => return Err(error.into()),
                }
            }
            // That there is something counts, even where he may not know what.
            let nameless =
                |object: ObjectId, name: String| if hidden.contains(&object) { "…".to_owned() } else { name };
            Ok(Dependants {
                vms: all.vms.into_iter().map(|(id, name)| (id, nameless(id.object(), name))).collect(),
                disks: all.disks.into_iter().map(|(id, name)| (id, nameless(id.object(), name))).collect(),
                pools: all.pools.into_iter().map(|(id, name)| (id, nameless(id.object(), name))).collect(),
                versions: all.versions.into_iter().map(|(id, name)| (id, nameless(id.object(), name))).collect(),
            })
        })
        .await
}

/// What the job knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Args {
    template: TemplateId,
    name: String,
    disks: Vec<Doomed>,
}

steps! { Step { RemoveImages = "remove_images", } }

/// So many names a refusal has.
const LISTED: usize = 20;

/// The job.
pub(in crate::engine) struct RemoveTemplate;

/// Removes a template with its disks; nothing may be made from it.
///
/// # Errors
/// Names what was made from it.
pub async fn remove(cx: &Cx, id: TemplateId) -> Result<JobId, EngineError> {
    let inner = cx.clone();
    let job = cx
        .engine
        .db
        .write(move |db| {
            auth::check(db, &inner.actor, Action::DeleteTemplate, id.object())?;
            let missing = || EngineError::NotFound { kind: "template", id: id.to_string() };
            let view = templates::get(db, id)?.ok_or_else(missing)?;
            if id == BLANK_TEMPLATE {
                return Err(Conflict::BlankTemplate.into());
            }
            versions::hold(db, id)?;
            let on = versions::dependants(db, id)?;
            if on != Dependants::default() {
                return Err(Conflict::TemplateInUse { template: view.name, vms: listed(&on.names()) }.into());
            }
            let ids: Vec<DiskId> = view.disks.iter().map(|d| d.disk.id).collect();
            let domains = catalog::storage_domains(db, &scope::Scope::All)?;
            let mut disks = Vec::new();
            for image in disk_rows::active_images(db, &ids)? {
                let center = domains.iter().find(|d| d.id == image.domain).and_then(|d| d.data_center);
                let host = storage::worker(db, image.host, center)?;
                let domain = DomainPath { id: image.domain, path: image.path };
                disks.push(Doomed { disk: image.disk, domain, host });
            }
            let mut locks: Vec<ObjectId> = vec![id.object()];
            locks.extend(ids.iter().map(|d| d.object()));
            let args = Args { template: id, name: view.name.clone(), disks };
            jobs::insert::<RemoveTemplate>(db, &NewJob::asked(&inner, &view.name), &args, &locks)
        })
        .await?;
    jobs::kick(&cx.engine, job);
    Ok(job)
}

/// The first of many names, and how many more there are.
fn listed(names: &[&str]) -> String {
    let first = names.iter().take(LISTED).copied().collect::<Vec<_>>().join(", ");
    if names.len() > LISTED { format!("{first}, … (+{})", names.len() - LISTED) } else { first }
}

impl Kind for RemoveTemplate {
    const KIND: JobKind = JobKind::RemoveTemplate;
    type Args = Args;
    type Step = Step;

    async fn run(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<Next, EngineError> {
        match step {
            Step::RemoveImages => {
                for doomed in &args.disks {
                    storage::remove_disk(engine, doomed.host, doomed.domain.clone(), doomed.disk).await?;
                }
            }
        }
        Ok(Next::Done)
    }

    /// What is removed stays removed; the template can be removed again.
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
        engine.changed(Topic::Object(ObjectKind::Template), Some(args.template.0));
        if outcome != Outcome::Finished {
            return Ok(());
        }
        for doomed in &args.disks {
            disk_rows::remove(db, doomed.disk)?;
        }
        rows::remove(db, args.template)?;
        let about = About { template: Some((args.template, args.name.clone())), ..About::default() };
        cx.tell(engine, db, EventCode::UserRemoveTemplate, about, "")
    }
}
