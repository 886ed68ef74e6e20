//! A pool whose VMs go on from one saved memory: real guests, each with its own name and addresses, also when the program is killed.

use crate::api::{Api, eventually, id_of};
use crate::portal::Portal;
use crate::server::{Server, Start, processes};
use serde_json::json;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

/// The demo's pool, with instant start.
async fn prepare(server: &Server) -> (Portal, String) {
    let boss = Portal::sign_in(server, "admin@internal", &server.password("admin")).await;
    let pool = id_of(&server.admin().get("/vmpools").await.1["vm_pool"][0]);
    let form = [
        ("name", "desktops"),
        ("description", ""),
        ("comment", ""),
        ("size", "5"),
        ("prestarted", "0"),
        ("max_user_vms", "5"),
        ("surplus", "remove"),
        ("instant_start", "1"),
    ];
    assert_eq!(boss.post(&format!("/admin/pools/{pool}/edit"), &form).await.0, 303);
    (boss, pool)
}

async fn take(admin: &Api, pool: &str) -> String {
    let (code, taken) = admin.post(&format!("/vmpools/{pool}/allocatevm"), json!({})).await;
    assert_eq!(code, 200, "{taken}");
    id_of(&taken["vm"])
}

/// Its guest has its own name and an address of its own, and did not boot.
async fn is_itself(admin: &Api, boss: &Portal, vm: &str) -> Ipv4Addr {
    admin.wait(vm, "up").await;
    eventually("it has its name and an address", || async {
        let seen = admin.get(&format!("/vms/{vm}")).await.1;
        seen["fqdn"].is_string() && seen["fqdn"] == seen["name"]
    })
    .await;
    assert_eq!(processes(&["qemu-system", vm, "-incoming"]).len(), 1, "it went on from a memory");
    let found = std::cell::Cell::new(None);
    eventually("its page shows its address", || async {
        let page = boss.get(&format!("/admin/vms/{vm}")).await.1;
        found.set(page.split(|c: char| !c.is_ascii_digit() && c != '.').find_map(|word| word.parse::<Ipv4Addr>().ok()));
        found.get().is_some()
    })
    .await;
    found.get().unwrap()
}

/// Guests of one memory are much alike: the kernel merges their pages, and the host's page and its document say so.
async fn equal_pages_take_memory_once(admin: &Api, boss: &Portal) {
    let host = id_of(&admin.get("/hosts").await.1["host"][0]);
    let page = format!("/admin/hosts/{host}");
    let seen = std::cell::RefCell::new(String::new());
    eventually("the host's page shows what same-page merging saves", || async {
        let text = boss.get(&page).await.1;
        let size = text.split("On, saves ").nth(1).and_then(|rest| rest.split(['<', '&']).next()).unwrap_or("");
        size.clone_into(&mut seen.borrow_mut());
        let saved: f64 = size.split(' ').next().unwrap().parse().unwrap_or_default();
        saved > 0.0
    })
    .await;
    assert!(seen.borrow().ends_with("iB"), "{seen:?}");
    let (_, document) = admin.get(&format!("/hosts/{host}")).await;
    assert_eq!(document["ksm"]["enabled"], "true", "{document}");
}

#[tokio::test(flavor = "multi_thread")]
async fn vms_go_on_from_one_memory_as_themselves() {
    let environment = vec![("VIREO_SETTLE", "1".to_owned())];
    let start = Start { demo: true, without_iso: true, environment, ..Start::default() };
    let server = Server::start(&start);
    let admin = server.admin();
    let (boss, pool) = prepare(&server).await;
    let page = format!("/admin/pools/{pool}");
    let begun = Instant::now();
    while !boss.get(&page).await.1.contains("go on from a memory of") {
        let messages = admin.messages().await;
        assert!(begun.elapsed() < Duration::from_secs(240), "{messages:?}");
        assert!(!messages.iter().any(|m| m.contains("boot instead")), "{messages:?}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let (one, other) = (take(&admin, &pool).await, take(&admin, &pool).await);
    let addresses = [is_itself(&admin, &boss, &one).await, is_itself(&admin, &boss, &other).await];
    // QEMU's own network, where there is no other, gives each guest the same.
    assert!(addresses[0] != addresses[1] || addresses[0] == Ipv4Addr::new(10, 0, 2, 15), "{addresses:?}");

    equal_pages_take_memory_once(&admin, &boss).await;

    let third = take(&admin, &pool).await;
    let data = server.kill();
    let server = Server::spawn(data, &start).ready();
    let admin = server.admin();
    is_itself(&admin, &boss.at(&server), &third).await;
    admin.nothing_is_locked().await;
    for vm in [&one, &other, &third] {
        assert_eq!(processes(&["qemu-system", vm]).len(), 1, "it runs once");
        admin.act(vm, "shutdown").await;
    }
    for vm in [&one, &other, &third] {
        admin.wait(vm, "down").await;
    }
    eventually("all are free again", || async {
        admin.get("/vms?search=pool%3Ddesktops").await.1["vm"]
            .as_array()
            .is_some_and(|all| all.iter().all(|vm| vm["status"] == "down"))
    })
    .await;
    let messages = admin.messages().await;
    assert!(!messages.iter().any(|m| m.contains("boot instead")), "{messages:?}");
}
