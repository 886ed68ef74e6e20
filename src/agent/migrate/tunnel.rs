//! The way of a migrating guest between two agents. At the source libvirt and QEMU find UNIX sockets; each connection to one becomes a TLS
//! connection to the target's agent, which passes it on to its libvirt, or to the QEMU that waits for the guest there.

use crate::agent::console::carry;
use crate::agent::error::{from_io, refused};
use crate::model::ids::VmId;
use crate::wire::migrate::{MIGRATION_PROTOCOL, MigrateVm};
use crate::wire::pin::Pinned;
use crate::wire::tls::{TlsError, identity};
use crate::wire::upgrade::Upgrade;
use crate::wire::{ErrorCode, WireError};
use rustls::ClientConfig;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

/// The same on all hosts: QEMU is told one path, on which it listens at the target and calls at the source.
const DIR: &str = "/run/vireo/migrations";

/// What is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// What the two libvirts say to each other.
    Control,
    /// The guest.
    Memory,
}

impl Stream {
    const fn word(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Memory => "memory",
        }
    }
}

impl std::str::FromStr for Stream {
    type Err = WireError;
    fn from_str(word: &str) -> Result<Self, WireError> {
        match word {
            "control" => Ok(Self::Control),
            "memory" => Ok(Self::Memory),
            _ => Err(refused(ErrorCode::NotFound, format!("a migration has no stream {word:?}"))),
        }
    }
}

/// Where QEMU listens at the target and calls at the source.
pub fn memory_socket(vm: VmId) -> PathBuf {
    Path::new(DIR).join(vm.to_string())
}

fn control_socket(vm: VmId) -> PathBuf {
    Path::new(DIR).join(format!("{vm}.libvirt"))
}

/// Makes the folder, for QEMU's user (libvirt's DAC base label) to make its socket in, and takes away what an earlier attempt left.
///
/// # Errors
/// It cannot be written: only root's agent can move guests.
pub fn prepare(vm: VmId, qemu: Option<(u32, u32)>) -> Result<(), WireError> {
    let dir = Path::new(DIR);
    fs::create_dir_all(dir).map_err(|e| from_io(dir, &e))?;
    let own = || {
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
        qemu.map_or(Ok(()), |(user, group)| chown(dir, Some(user), Some(group)))
    };
    own().map_err(|e| from_io(dir, &e))?;
    for socket in [memory_socket(vm), control_socket(vm)] {
        match fs::remove_file(&socket) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(from_io(&socket, &e)),
            _ => {}
        }
    }
    Ok(())
}

/// The source's sockets; they go with this.
pub struct Tunnel {
    vm: VmId,
    doors: Vec<JoinHandle<()>>,
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.doors.iter().for_each(JoinHandle::abort);
        for socket in [memory_socket(self.vm), control_socket(self.vm)] {
            let _ = fs::remove_file(socket);
        }
    }
}

impl Tunnel {
    /// Opens the sockets; QEMU's user may connect to that of the memory.
    ///
    /// # Errors
    /// They cannot be made, or the agent has no certificate.
    pub fn open(request: &MigrateVm, tls_dir: &Path, qemu: Option<(u32, u32)>) -> Result<Self, WireError> {
        let tls = Arc::new(client(tls_dir, &request.fingerprint).map_err(|e| refused(ErrorCode::Io, e.to_string()))?);
        let mut tunnel = Self { vm: request.vm, doors: Vec::new() };
        for stream in [Stream::Control, Stream::Memory] {
            let path = if stream == Stream::Control { control_socket(request.vm) } else { memory_socket(request.vm) };
            let listener = UnixListener::bind(&path).map_err(|e| from_io(&path, &e))?;
            if let Some((user, group)) = qemu.filter(|_| stream == Stream::Memory) {
                chown(&path, Some(user), Some(group)).map_err(|e| from_io(&path, &e))?;
            }
            tunnel.doors.push(tokio::spawn(door(listener, request.clone(), stream, tls.clone())));
        }
        Ok(tunnel)
    }

    /// What libvirt connects to.
    pub fn libvirt_uri(&self) -> String {
        format!("qemu+unix:///system?socket={}", control_socket(self.vm).display())
    }
}

fn client(tls_dir: &Path, fingerprint: &str) -> Result<ClientConfig, TlsError> {
    let (chain, key) = identity(tls_dir, "host")?;
    let pinned = ClientConfig::builder().dangerous().with_custom_certificate_verifier(Pinned::key(fingerprint));
    Ok(pinned.with_client_auth_cert(chain, key)?)
}

/// Passes on each connection to the target.
async fn door(listener: UnixListener, request: MigrateVm, stream: Stream, tls: Arc<ClientConfig>) {
    let address = if request.address.contains(':') {
        format!("[{}]:{}", request.address, request.port)
    } else {
        format!("{}:{}", request.address, request.port)
    };
    let path = format!("/v1/migrations/{}/{}", request.vm, stream.word());
    // They end with the tunnel.
    let mut carried = tokio::task::JoinSet::new();
    while let Ok((near, _)) = listener.accept().await {
        let (address, path, ticket, tls) = (address.clone(), path.clone(), request.ticket.clone(), tls.clone());
        carried.spawn(async move {
            let upgrade =
                Upgrade { address: &address, path: &path, protocol: MIGRATION_PROTOCOL, ticket: Some(&ticket) };
            match upgrade.dial(tls).await {
                Ok(far) => carry(far, near).await,
                Err(error) => tracing::warn!(address, path, %error, "a migration's way to the other host"),
            }
        });
    }
}

/// At the target: what the stream leads to.
///
/// # Errors
/// Nobody listens there.
pub async fn target(vm: VmId, stream: Stream, libvirt: &Path) -> Result<UnixStream, WireError> {
    let path = if stream == Stream::Control { libvirt.to_owned() } else { memory_socket(vm) };
    UnixStream::connect(&path).await.map_err(|e| from_io(&path, &e))
}
