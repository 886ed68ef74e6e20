//! What fails underneath: a full disk, a libvirtd that dies, a guest that does not listen, an agent that is gone, a foreign certificate.

use crate::api::{eventually, id_of};
use crate::server::{Server, Start, fresh_dir, kill_process, processes};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// A file system with little room, for as long as the test runs.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    fn mount(at: &'a Path, mebibytes: u32) -> Self {
        std::fs::create_dir_all(at).unwrap();
        let size = format!("size={mebibytes}m");
        assert!(Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(at).status().unwrap().success());
        Self(at)
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        // Lazily: a process that is about to end may still be in it.
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_full_while_cloning_leaves_nothing_behind() {
    let data = fresh_dir();
    let storage = data.join("storage");
    let image = std::fs::metadata(crate::server::demo_image()).unwrap().len();
    let small = SmallDisk::mount(&storage, 1400);
    let server = Server::spawn(data.clone(), &Start { demo: true, without_iso: true, ..Start::default() }).ready();
    let admin = server.admin();
    // Somebody else fills the file system: most of a copy still fits, and the engine does not know yet.
    let free = nix::sys::statvfs::statvfs(&storage).unwrap();
    let free = free.blocks_available() * free.fragment_size();
    let ballast = storage.join("ballast");
    let length = (free - image + (4 << 20)).to_string();
    assert!(Command::new("fallocate").args(["-l", &length]).arg(&ballast).status().unwrap().success());
    let before = files(&storage);
    let clone = json!({"name": "clone", "cluster": {"name": "Default"}, "template": {"name": "demo-linux"}});
    let (code, vm) = admin.post("/vms?clone=true", clone).await;
    assert_eq!(code, 202, "{vm}");
    admin.wait(&id_of(&vm), "404").await;
    let told = admin.messages().await;
    assert!(told.iter().any(|m| m.contains("clone") && m.to_lowercase().contains("space")), "{told:?}");
    admin.nothing_is_locked().await;
    assert_eq!(files(&storage), before, "nothing half-copied stays");
    drop(server);
    drop(small);
}

