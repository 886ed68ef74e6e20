//! Who gets a console, and when it ends.

use crate::auth::session::SessionKind;
use crate::auth::{AuthError, View};
use crate::engine::testing::Bench;
use crate::engine::users::{self, NewUser};
use crate::engine::vms::console::{self, Closing, Console, Issued};
use crate::engine::{Cx, EngineError, jobs, permissions, sign_in, vms};
use crate::model::conflict::Conflict;
use crate::model::console::{ConsoleOf, Entry, Manner};
use crate::model::ids::{PermissionId, UserId, VmId};
use crate::model::permission::ObjectKind;
use crate::model::role::{SUPER_USER, USER_ROLE};
use crate::model::vm::{Display, Refusal, VmUpdate};
use tokio::io::AsyncReadExt as _;

async fn alice(bench: &Bench) -> (UserId, Cx) {
    let id = user(bench, "alice").await;
    (id, session(bench, "alice").await.0)
}

async fn user(bench: &Bench, name: &str) -> UserId {
    let new = NewUser { user_name: name.to_owned(), password: Some("wonderland".to_owned()), ..NewUser::default() };
    users::add(&bench.cx, new).await.unwrap()
}

/// A new session, with its secret.
async fn session(bench: &Bench, name: &str) -> (Cx, String) {
    let (kind, view) = (SessionKind::Portal, View::User);
    let opened = sign_in::sign_in(&bench.engine, name, "wonderland", "::1", kind, view).await.unwrap();
    (Cx { actor: opened.actor, ..bench.cx.clone() }, opened.secret)
}

async fn running(bench: &Bench, user: UserId) -> (VmId, PermissionId) {
    let vm = bench.vm("a").await;
    let permission = permissions::grant(&bench.cx, USER_ROLE, user.into(), ObjectKind::Vm, vm.object()).await.unwrap();
    let job = vms::start(&bench.cx, vm).await.unwrap();
    jobs::wait(&bench.engine, job).await.unwrap();
    (vm, permission)
}

async fn ticket(cx: &Cx, vm: VmId) -> Result<Issued, EngineError> {
    console::ticket(cx, vm, ConsoleOf::Screen, None, Manner::Ask, Entry::Own).await
}

