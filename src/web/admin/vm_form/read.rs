//! From the forms' fields to what the engine takes, and from a VM to the fields.

use super::sections::{self, DISK_SIZES};
use super::settings;
use crate::model::disk::{DiskInterface, GIB, NewDisk};
use crate::model::valid::{Invalid, Problem};
use crate::model::vm::{BootDevice, NewVm, VmUpdate, VmView};
use std::collections::HashMap;
use std::str::FromStr;

type Values = HashMap<String, String>;

/// A number, an id, a word: empty means not said.
pub fn parsed<T: FromStr>(values: &Values, name: &str, field: &'static str, wrong: &mut Vec<Invalid>) -> Option<T> {
    let text = values.get(name).map_or("", |v| v.trim());
    if text.is_empty() {
        return None;
    }
    let value = text.parse().ok();
    if value.is_none() {
        wrong.push(Invalid::new(field, Problem::NotANumber { value: text.chars().take(40).collect() }));
    }
    value
}

/// First device and second.
pub fn boot(values: &Values) -> Option<Vec<BootDevice>> {
    let mut order: Vec<BootDevice> = Vec::new();
    for name in ["boot", "boot2"] {
        if let Some(device) = values.get(name).and_then(|word| word.parse().ok())
            && !order.contains(&device)
        {
            order.push(device);
        }
    }
    (!order.is_empty()).then_some(order)
}

/// The form of a new VM.
pub fn new_vm(values: &Values) -> (NewVm, Vec<Invalid>) {
    let mut wrong = Vec::new();
    let get = |name: &str| values.get(name).cloned().unwrap_or_default();
    let new = NewVm {
        name: get("name"),
        description: get("description"),
        comment: get("comment"),
        cluster: parsed(values, "cluster", "cluster", &mut wrong),
        template: parsed(values, "template", "template", &mut wrong),
        instance_type: parsed(values, "instance_type", "instance_type", &mut wrong),
        memory_mib: parsed(values, "memory", "memory", &mut wrong),
        max_memory_mib: parsed(values, "max_memory", "memory_policy.max", &mut wrong),
        guaranteed_memory_mib: parsed(values, "guaranteed", "memory_policy.guaranteed", &mut wrong),
        sockets: parsed(values, "sockets", "cpu.topology.sockets", &mut wrong),
        cores: parsed(values, "cores", "cpu.topology.cores", &mut wrong),
        threads: parsed(values, "threads", "cpu.topology.threads", &mut wrong),
        os: values.get("os").filter(|os| !os.is_empty()).cloned(),
        kind: parsed(values, "kind", "type", &mut wrong),
        display: parsed(values, "display", "display.type", &mut wrong),
        boot: boot(values),
        settings: settings::read(values, &mut wrong),
        stateless: values.contains_key("stateless"),
        delete_protected: values.contains_key("delete_protected"),
        allow_override: values.contains_key("allow_override"),
        use_latest: values.contains_key("use_latest"),
        clone: values.contains_key("clone"),
        cd: parsed(values, "cd", "cdrom", &mut wrong),
        quota: parsed(values, "quota", "quota", &mut wrong),
        nics: Some(nics(values, &mut wrong)),
        disks: disks(values, &mut wrong),
    };
    (new, wrong)
}

fn nics(values: &Values, wrong: &mut Vec<Invalid>) -> Vec<Option<crate::model::ids::VnicProfileId>> {
    let rows = 0..sections::rows(values, "nics");
    rows.filter_map(|n| parsed(values, &sections::nth("nic", n), "vnic_profile", wrong).map(Some)).collect()
}

/// The rows that have a size.
fn disks(values: &Values, wrong: &mut Vec<Invalid>) -> Vec<NewDisk> {
    let mut all = Vec::new();
    for n in 0..sections::rows(values, "disks") {
        let field = DISK_SIZES.get(n).copied().unwrap_or("provisioned_size");
        let Some(gib) = parsed::<u64>(values, &sections::nth("disk", n), field, wrong) else { continue };
        let get = |name: &str| values.get(&sections::nth(name, n)).map_or("", String::as_str);
        all.push(NewDisk {
            alias: get("alias").trim().to_owned(),
            description: String::new(),
            virtual_bytes: gib.saturating_mul(GIB),
            sparse: get("allocation") != "preallocated",
            interface: get("interface").parse().unwrap_or(DiskInterface::Virtio),
            bootable: n == 0,
            storage_domain: parsed(values, &sections::nth("domain", n), "storage_domain", wrong),
            quota: parsed(values, &sections::nth("disk_quota", n), "quota", wrong),
        });
    }
    all
}

