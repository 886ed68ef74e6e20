//! `clusters/{id}/affinitygroups` and `affinitylabels`, with their VMs and hosts.

use super::actions;
use super::answer::{body, caller, created, id, ok};
use super::document::{Element, collection};
use super::entry::BASE;
use super::input::Input;
use super::render::{object, reference};
use crate::engine::scheduler::affinity;
use crate::engine::{Cx, EngineError};
use crate::model::ids::{AffinityGroupId, AffinityLabelId, ClusterId, HostId, VmId};
use crate::model::scheduling::{Affinity, AffinityGroup, AffinityLabel, AffinityRule};
use crate::model::valid::{Invalid, Problem};
use actix_web::{HttpRequest, HttpResponse, web};

/// Paths of affinity groups and labels.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/clusters/{id}/affinitygroups", web::get().to(list))
        .route("/clusters/{id}/affinitygroups", web::post().to(add))
        .route("/clusters/{id}/affinitygroups/{group}", web::get().to(get))
        .route("/clusters/{id}/affinitygroups/{group}", web::put().to(update))
        .route("/clusters/{id}/affinitygroups/{group}", web::delete().to(remove))
        .route("/clusters/{id}/affinitygroups/{group}/{members}", web::get().to(members))
        .route("/clusters/{id}/affinitygroups/{group}/{members}", web::post().to(join))
        .route("/clusters/{id}/affinitygroups/{group}/{members}/{member}", web::delete().to(leave))
        .route("/affinitylabels", web::get().to(labels))
        .route("/affinitylabels", web::post().to(add_label))
        .route("/affinitylabels/{label}", web::get().to(label))
        .route("/affinitylabels/{label}", web::put().to(update_label))
        .route("/affinitylabels/{label}", web::delete().to(remove_label))
        .route("/affinitylabels/{label}/{members}", web::get().to(labelled))
        .route("/affinitylabels/{label}/{members}", web::post().to(put_on))
        .route("/affinitylabels/{label}/{members}/{member}", web::delete().to(take_off));
}

/// A VM or a host that belongs to a group or a label.
#[derive(Clone, Copy)]
enum Member {
    Vm(VmId),
    Host(HostId),
}

impl Member {
    fn of(members: &str, id_text: &str) -> Result<Self, EngineError> {
        match members {
            "vms" => Ok(Self::Vm(id("VM", id_text)?)),
            "hosts" => Ok(Self::Host(id("host", id_text)?)),
            _ => Err(EngineError::NotFound { kind: "collection", id: members.chars().take(64).collect() }),
        }
    }

    fn document(self) -> Element {
        match self {
            Self::Vm(vm) => reference("vm", "vms", vm),
            Self::Host(host) => reference("host", "hosts", host),
        }
    }

    fn add(self, vms: &mut Vec<VmId>, hosts: &mut Vec<HostId>) {
        match self {
            Self::Vm(vm) => vms.push(vm),
            Self::Host(host) => hosts.push(host),
        }
    }

    fn take(self, vms: &mut Vec<VmId>, hosts: &mut Vec<HostId>) {
        match self {
            Self::Vm(vm) => vms.retain(|known| *known != vm),
            Self::Host(host) => hosts.retain(|known| *known != host),
        }
    }
}

fn list_of(members: &str, vms: &[VmId], hosts: &[HostId]) -> Result<Element, EngineError> {
    match members {
        "vms" => Ok(collection("vms", "vm", vms.iter().map(|vm| Member::Vm(*vm).document()).collect())),
        "hosts" => Ok(collection("hosts", "host", hosts.iter().map(|host| Member::Host(*host).document()).collect())),
        _ => Err(EngineError::NotFound { kind: "collection", id: members.chars().take(64).collect() }),
    }
}

fn rule(name: &'static str, rule: AffinityRule) -> Element {
    Element::new(name)
        .bool("enabled", rule.affinity != Affinity::Disabled)
        .bool("enforcing", rule.enforcing)
        .bool("positive", rule.affinity != Affinity::Negative)
}

fn document(group: &AffinityGroup) -> Element {
    let href = format!("{BASE}/clusters/{}/affinitygroups/{}", group.cluster, group.id);
    let link =
        |rel: &'static str| Element::new("link").attribute("href", format!("{href}/{rel}")).attribute("rel", rel);
    Element::new("affinity_group")
        .attribute("href", &href)
        .attribute("id", group.id)
        .repeated("link", vec![link("vms"), link("hosts")])
        .text("name", group.name.as_str())
        .text("description", group.description.as_str())
        .bool("enforcing", group.vms_rule.enforcing)
        .bool("positive", group.vms_rule.affinity != Affinity::Negative)
        .child(rule("vms_rule", group.vms_rule))
        .child(rule("hosts_rule", group.hosts_rule))
        .child(reference("cluster", "clusters", group.cluster))
        .list("vms", "vm", group.vms.iter().map(|vm| Member::Vm(*vm).document()).collect())
        .list("hosts", "host", group.hosts.iter().map(|host| Member::Host(*host).document()).collect())
}

