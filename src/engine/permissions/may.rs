//! What the actor may do: for pages that show just the buttons that will work.

use super::is_super_user;
use crate::auth::{self, AuthError};
use crate::db::Db;
use crate::engine::{Cx, EngineError};
use crate::model::ids::{ObjectId, SYSTEM};
use crate::model::permission::ObjectKind;
use crate::model::role::{Action, Actions};
use crate::store::permissions as store;
use std::collections::{HashMap, HashSet};

/// What the actor may do to each of some objects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Permits {
    on: HashMap<ObjectId, Actions>,
    all: bool,
}

impl Permits {
    /// He may do this to that.
    pub fn may(&self, action: Action, object: ObjectId) -> bool {
        self.all || self.on.get(&object).is_some_and(|actions| actions.contains(action))
    }
}

/// What the actor may do to each of these objects.
///
/// # Errors
/// The database failed.
pub async fn on(cx: &Cx, objects: Vec<ObjectId>) -> Result<Permits, EngineError> {
    let actor = cx.actor.clone();
    let all = actor.is_root;
    let on = cx.engine.db.read(move |db| Ok::<_, EngineError>(auth::actions_on(db, &actor, &objects)?)).await?;
    Ok(Permits { on, all })
}

/// What the actor may begin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Makes {
    /// There is a cluster and a template for it.
    pub vm: bool,
    pub pool: bool,
    /// There is a storage domain for it.
    pub disk: bool,
    /// There is a cluster for it.
    pub host: bool,
    /// There is a data center for it.
    pub domain: bool,
    pub data_center: bool,
    /// There is a data center for it.
    pub cluster: bool,
    pub network: bool,
    pub user: bool,
    pub role: bool,
    /// Gives and takes admin roles.
    pub super_user: bool,
}

/// What the actor may begin.
///
/// # Errors
/// The database failed.
pub async fn makes(cx: &Cx) -> Result<Makes, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .read(move |db| {
            let super_user = is_super_user(&inner, db)?;
            let mut somewhere = |action, kind| somewhere(&inner, db, action, kind);
            let template = somewhere(Action::CreateVm, ObjectKind::Template)?;
            Ok(Makes {
                vm: template && somewhere(Action::CreateVm, ObjectKind::Cluster)?,
                pool: template
                    && somewhere(Action::CreateVmPool, ObjectKind::Cluster)?
                    && somewhere(Action::CreateVm, ObjectKind::Cluster)?,
                disk: somewhere(Action::CreateDisk, ObjectKind::StorageDomain)?,
                host: somewhere(Action::CreateHost, ObjectKind::Cluster)?,
                domain: somewhere(Action::CreateStorageDomain, ObjectKind::DataCenter)?,
                data_center: somewhere(Action::CreateStoragePool, ObjectKind::System)?,
                network: somewhere(Action::CreateStoragePoolNetwork, ObjectKind::DataCenter)?,
                cluster: somewhere(Action::CreateCluster, ObjectKind::DataCenter)?,
                user: somewhere(Action::ManipulateUsers, ObjectKind::System)?,
                role: somewhere(Action::ManipulateRoles, ObjectKind::System)?,
                super_user,
            })
        })
        .await
}

/// Whether the actor may make VMs from some template in some cluster.
///
/// # Errors
/// He may not, or the database failed.
pub async fn make_vms(cx: &Cx) -> Result<(), EngineError> {
    let user = cx.actor.name.clone();
    let forbidden = AuthError::Forbidden { user, action: Action::CreateVm, object: SYSTEM };
    if makes(cx).await?.vm { Ok(()) } else { Err(forbidden.into()) }
}

fn somewhere(cx: &Cx, db: &mut Db, action: Action, kind: ObjectKind) -> Result<bool, EngineError> {
    let principals = &cx.actor.principals;
    let all = cx.actor.is_root || store::allows(db, principals, action, SYSTEM)?;
    Ok(all || store::somewhere(db, principals, action, kind)?)
}

/// The parts of the Admin Portal in which the actor sees something.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sections {
    /// The kinds of objects of which his admin roles show him something; none: of all.
    pub kinds: Option<HashSet<ObjectKind>>,
    /// He configures the engine.
    pub engine: bool,
    /// He manages users.
    pub users: bool,
}

/// The parts of the Admin Portal in which the actor sees something.
///
/// # Errors
/// The database failed.
pub async fn sections(cx: &Cx) -> Result<Sections, EngineError> {
    let inner = cx.clone();
    let (held, engine, users) = cx
        .engine
        .db
        .read(move |db| {
            let held = store::admin_kinds(db, &inner.actor.principals)?;
            let engine = somewhere(&inner, db, Action::ConfigureEngine, ObjectKind::System)?;
            let users = somewhere(&inner, db, Action::ManipulateUsers, ObjectKind::System)?;
            Ok::<_, EngineError>((held, engine, users))
        })
        .await?;
    let all = cx.actor.is_root || held.contains(&ObjectKind::System);
    let kinds = (!all).then(|| held.into_iter().flat_map(|kind| around(kind).iter().copied()).collect());
    Ok(Sections { kinds, engine, users })
}

/// What is seen of the tree from an object of this kind: itself, what is below, and what it is in.
const fn around(kind: ObjectKind) -> &'static [ObjectKind] {
    use ObjectKind::*;
    match kind {
        System => ObjectKind::ALL,
        DataCenter => {
            &[DataCenter, Cluster, Host, StorageDomain, Network, VnicProfile, Template, Vm, Pool, Disk, Quota]
        }
        Cluster => &[DataCenter, Cluster, Host, Vm, Pool, Disk],
        Host => &[DataCenter, Cluster, Host],
        StorageDomain => &[DataCenter, StorageDomain, Disk],
        Network | VnicProfile => &[DataCenter, Network, VnicProfile],
        MacPool => &[MacPool],
        InstanceType => &[InstanceType],
        Template => &[DataCenter, Template, Disk],
        Vm => &[DataCenter, Cluster, Vm, Disk],
        Pool => &[DataCenter, Cluster, Pool],
        Disk => &[DataCenter, Cluster, StorageDomain, Template, Vm, Disk],
        Quota => &[DataCenter, Quota],
        User | Group | Role => &[],
    }
}
