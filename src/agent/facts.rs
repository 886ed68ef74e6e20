//! What the host is and can do.

use super::error::from_libvirt;
use super::xml::{build, parse};
use crate::wire::{HostCapabilities, WireError};
use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use virt::connect::Connect;

/// QEMU for x86-64 guests.
pub const EMULATOR: &str = "/usr/bin/qemu-system-x86_64";

/// Guests run on the CPU itself. A device file says little: inside some virtual machines it can be opened, and QEMU ends as soon as
/// it sets the guest's CPU up. So QEMU is asked, once, with all of the host's CPU. Where it starts and guests do badly all the same
/// (inside some virtual machines), `VIREO_KVM=off` says so.
pub fn kvm() -> bool {
    static WORKS: OnceLock<bool> = OnceLock::new();
    *WORKS.get_or_init(|| {
        if std::env::var_os("VIREO_KVM").is_some_and(|said| said == "off") {
            return false;
        }
        let there = fs::OpenOptions::new().read(true).write(true).open("/dev/kvm").is_ok();
        let works = there && kvm_starts();
        if there && !works {
            tracing::warn!("/dev/kvm is there but QEMU cannot use it; guests are emulated, many times slower");
        }
        works
    })
}

fn kvm_starts() -> bool {
    let arguments = "-accel kvm -cpu host -m 16 -S -nodefaults -no-user-config -display none -monitor stdio";
    let started = Command::new(EMULATOR)
        .args(arguments.split(' '))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut qemu) = started else { return false };
    // Its end without having read the word is an answer, too.
    let told = qemu.stdin.take().map(|mut monitor| monitor.write_all(b"quit\n"));
    qemu.wait().is_ok_and(|status| status.success()) && matches!(told, Some(Ok(())))
}

/// Everything the Admin Portal shows of a host.
///
/// # Errors
/// libvirt's.
pub fn read(connection: &Connect) -> Result<HostCapabilities, WireError> {
    let failed = |e| from_libvirt("the host's capabilities", &e);
    let capabilities = connection.capabilities().map_err(failed)?;
    let node = connection.node_info().map_err(failed)?;
    let kvm = kvm();
    let kind = if kvm { "kvm" } else { "qemu" };
    let domain = connection
        .domain_capabilities(Some(EMULATOR), Some("x86_64"), Some(build::MACHINE), Some(kind), 0)
        .map_err(failed)?;
    let cpu_info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    Ok(HostCapabilities {
        hostname: nix::unistd::gethostname().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default(),
        hardware_id: parse::text(&capabilities, "host/uuid").unwrap_or_default(),
        cpu_model: field(&cpu_info, "model name"),
        sockets: node.sockets * node.nodes,
        cores_per_socket: node.cores,
        threads_per_core: node.threads,
        memory_mib: memory_mib().unwrap_or(node.memory / 1024),
        kvm,
        libvirt_version: version(connection.lib_version().map_err(failed)?),
        qemu_version: version(connection.hyp_version().map_err(failed)?),
        kernel_version: fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned(),
        os: field_of(&fs::read_to_string("/etc/os-release").unwrap_or_default(), "PRETTY_NAME"),
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        machines: {
            let mut all = parse::texts(&capabilities, "machine");
            all.sort();
            all.dedup();
            all.retain(|m| m != build::MACHINE);
            all.insert(0, build::MACHINE.to_owned());
            all
        },
        max_vcpus: parse::attribute(&domain, "vcpu", "max").and_then(|t| t.parse().ok()).unwrap_or(1),
        addresses: addresses(),
        video_models: parse::enum_values(&domain, "video", "modelType"),
        graphics: parse::enum_values(&domain, "graphics", "type"),
        cpu_models: parse::cpu_models(&domain),
    })
}

/// libvirt packs versions as major * 1,000,000 + minor * 1,000 + release.
fn version(packed: u32) -> String {
    format!("{}.{}.{}", packed / 1_000_000, packed / 1000 % 1000, packed % 1000)
}

/// /proc/meminfo: libvirt's own figure can be a container's.
fn memory_mib() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let kib: u64 = text.lines().find(|l| l.starts_with("MemTotal:"))?.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024)
}

fn field(text: &str, name: &str) -> String {
    text.lines()
        .find(|l| l.starts_with(name))
        .and_then(|l| l.split_once(':'))
        .map(|(_, v)| v.trim().to_owned())
        .unwrap_or_default()
}

fn field_of(text: &str, name: &str) -> String {
    text.lines()
        .find_map(|l| l.strip_prefix(name)?.strip_prefix('='))
        .map(|v| v.trim_matches('"').to_owned())
        .unwrap_or_default()
}

fn addresses() -> Vec<String> {
    let Ok(all) = nix::ifaddrs::getifaddrs() else {
        return Vec::new();
    };
    let mut found: Vec<String> = all
        .filter_map(|i| i.address)
        .filter_map(|a| {
            let ip = a.as_sockaddr_in().map(|v4| std::net::IpAddr::from(v4.ip()));
            ip.or_else(|| a.as_sockaddr_in6().map(|v6| std::net::IpAddr::from(v6.ip())))
        })
        .filter(|ip| !ip.is_loopback() && !matches!(ip, std::net::IpAddr::V6(v6) if v6.is_unicast_link_local()))
        .map(|ip| ip.to_string())
        .collect();
    found.sort();
    found.dedup();
    found
}