fn files(dir: &Path) -> Vec<String> {
    let out = Command::new("find").arg(dir).args(["-type", "f"]).output().unwrap();
    let mut all: Vec<String> = String::from_utf8(out.stdout).unwrap().lines().map(str::to_owned).collect();
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn libvirtd_dies_while_a_vm_starts() {
    let server = Server::start(&Start::default());
    let admin = server.admin();
    let vm = admin.small_vm("starts").await;
    for pause in [0, 30, 100, 300, 1000] {
        let libvirtd = processes(&["libvirtd", &server.data.to_string_lossy()]);
        assert!(!libvirtd.is_empty(), "the program has a libvirtd of its own here");
        admin.act(&vm, "start").await;
        tokio::time::sleep(Duration::from_millis(pause)).await;
        libvirtd.into_iter().for_each(kill_process);
        admin.nothing_is_locked().await;
        eventually(&format!("it runs as its state says, after {pause} ms"), || async {
            let status = admin.wait_for(&vm, &["powering_up", "up", "down"]).await;
            processes(&["qemu-system", &vm]).len() == usize::from(status != "down")
        })
        .await;
        eventually("this host is up again", || async { admin.get("/hosts").await.1["host"][0]["status"] == "up" })
            .await;
        if admin.status(&vm).await != "down" {
            admin.act(&vm, "stop").await;
            admin.wait(&vm, "down").await;
        }
    }
}

/// libvirtd dies between keeping the state of a start and learning its QEMU's process: what it leaves then is put there by hand.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_libvirtd_never_finishes_is_undone() {
    let server = Server::start(&Start::default());
    let admin = server.admin();
    let vm = admin.small_vm("starts").await;
    admin.act(&vm, "start").await;
    admin.wait_for(&vm, &["powering_up", "up"]).await;
    admin.nothing_is_locked().await;
    let data = server.kill();
    processes(&["libvirtd", &data.to_string_lossy()]).into_iter().for_each(kill_process);
    let states = std::fs::read_dir(data.join("libvirt/run/qemu")).unwrap().flatten().map(|entry| entry.path());
    let state = states.into_iter().find(|path| path.extension().is_some_and(|e| e == "xml")).unwrap();
    let text = std::fs::read_to_string(&state).unwrap();
    let (head, tail) = text.split_once("<domstatus ").unwrap();
    let tail = tail.split_once('>').unwrap().1;
    std::fs::write(&state, format!("{head}<domstatus state='paused' reason='starting up' pid='0'>{tail}")).unwrap();
    let server = Server::spawn(data, &Start::default()).ready();
    let admin = server.admin();
    admin.wait(&vm, "down").await;
    assert!(processes(&["qemu-system", &vm]).is_empty());
    admin.act(&vm, "start").await;
    admin.wait_for(&vm, &["powering_up", "up"]).await;
    assert_eq!(processes(&["qemu-system", &vm]).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_ignores_the_request_to_shut_down() {
    let environment = vec![("VIREO_SHUTDOWN_TIMEOUT", "3".to_owned()), ("VIREO_POWERING_UP", "2".to_owned())];
    let server = Server::start(&Start { environment, ..Start::default() });
    let admin = server.admin();
    let vm = admin.small_vm("deaf").await;
    admin.act(&vm, "start").await;
    admin.wait(&vm, "up").await;
    admin.act(&vm, "shutdown").await;
    admin.wait(&vm, "powering_down").await;
    admin.wait(&vm, "up").await;
    eventually("an event tells what to do", || async {
        admin.messages().await.iter().any(|m| m.contains("deaf ignored the request to shut down; power it off"))
    })
    .await;
    // Asked again, it need not be waited for: power off.
    admin.act(&vm, "shutdown").await;
    admin.act(&vm, "stop").await;
    admin.wait(&vm, "down").await;
    admin.nothing_is_locked().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn qemu_dies() {
    let server = Server::start(&Start::default());
    let admin = server.admin();
    let vm = admin.small_vm("dies").await;
    admin.act(&vm, "start").await;
    admin.wait_for(&vm, &["powering_up", "up"]).await;
    admin.nothing_is_locked().await;
    processes(&["qemu-system", &vm]).into_iter().for_each(kill_process);
    admin.wait(&vm, "down").await;
    eventually("an event says so", || async {
        admin.messages().await.iter().any(|m| m.contains("dies") && m.contains("QEMU process crashed"))
    })
    .await;
    admin.act(&vm, "start").await;
    admin.wait_for(&vm, &["powering_up", "up"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_speaks_to_its_engine_only() {
    let server = Server::start(&Start::default());
    let (_, hosts) = server.admin().get("/hosts").await;
    let port: u16 = hosts["host"][0]["port"].as_str().unwrap().parse().unwrap();
    let url = format!("https://127.0.0.1:{port}/v1/host_info");
    let ask = |builder: reqwest::ClientBuilder| {
        let client = builder.tls_danger_accept_invalid_certs(true).build().unwrap();
        let url = url.clone();
        async move { client.post(url).json(&Value::Null).send().await }
    };
    assert!(ask(reqwest::Client::builder()).await.is_err(), "without a certificate nobody is heard");

    // Another engine's certificate is as good as none.
    let other = Server::start(&Start::default());
    for (pki, ok) in [(other.data.join("pki"), false), (server.data.join("pki"), true)] {
        let pem = client_identity(&pki);
        let identity = reqwest::Identity::from_pem(&pem).unwrap();
        let answer = ask(reqwest::Client::builder().identity(identity)).await;
        assert_eq!(answer.is_ok(), ok, "{answer:?}");
    }
}

fn client_identity(pki: &Path) -> Vec<u8> {
    let find = |ending: &str| std::fs::read(pki.join(ending)).unwrap();
    [find("engine-key.pem"), find("engine.pem")].concat()
}
