//! `hosts` and `storagedomains`: added, changed in their state, removed. (Lists and details are with the other collections.)

use super::answer::{body, caller, id, ok, wants};
use super::document::{self, Element};
use super::entry::BASE;
use super::input::Input;
use super::{actions, fault, render};
use crate::engine::{Cx, EngineError, catalog, hosts, storage_domains};
use crate::model::fence::{FenceAgent, NewFenceAgent};
use crate::model::host::{HostEdit, NewHost};
use crate::model::host_install::{ROOT, SSH_PORT, SshAccess, SshLogin, SshMethod};
use crate::model::ids::HostId;
use crate::model::inventory::{HostDevice, HostHook, HostInventory, HostNic};
use crate::model::page::ListQuery;
use crate::model::storage_domain::NewSharedDomain;
use crate::model::valid::{Invalid, Problem};
use crate::web::join;
use actix_web::{HttpRequest, HttpResponse, web};

/// Paths below `hosts` and `storagedomains`.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/hosts", web::post().to(add))
        .route("/hosts/{id}", web::put().to(update))
        .route("/hosts/{id}", web::delete().to(remove))
        .route("/hosts/{id}/fenceagents", web::get().to(fence_agents))
        .route("/hosts/{id}/fenceagents", web::post().to(add_fence_agent))
        .route("/hosts/{id}/fenceagents/{agent}", web::delete().to(remove_fence_agent))
        .route("/hosts/{id}/nics", web::get().to(nics))
        .route("/hosts/{id}/devices", web::get().to(devices))
        .route("/hosts/{id}/hooks", web::get().to(hooks))
        .route("/hosts/{id}/hooks/{hook}", web::get().to(one_hook))
        .route("/hosts/{id}/{action}", web::post().to(act))
        .route("/storagedomains", web::post().to(add_domain));
}

/// The host with the command that makes a machine this host.
async fn invited(cx: &Cx, request: &HttpRequest, invited: hosts::enrol::Invited) -> Result<Element, EngineError> {
    let host = catalog::host(cx, invited.host).await?;
    Ok(render::host(&host).text("join_command", join::command(&join::base(request), &invited.token)))
}

async fn add(request: HttpRequest, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let input = body(&request, &bytes)?;
        let text = |path: &str| input.text_at(path).unwrap_or_default().to_owned();
        let new = NewHost {
            name: text("name"),
            comment: text("comment"),
            address: text("address"),
            cluster: cluster(&cx, &input).await?,
        };
        if let Some(access) = access(&request, &input)? {
            let made = hosts::install::add(&cx, new, access).await?;
            return Ok(render::host(&catalog::host(&cx, made.id).await?));
        }
        let added = hosts::enrol::add(&cx, new).await?;
        invited(&cx, &request, added).await
    };
    match result.await {
        Ok(element) => wants(&request).write(HttpResponse::Created(), &element),
        Err(error) => fault::response(&request, &error),
    }
}

/// A password or `ssh` asks for an installation by SSH, as oVirt has it; without them a machine is invited.
fn access(request: &HttpRequest, input: &Input) -> Result<Option<SshAccess>, EngineError> {
    let password = input.text_at("root_password").or_else(|| input.text_at("ssh/user/password"));
    if password.is_none() && input.at("ssh").is_none() {
        return Ok(None);
    }
    let method = input.parsed("ssh/authentication_method", "ssh.authentication_method")?;
    let login = match method.unwrap_or(SshMethod::Password) {
        SshMethod::Password => SshLogin::Password(password.unwrap_or_default().to_owned()),
        SshMethod::PublicKey => SshLogin::EngineKey,
    };
    Ok(Some(SshAccess {
        port: input.parsed("ssh/port", "ssh.port")?.unwrap_or(SSH_PORT),
        user: input.text_at("ssh/user/user_name").unwrap_or(ROOT).to_owned(),
        login,
        fingerprint: input.text_at("ssh/fingerprint").unwrap_or_default().to_owned(),
        install_missing: input.bool_at("install_missing", "install_missing")?.unwrap_or(false),
        engine: join::base(request),
    }))
}

