//! What the VM forms offer to choose from, and what each choice fills in.

use crate::engine::permissions::may;
use crate::engine::{Cx, EngineError, catalog, disks, settings};
use crate::model::disk::DiskContent;
use crate::model::host::HostView;
use crate::model::ids::ObjectId;
use crate::model::instance_type::InstanceTypeView;
use crate::model::page::ListQuery;
use crate::model::role::Action;
use crate::model::storage_domain::StorageDomainKind;
use crate::model::template::TemplateView;
use crate::model::vm_settings::VmSettings;
use crate::web::admin::{instance_types, quotas};
use crate::web::ui::form::Choice;
use crate::web::ui::{Frame, parts};
use serde_json::json;
use std::collections::BTreeSet;

/// All choices.
pub struct Choices {
    pub clusters: Vec<Choice>,
    pub templates: Vec<Choice>,
    pub instance_types: Vec<Choice>,
    pub isos: Vec<Choice>,
    pub profiles: Vec<Choice>,
    pub domains: Vec<Choice>,
    /// Domains that all hosts share.
    pub leases: Vec<Choice>,
    pub hosts: Vec<Choice>,
    /// Empty where quotas do not count.
    pub quotas: Vec<Choice>,
    /// Machine types and CPUs that hosts have.
    pub machines: Vec<Choice>,
    pub cpus: Vec<Choice>,
    /// Custom properties with their patterns.
    pub properties: Vec<(String, String)>,
    /// The settings of each template.
    pub settings: Vec<(String, VmSettings)>,
}

/// Reads them.
///
/// # Errors
/// The actor may not see them, or the database failed.
pub async fn load(cx: &Cx, frame: &Frame, of: Option<ObjectId>) -> Result<Choices, EngineError> {
    let l = frame.l;
    let all = ListQuery { max: u32::MAX, ..ListQuery::default() };
    let mut instance_types = vec![Choice::new("", l.t("custom"))];
    instance_types.extend(catalog::instance_types(cx).await?.iter().map(size));
    let mut isos = vec![Choice::new("", l.t("cd-none"))];
    let media = disks::list(cx, &all).await?.rows;
    isos.extend(media.iter().filter(|d| d.content == DiskContent::Iso).map(|d| Choice::new(d.id, &d.alias)));
    let mut profiles = catalog::vnic_profiles(cx).await?;
    let all_domains = catalog::storage_domains(cx, &all).await?.rows;
    let mut clusters = catalog::clusters(cx, &all).await?.rows;
    let mut templates = catalog::templates(cx, &all).await?.rows;
    // What the actor could choose in vain is not offered.
    let objects = profiles.iter().map(|p| p.id.object()).chain(all_domains.iter().map(|d| d.id.object()));
    let objects = objects.chain(clusters.iter().map(|c| c.id.object()));
    let permits = may::on(cx, objects.chain(templates.iter().map(|t| t.id.object())).collect()).await?;
    profiles.retain(|p| permits.may(Action::ConfigureVmNetwork, p.id.object()));
    clusters.retain(|c| permits.may(Action::CreateVm, c.id.object()));
    templates.retain(|t| permits.may(Action::CreateVm, t.id.object()));
    let mut profiles: Vec<Choice> =
        profiles.iter().map(|p| Choice::new(p.id, format!("{}/{}", p.network_name, p.name))).collect();
    profiles.push(Choice::new("", l.t("no-nic")));
    let mut domains = vec![Choice::new("", l.t("domain-by-engine"))];
    let mut leases = vec![Choice::new("", l.t("lease-none"))];
    for d in all_domains {
        if d.kind == StorageDomainKind::Data && d.host.is_none() {
            leases.push(Choice::new(d.id, &d.name));
        }
        if d.kind == StorageDomainKind::Data && permits.may(Action::CreateDisk, d.id.object()) {
            let free = l.ta("free-of", &[("free", &parts::bytes(d.available_bytes))]);
            domains.push(Choice::new(d.id, format!("{} ({free})", d.name)));
        }
    }
    let hosts = catalog::hosts(cx, &all).await?.rows;
    let named = |names: Vec<String>| {
        std::iter::once(Choice::new("", l.t("usual-one")))
            .chain(names.iter().map(|name| Choice::new(name, name)))
            .collect()
    };
    Ok(Choices {
        clusters: clusters.iter().map(|c| Choice::new(c.id, format!("{} ({})", c.name, c.data_center_name))).collect(),
        templates: templates.iter().map(template).collect(),
        instance_types,
        isos,
        profiles,
        domains,
        leases,
        machines: named(machines(&hosts)),
        cpus: named(cpus(&hosts)),
        hosts: hosts.iter().map(|h| Choice::new(h.id, &h.name)).collect(),
        quotas: quotas::choices(cx, of).await?,
        properties: settings::vm_properties(cx).await?,
        settings: templates.iter().map(|t| (t.id.to_string(), t.hardware.settings.clone())).collect(),
    })
}

fn size(t: &InstanceTypeView) -> Choice {
    let text = format!("{} ({}, {} vCPU)", t.name, parts::memory(t.memory_mib), t.sockets * t.cores * t.threads);
    let mut fills = json!({
        "memory": t.memory_mib, "max_memory": t.max_memory_mib, "guaranteed": t.memory_mib,
        "sockets": t.sockets, "cores": t.cores, "threads": t.threads,
    });
    if let Some(fills) = fills.as_object_mut() {
        fills.extend(instance_types::settings_of(&t.settings).into_iter().map(|(name, value)| {
            let value = value.parse().map_or_else(|_| json!(value), |on: bool| json!(on));
            (name.to_owned(), value)
        }));
    }
    Choice { fills: fills.to_string(), ..Choice::new(t.id, text) }
}

fn template(t: &TemplateView) -> Choice {
    let hw = &t.hardware;
    let boot = |n: usize| hw.boot.get(n).map_or("", |b| b.as_str());
    let mut fills = json!({
        "memory": hw.memory_mib, "max_memory": hw.max_memory_mib, "guaranteed": hw.guaranteed_memory_mib,
        "sockets": hw.sockets, "cores": hw.cores, "threads": hw.threads, "os": t.os, "kind": t.kind, "display": hw.display,
        "boot": boot(0), "boot2": boot(1),
    });
    if let Some(fills) = fills.as_object_mut() {
        let s = &hw.settings;
        fills.extend(super::settings::boxes(s).map(|(name, on)| (name.to_owned(), json!(on))));
        let words =
            super::settings::current(s).into_iter().filter(|(name, _)| !name.contains('.') && name != "settings");
        for (name, value) in words {
            fills.entry(name).or_insert_with(|| json!(value));
        }
    }
    Choice { fills: fills.to_string(), ..Choice::new(t.id, &t.name) }
}

/// The machine types that these hosts have.
pub fn machines(hosts: &[HostView]) -> Vec<String> {
    let all = hosts.iter().flat_map(|host| host.facts.guest_machines().map(str::to_owned));
    all.collect::<BTreeSet<_>>().into_iter().collect()
}

/// The CPUs that they can give to guests.
pub fn cpus(hosts: &[HostView]) -> Vec<String> {
    let all = hosts.iter().flat_map(|host| host.facts.cpu_models.iter().cloned());
    all.collect::<BTreeSet<_>>().into_iter().collect()
}
