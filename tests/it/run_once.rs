//! Another machine, another CPU and a kernel of its own, with a real guest.

use crate::api::{Api, id_of};
use crate::portal::Portal;
use crate::server::{Server, Start, fresh_dir};
use crate::snapshots::Guest;
use serde_json::json;

/// A kernel and its RAM disk, out of the demo's ISO, uploaded as people do.
async fn upload(boss: &Portal) -> [String; 2] {
    let folder = fresh_dir();
    let iso = std::env::var("VIREO_TEST_DEMO_ISO").unwrap();
    let out = std::process::Command::new("xorriso")
        .args(["-osirrox", "on", "-indev", &iso, "-extract", "/boot"])
        .arg(folder.join("boot"))
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let mut ids = Vec::new();
    for name in ["vmlinuz", "initrd"] {
        let bytes = std::fs::read(folder.join("boot").join(name)).unwrap();
        let path = format!("/admin/disks/upload?alias={name}&content=iso&format=raw&bytes={}", bytes.len());
        let (code, id) = boss.send_file(&path, bytes).await;
        assert_eq!(code, 200, "{id}");
        ids.push(id);
    }
    let _ = std::fs::remove_dir_all(folder);
    ids.try_into().unwrap()
}

async fn down(admin: &Api, vm: &str) {
    admin.act(vm, "stop").await;
    admin.wait(vm, "down").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_starts_with_a_kernel_of_its_own() {
    let server = Server::start(&Start { demo: true, ..Start::default() });
    let admin = server.admin();
    let boss = Portal::sign_in(&server, "admin@internal", &server.password("admin")).await;
    let [kernel, initrd] = upload(&boss).await;
    let body = json!({"name": "desk", "cluster": {"name": "Default"}, "template": {"name": "demo-linux"}});
    let vm = id_of(&admin.post("/vms", body).await.1);
    admin.wait(&vm, "down").await;
    let start = |os: serde_json::Value| json!({"vm": {"os": os}});
    for (os, words) in [
        (json!({"kernel": "/boot/vmlinuz"}), "os.kernel"),
        (json!({"kernel": "iso://gone"}), "os.kernel"),
        (json!({"kernel": "iso://../../etc/shadow"}), "os.kernel"),
        (json!({"cmdline": "quiet"}), "os.cmdline"),
        (json!({"kernel": "iso://vmlinuz", "cmdline": "a\u{0}b"}), "os.cmdline"),
    ] {
        let (code, refused) = admin.post(&format!("/vms/{vm}/start"), start(os.clone())).await;
        assert!(code == 400 && refused.to_string().contains(words), "{os}: {code} {refused}");
    }
    let os = json!({"kernel": "iso://vmlinuz", "initrd": initrd, "cmdline": "console=ttyS0 quiet lesson=7"});
    let once = json!({"vm": {"os": os, "custom_emulated_machine": "q35", "custom_cpu_model": "Nehalem"}});
    let (code, begun) = admin.post(&format!("/vms/{vm}/start"), once).await;
    assert_eq!(code, 200, "{begun}");
    admin.wait(&vm, "up").await;
    let guest = Guest { server: &server, vm: vm.clone() };
    guest.ready().await;
    assert!(guest.read("/proc/cmdline").contains("lesson=7"));
    // The RAM disk is all there is: the disk was not asked.
    assert!(guest.run("cat /proc/mounts").await.contains("rootfs / rootfs"));
    let cpu = guest.run("grep -m1 'model name' /proc/cpuinfo").await;
    assert!(cpu.contains("Nehalem"), "{cpu}");
    let bridge = guest.run("cat /sys/bus/pci/devices/0000:00:00.0/device").await;
    assert_eq!(bridge.trim(), "0x29c0", "the Q35's own");
    down(&admin, &vm).await;

    // By the portal, as usual but for the menu; then for good.
    let page = format!("/admin/vms/{vm}/run_once");
    let (_, shown) = boss.get(&page).await;
    assert!(
        shown.contains(&kernel) && shown.contains("value=\"q35\"") && shown.contains("value=\"Nehalem\""),
        "{shown}"
    );
    let form = [("initrd", initrd.as_str()), ("machine", "vax")];
    let (code, shown) = boss.post(&page, &form).await;
    assert!(code == 200 && shown.contains("needs a kernel"), "{code} {shown}");
    let (code, shown) = boss.post(&page, &[("machine", "vax")]).await;
    assert!(code == 200 && shown.contains("known to no host"), "{code} {shown}");
    let lasting = json!({"custom_emulated_machine": "q35", "custom_cpu_model": "Nehalem", "bios": {"boot_menu": {"enabled": true}}});
    let (code, view) = admin.put(&format!("/vms/{vm}"), lasting).await;
    assert!(code == 200 && view["custom_emulated_machine"] == "q35" && view["custom_cpu_model"] == "Nehalem", "{view}");
    let (code, refused) = admin.put(&format!("/vms/{vm}"), json!({"custom_cpu_model": "Z80"})).await;
    assert!(code == 400 && refused.to_string().contains("custom_cpu_model"), "{refused}");
    let (_, disks) = admin.get("/disks").await;
    let demo = disks["disk"]
        .as_array()
        .unwrap()
        .iter()
        .find(|d| d["content_type"] == "iso" && d["id"] != kernel.as_str() && d["id"] != initrd.as_str());
    let cd = id_of(demo.expect("the demo has an ISO"));
    admin.act(&vm, "start").await;
    admin.wait(&vm, "up").await;
    guest.ready().await;
    assert!(!guest.read("/proc/cmdline").contains("lesson=7"));
    // The drive is on another bus, and takes another CD all the same.
    let (code, changed) = admin
        .put(
            &format!("/vms/{vm}/cdroms/00000000-0000-0000-0000-000000000000?current=true"),
            json!({"file": {"id": cd}}),
        )
        .await;
    assert_eq!(code, 200, "{changed}");
    // (The demo's guest has no driver for it.)
    let uri = format!("qemu:///system?socket={}", server.data.join("libvirt/sock/libvirt-sock").display());
    let drives = std::process::Command::new("virsh").args(["-c", &uri, "domblklist", &vm]).output().unwrap();
    let drives = String::from_utf8_lossy(&drives.stdout).into_owned();
    assert!(drives.lines().any(|line| line.contains("sdc") && line.contains(&cd)), "{drives}");
    down(&admin, &vm).await;
}
