//! Checks of a VM's settings besides its size.

use crate::auth;
use crate::db::Db;
use crate::engine::{Cx, EngineError};
use crate::model::ids::{ClusterId, ObjectId};
use crate::model::instance_type::TypeSettings;
use crate::model::role::Action;
use crate::model::valid::{self, Invalid, Problem};
use crate::model::vm::{BootDevice, Display, Hardware, Protocol};
use crate::model::vm_settings::VmSettings;
use crate::store::scheduling::places;
use crate::store::settings as kept;

/// libvirt's limits for a guest's part of the CPUs.
const MOST_SHARES: u64 = 262_144;
const MOST_IO_THREADS: u64 = 16;
const MOST_RNG_BYTES: u64 = 1 << 30;
const MOST_RNG_PERIOD: u64 = 3_600_000;
const MOST_PINS: usize = 2048;

/// Custom properties, and where and how a VM runs, need permits of their own.
///
/// # Errors
/// The actor has not what the change needs, or the database failed.
pub(in crate::engine) fn may(
    cx: &Cx,
    db: &mut Db,
    old: &VmSettings,
    new: &VmSettings,
    object: ObjectId,
) -> Result<(), EngineError> {
    if old.custom != new.custom {
        auth::check(db, &cx.actor, Action::ChangeVmCustomProperties, object)?;
    }
    if (&old.hosts, old.migration, &old.cpu_pinning) != (&new.hosts, new.migration, &new.cpu_pinning) {
        auth::check(db, &cx.actor, Action::EditAdminVmProperties, object)?;
    }
    Ok(())
}

/// Notes all that is wrong with the settings.
///
/// # Errors
/// The database failed.
pub(in crate::engine) fn check(
    db: &mut Db,
    cluster: ClusterId,
    hardware: &Hardware,
    wrong: &mut Vec<Invalid>,
) -> Result<(), EngineError> {
    let s = &hardware.settings;
    numbers(s, wrong);
    let spice = hardware.display.has(Protocol::Spice);
    if s.monitors > 1 && !spice {
        wrong.push(Invalid::new("display.monitors", Problem::NeedsSpice));
    }
    if s.usb_redirection && !spice {
        wrong.push(Invalid::new("usb.enabled", Problem::NeedsSpice));
    }
    if s.cpu_shares > 0 {
        wrong.extend(valid::range("cpu_shares", s.cpu_shares.into(), 2, MOST_SHARES).err());
    }
    if !pins_are_good(&s.cpu_pinning, hardware.vcpus()) {
        wrong.push(Invalid::new("cpu.cpu_tune", Problem::NotAPinning { vcpus: hardware.vcpus() }));
    }
    machine_and_cpu(db, cluster, s, wrong)?;
    lease(db, cluster, s, wrong)?;
    if !s.hosts.is_empty() {
        let known = places::facts(db, cluster)?;
        if let Some(stranger) = s.hosts.iter().find(|id| known.iter().all(|(known, _)| known != *id)) {
            wrong.push(Invalid::new("placement_policy.hosts", Problem::NoSuch { value: stranger.to_string() }));
        }
    }
    if !s.custom.is_empty() {
        let permitted = kept::engine(db)?.vm_properties;
        wrong.extend(s.custom.iter().filter_map(|(name, value)| permitted.check(name, value).err()));
    }
    Ok(())
}

/// What an instance type says of settings; it knows no cluster and no display.
pub(in crate::engine) fn check_type(settings: &TypeSettings, wrong: &mut Vec<Invalid>) {
    let (mut boot, mut s) = (vec![BootDevice::Disk], VmSettings::default());
    settings.set(Display::Spice, &mut boot, &mut s);
    numbers(&s, wrong);
    if boot.is_empty() || boot.len() > BootDevice::ALL.len() {
        wrong.push(Invalid::new("os.boot", Problem::Range { min: 1, max: BootDevice::ALL.len() as u64 }));
    }
}