/// By id, or by name as oVirt takes it, too.
async fn cluster(cx: &Cx, input: &Input) -> Result<Option<crate::model::ids::ClusterId>, EngineError> {
    let Some(name) = input.text_at("cluster/name").filter(|_| input.text_at("cluster/id").is_none()) else {
        return Ok(input.parsed("cluster/id", "cluster")?);
    };
    let all = catalog::clusters(cx, &ListQuery { max: u32::MAX, ..ListQuery::default() }).await?.rows;
    let found = all.into_iter().find(|c| c.name == name).map(|c| c.id);
    let value = name.chars().take(64).collect();
    found.map(Some).ok_or_else(|| Invalid::new("cluster", Problem::NoSuch { value }).into())
}

/// oVirt's fields; what is known and means nothing to this engine is let through, since clients send it.
const HOST: &str = "\
    actions address affinity_labels agents auto_numa_status certificate cluster comment cpu cpu_units description \
    device_passthrough devices display external_host_provider external_network_provider_configurations external_status \
    hardware_information hooks hosted_engine href id iscsi join_command katello_errata kdump_status ksm libvirt_version \
    link max_scheduling_memory memory name network_attachments network_operation_in_progress nics numa_nodes \
    numa_supported os override_iptables ovn_configured permissions port power_management protocol \
    reinstallation_required root_password se_linux spm ssh statistics status status_detail \
    storage_connection_extensions storages summary tags transparent_huge_pages type unmanaged_networks update_available \
    version vgpu_placement";

async fn update(request: HttpRequest, path: web::Path<String>, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let (host, input) = (id::<HostId>("host", &path)?, body(&request, &bytes)?);
        input.only("host", HOST)?;
        let to = cluster(&cx, &input).await?;
        let kdump = input.bool_at("power_management/kdump_detection", "power_management.kdump_detection")?;
        let priority: Option<i32> = input.parsed("spm/priority", "spm.priority")?;
        hosts::edit::edit(&cx, host, move |old| {
            let text = |path: &str, old: String| input.text_at(path).map_or(old, ToOwned::to_owned);
            Ok(HostEdit {
                name: text("name", old.name),
                comment: text("comment", old.comment),
                address: text("address", old.address),
                port: input.parsed("port", "port")?.unwrap_or(old.port),
                cluster: to.unwrap_or(old.cluster),
            })
        })
        .await?;
        if let Some(on) = kdump {
            hosts::kdump::set(&cx, host, on).await?;
        }
        if let Some(priority) = priority {
            hosts::spm::set_priority(&cx, host, priority).await?;
        }
        let power = Element::new("power_management").bool("kdump_detection", hosts::kdump::is_on(&cx, host).await?);
        Ok(render::host(&catalog::host(&cx, host).await?).child(power))
    };
    ok(&request, result.await)
}

async fn remove(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        hosts::remove::remove(&cx, id::<HostId>("host", &path)?).await?;
        Ok(actions::complete(None))
    };
    ok(&request, result.await)
}

/// What can be changed of a host: whether its crashed kernel is listened for.
async fn act(request: HttpRequest, path: web::Path<(String, String)>, bytes: web::Bytes) -> HttpResponse {
    let (host, action) = path.into_inner();
    let result = async {
        let cx = caller(&request).await?;
        let host = id::<HostId>("host", &host)?;
        match action.as_str() {
            "activate" => hosts::maintenance::activate(&cx, host).await.map(|()| actions::complete(None)),
            "deactivate" => hosts::maintenance::deactivate(&cx, host).await.map(|job| actions::complete(Some(job))),
            "forceselectspm" => hosts::spm::select(&cx, host).await.map(|()| actions::complete(None)),
            "upgradecheck" => hosts::upgrade::check(&cx, host).await.map(|()| actions::complete(None)),
            "upgrade" => {
                let reboot = body(&request, &bytes)?.bool_at("reboot", "reboot")?.unwrap_or(false);
                hosts::upgrade::upgrade(&cx, host, reboot).await.map(|job| actions::complete(Some(job)))
            }
            "fence" => fence(&cx, host, &body(&request, &bytes)?).await,
            "install" => {
                if let Some(access) = access(&request, &body(&request, &bytes)?)? {
                    let made = hosts::install::reinstall(&cx, host, access).await?;
                    return Ok(actions::complete(Some(made.job)));
                }
                let again = hosts::enrol::invite(&cx, host).await?;
                Ok(actions::complete(None).child(invited(&cx, &request, again).await?))
            }
            _ => Err(EngineError::NotFound { kind: "action", id: action.chars().take(64).collect() }),
        }
    };
    actions::answer(&request, result.await)
}

