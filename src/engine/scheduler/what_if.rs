//! What would become of a host's VMs if it were lost now, and the watch over the highly available ones among them.

use super::{Cluster, Need, Tie, choose};
use crate::auth;
use crate::db::Db;
use crate::engine::vms::migrate;
use crate::engine::{Cx, Engine, EngineError};
use crate::model::event::{About, EventCode};
use crate::model::host::HostStatus;
use crate::model::ids::{ClusterId, HostId, VmId};
use crate::store::hosts::write;
use crate::store::scheduling::places;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// What would become of a VM.
#[derive(Debug)]
pub struct Loss {
    pub vm: VmId,
    pub name: String,
    /// It is started again by itself; otherwise somebody has to.
    pub restarts: bool,
    /// The host that would run it, or why none could.
    pub to: Result<String, EngineError>,
}

/// What would become of the VMs of a host, the highly available ones first, by priority.
///
/// # Errors
/// Hidden, or the database failed.
pub async fn loss_of(cx: &Cx, host: HostId) -> Result<Vec<Loss>, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .read(move |db| {
            auth::see(db, &inner.actor, host.object())?;
            let row = write::row(db, host)?;
            let row = row.ok_or_else(|| EngineError::NotFound { kind: "host", id: host.to_string() })?;
            let cluster = Cluster::load(&inner.engine, db, row.cluster)?;
            losses(db, cluster, host, false)
        })
        .await
}

fn losses(db: &mut Db, mut cluster: Cluster, host: HostId, only_restarting: bool) -> Result<Vec<Loss>, EngineError> {
    cluster.hosts.iter_mut().filter(|one| one.id == host).for_each(|one| one.status = HostStatus::Down);
    let mut configs = Vec::new();
    for vm in places::on_host(db, host)? {
        let config = migrate::config(db, vm)?;
        if config.hardware.settings.high_availability || !only_restarting {
            configs.push(config);
        }
    }
    let key = |settings: &crate::model::vm_settings::VmSettings| (settings.high_availability, settings.priority);
    configs.sort_by_key(|config| (Reverse(key(&config.hardware.settings)), config.name.clone()));
    let mut losses = Vec::new();
    for config in configs {
        let mut need = Need::load(db, &config, Tie::None)?;
        // What is lost with the host is no company any more.
        need.groups.iter_mut().for_each(|group| group.others.retain(|at| *at != host));
        let to = choose(&cluster, &need).map(|(to, _)| {
            cluster.add(&need, to);
            cluster.host(to).map(|host| host.name.clone()).unwrap_or_default()
        });
        let restarts = config.hardware.settings.high_availability;
        losses.push(Loss { vm: config.vm, name: config.name, restarts, to });
    }
    Ok(losses)
}

/// Clusters whose highly available VMs would not all find room.
#[derive(Debug, Default)]
pub struct Unreserved(Mutex<BTreeSet<ClusterId>>);

/// Tells when a cluster that reserves room for its highly available VMs has it no more, and when it has it again (oVirt's HA
/// reservation check).
///
/// # Errors
/// The database failed.
pub(in crate::engine) async fn watch(engine: &Arc<Engine>) -> Result<(), EngineError> {
    let clusters = engine.db.read(|db| Ok::<_, EngineError>(places::all_settings(db)?)).await?;
    for (id, _) in clusters.into_iter().filter(|(_, settings)| settings.ha_reservation) {
        let inner = engine.clone();
        let short = engine.db.read(move |db| short_of(&inner, db, id)).await?;
        let mut known = engine.unreserved.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let changed = if short.is_empty() { known.remove(&id) } else { known.insert(id) };
        if !changed {
            continue;
        }
        let inner = engine.clone();
        engine
            .db
            .write(move |db| {
                let name = places::name(db, id)?;
                let about = About { cluster: Some((id, name)), ..About::default() };
                let code = if short.is_empty() { EventCode::HaReserved } else { EventCode::HaNotReserved };
                inner.tell(db, code, about, &short.join(", "))
            })
            .await?;
        *engine.unreserved.0.lock().unwrap_or_else(PoisonError::into_inner) = known;
    }
    Ok(())
}

/// The hosts whose loss would leave highly available VMs without a place.
fn short_of(engine: &Engine, db: &mut Db, id: ClusterId) -> Result<Vec<String>, EngineError> {
    let cluster = Cluster::load(engine, db, id)?;
    let mut short = Vec::new();
    for host in cluster.hosts.iter().filter(|host| host.status == HostStatus::Up) {
        if losses(db, cluster.clone(), host.id, true)?.iter().any(|loss| loss.to.is_err()) {
            short.push(host.name.clone());
        }
    }
    Ok(short)
}