async fn open(bench: &Bench, cx: &Cx, vm: VmId) -> Console {
    let ticket = ticket(cx, vm).await.unwrap().first;
    let mut console = console::open(&bench.engine, vm, &ticket, None).await.unwrap();
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
        ticket(&alice, other).await.unwrap_err(),
        EngineError::Auth(AuthError::Hidden { .. } | AuthError::Forbidden { .. })
    ));
    let ticket = ticket(&alice, vm).await.unwrap().first;
    let first = console::open(&bench.engine, vm, &ticket, None).await.unwrap();
    assert_eq!((first.user, bench.engine.consoles.count()), (id, 1));
    for (vm, ticket) in [(vm, ticket.as_str()), (vm, "forged"), (other, ticket.as_str())] {
        let refused = console::open(&bench.engine, vm, ticket, None).await.err().unwrap();
        assert!(matches!(refused, EngineError::Auth(AuthError::BadTicket)), "{refused}");
    }
    drop(first);
    let gone = |events: &Vec<String>| events.iter().any(|e| e == "VM_CONSOLE_DISCONNECTED");
    let events = bench.until("it is told", || bench.events(), gone).await;
    assert!(events.contains(&"VM_CONSOLE_CONNECTED".to_owned()));
    assert_eq!(bench.engine.consoles.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_for_the_browser_that_asked() {
    let bench = Bench::new().await;
    let id = user(&bench, "alice").await;
    let ((cx, own), (_, other)) = (session(&bench, "alice").await, session(&bench, "alice").await);
    let (vm, _) = running(&bench, id).await;
    let stolen = ticket(&cx, vm).await.unwrap().first;
    for browser in [other, own.clone()] {
        // The second comes too late: whoever tried first used it up.
        let refused = console::open(&bench.engine, vm, &stolen, Some(browser)).await.err().unwrap();
        assert!(matches!(refused, EngineError::Auth(AuthError::BadTicket)), "{refused}");
    }
    let good = ticket(&cx, vm).await.unwrap().first;
    console::open(&bench.engine, vm, &good, Some(own)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spice_console_is_one_console_of_several_connections() {
    let bench = Bench::new().await;
    let (id, cx) = alice(&bench).await;
    let vm = bench.vm("a").await;
    let spice = VmUpdate { display: Some(Display::Spice), ..VmUpdate::default() };
    vms::update(&bench.cx, vm, spice).await.unwrap();
    permissions::grant(&bench.cx, USER_ROLE, id.into(), ObjectKind::Vm, vm.object()).await.unwrap();
    jobs::wait(&bench.engine, vms::start(&bench.cx, vm).await.unwrap()).await.unwrap();
    let issued = ticket(&cx, vm).await.unwrap();
    let mut open = vec![console::open(&bench.engine, vm, &issued.first, None).await.unwrap()];
    for channel in &issued.channels[1..4] {
        open.push(console::open(&bench.engine, vm, channel, None).await.unwrap());
        assert!(console::open(&bench.engine, vm, channel, None).await.is_err(), "each opens once");
    }
    assert_eq!((bench.engine.consoles.count(), bench.engine.consoles.watchers(vm).len()), (1, 1));
    // A window of the same person: QEMU serves one client.
    let again = ticket(&cx, vm).await.unwrap();
    let other = console::open(&bench.engine, vm, &again.first, None).await.unwrap();
    for console in &mut open {
        assert_eq!(closing(console).await, Closing::TakenOver);
    }
    drop(open);
    let gone = |events: &Vec<String>| events.iter().any(|e| e == "VM_CONSOLE_DISCONNECTED");
    let events = bench.until("it is told", || bench.events(), gone).await;
    assert_eq!(events.iter().filter(|e| *e == "VM_CONSOLE_CONNECTED").count(), 2);
    let late = console::open(&bench.engine, vm, &issued.channels[0], None).await.err().unwrap();
    assert!(matches!(late, EngineError::Auth(AuthError::BadTicket)), "its tickets went with it: {late}");
    drop(other);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_to_an_open_console_is_asked_or_refused() {
    let bench = Bench::new().await;
    let (id, cx) = alice(&bench).await;
    let bob = user(&bench, "bob").await;
    let (vm, _) = running(&bench, id).await;
    let held = permissions::grant(&bench.cx, USER_ROLE, bob.into(), ObjectKind::Vm, vm.object()).await.unwrap();
    let his = session(&bench, "bob").await.0;
    let mut hers = open(&bench, &cx, vm).await;
    for manner in [Manner::Ask, Manner::Together, Manner::TakeOver] {
        let refused = console::ticket(&his, vm, ConsoleOf::Screen, None, manner, Entry::Own).await.unwrap_err();
        let by = "alice@internal".to_owned();
        let strict = Refusal::ConsoleInUse { by };
        assert!(matches!(&refused, EngineError::Refused { because, .. } if *because == strict), "{refused}");
    }
    let lax = VmUpdate { allow_override: Some(true), ..VmUpdate::default() };
    vms::update(&bench.cx, vm, lax).await.unwrap();
    let asked = ticket(&his, vm).await.unwrap_err();
    assert!(matches!(asked, EngineError::Conflict(Conflict::ConsoleInUse { .. })), "{asked}");
    let strict = VmUpdate { allow_override: Some(false), ..VmUpdate::default() };
    vms::update(&bench.cx, vm, strict).await.unwrap();
    permissions::revoke(&bench.cx, held).await.unwrap();
    permissions::grant(&bench.cx, SUPER_USER, bob.into(), ObjectKind::Vm, vm.object()).await.unwrap();
    let asked = ticket(&his, vm).await.unwrap_err();
    assert!(matches!(asked, EngineError::Conflict(Conflict::ConsoleInUse { .. })), "{asked}");
    let together =
        console::ticket(&his, vm, ConsoleOf::Screen, None, Manner::Together, Entry::Own).await.unwrap().first;
    let looking = console::open(&bench.engine, vm, &together, None).await.unwrap();
    let names = |bench: &Bench| {
        let all = bench.engine.consoles.watchers(vm);
        all.into_iter().map(|w| w.name).collect::<Vec<_>>()
    };
    assert_eq!(names(&bench), ["alice@internal", "bob@internal"]);
    assert!(hers.closing.borrow().is_none(), "they look on together");
    drop(looking);
    let over = console::ticket(&his, vm, ConsoleOf::Screen, None, Manner::TakeOver, Entry::Own).await.unwrap().first;
    let alone = console::open(&bench.engine, vm, &over, None).await.unwrap();
    assert_eq!(closing(&mut hers).await, Closing::TakenOver);
    drop(hers);
    assert!(bench.events().await.contains(&"CONSOLE_TAKEN_OVER".to_owned()));
    drop(alone);
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
