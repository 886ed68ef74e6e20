//! A host that does not respond is powered off by its board, asked by another host, when nothing of it writes any more; what ran there
//! comes back elsewhere.

use crate::lab::Lab;
use crate::server::kill_process;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The system that sushy-tools' emulator has.
pub const SYSTEM: &str = "/redfish/v1/Systems/27946b59-9e44-4fa7-8e91-f3527a1ef094";

/// A management board on the lab's network, with the switch in a folder.
pub struct Board {
    folder: PathBuf,
    emulator: Child,
    ended: Arc<AtomicBool>,
}

impl Board {
    /// Powers the machine whose first process is `machine`.
    pub fn start(lab: &Lab, machine: i32) -> (Self, String) {
        let folder = crate::server::fresh_dir();
        fs::write(folder.join("power"), "On").unwrap();
        let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
        let made = rcgen::generate_simple_self_signed(vec!["board".to_owned()]).unwrap();
        fs::write(&cert, made.cert.pem()).unwrap();
        fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let address = lab.engine_address();
        let python = std::env::var("VIREO_TEST_PYTHON").expect("VIREO_TEST_PYTHON is set by make test");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/redfish/board.py");
        let log = fs::File::create(folder.join("log")).unwrap();
        let emulator = Command::new(python)
            .arg(script)
            .arg(&folder)
            .args([&address, "8443"])
            .args([&cert, &key])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let ended = Arc::new(AtomicBool::new(false));
        std::thread::spawn({
            let (folder, ended) = (folder.clone(), ended.clone());
            move || switch(&folder, machine, &ended)
        });
        (Self { folder, emulator, ended }, address)
    }

    /// The machine went off by itself.
    pub fn went_off(&self) {
        fs::write(self.folder.join("power"), "Off").unwrap();
    }

    /// What it was told last.
    pub fn wanted(&self) -> String {
        fs::read_to_string(self.folder.join("wanted")).unwrap_or_default()
    }
}

/// Does what the board was told.
fn switch(folder: &Path, machine: i32, ended: &AtomicBool) {
    while !ended.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(50));
        let power = fs::read_to_string(folder.join("power")).unwrap_or_default();
        match fs::read_to_string(folder.join("wanted")).unwrap_or_default().as_str() {
            "ForceOff" if power == "On" => {
                kill_process(machine);
                fs::write(folder.join("power"), "Off").unwrap();
            }
            "On" if power == "Off" => fs::write(folder.join("power"), "On").unwrap(),
            _ => {}
        }
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the board said: {}", fs::read_to_string(self.folder.join("log")).unwrap_or_default());
        }
        self.ended.store(true, Ordering::Relaxed);
        let _ = self.emulator.kill();
        let _ = self.emulator.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

