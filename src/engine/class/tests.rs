//! Classes as commands see them.

use super::{
    end, fresh, get, gifts, give_file, hand, link, lock_all, lock_one, notices, open_file, put_away, teaches, tell,
};
use crate::auth::session::SessionKind;
use crate::auth::{AuthError, View};
use crate::engine::pools::{create, take};
use crate::engine::testing::Bench;
use crate::engine::testing::kinds::{new_pool, template, wait};
use crate::engine::users::{self, NewUser};
use crate::engine::vms::console::{self, Closing, Console};
use crate::engine::{Cx, EngineError, permissions, sign_in, vms};
use crate::model::class::{GiftKind, MAX_FILE};
use crate::model::conflict::Conflict;
use crate::model::console::{ConsoleOf, Entry, Manner};
use crate::model::ids::{PoolId, RoleId, VmId};
use crate::model::permission::ObjectKind;
use crate::model::predefined_roles::TEACHER_ROLE;
use crate::model::role::USER_ROLE;
use crate::wire::ErrorCode;
use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::io::AsyncReadExt as _;

struct Class {
    bench: Bench,
    pool: PoolId,
    teacher: Cx,
    alice: (Cx, VmId),
    bob: (Cx, VmId),
}

/// Somebody who is signed in.
async fn with_role(bench: &Bench, name: &str, pool: PoolId, role: RoleId) -> Cx {
    let new = NewUser { user_name: name.to_owned(), password: Some("wonderland".to_owned()), ..NewUser::default() };
    let user = users::add(&bench.cx, new).await.unwrap();
    permissions::grant(&bench.cx, role, user.into(), ObjectKind::Pool, pool.object()).await.unwrap();
    let (kind, view) = (SessionKind::Portal, View::User);
    let opened = sign_in::sign_in(&bench.engine, name, "wonderland", "::1", kind, view).await.unwrap();
    Cx { actor: opened.actor, ..bench.cx.clone() }
}

/// The same session after a restart.
fn again(bench: &Bench, cx: &Cx) -> Cx {
    Cx { engine: bench.engine.clone(), ..cx.clone() }
}

async fn student(bench: &Bench, name: &str, pool: PoolId) -> (Cx, VmId) {
    let cx = with_role(bench, name, pool, USER_ROLE).await;
    let taken = take(&cx, pool).await.unwrap();
    wait(bench, taken.job).await;
    (cx, taken.id)
}

impl Class {
    async fn new() -> Self {
        let bench = Bench::new().await;
        let mut new = new_pool(template(&bench).await);
        (new.size, new.max_user_vms) = (4, 1);
        let created = create(&bench.cx, new).await.unwrap();
        wait(&bench, created.job).await;
        let pool = created.id;
        let teacher = with_role(&bench, "tina", pool, TEACHER_ROLE).await;
        let alice = student(&bench, "alice", pool).await;
        let bob = student(&bench, "bob", pool).await;
        Self { bench, pool, teacher, alice, bob }
    }

    async fn open(&self, cx: &Cx, vm: VmId, entry: Entry) -> Result<Console, EngineError> {
        let ticket = console::ticket(cx, vm, ConsoleOf::Screen, None, Manner::Ask, entry).await?;
        let mut console = console::open(&self.bench.engine, vm, &ticket.first, None).await?;
        let mut greeting = [0; 12];
        console.stream.read_exact(&mut greeting).await.unwrap();
        Ok(console)
    }
}

async fn closing(console: &mut Console) -> Closing {
    let limit = std::time::Duration::from_secs(5);
    let closed = tokio::time::timeout(limit, console.closing.wait_for(Option::is_some)).await.unwrap().unwrap();
    closed.unwrap()
}

fn is_locked(result: Result<impl Sized, EngineError>) -> bool {
    matches!(result, Err(EngineError::Conflict(Conflict::ScreenLocked { .. })))
}

