//! Verbs on guests. Each can be repeated: what is done already counts as done.

use super::connection::Libvirt;
use super::error::{from_io, from_libvirt, refused};
use super::facts;
use super::networks;
use super::payload;
use super::storage::{check_path, image_file};
use super::xml::{build, parse};
use crate::model::ids::{DiskId, VmId};
use crate::wire::event::{DomainState, StopReason};
use crate::wire::{ChangeCd, DomainReport, ErrorCode, ImagePath, SendKeys, StartVm, VmSpec, WireError};
use std::path::{Path, PathBuf};
use virt::connect::Connect;
use virt::domain::Domain;
use virt::error::{ErrorNumber, ErrorNumberEnum};
use virt_sys as sys;

type Answer<T> = Result<T, WireError>;

/// What is reported of a VM that libvirt does not know.
pub fn missing(vm: VmId) -> DomainReport {
    DomainReport { vm, state: DomainState::Missing, stop_reason: None, agent_connected: false }
}

/// The domain of this id if Vireo made it. Somebody else's is never touched.
pub(super) fn find(connection: &Connect, vm: VmId) -> Answer<Option<Domain>> {
    let failed = |e| from_libvirt(&format!("VM {vm}"), &e);
    match connection.lookup_domain_by_uuid_string(&vm.to_string()) {
        Ok(domain) => Ok(parse::is_ours(&domain.xml_desc(0).map_err(failed)?).then_some(domain)),
        Err(e) if e.code() == ErrorNumberEnum::Known(ErrorNumber::NoDomain) => Ok(None),
        Err(e) => Err(failed(e)),
    }
}

pub(super) fn must_find(connection: &Connect, vm: VmId) -> Answer<Domain> {
    find(connection, vm)?.ok_or_else(|| refused(ErrorCode::NotFound, format!("VM {vm} is not on this host")))
}

pub(super) fn is_active(domain: &Domain) -> Answer<bool> {
    domain.is_active().map_err(|e| from_libvirt("asking a VM's state", &e))
}

/// Every domain that Vireo made.
///
/// # Errors
/// libvirt's.
pub fn list(connection: &Connect) -> Answer<Vec<DomainReport>> {
    let all = connection.list_all_domains(0).map_err(|e| from_libvirt("listing VMs", &e))?;
    Ok(all.iter().filter_map(|d| report(d).ok().flatten()).collect())
}

/// A domain's report; none if it is not ours, missing if it is not there.
///
/// # Errors
/// libvirt's.
pub fn report_of(connection: &Connect, vm: VmId) -> Answer<Option<DomainReport>> {
    match connection.lookup_domain_by_uuid_string(&vm.to_string()) {
        Ok(domain) => report(&domain),
        Err(e) if e.code() == ErrorNumberEnum::Known(ErrorNumber::NoDomain) => Ok(Some(missing(vm))),
        Err(e) => Err(from_libvirt(&format!("VM {vm}"), &e)),
    }
}

pub(super) fn report(domain: &Domain) -> Answer<Option<DomainReport>> {
    let failed = |e| from_libvirt("asking a VM's state", &e);
    let xml = domain.xml_desc(0).map_err(failed)?;
    if !parse::is_ours(&xml) {
        return Ok(None);
    }
    let Some(vm) = parse::text(&xml, "uuid").and_then(|t| t.parse().ok()) else {
        return Ok(None);
    };
    let (raw, reason) = raw_state(domain).map_err(failed)?;
    let saved = domain.has_managed_save(0).map_err(failed)?;
    let state = match raw {
        sys::VIR_DOMAIN_RUNNING | sys::VIR_DOMAIN_BLOCKED => DomainState::Running,
        sys::VIR_DOMAIN_PAUSED if reason == sys::VIR_DOMAIN_PAUSED_IOERROR => DomainState::PausedIo,
        // Being saved, restored, started: still a running machine to everybody else.
        sys::VIR_DOMAIN_PAUSED
            if matches!(reason, sys::VIR_DOMAIN_PAUSED_SAVE | sys::VIR_DOMAIN_PAUSED_STARTING_UP) =>
        {
            DomainState::Running
        }
        sys::VIR_DOMAIN_PAUSED if reason == sys::VIR_DOMAIN_PAUSED_MIGRATION => DomainState::Migrating,
        sys::VIR_DOMAIN_PAUSED if is_post_copy(reason) => DomainState::PostCopy,
        sys::VIR_DOMAIN_PAUSED | sys::VIR_DOMAIN_PMSUSPENDED => DomainState::Paused,
        sys::VIR_DOMAIN_SHUTDOWN => DomainState::Shutdown,
        sys::VIR_DOMAIN_CRASHED => DomainState::Crashed,
        _ if saved => DomainState::Saved,
        _ => DomainState::Shutoff,
    };
    let stopped = matches!(state, DomainState::Shutoff | DomainState::Saved | DomainState::Crashed);
    Ok(Some(DomainReport {
        vm,
        state,
        stop_reason: stopped.then_some(stop_reason(reason)),
        agent_connected: parse::agent_connected(&xml),
    }))
}