/// The form of a changed VM.
pub fn change(values: &Values) -> (VmUpdate, Vec<Invalid>) {
    let mut wrong = Vec::new();
    let change = VmUpdate {
        name: values.get("name").cloned(),
        description: values.get("description").cloned(),
        comment: values.get("comment").cloned(),
        memory_mib: parsed(values, "memory", "memory", &mut wrong),
        max_memory_mib: parsed(values, "max_memory", "memory_policy.max", &mut wrong),
        guaranteed_memory_mib: parsed(values, "guaranteed", "memory_policy.guaranteed", &mut wrong),
        sockets: parsed(values, "sockets", "cpu.topology.sockets", &mut wrong),
        cores: parsed(values, "cores", "cpu.topology.cores", &mut wrong),
        threads: parsed(values, "threads", "cpu.topology.threads", &mut wrong),
        os: values.get("os").filter(|os| !os.is_empty()).cloned(),
        kind: parsed(values, "kind", "type", &mut wrong),
        display: parsed(values, "display", "display.type", &mut wrong),
        boot: boot(values),
        settings: settings::read(values, &mut wrong),
        next_run: values.contains_key("next_run"),
        stateless: Some(values.contains_key("stateless")),
        delete_protected: Some(values.contains_key("delete_protected")),
        allow_override: Some(values.contains_key("allow_override")),
        use_latest: Some(values.contains_key("use_latest")),
        instance_type: values
            .contains_key("instance_type")
            .then(|| parsed(values, "instance_type", "instance_type", &mut wrong)),
        quota: parsed(values, "quota", "quota", &mut wrong),
        // A form without the field (the VM runs) leaves the CD as it is.
        cd: values.contains_key("cd").then(|| parsed(values, "cd", "cdrom", &mut wrong)),
    };
    (change, wrong)
}

/// What a VM has now.
pub fn current(view: &VmView) -> Values {
    let (row, hw) = (&view.row, &view.hardware);
    let boot = |n: usize| hw.boot.get(n).map_or("", |b| b.as_str()).to_owned();
    let mut values: Values = [
        ("name", row.name.clone()),
        ("description", row.description.clone()),
        ("comment", row.comment.clone()),
        ("os", view.os.clone()),
        ("kind", view.kind.to_string()),
        ("instance_type", view.instance_type.map(|t| t.to_string()).unwrap_or_default()),
        ("memory", hw.memory_mib.to_string()),
        ("max_memory", hw.max_memory_mib.to_string()),
        ("guaranteed", hw.guaranteed_memory_mib.to_string()),
        ("sockets", hw.sockets.to_string()),
        ("cores", hw.cores.to_string()),
        ("threads", hw.threads.to_string()),
        ("display", hw.display.to_string()),
        ("boot", boot(0)),
        ("boot2", boot(1)),
        ("cd", view.cd.map(|cd| cd.to_string()).unwrap_or_default()),
    ]
    .map(|(k, v)| (k.to_owned(), v))
    .into();
    let flags = [
        ("stateless", row.stateless),
        ("delete_protected", row.delete_protected),
        ("allow_override", view.allow_override),
        ("use_latest", view.use_latest),
    ];
    for (name, set) in flags {
        if set {
            values.insert(name.to_owned(), "1".to_owned());
        }
    }
    values.extend(settings::current(&hw.settings));
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> Values {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn empty_fields_say_nothing() {
        let (new, wrong) = new_vm(&values(&[("name", "a"), ("memory", ""), ("boot", "cdrom"), ("boot2", "hd")]));
        assert!(wrong.is_empty() && new.memory_mib.is_none() && new.disks.is_empty());
        assert_eq!(new.boot, Some(vec![BootDevice::Cdrom, BootDevice::Disk]));
        assert_eq!(change(&values(&[("name", "a")])).0.cd, None);
        assert_eq!(change(&values(&[("cd", "")])).0.cd, Some(None));
    }

    #[test]
    fn each_row_of_disks_is_one() {
        let (new, wrong) = new_vm(&values(&[
            ("disks", "3"),
            ("disk", "2"),
            ("disk3", "5"),
            ("alias3", "data"),
            ("allocation3", "preallocated"),
        ]));
        assert!(wrong.is_empty());
        assert_eq!(
            new.disks.iter().map(|d| (d.virtual_bytes / GIB, d.bootable, d.sparse)).collect::<Vec<_>>(),
            [(2, true, true), (5, false, false)]
        );
        let (_, wrong) = new_vm(&values(&[("disks", "2"), ("disk2", "much")]));
        assert_eq!(wrong.first().map(|w| w.field), Some("disks.1"));
    }
}
