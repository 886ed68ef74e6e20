//! Permissions at 10,000 VMs, 5,000 users and 500 groups in groups: the check at the entry of every command, lists as different people
//! see them, and why somebody may. In the program's own process, on SQLite; prints Markdown tables (docs/benchmarks.md).
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark that cannot go on has failed; it prints its table"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};
use vireo::auth::vault::Vault;
use vireo::auth::{self, Actor, View, session};
use vireo::db::{Database, Db};
use vireo::engine::permissions::{self, why};
use vireo::engine::{Config, Cx, Engine, EngineError, Timing, users, vms};
use vireo::hosts::Pki;
use vireo::model::clock::{Clock as _, SystemClock, Timestamp};
use vireo::model::ids::*;
use vireo::model::page::ListQuery;
use vireo::model::permission::ObjectKind;
use vireo::model::predefined_roles::USER_VM_MANAGER;
use vireo::model::role::{Action, USER_ROLE};
use vireo::model::user::GroupView;
use vireo::model::vm::{BootDevice, Display, Hardware, VmKind, VmStatus};
use vireo::model::vm_state::Intent;
use vireo::store::scope::Scope;
use vireo::store::seed::{SeedArgs, fresh};
use vireo::store::users::NewUserRow;
use vireo::store::vms::insert::{self, VmConfig};
use vireo::store::vms::run;
use vireo::store::{catalog, groups, permissions as store, users as store_users};

const VMS: usize = 10_000;
const USERS: usize = 5_000;
const GROUPS: usize = 500;
/// Groups that are in one another, one above the other.
const DEPTH: usize = 10;
const ROUNDS: usize = 9;

/// What is measured with.
struct World {
    vms: Vec<VmId>,
    admin: UserId,
    /// Holds roles on some VMs himself, and through 50 groups.
    pupil: UserId,
}

fn hardware() -> Hardware {
    Hardware {
        memory_mib: 1024,
        max_memory_mib: 4096,
        guaranteed_memory_mib: 1024,
        sockets: 1,
        cores: 1,
        threads: 1,
        display: Display::Vnc,
        boot: vec![BootDevice::Disk],
        settings: Default::default(),
    }
}

fn fill(db: &mut Db, now: Timestamp) -> Result<World, EngineError> {
    fresh(db, &SeedArgs { engine_id: uuid::Uuid::from_u128(7), now, admin_password_hash: "" })?;
    let cluster = catalog::clusters(db, &Scope::All)?.remove(0).id;
    let admin = store_users::list(db)?.remove(0).id;
    let mut all = Vec::with_capacity(VMS);
    for n in 0..VMS {
        let id = VmId::random();
        let config = VmConfig {
            id,
            name: format!("lab-{n}"),
            description: String::new(),
            comment: String::new(),
            cluster,
            template: BLANK_TEMPLATE,
            instance_type: None,
            pool: None,
            os: "other".to_owned(),
            kind: VmKind::Desktop,
            hardware: hardware(),
            stateless: false,
            delete_protected: false,
            allow_override: false,
            use_latest: false,
            cd: None,
        };
        insert::insert(db, &config, now)?;
        run::insert(db, id, Intent::Off, VmStatus::Down)?;
        store::grant(db, USER_VM_MANAGER, admin.into(), ObjectKind::Vm, id.object(), now)?;
        all.push(id);
    }
    let groups = fill_groups(db, &all, now)?;
    let pupil = fill_users(db, &all, &groups, now)?;
    Ok(World { vms: all, admin, pupil })
}

/// Chains of groups, each in the next; each with a role on twenty VMs.
fn fill_groups(db: &mut Db, vms: &[VmId], now: Timestamp) -> Result<Vec<GroupId>, EngineError> {
    let mut all: Vec<GroupId> = Vec::with_capacity(GROUPS);
    for n in 0..GROUPS {
        let id = GroupId::random();
        let view = GroupView {
            id,
            name: format!("group-{n}"),
            domain: "internal".to_owned(),
            description: String::new(),
            active: true,
        };
        groups::insert(db, &view)?;
        if n % DEPTH > 0 {
            groups::add_member(db, id, all[n - 1].into())?;
        }
        for k in 0..20 {
            store::grant(db, USER_ROLE, id.into(), ObjectKind::Vm, vms[(n * 20 + k) % VMS].object(), now)?;
        }
        all.push(id);
    }
    Ok(all)
}

/// Everybody holds a role on four VMs and is in a chain; the first is in five, so in fifty groups.
fn fill_users(db: &mut Db, vms: &[VmId], groups: &[GroupId], now: Timestamp) -> Result<UserId, EngineError> {
    let mut first = None;
    for n in 0..USERS {
        let id = UserId::random();
        let name = format!("user-{n}");
        let row = NewUserRow { user_name: &name, domain: "internal", ..NewUserRow::default() };
        store_users::insert(db, id, &row, now)?;
        for k in 0..4 {
            store::grant(db, USER_ROLE, id.into(), ObjectKind::Vm, vms[(n * 2 + k) % VMS].object(), now)?;
        }
        for k in 0..if n == 0 { 5 } else { 1 } {
            groups::add_member(db, groups[(n + k) * DEPTH % GROUPS], id.into())?;
        }
        first = first.or(Some(id));
    }
    Ok(first.unwrap())
}

fn line(name: &str, mut times: Vec<Duration>) {
    times.sort();
    let us = |d: &Duration| format!("{:.1}", d.as_secs_f64() * 1e6);
    println!("| {name} | {} / {} / {} |", us(&times[0]), us(&times[times.len() / 2]), us(times.last().unwrap()));
}

