//! The first desktop, by the API, with real guests, on both databases.

use crate::api::{Api, id_of, small_vm};
use crate::server::{Server, Start, fresh_postgres, processes};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn the_first_desktop_on_sqlite() {
    the_first_desktop(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_desktop_on_postgres() {
    let url = fresh_postgres();
    the_first_desktop(Some(&url)).await;
}

async fn the_first_desktop(database: Option<&str>) {
    let start = Start { demo: true, database, ..Start::default() };
    let server = Server::start(&start);
    let admin = server.admin();
    what_is_there_at_first(&admin).await;
    a_vm_lives(&admin).await;
    let taken = alice_takes_a_desktop(&server).await;

    // The program ends and comes back: the guest runs on and is found again.
    let data = server.stop();
    let qemu = processes(&["qemu-system", &taken]);
    assert_eq!(qemu.len(), 1, "the guest runs on without the program");
    let server = Server::spawn(data, &start).ready();
    assert_eq!(server.admin().status(&taken).await, "up");
    assert_eq!(processes(&["qemu-system", &taken]), qemu, "it is the same process");

    alice_gives_it_back(&server, &taken).await;
}

async fn what_is_there_at_first(admin: &Api) {
    let names = |list: &serde_json::Value, one: &str| -> Vec<String> {
        let all = list[one].as_array().cloned().unwrap_or_default();
        all.iter().map(|o| o["name"].as_str().unwrap_or_default().to_owned()).collect()
    };
    for (path, one, wanted) in [
        ("/datacenters", "data_center", vec!["Default"]),
        ("/clusters", "cluster", vec!["Default"]),
        ("/networks", "network", vec!["ovirtmgmt"]),
        ("/templates", "template", vec!["Blank", "demo-linux"]),
        ("/vmpools", "vm_pool", vec!["desktops"]),
        ("/instancetypes", "instance_type", vec!["Large", "Medium", "Small", "Tiny", "XLarge"]),
        ("/groups", "group", vec!["Everyone"]),
    ] {
        let (code, list) = admin.get(path).await;
        assert_eq!(code, 200, "{list}");
        let mut found = names(&list, one);
        found.sort();
        assert_eq!(found, wanted, "{path}");
    }
    let (_, hosts) = admin.get("/hosts").await;
    assert_eq!(hosts["host"][0]["status"], "up");
    assert!(hosts["host"][0]["memory"].as_u64().unwrap() > 1 << 30, "{hosts}");
    let (_, blank) = admin.get("/templates/00000000-0000-0000-0000-000000000000").await;
    assert_eq!(blank["name"], "Blank");
    let (_, roles) = admin.get("/roles").await;
    assert!(names(&roles, "role").contains(&"UserVmManager".to_owned()));
    let (_, entry) = admin.get("").await;
    assert_eq!(entry["product_info"]["version"]["major"], "4", "{entry}");
    let (_, vms) = admin.get("/vms?search=pool%3Ddesktops").await;
    assert_eq!(vms["vm"].as_array().unwrap().len(), 5);
}

/// From the demo template: made, started, suspended, resumed, rebooted, shut down, edited, removed.
async fn a_vm_lives(admin: &Api) {
    let body = json!({"name": "mine", "cluster": {"name": "Default"}, "template": {"name": "demo-linux"}});
    let (code, vm) = admin.post("/vms", body).await;
    assert_eq!(code, 202, "{vm}");
    let id = id_of(&vm);
    admin.wait(&id, "down").await;

    admin.act(&id, "start").await;
    let seen = admin.wait(&id, "up").await;
    for state in ["wait_for_launch", "powering_up", "up"] {
        assert!(seen.iter().any(|s| s == state), "{state} was not seen in {seen:?}");
    }
    admin.act(&id, "suspend").await;
    admin.wait(&id, "suspended").await;
    assert!(processes(&["qemu-system", &id]).is_empty(), "a suspended VM has no process");
    admin.act(&id, "start").await;
    admin.wait(&id, "up").await;
    admin.act(&id, "reboot").await;
    let seen = admin.wait_through(&id, "reboot_in_progress", "up").await;
    assert!(seen.iter().any(|s| s == "reboot_in_progress"), "{seen:?}");

    let (code, running) = admin.delete(&format!("/vms/{id}")).await;
    assert_eq!(code, 409, "a running VM is not removed: {running}");
    admin.act(&id, "shutdown").await;
    admin.wait(&id, "down").await;
    let (code, edited) = admin.put(&format!("/vms/{id}"), json!({"description": "edited", "memory": 256 << 20})).await;
    assert_eq!((code, edited["description"].as_str()), (200, Some("edited")), "{edited}");
    let (code, _) = admin.delete(&format!("/vms/{id}")).await;
    assert_eq!(code, 200);
    admin.wait(&id, "404").await;
    admin.nothing_is_locked().await;
}

/// Returns the VM she has.
async fn alice_takes_a_desktop(server: &Server) -> String {
    let (admin, alice) = (server.admin(), server.alice());
    let (_, pools) = alice.get("/vmpools").await;
    let pool = id_of(&pools["vm_pool"][0]);
    let (code, action) = alice.post(&format!("/vmpools/{pool}/allocatevm"), json!({})).await;
    assert_eq!(code, 200, "{action}");
    let vm = id_of(&action["vm"]);
    alice.wait(&vm, "up").await;

    // Once more: she may have one, and has it.
    let (code, again) = alice.post(&format!("/vmpools/{pool}/allocatevm"), json!({})).await;
    let why = again["fault"]["detail"].as_str().unwrap_or_default();
    assert!(code == 409 && why.contains("You have 1 of at most 1 VMs of pool desktops already"), "{again}");

    let (_, hers) = alice.get("/vms").await;
    assert_eq!(hers["vm"].as_array().unwrap().len(), 1, "she sees hers and nothing else");
    let other = other_vm(&admin, &vm).await;
    assert_eq!(alice.get(&format!("/vms/{other}")).await.0, 404);
    assert_eq!(alice.post(&format!("/vms/{other}/start"), json!({})).await.0, 404);
    assert_eq!(alice.delete(&format!("/vms/{vm}")).await.0, 403);
    assert_eq!(alice.post("/vms", small_vm("hers")).await.0, 403);
    assert_eq!(alice.unfiltered().get("/vms").await.0, 403);
    let told = alice.messages().await;
    assert!(!told.is_empty() && told.iter().all(|m| m.contains("alice") || m.contains("desktops")), "{told:?}");
    vm
}

async fn other_vm(admin: &Api, not: &str) -> String {
    let (_, all) = admin.get("/vms?search=pool%3Ddesktops").await;
    all["vm"].as_array().unwrap().iter().map(id_of).find(|id| id != not).unwrap()
}

/// A stateless VM forgets all when it is shut down, and is in the pool again.
async fn alice_gives_it_back(server: &Server, vm: &str) {
    let (admin, alice) = (server.admin(), server.alice());
    let layers = |admin: Api, vm: String| async move {
        let (_, disks) = admin.get(&format!("/vms/{vm}/diskattachments")).await;
        disks["disk_attachment"][0].clone()
    };
    let before = layers(admin.clone(), vm.to_owned()).await;
    alice.act(vm, "shutdown").await;
    admin.wait(vm, "down").await;
    crate::api::eventually("the VM is nobody's again", || async { alice.get(&format!("/vms/{vm}")).await.0 == 404 })
        .await;
    assert_eq!(layers(admin.clone(), vm.to_owned()).await["id"], before["id"]);
    admin.nothing_is_locked().await;
    let images = server.data.join("storage");
    crate::api::eventually("no layer is left behind", || async { fresh_layers(&images) == 0 }).await;
}

/// Images of pool VMs: each has one layer on the template's disk when it is as fresh as before, and none more.
fn fresh_layers(storage: &std::path::Path) -> usize {
    let mut extra = 0;
    let domains = std::fs::read_dir(storage).unwrap().flatten();
    for images in domains.map(|d| d.path().join("images")).filter(|p| p.is_dir()) {
        for disk in std::fs::read_dir(images).unwrap().flatten() {
            let files = std::fs::read_dir(disk.path()).unwrap().flatten();
            let layers = files.filter(|f| f.path().extension().is_none()).count();
            extra += layers.saturating_sub(1);
        }
    }
    extra
}
