//! Hosts are installed by SSH, at a real OpenSSH server in a lab host.

use crate::lab::Lab;
use crate::lab_ssh::{PASSWORD, Sshd};
use crate::portal::{Portal, between};
use crate::server::processes;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

/// A lab with one machine that has an SSH server and is no host yet.
async fn machine() -> (Lab, Sshd) {
    let mut lab = Lab::start().await;
    let host = lab.plug_in();
    let sshd = host.start_sshd();
    lab.hosts.push(host);
    (lab, sshd)
}

fn by_password(lab: &Lab, password: &str, fingerprint: &str) -> Value {
    let host = &lab.hosts[0];
    json!({ "name": host.name, "address": host.address, "root_password": password, "ssh": { "fingerprint": fingerprint } })
}

/// Agents that run on lab hosts.
fn agents(lab: &Lab) -> Vec<i32> {
    let dir = format!("VIREO_DATA={}\0", lab.hosts[0].dir().display());
    let own = |pid: &i32| std::fs::read_to_string(format!("/proc/{pid}/environ")).unwrap_or_default().contains(&dir);
    processes(&["vireo", "host", "--listen"]).into_iter().filter(own).collect()
}

/// Is the text anywhere in the engine's folder?
fn kept(lab: &Lab, text: &str) -> bool {
    let files = std::fs::read_dir(&lab.server.data).unwrap().flatten().filter(|e| e.path().is_file());
    files.into_iter().any(|e| {
        let bytes = std::fs::read(e.path()).unwrap();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

/// The password is in no file as it is, and of what was sealed of it the database has nothing any more.
async fn forgotten(lab: &Lab) {
    lab.admin.nothing_is_locked().await;
    assert!(!kept(lab, PASSWORD), "the password is in no file");
    let script = "import sqlite3, sys; [print(a) for a, in sqlite3.connect(sys.argv[1]).execute(\"select args from job where kind = 'install_host'\")]";
    let read = Command::new("python3").args(["-c", script]).arg(lab.server.data.join("vireo.db")).output().unwrap();
    let said = String::from_utf8_lossy(&read.stdout);
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    assert!(!said.is_empty() && said.lines().all(|args| args.contains("\"password\":null")), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_becomes_a_host_by_its_address_and_password() {
    let (mut lab, sshd) = machine().await;
    let fingerprint = sshd.fingerprint();

    // Nobody has said yet that it is the right machine.
    let (code, refused) = lab.admin.post("/hosts", by_password(&lab, PASSWORD, "")).await;
    assert_eq!(code, 400, "{refused}");
    assert!(refused.to_string().contains(&fingerprint), "{refused}");
    let (code, refused) = lab.admin.post("/hosts", by_password(&lab, PASSWORD, "SHA256:abc")).await;
    assert_eq!(code, 400, "{refused}");
    assert_eq!(lab.admin.get("/hosts").await.1["host"].as_array().map_or(0, Vec::len), 0);

    // A wrong password: nothing of it is left there, and nothing runs.
    let (code, made) = lab.admin.post("/hosts", by_password(&lab, "wrong", &fingerprint)).await;
    assert_eq!(code, 201, "{made}");
    assert!(made["join_command"].is_null(), "{made}");
    lab.hosts[0].id = made["id"].as_str().unwrap().to_owned();
    lab.wait_for_host(0, "install_failed").await;
    let said = lab.admin.messages().await;
    assert!(said.iter().any(|m| m.contains("does not let root in with this password")), "{said:?}");
    assert!(!sshd.program().exists());
    assert_eq!(sshd.logins(), 0);
    forgotten(&lab).await;

    // The right one, with the key that is known by now.
    let path = format!("/hosts/{}/install", lab.hosts[0].id);
    let (code, answer) = lab.admin.post(&path, json!({ "root_password": PASSWORD })).await;
    assert_eq!(code, 200, "{answer}");
    lab.wait_for_host(0, "up").await;
    assert_eq!(agents(&lab).len(), 1);
    let own = std::fs::read(env!("CARGO_BIN_EXE_vireo")).unwrap();
    assert!(own == std::fs::read(sshd.program()).unwrap(), "the program is the engine's");
    let said = lab.admin.messages().await;
    for found in ["the machine runs", "being copied", "QEMU and", "has its certificate", "its agent runs"] {
        assert!(said.iter().any(|m| m.contains("Installing host") && m.contains(found)), "{found}: {said:?}");
    }
    forgotten(&lab).await;

    // Another machine answers there: it is told nothing.
    let host = format!("/hosts/{}", lab.hosts[0].id);
    lab.admin.post(&format!("{host}/deactivate"), json!({})).await;
    lab.wait_for_host(0, "maintenance").await;
    let mut sshd = sshd;
    sshd.change_key(&lab.hosts[0]);
    let before = sshd.logins();
    let (code, answer) = lab.admin.post(&path, json!({ "root_password": PASSWORD })).await;
    assert_eq!(code, 200, "{answer}");
    lab.wait_for_host(0, "install_failed").await;
    let said = lab.admin.messages().await;
    let both = |m: &&String| m.contains(&fingerprint) && m.contains(&sshd.fingerprint());
    assert!(said.iter().any(|m| both(&m) && m.contains("shows the SSH key")), "{said:?}");
    assert_eq!(sshd.logins(), before);

    // By the engine's key, once somebody has looked at the machine's.
    let portal = Portal::sign_in(&lab.server, "admin@internal", &lab.server.password("admin")).await;
    let (_, page) = portal.get("/admin/hosts/ssh").await;
    let line = between(&page, "data-engine-key>", "<").unwrap();
    assert!(line.starts_with("ssh-ed25519 "), "{line}");
    let ssh = json!({ "authentication_method": "publickey", "fingerprint": sshd.fingerprint() });
    lab.admin.post(&path, json!({ "ssh": ssh })).await;
    lab.wait_for_host(0, "install_failed").await;
    let said = lab.admin.messages().await;
    assert!(said[0].contains("authorized_keys"), "{said:?}");
    sshd.authorize(&line);
    let first = agents(&lab);
    lab.admin.post(&path, json!({ "ssh": ssh })).await;
    lab.wait_for_host(0, "up").await;
    let second = agents(&lab);
    assert!(second.len() == 1 && first != second, "it is another agent: {first:?}, {second:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_the_key_first_and_then_each_step() {
    let (mut lab, sshd) = machine().await;
    sshd.have_program();
    let portal = Portal::sign_in(&lab.server, "admin@internal", &lab.server.password("admin")).await;
    let address = lab.hosts[0].address.clone();
    let send = async |what: &str, fingerprint: &str| {
        let machine = [("name", "host1"), ("address", &address), ("port", "22"), ("user", "root")];
        let access = [("login", "password"), ("password", PASSWORD), ("fingerprint", fingerprint), ("do", what)];
        portal.post("/admin/hosts/ssh", &[machine, access].concat()).await
    };
    let (code, page) = send("fetch", "").await;
    assert_eq!(code, 200);
    assert!(page.contains(&sshd.fingerprint()), "{page}");
    assert!(!page.contains("s3cret"), "a password is not sent back");
    let (code, page) = send("submit", &format!("SHA256:{}", "a".repeat(43))).await;
    assert_eq!(code, 303, "{page}");
    lab.hosts[0].id = lab.admin.get("/hosts").await.1["host"][0]["id"].as_str().unwrap().to_owned();
    lab.wait_for_host(0, "install_failed").await;

    let again = format!("/admin/hosts/{}/reinstall", lab.hosts[0].id);
    let (_, page) = portal.get(&again).await;
    assert!(page.contains(&"a".repeat(43)), "{page}");
    let fingerprint = sshd.fingerprint();
    let all = [
        ("port", "22"),
        ("user", "root"),
        ("login", "password"),
        ("password", PASSWORD),
        ("fingerprint", &fingerprint),
        ("do", "submit"),
    ];
    let (code, page) = portal.post(&again, &all).await;
    assert_eq!(code, 303, "{page}");
    lab.wait_for_host(0, "up").await;
    lab.admin.nothing_is_locked().await;
    let (_, jobs) = lab.admin.get("/jobs").await;
    let job = jobs["job"]
        .as_array()
        .unwrap()
        .iter()
        .find(|job| job["status"] == "finished" && job["description"] == "Installing host host1");
    let (_, page) = portal.get(&format!("/admin/jobs/{}", job.unwrap()["id"].as_str().unwrap())).await;
    for shown in ["Log in by SSH", "Look at the machine", "Copy the program", "Start its agent", "has its certificate"]
    {
        assert!(page.contains(shown), "{shown}: {page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_survives_the_engines_death_in_each_step() {
    let (mut lab, sshd) = machine().await;
    sshd.have_program();
    let fingerprint = sshd.fingerprint();
    let mut added = false;
    for step in ["connect", "examine", "copy_program", "join", "start_agent"] {
        for moment in ["before", "after"] {
            let place = format!("install_host:{step}:{moment}");
            lab.restart_engine(vec![("VIREO_TEST_PAUSE", place.clone())]);
            if added {
                let host = format!("/hosts/{}", lab.hosts[0].id);
                lab.wait_for_host(0, "up").await;
                lab.admin.post(&format!("{host}/deactivate"), json!({})).await;
                lab.wait_for_host(0, "maintenance").await;
                let (code, answer) =
                    lab.admin.post(&format!("{host}/install"), json!({ "root_password": PASSWORD })).await;
                assert_eq!(code, 200, "{answer}");
            } else {
                let (code, made) = lab.admin.post("/hosts", by_password(&lab, PASSWORD, &fingerprint)).await;
                assert_eq!(code, 201, "{made}");
                lab.hosts[0].id = made["id"].as_str().unwrap().to_owned();
                added = true;
            }
            lab.server.wait_for_line(&format!("paused at {place}"), Duration::from_secs(60));
            // While it is being installed nobody else begins to, and nobody removes it.
            let host = format!("/hosts/{}", lab.hosts[0].id);
            if lab.host(0).await["status"] == "installing" {
                let (code, refused) = lab.admin.delete(&host).await;
                assert_eq!(code, 409, "{place}: {refused}");
                assert!(refused.to_string().contains("a task works on host"), "{place}: {refused}");
            }
            lab.restart_engine(Vec::new());
            lab.admin.nothing_is_locked().await;
            lab.wait_for_host(0, "up").await;
            assert_eq!(agents(&lab).len(), 1, "{place}");
            forgotten(&lab).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_late_leaves_nothing_that_runs() {
    let (mut lab, sshd) = machine().await;
    sshd.have_program();
    let script = "import socket, time; s = socket.create_server(('', 54321)); print(flush=True); time.sleep(600)";
    let mut other = lab.hosts[0].command("python3").args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap();
    BufReader::new(other.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
    let (code, made) = lab.admin.post("/hosts", by_password(&lab, PASSWORD, &sshd.fingerprint())).await;
    assert_eq!(code, 201, "{made}");
    lab.hosts[0].id = made["id"].as_str().unwrap().to_owned();
    lab.wait_for_host(0, "install_failed").await;
    let said = lab.admin.messages().await;
    assert!(said[0].contains("another program listens on port 54321"), "{said:?}");
    assert_eq!(agents(&lab), Vec::<i32>::new());
    let portal = Portal::sign_in(&lab.server, "admin@internal", &lab.server.password("admin")).await;
    let (_, page) = portal.get(&format!("/admin/hosts/{}", lab.hosts[0].id)).await;
    assert!(page.contains("another program listens on port 54321"), "{page}");
    forgotten(&lab).await;
    let (code, answer) = lab.admin.delete(&format!("/hosts/{}", lab.hosts[0].id)).await;
    assert_eq!(code, 200, "{answer}");
    lab.hosts[0].pull_the_plug();
    other.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn ovirts_own_sdk_installs_a_host() {
    let (lab, sshd) = machine().await;
    sshd.have_program();
    let python = std::env::var("VIREO_TEST_PYTHON").expect("VIREO_TEST_PYTHON is set by make test");
    let mut script = tokio::process::Command::new(python);
    script.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk/host.py"));
    script.args([format!("{}/ovirt-engine/api", lab.server.url), lab.server.password("admin")]);
    script.args([lab.hosts[0].address.as_str(), PASSWORD, &sshd.fingerprint()]);
    let out = script.output().await.unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success() && text.contains("content"), "{text} {:?}", lab.admin.messages().await);
}
