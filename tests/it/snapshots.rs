//! Snapshots of a real guest, running and not: what was written when is there again, and layers go where they belong.

use crate::api::{Api, eventually, id_of};
use crate::server::{Server, Start, kill_process, processes};
use base64::Engine as _;
use serde_json::{Value, json};
use std::process::Command;

/// A guest that is spoken to through its agent.
pub struct Guest<'a> {
    pub server: &'a Server,
    pub vm: String,
}

impl Guest<'_> {
    fn ask(&self, command: &Value) -> std::process::Output {
        let socket = self.server.data.join("libvirt/sock/libvirt-sock");
        let uri = format!("qemu:///system?socket={}", socket.display());
        let arguments = ["-c", &uri, "qemu-agent-command", &self.vm, &command.to_string()];
        Command::new("virsh").args(arguments).output().unwrap()
    }

    /// Waits until its agent answers; a guest counts as up after a while without that.
    pub async fn ready(&self) {
        for _ in 0..300 {
            if self.ask(&json!({"execute": "guest-ping"})).status.success() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
        panic!("the agent of guest {} does not answer", self.vm);
    }

    fn agent(&self, command: &Value) -> Value {
        let out = self.ask(command);
        assert!(out.status.success(), "{command}: {}", String::from_utf8_lossy(&out.stderr));
        serde_json::from_slice::<Value>(&out.stdout).unwrap()["return"].clone()
    }

    fn open(&self, path: &str, mode: &str) -> Value {
        self.agent(&json!({"execute": "guest-file-open", "arguments": {"path": path, "mode": mode}}))
    }

    /// Writes a file, down to the disk.
    pub fn write(&self, path: &str, text: &str) {
        let handle = self.open(path, "w");
        let data = base64::engine::general_purpose::STANDARD.encode(text);
        let arguments = json!({"handle": handle, "buf-b64": data});
        self.agent(&json!({"execute": "guest-file-write", "arguments": arguments}));
        self.agent(&json!({"execute": "guest-file-flush", "arguments": {"handle": handle}}));
        self.agent(&json!({"execute": "guest-file-close", "arguments": {"handle": handle}}));
        // The system's buffers, too: freezing writes them.
        self.agent(&json!({"execute": "guest-fsfreeze-freeze"}));
        self.agent(&json!({"execute": "guest-fsfreeze-thaw"}));
    }

    /// Reads a file.
    pub fn read(&self, path: &str) -> String {
        let handle = self.open(path, "r");
        let read = self.agent(&json!({"execute": "guest-file-read", "arguments": {"handle": handle}}));
        self.agent(&json!({"execute": "guest-file-close", "arguments": {"handle": handle}}));
        let data = base64::engine::general_purpose::STANDARD.decode(read["buf-b64"].as_str().unwrap()).unwrap();
        String::from_utf8(data).unwrap()
    }

    /// Runs a line in the guest's shell; what it said.
    pub async fn run(&self, line: &str) -> String {
        let arguments = json!({"path": "/bin/busybox", "arg": ["sh", "-c", line], "capture-output": true});
        let begun = self.agent(&json!({"execute": "guest-exec", "arguments": arguments}));
        for _ in 0..100 {
            let asked = json!({"execute": "guest-exec-status", "arguments": {"pid": begun["pid"]}});
            let now = self.agent(&asked);
            if now["exited"] == true {
                let said = now["out-data"].as_str().unwrap_or_default();
                return String::from_utf8(base64::engine::general_purpose::STANDARD.decode(said).unwrap()).unwrap();
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("{line:?} does not end in the guest");
    }

    /// Files of the disk's folder, without their descriptions.
    async fn files(&self, admin: &Api) -> usize {
        let (_, attached) = admin.get(&format!("/vms/{}/diskattachments", self.vm)).await;
        let disk = id_of(&attached["disk_attachment"][0]["disk"]);
        // A file system of its own has other folders beside the domain's.
        let mut all = std::fs::read_dir(self.server.data.join("storage")).unwrap().flatten();
        let images = all.find_map(|entry| Some(entry.path().join("images")).filter(|images| images.is_dir())).unwrap();
        let folder = std::fs::read_dir(images.join(disk)).unwrap();
        folder.flatten().filter(|f| f.path().extension().is_none()).count()
    }
}

const MARK: &str = "/root/mark";

async fn take(admin: &Api, vm: &str, what: Value) -> String {
    let (code, begun) = admin.post(&format!("/vms/{vm}/snapshots"), what).await;
    assert_eq!(code, 202, "{begun}");
    let id = id_of(&begun);
    eventually("the snapshot is there", || async {
        let (code, s) = admin.get(&format!("/vms/{vm}/snapshots/{id}")).await;
        code == 200 && s["snapshot_status"] == "ok"
    })
    .await;
    id
}

async fn action(admin: &Api, vm: &str, action: &str, body: Value) {
    let (code, answer) = admin.post(&format!("/vms/{vm}/{action}"), body).await;
    assert_eq!(code, 200, "{action}: {answer}");
    admin.nothing_is_locked().await;
}

async fn remove(admin: &Api, vm: &str, snapshot: &str) {
    let path = format!("/vms/{vm}/snapshots/{snapshot}");
    let (code, answer) = admin.delete(&path).await;
    assert_eq!(code, 200, "{answer}");
    eventually("the snapshot is gone", || async { admin.get(&path).await.0 == 404 }).await;
}

async fn run(admin: &Api, vm: &str) {
    admin.act(vm, "start").await;
    admin.wait(vm, "up").await;
}

async fn halt(admin: &Api, vm: &str) {
    admin.act(vm, "stop").await;
    admin.wait(vm, "down").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_goes_back_and_forth() {
    let server = Server::start(&Start { demo: true, without_iso: true, ..Start::default() });
    let admin = server.admin();
    let body = json!({"name": "lab", "cluster": {"name": "Default"}, "template": {"name": "demo-linux"}});
    let vm = id_of(&admin.post("/vms", body).await.1);
    admin.wait(&vm, "down").await;
    let guest = Guest { server: &server, vm: vm.clone() };
    run(&admin, &vm).await;

    guest.write(MARK, "one");
    guest.write("/run/told", "in memory");
    let first = take(&admin, &vm, json!({"description": "first"})).await;
    guest.write(MARK, "two");
    let second = take(&admin, &vm, json!({"description": "second", "persist_memorystate": true})).await;
    guest.write(MARK, "three");
    assert_eq!(guest.files(&admin).await, 4, "three layers and a memory");
    let (_, all) = admin.get(&format!("/vms/{vm}/snapshots")).await;
    let kinds: Vec<_> = all["snapshot"].as_array().unwrap().iter().map(|s| &s["snapshot_type"]).collect();
    assert_eq!(kinds, ["regular", "regular", "active"], "{all}");

    // A template of what it was, while it runs; and a VM of that.
    let body = json!({"name": "golden", "vm": {"id": vm, "snapshots": {"snapshot": [{"id": first}]}}});
    let (code, golden) = admin.post("/templates", body).await;
    assert_eq!(code, 202, "{golden}");
    admin.nothing_is_locked().await;
    let body = json!({"name": "of-golden", "cluster": {"name": "Default"}, "template": {"name": "golden"}});
    let other = Guest { server: &server, vm: id_of(&admin.post("/vms", body).await.1) };
    admin.wait(&other.vm, "down").await;
    run(&admin, &other.vm).await;
    assert_eq!(other.read(MARK), "one");
    halt(&admin, &other.vm).await;
    let (code, used) = admin.delete(&format!("/templates/{}", id_of(&golden))).await;
    let why = used["detail"].as_str().unwrap_or_default();
    assert!(code == 409 && why.contains("of-golden"), "{used}");

    // While it runs: the inner layer is merged, and the guest notices nothing.
    remove(&admin, &vm, &first).await;
    assert_eq!(guest.read(MARK), "three");
    assert_eq!(guest.files(&admin).await, 3);
    halt(&admin, &vm).await;

    // With its memory: the guest goes on, it does not boot.
    let wish = json!({"snapshot": {"id": second}, "restore_memory": true});
    action(&admin, &vm, "previewsnapshot", wish.clone()).await;
    run(&admin, &vm).await;
    assert_eq!((guest.read(MARK).as_str(), guest.read("/run/told").as_str()), ("two", "in memory"));
    halt(&admin, &vm).await;
    action(&admin, &vm, "undosnapshot", json!({})).await;
    run(&admin, &vm).await;
    assert_eq!(guest.read(MARK), "three");
    halt(&admin, &vm).await;

    // For good, without the memory.
    action(&admin, &vm, "previewsnapshot", json!({"snapshot": {"id": second}})).await;
    action(&admin, &vm, "commitsnapshot", json!({})).await;
    remove(&admin, &vm, &second).await;
    assert_eq!(guest.files(&admin).await, 1, "all is merged into the one layer on the template");
    run(&admin, &vm).await;
    assert_eq!(guest.read(MARK), "two");

    // The layer that is written, while it is written.
    let third = take(&admin, &vm, json!({"description": "third"})).await;
    guest.write(MARK, "four");
    remove(&admin, &vm, &third).await;
    assert_eq!((guest.read(MARK).as_str(), guest.files(&admin).await), ("four", 1));
    halt(&admin, &vm).await;
    run(&admin, &vm).await;
    assert_eq!(guest.read(MARK), "four");
    halt(&admin, &vm).await;
    let (code, twin) = admin.post(&format!("/vms/{vm}/clone"), json!({"vm": {"name": "twin"}})).await;
    assert_eq!(code, 200, "{twin}");
    let twin = Guest { server: &server, vm: id_of(&twin["vm"]) };
    admin.wait(&twin.vm, "down").await;
    assert_eq!(admin.delete(&format!("/vms/{vm}")).await.0, 200);
    admin.wait(&vm, "404").await;
    run(&admin, &twin.vm).await;
    assert_eq!(twin.read(MARK), "four");
    halt(&admin, &twin.vm).await;
    admin.nothing_is_locked().await;
}

/// A VM's layers as qemu-img finds them, from the one that is written down.
async fn layers(server: &Server, admin: &Api, vm: &str) -> Vec<String> {
    let (_, attached) = admin.get(&format!("/vms/{vm}/diskattachments")).await;
    let disk = id_of(&attached["disk_attachment"][0]["disk"]);
    let domain = std::fs::read_dir(server.data.join("storage")).unwrap().flatten().next().unwrap();
    let folder = domain.path().join("images").join(disk);
    let files = std::fs::read_dir(&folder).unwrap().flatten().filter(|f| f.path().extension().is_none());
    let names: Vec<String> = files.map(|f| f.file_name().to_string_lossy().into_owned()).collect();
    let below = |name: &str| {
        let out =
            Command::new("qemu-img").args(["info", "-U", "--output=json"]).arg(folder.join(name)).output().unwrap();
        let info: Value = serde_json::from_slice(&out.stdout).unwrap();
        info["backing-filename"].as_str().map(|b| b.rsplit('/').next().unwrap().to_owned())
    };
    let mut chain: Vec<String> = Vec::new();
    let lower: Vec<_> = names.iter().filter_map(|name| below(name)).collect();
    let mut here = names.iter().find(|name| !lower.contains(name)).cloned();
    while let Some(name) = here {
        here = below(&name);
        chain.push(name);
    }
    assert_eq!(chain.len(), names.len(), "no file lies beside the pile: {names:?}");
    chain
}

/// The program is killed before and after each step, with the guest running or with its QEMU killed, too.
#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_nothing_is_lost() {
    let mut data = Server::start(&Start::default()).stop();
    for (kind, step) in [
        ("create_snapshot", "create_layers"),
        ("create_snapshot", "switch_layers"),
        ("remove_snapshot", "merge_layers"),
    ] {
        for (moment, guest_dies) in [("before", false), ("after", false), ("before", true), ("after", true)] {
            let place = format!("{kind}:{step}:{moment}");
            let environment = vec![("VIREO_TEST_PAUSE", place.clone())];
            let server = Server::spawn(data, &Start { environment, ..Start::default() }).ready();
            let admin = server.admin();
            let vm = admin.small_vm(&format!("vm-{step}-{moment}-{guest_dies}").replace('_', "-")).await;
            admin.act(&vm, "start").await;
            admin.wait_for(&vm, &["powering_up", "up"]).await;
            admin.nothing_is_locked().await;
            let (code, begun) = admin.post(&format!("/vms/{vm}/snapshots"), json!({"description": "kept"})).await;
            assert_eq!(code, 202, "{begun}");
            let snapshot = format!("/vms/{vm}/snapshots/{}", id_of(&begun));
            if kind == "remove_snapshot" {
                admin.nothing_is_locked().await;
                assert_eq!(admin.delete(&snapshot).await.0, 200);
            }
            server.wait_for_line(&format!("paused at {place}"), std::time::Duration::from_secs(60));
            let data_then = server.kill();
            if guest_dies {
                processes(&["qemu-system", &vm]).into_iter().for_each(kill_process);
            }
            let server = Server::spawn(data_then, &Start::default()).ready();
            let admin = server.admin();
            admin.nothing_is_locked().await;
            let wanted = if kind == "create_snapshot" { (200, 2) } else { (404, 1) };
            assert_eq!(
                (admin.get(&snapshot).await.0, layers(&server, &admin, &vm).await.len()),
                wanted,
                "{place} {guest_dies}"
            );
            if guest_dies {
                admin.wait(&vm, "down").await;
            } else {
                assert!(["powering_up", "up"].contains(&admin.status(&vm).await.as_str()), "{place}");
                halt(&admin, &vm).await;
            }
            // It goes on from what it wrote last.
            admin.act(&vm, "start").await;
            admin.wait_for(&vm, &["powering_up", "up"]).await;
            admin.nothing_is_locked().await;
            halt(&admin, &vm).await;
            data = server.stop();
        }
    }
    crate::server::clean(&data);
}

/// A small file system of its own for the storage; it goes with the tests' mount namespace.
fn small_storage(data: &std::path::Path, mib: u64) {
    let (image, place) = (data.join("storage.img"), data.join("storage"));
    std::fs::create_dir_all(&place).unwrap();
    std::fs::File::create(&image).unwrap().set_len(mib << 20).unwrap();
    let run = |program: &str, arguments: &[&str]| {
        let done = Command::new(program).args(arguments).status().unwrap();
        assert!(done.success(), "{program} {arguments:?}");
    };
    run("mkfs.ext4", &["-q", "-m", "0", image.to_str().unwrap()]);
    run("mount", &["-o", "loop", image.to_str().unwrap(), place.to_str().unwrap()]);
}

/// Takes all the space there is but this much.
fn fill(storage: &std::path::Path, but_mib: u64) {
    let free = nix::sys::statvfs::statvfs(storage).unwrap();
    let free = free.blocks_available() * free.fragment_size();
    let file = std::fs::File::create(storage.join("filler")).unwrap();
    nix::fcntl::fallocate(
        &file,
        nix::fcntl::FallocateFlags::empty(),
        0,
        i64::try_from(free - (but_mib << 20)).unwrap(),
    )
    .unwrap();
}

/// The storage runs full while layers are merged: the guest runs on, the snapshot says that it can only be removed, and with space it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_merge_without_space_loses_nothing() {
    let data = crate::server::fresh_dir();
    small_storage(&data, 4096);
    let server = Server::spawn(data.clone(), &Start { demo: true, without_iso: true, ..Start::default() }).ready();
    let (admin, storage) = (server.admin(), data.join("storage"));
    let body = json!({"name": "full", "cluster": {"name": "Default"}, "template": {"name": "demo-linux"}});
    let vm = id_of(&admin.post("/vms", body).await.1);
    admin.wait(&vm, "down").await;
    let guest = Guest { server: &server, vm: vm.clone() };
    run(&admin, &vm).await;
    let snapshot = take(&admin, &vm, json!({"description": "before"})).await;
    guest.write(MARK, "kept");
    let noise = json!({"path": "/bin/sh", "arg": ["-c", "head -c 50000000 /dev/urandom > /root/noise; sync"]});
    let pid = guest.agent(&json!({"execute": "guest-exec", "arguments": noise}))["pid"].clone();
    eventually("it is written", || async {
        guest.agent(&json!({"execute": "guest-exec-status", "arguments": {"pid": pid}}))["exited"] == true
    })
    .await;
    fill(&storage, 20);
    let path = format!("/vms/{vm}/snapshots/{snapshot}");
    assert_eq!(admin.delete(&path).await.0, 200);
    admin.nothing_is_locked().await;
    let (code, left) = admin.get(&path).await;
    assert_eq!((code, left["snapshot_status"].as_str()), (200, Some("locked")), "{left}");
    let told = admin.messages().await;
    assert!(told.iter().any(|m| m.contains("Failed to remove") && m.contains("space")), "{told:?}");
    assert_eq!((admin.status(&vm).await.as_str(), guest.read(MARK).as_str()), ("up", "kept"));
    std::fs::remove_file(storage.join("filler")).unwrap();
    remove(&admin, &vm, &snapshot).await;
    assert_eq!((guest.read(MARK).as_str(), guest.files(&admin).await), ("kept", 1));
    halt(&admin, &vm).await;
    run(&admin, &vm).await;
    assert_eq!(guest.read(MARK), "kept");
    drop(server);
    let _ = Command::new("umount").arg("-l").arg(&storage).status();
    crate::server::clean(&data);
}