const fn is_post_copy(reason: u32) -> bool {
    matches!(reason, sys::VIR_DOMAIN_PAUSED_POSTCOPY | sys::VIR_DOMAIN_PAUSED_POSTCOPY_FAILED)
}

fn raw_state(domain: &Domain) -> Result<(u32, u32), virt::error::Error> {
    let (mut state, mut reason) = (0, 0);
    // SAFETY: the domain is alive for the call; both out-parameters are ours. (The crate's own wrapper turns the two numbers into enums
    // that cannot be compared with one another.)
    let done = unsafe { sys::virDomainGetState(domain.as_ptr(), &mut state, &mut reason, 0) };
    if done < 0 {
        return Err(virt::error::Error::last_error());
    }
    Ok((u32::try_from(state).unwrap_or_default(), u32::try_from(reason).unwrap_or_default()))
}

fn stop_reason(reason: u32) -> StopReason {
    match reason {
        sys::VIR_DOMAIN_SHUTOFF_SHUTDOWN => StopReason::Shutdown,
        sys::VIR_DOMAIN_SHUTOFF_DESTROYED => StopReason::Destroyed,
        sys::VIR_DOMAIN_SHUTOFF_CRASHED => StopReason::Crashed,
        sys::VIR_DOMAIN_SHUTOFF_SAVED => StopReason::Saved,
        sys::VIR_DOMAIN_SHUTOFF_MIGRATED => StopReason::Migrated,
        sys::VIR_DOMAIN_SHUTOFF_FAILED => StopReason::Failed,
        _ => StopReason::Unknown,
    }
}

/// Defines and starts, or restores a saved state.
///
/// # Errors
/// A file is gone, or libvirt or QEMU refuse.
pub async fn start(libvirt: &Libvirt, data_dir: &Path, request: StartVm) -> Answer<DomainReport> {
    let disc = match &request.vm.payload {
        Some(payload) => Some(payload::write(data_dir, request.vm.id, payload).await?),
        None => None,
    };
    let data_dir = data_dir.to_owned();
    libvirt.with(move |connection| start_now(connection, &request.vm, disc, &data_dir)).await
}

fn start_now(connection: &Connect, spec: &VmSpec, disc: Option<PathBuf>, data_dir: &Path) -> Answer<DomainReport> {
    let gone = || refused(ErrorCode::Libvirt, format!("VM {} is gone right after its start", spec.name));
    let failed = |e| from_libvirt(&format!("VM {}", spec.name), &e);
    let known = find(connection, spec.id)?;
    if let Some(domain) = &known
        && runs(domain)?
    {
        return report(domain)?.ok_or_else(gone);
    }
    let host = build::HostTraits { payload: disc, ..traits(connection, spec, check_files(spec)?)? };
    let domain = match known {
        // A saved state fits only the definition it was saved with.
        Some(domain) if domain.has_managed_save(0).map_err(failed)? => domain,
        known => {
            // The disc of an earlier run holds secrets that nobody needs any more.
            if host.payload.is_none() {
                payload::forget(data_dir, spec.id);
            }
            define(connection, spec, &host, known)?
        }
    };
    let started = match &spec.memory {
        Some(memory) => go_on(connection, spec, memory)?,
        None => domain.create_with_flags(if spec.paused { sys::VIR_DOMAIN_START_PAUSED } else { 0 }),
    };
    match started {
        Ok(()) => {}
        // Somebody was quicker: it runs, as was asked.
        Err(_) if is_active(&domain)? => {}
        Err(e) => return Err(failed(e)),
    }
    report(&domain)?.ok_or_else(gone)
}

