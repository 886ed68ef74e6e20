//! Settings of VMs with a real guest: what reaches it while it runs, what waits for its next start, and a kill in between.

use crate::api::{Api, eventually, id_of};
use crate::server::{Server, Start};
use base64::Engine as _;
use serde_json::{Value, json};
use std::process::Command;
use std::time::Duration;

/// A guest that is asked through its agent, past the engine.
struct Guest {
    uri: String,
    vm: String,
}

impl Guest {
    fn of(server: &Server, vm: &str) -> Self {
        let socket = server.data.join("libvirt/sock/libvirt-sock");
        Self { uri: format!("qemu:///system?socket={}", socket.display()), vm: vm.to_owned() }
    }

    fn virsh(&self, words: &[&str]) -> String {
        let out = Command::new("virsh").args(["-c", &self.uri]).args(words).output().unwrap();
        assert!(out.status.success(), "{words:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).into_owned()
    }

    fn agent(&self, command: &Value) -> Value {
        let said = self.virsh(&["qemu-agent-command", &self.vm, &command.to_string()]);
        serde_json::from_str::<Value>(&said).unwrap()["return"].clone()
    }

    fn answers(&self) -> bool {
        let ping = ["-c", &self.uri, "qemu-agent-command", &self.vm, "{\"execute\":\"guest-ping\"}"];
        Command::new("virsh").args(ping).output().unwrap().status.success()
    }

    fn cpus(&self) -> usize {
        let all = self.agent(&json!({"execute": "guest-get-vcpus"}));
        all.as_array().unwrap().iter().filter(|cpu| cpu["online"] == true).count()
    }

    /// Blocks of memory that the guest's system uses.
    fn memory_blocks(&self) -> usize {
        let all = self.agent(&json!({"execute": "guest-get-memory-blocks"}));
        all.as_array().unwrap().iter().filter(|block| block["online"] == true).count()
    }

    fn has_card(&self, mac: &str) -> bool {
        self.agent(&json!({"execute": "guest-network-get-interfaces"})).to_string().contains(mac)
    }

    /// What a file says; none: there is no such file.
    fn read(&self, path: &str) -> Option<String> {
        let command = json!({"execute": "guest-file-open", "arguments": {"path": path, "mode": "r"}});
        let out = Command::new("virsh")
            .args(["-c", &self.uri, "qemu-agent-command", &self.vm, &command.to_string()])
            .output()
            .unwrap();
        let handle = serde_json::from_slice::<Value>(&out.stdout).ok()?["return"].clone();
        let read = self.agent(&json!({"execute": "guest-file-read", "arguments": {"handle": handle}}));
        self.agent(&json!({"execute": "guest-file-close", "arguments": {"handle": handle}}));
        let text = base64::engine::general_purpose::STANDARD.decode(read["buf-b64"].as_str()?).ok()?;
        String::from_utf8(text).ok()
    }

    fn has_disk(&self, name: &str) -> bool {
        self.read(&format!("/sys/block/{name}/size")).is_some()
    }
}

const MIB: u64 = 1 << 20;

async fn put(admin: &Api, path: &str, body: Value) -> Value {
    let (code, answer) = admin.put(path, body).await;
    assert_eq!(code, 200, "{path}: {answer}");
    answer
}

fn sockets(n: u32) -> Value {
    json!({"cpu": {"topology": {"sockets": n}}})
}

/// JSON has oVirt's numbers as texts.
fn number(value: &Value) -> u64 {
    value.as_u64().or_else(|| value.as_str()?.parse().ok()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_guest_grows() {
    let server = Server::start(&Start { demo: true, without_iso: true, ..Start::default() });
    let admin = server.admin();
    let policy = json!({"max": 2048 * MIB, "guaranteed": 256 * MIB});
    let body = json!({
        "name": "grows", "cluster": {"name": "Default"}, "template": {"name": "demo-linux"},
        "memory": 512 * MIB, "memory_policy": policy,
    });
    let vm = id_of(&admin.post("/vms", body).await.1);
    admin.wait(&vm, "down").await;
    admin.act(&vm, "start").await;
    admin.wait(&vm, "up").await;
    let guest = Guest::of(&server, &vm);
    // A slow machine calls it up before its agent answers.
    let end = std::time::Instant::now() + Duration::from_secs(240);
    while !guest.answers() {
        assert!(std::time::Instant::now() < end, "its agent does not answer");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    admin.nothing_is_locked().await;
    let here = format!("/vms/{vm}");

    eventually("its agent's words are known", || async {
        let (_, view) = admin.get(&here).await;
        view["guest_operating_system"]["kernel"]["version"]["full_version"].is_string()
    })
    .await;
    let (_, devices) = admin.get(&format!("{here}/reporteddevices")).await;
    assert!(devices["reported_device"][0]["mac"]["address"].is_string(), "{devices}");

    cpus_and_memory(&admin, &guest, &here).await;
    cards(&admin, &guest, &here).await;
    disks(&admin, &guest, &here).await;

    // The program dies before or after the guest got another CPU; more of them than the host has, perhaps, which this policy lets pass.
    let (code, policy) = admin.post("/schedulingpolicies", json!({"name": "unasked"})).await;
    assert_eq!(code, 201, "{policy}");
    let cluster = admin.get("/clusters").await.1["cluster"][0]["id"].as_str().unwrap().to_owned();
    put(&admin, &format!("/clusters/{cluster}"), json!({"scheduling_policy": {"id": policy["id"]}})).await;
    let mut data = server.stop();
    for (moment, wanted) in [("before", 3), ("after", 4)] {
        let place = format!("adjust_vm:adjust_guest:{moment}");
        let environment = vec![("VIREO_TEST_PAUSE", place.clone())];
        let start = Start { demo: true, without_iso: true, environment, ..Start::default() };
        let server = Server::spawn(data, &start).ready();
        let admin = server.admin();
        admin.wait(&vm, "up").await;
        let path = here.clone();
        let change = tokio::spawn(async move { admin.put(&path, sockets(wanted)).await });
        server.wait_for_line(&format!("paused at {place}"), Duration::from_secs(60));
        data = server.kill();
        change.abort();
        let server = Server::spawn(data, &Start { demo: true, without_iso: true, ..Start::default() }).ready();
        let admin = server.admin();
        admin.wait(&vm, "up").await;
        admin.nothing_is_locked().await;
        assert_eq!(number(&admin.get(&here).await.1["cpu"]["topology"]["sockets"]), u64::from(wanted), "{place}");
        eventually("the guest has it", || async { guest.cpus() == wanted as usize }).await;
        data = server.stop();
    }

    let server = Server::spawn(data, &Start { demo: true, without_iso: true, ..Start::default() }).ready();
    let admin = server.admin();
    admin.wait(&vm, "up").await;
    // What waited is so after the next start.
    admin.act(&vm, "stop").await;
    admin.wait(&vm, "down").await;
    admin.nothing_is_locked().await;
    // With the usual policy no start is for more CPUs than the host has, which may be two.
    put(&admin, &here, sockets(2)).await;
    admin.act(&vm, "start").await;
    admin.wait(&vm, "up").await;
    let (_, now) = admin.get(&here).await;
    assert_eq!((number(&now["memory"]), &now["next_run_configuration_exists"]), (700 * MIB, &json!("false")), "{now}");
    let xml = guest.virsh(&["dumpxml", &vm]);
    assert!(xml.contains("<sound model='ich6'") && xml.contains("<watchdog model='i6300esb' action='reset'"), "{xml}");
}

async fn cpus_and_memory(admin: &Api, guest: &Guest, here: &str) {
    assert_eq!(guest.cpus(), 1);
    let now = put(admin, here, sockets(2)).await;
    assert_eq!(number(&now["cpu"]["topology"]["sockets"]), 2, "{now}");
    eventually("the guest uses the second CPU", || async { guest.cpus() == 2 }).await;

    let blocks = guest.memory_blocks();
    let now = put(admin, here, json!({"memory": 640 * MIB})).await;
    assert_eq!((number(&now["memory"]), &now["next_run_configuration_exists"]), (640 * MIB, &json!("false")), "{now}");
    eventually("the guest uses the memory", || async { guest.memory_blocks() == blocks + 1 }).await;

    let watchdog = json!({"watchdog": [{"model": "i6300esb", "action": "reset"}]});
    let more = json!({"memory": 700 * MIB, "soundcard_enabled": true, "watchdogs": watchdog, "description": "at once"});
    let now = put(admin, here, more).await;
    assert_eq!((number(&now["memory"]), &now["next_run_configuration_exists"]), (640 * MIB, &json!("true")), "{now}");
    assert_eq!((&now["soundcard_enabled"], &now["description"]), (&json!("false"), &json!("at once")), "{now}");
    let (_, next) = admin.get(&format!("{here}?next_run=true")).await;
    assert_eq!((number(&next["memory"]), &next["soundcard_enabled"]), (700 * MIB, &json!("true")), "{next}");
}

async fn cards(admin: &Api, guest: &Guest, here: &str) {
    let profile = id_of(&admin.get("/vnicprofiles").await.1["vnic_profile"][0]);
    let body = json!({"name": "hot", "interface": "virtio", "vnic_profile": {"id": profile}});
    let (code, nic) = admin.post(&format!("{here}/nics"), body).await;
    assert_eq!(code, 201, "{nic}");
    let mac = nic["mac"]["address"].as_str().unwrap().to_owned();
    let path = format!("{here}/nics/{}", id_of(&nic));
    eventually("the guest sees the card", || async { guest.has_card(&mac) }).await;
    put(admin, &path, json!({"linked": false})).await;
    assert!(guest.virsh(&["domif-getlink", &guest.vm, &mac]).contains("down"));
    put(admin, &path, json!({"linked": true})).await;
    assert!(guest.virsh(&["domif-getlink", &guest.vm, &mac]).contains("up"));
    put(admin, &path, json!({"vnic_profile": {}})).await;
    let (code, refused) = admin.delete(&path).await;
    assert!(code == 409 && refused.to_string().contains("unplug it first"), "{refused}");
    let now = put(admin, &path, json!({"plugged": false})).await;
    assert_eq!(now["plugged"], "false");
    eventually("the card is gone", || async { !guest.has_card(&mac) }).await;
    assert_eq!(admin.delete(&path).await.0, 200);
}

async fn disks(admin: &Api, guest: &Guest, here: &str) {
    let attachments = format!("{here}/diskattachments");
    let disk = json!({"alias": "hot", "provisioned_size": 64 * MIB, "format": "cow"});
    let body = json!({"interface": "virtio", "bootable": false, "disk": disk});
    let (code, added) = admin.post(&attachments, body).await;
    assert_eq!(code, 202, "{added}");
    admin.nothing_is_locked().await;
    let id = id_of(&added["disk"]);
    let path = format!("{attachments}/{id}");
    eventually("the guest sees the disk", || async { guest.has_disk("vdb") }).await;
    let now = put(admin, &path, json!({"active": false})).await;
    assert_eq!(now["active"], "false");
    assert!(!guest.has_disk("vdb"));
    assert_eq!(admin.delete(&path).await.0, 200);
    let body = json!({"interface": "virtio_scsi", "disk": {"id": id}});
    let (code, attached) = admin.post(&attachments, body).await;
    assert_eq!(code, 202, "{attached}");
    eventually("the guest sees it on another bus", || async { guest.has_disk("sda") }).await;
}
