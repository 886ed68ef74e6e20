//! What guest agents tell: host name, addresses, operating system.

use super::connection::Libvirt;
use super::domains;
use super::error::from_libvirt;
use super::events::Hub;
use super::guest_details::{details, text};
use crate::model::ids::VmId;
use crate::wire::{GuestReport, HostEvent, WireError};
use futures_util::{FutureExt, StreamExt, stream};
use serde_json::Value;
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use virt::domain::Domain;

/// Seconds a guest agent may take to answer.
const ANSWER_SECONDS: i32 = 5;
const AT_ONCE: usize = 4;
const REFRESH: Duration = Duration::from_secs(30);
/// After a start the address comes a little later than the agent.
const SOON: Duration = Duration::from_secs(3);

/// Asks every connected agent when it connects, soon after, and now and then; tells what changed.
pub async fn run(libvirt: Libvirt, hub: Hub) {
    let mut news = hub.listen();
    let mut known = HashMap::new();
    let mut next = tokio::time::Instant::now() + REFRESH;
    loop {
        tokio::select! {
            event = news.recv() => match event {
                Ok(HostEvent::Domain(report)) if report.agent_connected => {
                    refresh(&libvirt, &hub, &mut known, report.vm).await;
                    if known.get(&report.vm).is_none_or(|r: &GuestReport| r.addresses.is_empty()) {
                        next = next.min(tokio::time::Instant::now() + SOON);
                    }
                }
                Ok(HostEvent::Domain(report)) => { known.remove(&report.vm); }
                Ok(HostEvent::Snapshot { .. }) => { known.clear(); next = tokio::time::Instant::now(); }
                Err(RecvError::Closed) => return,
                Ok(_) | Err(RecvError::Lagged(_)) => {}
            },
            // It has heard nothing yet of guests that told everything long ago.
            () = hub.newcomer() => { known.clear(); next = tokio::time::Instant::now(); }
            () = tokio::time::sleep_until(next) => {
                next = tokio::time::Instant::now() + REFRESH;
                if !refresh_all(&libvirt, &hub, &mut known).await {
                    next = tokio::time::Instant::now() + SOON;
                }
            }
        }
    }
}

/// Some guests at a time: one that hangs holds up few others. True if every agent answered with addresses.
async fn refresh_all(libvirt: &Libvirt, hub: &Hub, known: &mut HashMap<VmId, GuestReport>) -> bool {
    let all = libvirt.report(domains::list).await.unwrap_or_default();
    let asked = all.into_iter().filter(|r| r.agent_connected).map(|r| ask(libvirt, r.vm).map(move |a| (r.vm, a)));
    let mut answers = stream::iter(asked).buffer_unordered(AT_ONCE);
    let mut whole = true;
    while let Some((vm, answer)) = answers.next().await {
        whole &= answer.as_ref().is_ok_and(|report| !report.addresses.is_empty());
        learn(hub, known, vm, answer);
    }
    whole
}

async fn refresh(libvirt: &Libvirt, hub: &Hub, known: &mut HashMap<VmId, GuestReport>, vm: VmId) {
    learn(hub, known, vm, ask(libvirt, vm).await);
}

fn learn(hub: &Hub, known: &mut HashMap<VmId, GuestReport>, vm: VmId, answer: Result<GuestReport, WireError>) {
    match answer {
        Ok(report) if known.get(&vm) != Some(&report) => {
            known.insert(vm, report.clone());
            hub.tell(HostEvent::Guest(report));
        }
        Ok(_) => {}
        Err(e) => tracing::debug!("{e}"),
    }
}

/// Asks one guest's agent.
///
/// # Errors
/// It does not answer.
pub async fn ask(libvirt: &Libvirt, vm: VmId) -> Result<GuestReport, WireError> {
    libvirt
        .report(move |connection| {
            let failed = |e| from_libvirt(&format!("the guest agent of VM {vm}"), &e);
            let domain = connection.lookup_domain_by_uuid_string(&vm.to_string()).map_err(failed)?;
            let interfaces = command(&domain, "guest-network-get-interfaces").map_err(failed)?;
            // Old agents know only some of these.
            let host = command(&domain, "guest-get-host-name").unwrap_or_default();
            let os = command(&domain, "guest-get-osinfo").unwrap_or_default();
            let users = command(&domain, "guest-get-users").unwrap_or_default();
            let zone = command(&domain, "guest-get-timezone").unwrap_or_default();
            let disks = command(&domain, "guest-get-fsinfo").unwrap_or_default();
            Ok(GuestReport {
                vm,
                hostname: text(&host, "host-name"),
                addresses: addresses(&interfaces),
                os: text(&os, "pretty-name").or_else(|| text(&os, "name")),
                details: details(&interfaces, &users, &zone, &os, &disks),
            })
        })
        .await
}

fn command(domain: &Domain, name: &str) -> Result<Value, virt::error::Error> {
    let said = domain.qemu_agent_command(&format!("{{\"execute\":\"{name}\"}}"), ANSWER_SECONDS, 0)?;
    let answer: Value = serde_json::from_str(&said).unwrap_or_default();
    Ok(answer.get("return").cloned().unwrap_or_default())
}

fn addresses(interfaces: &Value) -> Vec<String> {
    let all = interfaces.as_array().into_iter().flatten();
    all.filter_map(|i| i.get("ip-addresses")?.as_array().cloned())
        .flatten()
        .filter_map(|a| a.get("ip-address")?.as_str()?.parse::<std::net::IpAddr>().ok())
        .filter(|ip| !ip.is_loopback() && !matches!(ip, std::net::IpAddr::V6(v6) if v6.is_unicast_link_local()))
        .take(16)
        .map(|ip| ip.to_string())
        .collect()
}