fn numbers(s: &VmSettings, wrong: &mut Vec<Invalid>) {
    if ![1, 2, 4].contains(&s.monitors) {
        let value = s.monitors.to_string();
        wrong.push(Invalid::new("display.monitors", Problem::NotOneOf { value, allowed: "1, 2, 4".to_owned() }));
    }
    let all = [
        ("high_availability.priority", s.priority, 1, 100),
        ("io.threads", s.io_threads, 0, MOST_IO_THREADS),
        ("rng_device.rate.bytes", s.rng_bytes, 0, MOST_RNG_BYTES),
        ("rng_device.rate.period", s.rng_period_ms, 0, MOST_RNG_PERIOD),
    ];
    wrong.extend(all.into_iter().filter_map(|(f, value, min, max)| valid::range(f, value.into(), min, max).err()));
}

/// A highly available VM's, in a domain that all hosts of the data center see.
fn lease(db: &mut Db, cluster: ClusterId, s: &VmSettings, wrong: &mut Vec<Invalid>) -> Result<(), EngineError> {
    let Some(domain) = s.lease.0 else { return Ok(()) };
    if !s.high_availability {
        wrong.push(Invalid::new("lease.storage_domain", Problem::LeaseNeedsHa));
    }
    let center = crate::store::storage_domains::data_center_of(db, cluster)?;
    let shared = crate::store::hosts::domains::shared_in(db, center)?;
    if !shared.contains(&domain) {
        wrong.push(Invalid::new("lease.storage_domain", Problem::NotAShared { value: domain.to_string() }));
    }
    Ok(())
}

/// A machine and a CPU that some host of the cluster has.
///
/// # Errors
/// The database failed.
pub(in crate::engine) fn machine_and_cpu(
    db: &mut Db,
    cluster: ClusterId,
    s: &VmSettings,
    wrong: &mut Vec<Invalid>,
) -> Result<(), EngineError> {
    if s.machine.is_empty() && s.cpu_type.is_empty() {
        return Ok(());
    }
    let hosts = places::facts(db, cluster)?;
    let mut note = |field, value: &str, there: bool| {
        if !there {
            wrong.push(Invalid::new(field, Problem::NoHostHas { value: value.chars().take(64).collect() }));
        }
    };
    note("custom_emulated_machine", &s.machine, hosts.iter().any(|(_, facts)| facts.has_machine(&s.machine)));
    note("custom_cpu_model", &s.cpu_type, hosts.iter().any(|(_, facts)| facts.has_cpu(&s.cpu_type)));
    if s.cpu_passthrough && !s.cpu_type.is_empty() {
        wrong.push(Invalid::new("custom_cpu_model", Problem::CpuAndPassthrough));
    }
    Ok(())
}

/// `0#0-1_1#2,^3`: each vCPU once, with a set of CPUs.
fn pins_are_good(text: &str, vcpus: u32) -> bool {
    if text.is_empty() {
        return true;
    }
    let mut seen = Vec::new();
    text.len() <= MOST_PINS
        && text.split('_').all(|pin| {
            let Some((vcpu, set)) = pin.split_once('#') else { return false };
            let Ok(vcpu) = vcpu.parse::<u32>() else { return false };
            let fresh = !seen.contains(&vcpu);
            seen.push(vcpu);
            fresh && vcpu < vcpus && set.split(',').all(is_range)
        })
}

fn is_range(text: &str) -> bool {
    let number = |text: &str| text.parse::<u16>().is_ok() && text.len() <= 4;
    match text.strip_prefix('^') {
        Some(but) => number(but),
        None => text.split_once('-').map_or_else(|| number(text), |(from, to)| number(from) && number(to)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins() {
        for good in ["", "0#0", "0#0-1_1#2,^3", "1#4,6-7"] {
            assert!(pins_are_good(good, 2), "{good}");
        }
        for bad in ["0", "0#", "2#0", "0#0_0#1", "0#a", "0#1-", "x#1", "0#0_"] {
            assert!(!pins_are_good(bad, 2), "{bad}");
        }
    }
}
