//! Keeps the line to one host: its events in, its state up, connecting or non-responsive.

use super::report;
use crate::engine::changes::Topic;
use crate::engine::{Engine, EngineError};
use crate::hosts::{HostClient, HostError};
use crate::model::conflict::Away;
use crate::model::event::{About, EventCode};
use crate::model::host::{HostFacts, HostStatus, HostView};
use crate::model::ids::HostId;
use crate::model::network::MANAGEMENT_NETWORK;
use crate::model::permission::ObjectKind;
use crate::store::hosts::write as store;
use crate::store::scope::Scope;
use crate::store::vms::run::{self, Which};
use crate::wire::{EnsureNetwork, HostCapabilities, HostEvent, HostInfo};
use futures_util::StreamExt as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A line comes every few seconds from a living host; this long without one means the line is dead.
const SILENCE: Duration = Duration::from_secs(15);
/// A host that was powered off and on and is silent for this long has not come back (oVirt's ServerRebootTimeout is shorter; servers
/// count their memory).
const REBOOT: Duration = Duration::from_secs(900);
/// Between two tries to reach a host that is away.
const RETRY: Duration = Duration::from_secs(1);
/// The management network every host has.
const NO_LIBVIRT: &str = "its libvirtd does not answer; the host comes back by itself when that does";

/// Watches a host for as long as the engine runs.
pub(super) async fn watch(engine: Arc<Engine>, host: HostId, client: HostClient) {
    let mut heard = Instant::now();
    loop {
        let why = match listen(&engine, host, &client, &mut heard).await {
            Ok(()) => "it ended the connection".to_owned(),
            Err(error) => error.to_string(),
        };
        if let Err(error) = lost(&engine, host, heard.elapsed(), &why).await {
            tracing::warn!(%host, %error, "the host's state could not be kept");
        }
        tokio::time::sleep(RETRY).await;
    }
}

/// One connection, from its snapshot to its end.
async fn listen(
    engine: &Arc<Engine>,
    host: HostId,
    client: &HostClient,
    heard: &mut Instant,
) -> Result<(), EngineError> {
    let stream = tokio::time::timeout(SILENCE, client.events()).await;
    let mut events = stream.map_err(|_| silent())??;
    let mut greeted = false;
    loop {
        let Some(event) = tokio::time::timeout(SILENCE, events.next()).await.map_err(|_| silent())? else {
            return Ok(());
        };
        let event = event?;
        *heard = Instant::now();
        let chance = matches!(event, HostEvent::Snapshot { .. } | HostEvent::Alive);
        let libvirt_back = matches!(event, HostEvent::Libvirt { connected: true });
        take(engine, host, event).await?;
        if (chance && !greeted) || libvirt_back {
            greeted = greet(engine, host, client).await?;
        }
    }
}

fn silent() -> EngineError {
    Away::Silent { seconds: SILENCE.as_secs() }.into()
}

async fn take(engine: &Arc<Engine>, host: HostId, event: HostEvent) -> Result<(), EngineError> {
    match event {
        HostEvent::Snapshot { domains } => report::snapshot(engine, host, domains).await,
        HostEvent::Domain(domain) => report::events(engine, host, vec![domain]).await,
        HostEvent::Rebooted { vm, millis_ago } => report::rebooted(engine, vm, millis_ago).await,
        HostEvent::Watchdog { vm } => report::watchdog(engine, host, vm).await,
        HostEvent::Guest(guest) => report::guest(engine, guest).await,
        HostEvent::Stats { host: stats, vms } => {
            engine.live.sample(host, &stats, &vms);
            engine.changes.tell(Topic::Stats, None);
            Ok(())
        }
        HostEvent::Libvirt { connected: false } => non_operational(engine, host, NO_LIBVIRT).await,
        HostEvent::Libvirt { connected: true } | HostEvent::Alive => Ok(()),
    }
}

