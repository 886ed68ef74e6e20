//! Tags: made, moved, put on things, searched for, removed.

use super::{add, assign, edit, get, list, of, remove};
use crate::engine::testing::Bench;
use crate::engine::testing::people::person;
use crate::engine::{Cx, EngineError, catalog, permissions, roles, users, vms};
use crate::model::ids::{BLANK_TEMPLATE, ObjectId, ROOT_TAG, TagId, VmId};
use crate::model::page::ListQuery;
use crate::model::permission::ObjectKind;
use crate::model::role::{Action, RoleConfig};
use crate::model::tag::{NoPlace, Tag, Tagged};
use crate::model::valid::Problem;

fn tag(name: &str, parent: Option<TagId>) -> Tag {
    Tag { id: ROOT_TAG, parent, name: name.to_owned(), description: String::new() }
}

fn problem(result: Result<impl std::fmt::Debug, EngineError>) -> Problem {
    match result.unwrap_err() {
        EngineError::Invalid(mut wrong) => wrong.remove(0).problem,
        other => panic!("{other}"),
    }
}

fn searched(text: &str) -> ListQuery {
    ListQuery { search: text.to_owned(), ..ListQuery::default() }
}

async fn found(cx: &Cx, text: &str) -> Vec<String> {
    vms::list(cx, &searched(text)).await.unwrap().rows.into_iter().map(|vm| vm.name).collect()
}

