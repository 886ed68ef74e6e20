//! Guests that leave this host for another, or come to it. Nothing is kept but in memory: when the agent ends, its tunnels end, libvirt
//! gives the migration up and the guest runs on where it was.

mod course;
mod ping;
mod tunnel;

use super::connection::Libvirt;
use super::domains::{self, must_find};
use super::error::{from_libvirt, refused};
use super::ffi;
use super::identity::Identity;
use super::links;
use super::networks;
use super::payload;
use super::storage::{check_path, image_file};
use super::xml::parse;
use crate::model::ids::VmId;
use crate::model::migration::share_of_link;
use crate::wire::migrate::{Moved, Moving};
use crate::wire::{EnsureNetwork, ErrorCode, ExpectVm, Expected, ImagePath, MigrateVm, MigrationState, WireError};
use course::Course;
use ping::Pinger;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
pub use tunnel::Stream;
use tunnel::Tunnel;
use virt::domain::MigrateParameters;
use virt_sys as sys;

type Answer<T> = Result<T, WireError>;

/// What became of a migration is told for this long.
const KEPT: Duration = Duration::from_secs(3600);

/// The migrations of this host.
#[derive(Debug)]
pub struct Migrations {
    identity: Arc<Identity>,
    /// This host's libvirt, for those that come.
    libvirt_socket: PathBuf,
    coming: Mutex<HashMap<VmId, Coming>>,
    leaving: Mutex<HashMap<VmId, Arc<Leaving>>>,
}

/// A guest that may come in.
#[derive(Debug)]
struct Coming {
    ticket: String,
    /// Its connections; they end when nobody expects it any more.
    streams: Vec<tokio::task::AbortHandle>,
}

impl Drop for Coming {
    fn drop(&mut self) {
        self.streams.iter().for_each(tokio::task::AbortHandle::abort);
    }
}

/// A guest on its way.
#[derive(Debug)]
struct Leaving {
    begun: Instant,
    state: Mutex<MigrationState>,
    aborted: AtomicBool,
    /// It was told to go over before its memory.
    post_copy: AtomicBool,
}

impl Leaving {
    fn state(&self) -> MigrationState {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
    fn set(&self, state: MigrationState) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }
    fn is_running(&self) -> bool {
        matches!(self.state(), MigrationState::Running(_))
    }
}

impl Migrations {
    pub fn new(identity: Arc<Identity>, libvirt_socket: PathBuf) -> Self {
        Self { identity, libvirt_socket, coming: Mutex::default(), leaving: Mutex::default() }
    }

    fn coming(&self) -> MutexGuard<'_, HashMap<VmId, Coming>> {
        self.coming.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leaving(&self) -> MutexGuard<'_, HashMap<VmId, Arc<Leaving>>> {
        self.leaving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a guest in, if it finds here what it needs.
    ///
    /// # Errors
    /// A disk's file is not here, or this host's agent cannot take guests.
    pub async fn expect(&self, libvirt: &Libvirt, request: ExpectVm) -> Answer<Expected> {
        let (vm, ticket) = (request.vm, request.ticket);
        let expected = libvirt
            .with(move |connection| {
                request.images.iter().try_for_each(is_here)?;
                let capabilities =
                    connection.capabilities().map_err(|e| from_libvirt("the host's capabilities", &e))?;
                tunnel::prepare(vm, parse::dac_label(&capabilities))?;
                let ensure = |name: String| {
                    let state = networks::ensure(connection, &EnsureNetwork { name: name.clone() })?;
                    Ok::<_, WireError>((name, state.mode))
                };
                let networks = request.networks.into_iter().map(ensure).collect::<Result<_, _>>()?;
                let there = request.over.as_deref().and_then(links::on_network);
                let address = there.as_ref().map(|link| link.address);
                let link = there.or_else(|| links::with_address(&request.usual));
                Ok(Expected { networks, address, link_mbps: link.and_then(|link| link.mbps) })
            })
            .await?;
        self.coming().insert(vm, Coming { ticket, streams: Vec::new() });
        Ok(expected)
    }

