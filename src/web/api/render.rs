//! The model's views as oVirt's documents.

use super::document::Element;
use super::entry::BASE;
use super::guest;
use super::icons;
use super::vm_settings;
use crate::model::disk::{DiskAttachment, DiskContent, DiskView};
use crate::model::event::EventView;
use crate::model::host::HostView;
use crate::model::ids::{RoleId, VmId};
use crate::model::instance_type::InstanceTypeView;
use crate::model::job::JobView;
use crate::model::mac_pool::MacPoolView;
use crate::model::network::{NetworkView, NicView, VnicProfileView};
use crate::model::pool::PoolView;
use crate::model::role::{Action, RoleView};
use crate::model::storage_domain::{StorageDomainKind, StorageDomainView, StorageType};
use crate::model::template::TemplateView;
use crate::model::user::{GroupView, UserView};
use crate::model::vm::{Hardware, VmRow, VmView};

/// `<cluster id= href=/>`
pub fn reference(name: &'static str, collection: &str, id: impl std::fmt::Display) -> Element {
    Element::new(name).attribute("href", format!("{BASE}/{collection}/{id}")).attribute("id", id)
}

/// An object's own element with its links.
pub fn object(name: &'static str, collection: &str, id: impl std::fmt::Display, links: &[&str]) -> Element {
    let href = format!("{BASE}/{collection}/{id}");
    let links = links
        .iter()
        .map(|rel| Element::new("link").attribute("href", format!("{href}/{rel}")).attribute("rel", *rel))
        .collect();
    Element::new(name).attribute("href", &href).attribute("id", id).repeated("link", links)
}

const VM_ACTIONS: &[&str] = &[
    "start",
    "stop",
    "shutdown",
    "reboot",
    "suspend",
    "detach",
    "ticket",
    "previewsnapshot",
    "commitsnapshot",
    "undosnapshot",
    "clone",
];
const VM_LINKS: &[&str] = &[
    "diskattachments",
    "graphicsconsoles",
    "nics",
    "cdroms",
    "permissions",
    "snapshots",
    "reporteddevices",
    "sessions",
    "tags",
];

fn actions(base: &str, names: &[&str]) -> Element {
    let links = names
        .iter()
        .map(|n| Element::new("link").attribute("href", format!("{base}/{n}")).attribute("rel", *n))
        .collect();
    Element::new("actions").repeated("link", links)
}

const fn mib(n: u64) -> u64 {
    n << 20
}

/// A VM with everything. A running guest's size and settings are those it has; `next_run`: those it will have.
pub fn vm(view: &VmView, next_run: bool) -> Element {
    let row = &view.row;
    let running = view.running.as_ref().filter(|_| !next_run);
    let hardware = running.map_or(&view.hardware, |now| &now.hardware);
    let mut element = vm_common(row, hardware.memory_mib)
        .some_text("type", view.kind.as_str())
        .time("creation_time", view.created)
        .bool("start_paused", false)
        .bool("use_latest_template_version", view.use_latest)
        .bool("run_once", view.run_once)
        .child(os(running.map_or(&view.os, |now| &now.os), hardware))
        .child(vm_settings::cpu(hardware))
        .child(vm_settings::display(hardware).bool("allow_override", view.allow_override))
        .child(memory_policy(hardware));
    element = vm_settings::write(element, hardware);
    if let Some(stopped) = view.stopped {
        element = element.time("stop_time", stopped);
    }
    if let Some(kind) = view.instance_type {
        element = element.child(reference("instance_type", "instancetypes", kind));
    }
    guest::write(element, view)
}

fn vm_common(row: &VmRow, memory_mib: u64) -> Element {
    let href = format!("{BASE}/vms/{}", row.id);
    let mut element = object("vm", "vms", row.id, VM_LINKS)
        .child(actions(&href, VM_ACTIONS))
        .text("name", row.name.as_str())
        .text("description", row.description.as_str())
        .text("comment", row.comment.as_str())
        .long("memory", mib(memory_mib))
        .text("status", row.status.as_str())
        .bool("stateless", row.stateless)
        .bool("delete_protected", row.delete_protected)
        .bool("next_run_configuration_exists", row.waits)
        .some_text("fqdn", &row.fqdn)
        .some_text("stop_reason", &row.status_reason)
        .child(reference("cluster", "clusters", row.cluster))
        .child(reference("template", "templates", row.template))
        .child(reference("original_template", "templates", row.template));
    element = icons::write(element, row.icons);
    if let Some(host) = row.host {
        element = element.child(reference("host", "hosts", host));
    }
    if let Some(pool) = row.pool {
        element = element.child(reference("vm_pool", "vmpools", pool));
    }
    if let Some(started) = row.started {
        element = element.time("start_time", started);
    }
    element
}

