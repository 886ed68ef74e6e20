//! The list of reconcilers.

use super::Reconciler;
use crate::auth;
use crate::engine::directories::{people, skew};
use crate::engine::scheduler::{balancing, what_if};
use crate::engine::vms::{ha, io_pause, lease, state, stop};
use crate::engine::{Engine, EngineError, class, domains, hosts, jobs, pools};
use crate::model::vm::VmStatus;
use crate::store::vms::run::{self, Which};
use futures_util::FutureExt as _;
use std::sync::Arc;
use std::time::Duration;

/// Finished jobs stay this long in the task list, failed ones longer.
const KEEP_FINISHED: time::Duration = time::Duration::minutes(10);
const KEEP_FAILED: time::Duration = time::Duration::minutes(60);

/// All of them; the names are what [`wake`](super::Reconcilers::wake) takes.
pub(super) const ALL: &[Reconciler] = &[
    Reconciler { name: "jobs", period: Duration::from_secs(10), run: |e| jobs::resume_all(e).boxed() },
    Reconciler { name: "hosts", period: Duration::from_secs(30), run: |e| hosts::connect_all(e).boxed() },
    Reconciler {
        name: "host certificates",
        period: Duration::from_secs(3600),
        run: |e| hosts::enrol::renew_certificates(e).boxed(),
    },
    Reconciler { name: "fencing", period: Duration::from_secs(5), run: |e| hosts::fence::fence_silent(e).boxed() },
    Reconciler {
        name: hosts::evacuate::NAME,
        period: Duration::from_secs(15),
        run: |e| hosts::evacuate::keep(e).boxed(),
    },
    Reconciler { name: "crashed hosts", period: Duration::from_secs(10), run: |e| hosts::kdump::watch(e).boxed() },
    Reconciler { name: "host recovery", period: Duration::from_secs(60), run: |e| hosts::recover(e).boxed() },
    Reconciler {
        name: hosts::upgrade::NAME,
        period: Duration::from_secs(60),
        run: |e| hosts::upgrade::keep(e).boxed(),
    },
    Reconciler { name: "storage pool managers", period: Duration::from_secs(5), run: |e| hosts::spm::elect(e).boxed() },
    Reconciler { name: "storage", period: Duration::from_secs(60), run: |e| storage(e).boxed() },
    Reconciler { name: "vms", period: Duration::from_secs(2), run: |e| vms(e).boxed() },
    Reconciler { name: "high availability", period: Duration::from_secs(2), run: |e| ha::restart(e).boxed() },
    Reconciler { name: "leases", period: Duration::from_secs(5), run: |e| lease::watch(e).boxed() },
    Reconciler { name: "halted guests", period: Duration::from_secs(10), run: |e| io_pause::watch(e).boxed() },
    Reconciler { name: "balancing", period: Duration::from_secs(60), run: |e| balancing::keep(e).boxed() },
    Reconciler { name: "reservation", period: Duration::from_secs(300), run: |e| what_if::watch(e).boxed() },
    Reconciler { name: "unwanted guests", period: Duration::from_secs(5), run: |e| stop::stop_unwanted(e).boxed() },
    Reconciler { name: "pools", period: Duration::from_secs(1), run: |e| pools::keep_full(e).boxed() },
    Reconciler { name: "pool memories", period: Duration::from_secs(5), run: |e| pools::memory::keep(e).boxed() },
    Reconciler { name: "same-page merging", period: Duration::from_secs(10), run: |e| hosts::ksm::keep(e).boxed() },
    Reconciler {
        name: "lessons",
        period: Duration::from_secs(15),
        run: |e| pools::reservations::end_lessons(e).boxed(),
    },
    Reconciler { name: "sessions", period: Duration::from_secs(60), run: |e| sessions(e).boxed() },
    Reconciler { name: "domains", period: Duration::from_secs(3), run: |e| domains::load(e).boxed() },
    Reconciler { name: "domain checks", period: Duration::from_secs(60), run: |e| domains::watch(e).boxed() },
    Reconciler { name: "signed-in people", period: Duration::from_secs(15), run: |e| people::signed_in(e).boxed() },
    Reconciler { name: "people", period: Duration::from_secs(600), run: |e| people::all(e).boxed() },
    Reconciler { name: "clocks", period: Duration::from_secs(60), run: |e| skew::watch(e).boxed() },
    Reconciler { name: "classes", period: Duration::from_secs(5), run: |e| class::keep(e).boxed() },
    Reconciler { name: "old jobs", period: Duration::from_secs(60), run: |e| old_jobs(e).boxed() },
];

/// Free space and state of the storage domains.
async fn storage(engine: &Arc<Engine>) -> Result<(), EngineError> {
    for host in engine.hosts.ids() {
        hosts::storage::refresh(engine, host).await?;
    }
    hosts::storage::refresh_shared(engine).await
}

/// A guest without agent counts as up when it has run for a while.
async fn vms(engine: &Arc<Engine>) -> Result<(), EngineError> {
    let find = |db: &mut crate::db::Db| Ok::<_, EngineError>(run::find(db, Which::InState(VmStatus::PoweringUp))?);
    let grace = time::Duration::try_from(engine.timing.powering_up).unwrap_or_default();
    let due = engine.clock.now().saturating_sub(grace);
    for run in engine.db.read(find).await?.into_iter().filter(|run| run.started.is_some_and(|at| at <= due)) {
        state::write(engine, run.vm, |_| Ok(())).await?;
    }
    Ok(())
}

/// Sessions that ended by themselves, and the consoles that hung on them. Who works in a console is not idle.
async fn sessions(engine: &Arc<Engine>) -> Result<(), EngineError> {
    auth::session::purge(&engine.db, engine.clock.now(), engine.consoles.sessions()).await?;
    engine.consoles.recheck(engine).await
}

async fn old_jobs(engine: &Arc<Engine>) -> Result<(), EngineError> {
    let now = engine.clock.now();
    let (finished, failed) = (now.saturating_sub(KEEP_FINISHED), now.saturating_sub(KEEP_FAILED));
    let purge = move |db: &mut crate::db::Db| {
        let gone = crate::store::jobs::purge(db, finished, failed)?;
        if gone > 0 {
            crate::store::templates::seal::purge(db)?;
        }
        Ok::<_, EngineError>(gone)
    };
    let gone = engine.db.write(purge).await?;
    if gone > 0 {
        engine.changes.tell(crate::engine::changes::Topic::Jobs, None);
    }
    Ok(())
}
