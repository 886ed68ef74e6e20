//! `start` with a `<vm>`: the VM runs like that this one time.

use super::input::Input;
use super::{first_run, vm_body};
use crate::engine::first_run::Said;
use crate::engine::{Cx, EngineError, disks};
use crate::model::disk::DiskContent;
use crate::model::ids::DiskId;
use crate::model::page::ListQuery;
use crate::model::run_once::{Drive, Kernel, RunOnce};
use crate::model::valid::{Invalid, Problem};
use crate::model::vm::{Display, Protocol};

const ACTION: &str =
    "pause vm use_cloud_init use_sysprep use_initialization async grace_period volatile filter fault job status";
const VM: &str = "\
    bios cdroms custom_cpu_model custom_emulated_machine display domain id initialization name os placement_policy \
    stateless";

/// How it is to run and what the guest is told in place of what its VM says, if it is said.
///
/// # Errors
/// All fields that are wrong.
pub async fn wanted(cx: &Cx, input: &Input) -> Result<Option<(RunOnce, Option<Said>)>, EngineError> {
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
    let mut said = None;
    if let Some(vm) = vm {
        read(vm, &mut once)?;
        said = first_run::wanted(vm)?;
        once.kernel = kernel(cx, vm).await?;
    }
    Ok(Some((once, said)))
}

fn read(vm: &Input, once: &mut RunOnce) -> Result<(), EngineError> {
    vm.only("vm", VM)?;
    if let Some(os) = vm.child("os") {
        os.only("os", "boot cmdline initrd kernel type")?;
    }
    once.boot = vm_body::boot_devices(vm)?;
    once.stateless = vm.bool_at("stateless", "stateless")? == Some(true);
    once.display = vm.parsed::<Protocol>("display/type", "display.type")?.map(Display::from);
    once.host = vm.parsed("placement_policy/hosts/host/id", "placement_policy.hosts")?;
    let text = |name: &str| vm.text_at(name).map(|text| text.trim().to_owned());
    once.machine = text("custom_emulated_machine");
    once.cpu_type = text("custom_cpu_model");
    once.boot_menu = vm.bool_at("bios/boot_menu/enabled", "bios.boot_menu.enabled")?;
    if let Some(cd) = vm.at("cdroms/cdrom") {
        once.cd = cd.parsed("file/id", "cdroms.cdrom.file")?.map_or(Drive::Empty, Drive::Holds);
    }
    Ok(())
}

/// `os/kernel` with `os/initrd` and `os/cmdline`.
async fn kernel(cx: &Cx, vm: &Input) -> Result<Option<Kernel>, EngineError> {
    let text = |name: &str| vm.text_at(name).map(str::trim).unwrap_or_default();
    let (kernel, initrd, parameters) = (text("os/kernel"), text("os/initrd"), text("os/cmdline"));
    let Some(image) = file(cx, "os.kernel", kernel).await? else {
        let left = [("os.initrd", initrd), ("os.cmdline", parameters)].into_iter().find(|(_, text)| !text.is_empty());
        return left.map_or(Ok(None), |(field, _)| Err(Invalid::new(field, Problem::NeedsKernel).into()));
    };
    Ok(Some(Kernel { image, initrd: file(cx, "os.initrd", initrd).await?, parameters: parameters.to_owned() }))
}

/// oVirt's `iso://NAME`, or an id. Other paths of the host are out of reach: who starts VMs must not read what QEMU could.
async fn file(cx: &Cx, field: &'static str, text: &str) -> Result<Option<DiskId>, EngineError> {
    if text.is_empty() {
        return Ok(None);
    }
    let name = text.strip_prefix("iso://").unwrap_or(text);
    if let Ok(id) = name.parse() {
        return Ok(Some(id));
    }
    let all = ListQuery { max: u32::MAX, ..ListQuery::default() };
    let mut images = disks::list(cx, &all).await?.rows.into_iter().filter(|disk| disk.content == DiskContent::Iso);
    let none = || Invalid::new(field, Problem::NotAnImage { value: text.chars().take(64).collect() });
    let found = if text == name { None } else { images.find(|disk| disk.alias == name) };
    Ok(Some(found.ok_or_else(none)?.id))
}
