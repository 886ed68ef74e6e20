//! The kinds of jobs that make and remove things, every way; afterwards nothing is there that was not there before, in the database
//! or on the host.

use super::Bench;
use crate::engine::jobs::testing::{Case, every_way};
use crate::engine::vms::create::AddVm;
use crate::engine::vms::remove::RemoveVm;
use crate::engine::{disks, jobs, pools, templates, vms};
use crate::model::disk::{DiskInterface, NewDisk};
use crate::model::ids::*;
use crate::model::job::JobStatus;
use crate::model::page::ListQuery;
use crate::model::pool::{NewPool, PoolKind, PoolUpdate, PoolView, Surplus};
use crate::model::vm::{BootDevice, Display, Hardware, NewVm, VmStatus};
use crate::model::vm_settings::VmSettings;
use std::collections::BTreeSet;

/// All that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::engine) struct Stock {
    pub files: BTreeSet<String>,
    pub vms: Vec<(String, VmStatus)>,
    pub disks: Vec<String>,
    pub pools: Vec<(String, u32)>,
}

pub(in crate::engine) async fn stock(bench: &Bench) -> Stock {
    let all = ListQuery { max: 1000, ..ListQuery::default() };
    let vms = vms::list(&bench.cx, &all).await.unwrap().rows;
    let disks = disks::list(&bench.cx, &all).await.unwrap().rows;
    let pools = pools::list(&bench.cx, &all).await.unwrap().rows;
    Stock {
        files: bench.agent.images(),
        vms: vms.into_iter().map(|v| (v.name, v.status)).collect(),
        disks: disks.into_iter().map(|d| d.alias).collect(),
        pools: pools.into_iter().map(|p| (p.name, p.assigned)).collect(),
    }
}

pub(in crate::engine) async fn wait(bench: &Bench, job: JobId) {
    let view = jobs::wait(&bench.engine, job).await.unwrap();
    assert_eq!(view.status, JobStatus::Finished, "{}", view.error);
}

fn new_disk(alias: &str) -> NewDisk {
    NewDisk {
        alias: alias.to_owned(),
        description: String::new(),
        virtual_bytes: 1 << 30,
        sparse: true,
        interface: DiskInterface::Virtio,
        bootable: true,
        storage_domain: None,
        quota: None,
    }
}

async fn disk(bench: &Bench, alias: &str) -> DiskId {
    let created = disks::add(&bench.cx, new_disk(alias), None).await.unwrap();
    wait(bench, created.job).await;
    created.id
}

pub(in crate::engine) async fn template(bench: &Bench) -> TemplateId {
    let new = templates::NewTemplate {
        name: "golden".to_owned(),
        description: String::new(),
        cluster: None,
        disk: disk(bench, "golden_Disk1").await,
        os: "other".to_owned(),
        hardware: Hardware {
            memory_mib: 512,
            max_memory_mib: 2048,
            guaranteed_memory_mib: 512,
            sockets: 1,
            cores: 1,
            threads: 1,
            display: Display::Vnc,
            boot: vec![BootDevice::Disk],
            settings: VmSettings::default(),
        },
    };
    templates::create(&bench.cx, new).await.unwrap()
}

fn new_vm(template: TemplateId) -> NewVm {
    NewVm { name: "fresh".to_owned(), template: Some(template), disks: vec![new_disk("")], ..NewVm::default() }
}

pub(in crate::engine) fn new_pool(template: TemplateId) -> NewPool {
    NewPool {
        name: "desks".to_owned(),
        description: String::new(),
        comment: String::new(),
        cluster: None,
        template,
        size: 2,
        prestarted: 0,
        max_user_vms: 1,
        kind: PoolKind::Automatic,
        stateful: false,
        instant_start: false,
        use_latest: false,
        quota: None,
    }
}

async fn pool(bench: &Bench) -> PoolId {
    let created = pools::create(&bench.cx, new_pool(template(bench).await)).await.unwrap();
    wait(bench, created.job).await;
    created.id
}

async fn pool_view(bench: &Bench, id: PoolId) -> PoolView {
    pools::get(&bench.cx, id).await.unwrap()
}

