//! Whether a quota lets something pass: asked in the transaction that takes it. Whoever asks for the same quota waits until that has
//! ended, so that two at once do not pass together.

use crate::db::Db;
use crate::engine::{Cx, Engine, EngineError};
use crate::model::conflict::Conflict;
use crate::model::event::{About, EventCode};
use crate::model::ids::{ClusterId, QuotaId, StorageDomainId, UserId, VmId};
use crate::model::quota::{
    Amount, ClusterLimit, DiskUse, Excess, Margin, Quota, QuotaMode, QuotaResource, Share, Uses, Verdict, VmUse, judge,
    with_grace,
};
use crate::store::quotas::{self as store, Wanted};
use crate::store::scope::Scope;
use crate::store::{catalog, users};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Who asks for something; none: the engine itself, ahead of somebody.
#[derive(Clone, Copy)]
pub(in crate::engine) struct Asker<'a> {
    pub engine: &'a Arc<Engine>,
    pub by: Option<&'a Cx>,
}

/// One limit that a request must pass.
struct Limit {
    resource: QuotaResource,
    share: Share,
    most: Option<u64>,
    margin: Margin,
    used: u64,
    asked: u64,
}

/// What is asked of a quota's share of a cluster.
struct Taken {
    quota: QuotaId,
    cluster: ClusterId,
    asked: Amount,
    /// Whom it counts for.
    people: Vec<(UserId, Amount)>,
    /// What is used has it in it already.
    counted: bool,
}

impl Taken {
    fn by(vm: &VmUse, asked: Amount) -> Self {
        let people = vm.person.into_iter().map(|who| (who, asked)).collect();
        Self { quota: vm.quota, cluster: vm.cluster, asked, people, counted: false }
    }
}

/// A person's limit is what it says.
const EXACT: Margin = Margin { threshold: 100, grace: 0 };

impl<'a> Asker<'a> {
    pub(in crate::engine) const fn of(cx: &'a Cx) -> Self {
        Self { engine: &cx.engine, by: Some(cx) }
    }

    /// The VM, which does not run yet, is to run.
    ///
    /// # Errors
    /// Its quota does not give that, or the database failed.
    pub(in crate::engine) fn starts(self, db: &mut Db, vm: VmId) -> Result<(), EngineError> {
        if !store::in_use(db)? {
            return Ok(());
        }
        let Some(vm) = store::vms(db, Wanted::Vm(vm))?.pop().filter(|vm| !vm.runs) else { return Ok(()) };
        self.takes(db, Taken::by(&vm, vm.size))
    }

    /// The VM runs, and is to be of this size.
    ///
    /// # Errors
    /// Its quota does not give that, or the database failed.
    pub(in crate::engine) fn grows(self, db: &mut Db, vm: VmId, size: Amount) -> Result<(), EngineError> {
        if !store::in_use(db)? {
            return Ok(());
        }
        let Some(vm) = store::vms(db, Wanted::Vm(vm))?.pop().filter(|vm| vm.runs) else { return Ok(()) };
        self.takes(db, Taken::by(&vm, size.without(vm.size)))
    }

    /// The VM of a pool is given to somebody: it is the quota's already, or is about to be, and becomes his.
    ///
    /// # Errors
    /// He would have more than each person may, or the database failed.
    pub(in crate::engine) fn given(self, db: &mut Db, vm: VmId, to: UserId) -> Result<(), EngineError> {
        if !store::in_use(db)? {
            return Ok(());
        }
        let Some(own) = store::vms(db, Wanted::Vm(vm))?.pop() else { return Ok(()) };
        let Some(quota) = counting(db, own.quota)? else { return Ok(()) };
        let disks = store::disks(db, Wanted::Vm(vm))?;
        let bytes = disks.iter().filter(|disk| disk.quota == own.quota).map(|disk| disk.bytes).sum();
        let used = store::uses(db, Wanted::Of(own.quota))?.of(own.quota, to);
        let limits = person(db, &quota, to, used, Amount { bytes, ..own.size })?;
        self.weigh(db, &quota, limits)
    }

