//! Storage domains that all hosts of a data center have: a folder that they see at one path (a cluster or network file system that is
//! mounted there; oVirt's POSIX domain).

use crate::auth;
use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::jobs::{self, JobContext, Kind, NewJob, Next, Outcome, steps};
use crate::engine::{Created, Cx, Engine, EngineError};
use crate::model::conflict::{Away, Conflict};
use crate::model::event::{About, EventCode};
use crate::model::host::HostStatus;
use crate::model::ids::{DataCenterId, HostId, StorageDomainId};
use crate::model::job::JobKind;
use crate::model::permission::ObjectKind;
use crate::model::role::Action;
use crate::model::storage_domain::NewSharedDomain;
use crate::model::valid::{self, Invalid, Problem};
use crate::model::vm::{MAX_DESCRIPTION, MAX_NAME};
use crate::store::catalog;
use crate::store::hosts::write as hosts;
use crate::store::scope::Scope;
use crate::store::storage_domains::{self as store, SharedDomain};
use crate::wire::{CreateDomain, DomainInfo, DomainPath, RemoveDomain};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Linux' own limit for a path, less what the domain's files add.
const MAX_PATH: usize = 1024;

/// What the job knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Args {
    id: StorageDomainId,
    name: String,
    path: String,
    data_center: DataCenterId,
    /// The host that makes it.
    host: HostId,
    space: (u64, u64),
}

steps! { Step { Create = "create_domain", Look = "look_everywhere", } }

/// The job.
pub(in crate::engine) struct AddStorageDomain;

/// Makes a domain in a folder that all hosts of the data center see.
///
/// # Errors
/// Refused, invalid, no host is up, hidden, or the database failed.
pub async fn add_shared(cx: &Cx, new: NewSharedDomain) -> Result<Created<StorageDomainId>, EngineError> {
    let inner = cx.clone();
    let created = cx
        .engine
        .db
        .write(move |db| {
            let args = planned(&inner, db, &new)?;
            let domain =
                SharedDomain { id: args.id, name: &args.name, data_center: args.data_center, path: &args.path };
            store::insert_shared(db, &domain)?;
            inner.engine.changed(Topic::Object(ObjectKind::StorageDomain), Some(args.id.0));
            let new = NewJob::asked(&inner, &args.name);
            let job = jobs::insert::<AddStorageDomain>(db, &new, &args, &[args.id.object()])?;
            Ok::<_, EngineError>(Created { id: args.id, job })
        })
        .await?;
    jobs::kick(&cx.engine, created.job);
    Ok(created)
}

fn planned(cx: &Cx, db: &mut Db, new: &NewSharedDomain) -> Result<Args, EngineError> {
    let centers = catalog::data_centers(db, &Scope::All)?;
    let found = match new.data_center {
        Some(id) => centers.iter().find(|c| c.id == id),
        None => centers.iter().find(|c| c.name == "Default").or(centers.first()),
    };
    let value = new.data_center.map(|id| id.to_string()).unwrap_or_default();
    let center = found.ok_or_else(|| EngineError::from(Invalid::new("data_center", Problem::NoSuch { value })))?;
    let (center, local) = (center.id, center.local);
    auth::check(db, &cx.actor, Action::CreateStorageDomain, center.object())?;
    let mut wrong = Vec::new();
    if local {
        wrong.push(Invalid::new("data_center", Problem::LocalCenter));
    }
    let mut keep = |read: Result<String, Invalid>| read.map_err(|w| wrong.push(w)).unwrap_or_default();
    let name = keep(valid::name("name", &new.name, MAX_NAME));
    let path = keep(path(&new.path));
    keep(valid::text("description", &new.description, MAX_DESCRIPTION));
    let taken = store::places(db)?.into_iter().any(|place| place.name == name);
    if taken {
        wrong.push(Invalid::new("name", Problem::Taken { name: name.clone() }));
    }
    if !wrong.is_empty() {
        return Err(EngineError::Invalid(wrong));
    }
    let host = store::host_for(db, center)?.ok_or_else(|| EngineError::from(Away::NoHostUp))?;
    Ok(Args { id: StorageDomainId::random(), name, path, data_center: center, host, space: (0, 0) })
}

fn path(text: &str) -> Result<String, Invalid> {
    let text = text.trim();
    let plain = text.starts_with('/') && !text.contains(char::is_control) && !text.split('/').any(|part| part == "..");
    if text.is_empty() {
        Err(Invalid::new("path", Problem::Missing))
    } else if text.len() > MAX_PATH {
        Err(Invalid::new("path", Problem::TooLong { max: MAX_PATH }))
    } else if plain {
        Ok(text.trim_end_matches('/').to_owned())
    } else {
        Err(Invalid::new("path", Problem::NotAPath))
    }
}

/// Every host that is up must see what the first one made.
async fn look(engine: &Arc<Engine>, args: &Args) -> Result<(), EngineError> {
    let center = args.data_center;
    let up = engine.db.read(move |db| Ok::<_, EngineError>(hosts::in_data_center(db, center)?)).await?;
    for host in up.into_iter().filter(|host| host.status == HostStatus::Up && host.id != args.host) {
        match engine.call(host.id, &DomainInfo { domain: domain(args) }).await {
            Ok(_) => {}
            Err(EngineError::NotFoundOnHost(_)) => {
                return Err(Conflict::NotShared { path: args.path.clone(), host: host.name }.into());
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn domain(args: &Args) -> DomainPath {
    DomainPath { id: args.id, path: args.path.clone() }
}

impl Kind for AddStorageDomain {
    const KIND: JobKind = JobKind::AddStorageDomain;
    type Args = Args;
    type Step = Step;

    async fn run(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<Next, EngineError> {
        match step {
            Step::Create => {
                let create = CreateDomain { domain: domain(args), name: args.name.clone() };
                let space = engine.call(args.host, &create).await?;
                args.space = (space.total_bytes, space.available_bytes);
            }
            Step::Look => look(engine, args).await?,
        }
        Ok(Next::Done)
    }

    async fn undo(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<(), EngineError> {
        if step == Step::Create {
            engine.call(args.host, &RemoveDomain { domain: domain(args) }).await?;
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
        let about = About { storage_domain: Some((args.id, args.name.clone())), ..About::default() };
        engine.changed(Topic::Object(ObjectKind::StorageDomain), Some(args.id.0));
        match outcome {
            Outcome::Finished => {
                store::activate(db, args.id, args.space)?;
                cx.tell(engine, db, EventCode::StorageDomainAdded, about, "")
            }
            Outcome::Failed(why) => {
                store::remove(db, args.id)?;
                cx.tell(engine, db, EventCode::AddStorageDomainFailed, about, why)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::path;

    #[test]
    fn a_path_leads_from_the_root_and_not_back() {
        assert_eq!(path(" /rhev/data/ ").unwrap(), "/rhev/data");
        for wrong in ["", "data", "/rhev/../etc", "/rhev/..", "/a\nb"] {
            assert!(path(wrong).is_err(), "{wrong:?}");
        }
    }
}
