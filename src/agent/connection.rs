//! The connection to libvirtd: opened again whenever it is lost.

use super::error::{from_libvirt, refused};
use super::events::Hub;
use super::{domains, ffi};
use crate::model::ids::VmId;
use crate::wire::{ErrorCode, HostEvent, WireError};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use virt::connect::Connect;

/// What libvirt's callbacks say, before anything is asked.
#[derive(Debug)]
pub enum Raw {
    Changed(uuid::Uuid),
    Undefined(uuid::Uuid),
    Rebooted(uuid::Uuid),
    /// The guest did not stroke its watchdog, which powers it off or does something else.
    Watchdog {
        vm: uuid::Uuid,
        powers_off: bool,
    },
    Closed,
}

/// libvirt's calls block; so many verbs may run at once.
const VERBS_AT_ONCE: usize = 16;
/// What the agent asks for itself has threads of its own: events go on while every verb waits for a slow guest.
const REPORTS_AT_ONCE: usize = 6;
/// More guests than that leave no host at a time.
const LONG_AT_ONCE: usize = 16;

/// A libvirtd that may come and go. Cheap to clone.
#[derive(Clone)]
pub struct Libvirt {
    current: Arc<RwLock<Option<Connect>>>,
    verbs: Arc<Semaphore>,
    reports: Arc<Semaphore>,
    long: Arc<Semaphore>,
}

impl Libvirt {
    /// Connects in the background, and again whenever the connection is lost, until the task is aborted.
    pub fn start(uri: String, hub: Hub) -> (Self, JoinHandle<()>) {
        ffi::start_event_loop();
        let libvirt = Self {
            current: Arc::default(),
            verbs: Arc::new(Semaphore::new(VERBS_AT_ONCE)),
            reports: Arc::new(Semaphore::new(REPORTS_AT_ONCE)),
            long: Arc::new(Semaphore::new(LONG_AT_ONCE)),
        };
        let keeper = tokio::spawn(libvirt.clone().keep(uri, hub));
        (libvirt, keeper)
    }

    async fn keep(self, uri: String, hub: Hub) {
        loop {
            let (sender, mut heard) = mpsc::unbounded_channel();
            let target = uri.clone();
            let opened = tokio::task::spawn_blocking(move || open(&target, &sender)).await;
            match opened {
                Ok(Ok(connection)) => {
                    self.set(Some(connection));
                    hub.tell(HostEvent::Libvirt { connected: true });
                    if let Ok(domains) = self.report(domains::list).await {
                        hub.tell(HostEvent::Snapshot { domains: hub.with_reasons(domains) });
                    }
                    self.relay(&mut heard, &hub).await;
                    self.set(None);
                    hub.tell(HostEvent::Libvirt { connected: false });
                    tracing::warn!("the connection to libvirtd is lost");
                }
                Ok(Err(e)) => tracing::debug!("libvirtd does not answer yet: {e}"),
                Err(e) => tracing::error!("opening libvirt failed: {e}"),
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    async fn relay(&self, heard: &mut mpsc::UnboundedReceiver<Raw>, hub: &Hub) {
        let mut check = tokio::time::interval(Duration::from_secs(5));
        loop {
            let event = tokio::select! {
                event = heard.recv() => event,
                _ = check.tick() => {
                    if !self.is_alive().await { return }
                    continue;
                }
            };
            match event {
                None | Some(Raw::Closed) => return,
                Some(Raw::Rebooted(vm)) => hub.rebooted(VmId(vm)),
                Some(Raw::Watchdog { vm, powers_off }) => hub.watchdog(VmId(vm), powers_off),
                Some(Raw::Undefined(vm)) => hub.domain(domains::missing(VmId(vm))),
                Some(Raw::Changed(vm)) => match self.report(move |c| domains::report_of(c, VmId(vm))).await {
                    Ok(Some(report)) => hub.domain(report),
                    Ok(None) => {}
                    Err(e) => tracing::debug!("{e}"),
                },
            }
        }
    }

    async fn is_alive(&self) -> bool {
        self.report(|c| c.is_alive().map_err(|e| from_libvirt("libvirtd", &e))).await.unwrap_or(false)
    }

    fn set(&self, connection: Option<Connect>) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = connection;
    }

    fn get(&self) -> Option<Connect> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs a verb's `work` with the connection on a thread that may block.
    ///
    /// # Errors
    /// What `work` returns, or `LibvirtGone` while there is no connection.
    pub async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connect) -> Result<T, WireError> + Send + 'static,
    ) -> Result<T, WireError> {
        self.run(&self.verbs, work).await
    }

    /// Runs what may take hours and hold nobody else up.
    ///
    /// # Errors
    /// What `work` returns, or `LibvirtGone` while there is no connection.
    pub async fn long<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connect) -> Result<T, WireError> + Send + 'static,
    ) -> Result<T, WireError> {
        self.run(&self.long, work).await
    }

    /// Runs what the agent asks for its own reports.
    ///
    /// # Errors
    /// What `work` returns, or `LibvirtGone` while there is no connection.
    pub async fn report<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connect) -> Result<T, WireError> + Send + 'static,
    ) -> Result<T, WireError> {
        self.run(&self.reports, work).await
    }

    async fn run<T: Send + 'static>(
        &self,
        slots: &Arc<Semaphore>,
        work: impl FnOnce(&Connect) -> Result<T, WireError> + Send + 'static,
    ) -> Result<T, WireError> {
        let gone = || refused(ErrorCode::LibvirtGone, "libvirtd on this host does not answer just now");
        let slot = slots.clone().acquire_owned().await.map_err(|_| gone())?;
        let connection = self.get().ok_or_else(gone)?;
        let call = move || {
            // The call goes on when nobody waits for it any more: it keeps its place until it ends.
            let _slot = slot;
            work(&connection)
        };
        match tokio::task::spawn_blocking(call).await {
            Ok(result) => result,
            Err(e) => Err(refused(ErrorCode::Libvirt, format!("a libvirt call ended early: {e}"))),
        }
    }
}

fn open(uri: &str, sender: &mpsc::UnboundedSender<Raw>) -> Result<Connect, virt::error::Error> {
    let connection = Connect::open(Some(uri))?;
    // The test driver and QEMU's session socket know no keep-alive; a lost connection is then found by the next call.
    if let Err(e) = connection.set_keep_alive(5, 3) {
        tracing::debug!("no keep-alive with libvirtd: {e}");
    }
    if let Err(e) = ffi::register(&connection, sender) {
        tracing::warn!("libvirtd reports no events: {e}");
    }
    Ok(connection)
}
