//! What a new VM will be: defaults of instance type and template filled in, every field checked, all errors at once.

use crate::auth::{self, AuthError};
use crate::db::Db;
use crate::engine::vms::create::{Planned, check_permissions};
use crate::engine::vms::settings;
use crate::engine::{Cx, EngineError};
use crate::model::disk::{DiskContent, DiskInterface, MAX_DISK_BYTES, MIB, NewDisk};
use crate::model::ids::{BLANK_TEMPLATE, ClusterId, DiskId, VmId, VnicProfileId};
use crate::model::instance_type::InstanceTypeView;
use crate::model::role::Action;
use crate::model::template::{TemplateStatus, TemplateView};
use crate::model::valid::{self, Invalid, Problem};
use crate::model::vm::*;
use crate::store::disks::write::ActiveImage;
use crate::store::scheduling::places;
use crate::store::scope::Scope;
use crate::store::templates::versions;
use crate::store::vms::insert::{self, VmConfig};
use crate::store::{catalog, disks, jobs, templates};

/// A disk of the template.
#[derive(Debug, Clone)]
pub(in crate::engine) struct TemplateDisk {
    pub active: ActiveImage,
    pub interface: DiskInterface,
    pub bootable: bool,
}

/// Checks everything about a new VM.
///
/// # Errors
/// All fields that are wrong, or the actor may not.
pub(in crate::engine) fn plan(cx: &Cx, db: &mut Db, new: &NewVm) -> Result<Planned, EngineError> {
    let cluster = cluster(db, new.cluster)?;
    let template = template(db, new)?;
    if !template.disks.is_empty() {
        versions::hold(db, template.id)?;
    }
    check_permissions(cx, db, cluster, template.id)?;
    let kind = instance_type(db, new)?;
    let mut wrong = Vec::new();
    let base = base(new, &template, kind.as_ref());
    let hardware = hardware(new, &base, kind.as_ref(), &mut wrong);
    check_host_memory(db, cluster, &hardware, &mut wrong)?;
    settings::may(cx, db, &base.settings, &hardware.settings, cluster.object())?;
    settings::check(db, cluster, &hardware, &mut wrong)?;
    let name = name(db, &new.name, None, &mut wrong)?;
    let description = note(&mut wrong, valid::text("description", &new.description, MAX_DESCRIPTION));
    let comment = note(&mut wrong, valid::text("comment", &new.comment, MAX_DESCRIPTION));
    let os = note(&mut wrong, valid::name("os", new.os.as_deref().unwrap_or(&template.os), 64));
    check_cd(db, new.cd, &mut wrong)?;
    for disk in &new.disks {
        check_disk(disk, &mut wrong);
    }
    let nics = nics(cx, db, new, &mut wrong)?;
    if new.use_latest && (!new.stateless || new.clone || template.disks.is_empty()) {
        wrong.push(Invalid::new("use_latest_template_version", Problem::NothingToFollow));
    }
    if !wrong.is_empty() {
        return Err(EngineError::Invalid(wrong));
    }
    // Settings of one's own are no type's.
    let kind = kind.filter(|kind| kind.settings.fit(hardware.display, &hardware.boot, &hardware.settings));
    let config = VmConfig {
        id: VmId::random(),
        name,
        description,
        comment,
        cluster,
        template: template.id,
        instance_type: kind.map(|kind| kind.id),
        pool: None,
        os,
        kind: new.kind.unwrap_or(template.kind),
        hardware,
        stateless: new.stateless,
        delete_protected: new.delete_protected,
        allow_override: new.allow_override,
        use_latest: new.use_latest,
        cd: new.cd,
    };
    let template_disks = template_disks(db, &template)?;
    Ok(Planned { config, template_disks, clone: new.clone, new_disks: new.disks.clone(), nics, quota: new.quota })
}

fn note(wrong: &mut Vec<Invalid>, checked: Result<String, Invalid>) -> String {
    checked.unwrap_or_else(|e| {
        wrong.push(e);
        String::new()
    })
}

/// A name nobody else has.
pub(in crate::engine) fn name(
    db: &mut Db,
    text: &str,
    own: Option<VmId>,
    wrong: &mut Vec<Invalid>,
) -> Result<String, EngineError> {
    let name = note(wrong, valid::name("name", text, MAX_NAME));
    if !name.is_empty() && insert::name_taken(db, &name, own)? {
        wrong.push(Invalid::new("name", Problem::Taken { name: name.clone() }));
    }
    Ok(name)
}