/// A VM as a list has it.
pub fn vm_row(row: &VmRow) -> Element {
    vm_common(row, row.memory_mib).child(
        Element::new("cpu").child(Element::new("topology").int("sockets", row.vcpus).int("cores", 1).int("threads", 1)),
    )
}

fn os(os: &str, hw: &Hardware) -> Element {
    let devices = hw.boot.iter().map(|b| b.as_str()).collect::<Vec<_>>();
    Element::new("os").text("type", os).child(Element::new("boot").child(texts("devices", "device", &devices)))
}

/// `<devices><device>hd</device></devices>`, `"devices": {"device": ["hd"]}`
fn texts(wrapper: &'static str, item: &'static str, values: &[&str]) -> Element {
    Element::new(wrapper).texts(item, values)
}

fn memory_policy(hw: &Hardware) -> Element {
    Element::new("memory_policy")
        .long("guaranteed", mib(hw.guaranteed_memory_mib))
        .long("max", mib(hw.max_memory_mib))
        .bool("ballooning", hw.settings.ballooning)
}

/// A network card.
pub fn nic(vm: VmId, view: &NicView) -> Element {
    let mut element = object("nic", &format!("vms/{vm}/nics"), view.id, &[])
        .text("name", view.name.as_str())
        .text("interface", view.model.as_str())
        .bool("linked", view.linked)
        .bool("plugged", view.plugged)
        .child(Element::new("mac").text("address", view.mac.to_string()))
        .child(reference("vm", "vms", vm));
    if let Some(profile) = view.profile {
        element = element.child(reference("vnic_profile", "vnicprofiles", profile));
    }
    element
}

/// A disk as its VM has it.
pub fn attachment(vm: VmId, view: &DiskAttachment) -> Element {
    object("disk_attachment", &format!("vms/{vm}/diskattachments"), view.disk.id, &[])
        .bool("active", view.active)
        .bool("bootable", view.bootable)
        .text("interface", view.interface.as_str())
        .bool("read_only", view.read_only)
        .child(reference("disk", "disks", view.disk.id))
        .child(reference("vm", "vms", vm))
}

/// A disk.
pub fn disk(view: &DiskView) -> Element {
    let domains = vec![reference("storage_domain", "storagedomains", view.storage_domain)];
    object("disk", "disks", view.id, &["permissions"])
        .text("name", view.alias.as_str())
        .text("alias", view.alias.as_str())
        .text("description", view.description.as_str())
        .text("content_type", if view.content == DiskContent::Iso { "iso" } else { "data" })
        .text("format", view.format.as_str())
        .bool("sparse", view.sparse)
        .long("provisioned_size", view.virtual_bytes)
        .long("actual_size", view.actual_bytes)
        .long("total_size", view.actual_bytes)
        .text("status", view.status.as_str())
        .text("storage_type", "image")
        .bool("shareable", false)
        .list("storage_domains", "storage_domain", domains)
}

/// A template.
pub fn template(view: &TemplateView) -> Element {
    let version = Element::new("version")
        .text("version_name", view.version.name.as_str())
        .int("version_number", view.version.number)
        .child(reference("base_template", "templates", view.version.base));
    let mut element = object("template", "templates", view.id, &["diskattachments", "permissions", "tags"])
        .text("name", view.version.base_name.as_str())
        .text("description", view.description.as_str())
        .text("comment", view.comment.as_str())
        .text("status", view.status.as_str())
        .text("type", view.kind.as_str())
        .time("creation_time", view.created)
        .long("memory", mib(view.hardware.memory_mib))
        .child(os(&view.os, &view.hardware))
        .child(vm_settings::cpu(&view.hardware))
        .child(vm_settings::display(&view.hardware))
        .child(memory_policy(&view.hardware))
        .child(version);
    element = icons::write(element, view.icons);
    if let Some(cluster) = view.cluster {
        element = element.child(reference("cluster", "clusters", cluster));
    }
    element
}