/// oVirt's word for "confirm that the host has been rebooted" is a fencing by hand.
async fn fence(cx: &Cx, host: HostId, input: &Input) -> Result<Element, EngineError> {
    match input.text_at("fence_type") {
        Some("manual") => hosts::off::confirm(cx, host).await.map(|()| actions::complete(None)),
        Some("status") => {
            let said = hosts::fence::status(cx, host).await?.into_iter().map(|(_, said)| said);
            // What an agent does not say is no "off".
            let on = said.collect::<Result<Vec<bool>, EngineError>>()?.into_iter().all(|on| on);
            let state = Element::new("power_management").text("status", if on { "on" } else { "off" });
            Ok(actions::complete(None).child(state))
        }
        other => {
            let value: String = other.unwrap_or_default().chars().take(64).collect();
            let allowed = "manual, status, start, stop, restart".to_owned();
            let wanted = value.parse().map_err(|_| Invalid::new("fence_type", Problem::NotOneOf { value, allowed }))?;
            let job = hosts::fence::power(cx, host, wanted).await?;
            Ok(actions::complete(Some(job)))
        }
    }
}

/// oVirt calls those concurrent that are asked together.
fn fence_agent(agent: &FenceAgent, all: &[FenceAgent]) -> Element {
    let concurrent = all.iter().any(|other| other.id != agent.id && other.place == agent.place);
    let options = agent.options.iter();
    let options =
        options.map(|(name, value)| Element::new("option").text("name", name.as_str()).text("value", value.as_str()));
    Element::new("agent")
        .attribute("id", agent.id)
        .text("type", agent.kind.as_str())
        .text("address", agent.address.as_str())
        .text("username", agent.user.as_str())
        .int("order", agent.place)
        .bool("concurrent", concurrent)
        .list("options", "option", options.collect())
}

fn nic(host: HostId, nic: &HostNic) -> Element {
    let ip = nic.addresses.iter().find(|ip| !ip.contains(':'));
    let element = Element::new("host_nic")
        .attribute("id", &nic.name)
        .child(render::reference("host", "hosts", host))
        .text("name", nic.name.as_str())
        .child(Element::new("mac").text("address", nic.mac.as_str()))
        .int("mtu", nic.mtu)
        .text("status", if nic.up { "up" } else { "down" })
        .bool("bridged", nic.bridge);
    let element = match ip {
        Some(ip) => element.child(Element::new("ip").text("address", ip.as_str()).text("version", "v4")),
        None => element,
    };
    // oVirt's is in bits a second.
    match nic.speed_mbps {
        Some(mbps) => element.long("speed", mbps * 1_000_000),
        None => element,
    }
}

fn device(host: HostId, device: &HostDevice) -> Element {
    let element = Element::new("host_device")
        .attribute("id", &device.name)
        .child(render::reference("host", "hosts", host))
        .text("name", device.name.as_str())
        .text("capability", device.capability.as_str())
        .child(Element::new("product").text("name", device.product.as_str()))
        .child(Element::new("vendor").text("name", device.vendor.as_str()));
    match device.iommu_group {
        Some(group) => element.int("iommu_group", group),
        None => element,
    }
}

/// Which part of what is in a host.
type Part = fn(HostId, HostInventory) -> Element;

/// A part of what is in a host, as its agent tells it now.
async fn part(request: HttpRequest, path: web::Path<String>, part: Part) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let host = id::<HostId>("host", &path)?;
        Ok(part(host, hosts::inventory::inventory(&cx, host).await?))
    };
    ok(&request, result.await)
}

async fn nics(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let all = |host, all: HostInventory| {
        document::collection("host_nics", "host_nic", all.nics.iter().map(|one| nic(host, one)).collect())
    };
    part(request, path, all).await
}

async fn devices(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let all = |host, all: HostInventory| {
        document::collection("host_devices", "host_device", all.devices.iter().map(|one| device(host, one)).collect())
    };
    part(request, path, all).await
}

