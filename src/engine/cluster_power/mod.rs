//! A whole cluster is shut down and started in order from one place: guests, hosts, and back.
//!
//! Down ([`ShutDownCluster`]): ordinary VMs are asked to shut down, then the highly available ones, then the hosts are powered off. A guest that
//! does not go ends it, with its name: nothing is pulled. From the beginning on no VM starts in the cluster (a pool, or high availability, would
//! start what was just shut down): the row in `cluster_rest` says so, and stays when all is off.
//!
//! Up ([`StartCluster`]): hosts with fence agents are powered on if another host is there to ask them, the others are waited for; then what ran
//! before is started again, the most important first.
//!
//! Both are tasks: their page shows what each step waits for, and an engine that is killed goes on where it was.

mod down;
#[cfg(test)]
mod tests;
mod up;

pub(in crate::engine) use down::ShutDownCluster;
pub(in crate::engine) use up::StartCluster;

use crate::auth;
use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::jobs::{self, NewJob};
use crate::engine::{Cx, Engine, EngineError};
use crate::model::conflict::Conflict;
use crate::model::event::{About, EventCode};
use crate::model::host::HostStatus;
use crate::model::ids::{ClusterId, JobId, VmId};
use crate::model::permission::ObjectKind;
use crate::model::role::Action;
use crate::store::cluster_rest as store;
use crate::store::hosts::write::{self, HostRow};
use crate::store::scheduling::places;
use crate::store::vms::ha;
use crate::store::vms::run::{self, VmRun, Which};
use std::sync::Arc;

/// What a cluster's page shows of its power.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterPower {
    /// No VM starts there.
    pub rests: bool,
    /// The task that is under way.
    pub job: Option<JobId>,
    /// What would be shut down, in this order: names.
    pub ordinary: Vec<(VmId, String)>,
    pub highly_available: Vec<(VmId, String)>,
    pub hosts: Vec<(String, HostStatus)>,
    /// So many VMs are to be started again.
    pub remembered: usize,
}

/// What would be shut down, or started.
///
/// # Errors
/// Hidden, or the database failed.
pub async fn view(cx: &Cx, id: ClusterId) -> Result<ClusterPower, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .read(move |db| {
            auth::see(db, &inner.actor, id.object())?;
            let mut power = ClusterPower {
                rests: store::get(db, id)?.is_some(),
                job: crate::store::jobs::of_lock(db, id.object())?,
                ordinary: Vec::new(),
                highly_available: Vec::new(),
                hosts: hosts(db, id)?.into_iter().map(|host| (host.name, host.status)).collect(),
                remembered: store::remembered(db, id)?.len(),
            };
            for run in running(db, id)? {
                let marked = ha::is_marked(db, run.vm)?;
                let list = if marked { &mut power.highly_available } else { &mut power.ordinary };
                list.push((run.vm, run.name));
            }
            Ok(power)
        })
        .await
}

/// Shuts it down.
///
/// # Errors
/// Refused, under way already, hidden, or the database failed.
pub async fn shut_down(cx: &Cx, id: ClusterId) -> Result<JobId, EngineError> {
    let inner = cx.clone();
    let job = cx.engine.db.write(move |db| {
        let name = may(&inner, db, id)?;
        store::begin(db, id)?;
        // A pool looks after its own.
        let own = running(db, id)?.into_iter().filter(|run| run.pool.is_none());
        let vms: Vec<VmId> = own.map(|run| run.vm).collect();
        store::remember(db, id, &vms)?;
        inner.tell(db, EventCode::ClusterGoesDown, about(id, &name), "")?;
        told(&inner.engine, id);
        jobs::insert::<ShutDownCluster>(db, &NewJob::asked(&inner, &name), &down::Args::new(id, &name), &[id.object()])
    });
    let job = job.await?;
    jobs::kick(&cx.engine, job);
    Ok(job)
}

/// Starts it again.
///
/// # Errors
/// It was not shut down, refused, under way already, hidden, or the database failed.
pub async fn start(cx: &Cx, id: ClusterId) -> Result<JobId, EngineError> {
    let inner = cx.clone();
    let job = cx.engine.db.write(move |db| {
        let name = may(&inner, db, id)?;
        if store::get(db, id)?.is_none() {
            return Err(Conflict::ClusterRuns { cluster: name }.into());
        }
        store::call_off(db, id, false)?;
        inner.tell(db, EventCode::ClusterComesUp, about(id, &name), "")?;
        told(&inner.engine, id);
        let args = up::Args::new(id, &name, inner.engine.clock.now());
        jobs::insert::<StartCluster>(db, &NewJob::asked(&inner, &name), &args, &[id.object()])
    });
    let job = job.await?;
    jobs::kick(&cx.engine, job);
    Ok(job)
}

/// Ends what is under way where it is. What is off stays off, and VMs may be started by hand.
///
/// # Errors
/// Nothing is under way, refused, hidden, or the database failed.
pub async fn call_off(cx: &Cx, id: ClusterId) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            let name = may(&inner, db, id)?;
            if store::get(db, id)?.is_none() {
                return Err(Conflict::ClusterRuns { cluster: name }.into());
            }
            told(&inner.engine, id);
            // A task ends by it; where none is under way nothing keeps VMs from starting any more.
            match crate::store::jobs::of_lock(db, id.object())? {
                Some(_) => store::call_off(db, id, true)?,
                None => store::end(db, id)?,
            }
            Ok(())
        })
        .await
}

/// Whether VMs may start in a cluster.
///
/// # Errors
/// It was shut down, or the database failed.
pub(in crate::engine) fn may_start(db: &mut Db, id: ClusterId) -> Result<(), EngineError> {
    match store::get(db, id)? {
        None => Ok(()),
        Some(_) => Err(Conflict::ClusterRests { cluster: name_of(db, id)? }.into()),
    }
}

fn may(cx: &Cx, db: &mut Db, id: ClusterId) -> Result<String, EngineError> {
    auth::check(db, &cx.actor, Action::ManipulateHost, id.object())?;
    auth::check(db, &cx.actor, Action::ShutDownVm, id.object())?;
    name_of(db, id)
}

fn name_of(db: &mut Db, id: ClusterId) -> Result<String, EngineError> {
    places::cluster_name(db, id)?.ok_or_else(|| EngineError::NotFound { kind: "cluster", id: id.to_string() })
}

fn hosts(db: &mut Db, id: ClusterId) -> Result<Vec<HostRow>, EngineError> {
    Ok(write::all(db)?.into_iter().filter(|host| host.cluster == id).collect())
}

/// What has a QEMU on one of its hosts, or is about to have one.
fn running(db: &mut Db, id: ClusterId) -> Result<Vec<VmRun>, EngineError> {
    let mut all = Vec::new();
    for host in hosts(db, id)? {
        let here = run::find(db, Which::OnHost(host.id))?;
        all.extend(here.into_iter().filter(|run| run.status.is_running() || run.observed.is_living()));
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

/// Somebody called it off.
async fn go_on(engine: &Arc<Engine>, id: ClusterId) -> Result<(), EngineError> {
    match engine.db.read(move |db| Ok::<_, EngineError>(store::get(db, id)?)).await? {
        Some(true) => Err(Conflict::told("it was cancelled").into()),
        _ => Ok(()),
    }
}

fn about(id: ClusterId, name: &str) -> About {
    About { cluster: Some((id, name.to_owned())), ..About::default() }
}

fn told(engine: &Arc<Engine>, id: ClusterId) {
    engine.changed(Topic::Object(ObjectKind::Cluster), Some(id.0));
}
