//! Who gets a console, and when it ends.

use crate::auth::session::SessionKind;
use crate::auth::{AuthError, View};
use crate::engine::testing::Bench;
use crate::engine::users::{self, NewUser};
use crate::engine::vms::console::{self, Closing, Console};
use crate::engine::{Cx, EngineError, jobs, permissions, sign_in, vms};
use crate::model::ids::{PermissionId, UserId, VmId};
use crate::model::permission::ObjectKind;
use crate::model::role::USER_ROLE;
use tokio::io::AsyncReadExt as _;

async fn alice(bench: &Bench) -> (UserId, Cx) {
    let new = NewUser { user_name: "alice".to_owned(), password: Some("wonderland".to_owned()), ..NewUser::default() };
    let id = users::add(&bench.cx, new).await.unwrap();
    let (kind, view) = (SessionKind::Portal, View::User);
    let opened = sign_in::sign_in(&bench.engine, "alice", "wonderland", "::1", kind, view).await.unwrap();
    (id, Cx { actor: opened.actor, ..bench.cx.clone() })
}

async fn running(bench: &Bench, user: UserId) -> (VmId, PermissionId) {
    let vm = bench.vm("a").await;
    let permission = permissions::grant(&bench.cx, USER_ROLE, user.into(), ObjectKind::Vm, vm.object()).await.unwrap();
    let job = vms::start(&bench.cx, vm).await.unwrap();
    jobs::wait(&bench.engine, job).await.unwrap();
    (vm, permission)
}

async fn open(bench: &Bench, cx: &Cx, vm: VmId) -> Console {
    let ticket = console::ticket(cx, vm).await.unwrap();
    let mut console = console::open(&bench.engine, vm, &ticket).await.unwrap();
    let mut greeting = [0; 12];
    console.stream.read_exact(&mut greeting).await.unwrap();
    assert_eq!(&greeting, b"RFB 003.008\n");
    console
}

async fn closing(console: &mut Console) -> Closing {
    let limit = std::time::Duration::from_secs(5);
    let closed = tokio::time::timeout(limit, console.closing.wait_for(Option::is_some)).await.unwrap().unwrap();
    closed.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_opens_once_and_for_one_vm() {
    let bench = Bench::new().await;
    let (id, alice) = alice(&bench).await;
    let (vm, _) = running(&bench, id).await;
    let other = bench.vm("b").await;
    assert!(matches!(
        console::ticket(&alice, other).await.unwrap_err(),
        EngineError::Auth(AuthError::Hidden { .. } | AuthError::Forbidden { .. })
    ));
    let ticket = console::ticket(&alice, vm).await.unwrap();
    let first = console::open(&bench.engine, vm, &ticket).await.unwrap();
    assert_eq!((first.user, bench.engine.consoles.count()), (id, 1));
    for (vm, ticket) in [(vm, ticket.as_str()), (vm, "forged"), (other, ticket.as_str())] {
        let refused = console::open(&bench.engine, vm, ticket).await.err().unwrap();
        assert!(matches!(refused, EngineError::Auth(AuthError::BadTicket)), "{refused}");
    }
    drop(first);
    let gone = |events: &Vec<String>| events.iter().any(|e| e == "VM_CONSOLE_DISCONNECTED");
    let events = bench.until("it is told", || bench.events(), gone).await;
    assert!(events.contains(&"VM_CONSOLE_CONNECTED".to_owned()));
    assert_eq!(bench.engine.consoles.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn closes_when_permission_session_or_vm_end() {
    let bench = Bench::new().await;
    let (id, cx) = alice(&bench).await;
    let (vm, permission) = running(&bench, id).await;
    let mut console = open(&bench, &cx, vm).await;
    permissions::revoke(&bench.cx, permission).await.unwrap();
    assert_eq!(closing(&mut console).await, Closing::PermissionWithdrawn);
    drop(console);
    permissions::grant(&bench.cx, USER_ROLE, id.into(), ObjectKind::Vm, vm.object()).await.unwrap();
    let mut console = open(&bench, &cx, vm).await;
    sign_in::sign_out(&cx).await.unwrap();
    assert_eq!(closing(&mut console).await, Closing::SessionEnded);
    drop(console);
    let (kind, view) = (SessionKind::Portal, View::User);
    let opened = sign_in::sign_in(&bench.engine, "alice@internal", "wonderland", "::1", kind, view).await.unwrap();
    let mut console = open(&bench, &Cx { actor: opened.actor, ..cx }, vm).await;
    vms::stop(&bench.cx, vm).await.unwrap();
    assert_eq!(closing(&mut console).await, Closing::VmStopped);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_lock_and_are_told_a_few_times_only() {
    let bench = Bench::new().await;
    alice(&bench).await;
    for _ in 0..20 {
        let (kind, view) = (SessionKind::Portal, View::User);
        sign_in::sign_in(&bench.engine, "alice", "wrong", "::1", kind, view).await.err().unwrap();
    }
    let events = bench.events().await;
    let count = |code: &str| events.iter().filter(|e| *e == code).count();
    assert_eq!((count("USER_VDC_LOGIN_FAILED"), count("USER_ACCOUNT_DISABLED_OR_LOCKED")), (4, 1));
}