/// What this host adds to a guest.
pub(super) fn traits(connection: &Connect, spec: &VmSpec, page_cached: Vec<DiskId>) -> Answer<build::HostTraits> {
    Ok(build::HostTraits {
        page_cached,
        kvm: facts::kvm(),
        emulator: facts::EMULATOR.to_owned(),
        payload: None,
        networks: networks::sources(connection, spec.nics.iter().filter_map(|n| n.network.as_deref()))?,
    })
}

/// Goes on from a memory that a snapshot kept, on the layers that the guest has now.
fn go_on(connection: &Connect, spec: &VmSpec, memory: &ImagePath) -> Answer<Result<(), virt::error::Error>> {
    let file = image_file(memory);
    std::fs::metadata(&file).map_err(|e| {
        refused(ErrorCode::NotFound, format!("the memory that VM {} is to go on from is gone ({e})", spec.name))
    })?;
    let path = file.to_string_lossy();
    let failed = |e| from_libvirt(&format!("the saved memory of VM {}", spec.name), &e);
    let saved = connection.save_image_xml_desc(&path, sys::VIR_DOMAIN_SAVE_IMAGE_XML_SECURE).map_err(failed)?;
    let layers = parse::disks(&saved).into_iter().filter_map(|disk| {
        let now = spec.disks.iter().find(|d| disk.is(d.id))?;
        Some((disk.target, image_file(&now.image)))
    });
    let xml = super::xml::snapshot::with_layers(&saved, &layers.collect::<Vec<_>>());
    let xml = xml.ok_or_else(|| refused(ErrorCode::Libvirt, "the saved memory's definition cannot be read"))?;
    Ok(connection.restore_domain_flags(&path, Some(&xml), sys::VIR_DOMAIN_SAVE_RUNNING))
}

/// Whether its QEMU really runs. A libvirtd that died in the middle of a start calls the domain active when it is back, until it has
/// looked for its QEMU; whoever asks for what only QEMU knows waits for that.
pub(super) fn runs(domain: &Domain) -> Answer<bool> {
    if !is_active(domain)? || domain.memory_stats(0).is_ok() {
        return is_active(domain);
    }
    let (state, reason) = raw_state(domain).map_err(|e| from_libvirt("asking a VM's state", &e))?;
    if state == sys::VIR_DOMAIN_PAUSED && reason == sys::VIR_DOMAIN_PAUSED_STARTING_UP {
        let message = "libvirtd died during an earlier start of this VM and cannot get over it; on the host, remove the VM's file \
            from /run/libvirt/qemu and restart libvirtd (guests run on)";
        return Err(refused(ErrorCode::Libvirt, message.to_owned()));
    }
    is_active(domain)
}

pub(super) fn define(
    connection: &Connect,
    spec: &VmSpec,
    host: &build::HostTraits,
    known: Option<Domain>,
) -> Answer<Domain> {
    let failed = |e| from_libvirt(&format!("VM {}", spec.name), &e);
    match known {
        // libvirt knows a domain under one name only: a renamed VM is defined anew.
        Some(old) if old.name().map_err(failed)? != build::domain_name(spec) => {
            old.undefine_flags(sys::VIR_DOMAIN_UNDEFINE_NVRAM).map_err(failed)?;
        }
        Some(_) => {}
        None if connection.lookup_domain_by_uuid_string(&spec.id.to_string()).is_ok() => {
            let message = format!("VM {}: another manager's VM has its id {}", spec.name, spec.id);
            return Err(refused(ErrorCode::Exists, message));
        }
        None => {}
    }
    let xml = build::domain(spec, host).map_err(|e| refused(ErrorCode::Io, e.to_string()))?;
    connection.define_domain_xml(&xml).map_err(failed)
}

