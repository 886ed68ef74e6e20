//! Whether guests can have a CPU on this host, and what of it the host lacks.

use super::error::{from_libvirt, refused};
use super::facts::{EMULATOR, kvm};
use super::ffi;
use super::xml::build::MACHINE;
use super::xml::parse;
use crate::model::cpu::CpuBase;
use crate::wire::{CompareCpu, CpuCompared, ErrorCode, WireError};
use virt::connect::Connect;
use virt::error::ErrorNumber;

/// Asks libvirt.
///
/// # Errors
/// libvirt's.
pub fn compare(connection: &Connect, wanted: CompareCpu) -> Result<CpuCompared, WireError> {
    let Some(wanted) = (CpuBase { model: wanted.model, features: wanted.features }).checked() else {
        return Ok(CpuCompared::default());
    };
    let policy = |has| if has { "require" } else { "disable" };
    let features: String = wanted
        .features
        .iter()
        .map(|feature| format!("<feature policy='{}' name='{}'/>", policy(feature.has), feature.name))
        .collect();
    let cpu =
        format!("<cpu mode='custom' match='exact'><model fallback='forbid'>{}</model>{features}</cpu>", wanted.model);
    match ffi::compare_hypervisor_cpu(connection, hypervisor(), &cpu) {
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

/// What guests run on here: emulator, architecture, machine, accelerator.
fn hypervisor() -> ffi::Hypervisor<'static> {
    (EMULATOR, "x86_64", MACHINE, if kvm() { "kvm" } else { "qemu" })
}

/// The CPU that libvirt gives to guests that ask for the host's (its mode host-model).
///
/// # Errors
/// libvirt's, or it knows none.
pub fn own(connection: &Connect) -> Result<String, WireError> {
    let (emulator, arch, machine, kind) = hypervisor();
    let capabilities = connection
        .domain_capabilities(Some(emulator), Some(arch), Some(machine), Some(kind), 0)
        .map_err(|e| from_libvirt("the host's capabilities", &e))?;
    let none = || refused(ErrorCode::WrongState, "libvirt knows no model of this host's CPU".to_owned());
    parse::host_model(&capabilities).ok_or_else(none)
}

/// What these CPUs have in common.
///
/// # Errors
/// libvirt's: there is nothing that they have in common, or one is none.
pub fn common(connection: &Connect, cpus: &[String]) -> Result<CpuBase, WireError> {
    let xml = ffi::baseline_hypervisor_cpu(connection, hypervisor(), cpus)
        .map_err(|e| refused(ErrorCode::WrongState, format!("these CPUs have nothing in common: {}", e.message())))?;
    let odd = || refused(ErrorCode::WrongState, format!("libvirt's common CPU is not understood: {xml}"));
    parse::cpu(&xml).and_then(CpuBase::checked).ok_or_else(odd)
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
    fn a_cpu_is_taken_out_of_libvirts_capabilities_and_read() {
        let capabilities = "<domainCapabilities><cpu><mode name='host-model' supported='yes'><model fallback='forbid'>EPYC</model>\
            <vendor>AMD</vendor><feature policy='require' name='pku'/><feature policy='disable' name='vme'/></mode>\
            <mode name='custom'><model usable='yes'>Nehalem</model></mode></cpu></domainCapabilities>";
        let own = parse::host_model(capabilities).unwrap();
        assert!(own.starts_with("<cpu><model fallback='forbid'>EPYC</model>") && own.ends_with("name='vme'/></cpu>"));
        let read = parse::cpu(&own).unwrap();
        let features: Vec<(&str, bool)> = read.features.iter().map(|f| (f.name.as_str(), f.has)).collect();
        assert_eq!((read.model.as_str(), features), ("EPYC", vec![("pku", true), ("vme", false)]));
        assert_eq!(parse::host_model("<domainCapabilities/>"), None);
    }

    #[test]
    fn the_flags_are_read_off_libvirts_message() {
        let said = "the CPU is incompatible with host CPU: Host CPU does not provide required features: vme, avx512f";
        assert_eq!(missing(said), ["vme", "avx512f"]);
        assert_eq!(missing("the CPU is incompatible with host CPU"), [""; 0]);
    }
}
