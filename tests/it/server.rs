//! The real program, started for a test on ports of its own with a data folder of its own; everything it started ends with it.

use crate::api::Api;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How the program is started.
#[derive(Default, Clone)]
pub struct Start<'a> {
    pub demo: bool,
    pub without_iso: bool,
    pub database: Option<&'a str>,
    pub environment: Vec<(&'a str, String)>,
    /// The engine alone, on this address; none: engine and agent together.
    pub alone: Option<String>,
    /// Where it listens; none: anywhere.
    pub port: Option<u16>,
}

/// A running program.
pub struct Server {
    pub data: PathBuf,
    pub url: String,
    pub port: u16,
    child: Option<Child>,
    lines: mpsc::Receiver<String>,
}

/// A folder with a short name: the path of a socket has 107 bytes at most.
pub fn fresh_dir() -> PathBuf {
    let dir = PathBuf::from(format!("/tmp/v{}", &uuid::Uuid::new_v4().simple().to_string()[..8]));
    fs::create_dir_all(&dir).unwrap();
    dir
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The prebuilt demo disk; `make test` makes it.
pub fn demo_image() -> String {
    std::env::var("VIREO_TEST_DEMO_IMAGE").expect("VIREO_TEST_DEMO_IMAGE is set by make test")
}

impl Server {
    /// Starts in a fresh folder and waits until it is ready.
    pub fn start(start: &Start<'_>) -> Self {
        let server = Self::spawn(fresh_dir(), start);
        server.ready()
    }

    /// Starts in this folder, and does not wait.
    pub fn spawn(data: PathBuf, start: &Start<'_>) -> Self {
        let port = start.port.unwrap_or_else(free_port);
        let mut command = Command::new(env!("CARGO_BIN_EXE_vireo"));
        let address = start.alone.as_deref().unwrap_or("127.0.0.1");
        command.arg(if start.alone.is_some() { "engine" } else { "up" }).arg("--data").arg(&data);
        command.args(["--listen", &format!("{address}:{port}")]);
        if start.alone.is_none() {
            command.args(["--agent-listen", "127.0.0.1:0"]);
        }
        if start.demo {
            command.args(["--demo", "--demo-image", &demo_image()]);
        }
        if start.demo && !start.without_iso {
            let iso = std::env::var("VIREO_TEST_DEMO_ISO").expect("VIREO_TEST_DEMO_ISO is set by make test");
            command.args(["--demo-iso", &iso]);
        }
        if let Some(url) = start.database {
            command.args(["--database", url]);
        }
        // This machine's own packages are no business of a test.
        command.env("VIREO_KEEP_PACKAGES", "true").env("VIREO_UPGRADE_CHECK", "0");
        for (name, value) in &start.environment {
            command.env(name, value);
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = mpsc::channel();
        let outs: [Box<dyn std::io::Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for out in outs {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(out).lines().map_while(Result::ok) {
                    let _ = sender.send(line);
                }
            });
        }
        Self { data, url: format!("https://{address}:{port}"), port, child: Some(child), lines }
    }

    /// Waits for the line that says that it serves.
    pub fn ready(self) -> Self {
        self.wait_for_line("Ready", Duration::from_secs(120));
        self
    }

    /// Waits for a line that contains `text`.
    pub fn wait_for_line(&self, text: &str, limit: Duration) -> String {
        let end = Instant::now() + limit;
        let mut seen = Vec::new();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) if line.contains(text) => return line,
                Ok(line) => seen.push(line),
                Err(_) => panic!("no line with {text:?} came; these did: {seen:#?}"),
            }
        }
    }

    /// All it said since the last line that was waited for.
    pub fn said(&self) -> String {
        self.lines.try_iter().collect::<Vec<_>>().join("\n")
    }

    /// SIGKILL, as a power cut for the program; its guests and libvirtd live on.
    pub fn kill(mut self) -> PathBuf {
        self.kill_in_place()
    }

    /// SIGKILL; the folder and the guests stay.
    pub fn kill_in_place(&mut self) -> PathBuf {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        std::mem::take(&mut self.data)
    }

    /// SIGKILL and another start in the same folder and at the same address.
    pub fn again(&mut self, start: &Start<'_>) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let (data, port) = (std::mem::take(&mut self.data), Some(self.port));
        *self = Self::spawn(data, &Start { port, ..start.clone() }).ready();
    }

    /// SIGTERM, and the end of the program; its guests live on.
    pub fn stop(mut self) -> PathBuf {
        self.terminate();
        std::mem::take(&mut self.data)
    }

    fn terminate(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        child.wait().unwrap();
    }

    /// What a user's or the administrator's password file holds.
    pub fn password(&self, name: &str) -> String {
        fs::read_to_string(self.data.join(format!("{name}-password"))).unwrap().trim().to_owned()
    }

    /// The administrator's API.
    pub fn admin(&self) -> Api {
        Api::new(&self.url, "admin@internal", &self.password("admin"), false)
    }

    /// The demo user's API, filtered.
    pub fn alice(&self) -> Api {
        Api::new(&self.url, "alice@internal", &self.password("alice"), true)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let said: Vec<String> = self.lines.try_iter().collect();
            eprintln!("the program said: {said:#?}");
        }
        self.terminate();
        if !self.data.as_os_str().is_empty() {
            clean(&self.data);
        }
    }
}

