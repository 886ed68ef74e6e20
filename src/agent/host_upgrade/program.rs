//! The agent's program: it comes beside the one that runs, is looked at, takes its name, and the agent starts anew from it in the same process
//! (`exec`), which needs no systemd and leaves libvirt and guests alone. The former program stays beside it, and runs as the [`guard`].

use super::{DIR, get, guard, invalid, is_digest, put, remove};
use crate::agent::AgentConfig;
use crate::agent::error::{from_io, refused};
use crate::wire::host_upgrade::{KeepProgram, Program, PutBack, StartProgram};
use crate::wire::{ErrorCode, WireError};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use std::ffi::OsString;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::{Mutex, Notify};

/// Ours has some hundred MiB at most, with all its symbols.
const MAX_PROGRAM: u64 = 2 << 30;
/// A program that does not say its version within this is none.
const FIRST_WORD: Duration = Duration::from_secs(20);
/// What this process is, whatever has its name by now.
const RUNNING: &str = "/proc/self/exe";

/// How the agent is started anew.
#[derive(Debug, Clone)]
pub struct Anew {
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
    old: PathBuf,
}

impl Anew {
    /// Becomes the program; comes back only when not even the former one can be started.
    pub fn begin(&self) -> std::io::Error {
        let start = || std::process::Command::new(&self.program).args(&self.arguments).exec();
        let failed = start();
        tracing::error!("the new program cannot be started, the former one is put back: {failed}");
        match fs::rename(&self.old, &self.program) {
            Ok(()) => start(),
            Err(error) => error,
        }
    }
}

/// What is known of the agent's own program.
pub struct Upgrades {
    dir: PathBuf,
    /// Something else sees to the packages.
    pub keeps_packages: bool,
    /// None: the agent runs in the engine's process.
    anew: Option<Anew>,
    digest: OnceLock<String>,
    asked: AtomicBool,
    stop: Arc<Notify>,
    /// One at a time writes.
    writing: Mutex<()>,
}

impl Upgrades {
    pub fn new(config: &AgentConfig) -> Self {
        let anew = config.program.as_ref().map(|program| {
            let mut arguments = vec![OsString::from("host"), "--data".into(), config.data_dir.clone().into()];
            arguments.extend(["--listen".into(), config.listen.to_string().into()]);
            arguments.extend(["--tls".into(), config.tls_dir.clone().into()]);
            arguments.extend(config.keep_packages.then(|| "--keep-packages".into()));
            if let Some(uri) = &config.libvirt_uri {
                arguments.extend(["--libvirt".into(), uri.into()]);
            }
            Anew { program: program.clone(), arguments, old: beside(program, "old") }
        });
        Self {
            dir: config.data_dir.join(DIR),
            keeps_packages: config.keep_packages,
            anew,
            digest: OnceLock::new(),
            asked: AtomicBool::new(false),
            stop: Arc::default(),
            writing: Mutex::default(),
        }
    }

    /// Fires when the agent is to start anew.
    pub async fn stops(&self) {
        self.stop.notified().await;
    }

    /// How, if it is to.
    pub fn anew(&self) -> Option<&Anew> {
        self.anew.as_ref().filter(|_| self.asked.load(Ordering::SeqCst))
    }

    fn own(&self) -> Result<&str, WireError> {
        if let Some(known) = self.digest.get() {
            return Ok(known);
        }
        let read = digest(Path::new(RUNNING))?;
        Ok(self.digest.get_or_init(|| read))
    }

    fn replaceable(&self) -> Result<&Anew, WireError> {
        let here = || refused(ErrorCode::WrongState, "this agent runs in the engine's process and is upgraded with it");
        self.anew.as_ref().ok_or_else(here)
    }

