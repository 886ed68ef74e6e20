//! Every host of a cluster offers the CPU that the cluster's guests see, or runs none of them.

use super::connect;
use crate::engine::{Engine, EngineError};
use crate::model::conflict::Conflict;
use crate::model::cpu::CpuBase;
use crate::model::host::HostStatus;
use crate::model::ids::{ClusterId, HostId};
use crate::store::hosts::write as store;
use crate::store::scheduling::places;
use crate::wire::{CommonCpu, CompareCpu, CpuCompared, OwnCpu};
use futures_util::future::join_all;
use std::sync::Arc;

/// Why the host cannot run its cluster's guests; none: it can.
///
/// # Errors
/// The host cannot be asked, or the database failed.
pub(super) async fn lacking(engine: &Arc<Engine>, host: HostId) -> Result<Option<String>, EngineError> {
    let lacks = engine.db.read(move |db| {
        let Some(row) = store::row(db, host)? else { return Ok(None) };
        let set = places::settings(db, row.cluster)?;
        let facts = places::facts(db, row.cluster)?.into_iter().find(|(id, _)| *id == host).map(|(_, facts)| facts);
        let lacks = set.cpu_features.is_some() || facts.is_some_and(|facts| !facts.has_cpu(&set.cpu_type));
        Ok::<_, EngineError>(lacks.then_some((set.cpu_type, set.cpu_features)))
    });
    let Some((model, features)) = lacks.await? else { return Ok(None) };
    let (wanted, computed) = (model.clone(), features.is_some());
    let features = features.unwrap_or_default();
    Ok(match compared(engine, host, CompareCpu { model, features }).await? {
        CpuCompared { known: true, missing } if computed && missing.is_empty() => None,
        CpuCompared { missing, .. } if missing.is_empty() => {
            Some(format!("it does not offer the CPU type {wanted} of its cluster"))
        }
        CpuCompared { missing, .. } => {
            let flags = missing.join(", ");
            Some(format!("it does not offer the CPU type {wanted} of its cluster; its CPU lacks {flags}"))
        }
    })
}

async fn compared(engine: &Engine, host: HostId, wanted: CompareCpu) -> Result<CpuCompared, EngineError> {
    match engine.call(host, &wanted).await {
        // An older agent knows no such verb.
        Err(EngineError::NotFoundOnHost(_)) => Ok(CpuCompared::default()),
        other => other,
    }
}

/// The flags of a CPU that the host lacks; empty: it cannot say.
///
/// # Errors
/// The host cannot be asked.
pub(in crate::engine) async fn missing(engine: &Engine, host: HostId, model: &str) -> Result<String, EngineError> {
    let wanted = CompareCpu { model: model.to_owned(), features: Vec::new() };
    Ok(compared(engine, host, wanted).await?.missing.join(", "))
}

/// The CPU that all hosts of a cluster have in common, as libvirt computes it (its hypervisor-cpu-baseline).
///
/// # Errors
/// No host is up, one cannot be asked, or they have nothing in common.
pub(in crate::engine) async fn common(engine: &Arc<Engine>, cluster: ClusterId) -> Result<CpuBase, EngineError> {
    let rows = engine.db.read(|db| Ok::<_, EngineError>(store::all(db)?)).await?;
    let up = rows.into_iter().filter(|row| row.cluster == cluster && row.status == HostStatus::Up);
    let up: Vec<HostId> = up.map(|row| row.id).collect();
    let first = *up
        .first()
        .ok_or_else(|| Conflict::told("no host of the cluster is up; its CPU can be computed when one is"))?;
    let asked = up.iter().map(|host| async move { engine.call(*host, &OwnCpu {}).await });
    let mut cpus: Vec<String> = join_all(asked).await.into_iter().collect::<Result<_, _>>()?;
    // Hosts of a cluster are much alike.
    cpus.sort();
    cpus.dedup();
    let found = engine.call(first, &CommonCpu { cpus }).await?;
    found.checked().ok_or_else(|| EngineError::Internal("the host's answer is no CPU".to_owned()))
}

/// The cluster has another CPU: hosts that do not offer it fall out, and others come back.
///
/// # Errors
/// The database failed, or TLS cannot be set up.
pub(in crate::engine) async fn changed(engine: &Arc<Engine>, cluster: ClusterId) -> Result<(), EngineError> {
    let rows = engine.db.read(|db| Ok::<_, EngineError>(store::all(db)?)).await?;
    for row in rows.into_iter().filter(|row| row.cluster == cluster) {
        match row.status {
            HostStatus::Up => match lacking(engine, row.id).await {
                Ok(Some(why)) => connect::non_operational(engine, row.id, &why).await?,
                Ok(None) => {}
                // It is asked again when it is greeted.
                Err(EngineError::Unavailable(_)) => engine.hosts.hang_up(row.id),
                Err(error) => return Err(error),
            },
            HostStatus::NonOperational => engine.hosts.hang_up(row.id),
            _ => {}
        }
    }
    super::connect_all(engine).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::Bench;
    use crate::engine::{catalog, clusters};
    use crate::model::cluster::ClusterConfig;

    async fn choose(b: &Bench, model: &str) -> Result<(), EngineError> {
        let model = model.to_owned();
        let with = move |mut old: ClusterConfig| {
            old.settings.cpu_type = model;
            Ok(old)
        };
        clusters::edit(&b.cx, b.cluster, with).await
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_host_without_the_clusters_cpu_falls_out_and_comes_back() {
        let b = Bench::new().await;
        choose(&b, "Nehalem").await.unwrap();
        assert_eq!(b.host_status().await, HostStatus::Up);
        b.agent.age();
        b.engine.hosts.hang_up(b.host);
        super::super::connect_all(&b.engine).await.unwrap();
        b.until("it falls out", || b.host_status(), |status| *status == HostStatus::NonOperational).await;
        let why = catalog::host(&b.cx, b.host).await.unwrap().status_reason;
        assert!(why.contains("CPU type Nehalem of its cluster; its CPU lacks sse4.1, sse4.2"), "{why}");
        let none = choose(&b, "Haswell").await.unwrap_err();
        assert!(none.to_string().starts_with("cpu.type: \"Haswell\" is known to no host"), "{none}");
        choose(&b, "qemu64").await.unwrap();
        b.until("it is back", || b.host_status(), |status| *status == HostStatus::Up).await;
        let change = clusters::cpu_change(&b.cx, b.cluster, "Nehalem".to_owned(), false).await.unwrap();
        assert_eq!(change.fall_out, ["host1 (sse4.1, sse4.2)"]);
    }
}
