//! Logical networks on the host: a bridge that is there, or a network that libvirt makes.

use super::error::{from_libvirt, refused};
use super::xml::build::NicSource;
use super::xml::parse;
use crate::wire::network::{NetworkMode, NetworkState};
use crate::wire::{EnsureNetwork, ErrorCode, WireError};
use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use virt::connect::Connect;
use virt::network::Network;

/// Bridges of networks that Vireo made begin so.
const BRIDGE_PREFIX: &str = "vireo";

/// Makes the network exist and run.
///
/// # Errors
/// The name is odd. A host on which libvirt can make no network falls back to QEMU's own.
pub fn ensure(connection: &Connect, request: &EnsureNetwork) -> Result<NetworkState, WireError> {
    let name = request.name.as_str();
    if name.is_empty()
        || name.len() > 64
        || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
    {
        return Err(refused(ErrorCode::InvalidRequest, format!("name: {name:?} is not a network's name")));
    }
    // Two VMs that start at once must not both make it.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    if is_bridge(name) {
        return Ok(NetworkState { mode: NetworkMode::Bridge });
    }
    if let Ok(network) = connection.lookup_network_by_name(name)
        && let Some(mode) = running_mode(&network)
    {
        return Ok(NetworkState { mode });
    }
    if !nix::unistd::geteuid().is_root() {
        // Only root's libvirt can make bridges.
        return Ok(NetworkState { mode: NetworkMode::User });
    }
    for mode in [NetworkMode::Nat, NetworkMode::Isolated] {
        match make(connection, name, mode) {
            Ok(()) => return Ok(NetworkState { mode }),
            Err(e) => tracing::warn!("network {name} cannot be made as {mode:?}: {e}"),
        }
    }
    Ok(NetworkState { mode: NetworkMode::User })
}

/// Where cards on these networks are plugged in.
///
/// # Errors
/// libvirt's.
pub fn sources<'a>(
    connection: &Connect,
    names: impl Iterator<Item = &'a str>,
) -> Result<Vec<(String, NicSource)>, WireError> {
    names
        .map(|name| {
            let source = match ensure(connection, &EnsureNetwork { name: name.to_owned() })?.mode {
                NetworkMode::Bridge => NicSource::Bridge(name.to_owned()),
                NetworkMode::Nat | NetworkMode::Isolated => NicSource::Network(name.to_owned()),
                NetworkMode::User => NicSource::User,
            };
            Ok((name.to_owned(), source))
        })
        .collect()
}

fn is_bridge(name: &str) -> bool {
    Path::new("/sys/class/net").join(name).join("bridge").exists()
}

/// How it runs; started if it was only defined. None if it cannot run.
fn running_mode(network: &Network) -> Option<NetworkMode> {
    if !network.is_active().ok()? {
        network.create().ok()?;
    }
    let xml = network.xml_desc(0).ok()?;
    Some(if parse::attribute(&xml, "forward", "mode").is_some() { NetworkMode::Nat } else { NetworkMode::Isolated })
}

fn make(connection: &Connect, name: &str, mode: NetworkMode) -> Result<(), WireError> {
    let failed = |e| from_libvirt(&format!("network {name}"), &e);
    if let Ok(old) = connection.lookup_network_by_name(name) {
        let bridge = parse::attribute(&old.xml_desc(0).map_err(failed)?, "bridge", "name").unwrap_or_default();
        if !bridge.starts_with(BRIDGE_PREFIX) {
            let message =
                format!("network {name} was defined by somebody else and cannot be started; start or remove it");
            return Err(refused(ErrorCode::Exists, message));
        }
        old.undefine().map_err(failed)?;
    }
    let subnet = free_subnet();
    // The name was checked above; bridge names have 15 characters at most and must be unique on the machine.
    let tag = &uuid::Uuid::new_v4().simple().to_string()[..8];
    let forward = if mode == NetworkMode::Nat { "<forward mode='nat'/>" } else { "" };
    let xml = format!(
        "<network><name>{name}</name>{forward}<bridge name='{BRIDGE_PREFIX}{tag}' stp='off'/>\
         <ip address='192.168.{subnet}.1' netmask='255.255.255.0'>\
         <dhcp><range start='192.168.{subnet}.2' end='192.168.{subnet}.254'/></dhcp></ip></network>"
    );
    let network = connection.define_network_xml(&xml).map_err(failed)?;
    if let Err(e) = network.create() {
        network.undefine().map_err(failed)?;
        return Err(failed(e));
    }
    network.set_autostart(true).map(drop).map_err(failed)
}

/// A third byte of 192.168.x.0/24 that no route of this machine uses.
fn free_subnet() -> u8 {
    let routes = fs::read_to_string("/proc/net/route").unwrap_or_default();
    let used: Vec<u8> = routes
        .lines()
        .skip(1)
        .filter_map(|l| u32::from_str_radix(l.split_whitespace().nth(1)?, 16).ok())
        .map(u32::to_le_bytes)
        .filter(|b| b[0] == 192 && b[1] == 168)
        .map(|b| b[2])
        .collect();
    let start = uuid::Uuid::new_v4().as_bytes()[0];
    (0..=255).map(|i: u8| start.wrapping_add(i)).find(|x| *x > 100 && *x < 250 && !used.contains(x)).unwrap_or(122)
}
