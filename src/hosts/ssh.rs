//! Logs in to machines by SSH and runs commands there. The machine's key must be the one that is known; what it says, and how long it may be
//! silent, is bounded: it is not trusted before it is a host.

use crate::hosts::PkiError;
use crate::hosts::pki::write_file;
use crate::model::host_install::SshTrouble;
use russh::client::{self, AuthResult, Handle, KeyboardInteractiveAuthResponse as Asked, Msg};
use russh::keys::ssh_key::{Algorithm, HashAlg, LineEnding};
use russh::keys::{PrivateKey, PrivateKeyWithHashAlg, PublicKeyOrCertificate, key};
use russh::{Channel, ChannelMsg, Disconnect};
use std::fs;
use std::future::Future;
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Until the connection stands, and until the machine has said whether it lets somebody in (a DNS that does not answer delays both).
const GREETING: Duration = Duration::from_secs(30);
/// A package manager may work for so long without a word.
const SILENCE: Duration = Duration::from_secs(300);
const MAX_OUTPUT: usize = 1 << 20;
/// Of what a command complains about, the end is kept.
const MAX_COMPLAINT: usize = 2048;
const CHUNK: usize = 256 << 10;
const COMMENT: &str = "vireo-engine";

/// Where a machine is logged in to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub address: String,
    pub port: u16,
    pub user: String,
    /// `SHA256:…`: the key it must hold.
    pub fingerprint: String,
}

/// What is shown there.
#[derive(Clone)]
pub enum Credential {
    Password(String),
    Key(EngineKey),
}

/// The engine's own key.
#[derive(Clone)]
pub struct EngineKey(Arc<PrivateKey>);

impl EngineKey {
    /// Opens the key in the folder, or makes it there (mode 0600).
    ///
    /// # Errors
    /// The folder cannot be written, or holds something else.
    pub fn open_or_create(dir: &Path) -> Result<Self, PkiError> {
        let path = dir.join("ssh-key");
        let bad = |e: russh::keys::ssh_key::Error| PkiError::Ssh(e.to_string());
        if !path.exists() {
            let mut fresh = PrivateKey::random(&mut key::safe_rng(), Algorithm::Ed25519).map_err(bad)?;
            fresh.set_comment(COMMENT);
            write_file(&path, fresh.to_openssh(LineEnding::LF).map_err(bad)?.as_bytes(), 0o600)?;
        }
        let text = fs::read_to_string(&path).map_err(|source| PkiError::File { path, source })?;
        Ok(Self(Arc::new(PrivateKey::from_openssh(text).map_err(bad)?)))
    }

    /// A line for `authorized_keys`.
    pub fn public_line(&self) -> String {
        self.0.public_key().to_openssh().unwrap_or_default()
    }
}

/// What the machine showed, and what it must show.
struct Known {
    fingerprint: Option<String>,
    seen: Arc<Mutex<Option<String>>>,
}

impl client::Handler for Known {
    type Error = russh::Error;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        // A certificate says whose the key is in the words of an authority that this engine does not know: only keys are known here.
        let PublicKeyOrCertificate::PublicKey { key, .. } = shown else { return Ok(false) };
        let found = key.fingerprint(HashAlg::Sha256).to_string();
        let good = self.fingerprint.as_ref() == Some(&found);
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
        Ok(good)
    }
}

/// A machine that has let the engine in.
pub struct Ssh {
    handle: Handle<Known>,
    /// The engine's own address, as the machine sees it.
    pub local: Option<IpAddr>,
}

/// The key that the machine shows; nobody has said yet that it is the right one.
///
/// # Errors
/// Nobody answers there, or it is no SSH server.
pub async fn fingerprint(address: &str, port: u16) -> Result<String, SshTrouble> {
    match open(address, port, None).await {
        (Some(seen), _) => Ok(seen),
        (None, Err(why)) => Err(why),
        (None, Ok(_)) => Err(SshTrouble::Broken { why: "it showed no key".to_owned() }),
    }
}

type Opened = Result<(Handle<Known>, Option<IpAddr>), SshTrouble>;

/// Connects; the key that was seen on the way.
async fn open(address: &str, port: u16, known: Option<&str>) -> (Option<String>, Opened) {
    let seen = Arc::new(Mutex::new(None));
    let handler = Known { fingerprint: known.map(str::to_owned), seen: seen.clone() };
    let config = client::Config {
        keepalive_interval: Some(Duration::from_secs(15)),
        keepalive_max: 4,
        nodelay: true,
        ..client::Config::default()
    };
    let unreachable = |why: String| SshTrouble::Unreachable { address: address.to_owned(), port, why };
    let connect = async {
        let stream = TcpStream::connect((address, port)).await.map_err(|e| unreachable(e.to_string()))?;
        let local = stream.local_addr().ok().map(|at| at.ip().to_canonical());
        let handle = client::connect_stream(Arc::new(config), stream, handler).await;
        Ok((handle.map_err(|e| unreachable(e.to_string()))?, local))
    };
    let late = || Err(SshTrouble::Silent { seconds: GREETING.as_secs() });
    let opened = timeout(GREETING, connect).await.unwrap_or_else(|_| late());
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner).take();
    (seen, opened)
}

