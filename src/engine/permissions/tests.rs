//! Permissions: who may what through whom, why, and what is refused.

use super::why::why;
use super::{grant, may, named_places, on, page_on, revoke, search};
use crate::auth::{self, View};
use crate::engine::internal::groups::{self, Member};
use crate::engine::testing::Bench;
use crate::engine::testing::people::{again, person};
use crate::engine::{EngineError, users, vms};
use crate::model::conflict::Conflict;
use crate::model::ids::{EVERYONE, ObjectId, PrincipalId, SYSTEM};
use crate::model::page::ListQuery;
use crate::model::permission::ObjectKind;
use crate::model::predefined_roles::{DISK_OPERATOR, PREDEFINED, USER_VM_MANAGER};
use crate::model::role::{Action, SUPER_USER, USER_ROLE};

fn role(name: &str) -> crate::model::ids::RoleId {
    PREDEFINED.iter().find(|r| r.name == name).unwrap().id
}

#[tokio::test(flavor = "multi_thread")]
async fn why_names_every_chain_and_what_would_help() {
    let bench = Bench::new().await;
    let vm = bench.vm("vm1").await;
    let bob = person(&bench, "bob").await;
    let who: PrincipalId = bob.actor.user.into();
    let no = why(&bench.cx, who, Action::RunVm, vm.object()).await.unwrap();
    assert!(no.chains.is_empty() && no.groups.is_empty());
    let names: Vec<_> = no.places.iter().map(|p| (p.kind, p.name.as_str())).collect();
    let expected = [ObjectKind::Vm, ObjectKind::Cluster, ObjectKind::DataCenter, ObjectKind::System];
    assert_eq!(names.iter().map(|n| n.0).collect::<Vec<_>>(), expected);
    assert_eq!(names[0].1, "vm1");
    assert!(no.roles.iter().any(|r| r.1 == "UserRole" && !r.2) && no.roles.iter().any(|r| r.1 == "SuperUser" && r.2));

    let user = || Member::User("bob".to_owned());
    for name in ["class", "pupils", "school"] {
        groups::add(&bench.cx, name, "").await.unwrap();
    }
    groups::add_member(&bench.cx, "class", user()).await.unwrap();
    groups::add_member(&bench.cx, "pupils", Member::Group("class".to_owned())).await.unwrap();
    groups::add_member(&bench.cx, "school", Member::Group("pupils".to_owned())).await.unwrap();
    groups::add_member(&bench.cx, "school", Member::Group("class".to_owned())).await.unwrap();
    let school = search(&bench.cx, "school", 5).await.unwrap().remove(0);
    grant(&bench.cx, USER_ROLE, school.id, ObjectKind::Cluster, bench.cluster.object()).await.unwrap();
    let yes = why(&bench.cx, who, Action::RunVm, vm.object()).await.unwrap();
    let [chain] = yes.chains.as_slice() else { panic!("{yes:?}") };
    assert_eq!(chain.permission.role_name, "UserRole");
    assert_eq!(chain.permission.object_kind, ObjectKind::Cluster);
    let ways: Vec<String> = chain.groups.iter().map(|way| way.join(" ")).collect();
    assert_eq!(ways, ["class@internal school@internal", "class@internal pupils@internal school@internal"]);

    grant(&bench.cx, USER_VM_MANAGER, who, ObjectKind::Vm, vm.object()).await.unwrap();
    grant(&bench.cx, role("ReadOnlyAdmin"), EVERYONE.into(), ObjectKind::Cluster, bench.cluster.object())
        .await
        .unwrap();
    let yes = why(&bench.cx, who, Action::RunVm, vm.object()).await.unwrap();
    assert_eq!(yes.chains.len(), 2, "ReadOnlyAdmin runs nothing");
    assert!(yes.chains.iter().any(|c| c.groups.is_empty() && c.permission.role_name == "UserVmManager"));
    // Others hear who would do: a group that may.
    let eve = person(&bench, "eve").await;
    let no = why(&bench.cx, eve.actor.user.into(), Action::RunVm, vm.object()).await.unwrap();
    assert_eq!(no.groups, ["school@internal"]);
    // Everyone became an administrator of the cluster above; whoever is none asks in vain.
    let mut user = eve.clone();
    user.actor.is_admin = false;
    assert!(why(&user, who, Action::RunVm, vm.object()).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_seen_and_done_goes_by_the_tree() {
    let bench = Bench::new().await;
    let (vm, other) = (bench.vm("vm1").await, bench.vm("vm2").await);
    let bob = person(&bench, "bob").await;
    let who: PrincipalId = bob.actor.user.into();
    assert!(on(&bob, vm.object()).await.is_err(), "hidden");
    let held = grant(&bench.cx, USER_VM_MANAGER, who, ObjectKind::Vm, vm.object()).await.unwrap();
    let bob = again(&bench, &bob).await;
    let rows = on(&bob, vm.object()).await.unwrap();
    assert!(rows.iter().any(|p| !p.inherited && p.principal_name == "bob@internal"));
    assert!(rows.iter().any(|p| p.inherited && p.role == SUPER_USER && p.object_kind == ObjectKind::System));
    let page = page_on(&bench.cx, vm.object(), &ListQuery { search: "BOB".to_owned(), ..ListQuery::default() }).await;
    assert_eq!(page.unwrap().total, 1);

    // A disk is below its VM.
    let disk = vms::get(&bench.cx, vm).await.unwrap().disks.remove(0).disk.id;
    let permits = may::on(&bob, vec![disk.object(), vm.object(), other.object()]).await.unwrap();
    assert!(permits.may(Action::DeleteDisk, disk.object()) && !permits.may(Action::RunVm, other.object()));
    // He gives others what user roles allow, and no admin role.
    let eve = person(&bench, "eve").await;
    grant(&bob, DISK_OPERATOR, eve.actor.user.into(), ObjectKind::Disk, disk.object()).await.unwrap();
    let admin = grant(&bob, role("ClusterAdmin"), eve.actor.user.into(), ObjectKind::Vm, vm.object()).await;
    assert!(matches!(admin, Err(EngineError::Conflict(Conflict::AdminRole { .. }))));
    let elsewhere = grant(&bob, USER_ROLE, eve.actor.user.into(), ObjectKind::Vm, other.object()).await;
    assert!(matches!(elsewhere, Err(EngineError::Auth(auth::AuthError::Hidden { .. }))));
    // Another kind than the object's is none of it; nor is somebody who is not there.
    let mistaken = grant(&bench.cx, USER_ROLE, who, ObjectKind::Host, vm.object()).await;
    assert!(matches!(mistaken, Err(EngineError::NotFound { .. })));
    let nobody = grant(&bench.cx, USER_ROLE, PrincipalId::random(), ObjectKind::Vm, vm.object()).await;
    assert!(matches!(nobody, Err(EngineError::Invalid(_))));
    assert!(matches!(
        grant(&bench.cx, USER_VM_MANAGER, who, ObjectKind::Vm, vm.object()).await,
        Err(EngineError::Conflict(Conflict::RoleHeld { .. }))
    ));
    revoke(&bob, held).await.unwrap();
    assert!(vms::get(&bob, vm).await.is_err());
    assert_eq!(named_places(&bench.cx, ObjectKind::Vm, "VM1").await.unwrap().len(), 1);
    assert_eq!(named_places(&bob, ObjectKind::Vm, "vm1").await.unwrap().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_system_keeps_a_super_user_and_everyones_own() {
    let bench = Bench::new().await;
    let rows = on(&bench.cx, SYSTEM).await.unwrap();
    let find = |role| rows.iter().find(|p| p.role == role).unwrap().id;
    let last = revoke(&bench.cx, find(SUPER_USER)).await;
    assert!(matches!(last, Err(EngineError::Conflict(Conflict::LastSuperUser))));
    let everyone = revoke(&bench.cx, find(role("UserProfileEditor"))).await;
    assert!(matches!(everyone, Err(EngineError::Conflict(Conflict::EveryoneOnSystem))));
    let makes = may::makes(&bench.cx).await.unwrap();
    assert!(makes.vm && makes.pool && makes.disk && makes.user && makes.role && makes.super_user);
    assert!(may::sections(&bench.cx).await.unwrap().kinds.is_none());

    let bob = person(&bench, "bob").await;
    let cluster = bench.cluster.object();
    grant(&bench.cx, role("VmPoolAdmin"), bob.actor.user.into(), ObjectKind::Cluster, cluster).await.unwrap();
    let bob = again(&bench, &bob).await;
    let makes = may::makes(&bob).await.unwrap();
    assert!(makes.vm && makes.pool && !makes.disk && !makes.user && !makes.role && !makes.super_user);
    let sections = may::sections(&bob).await.unwrap();
    assert!(!sections.engine && !sections.users);
    let sections = sections.kinds.unwrap();
    assert!(sections.contains(&ObjectKind::Vm) && !sections.contains(&ObjectKind::Network));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_holds_thousands_of_permissions_sees_them_all() {
    let bench = Bench::new().await;
    let (vm, other) = (bench.vm("vm1").await, bench.vm("vm2").await);
    let bob = person(&bench, "bob").await;
    let (who, now) = (PrincipalId::from(bob.actor.user), bench.engine.clock.now());
    let disk = vms::get(&bench.cx, vm).await.unwrap().disks.remove(0).disk.id;
    bench
        .engine
        .db
        .write(move |db| {
            for _ in 0..600 {
                let object = ObjectId::random();
                crate::store::permissions::grant(db, USER_ROLE, who, ObjectKind::Vm, object, now)?;
            }
            crate::store::permissions::grant(db, USER_ROLE, who, ObjectKind::Vm, vm.object(), now)?;
            Ok::<_, EngineError>(())
        })
        .await
        .unwrap();
    let actor = crate::auth::Actor { view: View::User, ..bob.actor.clone() };
    let user = crate::engine::Cx { actor, ..bob.clone() };
    let seen = vms::list(&user, &ListQuery::default()).await.unwrap();
    assert_eq!(seen.rows.iter().map(|r| r.id).collect::<Vec<_>>(), [vm]);
    assert!(vms::get(&user, vm).await.is_ok() && vms::get(&user, other).await.is_err());
    let disks = crate::engine::disks::list(&user, &ListQuery::default()).await.unwrap().rows;
    assert_eq!(disks.iter().map(|d| d.id).collect::<Vec<_>>(), [disk], "what is below, too");
    let clusters = crate::engine::catalog::clusters(&user, &ListQuery::default()).await.unwrap().rows;
    assert_eq!(clusters.len(), 1, "and what it is in");
    assert!(on(&user, SYSTEM).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_searched_by_the_database() {
    let bench = Bench::new().await;
    for name in ["anna", "berta", "bert"] {
        person(&bench, name).await;
    }
    let found = |search: &str, sort: &str| {
        let query = ListQuery { search: search.to_owned(), sort: sort.to_owned(), max: 2, ..ListQuery::default() };
        let cx = bench.cx.clone();
        async move { users::list(&cx, &query).await }
    };
    let names = |page: crate::model::page::Page<crate::model::user::UserView>| {
        (page.rows.into_iter().map(|u| u.user_name).collect::<Vec<_>>().join(" "), page.total)
    };
    assert_eq!(names(found("", "").await.unwrap()), ("admin anna".to_owned(), 4));
    assert_eq!(
        names(found("Users: usrname=BERT* and domain=internal", "").await.unwrap()),
        ("bert berta".to_owned(), 2)
    );
    assert_eq!(names(found("name!=anna sortby name desc", "").await.unwrap()), ("berta bert".to_owned(), 3));
    assert_eq!(names(found("nn", "").await.unwrap()), ("anna".to_owned(), 1));
    assert_eq!(names(found("100%_", "").await.unwrap()).1, 0);
    assert!(found("colour=red", "").await.is_err() && found("", "password_hash").await.is_err());
    assert_eq!(users::group_list(&bench.cx, &ListQuery::default()).await.unwrap().total, 1);
    let exact = search(&bench.cx, "bert@internal", 5).await.unwrap();
    assert_eq!((exact[0].name.as_str(), exact.len()), ("bert@internal", 1));
    assert_eq!(search(&bench.cx, "everyone", 5).await.unwrap()[0].name, "Everyone");
}
