//! Where a guest is after its migration, whatever became of that.
//!
//! libvirt lets the source's guest go on only when it believes that the target's did not start, and QEMU's locks on the disks let only one of
//! them write: a source that runs has kept the guest. A source that stands still has given its disks away, and waits for a word.

use super::Args;
use crate::db::Db;
use crate::engine::jobs::Next;
use crate::engine::vms::{ha, state};
use crate::engine::{Engine, EngineError};
use crate::model::conflict::Conflict;
use crate::model::host::HostStatus;
use crate::model::ids::{HostId, VmId};
use crate::model::vm_state::Observed;
use crate::store::hosts::write;
use crate::wire::event::{DomainState, StopReason};
use crate::wire::migrate::Moved;
use crate::wire::{DomainReport, ForgetVm, ListDomains, ResumeVm, StopVm, UnexpectVm};
use std::sync::Arc;
use std::time::Duration;

/// A guest that stands still on both hosts is on its last step; so many looks, a second apart, and it is not.
const BETWEEN: u32 = 20;
/// A host that is away is asked again after this.
const AWAY: Duration = Duration::from_secs(2);

/// What a host says of the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Here {
    /// The host cannot be asked.
    Unknown,
    /// It runs, or is paused as somebody wished.
    Runs,
    /// It stands still for the last step of a migration.
    Waits,
    /// It is over there and still fetches its memory from here.
    PostCopy,
    /// libvirt says that it has left.
    Left,
    /// Off, or not known at all.
    Off,
}

/// Where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Arrived,
    /// It stayed; it has to be told to go on.
    Stayed {
        wake: bool,
    },
    /// It ended meanwhile.
    Ended,
    /// Its memory is partly there, partly here, and the way between them is gone.
    Torn,
    /// Cannot be said yet.
    Wait,
    /// It is on the last step; later the rest of the table holds without it.
    Between,
}

/// What both hosts say, and what follows.
pub(super) const fn verdict(source: Here, target: Here, patient: bool) -> Verdict {
    use Here as H;
    match (source, target) {
        (H::Runs, _) => Verdict::Stayed { wake: false },
        (_, H::Runs) => Verdict::Arrived,
        (H::Left, H::Unknown) => Verdict::Arrived,
        (H::Waits | H::PostCopy, H::Waits | H::PostCopy) if patient => Verdict::Between,
        (H::PostCopy, H::Off | H::Left | H::Waits | H::PostCopy) => Verdict::Torn,
        (H::Waits, H::Off | H::Left | H::Waits | H::PostCopy) => Verdict::Stayed { wake: true },
        (H::Off | H::Left, H::Waits | H::PostCopy) if patient => Verdict::Between,
        (H::Off | H::Left, H::Off | H::Left | H::Waits | H::PostCopy) => Verdict::Ended,
        (H::Unknown, _) | (_, H::Unknown) => Verdict::Wait,
    }
}

/// The last step.
pub(super) async fn settle(engine: &Arc<Engine>, args: &mut Args) -> Result<Next, EngineError> {
    let (source, target) = (ask(engine, args.from, args.vm).await?, ask(engine, args.to, args.vm).await?);
    match verdict(here(&source), here(&target), args.between < BETWEEN) {
        Verdict::Wait => Ok(Next::Again(AWAY)),
        Verdict::Between => {
            args.between += 1;
            Ok(Next::Again(Duration::from_secs(1)))
        }
        Verdict::Arrived => {
            arrived(engine, args, target.flatten()).await?;
            Ok(Next::Done)
        }
        Verdict::Stayed { wake } => {
            clear(engine, args.to, args.vm).await?;
            if wake {
                engine.call(args.from, &ResumeVm { vm: args.vm }).await?;
            }
            Err(Conflict::told(args.failed.as_deref().unwrap_or("it did not leave its host")).into())
        }
        Verdict::Torn => {
            clear(engine, args.to, args.vm).await?;
            engine.call(args.from, &StopVm { vm: args.vm }).await?;
            off(engine, args, "The connection between both hosts was lost while it fetched its memory (post-copy).")
                .await
        }
        Verdict::Ended => {
            clear(engine, args.to, args.vm).await?;
            let why = match source.flatten().map(|report| report.stop_reason) {
                // Whoever ends by himself leaves his definition.
                None => "It is on neither of its two hosts any more.",
                Some(Some(StopReason::Crashed)) => "Its QEMU process crashed.",
                Some(_) => "",
            };
            off(engine, args, why).await
        }
    }
}

/// None: the host cannot be asked; inside, none: it does not know the guest.
async fn ask(engine: &Arc<Engine>, host: HostId, vm: VmId) -> Result<Option<Option<DomainReport>>, EngineError> {
    match engine.call(host, &ListDomains {}).await {
        Ok(all) => Ok(Some(all.into_iter().find(|report| report.vm == vm))),
        Err(EngineError::Unavailable(_)) => {
            let row = engine.db.read(move |db| Ok::<_, EngineError>(write::row(db, host)?)).await?;
            // Known to be off: nothing runs there.
            Ok(row.is_none_or(|row| row.status.is_off()).then_some(None))
        }
        Err(error) => Err(error),
    }
}

