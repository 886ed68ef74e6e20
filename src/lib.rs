//! Vireo: a virtualization manager for KVM hosts in one binary.
