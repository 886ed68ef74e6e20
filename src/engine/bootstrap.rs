//! The first start, and what each start makes sure of: seeds, this machine's host, its local storage domain.

use crate::auth::password;
use crate::db::{Database, Db};
use crate::engine::{Engine, EngineError};
use crate::model::clock::Clock;
use crate::model::conflict::Conflict;
use crate::model::event::{About, EventCode};
use crate::model::host::HostStatus;
use crate::model::ids::{ClusterId, HostId, StorageDomainId, UserId};
use crate::model::permission::ObjectKind;
use crate::model::role::USER_ROLE;
use crate::model::user::INTERNAL_DOMAIN;
use crate::store::hosts::enrol::HostConfig;
use crate::store::scope::Scope;
use crate::store::storage_domains::{self, LocalDomain};
use crate::store::{accounts, catalog, hosts, permissions, pools, seed, settings};
use crate::wire::{CreateDomain, DomainPath};
use std::sync::Arc;

/// Seeds a fresh database; says which engine this is. `password` is asked for only at the first start.
///
/// # Errors
/// The password cannot be made, or the database failed.
pub async fn prepare<P>(db: &Database, clock: &dyn Clock, password: P) -> Result<String, EngineError>
where
    P: FnOnce() -> Result<String, EngineError>,
{
    let known =
        db.read(|db| Ok::<_, EngineError>(settings::get(db, "seeded")?.and(settings::get(db, "engine_id")?))).await?;
    if let Some(id) = known {
        return Ok(id);
    }
    let hash = password::hash(&password()?).await.map_err(EngineError::Internal)?;
    let (engine_id, now) = (uuid::Uuid::new_v4(), clock.now());
    db.write(move |db| {
        let args = seed::SeedArgs { engine_id, now, admin_password_hash: &hash };
        seed::fresh(db, &args)?;
        let id = settings::get(db, "engine_id")?;
        id.ok_or_else(|| EngineError::Internal("the engine has no id after its seeding".to_owned()))
    })
    .await
}

/// This machine as a host of the cluster Default, on the port its agent has now.
///
/// # Errors
/// The database failed.
pub async fn local_host(db: &Database, name: String, port: u16, fingerprint: String) -> Result<HostId, EngineError> {
    db.write(move |db| {
        if let Some(id) = settings::get(db, "local_host")?.and_then(|t| t.parse().ok()) {
            hosts::enrol::set_line(db, id, "127.0.0.1", port, &fingerprint)?;
            return Ok(id);
        }
        let id = HostId::random();
        let cluster = default_cluster(db)?;
        let (address, status) = ("127.0.0.1", HostStatus::Connecting);
        let host = HostConfig { id, cluster, name: &name, comment: "", address, port, status, reason: "" };
        hosts::enrol::insert(db, &host)?;
        hosts::enrol::set_line(db, id, address, port, &fingerprint)?;
        settings::set(db, "local_host", &id.to_string())?;
        Ok(id)
    })
    .await
}

fn default_cluster(db: &mut Db) -> Result<ClusterId, EngineError> {
    let all = catalog::clusters(db, &Scope::All)?;
    let found = all.iter().find(|c| c.name == "Default").or(all.first());
    Ok(found.ok_or_else(|| EngineError::from(Conflict::NoCluster))?.id)
}

/// Is the host up?
///
/// # Errors
/// The database failed.
pub async fn host_status(engine: &Arc<Engine>, id: HostId) -> Result<Option<(HostStatus, String)>, EngineError> {
    engine.db.read(move |db| Ok(hosts::write::row(db, id)?.map(|h| (h.status, h.reason)))).await
}

/// The local data domain of this host, made if there is none.
///
/// # Errors
/// The host is away, or the folder cannot be written.
pub async fn local_domain(engine: &Arc<Engine>, host: HostId, path: &str) -> Result<StorageDomainId, EngineError> {
    let there = engine
        .db
        .read(move |db| {
            Ok::<_, EngineError>(storage_domains::places(db)?.into_iter().find(|p| p.host == Some(host)).map(|p| p.id))
        })
        .await?;
    if let Some(id) = there {
        return Ok(id);
    }
    // The same id after a crash between the folder and the row.
    let id = engine
        .db
        .write(|db| {
            let kept = settings::get(db, "local_domain")?.and_then(|t| t.parse().ok());
            let id = kept.unwrap_or_else(StorageDomainId::random);
            settings::set(db, "local_domain", &id.to_string())?;
            Ok::<_, EngineError>(id)
        })
        .await?;
    let domain = DomainPath { id, path: path.to_owned() };
    let space = engine.call(host, &CreateDomain { domain, name: "local".to_owned() }).await?;
    let (inner, path) = (engine.clone(), path.to_owned());
    engine
        .db
        .write(move |db| {
            let cluster = default_cluster(db)?;
            let center = storage_domains::data_center_of(db, cluster)?;
            let data_center =
                center.ok_or_else(|| EngineError::Internal("a cluster without data center".to_owned()))?;
            let (total_bytes, available_bytes) = (space.total_bytes, space.available_bytes);
            let new = LocalDomain { id, name: "local", data_center, host, path: &path, total_bytes, available_bytes };
            storage_domains::insert_local(db, &new)?;
            let about = About { storage_domain: Some((id, "local".to_owned())), ..About::default() };
            inner.tell(db, EventCode::StorageDomainAdded, about, "")?;
            inner.changed(crate::engine::changes::Topic::Object(ObjectKind::StorageDomain), Some(id.0));
            Ok(id)
        })
        .await
}

/// The administrator, for what the program does in his name at its start.
///
/// # Errors
/// He is gone, or the database failed.
pub async fn administrator(engine: &Arc<Engine>) -> Result<crate::engine::Cx, EngineError> {
    let actor = engine
        .db
        .read(|db| {
            let found = accounts::find(db, "admin", INTERNAL_DOMAIN)?;
            let user = found.ok_or_else(|| EngineError::from(Conflict::NoAdmin))?;
            let view = crate::auth::View::Admin;
            Ok::<_, EngineError>(crate::auth::session::actor(db, user.id, &user.user_name, &user.domain, None, view)?)
        })
        .await?;
    Ok(crate::engine::Cx { engine: engine.clone(), actor, correlation_id: uuid::Uuid::new_v4().to_string() })
}

/// The user of that name, if there is one.
///
/// # Errors
/// The database failed.
pub async fn user(engine: &Arc<Engine>, name: &'static str) -> Result<Option<UserId>, EngineError> {
    engine.db.read(move |db| Ok(accounts::find(db, name, INTERNAL_DOMAIN)?.map(|u| u.id))).await
}

/// Lets a user take VMs of the pool of that name.
///
/// # Errors
/// There is no such pool, or the database failed.
pub async fn let_take(engine: &Arc<Engine>, user: UserId, pool: &'static str) -> Result<(), EngineError> {
    let now = engine.clock.now();
    engine
        .db
        .write(move |db| {
            let found = pools::write::by_name(db, pool)?;
            let id = found.ok_or_else(|| EngineError::NotFound { kind: "pool", id: pool.to_owned() })?;
            Ok(permissions::grant(db, USER_ROLE, user.into(), ObjectKind::Pool, id.object(), now).map(drop)?)
        })
        .await
}
