//! Which libvirtd is used: the one named, the system's, or one of the agent's own with all its files under the data folder.
//!
//! libvirtd has fixed folders (/etc/libvirt, /run/libvirt, /var/lib/libvirt, …). An own one therefore gets a mount namespace in which these are
//! folders of the data folder: several can run on one machine and none touches the system's. Guests live on when it ends, and it
//! finds them again when it starts.

use super::{AgentError, cut_short};
use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::sync::watch;

/// The system's sockets, newest layout first.
const SYSTEM_SOCKETS: [&str; 2] = ["/run/libvirt/virtqemud-sock", "/run/libvirt/libvirt-sock"];
/// A UNIX socket's path has 108 bytes at most.
const MAX_SOCKET_PATH: usize = 107;

/// A libvirtd to talk to.
#[derive(Debug)]
pub struct Libvirtd {
    uri: String,
    supervisor: Option<(watch::Sender<bool>, tokio::task::JoinHandle<()>)>,
}

impl Libvirtd {
    /// Uses `uri` if given, else the system's libvirtd if it answers or systemd would start it, else starts an own one.
    ///
    /// # Errors
    /// An own libvirtd is needed and cannot be started.
    pub async fn ensure(uri: Option<&str>, data_dir: &Path) -> Result<Self, AgentError> {
        if let Some(uri) = uri {
            return Ok(Self { uri: uri.to_owned(), supervisor: None });
        }
        if !nix::unistd::geteuid().is_root() {
            return Ok(Self { uri: "qemu:///session".to_owned(), supervisor: None });
        }
        let answers = SYSTEM_SOCKETS.iter().any(|s| UnixStream::connect(s).is_ok());
        if answers || Path::new("/run/systemd/system").exists() {
            return Ok(Self { uri: "qemu:///system".to_owned(), supervisor: None });
        }
        let own = Own::prepare(&data_dir.join("libvirt")).map_err(AgentError::Libvirtd)?;
        own.start().await.map_err(AgentError::Libvirtd)
    }

    /// The URI to open.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Where it is called on this machine: the URI's own socket, else the system's.
    pub fn socket(&self) -> PathBuf {
        let named = self.uri.split_once("socket=").map(|(_, rest)| rest.split('&').next().unwrap_or(rest));
        let system = || SYSTEM_SOCKETS.iter().find(|s| Path::new(s).exists()).unwrap_or(&SYSTEM_SOCKETS[1]);
        PathBuf::from(named.unwrap_or_else(|| system()))
    }

    /// Ends an own libvirtd; guests run on.
    pub async fn release(self) {
        if let Some((stop, task)) = self.supervisor {
            stop.send_replace(true);
            let _ = tokio::time::timeout(Duration::from_secs(5), task).await;
        }
    }
}

struct Own {
    dir: PathBuf,
    socket: PathBuf,
}

impl Own {
    fn prepare(dir: &Path) -> Result<Self, String> {
        let socket = dir.join("sock/libvirt-sock");
        if socket.as_os_str().len() > MAX_SOCKET_PATH {
            return Err(format!(
                "{} is longer than the {MAX_SOCKET_PATH} bytes a socket's path can have; choose a shorter data folder",
                socket.display()
            ));
        }
        let write = || {
            for sub in ["etc/qemu/networks", "run", "lib", "cache", "log", "sock"] {
                fs::create_dir_all(dir.join(sub))?;
            }
            copy_missing(Path::new("/etc/libvirt/nwfilter"), &dir.join("etc/nwfilter"))?;
            fs::write(dir.join("etc/libvirtd.conf"), libvirtd_conf(dir))?;
            fs::write(dir.join("etc/qemu.conf"), QEMU_CONF)
        };
        write().map_err(|e| format!("{}: {e}", dir.display()))?;
        Ok(Self { dir: dir.to_owned(), socket })
    }

    async fn start(self) -> Result<Libvirtd, String> {
        let uri = format!("qemu:///system?socket={}", self.socket.display());
        let child = if self.answers() { None } else { Some(self.spawn()?) };
        self.wait_until_it_answers(child.is_some()).await?;
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(self.supervise(child, stopped));
        Ok(Libvirtd { uri, supervisor: Some((stop, task)) })
    }

    fn answers(&self) -> bool {
        UnixStream::connect(&self.socket).is_ok()
    }