/// Asks a host that is there again what it is, and calls it up. False: its libvirtd is away.
async fn greet(engine: &Arc<Engine>, host: HostId, client: &HostClient) -> Result<bool, EngineError> {
    let info = match client.call(&HostInfo {}).await {
        Ok(info) => info,
        Err(error @ HostError::Refused(_)) => {
            let why = if error.is_passing() { NO_LIBVIRT.to_owned() } else { error.to_string() };
            non_operational(engine, host, &why).await?;
            return Ok(false);
        }
        Err(error) => return Err(error.into()),
    };
    let network = client.call(&EnsureNetwork { name: MANAGEMENT_NETWORK.to_owned() }).await;
    let mode = match &network {
        Ok(state) => serde_json::to_value(state.mode).ok().and_then(|v| v.as_str().map(str::to_owned)),
        Err(_) => None,
    };
    let facts = facts(info, mode.unwrap_or_default());
    let now = engine.clock.now();
    engine.db.write(move |db| Ok::<_, EngineError>(store::set_facts(db, host, &facts, now)?)).await?;
    if let Err(error) = network {
        non_operational(engine, host, &format!("its network {MANAGEMENT_NETWORK} cannot be made: {error}")).await?;
        return Ok(false);
    }
    if let Some(other) = same_machine(engine, host).await? {
        non_operational(engine, host, &format!("it is the same machine as host {other}; remove one of them")).await?;
        return Ok(false);
    }
    if let Some((domain, why)) = super::storage::missing(engine, host).await? {
        cannot_see(engine, host, &domain, &why).await?;
        return Ok(false);
    }
    if let Some(why) = super::cpu::lacking(engine, host).await? {
        non_operational(engine, host, &why).await?;
        return Ok(false);
    }
    move_to(engine, host, HostStatus::Up, "").await?;
    super::storage::refresh(engine, host).await?;
    super::upgrade::greeted(engine, host);
    Ok(true)
}

/// It does not see a storage domain that other hosts see.
pub(super) async fn cannot_see(engine: &Arc<Engine>, host: HostId, domain: &str, why: &str) -> Result<(), EngineError> {
    non_operational(engine, host, &format!("it does not see the storage domain {domain}: {why}")).await
}

/// The host that has this one's hardware id: two rows of one machine would run its guests twice.
async fn same_machine(engine: &Arc<Engine>, host: HostId) -> Result<Option<String>, EngineError> {
    let all = engine.db.read(|db| Ok::<_, EngineError>(crate::store::hosts::list::list(db, &Scope::All)?)).await?;
    let own = all.iter().find(|h| h.id == host).map(|h| h.facts.hardware_id.clone()).unwrap_or_default();
    // Who came first stays.
    let up = |h: &HostView| h.id != host && h.status == HostStatus::Up;
    let same = all.into_iter().find(|h| up(h) && !own.is_empty() && h.facts.hardware_id == own);
    Ok(same.map(|h| h.name))
}

fn facts(info: HostCapabilities, network_mode: String) -> HostFacts {
    HostFacts {
        hostname: info.hostname,
        hardware_id: info.hardware_id,
        cpu_model: info.cpu_model,
        sockets: info.sockets,
        cores_per_socket: info.cores_per_socket,
        threads_per_core: info.threads_per_core,
        memory_mib: info.memory_mib,
        kvm: info.kvm,
        libvirt_version: info.libvirt_version,
        qemu_version: info.qemu_version,
        kernel_version: info.kernel_version,
        os: info.os,
        agent_version: info.agent_version,
        machines: info.machines,
        max_vcpus: info.max_vcpus,
        addresses: info.addresses,
        video_models: info.video_models,
        graphics: info.graphics,
        cpu_models: info.cpu_models,
        network_mode,
    }
}

pub(super) async fn non_operational(engine: &Arc<Engine>, host: HostId, why: &str) -> Result<(), EngineError> {
    move_to(engine, host, HostStatus::NonOperational, why).await
}

