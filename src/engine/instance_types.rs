//! Instance types: made, changed, removed. VMs that have one follow it: running ones from their next start.

use crate::auth;
use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::quotas::Asker;
use crate::engine::vms::{next_run, settings, update::take};
use crate::engine::{Cx, EngineError};
use crate::model::event::{About, EventCode};
use crate::model::ids::{InstanceTypeId, SYSTEM};
use crate::model::instance_type::{InstanceTypeView, SizeChange, TypeSettings};
use crate::model::permission::ObjectKind;
use crate::model::quota::Amount;
use crate::model::role::Action;
use crate::model::valid::{self, Invalid, Problem};
use crate::model::vm::{
    MAX_CORES, MAX_DESCRIPTION, MAX_MEMORY_MIB, MAX_NAME, MAX_SOCKETS, MAX_THREADS, MAX_VCPUS, MIN_MEMORY_MIB,
};
use crate::store::scope::Scope;
use crate::store::vms::write;
use crate::store::{catalog, instance_types as store};

/// Makes one.
///
/// # Errors
/// Refused, invalid, or the database failed.
pub async fn create(cx: &Cx, new: SizeChange) -> Result<InstanceTypeId, EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            auth::check(db, &inner.actor, Action::CreateTemplate, SYSTEM)?;
            let fresh = InstanceTypeView {
                id: InstanceTypeId::random(),
                name: String::new(),
                description: String::new(),
                memory_mib: 1024,
                max_memory_mib: 4096,
                sockets: 1,
                cores: 1,
                threads: 1,
                settings: TypeSettings::default(),
            };
            let kind = checked(db, fresh, new)?;
            store::insert(db, &kind)?;
            tell(&inner, db, EventCode::InstanceTypeAdded, &kind)?;
            Ok(kind.id)
        })
        .await
}

/// Changes one; every VM that has it gets its size and settings.
///
/// # Errors
/// Refused, invalid, hidden, or the database failed.
pub async fn update(cx: &Cx, id: InstanceTypeId, change: SizeChange) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            auth::check(db, &inner.actor, Action::EditTemplateProperties, id.object())?;
            let before = found(db, id)?;
            let kind = checked(db, before.clone(), change)?;
            if kind == before {
                return Ok(());
            }
            store::update(db, &kind)?;
            for vm in store::followers(db, id)? {
                let Some(mut config) = write::config(db, vm)? else { continue };
                take(&kind, &mut config);
                let vcpus = u64::from(config.sockets) * u64::from(config.cores) * u64::from(config.threads);
                let size = Amount { vcpus, memory_mib: config.memory_mib, bytes: 0 };
                Asker::of(&inner).grows(db, vm, size)?;
                write::set_config(db, vm, &config)?;
                next_run::settle(&inner.engine, db, vm, |_| {})?;
                inner.engine.changed(Topic::Object(ObjectKind::Vm), Some(vm.0));
            }
            tell(&inner, db, EventCode::InstanceTypeChanged, &kind)
        })
        .await
}

/// Removes one; the VMs that have it keep its size and settings as their own.
///
/// # Errors
/// Refused, hidden, or the database failed.
pub async fn remove(cx: &Cx, id: InstanceTypeId) -> Result<(), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .write(move |db| {
            auth::check(db, &inner.actor, Action::DeleteTemplate, id.object())?;
            let kind = found(db, id)?;
            store::remove(db, id)?;
            tell(&inner, db, EventCode::InstanceTypeRemoved, &kind)
        })
        .await
}

/// One that the actor may see, and how many VMs follow it.
///
/// # Errors
/// Hidden, or the database failed.
pub async fn get(cx: &Cx, id: InstanceTypeId) -> Result<(InstanceTypeView, usize), EngineError> {
    let inner = cx.clone();
    cx.engine
        .db
        .read(move |db| {
            auth::see(db, &inner.actor, id.object())?;
            Ok((found(db, id)?, store::followers(db, id)?.len()))
        })
        .await
}

