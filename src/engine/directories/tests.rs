//! What is kept of the people of directories, on both databases. (With directories: tests/it/directories.)

use crate::engine::EngineError;
use crate::engine::testing::Bench;
use crate::model::clock::{Clock as _, SystemClock};
use crate::model::directory::{DirectoryGroup, Person};
use crate::store::outsiders::{self, Which};
use crate::store::{groups, users};
use time::Duration;

const DOMAIN: &str = "example.com";

fn group(id: &str, name: &str) -> DirectoryGroup {
    DirectoryGroup { external_id: id.to_owned(), name: name.to_owned(), description: String::new() }
}

fn person(id: &str, name: &str, groups: &[DirectoryGroup]) -> Person {
    Person { external_id: id.to_owned(), user_name: name.to_owned(), groups: groups.to_vec(), ..Person::default() }
}

#[tokio::test]
async fn people_and_groups_are_kept_as_the_directory_says() {
    let bench = Bench::new().await;
    let done = bench.engine.db.write(|db| {
        let now = SystemClock.now();
        let (known, unknown) = (group("g1", "staff"), group("g2", "others"));
        let staff = outsiders::keep_group(db, DOMAIN, &known)?;
        let alice = person("p1", "Alice", &[known.clone(), unknown]);
        let id = outsiders::keep(db, DOMAIN, &alice, now)?;
        assert!(outsiders::is_current(db, DOMAIN, id, &alice)?);
        assert_eq!(groups::of(db, id.into())?, [staff]);

        // Anything that is different is noticed: a name, a title, a group.
        let married = Person { last_name: "New".to_owned(), ..alice.clone() };
        let renamed = person("p1", "alice2", &alice.groups);
        for other in [&married, &renamed, &person("p1", "alice", &[])] {
            assert!(!outsiders::is_current(db, DOMAIN, id, other)?, "{other:?}");
        }
        assert_eq!(outsiders::keep(db, DOMAIN, &renamed, now)?, id, "he is found by his id");

        let all = outsiders::known(db, DOMAIN, Which::All)?;
        assert_eq!(all.iter().map(|one| one.full_name(DOMAIN)).collect::<Vec<_>>(), ["alice2@example.com"]);
        assert_eq!(outsiders::known(db, DOMAIN, Which::SignedIn)?, []);
        assert_eq!(outsiders::known(db, "other.com", Which::All)?, []);

        outsiders::vanished(db, id)?;
        assert!(!users::get(db, id)?.is_some_and(|user| user.active));
        assert!(!outsiders::is_current(db, DOMAIN, id, &renamed)?, "who comes back is active again");

        assert_eq!(outsiders::known_groups(db, DOMAIN)?, [(staff, "g1".to_owned())]);
        outsiders::group_vanished(db, staff)?;
        assert_eq!(groups::of(db, id.into())?, []);
        Ok::<_, EngineError>(())
    });
    done.await.unwrap();
}

#[tokio::test]
async fn a_skew_is_told_while_it_lasts() {
    let bench = Bench::new().await;
    let directories = &bench.engine.directories;
    assert_eq!(directories.note_skew(DOMAIN, Duration::seconds(119)), None);
    assert_eq!(directories.skew(DOMAIN), None);
    directories.note_skew(DOMAIN, Duration::seconds(-121));
    assert_eq!(directories.skew(DOMAIN), Some(Duration::seconds(-121)));
    assert_eq!(directories.skews(), [], "there is no such domain any more");
    directories.forget(DOMAIN);
    assert_eq!(directories.skew(DOMAIN), None);
}