/// A missing file is named here: QEMU's own message would name a path that says nothing to people. Returns the disks that cannot be
/// opened past the page cache (some file systems refuse it, and QEMU would not start).
pub(super) fn check_files(spec: &VmSpec) -> Answer<Vec<DiskId>> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let direct = nix::fcntl::OFlag::O_DIRECT.bits();
    let mut page_cached = Vec::new();
    for disk in &spec.disks {
        check_path(&disk.image.domain)?;
        let file = image_file(&disk.image);
        std::fs::metadata(&file).map_err(|e| from_io(&file, &e))?;
        if std::fs::OpenOptions::new().read(true).custom_flags(direct).open(&file).is_err() {
            page_cached.push(disk.id);
        }
    }
    for file in spec.kernel.iter().flat_map(|kernel| std::iter::once(&kernel.image).chain(&kernel.initrd)) {
        check_path(&file.domain)?;
        let file = image_file(file);
        std::fs::metadata(&file).map_err(|e| from_io(&file, &e))?;
    }
    if let Some(cd) = &spec.cdrom {
        check_path(&cd.domain)?;
        let file = image_file(cd);
        std::fs::metadata(&file).map_err(|e| {
            refused(ErrorCode::NotFound, format!("the ISO in the CD drive is gone ({}: {e})", file.display()))
        })?;
    }
    Ok(page_cached)
}

/// Pulls the plug and throws a saved state away.
///
/// # Errors
/// libvirt's.
pub async fn stop(libvirt: &Libvirt, vm: VmId) -> Answer<()> {
    libvirt
        .with(move |connection| {
            let Some(domain) = find(connection, vm)? else {
                return Ok(());
            };
            let failed = |e| from_libvirt(&format!("VM {vm}"), &e);
            if is_active(&domain)?
                && let Err(e) = domain.destroy()
                && is_active(&domain)?
            {
                return Err(failed(e));
            }
            if domain.has_managed_save(0).map_err(failed)? {
                domain.managed_save_remove(0).map_err(failed)?;
            }
            Ok(())
        })
        .await
}

/// Asks the guest to shut down: its agent first, else the power button.
///
/// # Errors
/// libvirt's.
pub async fn shutdown(libvirt: &Libvirt, vm: VmId) -> Answer<()> {
    libvirt
        .with(move |connection| {
            let Some(domain) = find(connection, vm)? else {
                return Ok(());
            };
            if !is_active(&domain)? {
                return Ok(());
            }
            domain
                .shutdown_flags(sys::VIR_DOMAIN_SHUTDOWN_GUEST_AGENT)
                .or_else(|_| domain.shutdown_flags(sys::VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN))
                .map(drop)
                .or_else(|e| if is_active(&domain)? { Err(from_libvirt(&format!("VM {vm}"), &e)) } else { Ok(()) })
        })
        .await
}

/// Asks the guest to reboot: its agent first, else the power button with a start after it. Whether it listens shows in an event.
///
/// # Errors
/// It does not run, or libvirt refuses.
pub async fn reboot(libvirt: &Libvirt, vm: VmId) -> Answer<()> {
    libvirt
        .with(move |connection| {
            let domain = must_find(connection, vm)?;
            domain
                .reboot(sys::VIR_DOMAIN_REBOOT_GUEST_AGENT)
                .or_else(|_| domain.reboot(sys::VIR_DOMAIN_REBOOT_ACPI_POWER_BTN))
                .map(drop)
                .map_err(|e| from_libvirt(&format!("VM {vm}"), &e))
        })
        .await
}

/// Saves the memory to disk and stops it. Saved already: fine.
///
/// # Errors
/// It does not run, or there is no space for its memory.
pub async fn suspend(libvirt: &Libvirt, vm: VmId) -> Answer<()> {
    libvirt
        .with(move |connection| {
            let domain = must_find(connection, vm)?;
            let failed = |e| from_libvirt(&format!("VM {vm}"), &e);
            if !is_active(&domain)? && domain.has_managed_save(0).map_err(failed)? {
                return Ok(());
            }
            domain.managed_save(0).map(drop).map_err(failed)
        })
        .await
}

/// Stops its vCPUs, or lets them go on.
///
/// # Errors
/// It does not run.
pub async fn pause(libvirt: &Libvirt, vm: VmId, on: bool) -> Answer<()> {
    libvirt
        .with(move |connection| {
            let domain = must_find(connection, vm)?;
            let done = if on { domain.suspend() } else { domain.resume() };
            match done {
                Err(_) if !on && raw_state(&domain).is_ok_and(|(state, _)| state == sys::VIR_DOMAIN_RUNNING) => Ok(()),
                done => done.map(drop).map_err(|e| from_libvirt(&format!("VM {vm}"), &e)),
            }
        })
        .await
}

