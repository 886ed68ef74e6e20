//! Instance types: ready-made sizes.

use crate::model::ids::InstanceTypeId;

/// A size to start a VM from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceTypeView {
    pub id: InstanceTypeId,
    pub name: String,
    pub description: String,
    pub memory_mib: u64,
    pub max_memory_mib: u64,
    pub sockets: u32,
    pub cores: u32,
    pub threads: u32,
}

/// A change of one: only what is `Some` changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SizeChange {
    pub name: Option<String>,
    pub description: Option<String>,
    pub memory_mib: Option<u64>,
    pub max_memory_mib: Option<u64>,
    pub sockets: Option<u32>,
    pub cores: Option<u32>,
    pub threads: Option<u32>,
}

impl SizeChange {
    /// The type after the change; who changes only the memory does not want to hear of its maximum.
    pub fn on(self, old: InstanceTypeView) -> InstanceTypeView {
        let memory_mib = self.memory_mib.unwrap_or(old.memory_mib);
        InstanceTypeView {
            id: old.id,
            name: self.name.unwrap_or(old.name),
            description: self.description.unwrap_or(old.description),
            memory_mib,
            max_memory_mib: self.max_memory_mib.unwrap_or(old.max_memory_mib.max(memory_mib)),
            sockets: self.sockets.unwrap_or(old.sockets),
            cores: self.cores.unwrap_or(old.cores),
            threads: self.threads.unwrap_or(old.threads),
        }
    }
}

/// oVirt's five, with their fixed ids: (id, name, memory MiB, max memory MiB, sockets).
pub const PREDEFINED: [(InstanceTypeId, &str, u64, u64, u32); 5] = [
    (InstanceTypeId::fixed(0x00000003_0003_0003_0003_0000000000be), "Tiny", 512, 2048, 1),
    (InstanceTypeId::fixed(0x00000005_0005_0005_0005_0000000002e6), "Small", 2048, 8192, 1),
    (InstanceTypeId::fixed(0x00000007_0007_0007_0007_00000000010a), "Medium", 4096, 16384, 2),
    (InstanceTypeId::fixed(0x00000009_0009_0009_0009_0000000000f1), "Large", 8192, 32768, 2),
    (InstanceTypeId::fixed(0x0000000b_000b_000b_000b_00000000021f), "XLarge", 16384, 65536, 4),
];
