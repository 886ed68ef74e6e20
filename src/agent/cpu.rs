//! Whether guests can have a CPU on this host, and what of it the host lacks.

use super::error::from_libvirt;
use super::facts::{EMULATOR, kvm};
use super::ffi;
use super::xml::build::MACHINE;
use crate::wire::{CpuCompared, WireError};
use virt::connect::Connect;
use virt::error::ErrorNumber;

/// Asks libvirt.
///
/// # Errors
/// libvirt's.
pub fn compare(connection: &Connect, model: &str) -> Result<CpuCompared, WireError> {
    if !model.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')) {
        return Ok(CpuCompared::default());
    }
    let cpu = format!("<cpu mode='custom' match='exact'><model fallback='forbid'>{model}</model></cpu>");
    let kind = if kvm() { "kvm" } else { "qemu" };
    match ffi::compare_hypervisor_cpu(connection, (EMULATOR, "x86_64", MACHINE, kind), &cpu) {
        Ok(()) => Ok(CpuCompared { known: true, missing: Vec::new() }),
        Err(error) if error.code() == ErrorNumber::CpuIncompatible.into() => {
            Ok(CpuCompared { known: true, missing: missing(error.message()) })
        }
        // "Unknown CPU model".
        Err(error)
            if [ErrorNumber::InternalError, ErrorNumber::ConfigUnsupported]
                .iter()
                .any(|code| error.code() == (*code).into()) =>
        {
            Ok(CpuCompared::default())
        }
        Err(error) => Err(from_libvirt("the comparison of CPUs", &error)),
    }
}

/// libvirt names the flags in its message only.
fn missing(message: &str) -> Vec<String> {
    let flags = message.split_once("required features: ").map_or("", |(_, flags)| flags);
    flags.split(',').map(|flag| flag.trim().to_owned()).filter(|flag| !flag.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_are_read_off_libvirts_message() {
        let said = "the CPU is incompatible with host CPU: Host CPU does not provide required features: vme, avx512f";
        assert_eq!(missing(said), ["vme", "avx512f"]);
        assert_eq!(missing("the CPU is incompatible with host CPU"), [""; 0]);
    }
}
