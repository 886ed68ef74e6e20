//! The LDAP client on OpenLDAP.

use super::slapd::{PASSWORD, SEARCHER_PASSWORD, Setup, Slapd};
use super::{certificates, free_port, hurried, names};
use std::time::{Duration, Instant};
use vireo::directories::ldap::Directory;
use vireo::model::domain::{
    DirectoryConfig, DirectoryTrouble, Found, ServerAddress, Servers, SignInRefusal, Step, StepReport, Transport,
};

const ALL: [Transport; 3] = [Transport::Ldaps, Transport::StartTls, Transport::Plain];

fn at(host: &str, port: u16) -> ServerAddress {
    ServerAddress { host: host.to_owned(), port: Some(port) }
}

/// The trouble that ended the walk, and the step it was at.
fn failed(reports: &[StepReport]) -> (Step, DirectoryTrouble) {
    let last = reports.last().unwrap();
    (last.step, last.outcome.clone().expect_err("it went well"))
}

#[tokio::test]
async fn people_sign_in_by_every_transport() {
    let slapd = Slapd::start();
    for transport in ALL {
        let directory = Directory::new(slapd.config(transport)).unwrap();
        let alice = directory.sign_in("Alice", PASSWORD).await.unwrap();
        assert_eq!((alice.user_name.as_str(), alice.first_name.as_str()), ("alice", "Alice"));
        assert_eq!((alice.department.as_str(), alice.email.as_str()), ("42", "alice@example.com"));
        assert_eq!(uuid::Uuid::parse_str(&alice.external_id).unwrap().get_version_num(), 1);
        // Through groups in groups; staff and vdi are in each other.
        assert_eq!(names(&alice.groups), ["developers", "staff", "vdi"]);
        assert_eq!(directory.sign_in("alice@EXAMPLE.com", PASSWORD).await.unwrap(), alice);
        assert_eq!(directory.person("alice").await.unwrap(), alice);
        let strange = directory.sign_in("o'hara (x), *", PASSWORD).await.unwrap();
        assert_eq!(names(&strange.groups), ["developers", "staff", "vdi"]);
    }
}

#[tokio::test]
async fn refusals_are_told_apart_to_who_has_the_password() {
    let slapd = Slapd::start();
    let directory = Directory::new(slapd.config(Transport::Ldaps)).unwrap();
    let told = |refusal| Err(DirectoryTrouble::SignIn(refusal));
    for (name, password, expected) in [
        ("alice", "wrong", told(SignInRefusal::WrongPassword)),
        ("alice", "", told(SignInRefusal::WrongPassword)),
        ("alice", "\0", told(SignInRefusal::WrongPassword)),
        ("nobody", PASSWORD, told(SignInRefusal::WrongPassword)),
        ("nopassword", PASSWORD, told(SignInRefusal::WrongPassword)),
        ("mustchange", PASSWORD, told(SignInRefusal::MustChange)),
        ("mustchange", "wrong", told(SignInRefusal::WrongPassword)),
        ("expired", PASSWORD, told(SignInRefusal::PasswordExpired)),
        ("expired", "wrong", told(SignInRefusal::WrongPassword)),
        // slapd does not look at the password of a locked account.
        ("locked", PASSWORD, Err(DirectoryTrouble::Unproven(SignInRefusal::Locked))),
        ("disabled", "wrong", Err(DirectoryTrouble::Unproven(SignInRefusal::Locked))),
    ] {
        assert_eq!(directory.sign_in(name, password).await, expected, "{name} {password:?}");
    }
    // Three wrong ones lock an account: the directory's own rule.
    for _ in 0..3 {
        let _ = directory.sign_in("bob", "wrong").await;
    }
    let locked = Err(DirectoryTrouble::Unproven(SignInRefusal::Locked));
    assert_eq!(directory.sign_in("bob", PASSWORD).await, locked);
}