    /// Which program it is.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn info(&self) -> Result<Program, WireError> {
        let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned();
        let put_back = get(&self.dir.join(guard::PUT_BACK))?.and_then(|text| {
            let (sha256, why) = text.split_once(' ')?;
            Some(PutBack { sha256: sha256.to_owned(), why: why.trim().to_owned() })
        });
        Ok(Program { sha256: self.own()?.to_owned(), replaceable: self.anew.is_some(), put_back, boot_id })
    }

    /// Takes the bytes of the next program, beside the one that runs.
    ///
    /// # Errors
    /// They are not those that were announced, or there is no room for them.
    pub async fn receive<S, E>(&self, sha256: &str, mut body: S) -> Result<(), WireError>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
        E: std::fmt::Display,
    {
        let _alone = self.writing.lock().await;
        let aside = beside(&self.replaceable()?.program, "new");
        if !is_digest(sha256) {
            return Err(invalid("sha256: is not 64 hexadecimal digits".to_owned()));
        }
        let mut file = tokio::fs::File::create(&aside).await.map_err(|e| from_io(&aside, &e))?;
        let (mut sum, mut length) = (ring::digest::Context::new(&ring::digest::SHA256), 0u64);
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|e| refused(ErrorCode::Io, format!("the program broke off: {e}")))?;
            length += chunk.len() as u64;
            if length > MAX_PROGRAM {
                return Err(invalid(format!("the program has more than {} MiB", MAX_PROGRAM >> 20)));
            }
            sum.update(&chunk);
            file.write_all(&chunk).await.map_err(|e| from_io(&aside, &e))?;
        }
        file.flush().await.map_err(|e| from_io(&aside, &e))?;
        file.sync_all().await.map_err(|e| from_io(&aside, &e))?;
        if hex(sum.finish().as_ref()) != sha256 {
            remove(&aside)?;
            return Err(invalid("sha256: the program that came is another one".to_owned()));
        }
        fs::set_permissions(&aside, fs::Permissions::from_mode(0o755)).map_err(|e| from_io(&aside, &e))
    }

    /// Has the agent start anew from what was sent. It is that already: fine.
    ///
    /// # Errors
    /// Nothing was sent, or that is no program that can be started here.
    pub async fn start(&self, request: StartProgram) -> Result<(), WireError> {
        let _alone = self.writing.lock().await;
        let anew = self.replaceable()?;
        if self.own()? == request.sha256 || self.asked.load(Ordering::SeqCst) {
            return Ok(());
        }
        let aside = beside(&anew.program, "new");
        if digest(&aside)? != request.sha256 {
            return Err(refused(ErrorCode::WrongState, "the program that was sent is another one"));
        }
        speaks(&aside).await?;
        fs::create_dir_all(&self.dir).map_err(|e| from_io(&self.dir, &e))?;
        for old in [guard::KEPT, guard::PUT_BACK] {
            remove(&self.dir.join(old))?;
        }
        remove(&anew.old)?;
        fs::copy(RUNNING, &anew.old).map_err(|e| from_io(&anew.old, &e))?;
        guard::spawn(&anew.old, &self.dir, &request.sha256, anew)?;
        fs::rename(&aside, &anew.program).map_err(|e| from_io(&aside, &e))?;
        self.asked.store(true, Ordering::SeqCst);
        self.stop.notify_one();
        Ok(())
    }

    /// The engine has reached it: it stays.
    ///
    /// # Errors
    /// This is another program, or the agent's folder cannot be written.
    pub fn keep(&self, request: &KeepProgram) -> Result<(), WireError> {
        if self.own()? != request.sha256 {
            return Err(refused(ErrorCode::WrongState, "the agent is another program"));
        }
        fs::create_dir_all(&self.dir).map_err(|e| from_io(&self.dir, &e))?;
        put(&self.dir.join(guard::KEPT), &request.sha256)
    }
}

/// A program that cannot even say what it is takes nobody's place.
async fn speaks(program: &Path) -> Result<(), WireError> {
    let refused =
        |why: String| refused(ErrorCode::WrongState, format!("the new program cannot be started here: {why}"));
    let mut command = tokio::process::Command::new(program);
    command.arg("--version").stdin(Stdio::null()).kill_on_drop(true);
    let ran = tokio::time::timeout(FIRST_WORD, command.output()).await;
    let ran = ran.map_err(|_| refused("it says nothing".to_owned()))?.map_err(|e| refused(e.to_string()))?;
    if ran.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ran.stderr);
    Err(refused(format!("{} {}", ran.status, said.trim().chars().take(300).collect::<String>())))
}

/// `/usr/local/bin/vireo` → `/usr/local/bin/.vireo.new`: in the same folder, so that a rename is all it takes.
pub(super) fn beside(program: &Path, word: &str) -> PathBuf {
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    program.with_file_name(format!(".{name}.{word}"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// SHA-256 of a file.
fn digest(path: &Path) -> Result<String, WireError> {
    let failed = |e: std::io::Error| from_io(path, &e);
    let mut file = fs::File::open(path).map_err(failed)?;
    let (mut sum, mut buffer) = (ring::digest::Context::new(&ring::digest::SHA256), vec![0; 1 << 20]);
    loop {
        match file.read(&mut buffer).map_err(failed)? {
            0 => return Ok(hex(sum.finish().as_ref())),
            n => sum.update(buffer.get(..n).unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_program_is_beside_the_one_that_runs() {
        assert_eq!(beside(Path::new("/usr/local/bin/vireo"), "new"), Path::new("/usr/local/bin/.vireo.new"));
    }

    #[tokio::test]
    async fn what_is_no_program_is_refused() {
        let dir = std::env::temp_dir().join(format!("vireo-program-{}", uuid::Uuid::new_v4()));
        fs::create_dir_all(&dir).unwrap();
        let config = AgentConfig {
            listen: "[::]:1".parse().unwrap(),
            tls_dir: dir.clone(),
            libvirt_uri: None,
            data_dir: dir.clone(),
            program: Some(dir.join("vireo")),
            keep_packages: true,
        };
        let upgrades = Upgrades::new(&config);
        let bytes = || futures_util::stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"no program\n"))]);
        let sum = hex(ring::digest::digest(&ring::digest::SHA256, b"no program\n").as_ref());
        let other = upgrades.receive(&"0".repeat(64), bytes()).await.unwrap_err();
        assert_eq!(other.code, ErrorCode::InvalidRequest, "{other}");
        assert!(upgrades.start(StartProgram { sha256: sum.clone() }).await.is_err(), "nothing was kept of that");
        upgrades.receive(&sum, bytes()).await.unwrap();
        let refused = upgrades.start(StartProgram { sha256: sum }).await.unwrap_err();
        assert!(refused.message.contains("cannot be started"), "{refused}");
        assert!(upgrades.anew().is_none() && !dir.join("vireo").exists());
        fs::remove_dir_all(&dir).unwrap();
    }
}
