//! A lab host with an SSH server: its own host key, its own root with a password and a list of keys, its own /usr/local/bin.

use crate::lab::LabHost;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Root's password on lab hosts.
pub const PASSWORD: &str = "o'hara \"s3cret\" $HOME";

/// The SSH server of a lab host; ends with the host.
pub struct Sshd {
    dir: PathBuf,
    child: Option<Child>,
}

fn said(command: &mut Command) -> String {
    let done = command.output().unwrap();
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

impl LabHost {
    /// Starts an SSH server; nobody but root with [`PASSWORD`] is let in.
    pub fn start_sshd(&self) -> Sshd {
        let dir = self.dir().join("ssh");
        fs::create_dir_all(dir.join("bin")).unwrap();
        fs::write(dir.join("authorized_keys"), "").unwrap();
        let hash = said(Command::new("openssl").args(["passwd", "-6", PASSWORD]));
        let shadow = fs::read_to_string("/etc/shadow").unwrap();
        let others = shadow.lines().filter(|line| !line.starts_with("root:"));
        let lines: Vec<String> =
            std::iter::once(format!("root:{hash}:19000:0:99999:7:::")).chain(others.map(str::to_owned)).collect();
        fs::write(dir.join("shadow"), lines.join("\n") + "\n").unwrap();
        fs::set_permissions(dir.join("shadow"), fs::Permissions::from_mode(0o600)).unwrap();
        let config = format!(
            "Port 22\nHostKey {dir}/host_key\nPidFile {dir}/pid\nAuthorizedKeysFile {dir}/authorized_keys\nStrictModes no\nUsePAM no\n\
             PermitRootLogin yes\nPasswordAuthentication yes\nKbdInteractiveAuthentication no\nSetEnv VIREO_DATA={data}\n",
            dir = dir.display(),
            data = self.dir().display()
        );
        fs::write(dir.join("sshd_config"), config).unwrap();
        let private = format!(
            "set -e; mkdir -p /run/sshd; mount --bind {dir}/bin /usr/local/bin; mount --bind {dir}/shadow /etc/shadow",
            dir = dir.display()
        );
        said(self.command("sh").args(["-c", &private]));
        let mut sshd = Sshd { dir, child: None };
        sshd.change_key(self);
        sshd
    }
}

impl Sshd {
    /// Another machine at the same address, or the same one installed anew.
    pub fn change_key(&mut self, host: &LabHost) {
        self.stop(host);
        let key = self.dir.join("host_key");
        let _ = fs::remove_file(&key);
        said(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key));
        let mut start = host.command("/usr/sbin/sshd");
        start.arg("-D").arg("-f").arg(self.dir.join("sshd_config")).arg("-E").arg(self.dir.join("log"));
        self.child = Some(start.stdin(Stdio::null()).spawn().unwrap());
        let end = Instant::now() + Duration::from_secs(10);
        while std::net::TcpStream::connect((host.address.as_str(), 22)).is_err() {
            assert!(Instant::now() < end, "{}", fs::read_to_string(self.dir.join("log")).unwrap_or_default());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn stop(&mut self, host: &LabHost) {
        let Some(mut child) = self.child.take() else { return };
        let pid = fs::read_to_string(self.dir.join("pid")).unwrap();
        said(host.command("kill").arg(pid.trim()));
        child.wait().unwrap();
    }

    /// What ssh-keygen says of its key.
    pub fn fingerprint(&self) -> String {
        let line = said(Command::new("ssh-keygen").arg("-lf").arg(self.dir.join("host_key.pub")));
        line.split_whitespace().nth(1).unwrap().to_owned()
    }

    /// Lets in who has the key.
    pub fn authorize(&self, line: &str) {
        fs::write(self.dir.join("authorized_keys"), format!("{line}\n")).unwrap();
    }

    /// The program that was installed.
    pub fn program(&self) -> PathBuf {
        self.dir.join("bin/vireo")
    }

    /// Puts the engine's program there, so that it need not be copied.
    pub fn have_program(&self) {
        fs::copy(env!("CARGO_BIN_EXE_vireo"), self.program()).unwrap();
    }

    /// How often somebody was let in.
    pub fn logins(&self) -> usize {
        fs::read_to_string(self.dir.join("log")).unwrap_or_default().matches("Accepted ").count()
    }
}
