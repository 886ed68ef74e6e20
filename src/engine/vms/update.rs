//! Changing a VM's configuration. What a running guest cannot take counts from its next start.

use crate::db::Db;
use crate::engine::scheduler::Cluster;
use crate::engine::vms::adjust::{self, Args, Before};
use crate::engine::vms::admit::{admit, command};
use crate::engine::vms::{cd, next_run, settings, state};
use crate::engine::{Cx, Engine, EngineError, quotas};
use crate::model::conflict::{Conflict, NoRoom};
use crate::model::event::EventCode;
use crate::model::ids::{JobId, QuotaId, VmId};
use crate::model::instance_type::InstanceTypeView;
use crate::model::quota::Amount;
use crate::model::valid::{self, Invalid, Problem};
use crate::model::vm::{
    Display, Hardware, MAX_CORES, MAX_DESCRIPTION, MAX_MEMORY_MIB, MAX_NAME, MAX_SOCKETS, MAX_THREADS, MAX_VCPUS,
    MIN_MEMORY_MIB, Protocol, VmAction, VmUpdate,
};
use crate::model::vm_settings::{NotNow, Running};
use crate::store::catalog;
use crate::store::hosts::{self, write::HostRow};
use crate::store::scope::Scope;
use crate::store::templates::versions;
use crate::store::vms::insert;
use crate::store::vms::run::VmRun;
use crate::store::vms::write::{self, Config};
use diesel::result::{DatabaseErrorKind, Error as QueryError};

/// Changes a VM. A running guest gets at once what it can get; the rest counts from its next start.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn update(cx: &Cx, id: VmId, change: VmUpdate) -> Result<(), EngineError> {
    let job = command(cx, id, VmAction::Edit, move |cx, db| apply(cx, db, id, change.clone())).await?;
    adjust::wait(cx, job).await
}

/// Gives it one display more. Has it that already: fine.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn add_display(cx: &Cx, id: VmId, protocol: Protocol) -> Result<(), EngineError> {
    change_display(cx, id, move |display| Some(display.with(protocol))).await
}

/// Takes one of its two displays away.
///
/// # Errors
/// It is the last one; refused, invalid, hidden, or the database failed.
pub async fn remove_display(cx: &Cx, id: VmId, protocol: Protocol) -> Result<(), EngineError> {
    change_display(cx, id, move |display| display.without(protocol)).await
}

async fn change_display(
    cx: &Cx,
    id: VmId,
    change: impl Fn(Display) -> Option<Display> + Clone + Send + 'static,
) -> Result<(), EngineError> {
    let work = move |cx: &Cx, db: &mut Db| {
        let run = admit(cx, db, id, VmAction::Edit)?;
        let now = write::config(db, id)?.map(|config| config.display);
        let display = now.and_then(&change).ok_or(Conflict::LastDisplay { vm: run.name })?;
        apply(cx, db, id, VmUpdate { display: Some(display), ..VmUpdate::default() })
    };
    let job = command(cx, id, VmAction::Edit, work).await?;
    adjust::wait(cx, job).await
}