const GROUP: &str = "broken cluster comment description enforcing host_labels hosts hosts_rule href id link name positive priority vm_labels vms vms_rule";

/// A rule as a body says it, over what is known of it.
fn read_rule(input: &Input, at: &str, old: AffinityRule) -> Result<AffinityRule, EngineError> {
    let Some(said) = input.at(at) else { return Ok(old) };
    let enabled = said.bool_at("enabled", "enabled")?.unwrap_or(true);
    let positive = said.bool_at("positive", "positive")?.unwrap_or(old.affinity != Affinity::Negative);
    let affinity = match (enabled, positive) {
        (false, _) => Affinity::Disabled,
        (true, true) => Affinity::Positive,
        (true, false) => Affinity::Negative,
    };
    Ok(AffinityRule { affinity, enforcing: said.bool_at("enforcing", "enforcing")?.unwrap_or(old.enforcing) })
}

fn read(input: &Input, mut group: AffinityGroup) -> Result<AffinityGroup, EngineError> {
    input.only("an affinity group", GROUP)?;
    // Before oVirt 4.1 a group had one rule, over its VMs.
    if let Some(positive) = input.bool_at("positive", "positive")? {
        group.vms_rule.affinity = if positive { Affinity::Positive } else { Affinity::Negative };
    }
    if let Some(enforcing) = input.bool_at("enforcing", "enforcing")? {
        group.vms_rule.enforcing = enforcing;
    }
    group.vms_rule = read_rule(input, "vms_rule", group.vms_rule)?;
    group.hosts_rule = read_rule(input, "hosts_rule", group.hosts_rule)?;
    if let Some(name) = input.text_at("name") {
        name.clone_into(&mut group.name);
    }
    if let Some(description) = input.text_at("description") {
        description.clone_into(&mut group.description);
    }
    if let Some(vms) = input.at("vms") {
        let ids = vms.all("vm").filter_map(|vm| vm.parsed("id", "vms").transpose());
        group.vms = ids.collect::<Result<Vec<VmId>, Invalid>>()?;
    }
    if let Some(hosts) = input.at("hosts") {
        let ids = hosts.all("host").filter_map(|host| host.parsed("id", "hosts").transpose());
        group.hosts = ids.collect::<Result<Vec<HostId>, Invalid>>()?;
    }
    Ok(group)
}

/// The group of this path, which must be of this cluster.
async fn found(cx: &Cx, cluster: &str, group: &str) -> Result<AffinityGroup, EngineError> {
    let cluster: ClusterId = id("cluster", cluster)?;
    let group = affinity::group(cx, id("affinity group", group)?).await?;
    if group.cluster == cluster {
        return Ok(group);
    }
    Err(EngineError::NotFound { kind: "affinity group", id: group.id.to_string() })
}

async fn list(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let all = affinity::groups(&caller(&request).await?, id("cluster", &path)?).await?;
        Ok(collection("affinity_groups", "affinity_group", all.iter().map(document).collect()))
    };
    ok(&request, result.await)
}

async fn get(request: HttpRequest, path: web::Path<(String, String)>) -> HttpResponse {
    let result = async { Ok(document(&found(&caller(&request).await?, &path.0, &path.1).await?)) };
    ok(&request, result.await)
}

async fn add(request: HttpRequest, path: web::Path<String>, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let fresh = AffinityGroup {
            id: AffinityGroupId::fixed(0),
            cluster: id("cluster", &path)?,
            name: String::new(),
            description: String::new(),
            vms_rule: AffinityRule { affinity: Affinity::Positive, enforcing: false },
            hosts_rule: AffinityRule { affinity: Affinity::Disabled, enforcing: false },
            vms: Vec::new(),
            hosts: Vec::new(),
        };
        let made = affinity::add_group(&cx, read(&body(&request, &bytes)?, fresh)?).await?;
        Ok(document(&affinity::group(&cx, made).await?))
    };
    created(&request, result.await)
}

async fn update(request: HttpRequest, path: web::Path<(String, String)>, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let before = found(&cx, &path.0, &path.1).await?;
        let after = read(&body(&request, &bytes)?, before.clone())?;
        affinity::edit_group(&cx, before.id, |_| after).await?;
        Ok(document(&affinity::group(&cx, before.id).await?))
    };
    ok(&request, result.await)
}

