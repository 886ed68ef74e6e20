//! The internal domain from the command line, beside a running engine, and its users at the sign-in page.

use crate::portal::Portal;
use crate::server::{Server, Start, fresh_dir, fresh_postgres};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Exit code, what it printed, what it complained of.
fn vireo_users(data: &Path, database: Option<&str>, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vireo"));
    command.arg("users").arg("--data").arg(data).env("NEW_PASSWORD", "from-environment-1");
    if let Some(url) = database {
        command.args(["--database", url]);
    }
    let out = command.args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (out.status.code().unwrap(), text(&out.stdout), text(&out.stderr))
}

/// The answer to the sign-in form, or to the one for a new password.
async fn posted(server: &Server, path: &str, fields: &[(&str, &str)]) -> (u16, String) {
    Portal::nobody(server).post(path, fields).await
}

async fn verbs(database: Option<&str>) {
    let server = Server::start(&Start { database, ..Start::default() });
    let users = |arguments: &[&str]| vireo_users(&server.data, database, arguments);
    let secret = server.data.join("bob-password");
    fs::write(&secret, "builder-1\n").unwrap();
    let from_file = format!("--password=file:{}", secret.display());

    let added = users(&["user", "add", "bob", "--attribute=firstName=Bob", "--attribute=email=bob@example.com"]);
    assert_eq!(added.0, 0, "{added:?}");
    let sign_in = [("user", "bob"), ("password", "builder-1"), ("then", "/")];
    assert_eq!(posted(&server, "/sign-in", &sign_in).await.0, 401, "he has no password yet");
    let reset = users(&["user", "password-reset", "bob", &from_file, "--must-change"]);
    assert_eq!(reset.0, 0, "{reset:?}");

    // He is asked for a new one, which must be new and typed twice.
    let (code, page) = posted(&server, "/sign-in", &sign_in).await;
    assert!(code == 200 && page.contains("must be changed"), "{code} {page}");
    let change = |new: &'static str, again: &'static str| {
        [("user", "bob"), ("present", "builder-1"), ("new", new), ("again", again), ("then", "/user")]
    };
    for (new, again, said) in [
        ("builder-2", "builder-3", "not the same"),
        ("builder-1", "builder-1", "used before"),
        ("b", "b", "at least 6"),
    ] {
        let (code, page) = posted(&server, "/password", &change(new, again)).await;
        assert!(code == 400 && page.contains(said), "{new}: {code} {page}");
    }
    assert_eq!(posted(&server, "/password", &change("builder-2", "builder-2")).await.0, 303);
    let portal = Portal::sign_in(&server, "bob", "builder-2").await;

    // What the administrator does at the command line holds at once for who is signed in.
    assert_eq!(users(&["user", "password-reset", "bob", "--password=env:NEW_PASSWORD"]).0, 0);
    assert_eq!(portal.get("/user").await.0, 303, "his sessions have ended");
    Portal::sign_in(&server, "bob", "from-environment-1").await;

    for _ in 0..5 {
        let wrong = [("user", "bob"), ("password", "guess"), ("then", "/")];
        let (code, page) = posted(&server, "/sign-in", &wrong).await;
        assert!(code == 401 && page.contains("wrong, or the account is locked"), "{page}");
    }
    assert!(users(&["user", "list"]).1.contains("bob\tBob\tlocked"));
    assert!(users(&["user", "show", "bob"]).1.contains("127.0.0.1"), "from where he was guessed at");
    assert!(users(&["user", "unlock", "bob"]).1.starts_with("Unlocked"));
    Portal::sign_in(&server, "bob", "from-environment-1").await;

    assert_eq!(users(&["group", "add", "staff", "--description=all of us"]).0, 0);
    assert_eq!(users(&["group", "add", "crew"]).0, 0);
    assert_eq!(users(&["group-manage", "useradd", "crew", "--user=bob"]).0, 0);
    assert_eq!(users(&["group-manage", "groupadd", "staff", "--group=crew"]).0, 0);
    assert_eq!(users(&["group", "members", "staff"]).1, "group\tcrew\n");
    assert!(users(&["user", "show", "bob"]).1.contains("Groups: crew, staff"));

    assert_eq!(users(&["settings", "set", "--name=MIN_LENGTH", "--value=30"]).1, "MIN_LENGTH=30\n");
    for (arguments, code, said) in [
        (vec!["user", "add", "bob"], 5, "in use already"),
        (vec!["user", "show", "nobody"], 4, "nobody"),
        (vec!["user", "add", "b b"], 2, "user_name"),
        (vec!["user", "add", "eve", "--attribute=shoe=44"], 2, "firstName"),
        (vec!["user", "password-reset", "bob", "--password=pass:secret-secret"], 2, "file:PATH"),
        (vec!["user", "password-reset", "bob", from_file.as_str()], 2, "at least 30"),
        (vec!["group-manage", "groupadd", "crew", "--group=staff"], 1, "in itself"),
        (vec!["settings", "set", "--name=MIN_LENGTH", "--value=none"], 2, "not a number"),
        (vec!["settings", "show", "--name=LENGTH"], 2, "MIN_LENGTH"),
    ] {
        let (got, _, complaint) = users(&arguments);
        assert!(got == code && complaint.contains(said), "{arguments:?}: {got} {complaint}");
    }
    assert_eq!(users(&["user", "password-reset", "bob", &from_file, "--force"]).0, 0);
    assert_eq!(users(&["user", "edit", "bob", "--flag=+disabled"]).0, 0);
    let (code, page) = posted(&server, "/sign-in", &sign_in).await;
    assert!(code == 401 && page.contains("disabled"), "{page}");
    assert_eq!(users(&["user", "delete", "bob"]).0, 0);
    assert!(!users(&["user", "list"]).1.contains("bob"));
    assert!(!server.admin().messages().await.iter().any(|m| m.contains("builder") || m.contains("secret")));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_verb_on_sqlite() {
    verbs(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_verb_on_postgresql() {
    verbs(Some(&fresh_postgres())).await;
}

#[test]
fn a_folder_without_an_engine_is_named() {
    let empty = fresh_dir();
    let (code, _, complaint) = vireo_users(&empty, None, &["user", "list"]);
    assert!(code == 1 && complaint.contains("no engine's data") && complaint.contains("--data"), "{complaint}");
    assert_eq!(fs::read_dir(&empty).unwrap().count(), 0, "nothing was made there");
    fs::remove_dir_all(empty).unwrap();
}