    /// Lets nobody in any more: libvirt ends what came half.
    pub fn unexpect(&self, vm: VmId) {
        self.coming().remove(&vm);
    }

    /// Carries a stream of a guest that comes, for who has its ticket.
    ///
    /// # Errors
    /// The ticket is wrong, or nobody listens for the stream.
    pub async fn receive<S>(self: &Arc<Self>, vm: VmId, stream: Stream, ticket: &str, upgrade: S) -> Answer<()>
    where
        S: Future<Output = Option<Box<dyn Duplex>>> + Send + 'static,
    {
        let wrong = || refused(ErrorCode::NotFound, format!("VM {vm} is not expected here, or not with this ticket"));
        if self.coming().get(&vm).is_none_or(|coming| coming.ticket != ticket) {
            return Err(wrong());
        }
        let near = tunnel::target(vm, stream, &self.libvirt_socket).await?;
        let carried = tokio::spawn(async move {
            if let Some(far) = upgrade.await {
                super::console::carry(far, near).await;
            }
        });
        match self.coming().get_mut(&vm).filter(|coming| coming.ticket == ticket) {
            Some(coming) => coming.streams.push(carried.abort_handle()),
            None => {
                carried.abort();
                return Err(wrong());
            }
        }
        Ok(())
    }

    /// Sends a guest off. Under way already: fine. False: as many as may leave at a time are leaving.
    ///
    /// # Errors
    /// It does not run here, or there is no way for it.
    pub async fn start(self: &Arc<Self>, libvirt: &Libvirt, mut request: MigrateVm) -> Answer<bool> {
        let vm = request.vm;
        let leaving = {
            let mut all = self.leaving();
            all.retain(|_, one| one.is_running() || one.begun.elapsed() < KEPT);
            if all.get(&vm).is_some_and(|one| one.is_running()) {
                return Ok(true);
            }
            if all.values().filter(|one| one.is_running()).count() >= request.at_once {
                return Ok(false);
            }
            let leaving = Arc::new(Leaving {
                begun: Instant::now(),
                state: Mutex::new(MigrationState::Running(Moving::default())),
                aborted: AtomicBool::new(false),
                post_copy: AtomicBool::new(false),
            });
            all.insert(vm, leaving.clone());
            leaving
        };
        let (address, port) = (request.address.clone(), request.port);
        let ready = libvirt.with(move |connection| {
            let domain = must_find(connection, vm)?;
            if !domains::is_active(&domain)? {
                return Err(refused(ErrorCode::WrongState, format!("VM {vm} does not run on this host")));
            }
            payload::eject(&domain)?;
            let capabilities = connection.capabilities().map_err(|e| from_libvirt("the host's capabilities", &e))?;
            let qemu = parse::dac_label(&capabilities);
            tunnel::prepare(vm, qemu)?;
            Ok((qemu, links::speed_towards(&address, port)))
        });
        let opened = ready.await.and_then(|(qemu, own_link)| {
            let slower = [own_link, request.link_mbps].into_iter().flatten().min();
            let share = slower.map(|mbps| share_of_link(mbps, request.at_once));
            request.policy.bandwidth_mib = request.policy.bandwidth_mib.or(share);
            let (to, mib_per_second) = (&request.address, request.policy.bandwidth_mib);
            tracing::info!(%vm, to, mib_per_second, "a guest leaves");
            Tunnel::open(&request, self.identity.dir(), qemu)
        });
        let tunnel = opened.inspect_err(|_| drop(self.leaving().remove(&vm)))?;
        tokio::spawn(go(libvirt.clone(), request, tunnel, leaving));
        Ok(true)
    }

    /// How far a guest is.
    pub fn progress(&self, vm: VmId) -> MigrationState {
        self.leaving().get(&vm).map_or(MigrationState::None, |leaving| leaving.state())
    }

