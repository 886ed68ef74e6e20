//! Making many VMs of a pool: one is planned and kept as any VM is, the others are copies of its rows. No file is made: the layers of a
//! VM are made when it first starts.

use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::jobs::{JobContext, Next};
use crate::engine::quotas::{Asker, Disks};
use crate::engine::vms::{create as vm, plan};
use crate::engine::{Cx, Engine, EngineError, storage};
use crate::model::conflict::Conflict;
use crate::model::disk::{DiskFormat, DiskStatus};
use crate::model::ids::{ClusterId, HostId, JobId, ObjectId, PoolId, TemplateId, VmId, VnicProfileId};
use crate::model::permission::ObjectKind;
use crate::model::template::TemplateView;
use crate::model::valid::{self, Invalid, Problem};
use crate::model::vm::{MAX_NAME, NewVm};
use crate::store::nics;
use crate::store::pools::bulk;
use crate::store::pools::write::PoolConfig;
use crate::store::templates::{self, versions};
use crate::wire::{ImagePath, InspectImage};
use diesel::result::{DatabaseErrorKind, Error as QueryError};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::sync::Arc;

/// So many VMs are made in one transaction.
const BATCH: usize = 250;
/// How often a batch is tried when others take the same name or address at the same moment.
const TRIES: usize = 5;

/// A disk of the template: it must be there before anything is made of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct TemplateFile {
    host: HostId,
    image: ImagePath,
    format: DiskFormat,
    disk: String,
    template: String,
}

/// VMs that a job makes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Fill {
    pub pool: PoolId,
    pub pool_name: String,
    cluster: ClusterId,
    /// The first of them.
    pub model: VmId,
    cards: usize,
    /// Of the others.
    names: Vec<String>,
    files: Vec<TemplateFile>,
}

impl Fill {
    /// How many VMs it makes.
    pub(super) fn count(&self) -> usize {
        self.names.len() + 1
    }

    /// What the job holds from its beginning; the copies are held as they are made.
    pub(super) fn locks(&self) -> Vec<ObjectId> {
        vec![self.pool.object(), self.model.object()]
    }
}

/// Checks all that can stand in the way of `wanted` VMs, and keeps the first. The pool's row is there.
pub(super) fn begin(
    cx: &Cx,
    db: &mut Db,
    pool: &PoolConfig,
    wanted: u32,
    nics: Option<Vec<Option<VnicProfileId>>>,
) -> Result<Fill, EngineError> {
    let template = if pool.use_latest { versions::newest(db, pool.template)? } else { pool.template };
    let mut names = free_names(db, &pool.name_mask, wanted as usize)?;
    let new = NewVm {
        name: names.remove(0),
        cluster: Some(pool.cluster),
        template: Some(template),
        nics,
        ..NewVm::default()
    };
    let mut planned = plan::plan(cx, db, &new)?;
    let template = usable(db, template)?;
    planned.config.pool = Some(pool.id);
    planned.config.stateless = !pool.stateful;
    let cards = planned.nics.len();
    let addresses = cards * wanted as usize;
    if nics::free_macs(db, pool.cluster, addresses)?.len() < addresses {
        return Err(Conflict::NoMac.into());
    }
    let disks = planned.template_disks.clone();
    let made = vm::insert(&cx.engine, db, planned)?;
    let alias = |id| template.disks.iter().find(|d| d.disk.id == id).map_or_else(String::new, |d| d.disk.alias.clone());
    let file = |(disk, image): (&plan::TemplateDisk, &storage::PlannedImage)| TemplateFile {
        host: image.host,
        image: storage::path(&disk.active),
        format: disk.active.format,
        disk: alias(disk.active.disk),
        template: template.name.clone(),
    };
    let files = disks.iter().zip(&made.images).map(file).collect();
    bulk::set_unmade(db, made.vm)?;
    Asker::of(cx).stores(db, Disks::Vm(made.vm), u64::from(wanted) - 1)?;
    vm::made(&cx.engine, db, made.vm)?;
    let (id, pool_name) = (pool.id, pool.name.clone());
    Ok(Fill { pool: id, pool_name, cluster: pool.cluster, model: made.vm, cards, names, files })
}

/// The template, if all its disks can be used.
fn usable(db: &mut Db, id: TemplateId) -> Result<TemplateView, EngineError> {
    let wrong = |problem| Err(Invalid::new("template", problem).into());
    let Some(template) = templates::get(db, id)? else {
        return wrong(Problem::NoSuch { value: id.to_string() });
    };
    if let Some(bad) = template.disks.iter().find(|d| d.disk.status != DiskStatus::Ok) {
        return wrong(Problem::TemplateDiskNotOk { template: template.name, disk: bad.disk.alias.clone() });
    }
    let there = plan::template_disks(db, &template)?.len();
    if there == 0 || there < template.disks.len() {
        return wrong(Problem::TemplateWithoutDisk { template: template.name });
    }
    Ok(template)
}