/// `case!(test, Kind, Subject, prepare, begin, done, clean)`; `clean` is `same` where failure must leave no trace.
macro_rules! case {
    ($test:ident, $kind:ty, $subject:ty,
    |$b0:ident| $prepare:expr, |$b1:ident, $s1:ident| $begin:expr, |$b2:ident, $s2:ident| $done:expr, |$b3:ident, $s3:ident| $clean:expr
) => {
        #[tokio::test(flavor = "multi_thread")]
        async fn $test() {
            struct ThisCase;
            impl Case for ThisCase {
                type Kind = $kind;
                type Subject = ($subject, Stock);
                async fn prepare($b0: &Bench) -> Self::Subject {
                    let subject = $prepare;
                    (subject, stock($b0).await)
                }
                async fn begin($b1: &Bench, ($s1, _): &Self::Subject) -> JobId {
                    $begin
                }
                async fn done($b2: &Bench, $s2: &Self::Subject) {
                    $done
                }
                async fn clean($b3: &Bench, $s3: &Self::Subject) {
                    $clean
                }
            }
            every_way::<ThisCase>().await;
        }
    };
}
pub(in crate::engine) use case;

case!(
    adding_a_vm_every_way,
    AddVm,
    TemplateId,
    |bench| template(bench).await,
    |bench, template| vms::create(&bench.cx, new_vm(*template)).await.unwrap().job,
    |bench, subject| {
        let now = stock(bench).await;
        assert_eq!(now.vms, [("fresh".to_owned(), VmStatus::Down)]);
        assert_eq!(now.files.len(), subject.1.files.len() + 2);
    },
    |bench, subject| assert_eq!(stock(bench).await, subject.1)
);

case!(
    removing_a_vm_every_way,
    RemoveVm,
    VmId,
    |bench| {
        let template = template(bench).await;
        let created = vms::create(&bench.cx, new_vm(template)).await.unwrap();
        wait(bench, created.job).await;
        created.id
    },
    |bench, vm| vms::remove(&bench.cx, *vm, false).await.unwrap(),
    |bench, _subject| {
        let now = stock(bench).await;
        assert!(now.vms.is_empty() && now.files.len() == 1 && now.disks.len() == 1, "{now:?}");
    },
    |bench, subject| {
        // Its files may be gone; what is asked for again goes through.
        bench.becomes(subject.0, VmStatus::Down).await;
    }
);

case!(
    adding_a_disk_every_way,
    disks::AddDisk,
    (),
    |_bench| (),
    |bench, _nothing| disks::add(&bench.cx, new_disk("extra"), None).await.unwrap().job,
    |bench, _subject| assert_eq!(stock(bench).await.files.len(), 1),
    |bench, subject| assert_eq!(stock(bench).await, subject.1)
);

case!(
    removing_a_disk_every_way,
    disks::RemoveDisk,
    DiskId,
    |bench| disk(bench, "extra").await,
    |bench, disk| disks::remove(&bench.cx, *disk).await.unwrap(),
    |bench, _subject| {
        let now = stock(bench).await;
        assert!(now.files.is_empty() && now.disks.is_empty(), "{now:?}");
    },
    |bench, _subject| assert_eq!(stock(bench).await.disks, ["extra"])
);

case!(
    adding_a_pool_every_way,
    pools::AddPool,
    TemplateId,
    |bench| template(bench).await,
    |bench, template| pools::create(&bench.cx, new_pool(*template)).await.unwrap().job,
    |bench, _subject| {
        let now = stock(bench).await;
        assert_eq!(now.vms, [("desks-1".to_owned(), VmStatus::Down), ("desks-2".to_owned(), VmStatus::Down)]);
        // Their files are made when they first start.
        assert_eq!((now.files.len(), now.disks.len()), (1, 3));
    },
    |bench, subject| assert_eq!(stock(bench).await, subject.1)
);

case!(
    removing_a_pool_every_way,
    pools::RemovePool,
    PoolId,
    |bench| pool(bench).await,
    |bench, pool| pools::remove(&bench.cx, *pool).await.unwrap(),
    |bench, _subject| {
        let now = stock(bench).await;
        assert!(now.vms.is_empty() && now.pools.is_empty() && now.files.len() == 1, "{now:?}");
    },
    |bench, subject| assert_eq!(stock(bench).await.vms, subject.1.vms)
);