fn found(db: &mut Db, id: InstanceTypeId) -> Result<InstanceTypeView, EngineError> {
    let none = || EngineError::NotFound { kind: "instance type", id: id.to_string() };
    catalog::instance_types(db, &Scope::All)?.into_iter().find(|kind| kind.id == id).ok_or_else(none)
}

fn tell(cx: &Cx, db: &mut Db, code: EventCode, kind: &InstanceTypeView) -> Result<(), EngineError> {
    cx.engine.changed(Topic::Object(ObjectKind::InstanceType), Some(kind.id.0));
    cx.tell(db, code, About::default(), &kind.name)
}

/// The type as it will be, or all that is wrong.
fn checked(db: &mut Db, old: InstanceTypeView, change: SizeChange) -> Result<InstanceTypeView, EngineError> {
    let mut kind = change.on(old);
    let mut wrong = Vec::new();
    match valid::name("name", &kind.name, MAX_NAME) {
        Ok(name) => kind.name = name,
        Err(one) => wrong.push(one),
    }
    match valid::text("description", &kind.description, MAX_DESCRIPTION) {
        Ok(text) => kind.description = text,
        Err(one) => wrong.push(one),
    }
    if store::by_name(db, &kind.name)?.is_some_and(|other| other != kind.id) {
        wrong.push(Invalid::new("name", Problem::Taken { name: kind.name.clone() }));
    }
    let vcpus = u64::from(kind.sockets) * u64::from(kind.cores) * u64::from(kind.threads);
    let numbers = [
        ("memory", kind.memory_mib, MIN_MEMORY_MIB, MAX_MEMORY_MIB),
        ("memory_policy.max", kind.max_memory_mib, kind.memory_mib.min(MAX_MEMORY_MIB), MAX_MEMORY_MIB),
        ("cpu.topology.sockets", kind.sockets.into(), 1, MAX_SOCKETS),
        ("cpu.topology.cores", kind.cores.into(), 1, MAX_CORES),
        ("cpu.topology.threads", kind.threads.into(), 1, MAX_THREADS),
        ("cpu.topology", vcpus, 1, MAX_VCPUS),
    ];
    wrong.extend(numbers.into_iter().filter_map(|(field, value, min, max)| valid::range(field, value, min, max).err()));
    settings::check_type(&kind.settings, &mut wrong);
    if wrong.is_empty() { Ok(kind) } else { Err(EngineError::Invalid(wrong)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::Bench;
    use crate::engine::vms;
    use crate::model::instance_type::SettingsChange;
    use crate::model::vm::{BootDevice, Display, NewVm, VmStatus, VmUpdate};
    use crate::model::vm_settings;

    #[tokio::test(flavor = "multi_thread")]
    async fn vms_follow_their_type() {
        let bench = Bench::new().await;
        let size = SizeChange { name: Some("own".to_owned()), memory_mib: Some(1024), ..SizeChange::default() };
        let id = create(&bench.cx, size.clone()).await.unwrap();
        let taken = create(&bench.cx, size).await.unwrap_err();
        assert!(taken.to_string().contains("in use already"), "{taken}");
        let vm = bench.vm("a").await;
        let typed = VmUpdate { instance_type: Some(Some(id)), ..VmUpdate::default() };
        vms::update(&bench.cx, vm, typed).await.unwrap();
        vms::start(&bench.cx, vm).await.unwrap();
        bench.becomes(vm, VmStatus::Up).await;
        update(&bench.cx, id, SizeChange { sockets: Some(2), ..SizeChange::default() }).await.unwrap();
        let view = vms::get(&bench.cx, vm).await.unwrap();
        let waiting: Vec<_> = view.waiting.iter().map(|w| (w.field, w.next.as_str())).collect();
        assert_eq!((waiting, view.instance_type), (vec![("sockets", "2")], Some(id)));
        assert_eq!(get(&bench.cx, id).await.unwrap().1, 1);
        let none = SizeChange { sockets: Some(17), ..SizeChange::default() };
        assert!(update(&bench.cx, id, none).await.unwrap_err().to_string().contains("cpu.topology.sockets"));
        remove(&bench.cx, id).await.unwrap();
        let view = vms::get(&bench.cx, vm).await.unwrap();
        assert_eq!((view.instance_type, view.hardware.sockets), (None, 2));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn vms_follow_what_it_says_of_settings() {
        let bench = Bench::new().await;
        let says = |settings| SizeChange { name: Some("quiet".to_owned()), settings, ..SizeChange::default() };
        let settings = TypeSettings {
            soundcard: Some(false),
            high_availability: Some(true),
            usb_redirection: Some(true),
            boot: Some(vec![BootDevice::Network, BootDevice::Disk]),
            ..TypeSettings::default()
        };
        let id = create(&bench.cx, says(SettingsChange::All(settings))).await.unwrap();
        // A new one has them; what needs SPICE is left out where there is none.
        let loud = vm_settings::SettingsChange { soundcard: Some(true), ..vm_settings::SettingsChange::default() };
        let new =
            NewVm { name: "a".to_owned(), instance_type: Some(id), display: Some(Display::Vnc), ..NewVm::default() };
        let a = vms::create(&bench.cx, new.clone()).await.unwrap().id;
        let b = vms::create(&bench.cx, NewVm { name: "b".to_owned(), settings: loud.clone(), ..new }).await.unwrap().id;
        for vm in [a, b] {
            bench.becomes(vm, VmStatus::Down).await;
        }
        let view = vms::get(&bench.cx, a).await.unwrap();
        let s = &view.hardware.settings;
        assert_eq!((s.soundcard, s.high_availability, s.usb_redirection), (false, true, false));
        assert_eq!((view.hardware.boot[0], view.instance_type), (BootDevice::Network, Some(id)));
        // One that is set otherwise is of no type.
        let view = vms::get(&bench.cx, b).await.unwrap();
        assert_eq!((view.hardware.settings.soundcard, view.instance_type), (true, None));
        // It follows a change of the type, and of its own it has no type any more.
        let more = TypeSettings { io_threads: Some(2), ..TypeSettings::default() };
        update(&bench.cx, id, says(SettingsChange::Some(more))).await.unwrap();
        let view = vms::get(&bench.cx, a).await.unwrap();
        let s = &view.hardware.settings;
        assert_eq!((s.io_threads, s.high_availability, view.instance_type), (2, true, Some(id)));
        // With SPICE it has what needs that.
        vms::update(&bench.cx, a, VmUpdate { display: Some(Display::Spice), ..VmUpdate::default() }).await.unwrap();
        let view = vms::get(&bench.cx, a).await.unwrap();
        assert_eq!((view.hardware.settings.usb_redirection, view.instance_type), (true, Some(id)));
        // Taken later, it brings all that is not set with it.
        let typed = VmUpdate { instance_type: Some(Some(id)), ..VmUpdate::default() };
        vms::update(&bench.cx, b, typed).await.unwrap();
        let view = vms::get(&bench.cx, b).await.unwrap();
        assert_eq!((view.hardware.settings.soundcard, view.instance_type), (false, Some(id)));
        vms::update(&bench.cx, b, VmUpdate { settings: loud, ..VmUpdate::default() }).await.unwrap();
        assert_eq!(vms::get(&bench.cx, b).await.unwrap().instance_type, None);
        let wrong = TypeSettings { priority: Some(0), monitors: Some(3), ..TypeSettings::default() };
        let refused = update(&bench.cx, id, says(SettingsChange::Some(wrong))).await.unwrap_err().to_string();
        assert!(refused.contains("high_availability.priority") && refused.contains("display.monitors"), "{refused}");
    }
}
