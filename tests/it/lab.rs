//! Several hypervisors on this machine: each has its own network, process, mount and host name space, an address on the lab's network, and
//! sees the lab's shared folder at the same path. Killing its first process is pulling its plug.

use crate::api::{Api, id_of};
use crate::portal::Portal;
use crate::server::{Server, Start, clean, demo_image, fresh_dir};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The lab, with its engine.
pub struct Lab {
    pub server: Server,
    pub admin: Api,
    pub shared: PathBuf,
    pub hosts: Vec<LabHost>,
    dir: PathBuf,
    subnet: String,
    bridge: String,
}

/// One hypervisor.
pub struct LabHost {
    pub name: String,
    pub address: String,
    /// Of the engine.
    pub id: String,
    dir: PathBuf,
    wire: String,
    init: Option<Child>,
    agent: Option<Child>,
    /// The agent's program; none: the one that is tested.
    pub program: Option<PathBuf>,
    /// It has packages of its own, which may be upgraded.
    pub has_packages: bool,
}

fn run(program: &str, arguments: &[&str]) {
    let done = Command::new(program).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{program} {arguments:?}: {said}");
}

/// A number that no other lab of this run has.
fn fresh_number() -> u8 {
    use std::sync::atomic::{AtomicU8, Ordering};
    static NEXT: AtomicU8 = AtomicU8::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Lab {
    /// An engine on the lab's network, and no host yet.
    pub async fn start() -> Self {
        Self::start_with(Vec::new()).await
    }

    /// The same with settings in the engine's environment.
    pub async fn start_with(environment: Vec<(&'static str, String)>) -> Self {
        let number = fresh_number();
        let (subnet, bridge) = (format!("10.97.{number}"), format!("lab{number}"));
        run("ip", &["link", "add", &bridge, "type", "bridge"]);
        run("ip", &["addr", "add", &format!("{subnet}.254/24"), "dev", &bridge]);
        run("ip", &["link", "set", &bridge, "up"]);
        let dir = fresh_dir();
        let shared = dir.join("shared");
        fs::create_dir_all(&shared).unwrap();
        let start = Start { alone: Some(format!("{subnet}.254")), environment, ..Start::default() };
        let server = Server::start(&start);
        let admin = server.admin();
        Self { server, admin, shared, hosts: Vec::new(), dir, subnet, bridge }
    }

    /// The lab with so many hosts that are up, and shared storage.
    pub async fn with_hosts(count: usize) -> Self {
        Self::with_hosts_and(count, Vec::new()).await
    }

    /// The same with settings in the engine's environment.
    pub async fn with_hosts_and(count: usize, environment: Vec<(&'static str, String)>) -> Self {
        let mut lab = Self::start_with(environment).await;
        for _ in 0..count {
            lab.add_host().await;
        }
        lab.wait_for_hosts("up").await;
        lab.add_storage().await;
        lab
    }

    /// SIGKILL for the engine, and its start with these settings.
    pub fn restart_engine(&mut self, environment: Vec<(&'static str, String)>) {
        let alone = Some(format!("{}.254", self.subnet));
        self.server.again(&Start { alone, environment, ..Start::default() });
    }

    /// Plugs another machine in; it has joined when this is over, and is not up yet.
    pub async fn add_host(&mut self) -> usize {
        let host = self.plug_in();
        self.add(host).await
    }

    /// The same with a machine that is plugged in.
    pub async fn add(&mut self, host: LabHost) -> usize {
        self.hosts.push(host);
        let index = self.hosts.len() - 1;
        let name = self.hosts[index].name.clone();
        let (code, made) = self.admin.post("/hosts", json!({ "name": name })).await;
        assert_eq!(code, 201, "{made}");
        assert_eq!(made["status"], "installing", "{made}");
        let host = &mut self.hosts[index];
        host.id = made["id"].as_str().unwrap().to_owned();
        host.join(made["join_command"].as_str().unwrap());
        index
    }

    /// Where the engine is on the lab's network.
    pub fn engine_address(&self) -> String {
        format!("{}.254", self.subnet)
    }

    /// A machine without an agent.
    pub fn plug_in(&self) -> LabHost {
        let n = self.hosts.len() + 1;
        let dir = self.dir.join(format!("h{n}"));
        for sub in ["run", "sys"] {
            fs::create_dir_all(dir.join(sub)).unwrap();
        }
        let mut host = LabHost {
            name: format!("host{n}"),
            address: format!("{}.{n}", self.subnet),
            id: String::new(),
            dir,
            wire: format!("{}h{n}", self.bridge),
            init: None,
            agent: None,
            program: None,
            has_packages: false,
        };
        host.power_on(&self.bridge);
        host
    }

    fn second_bridge(&self) -> String {
        format!("{}m", self.bridge)
    }

    /// A second card of this name in each host, on a network of their own.
    pub fn second_network(&self, name: &str) {
        let bridge = self.second_bridge();
        run("ip", &["link", "add", &bridge, "type", "bridge"]);
        run("ip", &["link", "set", &bridge, "up"]);
        for (index, host) in self.hosts.iter().enumerate() {
            let (pid, wire) = (host.pid().to_string(), format!("{}m", host.wire));
            run("ip", &["link", "add", &wire, "type", "veth", "peer", "name", name, "netns", &pid]);
            run("ip", &["link", "set", &wire, "master", &bridge, "up"]);
            let address = format!("{}.{}/24", self.subnet.replacen("10.97.", "10.98.", 1), index + 1);
            for words in [vec!["addr", "add", &address, "dev", name], vec!["link", "set", name, "up"]] {
                assert!(host.command("ip").args(words).status().unwrap().success());
            }
        }
    }

    /// Power for a machine that had none.
    pub fn power_on(&mut self, index: usize) {
        let bridge = self.bridge.clone();
        self.hosts[index].power_on(&bridge);
        self.hosts[index].start_agent();
    }

    pub async fn host(&self, index: usize) -> Value {
        self.admin.get(&format!("/hosts/{}", self.hosts[index].id)).await.1
    }

    pub async fn wait_for_host(&self, index: usize, wanted: &str) -> Value {
        let end = Instant::now() + Duration::from_secs(120);
        loop {
            let host = self.host(index).await;
            if host["status"] == wanted {
                return host;
            }
            let log = self.hosts[index].log();
            assert!(Instant::now() < end, "never {wanted}: {host}; {:?}; {log}", self.admin.messages().await);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    pub async fn wait_for_hosts(&self, wanted: &str) {
        for index in 0..self.hosts.len() {
            self.wait_for_host(index, wanted).await;
        }
    }

    /// A VM that runs the demo system from the shared storage; its id.
    pub async fn demo_vm(&self, name: &str) -> String {
        let portal = Portal::sign_in(&self.server, "admin@internal", &self.server.password("admin")).await;
        let disk = portal.upload(name, &demo_image()).await;
        let body = json!({
            "name": name, "cluster": {"name": "Default"}, "template": {"name": "Blank"}, "memory": 128 << 20,
            "memory_policy": {"max": 256 << 20, "guaranteed": 64 << 20},
        });
        let (code, vm) = self.admin.post("/vms", body).await;
        assert!(code == 202 || code == 201, "{vm}");
        let id = id_of(&vm);
        self.admin.wait(&id, "down").await;
        let attachment = json!({"bootable": true, "interface": "virtio", "active": true, "disk": {"id": disk}});
        let (code, attached) = self.admin.post(&format!("/vms/{id}/diskattachments"), attachment).await;
        assert!(code == 202 || code == 201, "{attached}");
        id
    }

    /// Where the engine says that it runs.
    pub async fn whereabouts(&self, vm: &str) -> Option<usize> {
        let (_, vm) = self.admin.get(&format!("/vms/{vm}")).await;
        self.hosts.iter().position(|host| vm["host"]["id"] == host.id.as_str())
    }

    /// Where it really runs: the hosts with a QEMU of it.
    pub fn really_on(&self, vm: &str) -> Vec<usize> {
        (0..self.hosts.len()).filter(|i| !self.hosts[*i].guests(vm).is_empty()).collect()
    }

    /// The shared folder as a storage domain.
    pub async fn add_storage(&self) -> String {
        let storage = json!({ "type": "posixfs", "path": self.shared });
        let (code, made) = self.admin.post("/storagedomains", json!({ "name": "shared", "storage": storage })).await;
        assert_eq!(code, 201, "{made}");
        let id = made["id"].as_str().unwrap().to_owned();
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let (_, domain) = self.admin.get(&format!("/storagedomains/{id}")).await;
            if domain["status"] == "active" {
                return id;
            }
            assert!(Instant::now() < end, "{domain}: {:?}", self.admin.messages().await);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for host in &self.hosts {
                eprintln!("{}'s agent said: {}", host.name, host.log());
            }
        }
        self.hosts.iter_mut().for_each(LabHost::pull_the_plug);
        clean(&self.dir);
        for bridge in [self.bridge.clone(), self.second_bridge()] {
            let _ = Command::new("ip").args(["link", "del", &bridge]).output();
        }
    }
}

impl LabHost {
    fn power_on(&mut self, bridge: &str) {
        // At its end it is what every first process is for: it takes in those whose parents are gone. libvirt waits for that.
        let script = format!(
            "set -e; mount --make-rprivate /; hostname {name}; mount --bind {dir}/run /run; mkdir -p /run/lock; \
             mount -t sysfs sysfs {dir}/sys; mount -t tmpfs tmpfs {dir}/sys/fs/cgroup; \
             for c in cpu cpuacct; do mkdir {dir}/sys/fs/cgroup/$c; mount --bind /sys/fs/cgroup/$c/{group} {dir}/sys/fs/cgroup/$c; done; \
             umount -R -l /sys; mount --rbind {dir}/sys /sys; ip link set lo up; \
             until [ -e /sys/class/net/eth0 ]; do sleep 0.02; done; \
             ip link add ovirtmgmt type bridge; ip link set eth0 master ovirtmgmt; ip link set eth0 up; \
             ip addr add {address}/24 dev ovirtmgmt; ip link set ovirtmgmt up; \
             cat /proc/sys/kernel/random/uuid > {dir}/boot_id; mount --bind {dir}/boot_id /proc/sys/kernel/random/boot_id; touch {dir}/up; \
             until [ -e {dir}/poweroff ]; do sleep 0.2; done",
            name = self.name,
            dir = self.dir.display(),
            address = self.address,
            group = self.wire,
        );
        for gone in ["up", "poweroff"] {
            let _ = fs::remove_file(self.dir.join(gone));
        }
        // What the agent calls to have the machine go off: its first process ends, and all others with it.
        fs::create_dir_all(self.dir.join("bin")).unwrap();
        for word in ["poweroff", "reboot"] {
            let switch = self.dir.join("bin").join(word);
            fs::write(&switch, format!("#!/bin/sh\ntouch {}/poweroff\n", self.dir.display())).unwrap();
            fs::set_permissions(&switch, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        }
        // libvirt names control groups after guests: the same guest on two hosts needs two trees.
        let enter = format!(
            "set -e; for c in cpu cpuacct; do mkdir -p /sys/fs/cgroup/$c/{group}; echo 0 > /sys/fs/cgroup/$c/{group}/cgroup.procs; \
             done; exec unshare --net --mount --uts --ipc --cgroup --pid --fork --kill-child --mount-proc sh -c \"$1\"",
            group = self.wire
        );
        let init = Command::new("sh")
            .args(["-c", &enter, "sh", &script])
            .stdin(Stdio::null())
            .stderr(fs::File::create(self.dir.join("init.log")).unwrap())
            .spawn()
            .unwrap();
        self.init = Some(init);
        let pid = self.pid().to_string();
        run("ip", &["link", "add", &self.wire, "type", "veth", "peer", "name", "eth0", "netns", &pid]);
        run("ip", &["link", "set", &self.wire, "master", bridge, "up"]);
        let end = Instant::now() + Duration::from_secs(10);
        while !self.dir.join("up").exists() {
            let log = fs::read_to_string(self.dir.join("init.log")).unwrap();
            assert!(Instant::now() < end, "{} does not come up: {log}", self.name);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Its first process, from outside: all others end with it.
    pub fn first_process(&self) -> i32 {
        self.pid()
    }

    /// Every process on it stands still.
    pub fn freeze(&self) {
        for pid in self.processes_with(&[""]).into_iter().chain([self.pid()]) {
            nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGSTOP).unwrap();
        }
    }

    /// Its first process.
    fn pid(&self) -> i32 {
        let outside = self.init.as_ref().expect("it has power").id();
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            let entered = fs::read_to_string(format!("/proc/{outside}/comm")).unwrap_or_default() == "unshare\n";
            let children = fs::read_to_string(format!("/proc/{outside}/task/{outside}/children")).unwrap_or_default();
            if let Some(pid) = children.split_whitespace().next().and_then(|pid| pid.parse().ok()).filter(|_| entered) {
                return pid;
            }
            assert!(Instant::now() < end, "{} has no process", self.name);
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// A command on the host.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.pid().to_string(), "--all", "--", program]);
        command
    }

    fn agent_command(&self) -> Command {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.dir.join("agent.log")).unwrap();
        let own = self.program.as_deref().map(|program| program.to_str().unwrap());
        let mut command = self.command(own.unwrap_or(env!("CARGO_BIN_EXE_vireo")));
        if !self.has_packages {
            command.env("VIREO_KEEP_PACKAGES", "true");
        }
        let path = format!("{}/bin:{}", self.dir.display(), std::env::var("PATH").unwrap());
        command.env("PATH", path);
        command.env("VIREO_DATA", &self.dir).env("VIREO_AGENT_LISTEN", "[::]:54321").stdin(Stdio::null());
        command.stdout(log.try_clone().unwrap()).stderr(log);
        command
    }

    /// Runs the join command; the agent runs on.
    pub fn join(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[..3], ["vireo", "host", "join"], "{line}");
        self.agent = Some(self.agent_command().args(&words[1..]).spawn().unwrap());
    }

    pub fn start_agent(&mut self) {
        self.agent = Some(self.agent_command().arg("host").spawn().unwrap());
    }

    /// SIGKILL for the agent alone: libvirt and guests run on.
    pub fn kill_agent(&mut self) {
        let Some(mut agent) = self.agent.take() else { return };
        // The process that entered the host's name spaces is the agent's parent.
        for pid in crate::server::processes(&["vireo", "host"]) {
            let of_this = fs::read_to_string(format!("/proc/{pid}/environ")).unwrap_or_default();
            if of_this.contains(&format!("VIREO_DATA={}\0", self.dir.display())) {
                crate::server::kill_process(pid);
            }
        }
        let _ = agent.kill();
        agent.wait().unwrap();
    }

    /// The agent's process has ended by itself.
    pub fn agent_ended(&mut self) -> bool {
        let ended = self.agent.as_mut().is_none_or(|agent| agent.try_wait().unwrap().is_some());
        if ended {
            self.agent = None;
        }
        ended
    }

    /// The agent's key, certificates and note of its process, as far as they are there.
    pub fn agent_files(&self) -> Vec<String> {
        let names = ["host-pki/host-key.pem", "host-pki/host.pem", "host-pki/ca.pem", "agent.pid"];
        names.into_iter().filter(|name| self.dir.join(name).exists()).map(str::to_owned).collect()
    }

    /// Everything on it is gone at once.
    pub fn pull_the_plug(&mut self) {
        if let Some(mut init) = self.init.take() {
            init.kill().unwrap();
            init.wait().unwrap();
        }
        if let Some(mut agent) = self.agent.take() {
            let _ = agent.kill();
            agent.wait().unwrap();
        }
        let _ = Command::new("ip").args(["link", "del", &self.wire]).output();
        let remove = format!("rmdir $(find /sys/fs/cgroup/cpu*/{} -depth -type d)", self.wire);
        let _ = Command::new("sh").args(["-c", &remove]).output();
    }

    /// Whether it went off by itself.
    pub fn went_off(&mut self) -> bool {
        self.init.as_mut().is_none_or(|init| init.try_wait().unwrap().is_some())
    }

    /// Its cable is in, or not.
    pub fn cable(&self, plugged: bool) {
        run("ip", &["link", "set", &self.wire, if plugged { "up" } else { "down" }]);
    }

    /// QEMU processes on it that run this VM.
    pub fn guests(&self, vm: &str) -> Vec<i32> {
        self.processes_with(&["qemu-system-x86_64", vm])
    }

    /// What its libvirt says.
    pub fn virsh(&self, words: &[&str]) -> String {
        let socket = self.dir.join("libvirt/sock/libvirt-sock");
        let uri = format!("qemu:///system?socket={}", socket.display());
        let out = self.command("virsh").args(["-q", "-c", &uri]).args(words).output().unwrap();
        format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
    }

    /// Processes on it of this program.
    pub fn processes(&self, program: &str) -> Vec<i32> {
        self.processes_with(&[program, self.dir.to_str().unwrap()])
    }

    fn processes_with(&self, words: &[&str]) -> Vec<i32> {
        let ours = |pid: &i32| {
            let own = |of: i32| fs::read_link(format!("/proc/{of}/ns/uts")).ok();
            own(*pid).is_some() && own(*pid) == own(self.pid())
        };
        if self.init.is_none() {
            return Vec::new();
        }
        crate::server::processes(words).into_iter().filter(ours).collect()
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.join("agent.log")).unwrap_or_default()
    }
}