    async fn wait_until_it_answers(&self, fresh: bool) -> Result<(), String> {
        for _ in 0..if fresh { 200 } else { 1 } {
            if self.answers() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let log = fs::read_to_string(self.dir.join("log/libvirtd.err")).unwrap_or_default();
        Err(format!("it did not answer within 10 seconds. {}", log.lines().last().unwrap_or("It said nothing.")))
    }

    /// libvirtd in a mount namespace of its own.
    fn spawn(&self) -> Result<Child, String> {
        cut_short::undo(&self.dir.join("run"));
        let errors = fs::File::create(self.dir.join("log/libvirtd.err")).map_err(|e| e.to_string())?;
        for fixed in FIXED_DIRS {
            fs::create_dir_all(fixed.0).map_err(|e| format!("{}: {e}", fixed.0))?;
        }
        let mut script = String::from("set -e; mount --make-rprivate /");
        for (fixed, own) in FIXED_DIRS {
            script.push_str(&format!("; mount --bind \"$1/{own}\" {fixed}"));
        }
        script.push_str("; exec libvirtd -f \"$1/etc/libvirtd.conf\" -p \"$1/libvirtd.pid\"");
        Command::new("unshare")
            .args(["--mount", "sh", "-c", &script, "sh"])
            .arg(&self.dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(errors)
            .process_group(0)
            .spawn()
            .map_err(|e| format!("libvirtd cannot be started: {e}"))
    }

    /// Starts it again whenever it dies, until told to stop.
    async fn supervise(self, mut child: Option<Child>, mut stopped: watch::Receiver<bool>) {
        while !*stopped.borrow() {
            let died = async {
                match child.as_mut() {
                    Some(c) => drop(c.wait().await),
                    // One that an earlier agent started: its socket tells.
                    None => {
                        while self.answers() {
                            tokio::time::sleep(Duration::from_millis(500)).await;
                        }
                    }
                }
            };
            tokio::select! {
                () = died => {}
                _ = stopped.changed() => break,
            }
            tracing::warn!("libvirtd ended; starting it again");
            child = self.spawn().map_err(|e| tracing::error!("{e}")).ok();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        self.end(child).await;
    }

    /// The process of the pid file, if it still is this libvirtd: the number may belong to somebody else by now.
    fn pid(&self) -> Option<i32> {
        let pid: i32 = fs::read_to_string(self.dir.join("libvirtd.pid")).ok()?.trim().parse().ok()?;
        let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let own = self.dir.join("libvirtd.pid");
        command.split(|b| *b == 0).any(|word| word == own.as_os_str().as_encoded_bytes()).then_some(pid)
    }

    async fn end(&self, child: Option<Child>) {
        if let Some(pid) = self.pid() {
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGTERM);
        }
        if let Some(mut child) = child {
            let _ = tokio::time::timeout(Duration::from_secs(4), child.wait()).await;
        }
    }
}

/// libvirtd's folders and what stands there for an own one.
const FIXED_DIRS: [(&str, &str); 5] = [
    ("/etc/libvirt", "etc"),
    ("/run/libvirt", "run"),
    ("/var/lib/libvirt", "lib"),
    ("/var/cache/libvirt", "cache"),
    ("/var/log/libvirt", "log"),
];

/// No D-Bus, no virtlogd, no security driver: the guests' processes and files are root's, as libvirtd itself.
const QEMU_CONF: &str = r#"user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
namespaces = [ ]
cgroup_controllers = [ "cpu", "cpuacct" ]
stdio_handler = "file"
max_core = 0
"#;

fn libvirtd_conf(dir: &Path) -> String {
    let id = fs::read_to_string(dir.join("host-uuid")).unwrap_or_else(|_| {
        let fresh = uuid::Uuid::new_v4().to_string();
        // Without the file the id only changes with every start.
        let _ = fs::write(dir.join("host-uuid"), &fresh);
        fresh
    });
    format!(
        "unix_sock_dir = \"{}\"\nunix_sock_rw_perms = \"0700\"\nauth_unix_rw = \"none\"\nhost_uuid = \"{}\"\nlog_outputs = \"3:stderr\"\n",
        dir.join("sock").display(),
        id.trim()
    )
}

fn copy_missing(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    let Ok(entries) = fs::read_dir(from) else { return Ok(()) };
    for entry in entries {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_file() && !target.exists() {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