fn apply(cx: &Cx, db: &mut Db, id: VmId, change: VmUpdate) -> Result<Option<JobId>, EngineError> {
    let run = admit(cx, db, id, VmAction::Edit)?;
    let (next_run, quota) = (change.next_run, change.quota);
    let gone = || EngineError::NotFound { kind: "VM", id: id.to_string() };
    let before = write::config(db, id)?.ok_or_else(gone)?;
    let new_cd = change.cd;
    let mut after = merged(&before, change);
    // What an instance type brings asks for no permits of its own.
    let asked = after.settings.clone();
    let mut wrong = resized(db, &before, &mut after)?;
    wrong.extend(check(&mut after));
    wrong.extend(latest(db, id, &before, &after)?);
    let row = crate::store::vms::list::row(db, id)?.ok_or_else(gone)?;
    settings::check(db, row.cluster, &hardware(&after), &mut wrong)?;
    if after.name != before.name && insert::name_taken(db, &after.name, Some(id))? {
        wrong.push(Invalid::new("name", Problem::Taken { name: after.name.clone() }));
    }
    if !wrong.is_empty() {
        return Err(EngineError::Invalid(wrong));
    }
    settings::may(cx, db, &before.settings, &asked, id.object())?;
    if let Some(medium) = new_cd {
        cd::medium(cx, db, medium, None)?;
    }
    grows(cx, db, &run, &after)?;
    let moved = moves(cx, db, &run, quota)?;
    if after == before && !moved {
        return Ok(None);
    }
    match write::set_config(db, id, &after) {
        Err(QueryError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => {
            return Err(Invalid::new("name", Problem::Taken { name: after.name }).into());
        }
        other => other?,
    }
    cx.engine.changed(super::topic(), Some(id.0));
    let mut about = state::about(&run);
    about.vm = Some((id, after.name.clone()));
    cx.tell(db, EventCode::UserUpdateVm, about, "")?;
    let name = run.name.clone();
    let changed = Changed { run, before: &before, after: &after, next_run };
    let args = at_once(cx, db, id, &changed)?;
    args.map(|args| adjust::begin(cx, db, &name, &args)).transpose()
}

/// A guest that runs takes what it has, or what it will have.
fn grows(cx: &Cx, db: &mut Db, run: &VmRun, after: &Config) -> Result<(), EngineError> {
    let wanted = hardware(after);
    let size = Amount { vcpus: wanted.vcpus().into(), memory_mib: wanted.memory_mib, bytes: 0 };
    quotas::Asker::of(cx).grows(db, run.vm, size)
}

/// A pool's VMs count on their pool's quota.
fn moves(cx: &Cx, db: &mut Db, run: &VmRun, wanted: Option<QuotaId>) -> Result<bool, EngineError> {
    let object = run.pool.as_ref().map_or(run.vm.object(), |(pool, _)| pool.object());
    let same = crate::store::quotas::chosen(db, &[object])?.remove(&object).map(|chosen| chosen.quota) == wanted;
    if run.pool.is_none() || wanted.is_none() || same {
        return quotas::move_to(cx, db, quotas::Disks::Vm(run.vm), run.vm.object(), wanted);
    }
    Err(Invalid::new("quota", Problem::Fixed).into())
}

/// A change that is kept.
struct Changed<'a> {
    run: VmRun,
    before: &'a Config,
    after: &'a Config,
    next_run: bool,
}

/// What the running guest is to get at once; none: nothing of it.
fn at_once(cx: &Cx, db: &mut Db, id: VmId, changed: &Changed<'_>) -> Result<Option<Args>, EngineError> {
    let Changed { run, before, after, next_run } = changed;
    let wanted = hardware(after);
    let growth = Running::from_json(&run.launched).map(|now| now.growth(&wanted)).unwrap_or_default();
    let now = adjust::runs(run) && !next_run;
    let mut cpus = growth.cpus.filter(|_| now && before.sockets != after.sockets);
    let mut memory = growth.memory.filter(|_| now && before.memory_mib != after.memory_mib);
    if memory == Some(Ok(())) && after.memory_mib > before.memory_mib && host_is_full(&cx.engine, db, run)? {
        memory = Some(Err(NotNow::HostFull));
    }
    if cpus == Some(Ok(()))
        && after.sockets > before.sockets
        && let Some(why) = host_lacks_cpus(&cx.engine, db, run, wanted.vcpus())?
    {
        cpus = Some(Err(why));
    }
    let refused = (cpus.take_if(|c| c.is_err()), memory.take_if(|m| m.is_err()));
    next_run::settle(&cx.engine, db, id, |now| {
        now.cpus_refused = refused.0.clone().and_then(Result::err);
        now.memory_refused = refused.1.clone().and_then(Result::err);
    })?;
    let cd = now && before.cd != after.cd;
    let args = Args {
        vm: id,
        cpus: cpus.is_some(),
        memory: memory.is_some(),
        before: cd.then_some(Before::Cd(before.cd)).into_iter().collect(),
        result: None,
    };
    Ok((args.cpus || args.memory || cd).then_some(args))
}

/// The host that a guest runs on, among those of its cluster.
fn at_home(engine: &Engine, db: &mut Db, run: &VmRun) -> Result<Option<(HostRow, Cluster)>, EngineError> {
    let host = run.host.map(|host| hosts::write::row(db, host)).transpose()?.flatten();
    host.map(|host| Cluster::load(engine, db, host.cluster).map(|cluster| (host, cluster))).transpose()
}

/// Its host has promised more than it has, with what is set for the VM now.
fn host_is_full(engine: &Engine, db: &mut Db, run: &VmRun) -> Result<bool, EngineError> {
    let Some((host, cluster)) = at_home(engine, db, run)? else { return Ok(false) };
    Ok(cluster.host(host.id).is_some_and(|host| host.is_full(&cluster.settings)))
}

