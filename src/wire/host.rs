//! What a host is and can do.

use crate::model::cpu::CpuFeature;
use serde::{Deserialize, Serialize};

/// Ask for the host's capabilities.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HostInfo {}

/// Ask what a CPU (a name of libvirt's) has that the host cannot give to guests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompareCpu {
    pub model: String,
    #[serde(default)]
    pub features: Vec<CpuFeature>,
}

/// Ask for the CPU that guests have there unless another is chosen, as libvirt writes it (`<cpu>…`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnCpu {}

/// Have libvirt compute what these CPUs have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommonCpu {
    pub cpus: Vec<String>,
}

/// What is missing for a CPU.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CpuCompared {
    /// False: nobody there knows a CPU of that name.
    pub known: bool,
    /// Flags (`avx2`); empty: the host offers it.
    pub missing: Vec<String>,
}

/// Have the host merge equal pages of its guests' memory (KSM). On already: fine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EnableKsm {}

/// Ask for a request to certify the key that the agent has.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CertificateRequest {}

/// A PKCS #10 request in PEM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CsrPem {
    pub csr: String,
}

/// Use this certificate (PEM) from now on; it must be of the key that the agent has.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SetCertificate {
    pub certificate: String,
}

/// A host's hardware and software.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HostCapabilities {
    pub hostname: String,
    /// libvirt's host UUID (SMBIOS where there is one).
    pub hardware_id: String,
    pub cpu_model: String,
    pub sockets: u32,
    pub cores_per_socket: u32,
    pub threads_per_core: u32,
    pub memory_mib: u64,
    /// False: guests are emulated by TCG, many times slower.
    pub kvm: bool,
    pub libvirt_version: String,
    pub qemu_version: String,
    pub kernel_version: String,
    pub os: String,
    pub agent_version: String,
    /// Machine types QEMU offers; the first is the default.
    pub machines: Vec<String>,
    /// Most vCPUs one guest can have here.
    pub max_vcpus: u32,
    pub addresses: Vec<String>,
    /// Video models (`vga`, `virtio`, `qxl`, `bochs` …) this QEMU has.
    pub video_models: Vec<String>,
    /// Display protocols this QEMU has: `vnc`, `spice`.
    pub graphics: Vec<String>,
    /// CPUs that guests can have here (`qemu64`, `Skylake-Client`, …).
    #[serde(default)]
    pub cpu_models: Vec<String>,
}

/// This machine is no host any more: end, do not come back, and delete key and certificate. Guests that run are left alone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Leave {}

/// Go off, as the machine's own power button would have it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PowerOff {}