/// An instance type.
pub fn instance_type(view: &InstanceTypeView) -> Element {
    let topology =
        Element::new("topology").int("cores", view.cores).int("sockets", view.sockets).int("threads", view.threads);
    let mut policy = Element::new("memory_policy").long("max", mib(view.max_memory_mib));
    if let Some(on) = view.settings.ballooning {
        policy = policy.bool("ballooning", on);
    }
    let element = object("instance_type", "instancetypes", view.id, &["permissions"])
        .text("name", view.name.as_str())
        .text("description", view.description.as_str())
        .long("memory", mib(view.memory_mib))
        .child(Element::new("cpu").child(topology))
        .child(policy);
    vm_settings::write_type(element, &view.settings)
}

/// A pool.
pub fn pool(view: &PoolView) -> Element {
    let href = format!("{BASE}/vmpools/{}", view.id);
    object("vm_pool", "vmpools", view.id, &["permissions"])
        .child(actions(&href, &["allocatevm"]))
        .text("name", view.name.as_str())
        .text("description", view.description.as_str())
        .text("comment", view.comment.as_str())
        .int("size", view.size)
        .int("prestarted_vms", view.prestarted)
        .int("max_user_vms", view.max_user_vms)
        .text("type", view.kind.as_str())
        .bool("stateful", view.stateful)
        .bool("use_latest_template_version", view.use_latest)
        .bool("auto_storage_select", false)
        .child(reference("cluster", "clusters", view.cluster))
        .child(reference("template", "templates", view.template))
}

/// A host.
pub fn host(view: &HostView) -> Element {
    let facts = &view.facts;
    let topology = Element::new("topology")
        .int("cores", facts.cores_per_socket)
        .int("sockets", facts.sockets)
        .int("threads", facts.threads_per_core);
    object("host", "hosts", view.id, &["permissions", "tags"])
        .text("name", view.name.as_str())
        .text("comment", view.comment.as_str())
        .text("address", view.address.as_str())
        .int("port", view.port)
        .text("status", view.status.as_str())
        .some_text("status_detail", &view.status_reason)
        .text("type", "rhel")
        .long("memory", mib(facts.memory_mib))
        .child(Element::new("cpu").text("name", facts.cpu_model.as_str()).child(topology))
        .child(Element::new("os").text("type", facts.os.as_str()))
        .child(Element::new("libvirt_version").text("full_version", facts.libvirt_version.as_str()))
        .child(Element::new("version").text("full_version", facts.agent_version.as_str()))
        .child(Element::new("summary").int("active", view.active_vms).int("total", view.active_vms))
        .child(
            Element::new("spm")
                .text("status", if view.spm { "spm" } else { "none" })
                .int("priority", view.spm_priority),
        )
        .bool("update_available", view.upgrade.found.is_something())
        .child(Element::new("ksm").bool("enabled", view.load.ksm_saved_mib.is_some()))
        .child(reference("cluster", "clusters", view.cluster))
}

/// A compatibility level.
pub fn version(level: &str) -> Element {
    let (major, minor) = level.split_once('.').unwrap_or((level, "0"));
    Element::new("version")
        .int("major", major.parse::<i64>().unwrap_or(4))
        .int("minor", minor.parse::<i64>().unwrap_or(0))
}

/// A storage domain.
pub fn storage_domain(view: &StorageDomainView) -> Element {
    let storage_type = if view.storage_type == StorageType::Local { "localfs" } else { view.storage_type.as_str() };
    let storage = Element::new("storage").text("type", storage_type).text("path", view.path.as_str());
    let mut element = object("storage_domain", "storagedomains", view.id, &["disks", "permissions"])
        .text("name", view.name.as_str())
        .text("description", view.description.as_str())
        .text("comment", view.comment.as_str())
        .text("type", if view.kind == StorageDomainKind::Data { "data" } else { view.kind.as_str() })
        .text("status", view.status.as_str())
        .bool("master", view.master)
        .long("available", view.available_bytes)
        .long("used", view.total_bytes.saturating_sub(view.available_bytes))
        .long("committed", view.committed_bytes)
        .text("storage_format", "v4")
        .child(storage);
    if let Some(center) = view.data_center {
        element = element.list("data_centers", "data_center", vec![reference("data_center", "datacenters", center)]);
    }
    element
}

/// A logical network.
pub fn network(view: &NetworkView) -> Element {
    let management: &[&str] = if view.is_management() { &["management", "display"] } else { &[] };
    let vm = view.vm_network.then_some("vm");
    network_with(view, &vm.into_iter().chain(management.iter().copied()).collect::<Vec<_>>())
}

