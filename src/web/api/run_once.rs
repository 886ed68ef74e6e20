//! `start` with a `<vm>`: the VM runs like that this one time.

use super::input::Input;
use super::vm_body;
use crate::engine::EngineError;
use crate::model::run_once::{Drive, RunOnce};

const ACTION: &str =
    "pause vm use_cloud_init use_sysprep use_initialization async grace_period volatile filter fault job status";
const VM: &str = "cdroms display os placement_policy stateless id name";

/// How it is to run, if it is said.
///
/// # Errors
/// All fields that are wrong.
pub fn wanted(input: &Input) -> Result<Option<RunOnce>, EngineError> {
    let yes = |path: &str, field: &'static str| input.bool_at(path, field).map(|said| said == Some(true));
    let paused = yes("pause", "pause")?;
    // Which of them it is follows from the guest's operating system.
    let told = ["use_cloud_init", "use_sysprep", "use_initialization"];
    let tell = told.into_iter().try_fold(false, |said, name| Ok::<_, EngineError>(yes(name, name)? || said))?;
    let vm = input.child("vm");
    if vm.is_none() && !paused && !tell {
        return Ok(None);
    }
    input.only("action", ACTION)?;
    let mut once = RunOnce { paused, tell, ..RunOnce::default() };
    if let Some(vm) = vm {
        read(vm, &mut once)?;
    }
    Ok(Some(once))
}

fn read(vm: &Input, once: &mut RunOnce) -> Result<(), EngineError> {
    vm.only("vm", VM)?;
    if let Some(os) = vm.child("os") {
        os.only("os", "boot type")?;
    }
    once.boot = vm_body::boot_devices(vm)?;
    once.stateless = vm.bool_at("stateless", "stateless")? == Some(true);
    once.display = vm.parsed("display/type", "display.type")?;
    once.host = vm.parsed("placement_policy/hosts/host/id", "placement_policy.hosts")?;
    if let Some(cd) = vm.at("cdroms/cdrom") {
        once.cd = cd.parsed("file/id", "cdroms.cdrom.file")?.map_or(Drive::Empty, Drive::Holds);
    }
    Ok(())
}
