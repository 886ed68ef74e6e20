//! Which type stands for which kind of job.

use super::kind::{AnyKind, Hidden};
use crate::engine::vms::{reboot::RebootVm, shutdown::ShutdownVm, start::StartVm, stop::StopVm, suspend::SuspendVm};
use crate::model::job::JobKind;

/// The kind's steps; none: this program has no such job yet.
pub(super) fn find(kind: JobKind) -> Option<&'static dyn AnyKind> {
    Some(match kind {
        JobKind::StartVm => &const { Hidden::<StartVm>::new() },
        JobKind::StopVm => &const { Hidden::<StopVm>::new() },
        JobKind::ShutdownVm => &const { Hidden::<ShutdownVm>::new() },
        JobKind::RebootVm => &const { Hidden::<RebootVm>::new() },
        JobKind::SuspendVm => &const { Hidden::<SuspendVm>::new() },
        _ => return None,
    })
}
