//! A running VM is moved: where it can go and why not elsewhere, how, and a way back while it is on its way.

use super::vm_form::{field, hinted, parsed};
use super::{admin, changing, details, id};
use crate::engine::scheduler::Explained;
use crate::engine::vms::migrate::{self, Wanted};
use crate::engine::{EngineError, vms};
use crate::model::ids::VmId;
use crate::model::migration::MigrationPolicyName;
use crate::web::error;
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::form::{Choice, Filled, form};
use crate::web::ui::{Frame, parts};
use crate::web::words;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

/// `/admin/vms/{id}/migrate`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/vms/{id}/migrate", web::get().to(ask))
        .route("/admin/vms/{id}/migrate", web::post().to(go))
        .route("/admin/vms/{id}/cancel_migration", web::post().to(cancel));
}

async fn ask(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let vm = id::<VmId>("VM", &path)?;
        let view = vms::get(&cx, vm).await?;
        let hosts = migrate::choices(&cx, vm).await?;
        let l = frame.l;
        let title = l.ta("migrate-vm", &[("name", &view.row.name)]);
        let base = format!("/admin/vms/{vm}");
        let mut choices = vec![Choice::new("", l.t("migrate-any"))];
        choices.extend(hosts.iter().filter(|h| h.fits.is_ok()).map(|h| Choice::new(h.id, &h.name)));
        let usual = migrate::usual(&cx, vm).await?;
        let policy = |p: MigrationPolicyName| l.t(&format!("policy-{p}"));
        let mut policies = vec![Choice::new("", l.ta("cluster-default", &[("value", &policy(usual.policy))]))];
        policies.extend(MigrationPolicyName::ALL.iter().rev().map(|p| Choice::new(p, policy(*p))));
        let speed = usual.bandwidth_mib().map_or_else(|| l.t("bandwidth-unlimited"), |mib| format!("{mib} MiB/s"));
        let bandwidth = l.ta("migration-bandwidth-cluster", &[("value", &speed)]);
        let filled = Filled::default();
        let fields = html! {
            (field(l, "migrate-to", "to", "host").choose(&filled, &choices))
            (hinted(l, "migration-policy", "policy", "policy", l.t("migration-policy-hint")).choose(&filled, &policies))
            (hinted(l, "migration-bandwidth", "bandwidth", "bandwidth", bandwidth).input(&filled, "number"))
        };
        let nowhere = choices.len() == 1;
        let content = html! {
            (parts::heading(&title, &html! {}, &html! {}))
            @if nowhere { (parts::alert("warning", &l.t("migrate-nowhere"))) }
            @else { (form(&frame, &format!("{base}/migrate"), &base, &l.t("action-migrate"), &[], &fields)) }
            (parts::card(&l.t("migrate-hosts"), &explained(&frame, &hosts)))
            @if nowhere { div class="vireo-actions" { (parts::link_button(&base, &l.t("cancel"), "pf-m-link")) } }
        };
        Ok(frame.page(&title, "host vm", &content))
    };
    details::answer(&http, result.await)
}

/// Each host with the room that would be left, or what stands against it.
pub fn explained(frame: &Frame, hosts: &[Explained]) -> Markup {
    let l = frame.l;
    html! {
        ul class="pf-v6-c-list" data-explained {
            @for host in hosts {
                li {
                    strong { (host.name) } " "
                    @match &host.fits {
                        Ok(weighed) => { (l.ta("host-fits", &[("free", &parts::memory(weighed.free_mib))])) }
                        Err(why) => { (words::no_room(l, why)) }
                    }
                }
            }
        }
    }
}

async fn go(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, _, values) = changing(&shared, &http, &body).await?;
        let vm = id::<VmId>("VM", &path)?;
        let get = |name: &str| values.get(name).map(String::as_str).filter(|text| !text.is_empty());
        let to = get("to").map(|text| id("host", text)).transpose()?;
        let policy = get("policy").map(|text| id("migration policy", text)).transpose()?;
        let mut wrong = Vec::new();
        let bandwidth_mib = get("bandwidth").and_then(|_| parsed(&values, "bandwidth", "bandwidth", &mut wrong));
        if !wrong.is_empty() {
            return Err(EngineError::Invalid(wrong));
        }
        migrate::migrate(&cx, vm, Wanted { to, policy, bandwidth_mib }).await
    };
    back(&http, &path, result.await.map(drop))
}

async fn cancel(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, ..) = changing(&shared, &http, &body).await?;
        migrate::cancel(&cx, id::<VmId>("VM", &path)?).await
    };
    back(&http, &path, result.await)
}

fn back(http: &HttpRequest, vm: &str, result: Result<(), EngineError>) -> HttpResponse {
    match result {
        Ok(()) => to(&format!("/admin/vms/{vm}")),
        Err(e) => error::page(http, &e),
    }
}