impl Ssh {
    /// Logs in to the machine that holds the known key. Nothing secret is sent to another.
    ///
    /// # Errors
    /// Nobody answers there, it is another machine, or it does not let the engine in.
    pub async fn login(target: &Target, credential: &Credential) -> Result<Self, SshTrouble> {
        let (mut handle, local) = match open(&target.address, target.port, Some(&target.fingerprint)).await {
            (_, Ok(opened)) => opened,
            (Some(found), Err(_)) if found != target.fingerprint => {
                return Err(SshTrouble::OtherKey { found, known: target.fingerprint.clone() });
            }
            (_, Err(why)) => return Err(why),
        };
        let shown = timeout(GREETING, show(&mut handle, &target.user, credential)).await;
        let let_in = shown.map_err(|_| SshTrouble::Silent { seconds: GREETING.as_secs() })?.map_err(broken)?;
        let user = target.user.clone();
        match credential {
            _ if let_in => Ok(Self { handle, local }),
            Credential::Password(_) => Err(SshTrouble::WrongPassword { user }),
            Credential::Key(_) => Err(SshTrouble::UnknownKey { user }),
        }
    }

    /// Starts a command of the machine's shell.
    ///
    /// # Errors
    /// The connection broke.
    pub async fn start(&self, command: &str) -> Result<Command, SshTrouble> {
        let begin = async {
            let channel = self.handle.channel_open_session().await?;
            channel.exec(true, command).await?;
            Ok(channel)
        };
        let channel = timeout(GREETING, begin).await.map_err(|_| SshTrouble::Silent { seconds: GREETING.as_secs() })?;
        Ok(Command { channel: channel.map_err(broken)?, lines: Lines::default(), complaint: Vec::new(), status: None })
    }

    /// Runs a command to its end; what it said.
    ///
    /// # Errors
    /// It failed, or the connection broke.
    pub async fn run(&self, command: &str) -> Result<Vec<String>, SshTrouble> {
        let mut running = self.start(command).await?;
        let mut said = Vec::new();
        while let Some(line) = running.line().await? {
            said.push(line);
        }
        running.end()?;
        Ok(said)
    }

    /// Says good-bye.
    pub async fn leave(self) {
        let good_bye = self.handle.disconnect(Disconnect::ByApplication, "", "en");
        let _ = timeout(Duration::from_secs(5), good_bye).await;
    }
}