/// A VM with so many virtual CPUs could not be started on its host, so a running one does not get them there.
fn host_lacks_cpus(engine: &Engine, db: &mut Db, run: &VmRun, wanted: u32) -> Result<Option<NotNow>, EngineError> {
    let Some((host, cluster)) = at_home(engine, db, run)? else { return Ok(None) };
    Ok(match cluster.refuses_cpus(host.id, wanted) {
        Some(NoRoom::Cpus { most, wanted }) => Some(NotNow::HostCpus { host: host.name, most, wanted }),
        _ => None,
    })
}

/// The part of a configuration that the guest sees.
fn hardware(config: &Config) -> Hardware {
    Hardware {
        memory_mib: config.memory_mib,
        max_memory_mib: config.max_memory_mib,
        guaranteed_memory_mib: config.guaranteed_memory_mib,
        sockets: config.sockets,
        cores: config.cores,
        threads: config.threads,
        display: config.display,
        boot: config.boot.clone(),
        settings: config.settings.clone(),
    }
}

/// Only what forgets everything anyway is made anew from a newer version, and only where it lies on the template.
fn latest(db: &mut Db, id: VmId, before: &Config, after: &Config) -> Result<Option<Invalid>, EngineError> {
    if !after.use_latest || (before.use_latest && before.stateless == after.stateless) {
        return Ok(None);
    }
    let template = versions::template_of(db, id)?;
    let fits = after.stateless && !versions::thin_disks(db, id, template)?.is_empty();
    Ok((!fits).then(|| Invalid::new("use_latest_template_version", Problem::NothingToFollow)))
}

/// The size that an instance type says.
const fn size(c: &Config) -> (u64, u64, u32, u32, u32) {
    (c.memory_mib, c.max_memory_mib, c.sockets, c.cores, c.threads)
}

/// What becomes of the instance type: another one brings its size unless one is given with it, and what it says of settings that are not;
/// a size or settings of one's own are no type's any more.
fn resized(db: &mut Db, before: &Config, after: &mut Config) -> Result<Vec<Invalid>, EngineError> {
    let Some(id) = after.instance_type else { return Ok(Vec::new()) };
    let all = catalog::instance_types(db, &Scope::All)?;
    let Some(kind) = all.iter().find(|kind| kind.id == id) else {
        return Ok(vec![Invalid::new("instance_type", Problem::NoSuch { value: id.to_string() })]);
    };
    let same_size = size(after) == size(before);
    if before.instance_type != Some(id) {
        if same_size {
            take_size(kind, after);
        }
    } else if !same_size {
        after.instance_type = None;
    }
    // Of the type it has it may get something, too: one that has SPICE now takes what needs that.
    let said = kind.settings.where_alike((&before.boot, &before.settings), (&after.boot, &after.settings));
    said.set(after.display, &mut after.boot, &mut after.settings);
    if !kind.settings.fit(after.display, &after.boot, &after.settings) {
        after.instance_type = None;
    }
    Ok(Vec::new())
}

/// All that an instance type says.
pub(in crate::engine) fn take(kind: &InstanceTypeView, config: &mut Config) {
    take_size(kind, config);
    kind.settings.set(config.display, &mut config.boot, &mut config.settings);
}

const fn take_size(kind: &InstanceTypeView, config: &mut Config) {
    config.memory_mib = kind.memory_mib;
    config.max_memory_mib = kind.max_memory_mib;
    config.guaranteed_memory_mib = kind.memory_mib;
    config.sockets = kind.sockets;
    config.cores = kind.cores;
    config.threads = kind.threads;
}

