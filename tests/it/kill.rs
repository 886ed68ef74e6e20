//! The engine is killed after and before every step of what people wait for; after its restart all is done or undone, nothing is locked.

use crate::api::{Api, id_of, small_vm};
use crate::server::{Server, Start, processes};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Duration;

const MOMENTS: [&str; 2] = ["before", "after"];

/// Starts the program so that it stops working at this place.
fn paused_at(data: PathBuf, place: &str, demo: bool) -> Server {
    let environment = vec![("VIREO_TEST_PAUSE", place.to_owned())];
    Server::spawn(data, &Start { demo, environment, ..Start::default() }).ready()
}

/// Waits until it came to the place, kills it there and starts it anew.
fn kill_and_restart(server: Server, place: &str, demo: bool) -> Server {
    server.wait_for_line(&format!("paused at {place}"), Duration::from_secs(60));
    let data = server.kill();
    Server::spawn(data, &Start { demo, ..Start::default() }).ready()
}

#[tokio::test(flavor = "multi_thread")]
async fn adding_a_vm_is_done_or_undone() {
    let mut data = Server::start(&Start::default()).stop();
    for moment in MOMENTS {
        let place = format!("add_vm:create_images:{moment}");
        let server = paused_at(data, &place, false);
        let (code, vm) = server.admin().post("/vms", small_vm(&format!("new-{moment}"))).await;
        assert_eq!(code, 202, "{vm}");
        let server = kill_and_restart(server, &place, false);
        let admin = server.admin();
        admin.nothing_is_locked().await;
        let status = admin.status(&id_of(&vm)).await;
        assert!(["down", "404"].contains(&status.as_str()), "{place}: {status}");
        images_are_those_of_disks(&server, &admin).await;
        if status == "down" {
            admin.act(&id_of(&vm), "start").await;
            admin.wait_for(&id_of(&vm), &["powering_up", "up"]).await;
            admin.nothing_is_locked().await;
            admin.act(&id_of(&vm), "stop").await;
            admin.wait(&id_of(&vm), "down").await;
        }
        data = server.stop();
    }
    crate::server::clean(&data);
}

#[tokio::test(flavor = "multi_thread")]
async fn starting_a_vm_is_done_or_undone() {
    let server = Server::start(&Start::default());
    let vm = server.admin().small_vm("starts").await;
    let mut data = server.stop();
    for step in ["prepare", "launch", "confirm"] {
        for moment in MOMENTS {
            let place = format!("start_vm:{step}:{moment}");
            let server = paused_at(data, &place, false);
            server.admin().act(&vm, "start").await;
            let server = kill_and_restart(server, &place, false);
            let admin = server.admin();
            admin.nothing_is_locked().await;
            let status = admin.wait_for(&vm, &["powering_up", "up", "down"]).await;
            runs_once_or_not_at_all(&vm, &status, &place);
            if status != "down" {
                admin.act(&vm, "stop").await;
                admin.wait(&vm, "down").await;
            }
            assert!(processes(&["qemu-system", &vm]).is_empty(), "{place}");
            data = server.stop();
        }
    }
    crate::server::clean(&data);
}

#[tokio::test(flavor = "multi_thread")]
async fn taking_from_a_pool_is_done_or_undone() {
    let mut data = Server::start(&Start { demo: true, ..Start::default() }).stop();
    for step in ["prepare", "launch", "confirm"] {
        for moment in MOMENTS {
            let place = format!("take_from_pool:{step}:{moment}");
            let server = paused_at(data, &place, true);
            let alice = server.alice();
            let (_, pools) = alice.get("/vmpools").await;
            let pool = id_of(&pools["vm_pool"][0]);
            let (code, taken) = alice.post(&format!("/vmpools/{pool}/allocatevm"), json!({})).await;
            assert_eq!(code, 200, "{taken}");
            let vm = id_of(&taken["vm"]);

            let server = kill_and_restart(server, &place, true);
            let (admin, alice) = (server.admin(), server.alice());
            admin.nothing_is_locked().await;
            let status = admin.wait_for(&vm, &["powering_up", "up", "down"]).await;
            runs_once_or_not_at_all(&vm, &status, &place);
            let hers = alice.get(&format!("/vms/{vm}")).await.0 == 200;
            assert_eq!(hers, status != "down", "{place}: she has it if it runs, and only then");
            if hers {
                alice.act(&vm, "stop").await;
                crate::api::eventually("the VM is back in the pool", || async {
                    alice.get(&format!("/vms/{vm}")).await.0 == 404
                })
                .await;
            }
            admin.nothing_is_locked().await;
            data = server.stop();
        }
    }
    crate::server::clean(&data);
}

#[tokio::test(flavor = "multi_thread")]
async fn making_a_pool_is_done_or_undone() {
    let mut data = Server::start(&Start { demo: true, ..Start::default() }).stop();
    let folders = disk_folders(&data).len();
    for step in ["check_template", "create_vms"] {
        for moment in MOMENTS {
            let place = format!("add_pool:{step}:{moment}");
            let name = format!("{step}-{moment}").replace('_', "-");
            let server = paused_at(data, &place, true);
            let body = json!({
                "name": name, "cluster": {"name": "Default"}, "template": {"name": "demo-linux"}, "size": 300,
            });
            let (code, pool) = server.admin().post("/vmpools", body).await;
            assert_eq!(code, 201, "{pool}");
            let server = kill_and_restart(server, &place, true);
            let admin = server.admin();
            admin.nothing_is_locked().await;
            let vms = admin.get(&format!("/vms?search=pool%3D{name}")).await.1;
            let vms = vms["vm"].as_array().map_or(0, Vec::len);
            let there = admin.get(&format!("/vmpools/{}", id_of(&pool))).await.0 == 200;
            assert_eq!(vms, if there { 300 } else { 0 }, "{place}: all or nothing");
            assert_eq!(disk_folders(&server.data).len(), folders, "{place}: no file is made");
            data = server.stop();
        }
    }
    crate::server::clean(&data);
}

fn runs_once_or_not_at_all(vm: &str, status: &str, place: &str) {
    let wanted = usize::from(status != "down");
    assert_eq!(processes(&["qemu-system", vm]).len(), wanted, "{place}: {status}");
}

/// Every image file belongs to a disk, and every disk has its file.
async fn images_are_those_of_disks(server: &Server, admin: &Api) {
    let (_, disks) = admin.get("/disks").await;
    let mut known: Vec<String> = disks["disk"].as_array().cloned().unwrap_or_default().iter().map(id_of).collect();
    known.sort();
    assert_eq!(disk_folders(&server.data), known);
}

/// The disks that have a folder with an image.
pub fn disk_folders(data: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for domain in std::fs::read_dir(data.join("storage")).unwrap().flatten() {
        let Ok(images) = std::fs::read_dir(domain.path().join("images")) else { continue };
        for disk in images.flatten() {
            found.push(disk.file_name().to_string_lossy().into_owned());
        }
    }
    found.sort();
    found
}