#[tokio::test]
async fn what_is_typed_never_changes_the_question() {
    let slapd = Slapd::with(Setup { people: 20, ..Setup::default() });
    let directory = Directory::new(slapd.config(Transport::Plain)).unwrap();
    let long = "x".repeat(100_000);
    let typed = [
        "*",
        "a*",
        "alice)(uid=*",
        "*)(|(uid=*",
        "alice)(&",
        "\\2a",
        "alice\0",
        "ü*",
        "uid=alice,ou=people,dc=example,dc=com",
        "alice,ou=people",
        "+",
        "#",
        "\u{202e}",
        "@",
        "@example.com",
        "\\",
        "alice\nbob",
        " ",
        "",
        long.as_str(),
    ];
    for name in typed {
        let refused = directory.sign_in(name, PASSWORD).await;
        assert_eq!(refused, Err(DirectoryTrouble::SignIn(SignInRefusal::WrongPassword)), "{name:?}");
        assert!(matches!(directory.person(name).await, Err(DirectoryTrouble::NoUser { .. })), "{name:?}");
        let ids = [name.to_owned()];
        assert_eq!(directory.by_ids(&ids).await, Ok(vec![]), "{name:?}");
        assert_eq!(directory.groups_by_ids(&ids).await, Ok(vec![]), "{name:?}");
        if !name.trim().is_empty() && name.len() < 100 && !name.contains(char::is_control) {
            let found = directory.find_people(name, 10).await.unwrap();
            assert!(found.rows.is_empty(), "{name:?} found {:?}", found.rows);
            assert!(directory.find_groups(name, 10).await.unwrap().rows.is_empty(), "{name:?}");
        }
    }
    // A password is no part of any question.
    for password in ["*", "x)(uid=*", &long] {
        let refused = directory.sign_in("alice", password).await;
        assert_eq!(refused, Err(DirectoryTrouble::SignIn(SignInRefusal::WrongPassword)));
    }
}

#[tokio::test]
async fn people_and_groups_are_found_by_how_they_begin() {
    let slapd = Slapd::start();
    let directory = Directory::new(slapd.config(Transport::StartTls)).unwrap();
    let find = async |words| -> Vec<String> {
        let found = directory.find_people(words, 10).await.unwrap();
        found.rows.into_iter().map(|person| person.user_name).collect()
    };
    assert_eq!(find("ali").await, ["alice"]);
    assert_eq!(find("exam ALICE").await, ["alice"]);
    assert_eq!(find("bob@exa").await, ["bob"]);
    assert_eq!(find("alice bob").await, Vec::<String>::new());
    assert_eq!(find("").await.len(), 8);
    let groups = directory.find_groups("dev", 10).await.unwrap();
    assert_eq!((names(&groups.rows), groups.more), (vec!["developers"], false));
    assert_eq!(groups.rows[0].description, "Who writes");
    let ids = [groups.rows[0].external_id.clone(), uuid::Uuid::new_v4().to_string()];
    assert_eq!(names(&directory.groups_by_ids(&ids).await.unwrap()), ["developers"]);
    let some = directory.find_people("", 3).await.unwrap();
    assert_eq!((some.rows.len(), some.more), (3, true));
}

#[tokio::test]
async fn five_thousand_people_come_in_pages() {
    let slapd = Slapd::with(Setup { people: 5000, ..Setup::default() });
    let directory = Directory::new(slapd.config(Transport::Ldaps)).unwrap();
    let began = Instant::now();
    let all = directory.find_people("u", 6000).await.unwrap();
    println!("5,000 people in {:?}", began.elapsed());
    assert_eq!((all.rows.len(), all.more), (5000, false));
    let some = directory.find_people("u", 1200).await.unwrap();
    assert_eq!((some.rows.len(), some.more), (1200, true));
    let ids: Vec<String> = all.rows.iter().map(|person| person.external_id.clone()).collect();
    let began = Instant::now();
    assert_eq!(directory.by_ids(&ids[..1000]).await.unwrap().len(), 1000);
    println!("1,000 people with their groups in {:?}", began.elapsed());
    let began = Instant::now();
    for n in 0..50 {
        directory.sign_in(&format!("u{n:05}"), PASSWORD).await.unwrap();
    }
    println!("50 sign-ins over ldaps in {:?}", began.elapsed());
}

#[tokio::test]
async fn an_answer_cut_short_is_no_answer() {
    // Fewer than the people that are asked for by their ids.
    let slapd = Slapd::with(Setup { people: 30, limit: 10, ..Setup::default() });
    let mut config = slapd.config(Transport::Plain);
    // This profile does without pages, so the server's limit bites.
    config.provider = vireo::model::domain::Provider::Rhds;
    let directory = Directory::new(config).unwrap();
    let trouble = directory.find_people("u", 20).await;
    assert!(matches!(trouble, Err(DirectoryTrouble::NoExternalId { .. })), "{trouble:?}");
    let paged = Directory::new(slapd.config(Transport::Plain)).unwrap();
    assert_eq!(paged.find_people("u", 40).await.unwrap().rows.len(), 30);
}

