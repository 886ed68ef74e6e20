//! What keeps the agent running: systemd, now and after every boot, or, where there is none, a process of its own.

use super::error::refused;
use super::join::{JoinError, write};
use crate::model::host_install::Found;
use crate::wire::{ErrorCode, WireError};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::ffi::OsString;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

const SYSTEMD: &str = "/run/systemd/system";
const NAME: &str = "vireo-host";
const UNIT: &str = "/etc/systemd/system/vireo-host.service";
const PID: &str = "agent.pid";
const LOG: &str = "agent.log";
/// An agent listens within seconds; its first libvirtd takes longer.
const LISTENS: Duration = Duration::from_secs(60);
const STOPS: Duration = Duration::from_secs(15);
const LOOK: Duration = Duration::from_millis(100);

/// Notes that this process is the agent of the folder, so that it is found again.
///
/// # Errors
/// The folder cannot be written.
pub fn note(data_dir: &Path) -> Result<(), JoinError> {
    let path = data_dir.join(PID);
    let text = std::process::id().to_string();
    let kept = fs::create_dir_all(data_dir).and_then(|()| write(&path, &text, 0o644));
    kept.map_err(|source| JoinError::File { path, source })
}

/// Has systemd run the agent (anew), now and after every boot. None: this machine has no systemd.
///
/// # Errors
/// The unit cannot be written or started.
pub async fn install_unit(data_dir: &Path, port: u16) -> Result<Option<Found>, JoinError> {
    if !Path::new(SYSTEMD).exists() {
        return Ok(None);
    }
    let file = |source| JoinError::File { path: UNIT.into(), source };
    let own = std::env::current_exe().map_err(file)?;
    write(Path::new(UNIT), &unit(&own, data_dir, port), 0o644).map_err(file)?;
    for arguments in [&["daemon-reload"][..], &["enable", NAME], &["restart", NAME]] {
        systemctl(arguments).await?;
    }
    Ok(Some(Found::Systemd))
}