/// The cluster asked for, or the only one.
pub(in crate::engine) fn cluster(db: &mut Db, wanted: Option<ClusterId>) -> Result<ClusterId, EngineError> {
    let all = catalog::clusters(db, &Scope::All)?;
    let found = match wanted {
        Some(id) => all.iter().find(|c| c.id == id),
        None => all.iter().find(|c| c.name == "Default").or(all.first()),
    };
    let missing =
        || Invalid::new("cluster", Problem::NoSuch { value: wanted.map_or_else(String::new, |c| c.to_string()) });
    Ok(found.ok_or_else(missing)?.id)
}

fn template(db: &mut Db, new: &NewVm) -> Result<TemplateView, EngineError> {
    let mut id = new.template.unwrap_or(BLANK_TEMPLATE);
    if new.use_latest {
        id = versions::newest(db, id)?;
    }
    let found =
        templates::get(db, id)?.ok_or_else(|| Invalid::new("template", Problem::NoSuch { value: id.to_string() }))?;
    if found.status != TemplateStatus::Ok {
        let problem = Problem::TemplateNotOk { template: found.name, status: found.status };
        return Err(Invalid::new("template", problem).into());
    }
    // Its removal may have begun.
    if jobs::holder(db, &[id.object()])?.is_some() {
        let problem = Problem::TemplateNotOk { template: found.name, status: TemplateStatus::Locked };
        return Err(Invalid::new("template", problem).into());
    }
    Ok(found)
}

fn instance_type(db: &mut Db, new: &NewVm) -> Result<Option<InstanceTypeView>, EngineError> {
    let Some(id) = new.instance_type else { return Ok(None) };
    let found = catalog::instance_types(db, &Scope::All)?.into_iter().find(|t| t.id == id);
    let missing = || Invalid::new("instance_type", Problem::NoSuch { value: id.to_string() });
    Ok(Some(found.ok_or_else(missing)?))
}

/// The template's, with what the instance type says of settings.
fn base(new: &NewVm, template: &TemplateView, kind: Option<&InstanceTypeView>) -> Hardware {
    let mut base = template.hardware.clone();
    if let Some(kind) = kind {
        kind.settings.set(new.display.unwrap_or(base.display), &mut base.boot, &mut base.settings);
    }
    base
}

fn hardware(new: &NewVm, base: &Hardware, kind: Option<&InstanceTypeView>, wrong: &mut Vec<Invalid>) -> Hardware {
    let memory_mib = new.memory_mib.or(kind.map(|k| k.memory_mib)).unwrap_or(base.memory_mib);
    // What was not said follows what was: oVirt's maximum is four times the memory.
    let max = new.max_memory_mib.or(kind.map(|k| k.max_memory_mib)).unwrap_or(base.max_memory_mib);
    let hardware = Hardware {
        memory_mib,
        max_memory_mib: if new.max_memory_mib.is_some() { max } else { max.max(memory_mib) },
        guaranteed_memory_mib: new.guaranteed_memory_mib.unwrap_or(memory_mib),
        sockets: new.sockets.or(kind.map(|k| k.sockets)).unwrap_or(base.sockets),
        cores: new.cores.or(kind.map(|k| k.cores)).unwrap_or(base.cores),
        threads: new.threads.or(kind.map(|k| k.threads)).unwrap_or(base.threads),
        display: new.display.unwrap_or(base.display),
        boot: new.boot.clone().unwrap_or_else(|| base.boot.clone()),
        settings: new.settings.clone().on(base.settings.clone()),
    };
    check_hardware(&hardware, wrong);
    hardware
}

