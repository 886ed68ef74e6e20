//! Each kind of job on snapshots, every way; and what a VM's layers are then.

use super::{CreateSnapshot, DropLayers, PreviewSnapshot, RemoveSnapshot};
use crate::engine::jobs::testing::{Case, every_way, pause};
use crate::engine::templates::{self, AddTemplate, TemplateOf};
use crate::engine::testing::Bench;
use crate::engine::testing::kinds::{Stock, case, stock, wait};
use crate::engine::vms::copy::{self, Origin};
use crate::engine::{catalog, snapshots, vms};
use crate::model::ids::*;
use crate::model::page::ListQuery;
use crate::model::snapshot::{NewSnapshot, Preview, SnapshotKind, SnapshotStatus};
use crate::model::template::TemplateStatus;
use crate::model::vm::VmStatus;
use crate::store::disks::tree;

/// Names of the layers of the VM's one disk, from the one that is written down: `a` is the first there was.
async fn chain(bench: &Bench, vm: VmId) -> usize {
    let layers =
        bench.engine.db.read(move |db| Ok::<_, crate::engine::EngineError>(tree::of_vm(db, vm)?)).await.unwrap();
    let active: Vec<_> = layers.iter().filter(|layer| layer.active).map(|layer| layer.image).collect();
    assert_eq!(active.len(), 1);
    tree::with_below(&layers, active).len()
}

async fn kinds(bench: &Bench, vm: VmId) -> Vec<(String, SnapshotKind, SnapshotStatus)> {
    let all = snapshots::list(&bench.cx, vm).await.unwrap();
    all.into_iter().map(|s| (s.description, s.kind, s.status)).collect()
}

async fn take(bench: &Bench, vm: VmId, description: &str) -> SnapshotId {
    let new = NewSnapshot { description: description.to_owned(), ..NewSnapshot::default() };
    let created = snapshots::create(&bench.cx, vm, new).await.unwrap();
    wait(bench, created.job).await;
    created.id
}

/// A VM with one disk whose file is there, and one snapshot.
async fn with_snapshot(bench: &Bench) -> (VmId, SnapshotId) {
    let vm = bench.vm("desk").await;
    (vm, take(bench, vm, "clean").await)
}

fn clean(now: SnapshotStatus) -> (String, SnapshotKind, SnapshotStatus) {
    ("clean".to_owned(), SnapshotKind::Regular, now)
}

case!(
    taking_a_snapshot_every_way,
    CreateSnapshot,
    VmId,
    |bench| bench.vm("desk").await,
    |bench, vm| snapshots::create(&bench.cx, *vm, NewSnapshot::default()).await.unwrap().job,
    |bench, subject| {
        assert_eq!(chain(bench, subject.0).await, 2);
        assert_eq!(kinds(bench, subject.0).await.len(), 2);
        assert_eq!(stock(bench).await.files.len(), subject.1.files.len() + 1);
    },
    |bench, subject| {
        assert_eq!(chain(bench, subject.0).await, 1);
        assert_eq!(stock(bench).await, subject.1);
    }
);

case!(
    looking_at_a_snapshot_every_way,
    PreviewSnapshot,
    (VmId, SnapshotId),
    |bench| with_snapshot(bench).await,
    |bench, subject| snapshots::preview(&bench.cx, subject.0, subject.1, Preview::default()).await.unwrap(),
    |bench, subject| {
        let all = kinds(bench, subject.0.0).await;
        assert_eq!(all[0], clean(SnapshotStatus::InPreview));
        assert_eq!(all[1].1, SnapshotKind::Preview);
        assert_eq!(chain(bench, subject.0.0).await, 2);
        assert_eq!(stock(bench).await.files.len(), subject.1.files.len() + 1);
    },
    |bench, subject| assert_eq!(stock(bench).await, subject.1)
);

/// A VM that shows its first of two snapshots.
async fn in_preview(bench: &Bench) -> VmId {
    let (vm, first) = with_snapshot(bench).await;
    take(bench, vm, "later").await;
    wait(bench, snapshots::preview(&bench.cx, vm, first, Preview::default()).await.unwrap()).await;
    vm
}

case!(
    going_back_every_way,
    DropLayers,
    VmId,
    |bench| in_preview(bench).await,
    |bench, vm| snapshots::commit(&bench.cx, *vm).await.unwrap(),
    |bench, subject| {
        assert_eq!(kinds(bench, subject.0).await[0], clean(SnapshotStatus::Ok));
        assert_eq!((kinds(bench, subject.0).await.len(), chain(bench, subject.0).await), (2, 2));
        // The first layer has no file here: the VM was made without an agent.
        assert_eq!(stock(bench).await.files.len(), 1);
    },
    |bench, subject| {
        // The decision stands.
        assert_eq!(kinds(bench, subject.0).await.len(), 2);
        bench.becomes(subject.0, VmStatus::Down).await;
    }
);