#[tokio::test]
async fn who_has_gone_is_told_from_a_directory_that_shows_nobody() {
    let mut slapd = Slapd::start();
    let directory = hurried(slapd.config(Transport::Ldaps));
    let (alice, bob) = (directory.person("alice").await.unwrap(), directory.person("bob").await.unwrap());
    let ids = [alice.external_id.clone(), bob.external_id.clone()];
    let standing = directory.by_ids(&ids).await.unwrap();
    assert_eq!(standing.iter().map(|one| one.usable).collect::<Vec<_>>(), [Ok(()), Ok(())]);
    assert_eq!(names(&standing[0].person.groups), ["developers", "staff", "vdi"]);

    slapd.modify(
        "dn: uid=bob,ou=people,dc=example,dc=com\nchangetype: modify\nadd: pwdAccountLockedTime\n\
         pwdAccountLockedTime: 000001010000Z\n\ndn: uid=alice,ou=people,dc=example,dc=com\nchangetype: delete\n",
    );
    let standing = directory.by_ids(&ids).await.unwrap();
    assert_eq!(standing.len(), 1);
    assert_eq!((standing[0].person.user_name.as_str(), standing[0].usable), ("bob", Err(SignInRefusal::Disabled)));
    // Alice alone: nobody is found, but others can be seen.
    assert_eq!(directory.by_ids(&ids[..1]).await, Ok(vec![]));

    // Another place, where there are no people: they have not all vanished.
    let elsewhere =
        DirectoryConfig { base_dn: Some("ou=groups,dc=example,dc=com".to_owned()), ..slapd.config(Transport::Ldaps) };
    let blind = hurried(elsewhere).by_ids(&ids).await;
    assert!(matches!(blind, Err(DirectoryTrouble::WrongBaseDn { .. })), "{blind:?}");
    slapd.stop();
    let gone = directory.by_ids(&ids).await;
    assert!(matches!(gone, Err(DirectoryTrouble::Unreachable { .. })), "{gone:?}");
    slapd.resume();
    assert_eq!(directory.by_ids(&ids).await.unwrap().len(), 1, "it is found again by itself");
}

#[tokio::test]
async fn each_step_says_why_it_fails() {
    let slapd = Slapd::start();
    let good = slapd.config(Transport::Ldaps);
    let steps = hurried(good.clone()).check(Some("alice"), Some(PASSWORD)).await;
    assert_eq!(steps.iter().map(|step| step.step).collect::<Vec<_>>(), Step::ALL);
    assert!(steps.iter().all(|step| step.outcome.is_ok()), "{steps:?}");
    let Ok(Found::Bound { dn, base_dn }) = &steps[2].outcome else { panic!("{steps:?}") };
    assert_eq!((dn.as_deref(), base_dn.as_str()), (good.bind_name.as_deref(), "dc=example,dc=com"));
    assert_eq!(hurried(good.clone()).check(None, None).await.len(), 5, "anybody will do");

    let other = crate::server::fresh_dir();
    let listed = |host: &str, port| Servers::List(vec![at(host, port)]);
    let ca = certificates(&other);
    std::fs::remove_dir_all(other).unwrap();
    let check = async |change: &dyn Fn(&mut DirectoryConfig)| {
        let mut config = good.clone();
        change(&mut config);
        failed(&hurried(config).check(Some("alice"), Some("wrong")).await)
    };
    let (step, trouble) = check(&|c| c.ca_pem = Some(ca.clone())).await;
    assert!(step == Step::Connect && matches!(&trouble, DirectoryTrouble::Untrusted { .. }), "{trouble}");
    // The certificate has not this address.
    let (step, trouble) = check(&|c| c.servers = listed("127.0.0.2", slapd.ldaps_port)).await;
    assert!(step == Step::Connect, "{trouble}");
    let (step, trouble) = check(&|c| c.servers = listed("localhost", free_port())).await;
    assert!(step == Step::Connect && matches!(trouble, DirectoryTrouble::Unreachable { .. }), "{trouble}");
    let (step, trouble) = check(&|c| c.servers = listed("no-such-host.invalid", 636)).await;
    assert!(step == Step::Connect && matches!(trouble, DirectoryTrouble::Unreachable { .. }), "{trouble}");
    let (step, trouble) = check(&|c| c.servers = listed("localhost", slapd.port)).await;
    assert!(step == Step::Connect, "TLS to a port without: {trouble}");
    let (step, trouble) = check(&|c| c.bind_password = Some("wrong".to_owned())).await;
    assert!(step == Step::Bind && matches!(trouble, DirectoryTrouble::BindRefused { .. }), "{trouble}");
    let (step, trouble) = check(&|c| c.bind_password = None).await;
    assert!(step == Step::Bind && matches!(trouble, DirectoryTrouble::BindRefused { .. }), "{trouble}");
    let (step, trouble) = check(&|c| c.bind_name = None).await;
    assert!(step == Step::FindUser, "{trouble}");
    let (step, trouble) = check(&|c| c.base_dn = Some("dc=nowhere".to_owned())).await;
    assert!(step == Step::FindUser && matches!(trouble, DirectoryTrouble::WrongBaseDn { .. }), "{trouble}");
    let (step, trouble) = check(&|_| ()).await;
    assert_eq!((step, trouble), (Step::SignIn, SignInRefusal::WrongPassword.into()));
    let steps = hurried(good.clone()).check(Some("nobody"), None).await;
    assert!(matches!(failed(&steps), (Step::FindUser, DirectoryTrouble::NoUser { .. })));
    for bad in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let refused = Directory::new(DirectoryConfig { ca_pem: Some(bad.to_owned()), ..good.clone() });
        assert!(matches!(refused, Err(DirectoryTrouble::BadCa { .. })), "{bad:?}");
    }
}