async fn show(handle: &mut Handle<Known>, user: &str, credential: &Credential) -> Result<bool, russh::Error> {
    match credential {
        Credential::Key(EngineKey(key)) => {
            let key = PrivateKeyWithHashAlg::new(key.clone(), None);
            Ok(matches!(handle.authenticate_publickey(user, key).await?, AuthResult::Success))
        }
        Credential::Password(password) => {
            if matches!(handle.authenticate_password(user, password).await?, AuthResult::Success) {
                return Ok(true);
            }
            // Servers with PAM may take the password only as the answer to a question.
            let mut asked = handle.authenticate_keyboard_interactive_start(user, None).await?;
            for _ in 0..3 {
                let Asked::InfoRequest { prompts, .. } = asked else { break };
                let answers = prompts.iter().map(|one| if one.echo { String::new() } else { password.clone() });
                asked = handle.authenticate_keyboard_interactive_respond(answers.collect()).await?;
            }
            Ok(matches!(asked, Asked::Success))
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn broken(error: russh::Error) -> SshTrouble {
    SshTrouble::Broken { why: error.to_string() }
}

/// A command that runs there.
pub struct Command {
    channel: Channel<Msg>,
    lines: Lines,
    complaint: Vec<u8>,
    status: Option<u32>,
}

impl Command {
    /// What it says next; none: it has ended.
    ///
    /// # Errors
    /// The connection broke, it is silent, or says too much.
    pub async fn line(&mut self) -> Result<Option<String>, SshTrouble> {
        loop {
            if let Some(line) = self.lines.next() {
                return Ok(Some(line));
            }
            let heard = timeout(SILENCE, self.channel.wait()).await;
            match heard.map_err(|_| SshTrouble::Silent { seconds: SILENCE.as_secs() })? {
                Some(ChannelMsg::Data { data }) => self.lines.add(&data)?,
                Some(ChannelMsg::ExtendedData { data, .. }) => {
                    self.complaint.extend_from_slice(&data);
                    let surplus = self.complaint.len().saturating_sub(MAX_COMPLAINT);
                    self.complaint.drain(..surplus);
                }
                Some(ChannelMsg::ExitStatus { exit_status }) => self.status = Some(exit_status),
                Some(ChannelMsg::Close) | None => return Ok(self.lines.rest()),
                Some(_) => {}
            }
        }
    }

    /// Tells it something, and that this is all.
    ///
    /// # Errors
    /// The connection broke.
    pub async fn tell(&mut self, bytes: &[u8]) -> Result<(), SshTrouble> {
        self.feed(bytes, |_| async {}).await
    }

    /// Gives it a file; `told` hears how many bytes have gone.
    ///
    /// # Errors
    /// The connection broke, or the file cannot be read.
    pub async fn feed<R, F>(&mut self, mut from: R, mut told: impl FnMut(u64) -> F) -> Result<(), SshTrouble>
    where
        R: AsyncRead + Unpin,
        F: Future<Output = ()>,
    {
        let io = |e: std::io::Error| SshTrouble::Broken { why: e.to_string() };
        let mut to = self.channel.make_writer();
        let (mut chunk, mut sent) = (vec![0; CHUNK], 0);
        loop {
            let read = from.read(&mut chunk).await.map_err(io)?;
            if read == 0 {
                break;
            }
            let written = timeout(SILENCE, to.write_all(&chunk[..read])).await;
            written.map_err(|_| SshTrouble::Silent { seconds: SILENCE.as_secs() })?.map_err(io)?;
            sent += read as u64;
            told(sent).await;
        }
        to.shutdown().await.map_err(io)
    }

    /// After its last line: did it do what it should?
    ///
    /// # Errors
    /// It did not, and says why.
    pub fn end(self) -> Result<(), SshTrouble> {
        if self.status == Some(0) {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&self.complaint);
        let said: String = said.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let why = match (said.trim(), self.status) {
            ("", Some(status)) => format!("it ended with status {status}"),
            ("", None) => "it was ended".to_owned(),
            (said, _) => said.to_owned(),
        };
        Err(SshTrouble::Command { why })
    }
}

/// Bytes cut into lines.
#[derive(Default)]
struct Lines {
    waiting: Vec<u8>,
    total: usize,
}

impl Lines {
    fn add(&mut self, bytes: &[u8]) -> Result<(), SshTrouble> {
        self.total += bytes.len();
        if self.total > MAX_OUTPUT {
            return Err(SshTrouble::TooMuch);
        }
        self.waiting.extend_from_slice(bytes);
        Ok(())
    }

    fn next(&mut self) -> Option<String> {
        let end = self.waiting.iter().position(|b| *b == b'\n')?;
        let line: Vec<u8> = self.waiting.drain(..=end).collect();
        Some(String::from_utf8_lossy(&line).trim_end().to_owned())
    }

    /// What has no end of line.
    fn rest(&mut self) -> Option<String> {
        let rest = String::from_utf8_lossy(&std::mem::take(&mut self.waiting)).trim_end().to_owned();
        (!rest.is_empty()).then_some(rest)
    }
}

/// A word for the machine's shell, whatever is in it.
pub fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_cut_into_lines_and_bounded() {
        let mut lines = Lines::default();
        lines.add(b"one\r\ntw").unwrap();
        assert_eq!(lines.next().as_deref(), Some("one"));
        assert_eq!(lines.next(), None);
        lines.add(b"o\nthree").unwrap();
        assert_eq!((lines.next().as_deref(), lines.next()), (Some("two"), None));
        assert_eq!((lines.rest().as_deref(), lines.rest()), (Some("three"), None));
        let flood = vec![b'x'; 64 << 10];
        assert!((0..32).any(|_| lines.add(&flood) == Err(SshTrouble::TooMuch)));
    }

    #[test]
    fn a_word_stays_a_word_in_the_shell() {
        let evil = "a'; rm -rf $HOME \"`id`\\";
        let said =
            std::process::Command::new("sh").args(["-c", &format!("printf %s {}", quoted(evil))]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&said.stdout), evil);
    }

    #[test]
    fn the_engines_key_is_made_once_and_nobody_else_reads_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = std::env::temp_dir().join(format!("vireo-ssh-{}", uuid::Uuid::new_v4()));
        fs::create_dir_all(&dir).unwrap();
        let first = EngineKey::open_or_create(&dir).unwrap().public_line();
        assert!(first.starts_with("ssh-ed25519 AAAA") && first.ends_with(COMMENT), "{first}");
        assert_eq!(EngineKey::open_or_create(&dir).unwrap().public_line(), first);
        let mode = fs::metadata(dir.join("ssh-key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::remove_dir_all(&dir).unwrap();
    }
}
