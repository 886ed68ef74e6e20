//! Running a VM in another way this one time: another CD, another boot order, paused, on a chosen host, forgetting everything, told anew
//! who it is. The settings go with the run.

use crate::auth;
use crate::db::Db;
use crate::engine::jobs;
use crate::engine::vms::admit::{admit, command, refuse};
use crate::engine::vms::{cd, start};
use crate::engine::{Cx, EngineError};
use crate::model::ids::{JobId, VmId};
use crate::model::role::Action;
use crate::model::run_once::{Drive, RunOnce};
use crate::model::valid::{Invalid, Problem};
use crate::model::vm::{BootDevice, Refusal, VmAction, VmStatus};
use crate::store::run_once as store;
use crate::store::vms::launch::{self, Launch};

/// Starts a VM that is down, once in this way.
///
/// # Errors
/// Every field that is wrong; refused, hidden, or the database failed.
pub async fn run_once(cx: &Cx, id: VmId, once: RunOnce) -> Result<JobId, EngineError> {
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
    if once.display.is_some() || once.host.is_some() {
        auth::check(db, &cx.actor, Action::EditVmProperties, id.object())?;
    }
    if let Some(host) = once.host {
        let vm = launch::get(db, id)?.map(|vm| vm.cluster);
        let hosts = vm.map(|cluster| launch::candidates(db, cluster)).transpose()?.unwrap_or_default();
        if !hosts.iter().any(|one| one.id == host) {
            return Err(Invalid::new("placement_policy.hosts", Problem::NoSuch { value: host.to_string() }).into());
        }
    }
    store::set(db, id, once)?;
    start::begin(cx, db, &run)
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
        wait(&bench, run_once(&bench.cx, vm, forgets.clone()).await.unwrap()).await;
        assert!(once().await && bench.agent.images().len() == files + 1);
        let again = run_once(&bench.cx, vm, forgets.clone()).await.unwrap_err().to_string();
        assert!(again.contains("the VM is"), "{again}");
        wait(&bench, vms::stop(&bench.cx, vm).await.unwrap()).await;
        bench.until("its layer is gone", || async { bench.agent.images().len() }, |now| *now == files).await;
        assert!(!once().await);

        // A start that fails leaves nothing, either.
        bench.agent.refuse("start_vm", ErrorCode::Libvirt);
        let job = run_once(&bench.cx, vm, forgets.clone()).await.unwrap();
        assert!(!jobs::wait(&bench.engine, job).await.unwrap().error.is_empty());
        assert!(!once().await && bench.agent.images().len() == files);
        bench.agent.obey();

        let elsewhere = RunOnce { host: Some(HostId::random()), ..RunOnce::default() };
        let refused = run_once(&bench.cx, vm, elsewhere).await.unwrap_err().to_string();
        assert!(refused.contains("placement_policy.hosts"), "{refused}");
        let pool = pools::create(&bench.cx, new_pool(golden)).await.unwrap();
        wait(&bench, pool.job).await;
        let of_pool = pools::vms(&bench.cx, pool.id).await.unwrap().remove(0).id;
        let refused = run_once(&bench.cx, of_pool, forgets).await.unwrap_err().to_string();
        assert!(refused.contains("belongs to the pool"), "{refused}");
        bench.assert_no_locks().await;
    }
}