#[tokio::test]
async fn a_bare_bind_name_is_looked_up_where_one_may() {
    let slapd = Slapd::with(Setup { anonymous: true, ..Setup::default() });
    let named = |name: &str, password: &str| DirectoryConfig {
        bind_name: Some(name.to_owned()),
        bind_password: Some(password.to_owned()),
        ..slapd.config(Transport::StartTls)
    };
    assert!(Directory::new(named("alice", PASSWORD)).unwrap().person("bob").await.is_ok());
    let refused = Directory::new(named("*", SEARCHER_PASSWORD)).unwrap().person("bob").await;
    assert!(matches!(refused, Err(DirectoryTrouble::BindRefused { .. })), "{refused:?}");
    let anonymous = DirectoryConfig { bind_name: None, bind_password: None, ..slapd.config(Transport::StartTls) };
    assert_eq!(Directory::new(anonymous).unwrap().sign_in("alice", PASSWORD).await.unwrap().groups.len(), 3);
}

#[tokio::test]
async fn another_server_steps_in() {
    let (mut first, second) = (Slapd::start(), Slapd::start());
    let mut config = second.config(Transport::Ldaps);
    config.ca_pem = Some(format!("{}{}", first.ca_pem, second.ca_pem));
    config.servers = Servers::List(vec![first.server(Transport::Ldaps), second.server(Transport::Ldaps)]);
    let directory = hurried(config);
    directory.sign_in("alice", PASSWORD).await.unwrap();
    // It answers nothing any more, then it is gone; the connections that wait are to it.
    first.freeze();
    directory.sign_in("alice", PASSWORD).await.unwrap();
    let began = Instant::now();
    directory.sign_in("alice", PASSWORD).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(1), "the silent one is asked last: {:?}", began.elapsed());
    first.thaw();
    first.stop();
    directory.sign_in("alice", PASSWORD).await.unwrap();
}

#[tokio::test]
async fn a_silent_server_is_not_waited_for_for_ever() {
    let slapd = Slapd::start();
    let directory = hurried(slapd.config(Transport::Ldaps));
    directory.person("alice").await.unwrap();
    slapd.freeze();
    let began = Instant::now();
    let slow = directory.person("alice").await;
    assert!(matches!(slow, Err(DirectoryTrouble::Slow { .. })), "{slow:?}");
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    slapd.thaw();
    directory.person("alice").await.unwrap();
}

#[tokio::test]
async fn it_tells_its_time() {
    let slapd = Slapd::start();
    let there = Directory::new(slapd.config(Transport::StartTls)).unwrap().clock().await.unwrap().unwrap();
    assert!((there - time::OffsetDateTime::now_utc()).abs() < time::Duration::seconds(5), "{there}");
}