async fn remove(request: HttpRequest, path: web::Path<(String, String)>) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let group = found(&cx, &path.0, &path.1).await?;
        affinity::remove_group(&cx, group.id).await?;
        Ok(actions::complete(None))
    };
    ok(&request, result.await)
}

async fn members(request: HttpRequest, path: web::Path<(String, String, String)>) -> HttpResponse {
    let result = async {
        let group = found(&caller(&request).await?, &path.0, &path.1).await?;
        list_of(&path.2, &group.vms, &group.hosts)
    };
    ok(&request, result.await)
}

/// The member that a body names.
fn member(request: &HttpRequest, members: &str, bytes: &[u8]) -> Result<Member, EngineError> {
    let input = body(request, bytes)?;
    let text = input.text_at("id").ok_or_else(|| Invalid::new("id", Problem::Missing))?;
    Member::of(members, text)
}

async fn join(request: HttpRequest, path: web::Path<(String, String, String)>, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let group = found(&cx, &path.0, &path.1).await?;
        let member = member(&request, &path.2, &bytes)?;
        let change = move |mut group: AffinityGroup| {
            member.add(&mut group.vms, &mut group.hosts);
            group
        };
        affinity::edit_group(&cx, group.id, change).await?;
        Ok(member.document())
    };
    created(&request, result.await)
}

async fn leave(request: HttpRequest, path: web::Path<(String, String, String, String)>) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let group = found(&cx, &path.0, &path.1).await?;
        let member = Member::of(&path.2, &path.3)?;
        let change = move |mut group: AffinityGroup| {
            member.take(&mut group.vms, &mut group.hosts);
            group
        };
        affinity::edit_group(&cx, group.id, change).await?;
        Ok(actions::complete(None))
    };
    ok(&request, result.await)
}

fn label_document(label: &AffinityLabel) -> Element {
    object("affinity_label", "affinitylabels", label.id, &["vms", "hosts"])
        .text("name", label.name.as_str())
        .bool("read_only", false)
        .list("vms", "vm", label.vms.iter().map(|vm| Member::Vm(*vm).document()).collect())
        .list("hosts", "host", label.hosts.iter().map(|host| Member::Host(*host).document()).collect())
}

async fn labels(request: HttpRequest) -> HttpResponse {
    let result = async {
        let all = affinity::labels(&caller(&request).await?).await?;
        Ok(collection("affinity_labels", "affinity_label", all.iter().map(label_document).collect()))
    };
    ok(&request, result.await)
}

async fn label(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        Ok(label_document(&affinity::label(&cx, id("affinity label", &path)?).await?))
    };
    ok(&request, result.await)
}

async fn add_label(request: HttpRequest, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let name = body(&request, &bytes)?.text_at("name").unwrap_or_default().to_owned();
        let made = affinity::add_label(&cx, name, Vec::new(), Vec::new()).await?;
        Ok(label_document(&affinity::label(&cx, made).await?))
    };
    created(&request, result.await)
}

async fn update_label(request: HttpRequest, path: web::Path<String>, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let label: AffinityLabelId = id("affinity label", &path)?;
        let name = body(&request, &bytes)?.text_at("name").map(ToOwned::to_owned);
        let change = |old: AffinityLabel| AffinityLabel { name: name.unwrap_or(old.name), ..old };
        affinity::edit_label(&cx, label, change).await?;
        Ok(label_document(&affinity::label(&cx, label).await?))
    };
    ok(&request, result.await)
}

async fn remove_label(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        affinity::remove_label(&cx, id("affinity label", &path)?).await?;
        Ok(actions::complete(None))
    };
    ok(&request, result.await)
}

async fn labelled(request: HttpRequest, path: web::Path<(String, String)>) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let label = affinity::label(&cx, id("affinity label", &path.0)?).await?;
        list_of(&path.1, &label.vms, &label.hosts)
    };
    ok(&request, result.await)
}

async fn put_on(request: HttpRequest, path: web::Path<(String, String)>, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let member = member(&request, &path.1, &bytes)?;
        let change = move |mut label: AffinityLabel| {
            member.add(&mut label.vms, &mut label.hosts);
            label
        };
        affinity::edit_label(&cx, id("affinity label", &path.0)?, change).await?;
        Ok(member.document())
    };
    created(&request, result.await)
}

async fn take_off(request: HttpRequest, path: web::Path<(String, String, String)>) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let member = Member::of(&path.1, &path.2)?;
        let change = move |mut label: AffinityLabel| {
            member.take(&mut label.vms, &mut label.hosts);
            label
        };
        affinity::edit_label(&cx, id("affinity label", &path.0)?, change).await?;
        Ok(actions::complete(None))
    };
    ok(&request, result.await)
}
