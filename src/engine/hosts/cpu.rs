//! Every host of a cluster offers the CPU that the cluster's guests see, or runs none of them.

use super::connect;
use crate::engine::{Engine, EngineError};
use crate::model::host::HostStatus;
use crate::model::ids::{ClusterId, HostId};
use crate::store::hosts::write as store;
use crate::store::scheduling::places;
use crate::wire::CompareCpu;
use std::sync::Arc;

/// Why the host cannot run its cluster's guests; none: it can.
///
/// # Errors
/// The host cannot be asked, or the database failed.
pub(super) async fn lacking(engine: &Arc<Engine>, host: HostId) -> Result<Option<String>, EngineError> {
    let lacks = engine.db.read(move |db| {
        let Some(row) = store::row(db, host)? else { return Ok(None) };
        let wanted = places::settings(db, row.cluster)?.cpu_type;
        let facts = places::facts(db, row.cluster)?.into_iter().find(|(id, _)| *id == host).map(|(_, facts)| facts);
        let lacks = facts.is_some_and(|facts| !facts.has_cpu(&wanted));
        Ok::<_, EngineError>(lacks.then_some(wanted))
    });
    let Some(wanted) = lacks.await? else { return Ok(None) };
    Ok(Some(match missing(engine, host, &wanted).await?.as_str() {
        "" => format!("it does not offer the CPU type {wanted} of its cluster"),
        flags => format!("it does not offer the CPU type {wanted} of its cluster; its CPU lacks {flags}"),
    }))
}

/// The flags of a CPU that the host lacks; empty: it cannot say.
///
/// # Errors
/// The host cannot be asked.
pub(in crate::engine) async fn missing(engine: &Engine, host: HostId, model: &str) -> Result<String, EngineError> {
    match engine.call(host, &CompareCpu { model: model.to_owned() }).await {
        Ok(compared) => Ok(compared.missing.join(", ")),
        // An older agent knows no such verb.
        Err(EngineError::NotFoundOnHost(_)) => Ok(String::new()),
        Err(error) => Err(error),
    }
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
        let change = clusters::cpu_change(&b.cx, b.cluster, "Nehalem".to_owned()).await.unwrap();
        assert_eq!(change.fall_out, ["host1 (sse4.1, sse4.2)"]);
    }
}
