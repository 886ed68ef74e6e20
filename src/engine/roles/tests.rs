//! Own roles: made, changed, held, removed; and what is refused.

use super::{Edit, add, edit, get, list, remove, set_permit};
use crate::engine::testing::Bench;
use crate::engine::testing::people::person;
use crate::engine::{EngineError, permissions};
use crate::model::conflict::Conflict;
use crate::model::ids::{RoleId, SYSTEM};
use crate::model::permission::ObjectKind;
use crate::model::predefined_roles::PREDEFINED;
use crate::model::role::{Action, RoleConfig, SUPER_USER, USER_ROLE};
use crate::model::valid::Problem;

fn config(name: &str, admin: bool, actions: &[Action]) -> RoleConfig {
    RoleConfig { name: name.to_owned(), admin, actions: actions.to_vec(), ..RoleConfig::default() }
}

fn refused(result: Result<impl std::fmt::Debug, EngineError>) -> Conflict {
    match result.unwrap_err() {
        EngineError::Conflict(why) => why,
        other => panic!("{other}"),
    }
}

fn problems(result: Result<RoleId, EngineError>) -> Vec<Problem> {
    match result.unwrap_err() {
        EngineError::Invalid(wrong) => wrong.into_iter().map(|w| w.problem).collect(),
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn own_roles_come_change_and_go() {
    let bench = Bench::new().await;
    let id = add(&bench.cx, config("operator", false, &[Action::RunVm, Action::StopVm])).await.unwrap();
    let role = get(&bench.cx, id).await.unwrap();
    assert!(role.mutable && !role.admin && role.views_children);
    assert_eq!(role.actions, [Action::StopVm, Action::RunVm, Action::Login], "whoever may do something may come in");

    let change = Edit { name: Some("starter".to_owned()), actions: Some(vec![Action::CreateVm]), ..Edit::default() };
    edit(&bench.cx, id, Edit { generation: Some(role.generation), ..change.clone() }).await.unwrap();
    let role2 = get(&bench.cx, id).await.unwrap();
    assert_eq!((role2.name.as_str(), role2.views_children), ("starter", false), "a right to create shows nothing");
    // The other administrator had the page open since before.
    let late = edit(&bench.cx, id, Edit { generation: Some(role.generation), ..change }).await;
    assert_eq!(refused(late), Conflict::RoleChanged { role: "starter".to_owned() });

    set_permit(&bench.cx, id, Action::RunVm, true).await.unwrap();
    set_permit(&bench.cx, id, Action::RunVm, true).await.unwrap();
    set_permit(&bench.cx, id, Action::CreateVm, false).await.unwrap();
    assert!(set_permit(&bench.cx, id, Action::CreateVm, false).await.is_err());
    assert_eq!(get(&bench.cx, id).await.unwrap().actions, [Action::RunVm, Action::Login]);

    let bob = person(&bench, "bob").await;
    let vm = bench.vm("vm1").await;
    let held = permissions::grant(&bench.cx, id, bob.actor.user.into(), ObjectKind::Vm, vm.object()).await.unwrap();
    let Conflict::RoleInUse { holders, .. } = refused(remove(&bench.cx, id).await) else { panic!() };
    assert_eq!(holders, "bob@internal (vm vm1)");
    permissions::revoke(&bench.cx, held).await.unwrap();
    remove(&bench.cx, id).await.unwrap();
    assert!(get(&bench.cx, id).await.is_err());
    let told = bench.events().await;
    for code in ["USER_ADD_ROLE", "USER_UPDATE_ROLE", "USER_REMOVE_ROLE"] {
        assert!(told.iter().any(|t| t == code), "{code} in {told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_role_may_not_be_is_refused() {
    let bench = Bench::new().await;
    let wrong = problems(add(&bench.cx, config("a b", false, &[Action::CreateHost, Action::RunVm])).await);
    assert_eq!(wrong, [Problem::Character { found: ' ' }, Problem::AdminPermits { permits: "create_host".to_owned() }]);
    let taken = problems(add(&bench.cx, config("superuser", true, &[])).await);
    assert_eq!(taken, [Problem::Taken { name: "superuser".to_owned() }]);
    for change in [Edit::default(), Edit { name: Some("x".to_owned()), ..Edit::default() }] {
        let error = refused(edit(&bench.cx, USER_ROLE, change).await);
        assert_eq!(error, Conflict::RolePredefined { role: "UserRole".to_owned() });
    }
    assert!(matches!(refused(remove(&bench.cx, SUPER_USER).await), Conflict::RolePredefined { .. }));
    let id = add(&bench.cx, config("own", false, &[])).await.unwrap();
    let kind = edit(&bench.cx, id, Edit { admin: Some(true), ..Edit::default() }).await;
    assert_eq!(refused(kind), Conflict::RoleKind { role: "own".to_owned() });

    // Who manages roles and is no SuperUser makes no admin roles, and changes none.
    let manager = add(&bench.cx, config("role-manager", true, &[Action::ManipulateRoles])).await.unwrap();
    let bob = person(&bench, "bob").await;
    assert!(matches!(add(&bob, config("mine", false, &[])).await, Err(EngineError::Auth(_))));
    permissions::grant(&bench.cx, manager, bob.actor.user.into(), ObjectKind::System, SYSTEM).await.unwrap();
    let mine = add(&bob, config("mine", false, &[Action::RunVm])).await.unwrap();
    let admin = Conflict::AdminRole { role: "more".to_owned() };
    assert_eq!(refused(add(&bob, config("more", true, &[])).await), admin);
    let admin = Conflict::AdminRole { role: "role-manager".to_owned() };
    assert_eq!(refused(set_permit(&bob, manager, Action::CreateHost, true).await), admin);
    assert_eq!(refused(remove(&bob, manager).await), admin);
    remove(&bob, mine).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn predefined_roles_are_mended_when_an_older_engine_had_them_otherwise() {
    let bench = Bench::new().await;
    bench
        .engine
        .db
        .write(|db| {
            let less =
                RoleConfig { name: "UserRole".to_owned(), actions: vec![Action::Login], ..RoleConfig::default() };
            crate::store::roles::spoil(db, USER_ROLE, &less)?;
            crate::store::roles::predefined(db)?;
            Ok::<_, EngineError>(())
        })
        .await
        .unwrap();
    let all = list(&bench.cx).await.unwrap();
    assert_eq!(all.len(), PREDEFINED.len());
    for wanted in PREDEFINED {
        let have = all.iter().find(|r| r.id == wanted.id).unwrap();
        let mut actions = wanted.actions();
        actions.sort();
        assert_eq!((&have.actions, have.admin, have.mutable), (&actions, wanted.admin, false), "{}", wanted.name);
    }
}
