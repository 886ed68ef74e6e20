//! Quotas: what people may use of a data center. `check` decides, in the transaction that takes something; here they are looked at,
//! `change` is how they come, change and go, and `choice` what counts on which.

mod change;
mod check;
mod choice;
#[cfg(test)]
mod tests;

pub(in crate::engine) use crate::store::quotas::Wanted as Disks;
pub use change::{add, edit, remove, set_mode};
pub(in crate::engine) use check::Asker;
pub use choice::{Choosable, assign, choices, chosen};
pub(in crate::engine) use choice::{choose, move_to};

use crate::auth;
use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::{Cx, EngineError};
use crate::model::ids::{ClusterId, QuotaId, StorageDomainId, UserId};
use crate::model::page::{ListQuery, Page};
use crate::model::permission::{ObjectKind, PermissionView};
use crate::model::quota::*;
use crate::model::role::Action;
use crate::model::search::{Field, Value, select};
use crate::store::permissions as held;
use crate::store::quotas::{self as store, Wanted};
use crate::store::scope::Scope;
use crate::store::{catalog, users};
use std::collections::{BTreeMap, HashMap};

fn topic() -> Topic {
    Topic::Object(ObjectKind::Quota)
}

fn missing(id: QuotaId) -> EngineError {
    EngineError::NotFound { kind: "quota", id: id.to_string() }
}

/// What quotas are searched by.
const FIELDS: &[Field<QuotaView>] = &[
    Field { name: "name", get: |q| Value::Text(q.quota.config.name.clone()) },
    Field { name: "description", get: |q| Value::Text(q.quota.config.description.clone()) },
    Field { name: "storagepoolname", get: |q| Value::Text(q.quota.data_center_name.clone()) },
    Field { name: "datacenter", get: |q| Value::Text(q.quota.data_center_name.clone()) },
    Field { name: "enforcementtype", get: |q| Value::Text(q.quota.mode.to_string()) },
    Field { name: "thresholdcluster", get: |q| Value::Number(q.quota.config.cluster.threshold.into()) },
    Field { name: "gracecluster", get: |q| Value::Number(q.quota.config.cluster.grace.into()) },
    Field { name: "thresholdstorage", get: |q| Value::Number(q.quota.config.storage.threshold.into()) },
    Field { name: "gracestorage", get: |q| Value::Number(q.quota.config.storage.grace.into()) },
    Field { name: "id", get: |q| Value::Text(q.quota.id.to_string()) },
];

/// The quotas the actor may see, with what is used of them.
///
/// # Errors
/// The search was not understood, or the database failed.
pub async fn list(cx: &Cx, query: &ListQuery) -> Result<Page<QuotaView>, EngineError> {
    let actor = cx.actor.clone();
    let all = cx
        .engine
        .db
        .read(move |db| {
            let scope = auth::visible(db, &actor)?;
            let quotas = store::list(db, &scope)?;
            let uses = store::uses(db, Wanted::All)?;
            views(db, quotas, &uses)
        })
        .await?;
    Ok(select(all, "Quotas", FIELDS, query)?)
}

fn views(db: &mut Db, quotas: Vec<Quota>, uses: &Uses) -> Result<Vec<QuotaView>, EngineError> {
    let clusters: HashMap<ClusterId, String> =
        catalog::clusters(db, &Scope::All)?.into_iter().map(|c| (c.id, c.name)).collect();
    let domains: HashMap<StorageDomainId, String> =
        catalog::storage_domains(db, &Scope::All)?.into_iter().map(|d| (d.id, d.name)).collect();
    Ok(quotas.into_iter().map(|quota| view(quota, uses, &clusters, &domains)).collect())
}

