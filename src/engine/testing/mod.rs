//! What the engine's own tests stand on: a real database, a real engine, an agent without libvirt.

pub(in crate::engine) mod agent;
pub(in crate::engine) mod kinds;
pub(in crate::engine) mod people;

use crate::auth::vault::Vault;
use crate::auth::{Actor, View};
use crate::db::Database;
use crate::engine::{Config, Cx, Engine, EngineError, Timing};
use crate::hosts::Pki;
use crate::model::clock::{Clock as _, SystemClock};
use crate::model::disk::{DiskContent, DiskFormat, DiskInterface};
use crate::model::host::HostStatus;
use crate::model::ids::*;
use crate::model::page::ListQuery;
use crate::model::vm::{BootDevice, Display, Hardware, VmKind, VmStatus};
use crate::model::vm_settings::VmSettings;
use crate::model::vm_state::Intent;
use crate::store::disks::write::{self as disks, DiskConfig};
use crate::store::hosts::enrol::{self, HostConfig};
use crate::store::seed::{SeedArgs, fresh};
use crate::store::storage_domains::{self, LocalDomain};
use crate::store::vms::insert::{self, VmConfig};
use crate::store::vms::run;
use crate::store::{catalog, scope::Scope, users};
use agent::FakeAgent;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// One engine with one host, one storage domain and its administrator.
pub(in crate::engine) struct Bench {
    pub engine: Arc<Engine>,
    pub agent: Arc<FakeAgent>,
    pub cx: Cx,
    pub host: HostId,
    pub cluster: ClusterId,
    pub domain: StorageDomainId,
    pub dir: PathBuf,
    tls: rustls::ClientConfig,
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.engine.stop();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

const TIMING: Timing = Timing {
    patience: Duration::from_secs(2),
    shutdown: Duration::from_secs(1),
    powering_up: Duration::from_secs(1),
    host_silence: Duration::from_secs(2),
    viewer: Duration::from_secs(5),
    fence_delay: Duration::from_secs(3600),
    io_pause: Duration::from_secs(1),
    settle: Duration::from_millis(50),
    look: Duration::from_millis(50),
    host_error: Duration::from_secs(1800),
    upgrade_check: None,
};

impl Bench {
    pub(in crate::engine) async fn new() -> Self {
        let dir = std::env::temp_dir().join(format!("vireo-engine-{}", uuid::Uuid::new_v4()));
        let pki = Pki::open_or_create(&dir.join("pki"), &["localhost".to_owned()]).unwrap();
        pki.issue_host(&dir.join("host"), "test", &["127.0.0.1".to_owned()]).unwrap();
        let agent = FakeAgent::start(&dir.join("host")).await;
        let db = Database::open(&fresh_database(&dir)).unwrap();
        let (host, domain, port) = (HostId::random(), StorageDomainId::random(), agent.port);
        let (cluster, actor) = db
            .write(move |db| {
                let now = SystemClock.now();
                fresh(db, &SeedArgs { engine_id: uuid::Uuid::from_u128(7), now, admin_password_hash: "" })?;
                let cluster = catalog::clusters(db, &Scope::All)?.remove(0);
                let (cluster_id, status) = (cluster.id, HostStatus::Connecting);
                let (name, address) = ("host1", "127.0.0.1");
                let new =
                    HostConfig { id: host, cluster: cluster_id, name, comment: "", address, port, status, reason: "" };
                enrol::insert(db, &new)?;
                let local = LocalDomain {
                    id: domain,
                    name: "local",
                    data_center: cluster.data_center,
                    host,
                    path: "/nowhere",
                    total_bytes: 1 << 40,
                    available_bytes: 1 << 39,
                };
                storage_domains::insert_local(db, &local)?;
                let admin = users::list(db)?.remove(0);
                let actor = Actor {
                    user: admin.id,
                    name: admin.principal(),
                    principals: vec![admin.id.into(), EVERYONE.into()],
                    session: None,
                    is_admin: true,
                    view: View::Admin,
                    is_root: false,
                };
                Ok::<_, EngineError>((cluster.id, actor))
            })
            .await
            .unwrap();
        let tls = pki.client_config().unwrap();
        let engine = Engine::start(config(db, &tls, &dir)).await.unwrap();
        let cx = Cx { engine: engine.clone(), actor, correlation_id: "test".to_owned() };
        let bench = Self { engine, agent, cx, host, cluster, domain, dir, tls };
        bench.until("the host is up", || bench.host_status(), |status| *status == HostStatus::Up).await;
        bench
    }

    /// Ends the engine as a crash does and starts another one on the same database.
    pub(in crate::engine) async fn restart(&mut self) {
        self.engine.stop();
        self.engine = Engine::start(config(self.engine.db.clone(), &self.tls, &self.dir)).await.unwrap();
        self.cx.engine = self.engine.clone();
    }

