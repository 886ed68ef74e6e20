//! Fencing as a task: sure that nothing of the host writes any more, off, its VMs free, on.

use super::{about, ask, proxy, told};
use crate::db::Db;
use crate::engine::hosts::off;
use crate::engine::jobs::{JobContext, Kind, Next, Outcome, steps};
use crate::engine::{Engine, EngineError};
use crate::model::conflict::Conflict;
use crate::model::event::EventCode;
use crate::model::fence::{FenceType, PowerAction, agree, together};
use crate::model::host::HostStatus;
use crate::model::ids::HostId;
use crate::model::job::JobKind;
use crate::model::storage_domain::StorageDomainStatus;
use crate::store::hosts::domains::{self, Of};
use crate::store::hosts::fence::{self as store, Armed};
use crate::store::hosts::write::{self, HostRow};
use crate::store::scheduling::places;
use crate::wire::DomainPath;
use crate::wire::fence::SeesHost;
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// A host's mark is renewed every three seconds; it has not changed for so many: the host does not write there.
const LOOK_SECONDS: u64 = 12;
/// An agent is asked so often whether the power is as it was told to be (oVirt's FenceStopStatusRetries are fewer and slower).
const TRIES: u32 = 6;
const BETWEEN: Duration = Duration::from_secs(5);

/// What the job knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Args {
    host: HostId,
    name: String,
    fingerprint: String,
    wanted: FenceType,
    tries: u32,
    /// Who did it.
    #[serde(default)]
    asked: String,
    /// Who was told to have failed.
    #[serde(default)]
    failed: BTreeSet<String>,
}

impl Args {
    pub(super) fn new(row: &HostRow, wanted: FenceType) -> Self {
        let (name, fingerprint) = (row.name.clone(), row.fingerprint.clone());
        Self { host: row.id, name, fingerprint, wanted, tries: 0, asked: String::new(), failed: BTreeSet::new() }
    }
}

steps! { Step { Check = "check_storage", Off = "power_off", Free = "free_vms", On = "power_on", } }

/// The job.
pub(in crate::engine) struct FenceHost;

/// A host that the engine alone has lost may still run its VMs well.
async fn check(engine: &Arc<Engine>, args: &Args) -> Result<(), EngineError> {
    let host = args.host;
    let read = move |db: &mut Db| {
        let cluster = super::found(db, host)?.cluster;
        let asks = places::settings(db, cluster)?.fencing.skip_if_storage_active;
        // Off is off for certain: who does not mind what its VMs are at need not look.
        let shared = if asks { domains::find(db, Of::AllHostsWith(host))? } else { Vec::new() };
        Ok::<_, EngineError>((proxy(db, host)?, shared))
    };
    let (by, shared) = engine.db.read(read).await?;
    for domain in shared.into_iter().filter(|domain| domain.status == StorageDomainStatus::Active) {
        let path = DomainPath { id: domain.id, path: domain.path };
        let look = SeesHost { domain: path, fingerprint: args.fingerprint.clone(), seconds: LOOK_SECONDS };
        if engine.call(by, &look).await?.writes {
            return Err(Conflict::StillWrites { host: args.name.clone(), domain: domain.name }.into());
        }
    }
    Ok(())
}

/// The agents in their order: those with the same number together, the next ones where these fail.
async fn power(
    engine: &Arc<Engine>,
    cx: &JobContext,
    args: &mut Args,
    action: PowerAction,
) -> Result<Next, EngineError> {
    let host = args.host;
    let (by, armed) = engine.db.read(move |db| Ok::<_, EngineError>((proxy(db, host)?, store::of(db, host)?))).await?;
    if armed.is_empty() {
        return Err(Conflict::NoFenceAgent { host: args.name.clone() }.into());
    }
    let mut why = String::new();
    for group in together(&armed, |one| one.agent.place) {
        match power_by(engine, by, group, action).await {
            Ok(()) => {
                args.tries = 0;
                args.asked = asked(engine, by, group);
                return Ok(Next::Done);
            }
            Err(error) => {
                failed(engine, cx, args, &asked(engine, by, group), &error).await?;
                why = error;
            }
        }
    }
    args.tries += 1;
    if args.tries < TRIES { Ok(Next::Again(BETWEEN)) } else { Err(Conflict::told(why).into()) }
}