fn view(
    quota: Quota,
    uses: &Uses,
    clusters: &HashMap<ClusterId, String>,
    domains: &HashMap<StorageDomainId, String>,
) -> QuotaView {
    let id = quota.id;
    let mut used = uses.in_cluster(id, None);
    used.bytes = uses.on_domain(id, None);
    let cluster = |place: Option<ClusterId>, limit| ClusterShare {
        cluster: place.map(|c| (c, clusters.get(&c).cloned().unwrap_or_default())),
        limit,
        used: uses.in_cluster(id, place),
    };
    let domain = |place: Option<StorageDomainId>, gib| DomainShare {
        domain: place.map(|d| (d, domains.get(&d).cloned().unwrap_or_default())),
        gib,
        used: uses.on_domain(id, place),
    };
    let clusters = match &quota.config.clusters {
        Shares::All(limit) => vec![cluster(None, *limit)],
        Shares::Each(all) => all.iter().map(|(c, limit)| cluster(Some(*c), *limit)).collect(),
    };
    let domains = match &quota.config.domains {
        Shares::All(gib) => vec![domain(None, *gib)],
        Shares::Each(all) => all.iter().map(|(d, gib)| domain(Some(*d), *gib)).collect(),
    };
    QuotaView { quota, used, clusters, domains }
}

/// A quota with all that counts on it.
#[derive(Debug)]
pub struct Details {
    pub view: QuotaView,
    pub uses: Uses,
    /// Who may use it.
    pub consumers: Vec<PermissionView>,
    /// Who uses what of it.
    pub people: Vec<(UserId, String, Amount)>,
}

/// One that the actor may see.
///
/// # Errors
/// Hidden, or the database failed.
pub async fn get(cx: &Cx, id: QuotaId) -> Result<QuotaView, EngineError> {
    Ok(details(cx, id).await?.view)
}

/// One that the actor may see, with all that counts on it.
///
/// # Errors
/// Hidden, or the database failed.
pub async fn details(cx: &Cx, id: QuotaId) -> Result<Details, EngineError> {
    let actor = cx.actor.clone();
    cx.engine
        .db
        .read(move |db| {
            auth::see(db, &actor, id.object())?;
            let quota = store::get(db, id)?.ok_or_else(|| missing(id))?;
            let uses = store::uses(db, Wanted::Of(id))?;
            let view = views(db, vec![quota], &uses)?.pop().ok_or_else(|| missing(id))?;
            let wanted = held::Wanted {
                object: Some(id.object()),
                action: Some(Action::ConsumeQuota),
                ..held::Wanted::default()
            };
            let consumers = held::find(db, &wanted)?;
            let people = people(db, id, &uses)?;
            Ok(Details { view, uses, consumers, people })
        })
        .await
}

fn people(db: &mut Db, id: QuotaId, uses: &Uses) -> Result<Vec<(UserId, String, Amount)>, EngineError> {
    let vms = uses.vms.iter().filter(|vm| vm.runs).filter_map(|vm| vm.person);
    let ids = vms.chain(uses.disks.iter().filter_map(|disk| disk.person));
    let mut by_name: BTreeMap<(String, UserId), Amount> = BTreeMap::new();
    let mut known: HashMap<UserId, String> = HashMap::new();
    for who in ids {
        if known.contains_key(&who) {
            continue;
        }
        let name = users::get(db, who)?.map_or_else(|| who.to_string(), |user| user.principal());
        known.insert(who, name.clone());
        by_name.insert((name, who), uses.of(id, who));
    }
    Ok(by_name.into_iter().map(|((name, who), amount)| (who, name, amount)).collect())
}

/// The quotas that the actor may use where quotas count, with what he uses of them.
///
/// # Errors
/// The database failed.
pub async fn mine(cx: &Cx) -> Result<Vec<MyQuota>, EngineError> {
    let actor = cx.actor.clone();
    cx.engine
        .db
        .read(move |db| {
            if !store::in_use(db)? {
                return Ok(Vec::new());
            }
            let mut all = store::list(db, &Scope::All)?;
            all.retain(|quota| quota.mode != QuotaMode::Disabled && !quota.is_default);
            let objects: Vec<_> = all.iter().map(|quota| quota.id.object()).collect();
            let actions = auth::actions_on(db, &actor, &objects)?;
            all.retain(|quota| {
                actions.get(&quota.id.object()).is_some_and(|actions| actions.contains(Action::ConsumeQuota))
            });
            let mut mine = Vec::new();
            for quota in all {
                let uses = store::uses(db, Wanted::Of(quota.id))?;
                let used = uses.of(quota.id, actor.user);
                mine.extend(views(db, vec![quota], &uses)?.into_iter().map(|view| MyQuota { view, mine: used }));
            }
            Ok(mine)
        })
        .await
}
