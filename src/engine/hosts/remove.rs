//! A host goes for good. Its agent is told to leave: it ends, does not come back, and deletes its key. Where it cannot be told, it runs on,
//! and nobody calls it.

use super::enrol::{about, admitted, told};
use crate::auth;
use crate::db::Db;
use crate::engine::jobs::{self, JobContext, Kind, NewJob, Next, Outcome, steps};
use crate::engine::{Cx, Engine, EngineError};
use crate::model::conflict::{Away, Conflict};
use crate::model::event::EventCode;
use crate::model::host::HostAction;
use crate::model::ids::{HostId, JobId};
use crate::model::job::{JobKind, JobStatus};
use crate::model::role::Action;
use crate::store::hosts::{enrol as store, write};
use crate::wire::HostInfo;
use crate::wire::host::Leave;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// An agent that answers does so within this.
const ANSWERS: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(100);
/// Whoever looks at a page waits no longer.
const LOOKS: Duration = Duration::from_secs(3);

/// What becomes of the agent of a host that is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Farewell {
    /// No machine has joined, or it is the engine's own process.
    NoAgent,
    /// It answers, and will be told to leave.
    Leaves,
    /// It does not answer, and runs on.
    Stays,
}

/// What would become of a host's agent just now.
///
/// # Errors
/// Hidden, or the database failed.
pub async fn farewell(cx: &Cx, id: HostId) -> Result<Farewell, EngineError> {
    let actor = cx.actor.clone();
    let row = cx
        .engine
        .db
        .read(move |db| {
            auth::see(db, &actor, id.object())?;
            Ok::<_, EngineError>(write::row(db, id)?)
        })
        .await?;
    if row.is_none_or(|row| row.fingerprint.is_empty()) || cx.engine.hosts.runs_here(id) {
        return Ok(Farewell::NoAgent);
    }
    let answers = tokio::time::timeout(LOOKS, cx.engine.call(id, &HostInfo {})).await;
    Ok(if matches!(answers, Ok(Ok(_))) { Farewell::Leaves } else { Farewell::Stays })
}

/// Begins the removal of a host.
///
/// # Errors
/// Refused by its state, VMs or disks are on it, hidden, or the database failed.
pub(super) async fn begin(cx: &Cx, id: HostId) -> Result<JobId, EngineError> {
    let inner = cx.clone();
    let job = cx
        .engine
        .db
        .write(move |db| {
            auth::check(db, &inner.actor, Action::DeleteHost, id.object())?;
            let row = admitted(db, id, HostAction::Remove)?;
            let vms = store::vms_on(db, id)?;
            if vms > 0 {
                return Err(Conflict::HostHasVms { host: row.name, vms }.into());
            }
            let domains = store::local_domains(db, id)?;
            if !domains.is_empty() {
                return Err(Conflict::HostHasStorage { host: row.name, domains: domains.join(", ") }.into());
            }
            let args = Args { host: id, stays: None };
            jobs::insert::<RemoveHost>(db, &NewJob::asked(&inner, &row.name), &args, &[id.object()])
        })
        .await?;
    jobs::kick(&cx.engine, job);
    Ok(job)
}

/// Removes a host, and waits until it is gone: its agent is not called any more, and its certificate opens nothing.
///
/// # Errors
/// Refused by its state, VMs or disks are on it, hidden, or the database failed.
pub async fn remove(cx: &Cx, id: HostId) -> Result<(), EngineError> {
    let job = begin(cx, id).await?;
    let view = jobs::wait(&cx.engine, job).await?;
    if view.status != JobStatus::Finished {
        return Err(Conflict::told(view.error).into());
    }
    super::connect_all(&cx.engine).await
}

/// What the job knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Args {
    host: HostId,
    /// Why its agent could not be told to leave.
    stays: Option<String>,
}

steps! { Step { Leave = "leave", } }

/// The job.
pub(in crate::engine) struct RemoveHost;

/// Tells the agent once: whoever removes a host may do so because it is broken. Told again after a crash of the engine, an agent that has
/// left cannot be reached, which is as good.
async fn dismiss(engine: &Arc<Engine>, host: HostId) -> Result<Option<String>, EngineError> {
    let row = engine.db.read(move |db| Ok::<_, EngineError>(write::row(db, host)?)).await?;
    if row.is_none_or(|row| row.fingerprint.is_empty()) || engine.hosts.runs_here(host) {
        return Ok(None);
    }
    let silent = || EngineError::from(Away::Silent { seconds: ANSWERS.as_secs() });
    let told = tokio::time::timeout(ANSWERS, async {
        // An engine that has just started connects to its hosts meanwhile.
        while engine.hosts.client(host).is_err() {
            tokio::time::sleep(LOOK).await;
        }
        engine.call(host, &Leave {}).await
    });
    let told = told.await;
    Ok(told.unwrap_or_else(|_| Err(silent())).err().map(|why| why.to_string()))
}