fn is_refused(result: Result<impl Sized, EngineError>) -> bool {
    matches!(result, Err(EngineError::Auth(AuthError::Forbidden { .. } | AuthError::Hidden { .. })))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_closes_consoles_and_keeps_them_closed() {
    let mut class = Class::new().await;
    let (alice, vm) = class.alice.clone();
    let teacher = class.teacher.clone();
    let mut hers = class.open(&alice, vm, Entry::Own).await.unwrap();
    let watching = class.open(&teacher, vm, Entry::Watch).await.unwrap();
    let helping = class.open(&teacher, vm, Entry::Help).await.unwrap();
    assert!(watching.watch_only.is_some() && helping.watch_only.is_none() && hers.watch_only.is_none());
    assert!(class.open(&alice, vm, Entry::Own).await.is_ok(), "a teacher keeps nobody out");
    let early = console::ticket(&alice, vm, ConsoleOf::Screen, None, Manner::Ask, Entry::Own).await.unwrap().first;

    lock_all(&teacher, class.pool, true).await.unwrap();
    assert_eq!(closing(&mut hers).await, Closing::Locked);
    assert!(watching.closing.borrow().is_none() && helping.closing.borrow().is_none(), "the teacher's go on");
    assert!(is_locked(class.open(&alice, vm, Entry::Own).await));
    assert!(
        is_locked(console::open(&class.bench.engine, vm, &early, None).await),
        "a ticket from before opens nothing"
    );
    assert!(is_locked(console::viewer(&alice, vm, None).await));
    assert!(is_locked(vms::screenshot(&alice, vm).await));
    assert!(class.open(&teacher, vm, Entry::Watch).await.is_ok());
    assert!(notices(&alice).await.unwrap().desks[0].locked);

    class.bench.restart().await;
    let (alice, teacher) = (again(&class.bench, &alice), again(&class.bench, &teacher));
    assert!(is_locked(class.open(&alice, vm, Entry::Own).await), "kept over a restart");
    // Who takes one after the lock is locked, too.
    let (carl, his) = student(&class.bench, "carl", class.pool).await;
    assert!(is_locked(class.open(&carl, his, Entry::Own).await));

    lock_all(&teacher, class.pool, false).await.unwrap();
    lock_one(&teacher, class.pool, his, true).await.unwrap();
    assert!(class.open(&alice, vm, Entry::Own).await.is_ok());
    assert!(is_locked(class.open(&carl, his, Entry::Own).await));
    lock_one(&teacher, class.pool, his, false).await.unwrap();
    assert!(class.open(&carl, his, Entry::Own).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_its_teacher_has_a_class() {
    let class = Class::new().await;
    let ((alice, hers), pool) = (class.alice.clone(), class.pool);
    assert!(teaches(&class.teacher).await.unwrap() && !teaches(&alice).await.unwrap());
    let view = get(&class.teacher, pool).await.unwrap();
    let names: Vec<&str> = view.students.iter().map(|s| s.full_name.as_str()).collect();
    assert_eq!((names, view.pool.free), (vec!["alice", "bob"], 2));
    // The class shows him screens; it gives him no VM.
    assert!(is_refused(vms::get(&class.teacher, hers).await));
    assert!(is_refused(class.open(&class.teacher, hers, Entry::Own).await));
    let (_, his) = class.bob;
    assert!(is_refused(get(&alice, pool).await));
    assert!(is_refused(tell(&alice, pool, None, "hello").await));
    assert!(is_refused(link(&alice, pool, Some(his), "https://example.com").await));
    assert!(is_refused(lock_all(&alice, pool, true).await));
    assert!(is_refused(fresh(&alice, pool, his).await));
    assert!(is_refused(end(&alice, pool).await));
    assert!(is_refused(class.open(&alice, his, Entry::Watch).await));
    assert!(is_refused(class.open(&alice, hers, Entry::Help).await), "not even at her own");
    // A VM that nobody has is none of the class.
    let all = crate::engine::pools::vms(&class.bench.cx, pool).await.unwrap();
    let free = all.iter().find(|row| ![hers, his].contains(&row.id)).unwrap().id;
    assert!(matches!(lock_one(&class.teacher, pool, free, true).await, Err(EngineError::NotFound { .. })));
    // The right to watch goes, and the console with it.
    let mut watching = class.open(&class.teacher, hers, Entry::Watch).await.unwrap();
    fresh(&class.teacher, pool, hers).await.unwrap();
    assert!(matches!(closing(&mut watching).await, Closing::VmStopped | Closing::PermissionWithdrawn));
    assert_eq!(get(&class.teacher, pool).await.unwrap().students.iter().filter(|s| !s.holder.returning).count(), 1);
}

fn body(pieces: Vec<Bytes>) -> super::Body {
    futures_util::stream::iter(pieces.into_iter().map(Ok)).boxed()
}

fn stored(bench: &Bench) -> usize {
    std::fs::read_dir(bench.dir.join("files")).map_or(0, Iterator::count)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_comes_to_whom_it_is_for() {
    let mut class = Class::new().await;
    let (pool, teacher) = (class.pool, class.teacher.clone());
    let ((alice, hers), (bob, _)) = (class.alice.clone(), class.bob.clone());
    let all = tell(&teacher, pool, None, " Open page 12 \n").await.unwrap();
    link(&teacher, pool, Some(hers), "https://example.com/a").await.unwrap();
    assert!(matches!(link(&teacher, pool, None, "javascript:alert(1)").await, Err(EngineError::Invalid(_))));
    let file = give_file(&teacher, pool, Some(hers), "a b.txt", body(vec!["one".into(), "two".into()])).await.unwrap();
    let kinds = |notices: &crate::model::class::Notices| notices.gifts.iter().map(|(g, _)| g.kind).collect::<Vec<_>>();
    let told = notices(&alice).await.unwrap();
    assert_eq!(kinds(&told), [GiftKind::File, GiftKind::Link, GiftKind::Message]);
    assert_eq!((told.gifts[2].0.content.as_str(), told.gifts[0].0.bytes), ("Open page 12", 6));
    assert_eq!(kinds(&notices(&bob).await.unwrap()), [GiftKind::Message]);
    put_away(&alice, all).await.unwrap();
    put_away(&alice, all).await.unwrap();
    assert_eq!(notices(&alice).await.unwrap().gifts.len(), 2);
    assert_eq!(notices(&bob).await.unwrap().gifts.len(), 1, "put away by one only");

    let mut opened = open_file(&alice, file).await.unwrap();
    let mut text = String::new();
    opened.file.read_to_string(&mut text).await.unwrap();
    assert_eq!((opened.name.as_str(), text.as_str()), ("a b.txt", "onetwo"));
    assert!(is_refused(open_file(&bob, file).await) && open_file(&teacher, file).await.is_ok());

    // Too large, of a wrong name, cut off: nothing of it is left.
    let piece = Bytes::from(vec![0; 1 << 20]);
    let large = body(vec![piece; usize::try_from(MAX_FILE >> 20).unwrap() + 1]);
    let refused = give_file(&teacher, pool, None, "large", large).await;
    assert!(matches!(refused, Err(EngineError::Conflict(Conflict::FileTooLarge { most: 50 }))));
    assert!(matches!(give_file(&teacher, pool, None, "../x", body(Vec::new())).await, Err(EngineError::Invalid(_))));
    let broken = futures_util::stream::iter([Ok(Bytes::from("x")), Err(std::io::Error::other("gone"))]).boxed();
    assert!(give_file(&teacher, pool, None, "cut", broken).await.is_err());
    assert!(is_refused(give_file(&alice, pool, None, "mine", body(Vec::new())).await));
    assert_eq!((stored(&class.bench), gifts(&teacher, pool).await.unwrap().len()), (1, 3));

    // A guest's agent refuses; who has the VM still can download it. After a restart all of it is there.
    class.bench.agent.refuse("guest-files", ErrorCode::Libvirt);
    class.bench.agent.connect_agent(hers);
    let seen = class.bench.until(
        "the refusal is told",
        || async {
            class.bench.engine.reconcilers.wake("classes");
            gifts(&teacher, pool).await.unwrap()[0].deliveries[0].2.clone()
        },
        |delivery| delivery.as_ref().is_some_and(|d| d.tries == 3 && !d.done),
    );
    assert!(seen.await.unwrap().detail.contains("refused"));
    class.bench.restart().await;
    let (alice, teacher) = (again(&class.bench, &alice), again(&class.bench, &teacher));
    assert!(open_file(&alice, file).await.is_ok());

    hand(&alice, hers, true).await.unwrap();
    hand(&alice, hers, true).await.unwrap();
    assert!(get(&teacher, pool).await.unwrap().students[0].hand.is_some());
    assert!(matches!(hand(&bob, hers, true).await, Err(EngineError::NotFound { .. })));
    end(&teacher, pool).await.unwrap();
    assert!(get(&teacher, pool).await.unwrap().students[0].hand.is_none());
    assert!(notices(&alice).await.unwrap().gifts.is_empty());
    assert!(open_file(&alice, file).await.is_err(), "the file goes with the class");
}
