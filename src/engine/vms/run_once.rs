//! Running a VM in another way this one time: another CD, another boot order, a kernel of its own, another machine, paused, on a chosen host,
//! forgetting everything, told anew who it is. The settings go with the run.

use crate::auth;
use crate::db::Db;
use crate::engine::first_run::{self, Said};
use crate::engine::jobs;
use crate::engine::vms::admit::{admit, command, refuse};
use crate::engine::vms::{cd, settings, start};
use crate::engine::{Cx, EngineError};
use crate::model::ids::{DiskId, JobId, VmId};
use crate::model::role::Action;
use crate::model::run_once::{Drive, Kernel, MAX_PARAMETERS, RunOnce};
use crate::model::valid::{self, Invalid, Problem};
use crate::model::vm::{BootDevice, Refusal, VmAction, VmStatus};
use crate::store::run_once as store;
use crate::store::scheduling::places;
use crate::store::vms::launch::{self, Launch, LaunchKernel};

/// Starts a VM that is down, once in this way, its guest told what is said here in place of what its VM says.
///
/// # Errors
/// Every field that is wrong; refused, hidden, or the database failed.
pub async fn run_once(cx: &Cx, id: VmId, once: RunOnce, said: Option<Said>) -> Result<JobId, EngineError> {
    let told = match said {
        Some(said) => Some(first_run::once(cx, id, said).await?),
        None => None,
    };
    let began = cx.engine.clock.now().assume_utc().unix_timestamp();
    let once = RunOnce { told, began, ..once };
    let job = command(cx, id, VmAction::Run, move |cx, db| begin(cx, db, id, &once)).await?;
    jobs::kick(&cx.engine, job);
    Ok(job)
}

fn begin(cx: &Cx, db: &mut Db, id: VmId, once: &RunOnce) -> Result<JobId, EngineError> {
    let run = admit(cx, db, id, VmAction::Run)?;
    if run.status != VmStatus::Down {
        return Err(refuse(VmAction::Run, &run.name, Refusal::Status(run.status)));
    }
    if let Some((_, pool)) = &run.pool {
        return Err(refuse(VmAction::Run, &run.name, Refusal::InPool { pool: pool.clone() }));
    }
    if let Drive::Holds(medium) = once.cd {
        auth::check(db, &cx.actor, VmAction::ChangeCd.permit(), id.object())?;
        cd::medium(cx, db, Some(medium), None)?;
    }
    if let Some(boot) = &once.boot
        && (boot.is_empty() || boot.len() > BootDevice::ALL.len())
    {
        let problem = Problem::Range { min: 1, max: BootDevice::ALL.len() as u64 };
        return Err(Invalid::new("os.boot", problem).into());
    }
    let system = once.boot_menu.is_some() || once.machine.is_some() || once.cpu_type.is_some();
    if system || once.display.is_some() || once.host.is_some() || once.kernel.is_some() {
        auth::check(db, &cx.actor, Action::EditVmProperties, id.object())?;
    }
    check_kernel(cx, db, once)?;
    if let Some(vm) = launch::get(db, id)? {
        check_place(db, vm, once)?;
    }
    store::set(db, id, once)?;
    start::begin(cx, db, &run)
}

/// Images that the actor may use, and parameters on one line.
fn check_kernel(cx: &Cx, db: &mut Db, once: &RunOnce) -> Result<(), EngineError> {
    let Some(kernel) = &once.kernel else { return Ok(()) };
    cd::image(cx, db, "os.kernel", kernel.image)?;
    if let Some(initrd) = kernel.initrd {
        cd::image(cx, db, "os.initrd", initrd)?;
    }
    let text = valid::text("os.cmdline", &kernel.parameters, MAX_PARAMETERS)?;
    match text.chars().find(|c| c.is_control()) {
        Some(found) => Err(Invalid::new("os.cmdline", Problem::Character { found }).into()),
        None => Ok(()),
    }
}

/// A host, a machine and a CPU that the VM's cluster has.
fn check_place(db: &mut Db, mut vm: Launch, once: &RunOnce) -> Result<(), EngineError> {
    if let Some(host) = once.host
        && !places::facts(db, vm.cluster)?.iter().any(|(id, _)| *id == host)
    {
        return Err(Invalid::new("placement_policy.hosts", Problem::NoSuch { value: host.to_string() }).into());
    }
    let mut wrong = Vec::new();
    set_machine(&mut vm, once);
    settings::machine_and_cpu(db, vm.cluster, &vm.hardware.settings, &mut wrong)?;
    if wrong.is_empty() { Ok(()) } else { Err(EngineError::Invalid(wrong)) }
}

fn set_machine(vm: &mut Launch, once: &RunOnce) {
    let settings = &mut vm.hardware.settings;
    settings.boot_menu = once.boot_menu.unwrap_or(settings.boot_menu);
    if let Some(machine) = &once.machine {
        settings.machine.clone_from(machine);
    }
    if let Some(cpu) = &once.cpu_type {
        settings.cpu_type.clone_from(cpu);
        // One that is named is meant instead of the host's own.
        settings.cpu_passthrough &= cpu.is_empty();
    }
}

/// The kernel with where it lies.
fn kernel(db: &mut Db, kernel: &Kernel, vm: &Launch) -> Result<LaunchKernel, EngineError> {
    let mut file = |id: DiskId| {
        let gone = || refuse(VmAction::Run, &vm.name, Refusal::KernelGone);
        launch::medium(db, id)?.ok_or_else(gone)
    };
    Ok(LaunchKernel {
        image: file(kernel.image)?,
        initrd: kernel.initrd.map(&mut file).transpose()?,
        parameters: kernel.parameters.trim().to_owned(),
    })
}

