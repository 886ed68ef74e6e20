//! People of a directory at the portals: in with their password, in the roles of their groups, and out when they are gone there.

use super::slapd::{PASSWORD, SEARCHER, SEARCHER_PASSWORD, Slapd};
use crate::api::Api;
use crate::portal::Portal;
use crate::server::{Server, Start, fresh_dir, fresh_postgres};
use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use vireo::auth::vault::Vault;
use vireo::db::{Database, DbError};
use vireo::directories::ldap::Directory;
use vireo::engine::{Config, Cx, Engine, Timing, bootstrap, events};
use vireo::model::clock::{Clock as _, ManualClock, SystemClock};
use vireo::model::domain::Transport;
use vireo::model::ids::SYSTEM;
use vireo::model::page::ListQuery;
use vireo::model::permission::ObjectKind;
use vireo::model::role::SUPER_USER;
use vireo::store::{outsiders, permissions};

/// What somebody is refused with at the sign-in page.
async fn refused(server: &Server, user: &str, password: &str) -> (u16, String) {
    let (code, page) = Portal::nobody(server).post("/sign-in", &[("user", user), ("password", password)]).await;
    (code, crate::portal::between(&page, "pf-v6-c-alert__title\">", "<").unwrap_or_default())
}

fn add_domain(server: &Server, database: Option<&str>, slapd: &Slapd) {
    let ca = slapd.dir.join("tls/ca.pem");
    let mut command = Command::new(env!("CARGO_BIN_EXE_vireo"));
    command.arg("domains").arg("--data").arg(&server.data).env("VIREO_DOMAIN_PASSWORD", SEARCHER_PASSWORD);
    if let Some(url) = database {
        command.args(["--database", url]);
    }
    command.args(["add", "--domain=example.com", "--provider=OpenLDAP", "--transport=ldaps"]);
    command.args([&format!("--user={SEARCHER}"), &format!("--ldap-servers=localhost:{}", slapd.ldaps_port)]);
    let out = command.args(["--ca-file", ca.to_str().unwrap()]).output().unwrap();
    assert!(out.status.success(), "{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
}

/// Gives a group of the directory the role that sees all.
async fn give_role(server: &Server, database: Option<&str>, slapd: &Slapd, group: &str) {
    let directory = Directory::new(slapd.config(Transport::Ldaps)).unwrap();
    let group = directory.find_groups(group, 1).await.unwrap().rows.remove(0);
    let url = database.map_or_else(|| server.data.join("vireo.db").display().to_string(), ToOwned::to_owned);
    let db = Database::open(&url).unwrap();
    db.write(move |db| {
        let group = outsiders::keep_group(db, "example.com", &group)?;
        permissions::grant(db, SUPER_USER, group.into(), ObjectKind::System, SYSTEM, SystemClock.now())?;
        Ok::<_, DbError>(())
    })
    .await
    .unwrap();
}

/// Waits for a page to be answered so.
async fn until(portal: &Portal, path: &str, code: u16) {
    let began = Instant::now();
    loop {
        let (now, _) = portal.get(path).await;
        if now == code {
            println!("{path} is {code} after {:?}", began.elapsed());
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{path} is still {now}, not {code}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn comes_and_goes(database: Option<&str>) {
    let mut slapd = Slapd::start();
    let server = Server::start(&Start { database, ..Start::default() });
    let wrong = refused(&server, "nobody@internal", "x").await;
    assert_eq!(wrong.0, 401);
    // A domain that nobody knows, a wrong password, an unknown name, a locked account: one answer.
    assert_eq!(refused(&server, "alice@example.com", PASSWORD).await, wrong);
    add_domain(&server, database, &slapd);
    give_role(&server, database, &slapd, "vdi").await;
    let began = Instant::now();
    while refused(&server, "mustchange@example.com", PASSWORD).await == wrong {
        assert!(began.elapsed() < Duration::from_secs(10), "the domain is not noticed");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    for (user, password) in [("alice", "wrong"), ("nobody", PASSWORD), ("locked", PASSWORD), ("alice)(uid=*", PASSWORD)]
    {
        assert_eq!(refused(&server, &format!("{user}@example.com"), password).await, wrong, "{user}");
    }
    let (code, said) = refused(&server, "expired@example.com", PASSWORD).await;
    assert!(code == 401 && said.contains("expired"), "{code} {said}");

    // Alice is in developers, developers are in staff, and staff are in vdi.
    let alice = Portal::sign_in(&server, "alice@example.com", PASSWORD).await;
    assert_eq!(alice.get("/admin").await.0, 200);
    let bob = Portal::sign_in(&server, "BOB@Example.com", PASSWORD).await;
    assert_eq!(bob.get("/user").await.0, 200);
    assert_ne!(bob.get("/admin").await.0, 200);
    assert_eq!(Api::new(&server.url, "alice@example.com", PASSWORD, false).get("/vms").await.0, 200);

    // A directory that is away changes nothing for who is in, and lets nobody else in.
    slapd.stop();
    let (code, said) = refused(&server, "bob@example.com", PASSWORD).await;
    assert!(code == 503 && said.contains("example.com") && !said.contains("localhost"), "{code} {said}");
    tokio::time::sleep(Duration::from_secs(16)).await;
    assert_eq!((alice.get("/admin").await.0, bob.get("/user").await.0), (200, 200));
    slapd.resume();

    slapd.modify("dn: cn=vdi,ou=groups,dc=example,dc=com\nchangetype: modify\nreplace: member\nmember: uid=bob,ou=people,dc=example,dc=com\n");
    let began = Instant::now();
    while alice.get("/admin").await.0 == 200 || bob.get("/admin").await.0 != 200 {
        assert!(began.elapsed() < Duration::from_secs(20), "groups are not followed");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    slapd.modify("dn: uid=alice,ou=people,dc=example,dc=com\nchangetype: delete\n");
    until(&alice, "/user", 303).await;
    assert_eq!(refused(&server, "alice@example.com", PASSWORD).await, wrong);
    slapd.modify(
        "dn: uid=bob,ou=people,dc=example,dc=com\nchangetype: modify\nadd: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z\n",
    );
    until(&bob, "/user", 303).await;
    let (_, events) = server.admin().get("/events").await;
    let all = events.to_string();
    for said in [
        "alice@example.com is no longer in the directory",
        "bob@example.com is signed out",
        "alice@example.com signed in",
    ] {
        assert!(all.contains(said), "{said:?} is not in {all}");
    }
    assert!(!all.contains(PASSWORD));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_gone_from_the_directory_is_out_on_sqlite() {
    comes_and_goes(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_gone_from_the_directory_is_out_on_postgres() {
    let url = fresh_postgres();
    comes_and_goes(Some(&url)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_that_differ_are_an_alert() {
    let slapd = Slapd::start();
    let dir = fresh_dir();
    let pki = vireo::hosts::pki::Pki::open_or_create(&dir.join("pki"), &["localhost".to_owned()]).unwrap();
    let path = dir.join("vireo.db").display().to_string();
    let db = tokio::task::spawn_blocking(move || Database::open(&path)).await.unwrap().unwrap();
    let id = bootstrap::prepare(&db, &SystemClock, || Ok("first-password-1".to_owned())).await.unwrap();
    // The engine's clock is five minutes ahead of everybody's.
    let clock = ManualClock::at(time::OffsetDateTime::now_utc().unix_timestamp() + 300);
    let config = Config {
        id,
        db,
        clock: Arc::new(clock.clone()),
        vault: Vault::fresh().unwrap(),
        tls: pki.client_config().unwrap(),
        pki: Arc::new(pki),
        timing: Timing::default(),
        files: dir.join("files"),
        host_program: None,
    };
    let engine = Engine::start(config).await.unwrap();
    engine.directories.set(slapd.config(Transport::Ldaps)).unwrap();
    let until = async |there: bool| {
        for _ in 0..100 {
            engine.reconcilers.wake("clocks");
            tokio::time::sleep(Duration::from_millis(100)).await;
            if engine.directories.skew("example.com").is_some() == there {
                return;
            }
        }
        panic!("{:?}", engine.directories.skew("example.com"));
    };
    until(true).await;
    let ahead = engine.directories.skew("example.com").unwrap().whole_seconds();
    assert!((-310..-280).contains(&ahead), "{ahead}");
    clock.advance(-300);
    until(false).await;
    // The event is written a moment after the clock was seen.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let told = events::list(&Cx::root(engine.clone()), &ListQuery::default(), None).await.unwrap().rows;
    let told: Vec<String> = told.into_iter().map(|event| event.message).collect();
    let alert = told.iter().find(|m| m.contains("Clocks differ")).unwrap();
    assert!(alert.contains("this machine is ") && alert.contains("ahead of the directory"), "{alert}");
    assert!(told.iter().any(|m| m.contains("agrees with this machine")), "{told:?}");
    engine.stop();
    fs::remove_dir_all(dir).unwrap();
}
