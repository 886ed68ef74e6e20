//! The parts of a domain that follow from its VM's settings.

use super::build::{Done, NAMESPACE, Xml, element, empty, leaf};
use crate::model::disk::DiskInterface;
use crate::model::vm::Protocol;
use crate::model::vm_settings::{RngSource, VmSettings, Watchdog};
use crate::wire::VmSpec;

/// Places for memory that is added while the guest runs.
pub const MEMORY_SLOTS: u32 = 16;
/// USB devices of a viewer that a guest can have at once.
const REDIRECTED: usize = 4;

/// Marks the domain as ours; custom properties are kept there for whoever asks libvirt for them.
pub fn metadata(w: &mut Xml, spec: &VmSpec) -> Done {
    element(w, "metadata", &[], |w| {
        let own = &[("xmlns:vireo", NAMESPACE)];
        if spec.settings.custom.is_empty() {
            return leaf(w, "vireo:vm", own, &spec.id.to_string());
        }
        element(w, "vireo:vm", own, |w| {
            leaf(w, "vireo:id", &[], &spec.id.to_string())?;
            for (name, value) in &spec.settings.custom {
                leaf(w, "vireo:property", &[("name", name)], value)?;
            }
            Ok(())
        })
    })
}

/// Memory, CPUs and threads for disks, with room for more.
pub fn size(w: &mut Xml, spec: &VmSpec) -> Done {
    let memory = spec.memory_mib.to_string();
    if spec.room_mib > spec.memory_mib {
        leaf(w, "maxMemory", &[("slots", &MEMORY_SLOTS.to_string()), ("unit", "MiB")], &spec.room_mib.to_string())?;
    }
    leaf(w, "memory", &[("unit", "MiB")], &memory)?;
    leaf(w, "currentMemory", &[("unit", "MiB")], &memory)?;
    let (now, most) = (vcpus(spec), most_vcpus(spec));
    if most > now {
        leaf(w, "vcpu", &[("current", &now.to_string())], &most.to_string())?;
    } else {
        leaf(w, "vcpu", &[], &now.to_string())?;
    }
    if spec.settings.io_threads > 0 {
        leaf(w, "iothreads", &[], &spec.settings.io_threads.to_string())?;
    }
    Ok(())
}

/// The CPUs it starts with.
pub const fn vcpus(spec: &VmSpec) -> u32 {
    spec.sockets.saturating_mul(spec.cores).saturating_mul(spec.threads)
}

fn most_vcpus(spec: &VmSpec) -> u32 {
    spec.max_vcpus.max(vcpus(spec))
}

/// Sockets, those there is only room for, too; QEMU adds memory only to a NUMA node.
pub fn topology(w: &mut Xml, spec: &VmSpec) -> Done {
    let socket = spec.cores.saturating_mul(spec.threads).max(1);
    let (s, c, t) = ((most_vcpus(spec) / socket).to_string(), spec.cores.to_string(), spec.threads.to_string());
    empty(w, "topology", &[("sockets", &s), ("cores", &c), ("threads", &t)])?;
    if spec.room_mib <= spec.memory_mib {
        return Ok(());
    }
    element(w, "numa", &[], |w| {
        let cpus = format!("0-{}", most_vcpus(spec).saturating_sub(1));
        let memory = spec.memory_mib.to_string();
        empty(w, "cell", &[("id", "0"), ("cpus", &cpus), ("memory", &memory), ("unit", "MiB")])
    })
}

/// Its part of the CPUs, and which of its own runs on which.
pub fn shares_and_pins(w: &mut Xml, spec: &VmSpec) -> Done {
    let settings = &spec.settings;
    if settings.cpu_shares == 0 && settings.cpu_pinning.is_empty() {
        return Ok(());
    }
    element(w, "cputune", &[], |w| {
        if settings.cpu_shares > 0 {
            leaf(w, "shares", &[], &settings.cpu_shares.to_string())?;
        }
        for (vcpu, set) in settings.cpu_pinning.split('_').filter_map(|pin| pin.split_once('#')) {
            empty(w, "vcpupin", &[("vcpu", vcpu), ("cpuset", set)])?;
        }
        Ok(())
    })
}

/// The thread that a disk's work is done in, from 1; only virtio disks can have one.
pub fn io_thread(settings: &VmSettings, interface: DiskInterface, index: usize) -> Option<u32> {
    if settings.io_threads == 0 || interface != DiskInterface::Virtio {
        return None;
    }
    Some(u32::try_from(index).unwrap_or_default() % settings.io_threads + 1)
}

/// Sound, USB of a viewer, watchdog, balloon, random numbers.
pub fn devices(w: &mut Xml, spec: &VmSpec) -> Done {
    let settings = &spec.settings;
    if settings.soundcard {
        empty(w, "sound", &[("model", "ich6")])?;
    }
    if settings.usb_redirection && spec.display.has(Protocol::Spice) {
        for _ in 0..REDIRECTED {
            empty(w, "redirdev", &[("bus", "usb"), ("type", "spicevmc")])?;
        }
    }
    if settings.watchdog != Watchdog::Absent {
        empty(w, "watchdog", &[("model", "i6300esb"), ("action", settings.watchdog.as_str())])?;
    }
    if settings.ballooning {
        element(w, "memballoon", &[("model", "virtio")], |w| empty(w, "stats", &[("period", "5")]))?;
    } else {
        empty(w, "memballoon", &[("model", "none")])?;
    }
    random(w, settings)
}

fn random(w: &mut Xml, settings: &VmSettings) -> Done {
    let file = match settings.rng {
        RngSource::Absent => return Ok(()),
        RngSource::Urandom => "/dev/urandom",
        RngSource::Hwrng => "/dev/hwrng",
    };
    element(w, "rng", &[("model", "virtio")], |w| {
        if settings.rng_bytes > 0 {
            let (bytes, period) = (settings.rng_bytes.to_string(), settings.rng_period_ms.max(1).to_string());
            empty(w, "rate", &[("bytes", &bytes), ("period", &period)])?;
        }
        leaf(w, "backend", &[("model", "random")], file)
    })
}
