//! The packages: what the package manager offers, and its run.
//!
//! The run is a process of its own session, and systemd leaves it alone when the agent's unit stops (`KillMode=process`): it goes on when the
//! agent is killed or replaced. `run` names it, `log` has what it says, `exit` how it ended; as long as it lives it holds `lock`.

use super::{DIR, get, invalid, put, remove, tail};
use crate::agent::error::{from_io, refused};
use crate::model::host_install::Installer;
use crate::model::host_upgrade::MAX_PACKAGES;
use crate::model::ids::JobId;
use crate::wire::host_upgrade::{CheckUpgrade, PackagesRun, UpgradeFound, UpgradePackages};
use crate::wire::{ErrorCode, WireError};
use nix::fcntl::{Flock, FlockArg};
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// Fetching the lists from a slow mirror.
const REFRESH_SECONDS: u64 = 120;
const LIST_SECONDS: u64 = 40;
const UPGRADE_SECONDS: u64 = 7200;
const REBOOT: &str = "/run/reboot-required";

/// The machine's package manager.
fn installer() -> Option<Installer> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let has = |program: &str| std::env::split_paths(&folders).any(|folder| folder.join(program).is_file());
    Installer::ALL.iter().copied().find(|one| has(one.as_str()))
}

/// Runs it; its exit code, what it said, and what it complained about last.
async fn ask(
    installer: Installer,
    arguments: &[&str],
    seconds: u64,
) -> Result<(Option<i32>, String, String), WireError> {
    let failed = |why: String| refused(ErrorCode::Io, format!("{installer}: {why}"));
    let mut command = Command::new(installer.as_str());
    command.args(arguments).env("LC_ALL", "C").stdin(Stdio::null()).kill_on_drop(true);
    let ran = tokio::time::timeout(Duration::from_secs(seconds), command.output()).await;
    let ran = ran.map_err(|_| failed(format!("it did not end within {seconds} seconds")))?;
    let ran = ran.map_err(|e| failed(e.to_string()))?;
    let complaint = String::from_utf8_lossy(&ran.stderr);
    let complaint = complaint.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("it failed");
    let complaint = complaint.chars().take(300).collect();
    Ok((ran.status.code(), String::from_utf8_lossy(&ran.stdout).into_owned(), complaint))
}

/// The packages are no business of ours here.
pub fn kept() -> UpgradeFound {
    UpgradeFound { reboot_required: Path::new(REBOOT).exists(), ..UpgradeFound::default() }
}

/// The same of their upgrade.
pub fn left() -> PackagesRun {
    let log = "The packages of this host are left as they are (--keep-packages).\n".to_owned();
    PackagesRun { exit: Some(0), log, ..PackagesRun::default() }
}

/// What there is to upgrade with. Lists that cannot be fetched are no reason not to look at those that are there.
///
/// # Errors
/// The package manager cannot be asked.
pub async fn check(request: CheckUpgrade) -> Result<UpgradeFound, WireError> {
    let mut found = kept();
    let Some(installer) = installer() else {
        "this host has neither apt-get nor dnf".clone_into(&mut found.error);
        return Ok(found);
    };
    if request.refresh {
        match ask(installer, installer.refresh(), REFRESH_SECONDS).await {
            Ok((Some(0), ..)) => {}
            Ok((_, _, complaint)) => found.error = complaint,
            Err(error) => found.error = error.to_string(),
        }
    }
    let (code, said, complaint) = ask(installer, installer.list(), LIST_SECONDS).await?;
    if !installer.listed(code) {
        found.error = complaint;
        return Ok(found);
    }
    found.packages = installer.packages(&said);
    found.more = found.packages.len().saturating_sub(MAX_PACKAGES);
    found.packages.truncate(MAX_PACKAGES);
    Ok(found)
}

/// Begins a run, or tells how far it is.
///
/// # Errors
/// Another one is under way, or the agent's folder cannot be written.
pub async fn upgrade(data_dir: &Path, request: UpgradePackages) -> Result<PackagesRun, WireError> {
    let run: JobId = request.run.parse().map_err(|_| invalid("run: is not an id".to_owned()))?;
    let Some(installer) = installer() else {
        let log = "This host has neither apt-get nor dnf: no packages are upgraded.\n".to_owned();
        return Ok(PackagesRun { exit: Some(0), log, ..PackagesRun::default() });
    };
    let dir = data_dir.join(DIR);
    fs::create_dir_all(&dir).map_err(|e| from_io(&dir, &e))?;
    let (name, log) = (dir.join("run"), dir.join("log"));
    if get(&name)?.as_deref() != Some(&run.to_string()) {
        if lives(&dir)? {
            return Err(refused(ErrorCode::WrongState, "another upgrade of its packages is under way"));
        }
        for old in ["exit", "log"] {
            remove(&dir.join(old))?;
        }
        put(&name, &run.to_string())?;
    }
    // The run itself makes its log: as long as there is none it has not begun.
    if !log.exists() && !lives(&dir)? {
        begin(&dir, installer).await?;
        return Ok(PackagesRun { running: true, ..PackagesRun::default() });
    }
    let running = lives(&dir)?;
    let exit = get(&dir.join("exit"))?.and_then(|text| text.trim().parse().ok());
    let text = fs::read_to_string(&log).unwrap_or_default();
    let finished = text.lines().filter(|line| line.trim_start().starts_with("Setting up ")).count();
    Ok(PackagesRun { running: running && exit.is_none(), exit, log: tail(&log)?, finished })
}

/// Whether a run is under way.
fn lives(dir: &Path) -> Result<bool, WireError> {
    let path = dir.join("lock");
    let file = fs::OpenOptions::new().create(true).append(true).open(&path).map_err(|e| from_io(&path, &e))?;
    Ok(Flock::lock(file, FlockArg::LockExclusiveNonblock).is_err())
}

/// `flock` keeps the lock to itself: services that a package starts do not have it.
async fn begin(dir: &Path, installer: Installer) -> Result<(), WireError> {
    let script = format!(
        "[ -e exit ] && exit 0; exec >>log 2>&1; timeout --kill-after=60 {UPGRADE_SECONDS} sh -c '{}'; echo $? >exit.new; mv exit.new exit",
        installer.upgrade()
    );
    let mut command = Command::new("setsid");
    command.args(["--fork", "flock", "--nonblock", "--close", "lock", "sh", "-c", &script]).current_dir(dir);
    command.env("LC_ALL", "C").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let begun = command.status().await;
    begun.map(drop).map_err(|e| refused(ErrorCode::Io, format!("setsid flock: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_run_needs_a_name_and_is_alone() {
        let dir = std::env::temp_dir().join(format!("vireo-packages-{}", uuid::Uuid::new_v4()));
        let wrong = upgrade(&dir, UpgradePackages { run: "../x".to_owned() }).await.unwrap_err();
        assert_eq!(wrong.code, ErrorCode::InvalidRequest);
        fs::create_dir_all(&dir).unwrap();
        assert!(!lives(&dir).unwrap());
        let held = Flock::lock(fs::File::open(dir.join("lock")).unwrap(), FlockArg::LockExclusive).unwrap();
        assert!(lives(&dir).unwrap());
        drop(held);
        assert!(!lives(&dir).unwrap());
        fs::remove_dir_all(&dir).unwrap();
    }
}