/// oVirt's limits for one VM.
pub(in crate::engine) fn check_hardware(hw: &Hardware, wrong: &mut Vec<Invalid>) {
    let mut within = |field, value, min, max| {
        if let Err(e) = valid::range(field, value, min, max) {
            wrong.push(e);
        }
    };
    within("memory", hw.memory_mib, MIN_MEMORY_MIB, MAX_MEMORY_MIB);
    within("memory_policy.max", hw.max_memory_mib, hw.memory_mib, MAX_MEMORY_MIB);
    within("memory_policy.guaranteed", hw.guaranteed_memory_mib, 0, hw.memory_mib);
    within("cpu.topology.sockets", hw.sockets.into(), 1, MAX_SOCKETS);
    within("cpu.topology.cores", hw.cores.into(), 1, MAX_CORES);
    within("cpu.topology.threads", hw.threads.into(), 1, MAX_THREADS);
    let vcpus = u64::from(hw.sockets) * u64::from(hw.cores) * u64::from(hw.threads);
    if vcpus > MAX_VCPUS {
        wrong.push(Invalid::new("cpu.topology", Problem::Range { min: 1, max: MAX_VCPUS }));
    }
    if hw.boot.is_empty() || hw.boot.len() > BootDevice::ALL.len() {
        wrong.push(Invalid::new("os.boot", Problem::Range { min: 1, max: BootDevice::ALL.len() as u64 }));
    }
}

/// More than any host of the cluster has can never run.
fn check_host_memory(
    db: &mut Db,
    cluster: ClusterId,
    hw: &Hardware,
    wrong: &mut Vec<Invalid>,
) -> Result<(), EngineError> {
    let largest = places::facts(db, cluster)?.iter().map(|(_, facts)| facts.memory_mib).max().unwrap_or(0);
    if largest > 0 && hw.memory_mib > largest {
        wrong.push(Invalid::new("memory", Problem::MoreThanHost { available: largest }));
    }
    Ok(())
}

fn check_cd(db: &mut Db, cd: Option<DiskId>, wrong: &mut Vec<Invalid>) -> Result<(), EngineError> {
    let Some(id) = cd else { return Ok(()) };
    let found = disks::by_ids(db, &[id])?.remove(&id);
    if found.is_none_or(|d| d.content != DiskContent::Iso) {
        wrong.push(Invalid::new("cdrom", Problem::NoSuch { value: id.to_string() }));
    }
    Ok(())
}

/// Sizes and names of a new disk.
pub(in crate::engine) fn check_disk(disk: &NewDisk, wrong: &mut Vec<Invalid>) {
    if !disk.alias.is_empty()
        && let Err(e) = valid::name("alias", &disk.alias, 255)
    {
        wrong.push(e);
    }
    if let Err(e) = valid::text("description", &disk.description, MAX_DESCRIPTION) {
        wrong.push(e);
    }
    if let Err(e) = valid::range("provisioned_size", disk.virtual_bytes, MIB, MAX_DISK_BYTES) {
        wrong.push(e);
    }
}

/// The vNIC profiles that the actor may use.
pub(in crate::engine) fn usable_profiles(cx: &Cx, db: &mut Db) -> Result<Vec<VnicProfileId>, EngineError> {
    let mut usable = Vec::new();
    for profile in catalog::vnic_profiles(db, &Scope::All)? {
        let may = auth::check(db, &cx.actor, Action::ConfigureVmNetwork, profile.id.object());
        match may {
            Ok(()) => usable.push(profile.id),
            Err(AuthError::Hidden { .. } | AuthError::Forbidden { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(usable)
}

fn nics(
    cx: &Cx,
    db: &mut Db,
    new: &NewVm,
    wrong: &mut Vec<Invalid>,
) -> Result<Vec<Option<VnicProfileId>>, EngineError> {
    let profiles = usable_profiles(cx, db)?;
    let Some(asked) = &new.nics else { return Ok(vec![profiles.first().copied()]) };
    if asked.len() > 28 {
        wrong.push(Invalid::new("nics", Problem::Range { min: 0, max: 28 }));
    }
    for id in asked.iter().flatten() {
        if !profiles.contains(id) {
            wrong.push(Invalid::new("vnic_profile", Problem::NoSuch { value: id.to_string() }));
        }
    }
    Ok(asked.clone())
}

/// The template's disks with their files.
pub(in crate::engine) fn template_disks(
    db: &mut Db,
    template: &TemplateView,
) -> Result<Vec<TemplateDisk>, EngineError> {
    let ids: Vec<DiskId> = template.disks.iter().map(|d| d.disk.id).collect();
    let active = disks::write::active_images(db, &ids)?;
    Ok(template
        .disks
        .iter()
        .filter_map(|d| {
            let active = active.iter().find(|a| a.disk == d.disk.id)?.clone();
            Some(TemplateDisk { active, interface: d.interface, bootable: d.bootable })
        })
        .collect())
}
