//! Which action a VM allows now, and if not, why: the one answer for buttons, the API and commands.

use crate::model::conflict::Holder;
use crate::model::role::Action;
use crate::model::vm::{Refusal, VmAction, VmStatus};

/// All that decides over an action on a VM, besides what only the action itself can find out.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'a> {
    pub status: VmStatus,
    /// The task that holds it.
    pub locked_by: Option<&'a Holder>,
    /// Its pool's name.
    pub pool: Option<&'a str>,
    /// The host it runs on.
    pub host: Option<&'a str>,
    pub delete_protected: bool,
    pub stateless: bool,
    /// It has a serial line.
    pub serial: bool,
}

impl VmAction {
    /// The permit it needs.
    pub const fn permit(self) -> Action {
        match self {
            Self::Run => Action::RunVm,
            Self::Shutdown => Action::ShutDownVm,
            Self::PowerOff => Action::StopVm,
            Self::Reboot => Action::RebootVm,
            Self::Suspend => Action::HibernateVm,
            Self::Console => Action::ConnectToVm,
            Self::SerialConsole => Action::ConnectToSerialConsole,
            Self::ChangeCd => Action::ChangeVmCd,
            Self::Migrate => Action::MigrateVm,
            Self::Edit => Action::EditVmProperties,
            Self::Remove => Action::DeleteVm,
            Self::Snapshot | Self::Preview | Self::Clone => Action::ManipulateVmSnapshots,
        }
    }

    /// Disturbs no task that holds the VM.
    const fn only_looks(self) -> bool {
        matches!(self, Self::Console | Self::SerialConsole)
    }

    /// "Cannot … VM x".
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Run => "start",
            Self::Shutdown => "shut down",
            Self::PowerOff => "power off",
            Self::Reboot => "reboot",
            Self::Suspend => "suspend",
            Self::Console => "open the console of",
            Self::SerialConsole => "open the serial console of",
            Self::ChangeCd => "change the CD of",
            Self::Migrate => "migrate",
            Self::Edit => "edit",
            Self::Remove => "remove",
            Self::Snapshot => "take or remove a snapshot of",
            Self::Preview => "go to a snapshot of",
            Self::Clone => "copy",
        }
    }
}

/// Why the action is not possible; none: it is.
pub fn refusal(action: VmAction, vm: &Standing<'_>) -> Option<Refusal> {
    if let Some(job) = vm.locked_by.filter(|_| !action.only_looks()) {
        return Some(Refusal::Locked { job: job.clone() });
    }
    if !vm.status.allows(action) {
        let host = vm.host.filter(|_| vm.status == VmStatus::Unknown);
        return Some(host.map_or(Refusal::Status(vm.status), |host| Refusal::HostNotUp { host: host.to_owned() }));
    }
    if action == VmAction::SerialConsole && !vm.serial {
        return Some(Refusal::NoSerialConsole);
    }
    match (action, vm.pool) {
        (VmAction::Remove | VmAction::Snapshot | VmAction::Preview | VmAction::Clone, Some(pool)) => {
            Some(Refusal::InPool { pool: pool.to_owned() })
        }
        (VmAction::Remove, None) if vm.delete_protected => Some(Refusal::DeleteProtected),
        (VmAction::Suspend, Some(_)) => Some(Refusal::PoolSuspend),
        (VmAction::Suspend, None) if vm.stateless => Some(Refusal::StatelessSuspend),
        (VmAction::Snapshot | VmAction::Preview, None) if vm.stateless => Some(Refusal::StatelessSnapshot),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UP: Standing<'_> = Standing {
        status: VmStatus::Up,
        locked_by: None,
        pool: None,
        host: Some("host1"),
        delete_protected: false,
        stateless: false,
        serial: true,
    };

    #[test]
    fn a_task_holds_all_but_the_console() {
        let held = Standing { locked_by: Some(&Holder::AtTheSameMoment), ..UP };
        for &action in VmAction::ALL {
            let refused = matches!(refusal(action, &held), Some(Refusal::Locked { .. }));
            assert_eq!(refused, !matches!(action, VmAction::Console | VmAction::SerialConsole), "{action}");
        }
    }

    #[test]
    fn says_what_stands_in_the_way() {
        let pool = Standing { pool: Some("desks"), ..UP };
        assert_eq!(refusal(VmAction::Suspend, &pool), Some(Refusal::PoolSuspend));
        let down = Standing { status: VmStatus::Down, host: None, ..pool };
        assert_eq!(refusal(VmAction::Remove, &down), Some(Refusal::InPool { pool: "desks".to_owned() }));
        let protected = Standing { status: VmStatus::Down, delete_protected: true, ..UP };
        assert_eq!(refusal(VmAction::Remove, &protected), Some(Refusal::DeleteProtected));
        assert_eq!(refusal(VmAction::Run, &UP), Some(Refusal::Status(VmStatus::Up)));
        assert_eq!(refusal(VmAction::Suspend, &UP), None);
        assert_eq!(refusal(VmAction::Suspend, &Standing { stateless: true, ..UP }), Some(Refusal::StatelessSuspend));
        let unknown = Standing { status: VmStatus::Unknown, ..UP };
        assert_eq!(refusal(VmAction::PowerOff, &unknown), Some(Refusal::HostNotUp { host: "host1".to_owned() }));
    }
}