impl Kind for RemoveHost {
    const KIND: JobKind = JobKind::RemoveHost;
    type Args = Args;
    type Step = Step;

    async fn run(engine: &Arc<Engine>, _: &JobContext, args: &mut Args, step: Step) -> Result<Next, EngineError> {
        let Step::Leave = step;
        args.stays = dismiss(engine, args.host).await?;
        Ok(Next::Done)
    }

    /// An agent that has left comes back with a new join command only.
    async fn undo(_: &Arc<Engine>, _: &JobContext, _: &mut Args, step: Step) -> Result<(), EngineError> {
        let Step::Leave = step;
        Ok(())
    }

    fn ended(
        engine: &Arc<Engine>,
        cx: &JobContext,
        db: &mut Db,
        args: &Args,
        outcome: Outcome<'_>,
    ) -> Result<(), EngineError> {
        let Some(row) = write::row(db, args.host)?.filter(|_| outcome == Outcome::Finished) else { return Ok(()) };
        store::remove(db, args.host)?;
        told(engine, args.host);
        engine.reconcilers.wake("hosts");
        cx.tell(engine, db, EventCode::HostRemoved, about(args.host, &row.name), "")?;
        match &args.stays {
            Some(why) => cx.tell(engine, db, EventCode::HostAgentStays, about(args.host, &row.name), why),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::hosts::enrol::add;
    use crate::engine::jobs::testing::{Case, every_way};
    use crate::engine::testing::Bench;
    use crate::model::host::{HostStatus, NewHost};
    use crate::wire::{ErrorCode, pin, tls};

    /// A second line to the bench's agent, as a host in maintenance.
    async fn second(bench: &Bench) -> HostId {
        let new = NewHost { name: "host2".to_owned(), address: "127.0.0.1".to_owned(), ..NewHost::default() };
        let id = add(&bench.cx, new).await.unwrap().host;
        let port = bench.agent.port;
        let known = pin::fingerprint(&tls::certificates(&bench.dir.join("host/host.pem")).unwrap()[0]);
        bench
            .engine
            .db
            .write(move |db| {
                store::set_line(db, id, "127.0.0.1", port, &known)?;
                let row = write::row(db, id)?.unwrap();
                assert!(write::set_status(db, &row, HostStatus::Maintenance, "")?);
                Ok::<_, EngineError>(())
            })
            .await
            .unwrap();
        crate::engine::hosts::connect_all(&bench.engine).await.unwrap();
        id
    }

    struct Removal;

    impl Case for Removal {
        type Kind = RemoveHost;
        type Subject = HostId;
        async fn prepare(bench: &Bench) -> HostId {
            second(bench).await
        }
        async fn begin(bench: &Bench, host: &HostId) -> JobId {
            begin(&bench.cx, *host).await.unwrap()
        }
        async fn done(bench: &Bench, host: &HostId) {
            assert!(crate::engine::catalog::host(&bench.cx, *host).await.is_err());
            assert!(bench.agent.calls("leave") > 0);
            assert!(bench.events().await.contains(&"USER_REMOVE_VDS".to_owned()));
        }
        async fn clean(bench: &Bench, host: &HostId) {
            assert_eq!(crate::engine::catalog::host(&bench.cx, *host).await.unwrap().status, HostStatus::Maintenance);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_removal_survives_everything() {
        every_way::<Removal>().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_agent_that_does_not_listen_keeps_no_host() {
        let bench = Bench::new().await;
        let host = second(&bench).await;
        assert_eq!(farewell(&bench.cx, host).await.unwrap(), Farewell::Leaves);
        bench.agent.refuse("leave", ErrorCode::NotFound);
        remove(&bench.cx, host).await.unwrap();
        assert!(bench.events().await.contains(&"HOST_AGENT_STAYS".to_owned()));
        let new = NewHost { name: "host3".to_owned(), ..NewHost::default() };
        let never = add(&bench.cx, new).await.unwrap().host;
        assert_eq!(farewell(&bench.cx, never).await.unwrap(), Farewell::NoAgent);
        remove(&bench.cx, never).await.unwrap();
    }
}