    /// A VM or a pool counts on another quota from now on, with all that is of it: it is the quota's already.
    ///
    /// # Errors
    /// The quota does not give that, or the database failed.
    pub(in crate::engine) fn moves(self, db: &mut Db, what: Wanted) -> Result<(), EngineError> {
        if !store::in_use(db)? {
            return Ok(());
        }
        let mut vms = store::vms(db, what)?;
        let Some(quota) = vms.first().map(|vm| vm.quota) else { return Ok(()) };
        vms.retain(|vm| vm.runs);
        let mut asked = Amount::default();
        vms.iter().for_each(|vm| asked += vm.size);
        if let Some(one) = vms.first() {
            let people = vms.iter().filter_map(|vm| Some((vm.person?, vm.size))).collect();
            self.takes(db, Taken { quota, cluster: one.cluster, asked, people, counted: true })?;
        }
        let mut disks = store::disks(db, what)?;
        disks.retain(|disk| disk.quota == quota);
        match counting(db, quota)? {
            Some(quota) if !disks.is_empty() => self.stored_on(db, &quota, &disks, true, 0),
            _ => Ok(()),
        }
    }

    fn takes(self, db: &mut Db, taken: Taken) -> Result<(), EngineError> {
        let Taken { quota, cluster, asked, people, counted } = taken;
        let Some(quota) = counting(db, quota)? else { return Ok(()) };
        let Some(limit) = quota.config.clusters.at(&cluster) else {
            let place = cluster_name(db, cluster)?;
            return self.nothing_there(db, &quota, place, false);
        };
        let uses = Uses { vms: store::vms(db, Wanted::Of(quota.id))?, disks: Vec::new() };
        let whole = quota.config.clusters.is_whole();
        let but = |used: Amount, own: Amount| if counted { used.without(own) } else { used };
        let used = but(uses.in_cluster(quota.id, (!whole).then_some(cluster)), asked);
        let share = if whole { Share::Whole } else { Share::Of(cluster_name(db, cluster)?) };
        let mut limits = in_cluster(limit, &share, quota.config.cluster, used, asked);
        let mut own: BTreeMap<UserId, Amount> = BTreeMap::new();
        for (who, size) in people {
            *own.entry(who).or_default() += size;
        }
        for (who, size) in own {
            limits.extend(person(db, &quota, who, but(uses.of(quota.id, who), size), size)?);
        }
        self.weigh(db, &quota, limits)
    }

    /// These disks are kept, and are to be there `copies` times more.
    ///
    /// # Errors
    /// Their quota does not give that, or the database failed.
    pub(in crate::engine) fn stores(self, db: &mut Db, disks: Wanted, copies: u64) -> Result<(), EngineError> {
        self.stored(db, disks, true, copies)
    }

    /// The same, of disks that were asked for before: only the copies are new.
    ///
    /// # Errors
    /// Their quota does not give that, or the database failed.
    pub(in crate::engine) fn copies(self, db: &mut Db, disks: Wanted, copies: u64) -> Result<(), EngineError> {
        self.stored(db, disks, false, copies)
    }

    fn stored(self, db: &mut Db, disks: Wanted, new: bool, copies: u64) -> Result<(), EngineError> {
        if !store::in_use(db)? {
            return Ok(());
        }
        let mut by_quota: BTreeMap<QuotaId, Vec<DiskUse>> = BTreeMap::new();
        for disk in store::disks(db, disks)? {
            by_quota.entry(disk.quota).or_default().push(disk);
        }
        for (id, disks) in by_quota {
            if let Some(quota) = counting(db, id)? {
                self.stored_on(db, &quota, &disks, new, copies)?;
            }
        }
        Ok(())
    }