/// The time of one of many in a unit of work of its own.
async fn in_database(db: &Database, name: &str, count: u32, work: impl Fn(&mut Db, u32) + Send + Sync + 'static) {
    let (work, mut times) = (Arc::new(work), Vec::new());
    for _ in 0..ROUNDS {
        let inner = work.clone();
        let taken = db.read(move |db| {
            let begun = Instant::now();
            (0..count).for_each(|n| inner(db, n));
            Ok::<_, EngineError>(begun.elapsed() / count)
        });
        times.push(taken.await.unwrap());
    }
    line(name, times);
}

async fn whole<F: Future<Output = ()>>(name: &str, count: u32, work: impl Fn() -> F) {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        for _ in 0..count {
            work().await;
        }
        times.push(begun.elapsed() / count);
    }
    line(name, times);
}

async fn actor(db: &Database, user: UserId, name: &'static str, view: View) -> Actor {
    db.read(move |db| Ok::<_, EngineError>(session::actor(db, user, name, "internal", None, view)?)).await.unwrap()
}

async fn checks(db: &Database, world: &World) {
    println!("| in one unit of work | µs (min / median / max) |\n|---|---|");
    let user = world.pupil;
    in_database(db, "who somebody in 50 groups is (each request)", 200, move |db, _| {
        black_box(session::actor(db, user, "user-0", "internal", None, View::User).unwrap());
    })
    .await;
    let pupil = actor(db, world.pupil, "user-0", View::User).await;
    let admin = actor(db, world.admin, "admin", View::Admin).await;
    assert_eq!(pupil.principals.len(), 52);
    let (own, of_group, other) = (world.vms[1], world.vms[100], world.vms[VMS - 5]);
    for (name, actor, vm, expected) in [
        ("check: a role of his own (one in 50 groups)", &pupil, own, true),
        ("check: through a group", &pupil, of_group, true),
        ("check: refused, he does not see it", &pupil, other, false),
        ("check: SuperUser, who made all 10,000 VMs", &admin, other, true),
    ] {
        let actor = actor.clone();
        in_database(db, name, 500, move |db, _| {
            assert_eq!(auth::check(db, &actor, Action::RunVm, vm.object()).is_ok(), expected);
        })
        .await;
    }
    println!();
}

async fn lists(engine: &Arc<Engine>, world: &World) {
    println!("| with everything a page needs | µs (min / median / max) |\n|---|---|");
    let db = &engine.db;
    let cx = |actor: Actor| Cx { engine: engine.clone(), actor, correlation_id: "bench".to_owned() };
    let admin = cx(actor(db, world.admin, "admin", View::Admin).await);
    let own = cx(actor(db, world.admin, "admin", View::User).await);
    let pupil = cx(actor(db, world.pupil, "user-0", View::User).await);
    let first = ListQuery::default();
    for (name, cx) in [
        ("first 50 VMs: SuperUser, Admin Portal", &admin),
        ("first 50 VMs: one in 50 groups, who sees 1,000", &pupil),
        ("first 50 VMs: one with a role on each of 10,000", &own),
    ] {
        whole(name, 20, || async { drop(black_box(vms::list(cx, &first).await.unwrap())) }).await;
    }
    let search = ListQuery { search: "usrname=user-12*".to_owned(), ..ListQuery::default() };
    whole("users: first page", 20, || async { drop(black_box(users::list(&admin, &first).await.unwrap())) }).await;
    whole("users: `usrname=user-12*`", 20, || async { drop(black_box(users::list(&admin, &search).await.unwrap())) })
        .await;
    let vm = world.vms[100].object();
    whole("permissions of a VM, inherited ones too", 50, || async {
        drop(black_box(permissions::page_on(&admin, vm, &first).await.unwrap()));
    })
    .await;
    let who = PrincipalId::from(world.pupil);
    for (name, object) in
        [("why: yes, with each chain", world.vms[100]), ("why: no, and what would help", world.vms[VMS - 5])]
    {
        whole(name, 20, || async {
            drop(black_box(why::why(&admin, who, Action::RunVm, object.object()).await.unwrap()));
        })
        .await;
    }
    println!();
}

#[tokio::main]
async fn main() {
    let dir = std::env::temp_dir().join(format!("vireo-bench-{}", uuid::Uuid::new_v4()));
    let file = dir.join("vireo.db");
    let open = || Database::open(file.to_str().unwrap()).unwrap();
    let world = open().write(|db| fill(db, SystemClock.now())).await.unwrap();
    // A connection knows how much there is since it was opened; the engine's are opened anew every half hour.
    let db = open();
    let pki = Pki::open_or_create(&dir.join("pki"), &["localhost".to_owned()]).unwrap();
    let engine = Engine::new(Config {
        id: "bench".to_owned(),
        db,
        clock: Arc::new(SystemClock),
        vault: Vault::fresh().unwrap(),
        tls: pki.client_config().unwrap(),
        pki: Arc::new(pki),
        timing: Timing::default(),
        files: std::env::temp_dir().join("vireo-bench-files"),
        host_program: None,
    });
    let permissions = VMS + GROUPS * 20 + USERS * 4;
    println!("## Permissions: {VMS} VMs, {USERS} users, {GROUPS} groups, {permissions} permissions\n");
    checks(&engine.db, &world).await;
    lists(&engine, &world).await;
    std::fs::remove_dir_all(dir).unwrap();
}
