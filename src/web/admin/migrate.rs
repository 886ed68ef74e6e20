//! Running VMs are moved, one or several: where each can go and why not elsewhere, how, and a way back while one is on its way.

use super::confirm::done;
use super::scheduling::hosts_table;
use super::vm_form::{field, hinted, parsed};
use super::{admin, changing, details, id};
use crate::engine::scheduler::Explained;
use crate::engine::vms::migrate::{self, Wanted};
use crate::engine::{Cx, EngineError, vms};
use crate::model::cluster_settings::ClusterMigration;
use crate::model::ids::{HostId, VmId};
use crate::model::migration::MigrationPolicyName;
use crate::model::vm::{VmAction, VmRow};
use crate::web::locale::Locale;
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::form::{Choice, Filled, form};
use crate::web::ui::{Frame, parts};
use crate::web::words;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use std::collections::{BTreeMap, HashMap};

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
        dialog(&cx, &frame, id::<VmId>("VM", &path)?, &Filled::default()).await
    };
    details::answer(&http, result.await)
}

/// Where to, and how; `hosts`: those that can be chosen; `usual`: how the VM's cluster has it, none: there are several VMs.
fn fields(l: Locale, hosts: Vec<Choice>, usual: Option<ClusterMigration>, filled: &Filled) -> Markup {
    let choices: Vec<Choice> = std::iter::once(Choice::new("", l.t("migrate-any"))).chain(hosts).collect();
    let policy = |p: MigrationPolicyName| l.t(&format!("policy-{p}"));
    let (first, bandwidth) = match usual {
        Some(usual) => {
            let speed = usual.bandwidth_mib().map_or_else(|| l.t("bandwidth-unlimited"), |mib| format!("{mib} MiB/s"));
            let first = l.ta("cluster-default", &[("value", &policy(usual.policy))]);
            (first, l.ta("migration-bandwidth-cluster", &[("value", &speed)]))
        }
        None => (l.t("cluster-default-each"), l.t("migration-bandwidth-each")),
    };
    let mut policies = vec![Choice::new("", first)];
    policies.extend(MigrationPolicyName::ALL.iter().rev().map(|p| Choice::new(p, policy(*p))));
    html! {
        (field(l, "migrate-to", "to", "host").choose(filled, &choices))
        (hinted(l, "migration-policy", "policy", "policy", l.t("migration-policy-hint")).choose(filled, &policies))
        (hinted(l, "migration-bandwidth", "bandwidth", "bandwidth", bandwidth).input(filled, "number"))
    }
}

/// Engine names of the fields.
const SHOWN: [&str; 3] = ["host", "policy", "bandwidth"];

async fn dialog(cx: &Cx, frame: &Frame, vm: VmId, filled: &Filled) -> Result<HttpResponse, EngineError> {
    let l = frame.l;
    let view = vms::get(cx, vm).await?;
    let hosts = migrate::choices(cx, vm).await?;
    let usual = migrate::usual(cx, vm).await?;
    let title = l.ta("migrate-vm", &[("name", &view.row.name)]);
    let base = format!("/admin/vms/{vm}");
    let fit: Vec<Choice> = hosts.iter().filter(|h| h.fits.is_ok()).map(|h| Choice::new(h.id, &h.name)).collect();
    let nowhere = fit.is_empty();
    let content = html! {
        (parts::heading(&title, &html! {}, &html! {}))
        @if nowhere { (parts::alert("warning", &l.t("migrate-nowhere"))) }
        @else { (form(frame, &format!("{base}/migrate"), &base, &l.t("action-migrate"), &filled.others(l, &SHOWN), &fields(l, fit, Some(usual), filled))) }
        (parts::card(&l.t("migrate-hosts"), &hosts_table(l, &title, &hosts)))
        @if nowhere { div class="vireo-actions" { (parts::link_button(&base, &l.t("cancel"), "pf-m-link")) } }
    };
    Ok(frame.page(&title, "host vm", &content))
}

/// VMs that can go somewhere, and where; the others, and why not.
type SortedOut = (Vec<(VmRow, Vec<Explained>)>, Vec<(String, Markup)>);