async fn names(cx: &Cx) -> Vec<String> {
    list(cx).await.unwrap().into_iter().map(|(depth, tag)| format!("{depth}{}", tag.name)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tree_grows_moves_and_refuses_circles() {
    let bench = Bench::new().await;
    let cx = &bench.cx;
    let city = add(cx, tag("city", None)).await.unwrap();
    let berlin = add(cx, tag("berlin", Some(city))).await.unwrap();
    let lab = add(cx, tag("lab", Some(berlin))).await.unwrap();
    assert_eq!(names(cx).await, ["0root", "1city", "2berlin", "3lab"]);
    assert_eq!(get(cx, city).await.unwrap().parent, Some(ROOT_TAG));

    let to = |parent| move |tag: Tag| Tag { parent: Some(parent), ..tag };
    assert_eq!(problem(edit(cx, city, to(lab)).await), Problem::TagPlace(NoPlace::BelowItself));
    assert_eq!(problem(edit(cx, city, to(city)).await), Problem::TagPlace(NoPlace::BelowItself));
    assert_eq!(problem(add(cx, tag("x", Some(TagId::fixed(7)))).await), Problem::TagPlace(NoPlace::NoParent));
    assert_eq!(problem(add(cx, tag("Berlin", None)).await), Problem::Taken { name: "berlin".to_owned() });
    assert_eq!(problem(add(cx, tag("", None)).await), Problem::Missing);
    assert_eq!(problem(edit(cx, ROOT_TAG, to(lab)).await), Problem::RootTag);
    assert_eq!(problem(remove(cx, ROOT_TAG).await), Problem::RootTag);
    edit(cx, lab, to(ROOT_TAG)).await.unwrap();
    edit(cx, city, to(lab)).await.unwrap();
    edit(cx, city, |tag| Tag { name: "town".to_owned(), ..tag }).await.unwrap();
    assert_eq!(names(cx).await, ["0root", "1lab", "2town", "3berlin"]);

    // A tag takes all below it along.
    remove(cx, city).await.unwrap();
    assert_eq!(names(cx).await, ["0root", "1lab"]);
    let told = bench.events().await;
    let count = |code: &str| told.iter().filter(|event| event.contains(code)).count();
    assert_eq!((count("USER_ADD_TAG"), count("USER_MOVE_TAG"), count("USER_UPDATE_TAG")), (3, 2, 1), "{told:?}");
    assert_eq!(count("USER_REMOVE_TAG"), 2, "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_finds_what_carries_a_tag_or_one_below() {
    let bench = Bench::new().await;
    let cx = &bench.cx;
    let city = add(cx, tag("city", None)).await.unwrap();
    let berlin = add(cx, tag("berlin", Some(city))).await.unwrap();
    let old = add(cx, tag("old", None)).await.unwrap();
    let (one, two, three) = (bench.vm("one").await, bench.vm("two").await, bench.vm("three").await);
    assign(cx, Tagged::Vm(one), vec![city], vec![]).await.unwrap();
    assign(cx, Tagged::Vm(two), vec![berlin, old], vec![]).await.unwrap();
    // Again: as it should be already, and not told twice.
    assign(cx, Tagged::Vm(two), vec![berlin], vec![city]).await.unwrap();
    assert_eq!(bench.events().await.iter().filter(|e| e.contains("USER_ATTACH_TAG_TO_VM")).count(), 3);
    assert_eq!(problem(assign(cx, Tagged::Vm(one), vec![ROOT_TAG], vec![]).await), Problem::RootTag);

    for (text, expected) in [
        ("tag=city", vec!["one", "two"]),
        ("Vms: tag = BERLIN", vec!["two"]),
        ("tag=root", vec!["one", "two"]),
        ("tag!=city", vec!["three"]),
        ("tag=*l*", vec!["two"]),
        ("tag=old and name=t*", vec!["two"]),
        ("tag=nothing", vec![]),
        ("tag=old or name=three", vec!["three", "two"]),
        // A word alone looks at texts of the VM's own.
        ("city", vec![]),
    ] {
        assert_eq!(found(cx, text).await, expected, "{text}");
    }
    assert!(vms::list(cx, &searched("sortby tag")).await.is_err(), "several tags are no order");

    // The other lists.
    let host = catalog::hosts(cx, &searched("")).await.unwrap().rows[0].id;
    assign(cx, Tagged::Host(host), vec![berlin], vec![]).await.unwrap();
    assign(cx, Tagged::Template(BLANK_TEMPLATE), vec![berlin], vec![]).await.unwrap();
    let bob = person(&bench, "bob").await.actor.user;
    assign(cx, Tagged::User(bob), vec![berlin], vec![]).await.unwrap();
    let everyone = crate::model::ids::EVERYONE;
    assign(cx, Tagged::Group(everyone), vec![berlin], vec![]).await.unwrap();
    for (text, n) in [("tag=city", 1), ("tag!=city", 0), ("tag=old", 0)] {
        assert_eq!(catalog::hosts(cx, &searched(text)).await.unwrap().rows.len(), n, "hosts {text}");
        assert_eq!(catalog::templates(cx, &searched(text)).await.unwrap().rows.len(), n, "templates {text}");
        let found = users::list(cx, &searched(text)).await.unwrap().rows;
        assert_eq!(found.iter().any(|u| u.id == bob), n == 1, "users {text}");
        let found = users::group_list(cx, &searched(text)).await.unwrap().rows;
        assert_eq!(found.iter().any(|g| g.id == everyone), n == 1, "groups {text}");
    }
    let told = bench.events().await;
    for code in ["ATTACH_TAG_TO_VDS", "ATTACH_TAG_TO_TEMPLATE", "ATTACH_TAG_TO_USER", "ATTACH_TAG_TO_USER_GROUP"] {
        assert!(told.iter().any(|event| event.contains(code)), "{code}: {told:?}");
    }

    // What goes loses its tags; a tag that goes is lost by what carried it.
    assign(cx, Tagged::Vm(three), vec![old], vec![]).await.unwrap();
    vms::remove(cx, three, false).await.unwrap();
    bench.until("it is gone", || async { vms::get(cx, three).await.is_err() }, |gone| *gone).await;
    users::remove(cx, bob).await.unwrap();
    assert_eq!(uses(&bench, &[three.object(), bob.object()]).await, 0);
    remove(cx, city).await.unwrap();
    assert_eq!(uses(&bench, &[one.object(), two.object(), host.object()]).await, 1, "old on two");
    assert_eq!(of(cx, Tagged::Vm(two)).await.unwrap().len(), 1);
}

async fn uses(bench: &Bench, objects: &[ObjectId]) -> usize {
    let objects = objects.to_vec();
    let found = bench.engine.db.read(move |db| Ok::<_, EngineError>(super::store::of(db, &objects)?)).await.unwrap();
    found.values().map(Vec::len).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_tag_may_tag_what_he_holds() {
    let bench = Bench::new().await;
    let lab = add(&bench.cx, tag("lab", None)).await.unwrap();
    let (mine, other): (VmId, VmId) = (bench.vm("mine").await, bench.vm("other").await);
    let config = RoleConfig {
        name: "tagger".to_owned(),
        admin: true,
        actions: vec![Action::TagManagement, Action::EditVmProperties],
        ..RoleConfig::default()
    };
    let role = roles::add(&bench.cx, config).await.unwrap();
    let bob = person(&bench, "bob").await;
    permissions::grant(&bench.cx, role, bob.actor.user.into(), ObjectKind::Vm, mine.object()).await.unwrap();
    let bob = crate::engine::testing::people::again(&bench, &bob).await;
    assign(&bob, Tagged::Vm(mine), vec![lab], vec![]).await.unwrap();
    assign(&bob, Tagged::Vm(mine), vec![], vec![lab]).await.unwrap();
    assert!(matches!(assign(&bob, Tagged::Vm(other), vec![lab], vec![]).await, Err(EngineError::Auth(_))));
    assert!(matches!(add(&bob, tag("x", None)).await, Err(EngineError::Auth(_))));
    assert!(matches!(remove(&bob, lab).await, Err(EngineError::Auth(_))));
    assert!(matches!(of(&bob, Tagged::Vm(other)).await, Err(EngineError::Auth(_))));
    let carol = person(&bench, "carol").await;
    assert!(list(&carol).await.unwrap().is_empty() && get(&carol, lab).await.is_err());
}
