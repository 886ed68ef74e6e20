//! Guests that stand still: their storage is full and is not any more, their watchdog is not stroked.

use crate::lab::Lab;
use serde_json::json;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

/// A lab whose shared folder is small; unmounted at its end.
struct Small(std::path::PathBuf);

impl Small {
    fn mount(at: &std::path::Path) -> Self {
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=1500m", "tmpfs"]).arg(at).status().unwrap();
        assert!(mounted.success());
        Self(at.to_owned())
    }

    /// Nothing is made where less than a GiB is free; what is there already needs less.
    fn shrink(&self) {
        let remounted = Command::new("mount").args(["-o", "remount,size=250m"]).arg(&self.0).status().unwrap();
        assert!(remounted.success());
    }

    /// Takes all room, or gives it back.
    fn fill(&self, full: bool) {
        let file = self.0.join("filler");
        if full {
            let _ = Command::new("dd").arg("if=/dev/zero").arg(format!("of={}", file.display())).arg("bs=1M").output();
        } else {
            fs::remove_file(file).unwrap();
        }
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

async fn told(lab: &Lab, words: &str) {
    let end = Instant::now() + Duration::from_secs(60);
    while !lab.admin.messages().await.iter().any(|message| message.contains(words)) {
        assert!(Instant::now() < end, "nobody told {words:?}: {:?}", lab.admin.messages().await);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

/// The guest writes a file.
fn writes(lab: &Lab, vm: &str, file: &str) {
    let dd = format!("dd if=/dev/urandom of=/root/{file} bs=1M count=8 conv=fsync");
    let run = json!({"execute": "guest-exec", "arguments": {"path": "/bin/sh", "arg": ["-c", dd]}});
    let said = lab.hosts[0].virsh(&["qemu-agent-command", vm, &run.to_string()]);
    // What it wrote by itself may have halted it a moment ago.
    assert!(said.contains("pid") || said.contains("domain is not running"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_halts_a_guest_until_there_is_room() {
    let mut lab = Lab::start_with(vec![("VIREO_IO_PAUSE", "5".to_owned())]).await;
    let small = Small::mount(&lab.shared);
    lab.add_host().await;
    lab.wait_for_hosts("up").await;
    lab.add_storage().await;
    let vm = lab.demo_vm("writer").await;
    small.shrink();
    lab.admin.act(&vm, "start").await;
    lab.admin.wait(&vm, "up").await;
    wait_for_agent(&lab, &vm);

    // It goes on by itself when there is room again.
    small.fill(true);
    writes(&lab, &vm, "first");
    lab.admin.wait(&vm, "paused").await;
    told(&lab, "was paused because its storage failed").await;
    tokio::time::sleep(Duration::from_secs(12)).await;
    assert_eq!(lab.admin.status(&vm).await, "paused", "there is no room yet");
    small.fill(false);
    lab.admin.wait(&vm, "up").await;
    told(&lab, "is back, and the VM goes on").await;

    // It stays as it is, if that is wished; and goes on when somebody says so.
    let behaviour = |word: &str| json!({ "storage_error_resume_behaviour": word });
    assert_eq!(lab.admin.put(&format!("/vms/{vm}"), behaviour("no_way")).await.0, 400);
    let (code, set) = lab.admin.put(&format!("/vms/{vm}"), behaviour("leave_paused")).await;
    assert_eq!((code, &set["storage_error_resume_behaviour"]), (200, &json!("leave_paused")), "{set}");
    wait_for_agent(&lab, &vm);
    small.fill(true);
    writes(&lab, &vm, "second");
    lab.admin.wait(&vm, "paused").await;
    small.fill(false);
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert_eq!(lab.admin.status(&vm).await, "paused");
    lab.admin.act(&vm, "start").await;
    lab.admin.wait(&vm, "up").await;

    // It is ended, and started again, if that is wished.
    let ha = json!({"high_availability": {"enabled": true}, "storage_error_resume_behaviour": "kill"});
    assert_eq!(lab.admin.put(&format!("/vms/{vm}"), ha).await.0, 200);
    wait_for_agent(&lab, &vm);
    let before = lab.hosts[0].guests(&vm);
    small.fill(true);
    writes(&lab, &vm, "third");
    lab.admin.wait(&vm, "paused").await;
    told(&lab, "Its storage failed for too long").await;
    small.fill(false);
    lab.admin.wait(&vm, "up").await;
    assert_ne!(lab.hosts[0].guests(&vm), before);
    lab.hosts[0].pull_the_plug();
}

fn wait_for_agent(lab: &Lab, vm: &str) {
    let end = Instant::now() + Duration::from_secs(90);
    while lab.hosts[0].virsh(&["qemu-agent-command", vm, "{\"execute\":\"guest-ping\"}"]).contains("error") {
        assert!(Instant::now() < end, "its agent does not answer");
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// Turns the watchdog on as a guest's driver would, with the shortest time, and strokes it no more: QEMU's monitor writes into the PCI
/// configuration of the i6300esb.
fn nobody_strokes(lab: &Lab, vm: &str) {
    let monitor = |words: &str| lab.hosts[0].virsh(&["qemu-monitor-command", "--hmp", vm, words]);
    let devices = monitor("info pci");
    let mut place = None;
    let mut at = (0, 0, 0);
    for line in devices.lines().map(str::trim) {
        if line.starts_with("Bus") {
            let numbers: Vec<u32> = line
                .split(|c: char| !c.is_ascii_digit())
                .filter(|n| !n.is_empty())
                .map(|n| n.parse().unwrap())
                .collect();
            at = (numbers[0], numbers[1], numbers[2]);
        }
        if line.contains("8086:25ab") {
            place = Some(at);
        }
    }
    let (bus, device, function) = place.unwrap_or_else(|| panic!("no watchdog: {devices}"));
    let address = |register: u32| 0x8000_0000 | bus << 16 | device << 11 | function << 8 | register;
    // The clock at 1 MHz, then the lock register's enable bit.
    monitor(&format!("o /w 0xcf8 {:#x}", address(0x60)));
    monitor("o /h 0xcfc 0x4");
    monitor(&format!("o /w 0xcf8 {:#x}", address(0x68)));
    monitor("o /b 0xcfc 0x2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watchdog_that_is_not_stroked_does_what_it_is_set_to() {
    let lab = Lab::with_hosts(1).await;
    let vm = lab.demo_vm("hangs").await;
    let dog = |action: &str| json!({"watchdogs": {"watchdog": [{"action": action, "model": "i6300esb"}]}});
    let ha = |on: bool| json!({"high_availability": {"enabled": on}});
    for (action, words) in [("pause", "does: pause"), ("reset", "does: reset"), ("poweroff", "does: poweroff")] {
        assert_eq!(lab.admin.put(&format!("/vms/{vm}"), dog(action)).await.0, 200);
        assert_eq!(lab.admin.put(&format!("/vms/{vm}"), ha(action == "poweroff")).await.0, 200);
        lab.admin.act(&vm, "start").await;
        lab.admin.wait(&vm, "up").await;
        let before = lab.hosts[0].guests(&vm);
        nobody_strokes(&lab, &vm);
        told(&lab, words).await;
        match action {
            "pause" => drop(lab.admin.wait(&vm, "paused").await),
            "reset" => assert_eq!(lab.hosts[0].guests(&vm), before, "QEMU itself goes on"),
            _ => {
                // Nobody wished it: it is started again.
                told(&lab, "Its watchdog powered it off").await;
                lab.admin.wait(&vm, "up").await;
                assert_ne!(lab.hosts[0].guests(&vm), before);
            }
        }
        lab.admin.act(&vm, "stop").await;
        lab.admin.wait(&vm, "down").await;
    }
}
