//! Changing a guest while it runs: CPUs, memory, disks, network cards and the CD become what is wanted. What is so already stays, so
//! the verb can be repeated; what cannot be done is told part by part.

use super::connection::Libvirt;
use super::domains::{self, is_active, must_find};
use super::error::{from_libvirt, refused};
use super::storage::image_file;
use super::xml::build::{self, HostTraits};
use super::xml::live::{self, Live};
use super::xml::tuning;
use crate::model::disk::DiskInterface;
use crate::wire::{AdjustVm, Adjusted, DiskSpec, ErrorCode, NicSpec, Part, RefusedPart, VmSpec, WireError};
use std::time::Duration;
use virt::connect::Connect;
use virt::domain::Domain;
use virt_sys as sys;

type Answer<T> = Result<T, WireError>;

const LIVE: u32 = sys::VIR_DOMAIN_AFFECT_LIVE;
/// How often, and how long, a guest is asked whether it let go of a device, or took one.
const TRIES: u32 = 20;
const BETWEEN: Duration = Duration::from_millis(500);
/// Seconds a guest agent may take to answer.
const AGENT_SECONDS: i32 = 5;

/// A running guest, and what it is to become.
struct Guest<'a> {
    domain: Domain,
    spec: &'a VmSpec,
    host: HostTraits,
    refused: Vec<RefusedPart>,
}

/// Makes a running guest what is wanted.
///
/// # Errors
/// It does not run, or libvirt is away. What libvirt or the guest refuse is in the answer.
pub async fn adjust(libvirt: &Libvirt, request: AdjustVm) -> Answer<Adjusted> {
    libvirt.with(move |connection| now(connection, &request)).await
}

fn now(connection: &Connect, request: &AdjustVm) -> Answer<Adjusted> {
    let spec = &request.vm;
    let domain = must_find(connection, spec.id)?;
    if !is_active(&domain)? {
        return Err(refused(ErrorCode::WrongState, format!("VM {} does not run", spec.name)));
    }
    let page_cached = domains::check_files(spec)?;
    let host = domains::traits(connection, spec, page_cached)?;
    let mut guest = Guest { domain, spec, host, refused: Vec::new() };
    if request.cpus {
        guest.cpus()?;
    }
    if request.memory {
        guest.memory()?;
    }
    if request.devices {
        guest.disks()?;
        guest.nics()?;
        guest.cd()?;
    }
    let live = guest.look()?;
    Ok(Adjusted { vm: spec.id, vcpus: live.vcpus, memory_mib: live.memory_mib, refused: guest.refused })
}