/// Ends every process that belongs to the folder, and removes it.
pub fn clean(data: &Path) {
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<i32>() else { continue };
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let mounts = fs::read_to_string(entry.path().join("mountinfo")).unwrap_or_default();
        let text = String::from_utf8_lossy(&line);
        let own = data.to_string_lossy();
        // A guest's or dnsmasq's command line may name libvirt's usual folders: its mount namespace is this folder's.
        let ours = text.contains(&*own)
            || (mounts.contains(&format!("{own}/libvirt"))
                && (text.contains("qemu") || text.contains("dnsmasq") || text.contains("libvirt")));
        if ours && pid != i32::try_from(std::process::id()).unwrap() {
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL);
        }
    }
    std::thread::sleep(Duration::from_millis(100));
    remove_bridges(&data.join("libvirt/etc/qemu/networks"));
    let _ = fs::remove_dir_all(data);
}

/// libvirt's networks outlive it.
fn remove_bridges(definitions: &Path) {
    let Ok(files) = fs::read_dir(definitions) else { return };
    for file in files.flatten().filter(|f| f.path().is_file()) {
        let text = fs::read_to_string(file.path()).unwrap();
        if let Some(bridge) = crate::portal::between(&text, "<bridge name='", "'") {
            let _ = Command::new("ip").args(["link", "del", &bridge]).status();
        }
    }
}

/// Processes whose command line has all these words.
pub fn processes(words: &[&str]) -> Vec<i32> {
    let pids =
        fs::read_dir("/proc").unwrap().flatten().filter_map(|e| e.file_name().to_string_lossy().parse::<i32>().ok());
    let has = |pid: &i32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        words.iter().all(|w| line.contains(w))
    };
    pids.filter(has).collect()
}

/// The file of that name somewhere below a folder.
pub fn find_file(below: &Path, name: &str) -> Option<PathBuf> {
    let entries: Vec<PathBuf> = fs::read_dir(below).ok()?.flatten().map(|entry| entry.path()).collect();
    let here = entries.iter().find(|path| path.file_name().is_some_and(|n| n == name)).cloned();
    here.or_else(|| entries.iter().filter(|path| path.is_dir()).find_map(|path| find_file(path, name)))
}

/// SIGKILL.
pub fn kill_process(pid: i32) {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
}

/// A new database on the tests' PostgreSQL.
pub fn fresh_postgres() -> String {
    let server = std::env::var("VIREO_TEST_POSTGRES").expect("make test starts a PostgreSQL for the tests");
    let name = format!("vireo_{}", uuid::Uuid::new_v4().simple());
    let done = Command::new("psql")
        .args(["-q", "-c", &format!("create database {name}"), &format!("{server}/postgres")])
        .status();
    assert!(done.unwrap().success());
    format!("{server}/{name}")
}
