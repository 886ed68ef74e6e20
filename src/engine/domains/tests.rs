//! Domains that are kept, changed by two at once, removed with their people; their directories are tried in tests/it/domains.rs.

use super::{Trial, load};
use crate::auth::session::{self, Entry, SessionKind};
use crate::auth::{Actor, View};
use crate::engine::testing::Bench;
use crate::engine::{Cx, EngineError, domains, permissions, users};
use crate::model::conflict::Conflict;
use crate::model::directory::{DirectoryGroup, Person};
use crate::model::domain::Servers;
use crate::model::domain_draft::{Belongings, Draft};
use crate::model::ids::{DomainId, SYSTEM, UserId};
use crate::model::page::ListQuery;
use crate::model::permission::ObjectKind;
use crate::model::role::{SUPER_USER, USER_ROLE};
use crate::model::user::SignInMethod;
use crate::model::valid::Problem;
use crate::store::{domains as store, outsiders};

/// Nobody listens there.
fn draft(name: &str) -> Draft {
    Draft {
        name: name.to_owned(),
        provider: "OpenLDAP".to_owned(),
        servers: "127.0.0.1:9".to_owned(),
        transport: "plain".to_owned(),
        bind_name: "cn=reader".to_owned(),
        bind_password: Some("s3cret-of-searches".to_owned()),
        ..Draft::default()
    }
}

async fn added(bench: &Bench, name: &str) -> DomainId {
    domains::add(&bench.cx, &draft(name), &Trial::default(), true).await.unwrap()
}