    pub(in crate::engine) async fn host_status(&self) -> HostStatus {
        crate::engine::catalog::host(&self.cx, self.host).await.unwrap().status
    }

    pub(in crate::engine) async fn status(&self, vm: VmId) -> VmStatus {
        crate::engine::vms::state::read(&self.engine, vm).await.unwrap().status
    }

    /// Waits until a VM is in this state.
    pub(in crate::engine) async fn becomes(&self, vm: VmId, wanted: VmStatus) {
        self.until(wanted.as_str(), || self.status(vm), |status| *status == wanted).await;
    }

    /// Asks again and again, for ten seconds.
    pub(in crate::engine) async fn until<T: std::fmt::Debug, F: Future<Output = T>>(
        &self,
        what: &str,
        ask: impl Fn() -> F,
        good: impl Fn(&T) -> bool,
    ) -> T {
        let mut last = ask().await;
        for _ in 0..1500 {
            if good(&last) {
                return last;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            // What happens by time alone happens soon.
            self.engine.reconcilers.wake("vms");
            last = ask().await;
        }
        panic!("never came: {what}; it is {last:?}");
    }

    /// A VM that is down, with one disk.
    pub(in crate::engine) async fn vm(&self, name: &str) -> VmId {
        let (id, cluster, domain, name) = (VmId::random(), self.cluster, self.domain, name.to_owned());
        let vm = VmConfig {
            id,
            name,
            description: String::new(),
            comment: String::new(),
            cluster,
            template: BLANK_TEMPLATE,
            instance_type: None,
            pool: None,
            os: "other".to_owned(),
            kind: VmKind::Desktop,
            hardware: Hardware {
                memory_mib: 512,
                max_memory_mib: 2048,
                guaranteed_memory_mib: 512,
                sockets: 1,
                cores: 1,
                threads: 1,
                display: Display::Vnc,
                boot: vec![BootDevice::Disk],
                settings: VmSettings::default(),
            },
            stateless: false,
            delete_protected: false,
            allow_override: false,
            use_latest: false,
            cd: None,
        };
        self.engine
            .db
            .write(move |db| {
                let now = SystemClock.now();
                insert::insert(db, &vm, now)?;
                run::insert(db, id, Intent::Off, VmStatus::Down)?;
                let disk = DiskConfig {
                    id: DiskId::random(),
                    image: ImageId::random(),
                    domain,
                    alias: format!("{}_Disk1", vm.name),
                    description: String::new(),
                    content: DiskContent::Data,
                    format: DiskFormat::Cow,
                    sparse: true,
                    virtual_bytes: 1 << 30,
                    parent: None,
                };
                disks::insert(db, &disk, now)?;
                disks::attach(db, disk.id, id, DiskInterface::Virtio, true)?;
                Ok::<_, EngineError>(())
            })
            .await
            .unwrap();
        id
    }

    /// The codes of the events so far, oldest first.
    pub(in crate::engine) async fn events(&self) -> Vec<String> {
        let query = ListQuery { max: 1000, ..ListQuery::default() };
        let page = crate::engine::events::list(&self.cx, &query, Some(0)).await.unwrap();
        page.rows.into_iter().map(|event| event.code.to_string()).collect()
    }

    /// Whether nothing is locked.
    pub(in crate::engine) async fn is_free(&self) -> bool {
        crate::engine::jobs::list(&self.cx).await.unwrap().iter().all(|job| job.locks.is_empty())
    }

    /// Nothing is locked.
    pub(in crate::engine) async fn assert_no_locks(&self) {
        let jobs = crate::engine::jobs::list(&self.cx).await.unwrap();
        assert!(jobs.iter().all(|job| job.locks.is_empty()), "{jobs:?}");
    }
}

/// A SQLite file, or with `VIREO_TEST_POSTGRES` (`postgres://user@host:port`) a new database there.
fn fresh_database(dir: &Path) -> String {
    let Ok(server) = std::env::var("VIREO_TEST_POSTGRES") else {
        return dir.join("vireo.db").to_str().unwrap().to_owned();
    };
    let name = format!("vireo_{}", uuid::Uuid::new_v4().simple());
    let create = ["-q", "-c", &format!("create database {name}"), &format!("{server}/postgres")].map(str::to_owned);
    assert!(std::process::Command::new("psql").args(create).status().unwrap().success());
    format!("{server}/{name}")
}

fn config(db: Database, tls: &rustls::ClientConfig, dir: &Path) -> Config {
    Config {
        id: "engine-1".to_owned(),
        db,
        clock: Arc::new(SystemClock),
        vault: Vault::fresh().unwrap(),
        pki: Arc::new(Pki::open_or_create(&dir.join("pki"), &["localhost".to_owned()]).unwrap()),
        tls: tls.clone(),
        timing: TIMING,
        files: dir.join("files"),
        host_program: Some(dir.join("host/host.pem")),
    }
}