fn merged(before: &Config, change: VmUpdate) -> Config {
    let old = before.clone();
    let memory_mib = change.memory_mib.unwrap_or(old.memory_mib);
    // Who changes only the memory does not want to hear of the two limits that go with it.
    let max_memory_mib = change.max_memory_mib.unwrap_or(old.max_memory_mib.max(memory_mib));
    let guaranteed_memory_mib = change.guaranteed_memory_mib.unwrap_or(old.guaranteed_memory_mib.min(memory_mib));
    Config {
        name: change.name.unwrap_or(old.name),
        description: change.description.unwrap_or(old.description),
        comment: change.comment.unwrap_or(old.comment),
        os: change.os.unwrap_or(old.os),
        kind: change.kind.unwrap_or(old.kind),
        instance_type: change.instance_type.unwrap_or(old.instance_type),
        memory_mib,
        max_memory_mib,
        guaranteed_memory_mib,
        sockets: change.sockets.unwrap_or(old.sockets),
        cores: change.cores.unwrap_or(old.cores),
        threads: change.threads.unwrap_or(old.threads),
        display: change.display.unwrap_or(old.display),
        boot: change.boot.unwrap_or(old.boot),
        settings: change.settings.on(old.settings),
        stateless: change.stateless.unwrap_or(old.stateless),
        delete_protected: change.delete_protected.unwrap_or(old.delete_protected),
        allow_override: change.allow_override.unwrap_or(old.allow_override),
        use_latest: change.use_latest.unwrap_or(old.use_latest),
        cd: change.cd.unwrap_or(old.cd),
    }
}

/// All that is wrong with a configuration; its texts are trimmed on the way. New VMs go through it, too.
pub(in crate::engine) fn check(config: &mut Config) -> Vec<Invalid> {
    let mut wrong = Vec::new();
    let mut take = |result: Result<String, Invalid>, into: &mut String| match result {
        Ok(text) => *into = text,
        Err(one) => wrong.push(one),
    };
    take(valid::name("name", &config.name, MAX_NAME), &mut config.name);
    take(valid::text("description", &config.description, MAX_DESCRIPTION), &mut config.description);
    take(valid::text("comment", &config.comment, MAX_DESCRIPTION), &mut config.comment);
    let vcpus = u64::from(config.sockets) * u64::from(config.cores) * u64::from(config.threads);
    let memory = config.memory_mib;
    let numbers = [
        ("memory", memory, MIN_MEMORY_MIB, MAX_MEMORY_MIB),
        ("memory_policy.max", config.max_memory_mib, memory.min(MAX_MEMORY_MIB), MAX_MEMORY_MIB),
        ("memory_policy.guaranteed", config.guaranteed_memory_mib, 0, memory),
        ("cpu.topology.sockets", config.sockets.into(), 1, MAX_SOCKETS),
        ("cpu.topology.cores", config.cores.into(), 1, MAX_CORES),
        ("cpu.topology.threads", config.threads.into(), 1, MAX_THREADS),
        ("cpu.topology", vcpus, 1, MAX_VCPUS),
    ];
    wrong.extend(numbers.into_iter().filter_map(|(field, value, min, max)| valid::range(field, value, min, max).err()));
    if config.boot.is_empty() {
        wrong.push(Invalid::new("os.boot", Problem::Missing));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::vm::{BootDevice, VmKind};
    use crate::model::vm_settings::VmSettings;

    fn config() -> Config {
        Config {
            name: "a".to_owned(),
            description: String::new(),
            comment: String::new(),
            os: "other".to_owned(),
            kind: VmKind::Desktop,
            instance_type: None,
            memory_mib: 1024,
            max_memory_mib: 4096,
            guaranteed_memory_mib: 1024,
            sockets: 1,
            cores: 1,
            threads: 1,
            display: Display::Vnc,
            boot: vec![BootDevice::Disk],
            settings: VmSettings::default(),
            stateless: false,
            delete_protected: false,
            allow_override: false,
            use_latest: false,
            cd: None,
        }
    }

    #[test]
    fn memory_takes_its_limits_with_it() {
        let less = merged(&config(), VmUpdate { memory_mib: Some(512), ..VmUpdate::default() });
        assert_eq!((less.guaranteed_memory_mib, less.max_memory_mib), (512, 4096));
        let more = merged(&config(), VmUpdate { memory_mib: Some(8192), ..VmUpdate::default() });
        assert_eq!((more.guaranteed_memory_mib, more.max_memory_mib), (1024, 8192));
    }

    #[test]
    fn names_every_wrong_field() {
        let mut bad = Config {
            name: "a b".to_owned(),
            memory_mib: 1,
            guaranteed_memory_mib: 0,
            sockets: 16,
            cores: 254,
            boot: Vec::new(),
            ..config()
        };
        let fields: Vec<_> = check(&mut bad).into_iter().map(|w| w.field).collect();
        assert_eq!(fields, ["name", "memory", "cpu.topology", "os.boot"]);
        assert!(check(&mut config()).is_empty());
    }
}