/// Somebody of the domain, in a group of it, signed in.
async fn alice(bench: &Bench, domain: &'static str) -> (UserId, Actor) {
    let now = bench.engine.clock.now();
    let work = move |db: &mut crate::db::Db| {
        let group = DirectoryGroup { external_id: "g1".to_owned(), name: "staff".to_owned(), ..Default::default() };
        outsiders::keep_group(db, domain, &group)?;
        let person = Person {
            external_id: "p1".to_owned(),
            user_name: "Alice".to_owned(),
            groups: vec![group],
            ..Person::default()
        };
        let id = outsiders::keep(db, domain, &person, now)?;
        let (kind, method) = (SessionKind::Portal, SignInMethod::Password);
        let entry = Entry { kind, method, source_ip: "10.0.0.1", view: View::Admin };
        let opened = session::open(db, id, entry, now)?;
        Ok::<_, EngineError>((id, opened.actor))
    };
    bench.engine.db.write(work).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_does_not_answer_is_kept_by_force_only() {
    let bench = Bench::new().await;
    let refused = domains::add(&bench.cx, &draft("example.com"), &Trial::default(), false).await;
    assert!(matches!(refused, Err(EngineError::Steps(steps)) if steps.last().unwrap().outcome.is_err()));
    let unreadable = Draft { ca_pem: "no certificate".to_owned(), ..draft("example.com") };
    let refused = domains::add(&bench.cx, &unreadable, &Trial::default(), true).await;
    assert!(matches!(refused, Err(EngineError::Steps(_))), "{refused:?}");
    assert!(bench.engine.directories.names().is_empty());

    let id = added(&bench, "Example.com").await;
    assert_eq!(bench.engine.directories.names(), ["example.com"]);
    let steps = domains::validate(&bench.cx, id, &Trial::default()).await.unwrap();
    assert!(steps.last().unwrap().outcome.is_err(), "{steps:?}");
    assert!(domains::get(&bench.cx, id).await.unwrap().last.unwrap().failed().is_some());
    let taken = domains::add(&bench.cx, &draft("EXAMPLE.com"), &Trial::default(), true).await;
    assert!(matches!(taken, Err(EngineError::Invalid(w)) if matches!(w[0].problem, Problem::Taken { .. })));
    assert!(bench.events().await.iter().any(|code| code == "DOMAIN_UNUSABLE"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_is_sealed_and_never_shown() {
    let bench = Bench::new().await;
    let id = added(&bench, "example.com").await;
    let row = bench.engine.db.read(move |db| Ok::<_, EngineError>(store::get(db, id)?)).await.unwrap().unwrap();
    assert!(!row.bind_password.unwrap().contains("s3cret"));
    let shown = domains::get(&bench.cx, id).await.unwrap();
    assert_eq!(shown.config.bind_password, None);
    let used = bench.engine.directories.get("example.com").unwrap();
    assert_eq!(used.config().bind_password.as_deref(), Some("s3cret-of-searches"));
    assert!(!format!("{:?}", bench.events().await).contains("s3cret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_edit_at_once_one_fails() {
    let bench = Bench::new().await;
    let id = added(&bench, "example.com").await;
    let seen = domains::get(&bench.cx, id).await.unwrap();
    let new = Draft { base_dn: "dc=a".to_owned(), ..Draft::of(&seen.config) };
    domains::edit(&bench.cx, id, seen.generation, &new, &Trial::default(), true).await.unwrap();
    let late = domains::edit(&bench.cx, id, seen.generation, &new, &Trial::default(), true).await;
    assert!(matches!(late, Err(EngineError::Conflict(Conflict::DomainChanged { .. }))), "{late:?}");
    let now = domains::get(&bench.cx, id).await.unwrap();
    assert_eq!((now.generation, now.config.base_dn.as_deref()), (seen.generation + 1, Some("dc=a")));
    // Elsewhere only with the password.
    let moved = Draft { servers: "elsewhere.example".to_owned(), ..Draft::of(&now.config) };
    let refused = domains::edit(&bench.cx, id, now.generation, &moved, &Trial::default(), true).await;
    assert!(matches!(refused, Err(EngineError::Invalid(w)) if w[0].problem == Problem::GiveAgain));
    let moved = Draft { bind_password: Some("another".to_owned()), ..moved };
    domains::edit(&bench.cx, id, now.generation, &moved, &Trial::default(), true).await.unwrap();
    let used = bench.engine.directories.get("example.com").unwrap();
    assert_ne!(used.config().servers, Servers::Srv);
    assert_eq!(used.config().bind_password.as_deref(), Some("another"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_goes_with_its_people() {
    let bench = Bench::new().await;
    let id = added(&bench, "example.com").await;
    let (user, actor) = alice(&bench, "example.com").await;
    permissions::grant(&bench.cx, USER_ROLE, user.into(), ObjectKind::Cluster, bench.cluster.object()).await.unwrap();
    permissions::grant(&bench.cx, SUPER_USER, user.into(), ObjectKind::System, SYSTEM).await.unwrap();
    let lost = Belongings { users: 1, groups: 1, permissions: 2, sessions: 1 };
    assert_eq!(domains::belongings(&bench.cx, id).await.unwrap(), lost);

    // Nobody saws off the branch he sits on.
    let hers = Cx { actor: Actor { is_admin: true, ..actor.clone() }, ..bench.cx.clone() };
    let refused = domains::remove(&hers, id).await;
    assert!(matches!(refused, Err(EngineError::Conflict(Conflict::RemoveSelf))), "{refused:?}");

    assert_eq!(domains::remove(&bench.cx, id).await.unwrap(), lost);
    assert!(bench.engine.directories.names().is_empty());
    let left = users::list(&bench.cx, &ListQuery::default()).await.unwrap().rows;
    assert!(left.iter().all(|u| u.domain == "internal"), "{left:?}");
    assert!(users::groups(&bench.cx).await.unwrap().iter().all(|g| g.domain != "example.com"));
    let alive = crate::auth::session::alive(&bench.engine.db, actor.session.into_iter().collect()).await.unwrap();
    assert!(alive.is_empty());
    assert!(domains::get(&bench.cx, id).await.is_err());
    // The name is free again.
    added(&bench, "example.com").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_command_line_changes_is_noticed() {
    let bench = Bench::new().await;
    // As `vireo domains` does it: an engine of its own on the same database, with the same key.
    let id = added(&bench, "example.com").await;
    bench.engine.db.write(move |db| Ok::<_, EngineError>(store::remove(db, id, "example.com")?)).await.unwrap();
    bench.until("it is forgotten", || async { bench.engine.directories.names() }, Vec::is_empty).await;
    load(&bench.engine).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_configures_the_engine_sees_how_a_directory_is_reached() {
    let bench = Bench::new().await;
    let id = added(&bench, "example.com").await;
    let (_, actor) = alice(&bench, "example.com").await;
    let nobody = Cx { actor, ..bench.cx.clone() };
    assert!(domains::list(&nobody, &ListQuery::default()).await.is_err());
    assert!(domains::get(&nobody, id).await.is_err());
    assert!(domains::test(&nobody, Some(id), &draft("example.com"), &Trial::default()).await.is_err());
    assert!(domains::remove(&nobody, id).await.is_err());
    assert!(domains::people::find_people(&nobody, "example.com", "a", SYSTEM).await.is_err());
    assert_eq!(domains::names(&nobody).await.unwrap().len(), 1);
    // Who may ask hears what is wrong with the directory.
    let told = domains::people::find_people(&bench.cx, "example.com", "a", SYSTEM).await;
    assert!(matches!(told, Err(EngineError::Directory(_))), "{told:?}");
    let none = domains::people::find_people(&bench.cx, "example.org", "a", SYSTEM).await;
    assert!(matches!(none, Err(EngineError::Invalid(_))));
}
