//! VMs leave a host that cannot work on, as its cluster has it (oVirt's resilience policy).

use crate::engine::vms::migrate::{self, Wanted};
use crate::engine::{Engine, EngineError};
use crate::model::cluster_settings::MigrateOnError;
use crate::model::host::HostStatus;
use crate::model::ids::{HostId, VmId};
use crate::model::vm::VmAction;
use crate::model::vm_state::Intent;
use crate::store::hosts::write as hosts;
use crate::store::scheduling::places;
use crate::store::vms::run::{self, VmRun, Which};
use crate::wire::ListDomains;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, MutexGuard, PoisonError};

/// The reconciler's.
pub(in crate::engine) const NAME: &str = "resilience";
/// So many VMs are on their way at a time.
const AT_ONCE: usize = 4;
/// A VM is tried so often, until its host has recovered.
const TRIES: u32 = 3;

/// Sends off what may not stay.
///
/// # Errors
/// The database failed.
pub(in crate::engine) async fn keep(engine: &Arc<Engine>) -> Result<(), EngineError> {
    let found = engine.db.read(|db| {
        let mut found = Vec::new();
        for host in hosts::all(db)?.into_iter().filter(|host| host.status == HostStatus::NonOperational) {
            let policy = places::settings(db, host.cluster)?.migration.on_error;
            for run in run::find(db, Which::OnHost(host.id))? {
                let leaves = match policy {
                    MigrateOnError::Stay => false,
                    MigrateOnError::Migrate => true,
                    MigrateOnError::HighlyAvailable => migrate::config(db, run.vm)?.hardware.settings.high_availability,
                };
                found.extend(leaves.then_some((host.id, run)));
            }
        }
        Ok::<_, EngineError>(found)
    });
    let found = found.await?;
    let there: HashSet<_> = found.iter().map(|(_, run)| run.vm).collect();
    lock(engine).retain(|vm, _| there.contains(vm));
    let hosts: HashSet<HostId> = found.iter().map(|(host, _)| *host).collect();
    for host in hosts {
        // Who does not answer cannot send anything.
        if engine.call(host, &ListDomains {}).await.is_ok() {
            empty(engine, found.iter().filter(|(of, _)| *of == host).map(|(_, run)| run)).await?;
        }
    }
    Ok(())
}

async fn empty(engine: &Arc<Engine>, vms: impl Iterator<Item = &VmRun>) -> Result<(), EngineError> {
    let all: Vec<&VmRun> = vms.collect();
    let mut under_way = all.iter().filter(|run| run.intent == Intent::Migrate).count();
    for run in all.into_iter().filter(|run| run.intent == Intent::Run && run.status.allows(VmAction::Migrate)) {
        if under_way >= AT_ONCE {
            break;
        }
        if sent(engine, run.vm) >= TRIES {
            continue;
        }
        match migrate::send_away(engine, run.vm, Wanted::default()).await {
            Ok(true) => {
                under_way += 1;
                *lock(engine).entry(run.vm).or_default() += 1;
            }
            Ok(false) => {}
            Err(error @ (EngineError::Db(_) | EngineError::Query(_))) => return Err(error),
            // Where it could go there is no room yet.
            Err(error) => tracing::info!(vm = %run.vm, %error, "cannot leave its host, which cannot work on"),
        }
    }
    Ok(())
}

fn lock(engine: &Engine) -> MutexGuard<'_, HashMap<VmId, u32>> {
    engine.hosts.sent.lock().unwrap_or_else(PoisonError::into_inner)
}

fn sent(engine: &Engine, vm: VmId) -> u32 {
    lock(engine).get(&vm).copied().unwrap_or_default()
}