async fn hooks(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let all = |host, all: HostInventory| {
        document::collection("hooks", "hook", all.hooks.iter().map(|one| hook(host, one)).collect())
    };
    part(request, path, all).await
}

fn hook_id(one: &HostHook) -> String {
    format!("{}-{}", one.event, one.name)
}

fn hook(host: HostId, one: &HostHook) -> Element {
    Element::new("hook")
        .attribute("href", format!("{BASE}/hosts/{host}/hooks/{}", hook_id(one)))
        .attribute("id", hook_id(one))
        .child(render::reference("host", "hosts", host))
        .text("name", one.name.as_str())
        .text("event_name", one.event.as_str())
        .some_text("md5", &one.md5)
}

async fn one_hook(request: HttpRequest, path: web::Path<(String, String)>) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let host = id::<HostId>("host", &path.0)?;
        let all = hosts::inventory::inventory(&cx, host).await?;
        let none = || EngineError::NotFound { kind: "hook", id: path.1.chars().take(64).collect() };
        Ok(hook(host, all.hooks.iter().find(|one| hook_id(one) == path.1).ok_or_else(none)?))
    };
    ok(&request, result.await)
}

async fn fence_agents(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let all = hosts::fence::agents(&cx, id("host", &path)?).await?;
        Ok(document::collection("agents", "agent", all.iter().map(|one| fence_agent(one, &all)).collect()))
    };
    ok(&request, result.await)
}

async fn add_fence_agent(request: HttpRequest, path: web::Path<String>, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let input = body(&request, &bytes)?;
        let text = |path: &str| input.text_at(path).unwrap_or_default().to_owned();
        let options = input.at("options").map(|options| {
            let pair = |one: &Input| {
                format!("{}={}", one.text_at("name").unwrap_or_default(), one.text_at("value").unwrap_or_default())
            };
            options.all("option").map(pair).collect::<Vec<_>>().join("\n")
        });
        let host = id::<HostId>("host", &path)?;
        let mut order = input.parsed("order", "order")?;
        if order.is_none() && input.text_at("concurrent") == Some("true") {
            order = hosts::fence::agents(&cx, host).await?.last().map(|last| last.place);
        }
        let new = NewFenceAgent {
            order,
            kind: text("type"),
            address: text("address"),
            user: text("username"),
            password: text("password"),
            options: options.unwrap_or_default(),
        };
        let made = hosts::fence::add_agent(&cx, host, new).await?;
        let all = hosts::fence::agents(&cx, host).await?;
        let found = all.iter().find(|agent| agent.id == made).map(|one| fence_agent(one, &all));
        found.ok_or_else(|| EngineError::NotFound { kind: "fence agent", id: made.to_string() })
    };
    match result.await {
        Ok(element) => wants(&request).write(HttpResponse::Created(), &element),
        Err(error) => fault::response(&request, &error),
    }
}

async fn remove_fence_agent(request: HttpRequest, path: web::Path<(String, String)>) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        hosts::fence::remove_agent(&cx, id("host", &path.0)?, id("fence agent", &path.1)?).await?;
        Ok(actions::complete(None))
    };
    ok(&request, result.await)
}

async fn add_domain(request: HttpRequest, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let input = body(&request, &bytes)?;
        let kind = input.text_at("storage/type").unwrap_or("posixfs");
        if kind != "posixfs" {
            let allowed = "posixfs".to_owned();
            let value = kind.chars().take(64).collect();
            return Err(Invalid::new("storage.type", Problem::NotOneOf { value, allowed }).into());
        }
        let text = |path: &str| input.text_at(path).unwrap_or_default().to_owned();
        let new = NewSharedDomain {
            name: text("name"),
            description: text("description"),
            path: text("storage/path"),
            data_center: input.parsed("data_center/id", "data_center")?,
        };
        let made = storage_domains::add_shared(&cx, new).await?;
        Ok(render::storage_domain(&catalog::storage_domain(&cx, made.id).await?))
    };
    match result.await {
        Ok(element) => wants(&request).write(HttpResponse::Created(), &element),
        Err(error) => fault::response(&request, &error),
    }
}