async fn told(lab: &Lab, words: &str) {
    let end = Instant::now() + Duration::from_secs(90);
    while !lab.admin.messages().await.iter().any(|message| message.contains(words)) {
        assert!(Instant::now() < end, "nobody told {words:?}: {:?}", lab.admin.messages().await);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_fenced_when_it_cannot_be_writing() {
    let mut lab = Lab::with_hosts_and(2, vec![("VIREO_FENCE_DELAY", "5".to_owned())]).await;
    let vm = lab.demo_vm("precious").await;
    let marked = json!({"high_availability": {"enabled": true, "priority": 100}});
    assert_eq!(lab.admin.put(&format!("/vms/{vm}"), marked).await.0, 200);
    lab.admin.act(&vm, "start").await;
    lab.admin.wait(&vm, "up").await;
    let here = lab.whereabouts(&vm).await.unwrap();
    let host = format!("/hosts/{}", lab.hosts[here].id);

    // Its board, asked once by the other host.
    let (board, address) = Board::start(&lab, lab.hosts[here].first_process());
    let option = |name: &str, value: &str| json!({"name": name, "value": value});
    let options = [option("ipport", "8443"), option("ssl_insecure", "1"), option("systems_uri", SYSTEM)];
    let at = |kind: &str, address: &str, order: u32| {
        json!({"type": kind, "address": address, "username": "a", "password": "b",
        "order": order, "options": {"option": options}})
    };
    let agent = |kind: &str| at(kind, &address, 2);
    let (code, refused) = lab.admin.post(&format!("{host}/fenceagents"), agent("../sh")).await;
    assert_eq!(code, 400, "{refused}");
    let (code, made) = lab.admin.post(&format!("{host}/fenceagents"), agent("redfish")).await;
    assert_eq!(code, 201, "{made}");
    assert!(!made.to_string().contains("password"), "{made}");
    assert_eq!((&made["order"], &made["concurrent"]), (&json!("2"), &json!("false")), "{made}");
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        // The board takes a moment to listen; until then that is said, and not that the power is off.
        let (code, status) = lab.admin.post(&format!("{host}/fence"), json!({"fence_type": "status"})).await;
        if code == 200 {
            assert_eq!(status["power_management"]["status"], "on", "{status}");
            break;
        }
        assert!(Instant::now() < end && status.to_string().contains("fence_redfish"), "{status}");
    }
    let (code, refused) = lab.admin.post(&format!("{host}/fence"), json!({"fence_type": "stop"})).await;
    assert_eq!(code, 409, "a host that works is not powered off: {refused}");

    // A way that does not work comes first; then both "power supplies" together.
    assert_eq!(lab.admin.post(&format!("{host}/fenceagents"), at("redfish", "127.0.0.9", 1)).await.0, 201);
    let (code, second) = lab.admin.post(&format!("{host}/fenceagents"), agent("redfish")).await;
    assert_eq!((code, &second["concurrent"]), (201, &json!("true")), "{second}");

    // The engine alone has lost it: it still writes, and is left in peace.
    lab.hosts[here].cable(false);
    lab.wait_for_host(here, "non_responsive").await;
    told(&lab, "still writes to the storage domain shared").await;
    assert_eq!(board.wanted(), "");
    assert_eq!(lab.really_on(&vm), [here]);

    // It hangs: nothing of it writes any more. Off it goes, and its VM comes back on the other host.
    lab.hosts[here].freeze();
    told(&lab, &format!("was powered off and on again (asked: redfish {address} + redfish {address} ← host")).await;
    told(&lab, "A fence agent of host").await;
    assert_eq!(board.wanted(), "On");
    lab.admin.wait(&vm, "up").await;
    assert_eq!(lab.really_on(&vm), [1 - here]);
    assert_eq!(lab.whereabouts(&vm).await, Some(1 - here));

    // It boots, and is a host again.
    lab.wait_for_host(here, "reboot").await;
    lab.hosts[here].pull_the_plug();
    lab.power_on(here);
    lab.wait_for_host(here, "up").await;
    assert_eq!(lab.really_on(&vm), [1 - here]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_dumps_its_crashed_kernel_is_left_alone() {
    let settings = vec![("VIREO_FENCE_DELAY", "3".to_owned()), ("VIREO_KDUMP_PORT", "7411".to_owned())];
    let mut lab = Lab::with_hosts_and(2, settings).await;
    let vm = lab.demo_vm("crashes").await;
    let marked = json!({"high_availability": {"enabled": true}});
    assert_eq!(lab.admin.put(&format!("/vms/{vm}"), marked).await.0, 200);
    lab.admin.act(&vm, "start").await;
    lab.admin.wait(&vm, "up").await;
    let here = lab.whereabouts(&vm).await.unwrap();
    let host = format!("/hosts/{}", lab.hosts[here].id);
    let listen = json!({"power_management": {"kdump_detection": true}});
    let (code, set) = lab.admin.put(&host, listen).await;
    assert_eq!((code, &set["power_management"]["kdump_detection"]), (200, &json!("true")), "{set}");
    let agent = json!({"type": "of_nobody", "address": "127.0.0.1"});
    assert_eq!(lab.admin.post(&format!("{host}/fenceagents"), agent).await.0, 201);

    // Its kernel crashes: nothing runs there but what dumps it, and that tells so.
    lab.hosts[here].kill_agent();
    lab.hosts[here].guests(&vm).into_iter().for_each(kill_process);
    lab.wait_for_host(here, "non_responsive").await;
    let mut sender = lab.hosts[here].command("/usr/libexec/fence-agents/fence_kdump_send");
    sender.args(["-p", "7411", "-f", "ipv4", "-i", "1", "-c", "15", &lab.engine_address()]);
    let mut sender = sender.stdout(Stdio::null()).spawn().unwrap();
    lab.wait_for_host(here, "kdumping").await;
    told(&lab, "crashed and is being dumped").await;
    lab.admin.wait(&vm, "up").await;
    assert_eq!(lab.really_on(&vm), [1 - here]);
    assert!(!lab.admin.messages().await.iter().any(|m| m.contains("of_nobody")), "it was to be fenced");

    // It has dumped, and boots.
    sender.wait().unwrap();
    lab.wait_for_host(here, "down").await;
    lab.hosts[here].pull_the_plug();
    lab.power_on(here);
    lab.wait_for_host(here, "up").await;
}
