//! A VM with a lease comes back elsewhere when its host is lost, with nobody who fences the host or looks at it, and never sooner than its QEMU
//! is gone.

use crate::lab::Lab;
use serde_json::{Value, json};
use std::process::Command;
use std::time::{Duration, Instant};

async fn with_lease(lab: &Lab, name: &str) -> String {
    let vm = lab.demo_vm(name).await;
    let (_, domains) = lab.admin.get("/storagedomains?search=name%3Dshared").await;
    let lease = json!({"storage_domain": {"id": domains["storage_domain"][0]["id"]}});
    let (code, refused) = lab.admin.put(&format!("/vms/{vm}"), json!({ "lease": lease })).await;
    assert_eq!(code, 400, "a lease without high availability: {refused}");
    let ha = json!({"enabled": true, "priority": 50});
    let (code, answer) = lab.admin.put(&format!("/vms/{vm}"), json!({"high_availability": ha, "lease": lease})).await;
    assert_eq!(code, 200, "{answer}");
    assert_eq!(answer["lease"]["storage_domain"]["id"], lease["storage_domain"]["id"], "{answer}");
    assert_eq!(answer["storage_error_resume_behaviour"], "kill", "{answer}");
    vm
}

/// Another machine cannot open its disk for writing.
fn disk_is_held(lab: &Lab, by: usize, disk: &Value) {
    let below = format!("*images/{}/*", disk.as_str().unwrap());
    let found = Command::new("find")
        .arg(&lab.shared)
        .args(["-path", &below, "-type", "f", "-not", "-name", "*.meta"])
        .output()
        .unwrap();
    let file = String::from_utf8(found.stdout).unwrap();
    let out = lab.hosts[by]
        .command("qemu-io")
        .args(["-f", "qcow2", "-c", "read 0 512", file.lines().next().unwrap()])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(!out.status.success() && said.contains("lock"), "{said}");
}

async fn stays(lab: &Lab, vm: &str, here: usize, for_seconds: u64) {
    let end = Instant::now() + Duration::from_secs(for_seconds);
    while Instant::now() < end {
        assert_eq!(lab.really_on(vm), [here], "{:?}", lab.admin.messages().await);
        assert_eq!(lab.whereabouts(vm).await, Some(here));
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_runs_out_with_the_power_and_not_with_the_cable_or_the_agent() {
    let mut lab = Lab::with_hosts(2).await;
    let vm = with_lease(&lab, "leased").await;
    lab.admin.act(&vm, "start").await;
    lab.admin.wait(&vm, "up").await;
    let here = lab.whereabouts(&vm).await.unwrap();
    let other = 1 - here;
    let (_, attached) = lab.admin.get(&format!("/vms/{vm}/diskattachments")).await;
    let disk = attached["disk_attachment"][0]["id"].clone();
    // The other host has looked by now.
    tokio::time::sleep(Duration::from_secs(8)).await;

    // The engine loses the host, which writes on: nothing is started.
    lab.hosts[here].cable(false);
    lab.wait_for_host(here, "non_responsive").await;
    disk_is_held(&lab, other, &disk);
    stays(&lab, &vm, here, 15).await;
    assert_eq!(lab.admin.status(&vm).await, "unknown");
    // Its agent is killed, too: the lock is QEMU's own.
    lab.hosts[here].kill_agent();
    stays(&lab, &vm, here, 15).await;

    // The power goes, and with it the lock: it is started where it can be, and nobody was asked.
    lab.hosts[here].pull_the_plug();
    let end = Instant::now() + Duration::from_secs(60);
    while lab.really_on(&vm) != [other] {
        assert!(Instant::now() < end, "{:?}", lab.admin.messages().await);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    lab.admin.wait(&vm, "up").await;
    let told = lab.admin.messages().await;
    assert!(told.iter().any(|message| message.contains("its lease has run out")), "{told:?}");
    assert_eq!(lab.host(here).await["status"], "non_responsive");

    // It is back, and starts nothing of its own.
    lab.power_on(here);
    lab.wait_for_host(here, "up").await;
    stays(&lab, &vm, other, 5).await;
}
