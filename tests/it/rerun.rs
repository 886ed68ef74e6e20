//! A VM that its host cannot start is started on another; a host that fails at several is left alone for a while.

use crate::api::eventually;
use crate::lab::{Lab, LabHost};
use serde_json::json;
use std::process::Command;

const QEMU: &str = "/usr/bin/qemu-system-x86_64";

/// A command among the mounts that the host's libvirtd has.
fn as_libvirtd(host: &LabHost, words: &[&str]) {
    let name = |pid: &i32| std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let libvirtd = host.processes("libvirtd").into_iter().find(|pid| name(pid).trim() == "libvirtd").unwrap();
    let done =
        Command::new("nsenter").args(["--target", &libvirtd.to_string(), "--all", "--"]).args(words).output().unwrap();
    assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_host_cannot_start_starts_on_another() {
    let mut lab = Lab::with_hosts_and(2, vec![("VIREO_HOST_ERROR", "40".to_owned())]).await;
    let first = lab.hosts[0].id.clone();
    let mut vms = Vec::new();
    for name in ["one", "two", "three"] {
        let vm = lab.admin.small_vm(name).await;
        let there = json!({"placement_policy": {"affinity": "migratable", "hosts": {"host": [{"id": first}]}}});
        let (code, preferred) = lab.admin.put(&format!("/vms/{vm}"), there).await;
        assert_eq!(code, 200, "{preferred}");
        vms.push(vm);
    }
    // A QEMU that does not run.
    as_libvirtd(&lab.hosts[0], &["mount", "--bind", "/bin/false", QEMU]);
    for vm in &vms {
        let (code, answer) = lab.admin.post(&format!("/vms/{vm}/start"), json!({})).await;
        assert_eq!(code, 200, "{answer}");
    }
    for vm in &vms {
        eventually("it runs on the other host", || async { lab.really_on(vm) == [1] }).await;
        eventually("that is known", || async { lab.whereabouts(vm).await == Some(1) }).await;
        lab.admin.wait_for(vm, &["powering_up", "up"]).await;
    }
    let said = lab.admin.messages().await;
    let told = said.iter().filter(|line| line.contains("could not be started on host host1, another is tried")).count();
    assert_eq!(told, 3, "{said:?}");
    let host = lab.wait_for_host(0, "error").await;
    assert!(host["status_detail"].to_string().contains("could not be started here"), "{host}");

    // All is well again with the host.
    as_libvirtd(&lab.hosts[0], &["umount", QEMU]);
    lab.wait_for_host(0, "up").await;

    // The engine is killed in the middle of it: the VM runs in one place all the same.
    lab.admin.act(&vms[0], "stop").await;
    lab.admin.wait(&vms[0], "down").await;
    as_libvirtd(&lab.hosts[0], &["mount", "--bind", "/bin/false", QEMU]);
    let (code, _) = lab.admin.post(&format!("/vms/{}/start", vms[0]), json!({})).await;
    assert_eq!(code, 200);
    lab.restart_engine(Vec::new());
    eventually("it runs on the other host", || async { lab.really_on(&vms[0]) == [1] }).await;
    lab.admin.wait_for(&vms[0], &["powering_up", "up"]).await;
    assert_eq!(lab.really_on(&vms[0]), [1]);
    as_libvirtd(&lab.hosts[0], &["umount", QEMU]);
}