async fn sorted_out(cx: &Cx, l: Locale, picked: &[VmId]) -> Result<SortedOut, EngineError> {
    let (mut can, mut cannot) = (Vec::new(), Vec::new());
    for vm in picked {
        let view = vms::get(cx, *vm).await?;
        if let Some((_, why)) = view.cannot.iter().find(|(action, _)| *action == VmAction::Migrate) {
            cannot.push((view.row.name, html! { (words::refusal(l, why)) }));
            continue;
        }
        let hosts = migrate::choices(cx, *vm).await?;
        if hosts.iter().any(|host| host.fits.is_ok()) {
            can.push((view.row, hosts));
        } else {
            let table = hosts_table(l, &view.row.name, &hosts);
            cannot.push((view.row.name, html! { (l.t("migrate-nowhere")) (table) }));
        }
    }
    Ok((can, cannot))
}

/// The same of several: who can go where, and who cannot go at all.
///
/// # Errors
/// One of them is hidden, or the database failed.
pub async fn ask_for(
    cx: &Cx,
    frame: &Frame,
    picked: &[VmId],
    back: &str,
    filled: Filled,
) -> Result<HttpResponse, EngineError> {
    let l = frame.l;
    let (can, cannot) = sorted_out(cx, l, picked).await?;
    let fit: BTreeMap<&str, HostId> = can
        .iter()
        .flat_map(|(_, hosts)| hosts)
        .filter(|host| host.fits.is_ok())
        .map(|host| (host.name.as_str(), host.id))
        .collect();
    let fit = fit.into_iter().map(|(name, id)| Choice::new(id, name)).collect();
    let title = l.ta("confirm-selected", &[("action", &l.t("action-migrate")), ("count", &can.len().to_string())]);
    let own = html! {
        @for (vm, _) in &can { input type="hidden" name="pick" value=(vm.id); }
        input type="hidden" name="action" value=(VmAction::Migrate);
        input type="hidden" name="confirmed" value="1";
        input type="hidden" name="back" value=(back);
        (fields(l, fit, None, &filled))
    };
    let content = html! {
        (parts::heading(&title, &html! {}, &html! {}))
        @if !can.is_empty() {
            p { (l.t("migrate-selected-text")) }
            (form(frame, "/admin/vms/selected", back, &title, &filled.others(l, &SHOWN), &own))
            @for (vm, hosts) in &can {
                (parts::card(&l.ta("migrate-from", &[("vm", &vm.name), ("host", vm.host_name.as_deref().unwrap_or("-"))]), &hosts_table(l, &vm.name, hosts)))
            }
        }
        @if !cannot.is_empty() {
            p { (l.t("selected-left-out")) }
            ul class="pf-v6-c-list" { @for (name, why) in &cannot { li { strong { (name) } ": " (why) } } }
        }
        @if can.is_empty() { div class="vireo-actions" { (parts::link_button(back, &l.t("go-back"), "pf-m-primary")) } }
    };
    Ok(frame.page(&title, "host vm", &content))
}

/// What a dialog says.
///
/// # Errors
/// All fields that are wrong.
pub fn wanted(values: &HashMap<String, String>) -> Result<Wanted, EngineError> {
    let mut wrong = Vec::new();
    let wanted = Wanted {
        to: parsed(values, "to", "host", &mut wrong),
        policy: parsed(values, "policy", "policy", &mut wrong),
        bandwidth_mib: parsed(values, "bandwidth", "bandwidth", &mut wrong),
    };
    if wrong.is_empty() { Ok(wanted) } else { Err(EngineError::Invalid(wrong)) }
}

async fn go(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, frame, values) = changing(&shared, &http, &body).await?;
        let vm = id::<VmId>("VM", &path)?;
        let done = match wanted(&values) {
            Ok(wanted) => migrate::migrate(&cx, vm, wanted).await,
            Err(why) => Err(why),
        };
        match done {
            Ok(_) => Ok(to(&format!("/admin/vms/{vm}"))),
            Err(why) => dialog(&cx, &frame, vm, &Filled::again(values, why)?).await,
        }
    };
    details::answer(&http, result.await)
}

async fn cancel(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    done(&shared, &http, &body, async |cx| {
        let vm = id::<VmId>("VM", &path)?;
        migrate::cancel(&cx, vm).await?;
        Ok(format!("/admin/vms/{vm}"))
    })
    .await
}