/// `desk-??` gives desk-01, desk-02, …; names that are taken are passed over.
fn free_names(db: &mut Db, mask: &str, wanted: usize) -> Result<Vec<String>, EngineError> {
    let beginning = mask.split('?').next().unwrap_or_default();
    let taken: HashSet<String> = bulk::names(db, beginning)?.into_iter().collect();
    let all = (1..).map(|number| numbered(mask, number)).filter(|name| !taken.contains(name)).take(wanted);
    all.map(|name| Ok(valid::name("name", &name, MAX_NAME)?)).collect()
}

/// The first run of `?` stands for the number, with leading zeros.
fn numbered(mask: &str, number: usize) -> String {
    let Some(start) = mask.find('?') else { return format!("{mask}{number}") };
    let digits = mask.get(start..).unwrap_or_default().chars().take_while(|c| *c == '?').count();
    let (before, after) = (mask.get(..start).unwrap_or_default(), mask.get(start + digits..).unwrap_or_default());
    format!("{before}{number:0digits$}{after}")
}

/// The template's disks are where they should be.
pub(super) async fn check_template(engine: &Arc<Engine>, fill: &Fill) -> Result<Next, EngineError> {
    for file in &fill.files {
        match engine.call(file.host, &InspectImage { image: file.image.clone(), format: file.format }).await {
            Err(EngineError::NotFoundOnHost(_)) => {
                let (template, disk) = (file.template.clone(), file.disk.clone());
                return Err(Conflict::TemplateDiskGone { template, disk }.into());
            }
            other => drop(other?),
        }
    }
    Ok(Next::Done)
}

/// Makes all but the first. What was made before a crash is held by the job and is not made again.
pub(super) async fn make(engine: &Arc<Engine>, cx: &JobContext, fill: &Fill) -> Result<Next, EngineError> {
    let mut tries = 0;
    loop {
        let (inner, plan, job) = (engine.clone(), fill.clone(), cx.job);
        match engine.db.write(move |db| batch(&inner, db, &plan, job)).await {
            Ok(made) => {
                let percent = u8::try_from(made * 100 / fill.count()).unwrap_or(100);
                cx.progress(engine, percent).await?;
                if made >= fill.count() {
                    return Ok(Next::Done);
                }
                tries = 0;
            }
            Err(EngineError::Query(QueryError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)))
                if tries < TRIES =>
            {
                tries += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

/// How many are there after it.
fn batch(engine: &Arc<Engine>, db: &mut Db, fill: &Fill, job: JobId) -> Result<usize, EngineError> {
    let made = bulk::held(db, job)?.len();
    let names: Vec<&String> = fill.names.iter().skip(made.saturating_sub(1)).take(BATCH).collect();
    if names.is_empty() {
        return Ok(made);
    }
    let macs = nics::free_macs(db, fill.cluster, names.len() * fill.cards)?;
    if macs.len() < names.len() * fill.cards {
        return Err(Conflict::NoMac.into());
    }
    let copies: Vec<bulk::Copy> = names
        .iter()
        .enumerate()
        .map(|(i, name)| {
            let macs = macs.iter().skip(i * fill.cards).take(fill.cards).copied().collect();
            bulk::Copy { vm: VmId::random(), name: (*name).clone(), macs }
        })
        .collect();
    // Others may have used the quota up since the whole was asked for.
    Asker { engine, by: None }.copies(db, Disks::Vm(fill.model), copies.len() as u64)?;
    bulk::copy(db, fill.model, &copies)?;
    engine.changed(Topic::Object(ObjectKind::Vm), None);
    Ok(made + copies.len())
}

/// Removes what was made. None of them ever ran: there are no files.
pub(super) async fn unmake(engine: &Arc<Engine>, cx: &JobContext) -> Result<(), EngineError> {
    let job = cx.job;
    loop {
        let left = engine
            .db
            .write(move |db| {
                let mut held = bulk::held(db, job)?;
                held.truncate(BATCH);
                bulk::remove(db, &held)?;
                Ok::<_, EngineError>(held.len())
            })
            .await?;
        if left < BATCH {
            engine.changes.tell(Topic::Object(ObjectKind::Vm), None);
            return Ok(());
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
