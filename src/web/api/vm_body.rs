//! `<vm>` documents from clients, as the engine's requests.

use super::input::Input;
use super::known;
use crate::engine::{Cx, EngineError, catalog};
use crate::model::disk::{DiskInterface, NewDisk};
use crate::model::page::ListQuery;
use crate::model::valid::{Invalid, Problem};
use crate::model::vm::{BootDevice, Display, NewVm, Protocol, VmUpdate};

/// Which of several wrong fields there are.
#[derive(Default)]
pub struct Wrong(Vec<Invalid>);

impl Wrong {
    pub fn note<T>(&mut self, result: Result<Option<T>, Invalid>) -> Option<T> {
        result.unwrap_or_else(|e| {
            self.0.push(e);
            None
        })
    }
    pub fn end<T>(self, value: T) -> Result<T, EngineError> {
        if self.0.is_empty() { Ok(value) } else { Err(EngineError::Invalid(self.0)) }
    }
}

fn text(input: &Input, path: &str) -> Option<String> {
    input.text_at(path).map(ToOwned::to_owned)
}

/// Bytes in the document, MiB in the engine.
fn mib(wrong: &mut Wrong, input: &Input, path: &str, field: &'static str) -> Option<u64> {
    let bytes = wrong.note(input.parsed::<u64>(path, field))?;
    Some(bytes.div_ceil(1 << 20))
}

/// The devices it boots from, one after the other.
pub fn boot(wrong: &mut Wrong, input: &Input) -> Option<Vec<BootDevice>> {
    let devices = input.at("os/boot/devices")?;
    let mut all = Vec::new();
    for device in devices.all("device") {
        match device.text.parse() {
            Ok(device) => all.push(device),
            Err(e) => {
                let because = format!("{e}");
                wrong.0.push(Invalid::new("os.boot.devices", Problem::Other { because }));
            }
        }
    }
    (!all.is_empty()).then_some(all)
}

/// What it boots from this one time.
///
/// # Errors
/// Each device that is none.
pub fn boot_devices(input: &Input) -> Result<Option<Vec<BootDevice>>, EngineError> {
    let mut wrong = Wrong::default();
    let found = boot(&mut wrong, input);
    wrong.end(found)
}

/// A VM to be made.
///
/// # Errors
/// All fields that are wrong.
pub async fn new_vm(cx: &Cx, input: &Input, clone: bool) -> Result<NewVm, EngineError> {
    known::vm(input)?;
    let mut wrong = Wrong::default();
    for (path, field) in [("name", "name"), ("cluster", "cluster"), ("template", "template")] {
        if input.child(path).is_none() {
            wrong.0.push(Invalid::new(field, Problem::Missing));
        }
    }
    if !wrong.0.is_empty() {
        return wrong.end(NewVm::default());
    }
    let cluster_name = input.text_at("cluster/name").unwrap_or_default();
    let template_name = input.text_at("template/name").unwrap_or_default();
    let everything = ListQuery { max: u32::MAX, ..ListQuery::default() };
    let mut cluster = wrong.note(input.parsed("cluster/id", "cluster"));
    if cluster.is_none() && !cluster_name.is_empty() {
        let all = catalog::clusters(cx, &everything).await?.rows;
        cluster = all.into_iter().find(|c| c.name == cluster_name).map(|c| c.id);
        if cluster.is_none() {
            wrong.0.push(Invalid::new("cluster", Problem::NoSuch { value: cluster_name.to_owned() }));
        }
    }
    let mut template = wrong.note(input.parsed("template/id", "template"));
    if template.is_none() && !template_name.is_empty() {
        let all = catalog::templates(cx, &everything).await?.rows;
        template = all.into_iter().find(|t| t.name == template_name).map(|t| t.id);
        if template.is_none() {
            wrong.0.push(Invalid::new("template", Problem::NoSuch { value: template_name.to_owned() }));
        }
    }
    let new = NewVm {
        name: text(input, "name").unwrap_or_default(),
        description: text(input, "description").unwrap_or_default(),
        comment: text(input, "comment").unwrap_or_default(),
        cluster,
        template,
        instance_type: wrong.note(input.parsed("instance_type/id", "instance_type")),
        memory_mib: mib(&mut wrong, input, "memory", "memory"),
        max_memory_mib: mib(&mut wrong, input, "memory_policy/max", "memory_policy.max"),
        guaranteed_memory_mib: mib(&mut wrong, input, "memory_policy/guaranteed", "memory_policy.guaranteed"),
        sockets: wrong.note(input.parsed("cpu/topology/sockets", "cpu.topology.sockets")),
        cores: wrong.note(input.parsed("cpu/topology/cores", "cpu.topology.cores")),
        threads: wrong.note(input.parsed("cpu/topology/threads", "cpu.topology.threads")),
        os: text(input, "os/type"),
        kind: wrong.note(input.parsed("type", "type")),
        display: wrong.note(input.parsed::<Protocol>("display/type", "display.type")).map(Display::from),
        boot: boot(&mut wrong, input),
        settings: super::vm_settings::read(&mut wrong, input),
        stateless: wrong.note(input.bool_at("stateless", "stateless")).unwrap_or(false),
        delete_protected: wrong.note(input.bool_at("delete_protected", "delete_protected")).unwrap_or(false),
        allow_override: wrong.note(input.bool_at("display/allow_override", "display.allow_override")).unwrap_or(false),
        use_latest: wrong.note(latest(input)).unwrap_or(false),
        clone,
        disks: disks(&mut wrong, input),
        cd: input.at("cdroms/cdrom").and_then(|c| wrong.note(c.parsed("file/id", "cdroms.cdrom.file"))),
        quota: wrong.note(input.parsed("quota/id", "quota")),
        nics: None,
    };
    wrong.end(new)
}