    fn stored_on(
        self,
        db: &mut Db,
        quota: &Quota,
        disks: &[DiskUse],
        new: bool,
        copies: u64,
    ) -> Result<(), EngineError> {
        let uses = Uses { vms: Vec::new(), disks: store::disks(db, Wanted::Of(quota.id))? };
        let times = copies.saturating_add(u64::from(new));
        let whole = quota.config.domains.is_whole();
        let mut by_domain: BTreeMap<Option<StorageDomainId>, u64> = BTreeMap::new();
        for disk in disks {
            *by_domain.entry((!whole).then_some(disk.domain)).or_default() += disk.bytes;
            if quota.config.domains.at(&disk.domain).is_none() {
                let place = domain_name(db, disk.domain)?;
                return self.nothing_there(db, quota, place, true);
            }
        }
        let mut limits = Vec::new();
        for (domain, bytes) in by_domain {
            let share = domain.map_or(Ok(Share::Whole), |domain| domain_name(db, domain).map(Share::Of))?;
            let place = domain.or(disks.first().map(|disk| disk.domain));
            limits.push(Limit {
                resource: QuotaResource::Storage,
                share,
                most: place.and_then(|place| quota.config.domains.at(&place)).flatten().map(bytes_of),
                margin: quota.config.storage,
                used: uses.on_domain(quota.id, domain).saturating_sub(if new { bytes } else { 0 }),
                asked: bytes.saturating_mul(times),
            });
        }
        let mut people: BTreeMap<UserId, u64> = BTreeMap::new();
        for disk in disks {
            if let Some(who) = disk.person {
                *people.entry(who).or_default() += disk.bytes;
            }
        }
        for (who, bytes) in people {
            let mut used = uses.of(quota.id, who);
            used.bytes = used.bytes.saturating_sub(if new { bytes } else { 0 });
            let asked = Amount { bytes: bytes.saturating_mul(times), ..Amount::default() };
            limits.extend(person(db, quota, who, used, asked)?);
        }
        self.weigh(db, quota, limits)
    }

    fn weigh(self, db: &mut Db, quota: &Quota, limits: Vec<Limit>) -> Result<(), EngineError> {
        let judged = |limit: &Limit| judge(limit.most, limit.margin, limit.used, limit.asked);
        // What is refused is told alone.
        let enforced = quota.mode == QuotaMode::Enabled;
        if let Some(over) = limits.iter().find(|limit| enforced && judged(limit) == Verdict::Over) {
            let excess = excess(quota, over);
            let storage = over.resource == QuotaResource::Storage;
            let code = if storage { EventCode::QuotaStorageRefused } else { EventCode::QuotaClusterRefused };
            self.refused(code, excess.to_string());
            return Err(Conflict::Quota(Box::new(excess)).into());
        }
        for limit in &limits {
            let storage = limit.resource == QuotaResource::Storage;
            let code = match (judged(limit), storage) {
                (Verdict::Fine, _) => continue,
                (Verdict::Near, false) => EventCode::QuotaClusterThreshold,
                (Verdict::Near, true) => EventCode::QuotaStorageThreshold,
                (Verdict::Grace, false) => EventCode::QuotaClusterLimit,
                (Verdict::Grace, true) => EventCode::QuotaStorageLimit,
                (Verdict::Over, false) => EventCode::QuotaClusterAudit,
                (Verdict::Over, true) => EventCode::QuotaStorageAudit,
            };
            self.tell(db, code, &excess(quota, limit).to_string())?;
        }
        Ok(())
    }

    fn nothing_there(self, db: &mut Db, quota: &Quota, place: String, storage: bool) -> Result<(), EngineError> {
        let why = Conflict::QuotaGivesNothing { quota: quota.config.name.clone(), place };
        let (refused, passed) = if storage {
            (EventCode::QuotaStorageRefused, EventCode::QuotaStorageAudit)
        } else {
            (EventCode::QuotaClusterRefused, EventCode::QuotaClusterAudit)
        };
        if quota.mode == QuotaMode::Enabled {
            self.refused(refused, why.to_string());
            return Err(why.into());
        }
        self.tell(db, passed, &why.to_string())
    }

