//! An agent without libvirt, for tests of what the engine does with answers, refusals and silence. What libvirt really does is
//! tested with libvirt.

use crate::model::host_upgrade::Package;
use crate::model::ids::VmId;
use crate::wire::event::{DomainState, StopReason};
use crate::wire::host_upgrade::{PackagesRun, Program, UpgradeFound};
use crate::wire::network::{NetworkMode, NetworkState};
use crate::wire::{
    Adjusted, CpuCompared, DomainReport, DomainSpace, ErrorCode, HostCapabilities, HostEvent, ImageInfo, MemorySaved,
    MergeState, Placed, RefusedPart, SealProgress, SealSupported, SnapshotTaken, VmSpec, WireError,
};
use bytes::Bytes;
use futures_util::StreamExt as _;
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::convert::Infallible;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio_rustls::TlsAcceptor;

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// The agent's side.
pub(in crate::engine) struct FakeAgent {
    pub port: u16,
    inner: Mutex<Inner>,
    events: broadcast::Sender<HostEvent>,
}

#[derive(Default)]
struct Inner {
    domains: BTreeMap<VmId, DomainReport>,
    /// What verbs are refused with.
    refuse: HashMap<String, ErrorCode>,
    deaf_guests: bool,
    guest_agents: bool,
    no_sealing: bool,
    old_cpu: bool,
    /// `disk/image` of every image file there is.
    images: BTreeSet<String>,
    calls: Vec<String>,
    rebooted: HashMap<VmId, std::time::Instant>,
    refused_parts: Vec<RefusedPart>,
    plugged: HashMap<VmId, Vec<String>>,
    /// Its digest; empty: an old one.
    program: String,
    broken_packages: bool,
    upgraded: bool,
    restarted: bool,
}

/// A display that greets.
fn console(request: Request<Incoming>) -> Response<Body> {
    tokio::spawn(async move {
        let mut io = TokioIo::new(hyper::upgrade::on(request).await.unwrap());
        tokio::io::AsyncWriteExt::write_all(&mut io, b"RFB 003.008\n").await.unwrap();
        std::future::pending::<()>().await;
    });
    let mut response = Response::new(Full::new(Bytes::new()).boxed_unsync());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert("connection", "upgrade".parse().unwrap());
    headers.insert("upgrade", crate::wire::CONSOLE_PROTOCOL.parse().unwrap());
    response
}

/// A guest takes a file, or does not.
fn guest_file(refused: Option<ErrorCode>) -> Response<Body> {
    let text = match refused {
        Some(code) => serde_json::to_vec(&WireError { code, message: "files are refused by this test".to_owned() }),
        None => serde_json::to_vec(&Placed { path: "/srv/class/it".to_owned() }),
    };
    let mut response = Response::new(Full::new(Bytes::from(text.unwrap())).boxed_unsync());
    *response.status_mut() = if refused.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    response
}