async fn lost(engine: &Arc<Engine>, host: HostId, silence: Duration, why: &str) -> Result<(), EngineError> {
    let silent_too_long = silence >= engine.timing.host_silence;
    if silence >= REBOOT {
        move_to(engine, host, HostStatus::Down, "").await?;
    }
    let status = if silent_too_long { HostStatus::NonResponsive } else { HostStatus::Connecting };
    if silent_too_long {
        engine.live.forget(host);
    }
    move_to(engine, host, status, why).await
}

/// Which of the states that follow from the connection replaces which.
fn may_move(from: HostStatus, to: HostStatus) -> bool {
    use HostStatus as S;
    match to {
        // Who was given up stays so until he is back, and is not called "connecting" by every try.
        S::Connecting => matches!(from, S::Up | S::NonOperational | S::Initializing | S::Unassigned),
        // A host that falls silent while it is emptied may come back with its VMs, and works on.
        // What is being dumped does not answer.
        S::NonResponsive => !matches!(from, S::Maintenance | S::Down | S::Reboot | S::Kdumping),
        // One that fails at starting VMs is let in again by time, or by a person.
        S::Up | S::NonOperational => !matches!(from, S::Maintenance | S::PreparingForMaintenance | S::Error),
        S::Down => from == S::Reboot,
        _ => false,
    }
}

/// Moves the host to another state; its VMs become unknown, or known again, with it.
async fn move_to(engine: &Arc<Engine>, id: HostId, status: HostStatus, why: &str) -> Result<(), EngineError> {
    let known = engine.db.read(move |db| Ok::<_, EngineError>(store::row(db, id)?)).await?;
    let Some(known) = known else { return Ok(()) };
    if !may_move(known.status, status)
        || (known.status == status && (status != HostStatus::NonOperational || known.reason == why))
    {
        return Ok(());
    }
    let (inner, why, now) = (engine.clone(), why.to_owned(), engine.clock.now());
    engine
        .db
        .write(move |db| {
            if !store::set_status(db, &known, status, &why)? {
                return Ok(());
            }
            if status == HostStatus::Up {
                crate::store::hosts::fence::forget_turn(db, id)?;
            }
            let was_there = known.status == HostStatus::Up;
            if was_there {
                store::set_last_seen(db, id, now)?;
            }
            let about = About { host: Some((id, known.name.clone())), ..About::default() };
            let code = match status {
                HostStatus::Up => Some(EventCode::HostUp),
                HostStatus::NonResponsive => Some(EventCode::HostNonResponsive),
                HostStatus::NonOperational => Some(EventCode::HostNonOperational),
                _ => None,
            };
            if let Some(code) = code {
                inner.tell(db, code, about, &why)?;
            }
            if status == HostStatus::NonOperational {
                inner.reconcilers.wake(super::evacuate::NAME);
            }
            inner.changed(Topic::Object(ObjectKind::Host), Some(id.0));
            if status == HostStatus::NonResponsive || known.status == HostStatus::NonResponsive {
                for run in run::find(db, Which::OnHost(id))? {
                    crate::engine::vms::state::change(&inner, db, run.vm, |_| Ok(()))?;
                }
            }
            Ok::<_, EngineError>(())
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_was_given_up_is_not_connecting_at_every_try() {
        assert!(may_move(HostStatus::Up, HostStatus::Connecting));
        assert!(may_move(HostStatus::Connecting, HostStatus::NonResponsive));
        assert!(!may_move(HostStatus::NonResponsive, HostStatus::Connecting));
        // One that reboots is silent, and is not fenced for that.
        assert!(!may_move(HostStatus::Reboot, HostStatus::NonResponsive));
        assert!(may_move(HostStatus::Reboot, HostStatus::Up) && may_move(HostStatus::Reboot, HostStatus::Down));
        assert!(!may_move(HostStatus::Up, HostStatus::Down));
        assert!(may_move(HostStatus::NonResponsive, HostStatus::Up));
    }

    #[test]
    fn maintenance_is_left_by_command_only() {
        for status in [HostStatus::Up, HostStatus::Connecting, HostStatus::NonResponsive, HostStatus::NonOperational] {
            assert!(!may_move(HostStatus::Maintenance, status), "{status}");
        }
    }
}
