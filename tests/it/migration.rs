//! Guests that write their memory faster than it is sent, and how oVirt's policies get them over.

use crate::lab::Lab;
use serde_json::json;
use std::time::{Duration, Instant};

/// oVirt's ids of the policies.
const SUSPEND_WORKLOAD: &str = "80554327-0569-496b-bdeb-fcbbf52b827c";
const POST_COPY: &str = "a7aeedb2-8d66-4e51-bb22-32595027ce71";

/// Runs a line in the guest's shell, which goes on by itself.
async fn begin(lab: &Lab, at: usize, vm: &str, line: &str) {
    let arguments = json!({"path": "/bin/busybox", "arg": ["sh", "-c", line]});
    let command = json!({"execute": "guest-exec", "arguments": arguments}).to_string();
    let end = Instant::now() + Duration::from_secs(120);
    loop {
        let said = lab.hosts[at].virsh(&["qemu-agent-command", vm, &command]);
        if said.contains("\"pid\"") {
            return;
        }
        assert!(Instant::now() < end, "the guest's agent does not answer: {said}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// A guest that never rests.
async fn busy(lab: &Lab, name: &str) -> String {
    let vm = lab.demo_vm(name).await;
    lab.admin.act(&vm, "start").await;
    lab.admin.wait(&vm, "up").await;
    let here = lab.whereabouts(&vm).await.unwrap();
    let writes = "mkdir -p /tmp/m && mount -t tmpfs none /tmp/m; while :; do dd if=/dev/urandom of=/tmp/m/x bs=64k count=256; done";
    begin(lab, here, &vm, writes).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    vm
}

/// Moves it; the newest event, and all that libvirt said of it on its way.
async fn migrated(lab: &Lab, vm: &str, policy: &str, bandwidth: u32) -> (String, String) {
    let here = lab.whereabouts(vm).await.unwrap();
    let body = json!({"policy": {"id": policy}, "bandwidth": bandwidth});
    let (code, answer) = lab.admin.post(&format!("/vms/{vm}/migrate"), body).await;
    assert_eq!(code, 200, "{answer}");
    let end = Instant::now() + Duration::from_secs(240);
    let mut course = String::new();
    while lab.admin.status(vm).await != "up" {
        assert!(Instant::now() < end, "{:?}", lab.admin.messages().await);
        course.push_str(&lab.hosts[here].virsh(&["domjobinfo", vm]));
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let said = lab.admin.messages().await.remove(0);
    assert_eq!(lab.really_on(vm), [1 - here], "{said}");
    (said, course)
}

#[tokio::test(flavor = "multi_thread")]
async fn busy_guests_get_over() {
    let lab = Lab::with_hosts(2).await;
    let vm = busy(&lab, "busy").await;
    let (said, course) = migrated(&lab, &vm, SUSPEND_WORKLOAD, 8).await;
    assert!(said.contains("was moved to host") && !said.contains("post-copy"), "{said}");
    assert!(course.contains("Compression cache:"), "its memory is compressed: {course}");
    assert!(course.contains("Auto converge throttle:"), "it is slowed down: {course}");
    let (said, course) = migrated(&lab, &vm, POST_COPY, 3).await;
    assert!(said.contains("was moved to host") && said.contains("post-copy"), "{said} {course}");
}
