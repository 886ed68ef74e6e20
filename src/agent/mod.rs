//! The host side: it drives libvirt, qemu-img and the kernel, and holds no state that they do not hold. It can be killed and started at
//! any moment without a guest noticing.

mod adjust;
mod block_jobs;
pub mod connection;
pub mod console;
mod cpu;
mod cut_short;
pub mod domains;
pub mod error;
pub mod events;
pub mod facts;
mod fence;
mod ffi;
mod floppy;
pub mod guest;
mod guest_details;
mod guest_files;
pub mod host_upgrade;
mod identity;
pub mod images;
mod inventory;
pub mod join;
mod ksm;
mod lease;
pub mod libvirtd;
mod links;
mod memory;
mod merge;
mod migrate;
pub mod networks;
pub mod payload;
mod qemu_img;
mod renew;
mod seal;
pub mod server;
pub mod service;
mod snapshots;
pub mod stats;
pub mod storage;
mod thumbnail;
pub mod viewer;
pub mod xml;

pub use error::AgentError;
pub use host_upgrade::Anew;

use crate::wire::display::Displays;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::oneshot;

/// How an agent is started.
#[derive(Debug, Clone)]
pub struct AgentConfig {
    pub listen: SocketAddr,
    /// Folder with `ca.pem`, `host.pem`, `host-key.pem`.
    pub tls_dir: PathBuf,
    /// None: the system's libvirtd, or one of its own under `data_dir` where there is none.
    pub libvirt_uri: Option<String>,
    pub data_dir: PathBuf,
    /// Where its program is; none: it runs in the engine's process.
    pub program: Option<PathBuf>,
    /// Something else sees to this machine's packages.
    pub keep_packages: bool,
}

/// What an agent that is ready has to offer.
#[derive(Debug)]
pub struct Ready {
    /// Where it listens; the port may have been asked for as 0.
    pub address: SocketAddr,
    pub displays: Displays,
}

/// Runs until `stop` fires. What is returned is to be started then, if anything: the agent's next program.
///
/// # Errors
/// The port is taken, certificates are missing, or no libvirtd can be had.
pub async fn run(
    config: AgentConfig,
    ready: oneshot::Sender<Ready>,
    stop: impl Future<Output = ()>,
) -> Result<Option<Anew>, AgentError> {
    let upgrades = host_upgrade::Upgrades::new(&config);
    let libvirtd = libvirtd::Libvirtd::ensure(config.libvirt_uri.as_deref(), &config.data_dir).await?;
    let hub = events::Hub::default();
    let (libvirt, keeper) = connection::Libvirt::start(libvirtd.uri().to_owned(), hub.clone());
    let identity = Arc::new(identity::Identity::open(&config.tls_dir)?);
    let viewers = viewer::Viewers::new(identity.clone(), config.listen.ip());
    let migrations = Arc::new(migrate::Migrations::new(identity.clone(), libvirtd.socket()));
    let leases = lease::Leases::new(&identity);
    let data_dir = config.data_dir;
    let agent = Arc::new(server::Agent {
        libvirt: libvirt.clone(),
        hub: hub.clone(),
        data_dir,
        viewers,
        identity,
        migrations,
        leases,
        leaving: tokio::sync::Notify::new(),
        upgrades,
    });
    let tasks =
        [keeper, tokio::spawn(stats::run(libvirt.clone(), hub.clone())), tokio::spawn(guest::run(libvirt, hub))];
    let inner = agent.clone();
    let stop = async move {
        tokio::select! { () = stop => {}, () = inner.upgrades.stops() => {} }
    };
    let served = server::serve(agent.clone(), config.listen, ready, stop).await;
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
    libvirtd.release().await;
    served.map(|()| agent.upgrades.anew().cloned())
}