/// The VM's configuration as it runs this time.
pub(super) fn applied(db: &mut Db, mut vm: Launch) -> Result<(Launch, RunOnce), EngineError> {
    let once = store::get(db, vm.vm)?.unwrap_or_default();
    match once.cd {
        Drive::AsUsual => {}
        Drive::Empty => vm.cd = None,
        Drive::Holds(id) => vm.cd = Some((id, launch::medium(db, id)?)),
    }
    if let Some(boot) = &once.boot {
        vm.hardware.boot.clone_from(boot);
    }
    vm.hardware.display = once.display.unwrap_or(vm.hardware.display);
    vm.stateless |= once.stateless;
    set_machine(&mut vm, &once);
    if let Some(wanted) = &once.kernel {
        vm.kernel = Some(kernel(db, wanted, &vm)?);
    }
    Ok((vm, once))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::Bench;
    use crate::engine::testing::kinds::{new_pool, template, wait};
    use crate::engine::{pools, vms};
    use crate::model::ids::HostId;
    use crate::model::vm::NewVm;
    use crate::wire::ErrorCode;

    #[tokio::test(flavor = "multi_thread")]
    async fn nothing_of_it_is_left() {
        let bench = Bench::new().await;
        let golden = template(&bench).await;
        let new = NewVm { name: "desk".to_owned(), template: Some(golden), ..NewVm::default() };
        let made = vms::create(&bench.cx, new).await.unwrap();
        wait(&bench, made.job).await;
        let (vm, files) = (made.id, bench.agent.images().len());
        let once = || async { vms::get(&bench.cx, vm).await.unwrap().run_once };
        let forgets = RunOnce { stateless: true, boot: Some(vec![BootDevice::Network]), ..RunOnce::default() };
        wait(&bench, run_once(&bench.cx, vm, forgets.clone(), None).await.unwrap()).await;
        assert!(once().await && bench.agent.images().len() == files + 1);
        let again = run_once(&bench.cx, vm, forgets.clone(), None).await.unwrap_err().to_string();
        assert!(again.contains("the VM is"), "{again}");
        wait(&bench, vms::stop(&bench.cx, vm).await.unwrap()).await;
        bench.until("its layer is gone", || async { bench.agent.images().len() }, |now| *now == files).await;
        assert!(!once().await);

        // A start that fails leaves nothing, either.
        bench.agent.refuse("start_vm", ErrorCode::Libvirt);
        let job = run_once(&bench.cx, vm, forgets.clone(), None).await.unwrap();
        assert!(!jobs::wait(&bench.engine, job).await.unwrap().error.is_empty());
        assert!(!once().await && bench.agent.images().len() == files);
        bench.agent.obey();

        let elsewhere = RunOnce { host: Some(HostId::random()), ..RunOnce::default() };
        let refused = run_once(&bench.cx, vm, elsewhere, None).await.unwrap_err().to_string();
        assert!(refused.contains("placement_policy.hosts"), "{refused}");
        let pool = pools::create(&bench.cx, new_pool(golden)).await.unwrap();
        wait(&bench, pool.job).await;
        let of_pool = pools::vms(&bench.cx, pool.id).await.unwrap().remove(0).id;
        let refused = run_once(&bench.cx, of_pool, forgets, None).await.unwrap_err().to_string();
        assert!(refused.contains("belongs to the pool"), "{refused}");
        bench.assert_no_locks().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn another_machine_and_a_kernel() {
        let bench = Bench::new().await;
        let golden = template(&bench).await;
        let new = NewVm { name: "desk".to_owned(), template: Some(golden), ..NewVm::default() };
        let made = vms::create(&bench.cx, new).await.unwrap();
        wait(&bench, made.job).await;
        let vm = made.id;
        let disk = vms::get(&bench.cx, vm).await.unwrap().disks[0].disk.id;
        let with = |image| Kernel { image, initrd: None, parameters: "quiet".to_owned() };
        let machine = |name: &str| RunOnce { machine: Some(name.to_owned()), ..RunOnce::default() };
        for (once, field) in [
            (machine("pc-q35-1.0"), "custom_emulated_machine"),
            (machine("microvm"), "custom_emulated_machine"),
            (RunOnce { cpu_type: Some("Z80".to_owned()), ..RunOnce::default() }, "custom_cpu_model"),
            (RunOnce { kernel: Some(with(DiskId::random())), ..RunOnce::default() }, "os.kernel"),
            // A disk is no image for reading.
            (RunOnce { kernel: Some(with(disk)), ..RunOnce::default() }, "os.kernel"),
        ] {
            let refused = run_once(&bench.cx, vm, once.clone(), None).await.unwrap_err().to_string();
            assert!(refused.contains(field), "{once:?}: {refused}");
        }
        let once = RunOnce { cpu_type: Some("Nehalem".to_owned()), boot_menu: Some(true), ..machine("pc-q35-8.2") };
        wait(&bench, run_once(&bench.cx, vm, once, None).await.unwrap()).await;
        let now = vms::get(&bench.cx, vm).await.unwrap();
        let running = now.running.unwrap().hardware.settings;
        assert_eq!(
            (running.machine.as_str(), running.cpu_type.as_str(), running.boot_menu),
            ("pc-q35-8.2", "Nehalem", true)
        );
        assert!(now.hardware.settings.machine.is_empty() && now.hardware.settings.cpu_type.is_empty());
    }
}