fn here(report: &Option<Option<DomainReport>>) -> Here {
    let Some(known) = report else { return Here::Unknown };
    match known.as_ref().map(|r| (r.state, r.stop_reason)) {
        None => Here::Off,
        Some((DomainState::Running | DomainState::Paused | DomainState::PausedIo, _)) => Here::Runs,
        Some((DomainState::Migrating, _)) => Here::Waits,
        Some((DomainState::PostCopy, _)) => Here::PostCopy,
        Some((_, Some(StopReason::Migrated))) => Here::Left,
        Some(_) => Here::Off,
    }
}

/// It runs over there: nothing of it is left here.
async fn arrived(engine: &Arc<Engine>, args: &Args, report: Option<DomainReport>) -> Result<(), EngineError> {
    let to = args.to;
    let name = args.to_name.clone();
    state::write(engine, args.vm, move |run| {
        run.host = Some(to);
        run.host_name.clone_from(&name);
        run.host_status = Some(HostStatus::Up);
        run.observed = match report.as_ref().map(|r| r.state) {
            Some(DomainState::Paused) => Observed::Paused,
            Some(DomainState::PausedIo) => Observed::PausedIo,
            _ => Observed::Running,
        };
        Ok(())
    })
    .await?;
    for (host, done) in [
        (args.from, engine.call(args.from, &ForgetVm { vm: args.vm }).await),
        (args.to, engine.call(args.to, &UnexpectVm { vm: args.vm }).await),
    ] {
        match done {
            Ok(()) | Err(EngineError::NotFoundOnHost(_)) => {}
            // What is left is a definition that does not run.
            Err(error) => tracing::warn!(vm = %args.vm, %host, %error, "after a migration"),
        }
    }
    Ok(())
}

/// Nothing of it is left on this host.
async fn clear(engine: &Arc<Engine>, host: HostId, vm: VmId) -> Result<(), EngineError> {
    for done in [engine.call(host, &UnexpectVm { vm }).await, engine.call(host, &ForgetVm { vm }).await] {
        match done {
            // A host that is away ends what came half as soon as the tunnel is gone.
            Ok(()) | Err(EngineError::NotFoundOnHost(_) | EngineError::Unavailable(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn off(engine: &Arc<Engine>, args: &Args, why: &'static str) -> Result<Next, EngineError> {
    let inner = engine.clone();
    let unexpected = !why.is_empty();
    let vm = args.vm;
    let off = move |db: &mut Db| {
        let run = state::change(&inner, db, vm, |run| {
            state::set_off(&inner, run, why);
            Ok(())
        })?;
        if unexpected { ha::went_down(&inner, db, &run) } else { Ok(()) }
    };
    engine.db.write(off).await?;
    Err(Conflict::EndedOnItsWay.into())
}

/// For the event.
pub(super) fn in_words(moved: Moved) -> String {
    let ping = moved.ping_gap_ms.map_or_else(String::new, |ms| format!(", no answer to pings for {ms} ms"));
    let post_copy = if moved.post_copy { ", post-copy" } else { "" };
    format!("Total: {} ms, downtime: {} ms{ping}{post_copy}.", moved.elapsed_ms, moved.downtime_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Here; 6] = [Here::Unknown, Here::Runs, Here::Waits, Here::PostCopy, Here::Left, Here::Off];

    #[test]
    fn a_guest_is_never_told_to_go_on_in_two_places() {
        for source in ALL {
            for target in ALL {
                for patient in [true, false] {
                    let said = verdict(source, target, patient);
                    let wakes = matches!(said, Verdict::Stayed { wake: true });
                    assert!(!wakes || (source == Here::Waits && target != Here::Unknown), "{source:?} {target:?}");
                    assert!(!wakes || target != Here::Runs, "{source:?} {target:?}");
                    // What went over before its memory did must not go on where it was.
                    assert!(!wakes || source != Here::PostCopy);
                }
            }
        }
    }

    #[test]
    fn what_is_known_is_decided_and_what_is_not_waits() {
        assert_eq!(verdict(Here::Unknown, Here::Runs, true), Verdict::Arrived);
        assert_eq!(verdict(Here::Unknown, Here::Off, false), Verdict::Wait);
        assert_eq!(verdict(Here::Waits, Here::Unknown, false), Verdict::Wait);
        assert_eq!(verdict(Here::Off, Here::Unknown, false), Verdict::Wait);
        assert_eq!(verdict(Here::Left, Here::Unknown, false), Verdict::Arrived);
        assert_eq!(verdict(Here::Runs, Here::Waits, false), Verdict::Stayed { wake: false });
        assert_eq!(verdict(Here::Waits, Here::Off, false), Verdict::Stayed { wake: true });
        assert_eq!(verdict(Here::Waits, Here::Waits, true), Verdict::Between);
        assert_eq!(verdict(Here::PostCopy, Here::Off, true), Verdict::Torn);
        assert_eq!(verdict(Here::Off, Here::Off, true), Verdict::Ended);
    }
}