    fn tell(self, db: &mut Db, code: EventCode, detail: &str) -> Result<(), EngineError> {
        match self.by {
            Some(cx) => cx.tell(db, code, About::default(), detail),
            None => self.engine.tell(db, code, About::default(), detail),
        }
    }

    /// What a person asked for is not kept, its event is: it is told after the transaction that comes to nothing. What the engine
    /// tries ahead it tells by itself, and not with each try.
    fn refused(self, code: EventCode, detail: String) {
        let Some(cx) = self.by.cloned() else { return };
        let told = async move {
            let inner = cx.clone();
            let kept = cx.engine.db.write(move |db| inner.tell(db, code, About::default(), &detail)).await;
            if let Err(error) = kept {
                tracing::warn!(%error, "what a quota refused could not be told");
            }
        };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(told);
        }
    }
}

/// The quota, held until this transaction ends; none: it lets everything pass.
fn counting(db: &mut Db, id: QuotaId) -> Result<Option<Quota>, EngineError> {
    let counts = |quota: &Quota| quota.mode != QuotaMode::Disabled && !quota.is_default;
    if !store::get(db, id)?.as_ref().is_some_and(counts) {
        return Ok(None);
    }
    store::queue_up(db, id)?;
    // Its limits may have changed while others were waited for.
    Ok(store::get(db, id)?.filter(counts))
}

fn in_cluster(limit: ClusterLimit, share: &Share, margin: Margin, used: Amount, asked: Amount) -> Vec<Limit> {
    let one = |resource, most, used, asked| Limit { resource, share: share.clone(), most, margin, used, asked };
    vec![
        one(QuotaResource::Vcpus, limit.vcpus, used.vcpus, asked.vcpus),
        one(QuotaResource::Memory, limit.memory_mib, used.memory_mib, asked.memory_mib),
    ]
}

fn person(db: &mut Db, quota: &Quota, who: UserId, used: Amount, asked: Amount) -> Result<Vec<Limit>, EngineError> {
    let limit = quota.config.person;
    if limit == Default::default() {
        return Ok(Vec::new());
    }
    let name = users::get(db, who)?.map_or_else(|| who.to_string(), |user| user.principal());
    let share = Share::Person(name);
    let in_cluster_too = ClusterLimit { vcpus: limit.vcpus, memory_mib: limit.memory_mib };
    let mut all = in_cluster(in_cluster_too, &share, EXACT, used, asked);
    let most = limit.storage_gib.map(bytes_of);
    all.push(Limit {
        resource: QuotaResource::Storage,
        share,
        most,
        margin: EXACT,
        used: used.bytes,
        asked: asked.bytes,
    });
    Ok(all)
}

fn excess(quota: &Quota, limit: &Limit) -> Excess {
    Excess {
        quota: quota.config.name.clone(),
        resource: limit.resource,
        share: limit.share.clone(),
        used: limit.used,
        asked: limit.asked,
        most: with_grace(limit.most.unwrap_or(u64::MAX), limit.margin),
    }
}

const fn bytes_of(gib: u64) -> u64 {
    gib.saturating_mul(crate::model::disk::GIB)
}

fn cluster_name(db: &mut Db, id: ClusterId) -> Result<String, EngineError> {
    let found = catalog::clusters(db, &Scope::All)?.into_iter().find(|cluster| cluster.id == id);
    Ok(found.map_or_else(|| id.to_string(), |cluster| cluster.name))
}

fn domain_name(db: &mut Db, id: StorageDomainId) -> Result<String, EngineError> {
    let found = catalog::storage_domains(db, &Scope::All)?.into_iter().find(|domain| domain.id == id);
    Ok(found.map_or_else(|| id.to_string(), |domain| domain.name))
}