    /// Has a guest stay. It does not leave: fine.
    ///
    /// # Errors
    /// libvirt's.
    pub async fn abort(&self, libvirt: &Libvirt, vm: VmId) -> Answer<()> {
        let Some(leaving) = self.leaving().get(&vm).filter(|one| one.is_running()).cloned() else { return Ok(()) };
        leaving.aborted.store(true, Ordering::Relaxed);
        libvirt
            .with(move |connection| match domains::find(connection, vm)? {
                Some(domain) => match ffi::abort_job(&domain) {
                    Err(e) if leaving.is_running() => Err(from_libvirt(&format!("the migration of VM {vm}"), &e)),
                    _ => Ok(()),
                },
                None => Ok(()),
            })
            .await
    }
}

/// Both ways of a connection.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

fn is_here(image: &ImagePath) -> Answer<()> {
    check_path(&image.domain)?;
    let file = image_file(image);
    std::fs::metadata(&file).map(drop).map_err(|e| super::error::from_io(&file, &e))
}

/// The whole way of one guest.
async fn go(libvirt: Libvirt, request: MigrateVm, tunnel: Tunnel, leaving: Arc<Leaving>) {
    let pinger = Pinger::start(&request.ping);
    let (vm, uri, policy) = (request.vm, tunnel.libvirt_uri(), request.policy.clone());
    let course = tokio::spawn(Course::new(vm, policy.clone()).follow(libvirt.clone(), leaving.clone()));
    let moved = libvirt
        .long(move |connection| {
            let domain = must_find(connection, vm)?;
            let mut flags = sys::VIR_MIGRATE_LIVE
                | sys::VIR_MIGRATE_PEER2PEER
                | sys::VIR_MIGRATE_PERSIST_DEST
                | sys::VIR_MIGRATE_ABORT_ON_ERROR
                // The engine knows that both hosts have the disks; libvirt only believes it of a few file systems.
                | sys::VIR_MIGRATE_UNSAFE;
            for (wanted, flag) in [
                (policy.auto_converge, sys::VIR_MIGRATE_AUTO_CONVERGE),
                (policy.compress, sys::VIR_MIGRATE_COMPRESSED),
                (policy.post_copy, sys::VIR_MIGRATE_POSTCOPY),
            ] {
                flags |= if wanted { flag } else { 0 };
            }
            let parameters = MigrateParameters {
                uri: Some(format!("unix://{}", tunnel::memory_socket(vm).display())),
                bandwidth: policy.bandwidth_mib,
                ..MigrateParameters::default()
            };
            domain.migrate_to_uri3(Some(&uri), parameters, flags).map_err(|e| from_libvirt("moving it", &e))
        })
        .await;
    course.abort();
    let elapsed_ms = millis(leaving.begun.elapsed());
    let state = match moved {
        Ok(()) => {
            let gap = tokio::task::spawn_blocking(move || pinger.and_then(Pinger::end)).await.ok().flatten();
            let downtime_ms = course::downtime(&libvirt, vm).await;
            let post_copy = leaving.post_copy.load(Ordering::Relaxed);
            MigrationState::Done(Moved { elapsed_ms, downtime_ms, ping_gap_ms: gap.map(millis), post_copy })
        }
        Err(_) if leaving.aborted.load(Ordering::Relaxed) => {
            MigrationState::Failed { because: "it was cancelled".to_owned() }
        }
        Err(error) => MigrationState::Failed { because: with_remedy(error.message) },
    };
    drop(tunnel);
    leaving.set(state);
}

/// QEMU says of post-copy that it does not go, and not what would let it.
fn with_remedy(message: String) -> String {
    if !message.contains("Postcopy is not supported") {
        return message;
    }
    let remedy = "its QEMU may not use userfaultfd on the host it goes to: set vm.unprivileged_userfaultfd = 1 there with sysctl, or choose another policy";
    format!("{message} ({remedy})")
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lets_post_copy_go_is_said() {
        let qemu = "unable to execute QEMU command 'migrate-set-capabilities': Postcopy is not supported";
        assert!(with_remedy(qemu.to_owned()).contains("vm.unprivileged_userfaultfd = 1"));
        assert_eq!(with_remedy("broken pipe".to_owned()), "broken pipe");
    }
}