case!(
    taking_from_a_pool_every_way,
    pools::TakeFromPool,
    PoolId,
    |bench| pool(bench).await,
    |bench, pool| pools::take(&bench.cx, *pool).await.unwrap().job,
    |bench, subject| {
        let view = pool_view(bench, subject.0).await;
        assert_eq!((view.assigned, view.mine), (1, 1));
        let mine = pools::vms(&bench.cx, subject.0).await.unwrap();
        bench.becomes(mine.iter().find(|vm| vm.status.is_running()).unwrap().id, VmStatus::Up).await;
    },
    |bench, subject| {
        bench.until("all is as it was", || stock(bench), |now| as_before(now, &subject.1, 1)).await;
    }
);

case!(
    growing_a_pool_every_way,
    pools::GrowPool,
    PoolId,
    |bench| pool(bench).await,
    |bench, pool| {
        let change = PoolUpdate { size: Some(4), ..PoolUpdate::default() };
        pools::update(&bench.cx, *pool, change).await.unwrap().unwrap()
    },
    |bench, subject| {
        let now = stock(bench).await;
        assert_eq!((now.vms.len(), now.disks.len(), now.files.len()), (4, 5, 1), "{now:?}");
        assert_eq!(pool_view(bench, subject.0).await.size, 4);
    },
    |bench, subject| {
        assert_eq!(stock(bench).await, subject.1);
        assert_eq!(pool_view(bench, subject.0).await.size, 2);
    }
);

case!(
    shrinking_a_pool_every_way,
    pools::ShrinkPool,
    PoolId,
    |bench| {
        let pool = pool(bench).await;
        used(bench, pool).await;
        pool
    },
    |bench, pool| {
        let change = PoolUpdate { size: Some(1), surplus: Some(Surplus::Remove), ..PoolUpdate::default() };
        pools::update(&bench.cx, *pool, change).await.unwrap().unwrap()
    },
    |bench, subject| {
        let now = stock(bench).await;
        assert_eq!(now.vms, [("desks-1".to_owned(), VmStatus::Down)]);
        assert_eq!(pool_view(bench, subject.0).await.size, 1);
    },
    |bench, subject| {
        assert_eq!(stock(bench).await.vms, subject.1.vms);
        assert_eq!(pool_view(bench, subject.0).await.size, 2);
    }
);

case!(
    detaching_from_a_pool_every_way,
    pools::DetachFromPool,
    (PoolId, VmId),
    |bench| {
        let pool = pool(bench).await;
        let vm = used(bench, pool).await;
        (pool, vm)
    },
    |bench, subject| pools::detach(&bench.cx, subject.1).await.unwrap(),
    |bench, subject| {
        let row = vms::get(&bench.cx, subject.0.1).await.unwrap().row;
        assert_eq!((row.pool, row.stateless, row.status), (None, false, VmStatus::Down));
        assert_eq!(pool_view(bench, subject.0.0).await.size, 1);
    },
    |bench, subject| {
        assert_eq!(vms::get(&bench.cx, subject.0.1).await.unwrap().row.pool, Some(subject.0.0));
        assert_eq!(stock(bench).await, subject.1);
    }
);

/// Takes a VM of the pool and gives it back: it has files from then on.
async fn used(bench: &Bench, pool: PoolId) -> VmId {
    let before = stock(bench).await;
    let taken = pools::take(&bench.cx, pool).await.unwrap();
    wait(bench, taken.job).await;
    wait(bench, vms::stop(&bench.cx, taken.id).await.unwrap()).await;
    bench.until("it is back", || stock(bench), |now| as_before(now, &before, 1)).await;
    taken.id
}

/// All is as it was, but that so many VMs may have their thin layers now.
fn as_before(now: &Stock, before: &Stock, started: usize) -> bool {
    let files = now.files.len() - before.files.len();
    files <= started && *now == Stock { files: now.files.clone(), ..before.clone() }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_comes_back_as_fresh_as_before() {
    let bench = Bench::new().await;
    let pool = pool(&bench).await;
    let before = stock(&bench).await;
    let taken = pools::take(&bench.cx, pool).await.unwrap();
    wait(&bench, taken.job).await;
    assert_eq!(bench.agent.images().len(), before.files.len() + 2, "its layer, made now, and a throw-away one on it");
    let again = pools::take(&bench.cx, pool).await.unwrap_err().to_string();
    assert!(again.contains("at most 1"), "{again}");
    wait(&bench, vms::shutdown(&bench.cx, taken.id).await.unwrap()).await;
    bench.until("all is as it was", || stock(&bench), |now| as_before(now, &before, 1)).await;
    assert!(bench.events().await.contains(&"USER_DETACH_USER_FROM_VM".to_owned()));
    bench.assert_no_locks().await;
}
