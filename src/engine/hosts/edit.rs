//! A host's own settings: what it is called, where it is reached, and to which cluster it belongs.

use super::enrol::{address, cluster};
use crate::auth;
use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::data_centers::takes_host;
use crate::engine::{Cx, EngineError};
use crate::model::conflict::{Conflict, Holder};
use crate::model::event::{About, EventCode};
use crate::model::host::{HostAction, HostEdit, HostView};
use crate::model::ids::{ClusterId, HostId};
use crate::model::permission::ObjectKind;
use crate::model::role::Action;
use crate::model::valid::{self, Invalid, Problem};
use crate::model::vm::{MAX_DESCRIPTION, MAX_NAME};
use crate::store::hosts::enrol as store;
use crate::store::hosts::list;
use crate::store::jobs;
use crate::store::scope::Scope;
use crate::store::storage_domains::data_center_of;

/// Changes it.
///
/// # Errors
/// Refused, invalid, its state does not allow it, its storage ties it to its data center, hidden, or the database failed.
pub async fn edit(
    cx: &Cx,
    id: HostId,
    change: impl FnOnce(HostEdit) -> Result<HostEdit, EngineError> + Send + 'static,
) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            auth::check(db, &inner.actor, Action::EditHostConfiguration, id.object())?;
            let none = || EngineError::NotFound { kind: "host", id: id.to_string() };
            let host = list::list(db, &Scope::All)?.into_iter().find(|host| host.id == id).ok_or_else(none)?;
            let before = host.edit();
            let new = checked(db, &before, change(before.clone())?, id)?;
            if new == before {
                return Ok(());
            }
            if (&new.address, new.port, new.cluster) != (&before.address, before.port, before.cluster) {
                rests(db, &host)?;
            }
            if new.cluster != before.cluster {
                may_move(&inner, db, &host, new.cluster)?;
            }
            store::edit(db, id, &new)?;
            let about = About { host: Some((id, new.name)), ..About::default() };
            inner.engine.changed(Topic::Object(ObjectKind::Host), Some(id.0));
            inner.engine.changed(Topic::Object(ObjectKind::Cluster), None);
            inner.tell(db, EventCode::HostEdited, about, "")
        })
        .await?;
    // It is called by its new name, and where it is now.
    super::connect_all(&cx.engine).await
}

/// Nothing of it is in use.
fn rests(db: &mut Db, host: &HostView) -> Result<(), EngineError> {
    let name = host.name.clone();
    if !host.status.allows(HostAction::Edit) {
        return Err(Conflict::PowerStatus { host: name, status: host.status }.into());
    }
    match jobs::holder(db, &[host.id.object()])? {
        None => Ok(()),
        Some((_, kind, subject)) => Err(Conflict::HostBusy { host: name, job: Holder::Job { kind, subject } }.into()),
    }
}

/// It may go to that cluster.
fn may_move(cx: &Cx, db: &mut Db, host: &HostView, to: ClusterId) -> Result<(), EngineError> {
    cluster(cx, db, Some(to))?;
    let vms = store::vms_on(db, host.id)?;
    if vms > 0 {
        return Err(Conflict::HostHasVms { host: host.name.clone(), vms }.into());
    }
    if data_center_of(db, to)? == Some(host.data_center) {
        return Ok(());
    }
    let domains = store::local_domains(db, host.id)?;
    if !domains.is_empty() {
        return Err(Conflict::HostTied { host: host.name.clone(), domains: domains.join(", ") }.into());
    }
    takes_host(db, to)
}

/// The settings as they will be, or all that is wrong.
fn checked(db: &mut Db, before: &HostEdit, new: HostEdit, id: HostId) -> Result<HostEdit, EngineError> {
    let mut wrong = Vec::new();
    let mut keep = |read: Result<String, Invalid>| read.map_err(|w| wrong.push(w)).unwrap_or_default();
    let name = keep(valid::name("name", &new.name, MAX_NAME));
    let comment = keep(valid::text("comment", &new.comment, MAX_DESCRIPTION));
    let there = keep(address(&new.address));
    // One that was never reached has none yet.
    if there.is_empty() && !before.address.is_empty() {
        wrong.push(Invalid::new("address", Problem::Missing));
    }
    wrong.extend(valid::range("port", new.port.into(), 1, u16::MAX.into()).err());
    if !name.is_empty() && store::is_taken(db, &name, Some(id))? {
        wrong.push(Invalid::new("name", Problem::Taken { name: name.clone() }));
    }
    if wrong.is_empty() {
        Ok(HostEdit { name, comment, address: there, ..new })
    } else {
        Err(EngineError::Invalid(wrong))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::hosts::maintenance;
    use crate::engine::testing::Bench;
    use crate::engine::{catalog, clusters, data_centers};
    use crate::model::cluster::ClusterConfig;
    use crate::model::data_center::DataCenterConfig;
    use crate::model::host::HostStatus;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_host_is_edited_and_moves_when_it_rests() {
        let b = Bench::new().await;
        let name = edit(&b.cx, b.host, |old| Ok(HostEdit { name: "rack-1".to_owned(), ..old }));
        name.await.unwrap();
        let host = catalog::host(&b.cx, b.host).await.unwrap();
        assert_eq!((host.name.as_str(), host.status), ("rack-1", HostStatus::Up));
        let named = |name: &str| ClusterConfig { name: name.to_owned(), ..ClusterConfig::default() };
        let near = clusters::add(&b.cx, host.data_center, named("near")).await.unwrap();
        let center = DataCenterConfig { name: "far".to_owned(), ..DataCenterConfig::default() };
        let center = data_centers::add(&b.cx, center).await.unwrap();
        let far = clusters::add(&b.cx, center, named("far")).await.unwrap();
        let to = |cluster| edit(&b.cx, b.host, move |old| Ok(HostEdit { cluster, ..old }));
        let refused = to(near).await.unwrap_err();
        assert!(refused.to_string().contains("host rack-1 is up; move it to maintenance first"), "{refused}");
        maintenance::deactivate(&b.cx, b.host).await.unwrap();
        b.until("it rests", || b.host_status(), |status| *status == HostStatus::Maintenance).await;
        to(near).await.unwrap();
        assert_eq!(catalog::host(&b.cx, b.host).await.unwrap().cluster, near);
        let tied = to(far).await.unwrap_err();
        assert!(tied.to_string().contains("the storage local lies on it alone"), "{tied}");
        clusters::remove(&b.cx, b.cluster).await.unwrap();
    }
}