impl FakeAgent {
    /// Listens on a free port with the certificates of `tls_dir`.
    pub(in crate::engine) async fn start(tls_dir: &Path) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(crate::wire::tls::agent_config(tls_dir).unwrap()));
        let port = listener.local_addr().unwrap().port();
        let agent = Arc::new(Self { port, inner: Mutex::default(), events: broadcast::channel(64).0 });
        let serving = agent.clone();
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (agent, acceptor) = (serving.clone(), acceptor.clone());
                tokio::spawn(async move {
                    let stream = acceptor.accept(tcp).await.unwrap();
                    let service = service_fn(move |request| {
                        let agent = agent.clone();
                        async move { Ok::<_, Infallible>(agent.answer(request).await) }
                    });
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .with_upgrades()
                        .await;
                });
            }
        });
        agent
    }

    /// From now on this verb is refused.
    pub(in crate::engine) fn refuse(&self, verb: &str, code: ErrorCode) {
        self.inner.lock().unwrap().refuse.insert(verb.to_owned(), code);
    }
    /// From now on all verbs are done again.
    pub(in crate::engine) fn obey(&self) {
        self.inner.lock().unwrap().refuse.clear();
    }
    /// Guests do not listen when they are asked to shut down or reboot.
    pub(in crate::engine) fn deafen_guests(&self) {
        self.inner.lock().unwrap().deaf_guests = true;
    }
    /// Guests that start from now on have an agent that answers.
    pub(in crate::engine) fn equip_guests(&self) {
        self.inner.lock().unwrap().guest_agents = true;
    }
    /// The host has nothing to seal with.
    pub(in crate::engine) fn forget_sealing(&self) {
        self.inner.lock().unwrap().no_sealing = true;
    }
    /// The host has an older CPU from its next greeting on.
    pub(in crate::engine) fn age(&self) {
        self.inner.lock().unwrap().old_cpu = true;
    }
    pub(in crate::engine) fn state(&self, vm: VmId) -> Option<DomainState> {
        self.inner.lock().unwrap().domains.get(&vm).map(|d| d.state)
    }
    /// How often a verb was asked for.
    pub(in crate::engine) fn calls(&self, verb: &str) -> usize {
        self.inner.lock().unwrap().calls.iter().filter(|call| *call == verb).count()
    }
    pub(in crate::engine) fn images(&self) -> BTreeSet<String> {
        self.inner.lock().unwrap().images.clone()
    }
    /// Tells what is not so any more.
    pub(in crate::engine) fn tell_late(&self, vm: VmId, state: DomainState, stop_reason: Option<StopReason>) {
        let _ = self.events.send(HostEvent::Domain(DomainReport { vm, state, stop_reason, agent_connected: false }));
    }
    /// A guest ends by itself.
    pub(in crate::engine) fn end(&self, vm: VmId, reason: StopReason) {
        self.set(vm, DomainState::Shutoff, Some(reason));
    }
    /// A guest's own agent answers from now on.
    pub(in crate::engine) fn connect_agent(&self, vm: VmId) {
        let report = DomainReport { vm, state: DomainState::Running, stop_reason: None, agent_connected: true };
        self.inner.lock().unwrap().domains.insert(vm, report.clone());
        let _ = self.events.send(HostEvent::Domain(report));
    }
    /// A guest runs that nobody asked for.
    pub(in crate::engine) fn appear(&self, vm: VmId) {
        self.set(vm, DomainState::Running, None);
    }

    fn set(&self, vm: VmId, state: DomainState, stop_reason: Option<StopReason>) -> DomainReport {
        let agent_connected = state == DomainState::Running && self.inner.lock().unwrap().guest_agents;
        let report = DomainReport { vm, state, stop_reason, agent_connected };
        self.inner.lock().unwrap().domains.insert(vm, report.clone());
        let _ = self.events.send(HostEvent::Domain(report.clone()));
        report
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let path = request.uri().path().to_owned();
        if path == "/v1/events" {
            return self.stream();
        }
        if path.starts_with("/v1/program/") {
            let _ = request.into_body().collect().await.unwrap();
            return Response::new(Full::new(Bytes::from_static(b"null")).boxed_unsync());
        }
        if path.starts_with("/v1/consoles/") {
            return console(request);
        }
        if path.starts_with("/v1/guest-files/") {
            let refused = self.inner.lock().unwrap().refuse.get("guest-files").copied();
            let _ = request.into_body().collect().await.unwrap();
            return guest_file(refused);
        }
        let verb = path.rsplit('/').next().unwrap().to_owned();
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        if verb == "suspend_vm" {
            // libvirt tells of the stop before it has kept the saved state.
            let vm = serde_json::from_value(body["vm"].clone()).unwrap();
            self.set(vm, DomainState::Shutoff, Some(StopReason::Saved));
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
        let refused = {
            let mut inner = self.inner.lock().unwrap();
            inner.calls.push(verb.clone());
            inner.refuse.get(&verb).copied()
        };
        let (status, text) = match refused {
            Some(code) => {
                let error = WireError { code, message: format!("{verb} is refused by this test") };
                (StatusCode::CONFLICT, serde_json::to_vec(&error).unwrap())
            }
            None => (StatusCode::OK, self.obeyed(&verb, &body)),
        };
        let mut response = Response::new(Full::new(Bytes::from(text)).boxed_unsync());
        *response.status_mut() = status;
        response
    }

    fn obeyed(&self, verb: &str, body: &serde_json::Value) -> Vec<u8> {
        let vm = body.get("vm").and_then(|v| v.as_str()).and_then(|text| text.parse::<VmId>().ok());
        let deaf = self.inner.lock().unwrap().deaf_guests;
        let (state, reason) = match (verb, vm) {
            ("start_vm" | "start_from_memory", _) => {
                let vm = body["vm"]["id"].as_str().unwrap().parse().unwrap();
                return serde_json::to_vec(&self.set(vm, DomainState::Running, None)).unwrap();
            }
            ("stop_vm" | "forget_vm" | "save_memory", _) => (Some(DomainState::Shutoff), Some(StopReason::Destroyed)),
            ("shutdown_vm", _) if !deaf => (Some(DomainState::Shutoff), Some(StopReason::Shutdown)),
            ("suspend_vm", _) => (Some(DomainState::Saved), Some(StopReason::Saved)),
            ("pause_vm", _) => (Some(DomainState::Paused), None),
            ("resume_vm", _) => (Some(DomainState::Running), None),
            ("reboot_vm" | "reset_vm", Some(vm)) if !deaf || verb == "reset_vm" => {
                self.inner.lock().unwrap().rebooted.insert(vm, std::time::Instant::now());
                let _ = self.events.send(HostEvent::Rebooted { vm, millis_ago: 0 });
                (None, None)
            }
            _ => (None, None),
        };
        if let (Some(vm), Some(state)) = (vm, state) {
            self.set(vm, state, reason);
        }
        self.keep_files(verb, body);
        let reply = match verb {
            "host_info" => serde_json::to_vec(&self.capabilities()),
            "compare_cpu" => {
                let missing = ["sse4.1", "sse4.2"].map(str::to_owned).into();
                serde_json::to_vec(&CpuCompared { known: true, missing })
            }
            "list_domains" => serde_json::to_vec(&self.reports()),
            "ensure_network" => serde_json::to_vec(&NetworkState { mode: NetworkMode::User }),
            "create_domain" | "domain_info" => {
                serde_json::to_vec(&DomainSpace { total_bytes: 1 << 40, available_bytes: 1 << 39 })
            }
            "adjust_vm" => serde_json::to_vec(&self.adjusted(body)),
            "snapshot_vm" => serde_json::to_vec(&SnapshotTaken { running: true, frozen: false }),
            "save_memory" => serde_json::to_vec(&MemorySaved { bytes: 1 << 26 }),
            "seal_support" => serde_json::to_vec(&SealSupported { sealing: !self.inner.lock().unwrap().no_sealing }),
            "seal_images" | "seal_log" => {
                serde_json::to_vec(&SealProgress { percent: 98, log: "[ 0.0] Examining the guest ...\n".to_owned() })
            }
            "merge_image" => serde_json::to_vec(&MergeState { done: true, percent: 100 }),
            "create_image" | "copy_image" | "inspect_image" => {
                serde_json::to_vec(&ImageInfo { virtual_bytes: 1 << 30, actual_bytes: 1 << 20 })
            }
            "check_upgrade" | "upgrade_packages" | "program_info" | "start_program" | "restart_host" => {
                Ok(self.upgrade(verb, body))
            }
            _ => serde_json::to_vec(&()),
        };
        reply.unwrap()
    }

    /// Its packages are broken, or not any more.
    pub(in crate::engine) fn break_packages(&self, broken: bool) {
        self.inner.lock().unwrap().broken_packages = broken;
    }

    fn upgrade(&self, verb: &str, body: &serde_json::Value) -> Vec<u8> {
        let mut inner = self.inner.lock().unwrap();
        let text = |word: &str| word.to_owned();
        let reply = match verb {
            "check_upgrade" => {
                let zip = Package { name: text("zip"), from: text("1"), to: text("2") };
                let packages = if inner.upgraded { Vec::new() } else { vec![zip] };
                let reboot_required = !inner.restarted;
                serde_json::to_vec(&UpgradeFound { packages, reboot_required, ..UpgradeFound::default() })
            }
            "upgrade_packages" => {
                inner.upgraded |= !inner.broken_packages;
                let (exit, log) =
                    if inner.broken_packages { (100, "E: zip is broken\n") } else { (0, "Setting up zip (2) ...\n") };
                serde_json::to_vec(&PackagesRun { exit: Some(exit), log: text(log), ..PackagesRun::default() })
            }
            "program_info" => serde_json::to_vec(&Program {
                sha256: inner.program.clone(),
                replaceable: true,
                put_back: None,
                boot_id: inner.restarted.to_string(),
            }),
            "start_program" => {
                inner.program = body["sha256"].as_str().unwrap().to_owned();
                serde_json::to_vec(&())
            }
            _ => {
                inner.restarted = true;
                serde_json::to_vec(&())
            }
        };
        reply.unwrap()
    }

    fn capabilities(&self) -> HostCapabilities {
        let cpus: &[&str] = if self.inner.lock().unwrap().old_cpu { &["qemu64"] } else { &["qemu64", "Nehalem"] };
        HostCapabilities {
            hostname: "test".to_owned(),
            sockets: 1,
            cores_per_socket: 4,
            threads_per_core: 1,
            memory_mib: 8192,
            max_vcpus: 8,
            machines: ["pc", "pc-q35-8.2", "microvm"].map(str::to_owned).into(),
            cpu_models: cpus.iter().map(|cpu| (*cpu).to_owned()).collect(),
            ..HostCapabilities::default()
        }
    }

    /// It has all that it was told to have, but for what guests are told to refuse.
    fn adjusted(&self, body: &serde_json::Value) -> Adjusted {
        let spec: VmSpec = serde_json::from_value(body["vm"].clone()).unwrap();
        let refused = self.inner.lock().unwrap().refused_parts.clone();
        let plugged = spec.nics.iter().map(|nic| nic.mac.to_string()).collect();
        self.inner.lock().unwrap().plugged.insert(spec.id, plugged);
        let (vcpus, memory_mib) = (spec.sockets * spec.cores * spec.threads, spec.memory_mib);
        Adjusted { vm: spec.id, vcpus, memory_mib, refused }
    }

    /// What guests refuse from now on when they are changed.
    pub(in crate::engine) fn refuse_parts(&self, parts: Vec<RefusedPart>) {
        self.inner.lock().unwrap().refused_parts = parts;
    }

    /// The addresses of the network cards that a guest was told to have.
    pub(in crate::engine) fn plugged(&self, vm: VmId) -> Vec<String> {
        self.inner.lock().unwrap().plugged.get(&vm).cloned().unwrap_or_default()
    }

    fn keep_files(&self, verb: &str, body: &serde_json::Value) {
        let images = &mut self.inner.lock().unwrap().images;
        let name = |image: &serde_json::Value| format!("{}/{}", image["disk"], image["image"]);
        match verb {
            "create_image" | "copy_image" => {
                images.insert(name(if verb == "create_image" { &body["image"] } else { &body["target"] }));
            }
            "save_memory" => {
                images.insert(name(&body["to"]));
            }
            "remove_image" => {
                images.remove(&name(&body["image"]));
            }
            "merge_image" => {
                images.remove(&name(&body["top"]));
            }
            "remove_disk" => images.retain(|image| !image.starts_with(&body["disk"].to_string())),
            _ => {}
        }
    }

    fn reports(&self) -> Vec<DomainReport> {
        self.inner.lock().unwrap().domains.values().cloned().collect()
    }

    fn stream(&self) -> Response<Body> {
        let news = self.events.subscribe();
        let domains = self.reports();
        let inner = self.inner.lock().unwrap();
        let reboots = inner
            .rebooted
            .iter()
            .map(|(&vm, at)| HostEvent::Rebooted { vm, millis_ago: u64::try_from(at.elapsed().as_millis()).unwrap() })
            .collect::<Vec<_>>();
        let first = futures_util::stream::iter([HostEvent::Snapshot { domains }].into_iter().chain(reboots));
        let rest = tokio_stream::wrappers::BroadcastStream::new(news).filter_map(|event| async { event.ok() });
        let lines = first.chain(rest).map(|event| {
            let mut line = serde_json::to_vec(&event).unwrap();
            line.push(b'\n');
            Ok::<_, Infallible>(Frame::data(Bytes::from(line)))
        });
        Response::new(StreamBody::new(lines).boxed_unsync())
    }
}