case!(
    removing_a_snapshot_every_way,
    RemoveSnapshot,
    (VmId, SnapshotId),
    |bench| with_snapshot(bench).await,
    |bench, subject| snapshots::remove(&bench.cx, subject.0, subject.1).await.unwrap(),
    |bench, subject| {
        assert_eq!((kinds(bench, subject.0.0).await.len(), chain(bench, subject.0.0).await), (1, 1));
        assert_eq!(stock(bench).await.files.len(), 0);
    },
    |bench, subject| {
        // It can only be removed again; then it is.
        assert_eq!(kinds(bench, subject.0.0).await[0], clean(SnapshotStatus::Broken));
        let refused = snapshots::preview(&bench.cx, subject.0.0, subject.0.1, Preview::default()).await.unwrap_err();
        assert!(refused.to_string().contains("only be removed"), "{refused}");
    }
);

fn golden(vm: VmId, snapshot: Option<SnapshotId>) -> TemplateOf {
    let (name, description) = ("golden".to_owned(), String::new());
    TemplateOf {
        origin: Origin { vm, snapshot },
        name,
        version: None,
        description,
        seal: true,
        quota: None,
        everyone: true,
    }
}

async fn template_names(bench: &Bench) -> Vec<(String, TemplateStatus)> {
    let all = catalog::templates(&bench.cx, &ListQuery { max: 100, ..ListQuery::default() }).await.unwrap().rows;
    all.into_iter().map(|t| (t.name, t.status)).filter(|t| t.0 != "Blank").collect()
}

case!(
    making_a_template_of_a_snapshot_every_way,
    AddTemplate,
    (VmId, SnapshotId),
    |bench| with_snapshot(bench).await,
    |bench, subject| templates::create_of(&bench.cx, golden(subject.0, Some(subject.1))).await.unwrap().job,
    |bench, subject| {
        assert_eq!(template_names(bench).await, [("golden".to_owned(), TemplateStatus::Ok)]);
        assert_eq!(stock(bench).await.files.len(), subject.1.files.len() + 1);
    },
    |bench, subject| {
        assert!(template_names(bench).await.is_empty());
        assert_eq!(stock(bench).await, subject.1);
    }
);

#[tokio::test(flavor = "multi_thread")]
async fn what_is_copied_stays_until_the_copy_is_whole() {
    let bench = Bench::new().await;
    let (vm, snapshot) = with_snapshot(&bench).await;
    pause(&bench, Some("add_vm:create_images:before"));
    let origin = Origin { vm, snapshot: Some(snapshot) };
    let made = copy::clone(&bench.cx, origin, "twin".to_owned()).await.unwrap();
    let held = snapshots::remove(&bench.cx, vm, snapshot).await.unwrap_err().to_string();
    assert!(held.contains("another task"), "{held}");
    let held = vms::remove(&bench.cx, vm, false).await.unwrap_err().to_string();
    assert!(held.contains("another task"), "{held}");
    pause(&bench, None);
    wait(&bench, made.job).await;
    assert_eq!(chain(&bench, made.id).await, 1);
    // Of the VM itself, too; a name that is in use is told.
    let origin = Origin { vm, snapshot: None };
    let taken = copy::clone(&bench.cx, origin, "twin".to_owned()).await.unwrap_err().to_string();
    assert!(taken.contains("in use"), "{taken}");
    wait(&bench, copy::clone(&bench.cx, origin, "third".to_owned()).await.unwrap().job).await;
    let names: Vec<_> = stock(&bench).await.vms.into_iter().map(|v| v.0).collect();
    assert_eq!(names, ["desk", "third", "twin"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_looked_at_is_left_again() {
    let bench = Bench::new().await;
    let vm = in_preview(&bench).await;
    let refused = snapshots::create(&bench.cx, vm, NewSnapshot::default()).await.unwrap_err().to_string();
    assert!(refused.contains("commit or undo"), "{refused}");
    wait(&bench, snapshots::undo(&bench.cx, vm).await.unwrap()).await;
    assert_eq!(chain(&bench, vm).await, 3);
    assert_eq!(kinds(&bench, vm).await.len(), 3);
    assert_eq!(stock(&bench).await.files.len(), 2);
    let nothing = snapshots::commit(&bench.cx, vm).await.unwrap_err().to_string();
    assert!(nothing.contains("nothing to commit"), "{nothing}");
    // The VM goes with all of it.
    wait(&bench, vms::remove(&bench.cx, vm, false).await.unwrap()).await;
    assert_eq!(stock(&bench).await.files.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_three_the_middle_one_is_removed() {
    let bench = Bench::new().await;
    let (vm, _) = with_snapshot(&bench).await;
    let middle = take(&bench, vm, "middle").await;
    take(&bench, vm, "late").await;
    assert_eq!(chain(&bench, vm).await, 4);
    wait(&bench, snapshots::remove(&bench.cx, vm, middle).await.unwrap()).await;
    let names: Vec<_> = kinds(&bench, vm).await.into_iter().map(|k| k.0).collect();
    assert_eq!(names, ["clean", "late", "Active VM"]);
    assert_eq!(chain(&bench, vm).await, 3);
    let kept = vms::remove(&bench.cx, vm, true).await.unwrap_err().to_string();
    assert!(kept.contains("has snapshots"), "{kept}");
}