/// Runs the agent (anew) and leaves it to itself.
///
/// # Errors
/// It cannot be started, or ends at once.
pub async fn start(data_dir: &Path, port: u16) -> Result<Found, JoinError> {
    stop_process(data_dir).await?;
    if let Some(found) = install_unit(data_dir, port).await? {
        return Ok(found);
    }
    if listens(port).await {
        return Err(JoinError::PortTaken(port));
    }
    let path = data_dir.join(LOG);
    let file = |source| JoinError::File { path: path.clone(), source };
    let log = fs::OpenOptions::new().create(true).append(true).open(&path).map_err(file)?;
    let before = log.metadata().map_err(file)?.len();
    let mut agent = std::process::Command::new(std::env::current_exe().map_err(file)?)
        .arg("host")
        .arg("--data")
        .arg(data_dir)
        .args(["--listen", &format!("[::]:{port}")])
        .stdin(Stdio::null())
        .stdout(log.try_clone().map_err(file)?)
        .stderr(log)
        // What ends the caller's session does not end it.
        .process_group(0)
        .spawn()
        .map_err(file)?;
    let end = Instant::now() + LISTENS;
    while !listens(port).await && Instant::now() < end {
        if agent.try_wait().map_err(file)?.is_some() {
            let said = fs::read(&path).map_err(file)?;
            let said = said.get(usize::try_from(before).unwrap_or_default()..).unwrap_or_default();
            return Err(JoinError::Ended(String::from_utf8_lossy(said).trim().to_owned()));
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(Found::NoSystemd)
}

async fn listens(port: u16) -> bool {
    tokio::net::TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await.is_ok()
}

/// Ends the agent, and sees that it does not come back.
///
/// # Errors
/// It cannot be ended.
pub async fn stop(data_dir: &Path) -> Result<(), JoinError> {
    if Path::new(SYSTEMD).exists() && Path::new(UNIT).exists() {
        systemctl(&["disable", "--now", NAME]).await?;
        fs::remove_file(UNIT).map_err(|source| JoinError::File { path: UNIT.into(), source })?;
        systemctl(&["daemon-reload"]).await?;
    }
    stop_process(data_dir).await
}

/// What this process does when its machine is no host any more: key and certificate go, and nothing starts the agent again. It ends by itself then.
///
/// # Errors
/// A file cannot be deleted, or systemd refuses.
pub async fn leave(data_dir: &Path, tls_dir: &Path) -> Result<(), WireError> {
    let failed = |why: String| refused(ErrorCode::Io, format!("the agent cannot leave: {why}"));
    // The key first: without it nobody is this host.
    let own = ["host-key.pem", "host-key.new.pem", "host.pem", "ca.pem"].map(|name| tls_dir.join(name));
    for path in own.into_iter().chain([data_dir.join(PID)]) {
        match fs::remove_file(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(failed(format!("{}: {e}", path.display())));
            }
            _ => {}
        }
    }
    // The unit may be that of another agent on this machine.
    let of_this = format!("--data {} ", data_dir.display());
    if Path::new(SYSTEMD).exists() && fs::read_to_string(UNIT).is_ok_and(|unit| unit.contains(&of_this)) {
        systemctl(&["disable", NAME]).await.map_err(|e| failed(e.to_string()))?;
        fs::remove_file(UNIT).map_err(|e| failed(format!("{UNIT}: {e}")))?;
        // Not waited for: what it stops is this process. systemd goes by the unit as it read it, which leaves guests alone.
        systemctl(&["stop", "--no-block", NAME]).await.map_err(|e| failed(e.to_string()))?;
    }
    Ok(())
}

async fn systemctl(arguments: &[&str]) -> Result<(), JoinError> {
    let failed = |reason: String| JoinError::Systemd { program: "systemctl", reason };
    let ran = tokio::process::Command::new("systemctl").args(arguments).output().await;
    let ran = ran.map_err(|e| failed(e.to_string()))?;
    if ran.status.success() { Ok(()) } else { Err(failed(String::from_utf8_lossy(&ran.stderr).trim().to_owned())) }
}

/// Guests and libvirtd run on without it.
async fn stop_process(data_dir: &Path) -> Result<(), JoinError> {
    let Some(pid) = running(data_dir) else { return Ok(()) };
    let begun = Instant::now();
    while running(data_dir) == Some(pid) {
        let signal = if begun.elapsed() < STOPS { Signal::SIGTERM } else { Signal::SIGKILL };
        // It may have gone by itself in between.
        let _ = kill(pid, signal);
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

/// Starts the agent of another program in the place of that of this process, which may be dead, or hang.
///
/// # Errors
/// It cannot be ended or started.
pub async fn again(program: &Path, arguments: &[OsString], pid: i32) -> Result<(), JoinError> {
    if Path::new(SYSTEMD).exists() && Path::new(UNIT).exists() {
        // An agent that ended too often in a short time is not started any more.
        systemctl(&["reset-failed", NAME]).await?;
        return systemctl(&["restart", NAME]).await;
    }
    let begun = Instant::now();
    while is_of(pid, program) {
        let signal = if begun.elapsed() < STOPS { Signal::SIGTERM } else { Signal::SIGKILL };
        // It may have gone by itself in between.
        let _ = kill(Pid::from_raw(pid), signal);
        tokio::time::sleep(LOOK).await;
    }
    let mut command = std::process::Command::new(program);
    command.args(arguments).stdin(Stdio::null()).process_group(0);
    command.spawn().map(drop).map_err(|source| JoinError::File { path: program.to_owned(), source })
}

/// The process runs, and from this file, be it by an interpreter. (The number may be another program's by now.)
fn is_of(pid: i32, program: &Path) -> bool {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split(|byte| *byte == 0).any(|word| word == program.as_os_str().as_encoded_bytes())
}

/// The agent of the folder: the process of the note, if it is one. (The number may be another program's by now.)
fn running(data_dir: &Path) -> Option<Pid> {
    let pid: i32 = fs::read_to_string(data_dir.join(PID)).ok()?.trim().parse().ok()?;
    let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let mut words = line.split(|byte| *byte == 0).map(String::from_utf8_lossy);
    let program = words.next().map(|word| PathBuf::from(word.as_ref()))?;
    let agent = program.file_name().is_some_and(|name| name == "vireo") && words.next().as_deref() == Some("host");
    let own = i32::try_from(std::process::id()).ok();
    (agent && Some(pid) != own).then(|| Pid::from_raw(pid))
}

/// Guests are libvirt's children or leave the agent's group by themselves: stopping the unit must not end them.
fn unit(program: &Path, data_dir: &Path, port: u16) -> String {
    format!(
        "[Unit]\nDescription=Vireo host agent\nAfter=network-online.target libvirtd.service virtqemud.socket\n\
         Wants=network-online.target\n\n[Service]\nExecStart={} host --data {} --listen [::]:{port}\nRestart=always\n\
         RestartSec=2\nKillMode=process\n\n[Install]\nWantedBy=multi-user.target\n",
        program.display(),
        data_dir.display()
    )
}

/// Has the machine go off in order: its services end, its file systems are left whole.
///
/// # Errors
/// It cannot be told.
pub async fn power_off() -> Result<(), WireError> {
    told("poweroff").await
}

/// The same, and comes back.
///
/// # Errors
/// It cannot be told.
pub async fn restart_machine() -> Result<(), WireError> {
    told("reboot").await
}

async fn told(program: &str) -> Result<(), WireError> {
    let failed = |why: String| refused(ErrorCode::Io, format!("{program}: {why}"));
    let done = tokio::process::Command::new(program).output().await.map_err(|e| failed(e.to_string()))?;
    if done.status.success() {
        return Ok(());
    }
    Err(failed(String::from_utf8_lossy(&done.stderr).trim().chars().take(300).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_agent_is_taken_for_the_agent() {
        let dir = std::env::temp_dir().join(format!("vireo-service-{}", uuid::Uuid::new_v4()));
        assert_eq!(running(&dir), None);
        note(&dir).unwrap();
        assert_eq!(running(&dir), None, "this process is a test");
        fs::write(dir.join(PID), "1").unwrap();
        assert_eq!(running(&dir), None, "the first process is none");
        fs::remove_dir_all(&dir).unwrap();
    }

    #[tokio::test]
    async fn who_leaves_takes_his_key_along() {
        let dir = std::env::temp_dir().join(format!("vireo-leave-{}", uuid::Uuid::new_v4()));
        let tls = dir.join("host-pki");
        fs::create_dir_all(&tls).unwrap();
        note(&dir).unwrap();
        for name in ["host-key.pem", "host.pem", "ca.pem"] {
            fs::write(tls.join(name), "x").unwrap();
        }
        fs::write(dir.join("agent.log"), "x").unwrap();
        leave(&dir, &tls).await.unwrap();
        assert_eq!(fs::read_dir(&tls).unwrap().count(), 0);
        assert!(!dir.join(PID).exists() && dir.join("agent.log").exists());
        leave(&dir, &tls).await.expect("again");
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn the_agent_comes_back_after_a_boot_and_leaves_guests_alone() {
        let text = unit(Path::new("/usr/local/bin/vireo"), Path::new("/var/lib/vireo"), 54321);
        for line in ["WantedBy=multi-user.target", "KillMode=process", "Restart=always", "--listen [::]:54321"] {
            assert!(text.contains(line), "{text}");
        }
    }
}