impl Guest<'_> {
    fn look(&self) -> Answer<Live> {
        let failed = |e| from_libvirt(&format!("VM {}", self.spec.name), &e);
        let xml = self.domain.xml_desc(0).map_err(failed)?;
        live::read(&xml).ok_or_else(|| refused(ErrorCode::Libvirt, "the guest's definition cannot be read"))
    }

    fn refuse(&mut self, part: Part, why: impl Into<String>) {
        self.refused.push(RefusedPart { part, why: why.into() });
    }

    /// Notes why libvirt did not do it; true: it did.
    fn noted(&mut self, part: Part, done: Result<(), virt::error::Error>) -> bool {
        match done {
            Ok(()) => true,
            Err(e) => {
                self.refuse(part, e.message().to_owned());
                false
            }
        }
    }

    /// Looks until it is so, or the guest took too long.
    fn comes(&self, so: impl Fn(&Live) -> bool) -> Answer<bool> {
        for _ in 0..TRIES {
            if so(&self.look()?) {
                return Ok(true);
            }
            std::thread::sleep(BETWEEN);
        }
        Ok(false)
    }

    fn cpus(&mut self) -> Answer<()> {
        let (live, wanted) = (self.look()?, tuning::vcpus(self.spec));
        if live.vcpus == wanted {
            return Ok(());
        }
        let done = self.domain.set_vcpus_flags(wanted, sys::VIR_DOMAIN_VCPU_LIVE);
        if self.noted(Part::Cpus, done) && wanted > live.vcpus && live.agent {
            self.in_the_guest(|domain| domain.set_vcpus_flags(wanted, sys::VIR_DOMAIN_VCPU_GUEST).is_ok());
        }
        Ok(())
    }

    /// A guest that does not take what it was given by itself is asked by its agent; it needs a moment to see it.
    fn in_the_guest(&self, take: impl Fn(&Domain) -> bool) {
        for _ in 0..TRIES / 2 {
            std::thread::sleep(BETWEEN);
            if take(&self.domain) {
                return;
            }
        }
        tracing::warn!(vm = %self.spec.id, "the guest agent did not take what was plugged in");
    }

    fn memory(&mut self) -> Answer<()> {
        let (live, wanted) = (self.look()?, self.spec.memory_mib);
        if wanted > live.memory_mib {
            let more = wanted - live.memory_mib;
            let xml =
                format!("<memory model='dimm'><target><size unit='MiB'>{more}</size><node>0</node></target></memory>");
            let done = self.domain.attach_device_flags(&xml, LIVE);
            if self.noted(Part::Memory, done) && live.agent {
                self.in_the_guest(take_memory);
            }
        } else if wanted < live.memory_mib {
            let less = live.memory_mib - wanted;
            let Some(dimm) = live.dimms.iter().find(|dimm| dimm.mib == less) else {
                self.refuse(
                    Part::Memory,
                    "only memory that was added while it ran can be taken away, and only as much as was added at once",
                );
                return Ok(());
            };
            let done = self.domain.detach_device_flags(&dimm.xml, LIVE);
            if self.noted(Part::Memory, done) && !self.comes(|live| live.memory_mib == wanted)? {
                self.refuse(Part::Memory, "the guest did not give the memory back");
            }
        }
        Ok(())
    }

    fn disks(&mut self) -> Answer<()> {
        let live = self.look()?;
        for disk in live.disks.iter().filter(|d| !d.cdrom && !d.serial.is_empty()) {
            if self.spec.disks.iter().any(|wanted| disk.is(wanted.id)) {
                continue;
            }
            let done = self.domain.detach_device_flags(&disk.xml, LIVE);
            if self.noted(Part::Stray, done) && !self.comes(|l| l.disks.iter().all(|d| d.serial != disk.serial))? {
                self.refuse(Part::Stray, format!("the guest does not let go of the disk {}", disk.target));
            }
        }
        for wanted in &self.spec.disks {
            if !live.disks.iter().any(|disk| disk.is(wanted.id)) {
                self.plug_disk(wanted)?;
            }
        }
        Ok(())
    }

    fn plug_disk(&mut self, wanted: &DiskSpec) -> Answer<()> {
        let part = Part::Disk(wanted.id);
        let prefix = match wanted.interface {
            DiskInterface::Virtio => "vd",
            DiskInterface::VirtioScsi => "sd",
            DiskInterface::Ide | DiskInterface::Sata => {
                self.refuse(part, "only virtio and virtio-scsi disks can be plugged into a running guest");
                return Ok(());
            }
        };
        let live = self.look()?;
        let names = (0..1000).map(build::letters);
        let Some(target) = live::free_target(&live, prefix, names) else { return Ok(()) };
        let xml = build::disk_device(self.spec, wanted, &self.host, &target);
        let xml = xml.map_err(|e| refused(ErrorCode::Io, e.to_string()))?;
        let done = self.domain.attach_device_flags(&xml, LIVE);
        self.noted(part, done);
        Ok(())
    }

    fn nics(&mut self) -> Answer<()> {
        let live = self.look()?;
        for card in live.nics.iter().filter(|card| self.spec.nics.iter().all(|wanted| wanted.mac != card.mac)) {
            let done = self.domain.detach_device_flags(&card.xml, LIVE);
            if self.noted(Part::Stray, done) && !self.comes(|l| l.nics.iter().all(|n| n.mac != card.mac))? {
                self.refuse(Part::Stray, format!("the guest does not let go of the network card {}", card.mac));
            }
        }
        for wanted in &self.spec.nics {
            self.nic(&live, wanted)?;
        }
        Ok(())
    }

    fn nic(&mut self, live: &Live, wanted: &NicSpec) -> Answer<()> {
        let xml = build::nic_device(wanted, &self.host).map_err(|e| refused(ErrorCode::Io, e.to_string()))?;
        let done = match live.nics.iter().find(|card| card.mac == wanted.mac) {
            None => self.domain.attach_device_flags(&xml, LIVE),
            // A card that is on no network any more stays where it is plugged in: its cable is out.
            Some(card) if wanted.network.is_none() && live::is_unlinked(&card.xml) => Ok(()),
            Some(card) if wanted.network.is_none() => {
                let changed = live::nic_with(&card.xml, &live::unlinked(&card.xml)).unwrap_or(xml);
                self.domain.update_device_flags(&changed, LIVE)
            }
            Some(card) if live::same_nic(&card.xml, &xml) => Ok(()),
            Some(card) => {
                let changed = live::nic_with(&card.xml, &xml).unwrap_or(xml);
                self.domain.update_device_flags(&changed, LIVE)
            }
        };
        self.noted(Part::Nic(wanted.id), done);
        Ok(())
    }

    fn cd(&mut self) -> Answer<()> {
        let wanted = self.spec.cdrom.as_ref().map(|cd| image_file(cd).to_string_lossy().into_owned());
        let live = self.look()?;
        if live.disks.iter().any(|disk| disk.cdrom && disk.file == wanted) {
            return Ok(());
        }
        let xml = domains::other_cd(&self.domain, self.spec.id, wanted.as_deref())?;
        let done = self.domain.update_device_flags(&xml, LIVE | sys::VIR_DOMAIN_DEVICE_MODIFY_FORCE);
        self.noted(Part::Cd, done);
        Ok(())
    }
}

/// Asks the guest agent to use all memory there is; true: there is none that is not used.
fn take_memory(domain: &Domain) -> bool {
    let ask = |text: &str| -> Option<serde_json::Value> {
        let said = domain.qemu_agent_command(text, AGENT_SECONDS, 0).ok()?;
        serde_json::from_str::<serde_json::Value>(&said).ok()?.get("return").cloned()
    };
    let Some(blocks) = ask("{\"execute\":\"guest-get-memory-blocks\"}") else { return false };
    let idle: Vec<_> = blocks
        .as_array()
        .into_iter()
        .flatten()
        .filter(|block| block.get("online").and_then(serde_json::Value::as_bool) == Some(false))
        .filter_map(|block| Some(serde_json::json!({ "phys-index": block.get("phys-index")?, "online": true })))
        .collect();
    if idle.is_empty() {
        return true;
    }
    let online = serde_json::json!({ "execute": "guest-set-memory-blocks", "arguments": { "mem-blks": idle } });
    ask(&online.to_string());
    false
}