fn latest(input: &Input) -> Result<Option<bool>, Invalid> {
    input.bool_at("use_latest_template_version", "use_latest_template_version")
}

/// Disks to be made with the VM.
fn disks(wrong: &mut Wrong, input: &Input) -> Vec<NewDisk> {
    let Some(attachments) = input.child("disk_attachments") else { return Vec::new() };
    // An attachment of a disk that exists is the template's mapping: nothing to make.
    let wanted = attachments.all("disk_attachment").filter(|a| a.at("disk/provisioned_size").is_some());
    let mut all = Vec::new();
    for attachment in wanted {
        let Some(disk) = attachment.child("disk") else { continue };
        all.push(new_disk(wrong, disk, attachment));
    }
    all
}

fn new_disk(wrong: &mut Wrong, disk: &Input, attachment: &Input) -> NewDisk {
    let domain = disk.at("storage_domains/storage_domain");
    let format = disk.text_at("format").unwrap_or("cow");
    NewDisk {
        alias: text(disk, "alias").or_else(|| text(disk, "name")).unwrap_or_default(),
        description: text(disk, "description").unwrap_or_default(),
        virtual_bytes: wrong.note(disk.parsed("provisioned_size", "provisioned_size")).unwrap_or(0),
        sparse: wrong.note(disk.bool_at("sparse", "sparse")).unwrap_or(format == "cow"),
        interface: wrong.note(attachment.parsed("interface", "interface")).unwrap_or(DiskInterface::Virtio),
        bootable: wrong.note(attachment.bool_at("bootable", "bootable")).unwrap_or(false),
        storage_domain: domain.and_then(|d| wrong.note(d.parsed("id", "storage_domain"))),
        quota: wrong.note(disk.parsed("quota/id", "quota")),
    }
}

/// A disk to be made by itself, or attached to a VM.
///
/// # Errors
/// All fields that are wrong.
pub fn disk(disk: &Input, attachment: &Input) -> Result<NewDisk, EngineError> {
    let mut wrong = Wrong::default();
    if disk.child("provisioned_size").is_none() {
        wrong.0.push(Invalid::new("provisioned_size", Problem::Missing));
    }
    let new = new_disk(&mut wrong, disk, attachment);
    wrong.end(new)
}

/// A change of a VM: only given elements change.
///
/// # Errors
/// All fields that are wrong.
pub fn vm_update(input: &Input) -> Result<VmUpdate, EngineError> {
    known::vm(input)?;
    let mut wrong = Wrong::default();
    let change = VmUpdate {
        // Empty: a size of its own.
        instance_type: input
            .child("instance_type")
            .map(|_| wrong.note(input.parsed("instance_type/id", "instance_type"))),
        name: text(input, "name"),
        description: text(input, "description"),
        comment: text(input, "comment"),
        memory_mib: mib(&mut wrong, input, "memory", "memory"),
        max_memory_mib: mib(&mut wrong, input, "memory_policy/max", "memory_policy.max"),
        guaranteed_memory_mib: mib(&mut wrong, input, "memory_policy/guaranteed", "memory_policy.guaranteed"),
        sockets: wrong.note(input.parsed("cpu/topology/sockets", "cpu.topology.sockets")),
        cores: wrong.note(input.parsed("cpu/topology/cores", "cpu.topology.cores")),
        threads: wrong.note(input.parsed("cpu/topology/threads", "cpu.topology.threads")),
        os: text(input, "os/type"),
        kind: wrong.note(input.parsed("type", "type")),
        display: wrong.note(input.parsed::<Protocol>("display/type", "display.type")).map(Display::from),
        boot: boot(&mut wrong, input),
        settings: super::vm_settings::read(&mut wrong, input),
        stateless: wrong.note(input.bool_at("stateless", "stateless")),
        delete_protected: wrong.note(input.bool_at("delete_protected", "delete_protected")),
        allow_override: wrong.note(input.bool_at("display/allow_override", "display.allow_override")),
        use_latest: wrong.note(latest(input)),
        cd: None,
        quota: wrong.note(input.parsed("quota/id", "quota")),
        next_run: false,
    };
    wrong.end(change)
}