/// A logical network with what it is used for, in a cluster.
pub fn network_with(view: &NetworkView, usages: &[&str]) -> Element {
    let mut element = object("network", "networks", view.id, &["vnicprofiles", "permissions"])
        .text("name", view.name.as_str())
        .text("description", view.description.as_str())
        .text("comment", view.comment.as_str())
        .int("mtu", view.mtu)
        .bool("stp", false)
        .child(texts("usages", "usage", usages))
        .child(reference("data_center", "datacenters", view.data_center));
    if let Some(vlan) = view.vlan_id {
        element = element.child(Element::new("vlan").attribute("id", vlan));
    }
    element
}

/// A vNIC profile.
pub fn vnic_profile(view: &VnicProfileView) -> Element {
    object("vnic_profile", "vnicprofiles", view.id, &["permissions"])
        .text("name", view.name.as_str())
        .text("description", view.description.as_str())
        .child(reference("network", "networks", view.network))
}

/// A MAC pool.
pub fn mac_pool(view: &MacPoolView) -> Element {
    let ranges = view
        .ranges
        .iter()
        .map(|(from, to)| Element::new("range").text("from", from.to_string()).text("to", to.to_string()))
        .collect();
    object("mac_pool", "macpools", view.id, &["permissions"])
        .text("name", view.name.as_str())
        .text("description", view.description.as_str())
        .bool("default_pool", view.default)
        .bool("allow_duplicates", false)
        .list("ranges", "range", ranges)
}

/// A user.
pub fn user(view: &UserView) -> Element {
    object("user", "users", view.id, &["permissions", "roles", "tags"])
        .text("name", view.first_name.as_str())
        .text("last_name", view.last_name.as_str())
        .text("user_name", format!("{}@{}-authz", view.user_name, view.domain))
        .text("principal", view.user_name.as_str())
        .some_text("email", &view.email)
        .text("namespace", "*")
        .child(Element::new("domain").attribute("id", &view.domain).text("name", format!("{}-authz", view.domain)))
}

/// A group.
pub fn group(view: &GroupView) -> Element {
    object("group", "groups", view.id, &["permissions", "roles", "tags"])
        .text("name", view.name.as_str())
        .text("namespace", "*")
}

/// A permit of a role.
pub fn permit(role: RoleId, action: Action) -> Element {
    Element::new("permit")
        .attribute("href", format!("{BASE}/roles/{role}/permits/{}", action.number()))
        .attribute("id", action.number())
        .text("name", action.as_str())
        .bool("administrative", !action.for_user_roles())
        .child(reference("role", "roles", role))
}

/// A role with its permits.
pub fn role(view: &RoleView) -> Element {
    object("role", "roles", view.id, &["permits"])
        .text("name", view.name.as_str())
        .text("description", view.description.as_str())
        .bool("administrative", view.admin)
        .bool("mutable", view.mutable)
        .list("permits", "permit", view.actions.iter().map(|action| permit(view.id, *action)).collect())
}

/// An event.
pub fn event(view: &EventView) -> Element {
    let mut element = object("event", "events", view.id, &[])
        .int("index", view.id)
        .int("code", view.code.number())
        .text("severity", view.severity.as_str())
        .text("description", view.message.as_str())
        .time("time", view.time)
        .text("origin", "oVirt")
        .some_text("correlation_id", &view.correlation_id);
    if let Some((id, _)) = view.about.vm {
        element = element.child(reference("vm", "vms", id));
    }
    if let Some((id, _)) = view.about.host {
        element = element.child(reference("host", "hosts", id));
    }
    if let Some((id, _)) = view.about.user {
        element = element.child(reference("user", "users", id));
    }
    if let Some((id, _)) = view.about.template {
        element = element.child(reference("template", "templates", id));
    }
    element
}

/// A job.
pub fn job(view: &JobView) -> Element {
    let mut element = object("job", "jobs", view.id, &[])
        .text("description", view.description())
        .text("status", view.status.as_str())
        .time("start_time", view.started)
        .time("last_updated", view.ended.unwrap_or(view.started))
        .bool("external", false)
        .bool("auto_cleared", true);
    if let Some(ended) = view.ended {
        element = element.time("end_time", ended);
    }
    if let Some(owner) = view.owner {
        element = element.child(reference("owner", "users", owner));
    }
    element
}