/// Stops it if it runs, and undefines it with its saved state.
///
/// # Errors
/// libvirt's.
pub async fn forget(libvirt: &Libvirt, vm: VmId) -> Answer<()> {
    stop(libvirt, vm).await?;
    libvirt
        .with(move |connection| {
            let Some(domain) = find(connection, vm)? else {
                return Ok(());
            };
            domain
                .undefine_flags(sys::VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | sys::VIR_DOMAIN_UNDEFINE_NVRAM)
                .map_err(|e| from_libvirt(&format!("VM {vm}"), &e))
        })
        .await
}

/// Changes the medium of a running VM.
///
/// # Errors
/// It does not run, or the ISO is gone.
pub async fn change_cd(libvirt: &Libvirt, request: ChangeCd) -> Answer<()> {
    libvirt
        .with(move |connection| {
            request.cdrom.as_ref().map_or(Ok(()), |cd| check_path(&cd.domain))?;
            let file = request.cdrom.as_ref().map(image_file);
            if let Some(file) = &file {
                std::fs::metadata(file).map_err(|e| from_io(file, &e))?;
            }
            let text = file.as_ref().map(|f| f.to_string_lossy().into_owned());
            let domain = must_find(connection, request.vm)?;
            let xml = other_cd(&domain, request.vm, text.as_deref())?;
            let flags = sys::VIR_DOMAIN_AFFECT_LIVE | sys::VIR_DOMAIN_DEVICE_MODIFY_FORCE;
            domain
                .update_device_flags(&xml, flags)
                .map(drop)
                .map_err(|e| from_libvirt(&format!("the CD of VM {}", request.vm), &e))
        })
        .await
}

/// The drive's XML with another medium in it, or none.
pub(super) fn other_cd(domain: &Domain, vm: VmId, file: Option<&str>) -> Answer<String> {
    let now = domain.xml_desc(0).map_err(|e| from_libvirt(&format!("VM {vm}"), &e))?;
    let none = || refused(ErrorCode::WrongState, format!("VM {vm} has no CD drive"));
    let (name, bus) = parse::cd_drive(&now).ok_or_else(none)?;
    build::cd_change(&name, &bus, file).map_err(|e| refused(ErrorCode::Io, e.to_string()))
}

/// Presses keys together.
///
/// # Errors
/// It does not run.
pub async fn send_keys(libvirt: &Libvirt, request: SendKeys) -> Answer<()> {
    libvirt
        .with(move |connection| {
            let mut codes = request.keycodes;
            if codes.is_empty() || codes.len() > 16 {
                return Err(refused(ErrorCode::InvalidRequest, "keycodes: must have 1 to 16 entries"));
            }
            let count = i32::try_from(codes.len()).unwrap_or(16);
            must_find(connection, request.vm)?
                .send_key(sys::VIR_KEYCODE_SET_LINUX, 100, codes.as_mut_ptr(), count, 0)
                .map(drop)
                .map_err(|e| from_libvirt(&format!("VM {}", request.vm), &e))
        })
        .await
}

/// Resets it as its button would.
///
/// # Errors
/// It does not run.
pub async fn reset(libvirt: &Libvirt, vm: VmId) -> Answer<()> {
    libvirt
        .with(move |connection| {
            let domain = must_find(connection, vm)?;
            domain.reset().map(drop).map_err(|e| from_libvirt(&format!("VM {vm}"), &e))
        })
        .await
}

/// The screen as an image file (PNG, or PPM from older QEMU).
///
/// # Errors
/// It does not run.
pub async fn screenshot(libvirt: &Libvirt, vm: VmId) -> Answer<Vec<u8>> {
    libvirt
        .with(move |connection| {
            let failed = |e| from_libvirt(&format!("the screen of VM {vm}"), &e);
            let domain = must_find(connection, vm)?;
            let stream = virt::stream::Stream::new(connection, 0).map_err(failed)?;
            domain.screenshot(&stream, 0, 0).map_err(failed)?;
            let (mut image, mut chunk) = (Vec::new(), vec![0; 64 * 1024]);
            loop {
                let n = usize::try_from(stream.recv(&mut chunk).map_err(failed)?).unwrap_or(0);
                if n == 0 {
                    break;
                }
                image.extend_from_slice(chunk.get(..n).unwrap_or_default());
            }
            stream.finish().map_err(failed)?;
            Ok(image)
        })
        .await
}