/// Asks some at once; a machine with two power supplies is off when both are.
async fn power_by(engine: &Arc<Engine>, by: HostId, group: &[Armed], action: PowerAction) -> Result<(), String> {
    let wanted = action == PowerAction::On;
    let answers = join_all(group.iter().map(|one| ask(engine, by, one, action))).await;
    let (mut said, mut why) = (Vec::new(), None);
    for (one, answer) in group.iter().zip(answers) {
        match answer {
            Ok(on) => {
                said.push(on);
                if on != wanted {
                    why.get_or_insert(format!("{} says that the power did not change", one.agent.kind));
                }
            }
            Err(error) => why = Some(error.to_string()),
        }
    }
    // Off is only what every one of them says; who does not answer does not say it.
    let sure = wanted || said.len() == group.len();
    if sure && agree(&said, wanted) { Ok(()) } else { Err(why.unwrap_or_default()) }
}

/// Who was asked, through whom.
fn asked(engine: &Engine, by: HostId, group: &[Armed]) -> String {
    let agents: Vec<String> = group.iter().map(|one| format!("{} {}", one.agent.kind, one.agent.address)).collect();
    format!("{} ← {}", agents.join(" + "), engine.hosts.name(by))
}

/// Told once for each that fails.
async fn failed(
    engine: &Arc<Engine>,
    cx: &JobContext,
    args: &mut Args,
    who: &str,
    why: &str,
) -> Result<(), EngineError> {
    if !args.failed.insert(who.to_owned()) {
        return Ok(());
    }
    let (inner, cx, about, detail) =
        (engine.clone(), cx.clone(), about(args.host, &args.name), format!("{who}: {why}"));
    engine.db.write(move |db| cx.tell(&inner, db, EventCode::FenceAgentFailed, about, &detail)).await
}

async fn free(engine: &Arc<Engine>, args: &Args) -> Result<(), EngineError> {
    let (inner, host) = (engine.clone(), args.host);
    let off = if args.wanted == FenceType::Restart { HostStatus::Reboot } else { HostStatus::Down };
    engine
        .db
        .write(move |db| match write::row(db, host)? {
            // Maintenance is left by command only; nothing runs there.
            Some(row) if row.status != HostStatus::Maintenance => off::runs_nothing(&inner, db, &row, off),
            _ => Ok(()),
        })
        .await
}

impl Kind for FenceHost {
    const KIND: JobKind = JobKind::FenceHost;
    type Args = Args;
    type Step = Step;

    async fn run(engine: &Arc<Engine>, cx: &JobContext, args: &mut Args, step: Step) -> Result<Next, EngineError> {
        let stops = args.wanted != FenceType::Start;
        match step {
            // Who asks by name has looked.
            Step::Check if stops && cx.owner.is_none() => check(engine, args).await.map(|()| Next::Done),
            Step::Off if stops => power(engine, cx, args, PowerAction::Off).await,
            Step::Free if stops => free(engine, args).await.map(|()| Next::Done),
            Step::On if args.wanted != FenceType::Stop => power(engine, cx, args, PowerAction::On).await,
            _ => Ok(Next::Done),
        }
    }

    /// What is off stays off: it may be why it was to be fenced.
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
        told(engine, args.host);
        let about = about(args.host, &args.name);
        if let (Outcome::Failed(_), Some(row)) = (outcome, write::row(db, args.host)?)
            && row.status == HostStatus::Reboot
        {
            // Off it is, and nobody gave it power.
            write::set_status(db, &row, HostStatus::Down, "")?;
        }
        match (outcome, args.wanted) {
            (Outcome::Finished, FenceType::Start) => cx.tell(engine, db, EventCode::HostPoweredOn, about, ""),
            (Outcome::Finished, FenceType::Stop) => cx.tell(engine, db, EventCode::HostPoweredOff, about, ""),
            (Outcome::Finished, FenceType::Restart) => cx.tell(engine, db, EventCode::HostFenced, about, &args.asked),
            (Outcome::Failed(why), _) => cx.tell(engine, db, EventCode::HostFenceFailed, about, why),
        }
    }
}
