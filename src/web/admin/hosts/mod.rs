//! A host's page.

mod edit;
mod inventory;
mod join;
mod power;
mod spm;
mod state;
pub(super) mod upgrade;

use super::card::{Detail, events_of, link, links, show, text};
use super::{admin, details, id, tags};
use crate::engine::hosts::{fence, kdump};
use crate::engine::permissions::may::{self, Permits};
use crate::engine::{catalog, vms};
use crate::model::host::{HostAction, HostStatus, HostView};
use crate::model::ids::HostId;
use crate::model::permission::ObjectKind;
use crate::model::role::Action;
use crate::model::tag::Tagged;
use crate::web::server::Shared;
use crate::web::told::told;
use crate::web::ui::{Frame, parts};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

/// `/admin/hosts/{id}`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .configure(inventory::routes)
        .configure(edit::routes)
        .configure(join::routes)
        .configure(power::routes)
        .configure(spm::routes)
        .configure(state::routes)
        .configure(upgrade::routes)
        .route("/admin/hosts/{id}", web::get().to(host));
}

async fn host(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let l = frame.l;
        let h = catalog::host(&cx, id::<HostId>("host", &path)?).await?;
        let vms = vms::list(&cx, &details::all()).await?.rows;
        let vms = vms.iter().filter(|vm| vm.host == Some(h.id)).map(|vm| {
            html! { (link("vms", vm.id, &vm.name)) " " (parts::status(l, vm.status.as_str())) " " (parts::memory(vm.memory_mib)) }
        });
        let permits = may::on(&cx, vec![h.id.object()]).await?;
        let cards = vec![
            parts::card(&l.t("hardware"), &hardware(&frame, &h)),
            parts::card(&l.t("software"), &software(&frame, &h)),
            parts::card(&l.t("vms"), &links(l, vms)),
            power::card(
                &frame,
                &h,
                &fence::agents(&cx, h.id).await?,
                kdump::is_on(&cx, h.id).await?,
                permits.may(Action::EditHostConfiguration, h.id.object()),
            ),
            upgrade::card(&cx, &frame, &h).await?,
            events_of(&cx, l, h.id.object()).await?,
        ];
        let mut facts = facts(&frame, &h, &permits);
        facts.push(tags::fact(&cx, &frame, Tagged::Host(h.id)).await?);
        let detail = Detail {
            title: h.name.clone(),
            state: Some(h.status.as_str()),
            actions: actions(&frame, &h, &permits),
            notice: notice(&frame, &h),
            facts,
            cards,
        };
        show(&cx, &frame, detail, "host vm stats event", ObjectKind::Host, h.id.object()).await
    };
    details::answer(&http, result.await)
}

/// What can be done to it now.
fn actions(frame: &Frame, h: &HostView, permits: &Permits) -> Markup {
    let l = frame.l;
    let base = format!("/admin/hosts/{}", h.id);
    let can = |action: HostAction| h.status.allows(action) && permits.may(action.permit(), h.id.object());
    let text = |action: HostAction| l.t(&format!("host-action-{action}"));
    html! {
        span class="vireo-buttons" {
            @if h.status == HostStatus::Up { (parts::link_button(&format!("{base}/devices"), &l.t("devices"), "pf-m-link")) }
            @if h.active_vms > 0 { (parts::link_button(&format!("{base}/loss"), &l.t("what-if-lost"), "pf-m-link")) }
            @if permits.may(HostAction::Edit.permit(), h.id.object()) { (parts::link_button(&format!("{base}/edit"), &text(HostAction::Edit), "pf-m-secondary")) }
            @if can(HostAction::Activate) { (parts::post(frame, &format!("{base}/activate"), &text(HostAction::Activate), "pf-m-primary")) }
            @if can(HostAction::Deactivate) { (parts::link_button(&format!("{base}/deactivate"), &text(HostAction::Deactivate), "pf-m-secondary")) }
            @if can(HostAction::CheckUpgrade) { (parts::post(frame, &format!("{base}/check_upgrade"), &text(HostAction::CheckUpgrade), "pf-m-secondary")) }
            @if can(HostAction::Upgrade) && permits.may(Action::ManipulateHost, h.id.object()) { (parts::link_button(&format!("{base}/upgrade"), &text(HostAction::Upgrade), "pf-m-secondary")) }
            @if can(HostAction::Reinstall) { (parts::post(frame, &format!("{base}/invite"), &text(HostAction::Reinstall), "pf-m-secondary")) }
            @if can(HostAction::Reinstall) { (parts::link_button(&format!("{base}/reinstall"), &l.t("reinstall-by-ssh"), "pf-m-secondary")) }
            @if can(HostAction::ConfirmOff) { (parts::link_button(&format!("{base}/confirm_off"), &text(HostAction::ConfirmOff), "pf-m-warning")) }
            @if can(HostAction::Remove) { (parts::link_button(&format!("{base}/remove"), &text(HostAction::Remove), "pf-m-danger")) }
        }
    }
}

fn notice(frame: &Frame, h: &HostView) -> Markup {
    html! {
        @if !h.status_reason.is_empty() { (parts::alert("warning", &told(frame.l, &h.status_reason))) }
        @if h.upgrade.found.is_something() { (parts::alert("info", &frame.l.t("upgrade-available"))) }
        @if !h.facts.kvm && !h.facts.hostname.is_empty() { (parts::alert("info", &frame.l.t("emulation-text"))) }
    }
}

fn facts(frame: &Frame, h: &HostView, permits: &Permits) -> Vec<(String, Markup)> {
    let l = frame.l;
    vec![
        (l.t("status"), parts::status(l, h.status.as_str())),
        (l.t("comment"), text(&h.comment)),
        (l.t("address"), text(format!("{}:{}", h.address, h.port))),
        (l.t("cluster"), link("clusters", h.cluster, &h.cluster_name)),
        (l.t("data-center"), link("data_centers", h.data_center, &h.data_center_name)),
        (l.t("vms"), text(h.active_vms)),
        (
            l.t("spm"),
            spm::fact(
                frame,
                h,
                permits.may(Action::EditHostConfiguration, h.id.object()),
                permits.may(Action::ManipulateHost, h.id.object()),
            ),
        ),
        (l.t("host-key"), text(if h.fingerprint.is_empty() { "-" } else { &h.fingerprint })),
        (l.t("certificate-ends"), h.certificate_ends.map_or_else(|| text("-"), parts::time)),
        (l.t("last-seen"), h.last_seen.map_or_else(|| text("-"), parts::time)),
        ("ID".to_owned(), text(h.id)),
    ]
}

fn hardware(frame: &Frame, h: &HostView) -> Markup {
    let (l, f) = (frame.l, &h.facts);
    #[expect(clippy::cast_precision_loss, reason = "shown as a bar")]
    let memory = if f.memory_mib == 0 { 0.0 } else { h.load.memory_used_mib as f64 / f.memory_mib as f64 * 100.0 };
    let used = format!("{} / {}", parts::memory(h.load.memory_used_mib), parts::memory(f.memory_mib));
    html! {
        (parts::bar(&l.t("cpu"), h.load.cpu_percent.into(), &format!("{:.0} %", h.load.cpu_percent)))
        (parts::bar(&l.t("memory"), memory, &used))
        (parts::facts(&[
            (l.t("virtualization"), text(if f.kvm { l.t("kvm") } else { l.t("emulation") })),
            (l.t("cpu-model"), text(&f.cpu_model)),
            (l.t("logical-cpus"), text(format!("{} ({} × {} × {})", f.cpus(), f.sockets, f.cores_per_socket, f.threads_per_core))),
            (l.t("memory"), text(parts::memory(f.memory_mib))),
            (l.t("ksm"), text(h.load.ksm_saved_mib.map_or_else(|| l.t("ksm-off"), |mib| l.ta("ksm-on", &[("size", &parts::memory(mib))])))),
            (l.t("most-vcpus"), text(f.max_vcpus)),
            (l.t("network"), text(format!("ovirtmgmt: {}", f.network_mode))),
            (l.t("addresses"), text(f.addresses.join(", "))),
        ]))
    }
}

fn software(frame: &Frame, h: &HostView) -> Markup {
    let (l, f) = (frame.l, &h.facts);
    parts::facts(&[
        (l.t("operating-system"), text(&f.os)),
        (l.t("kernel"), text(&f.kernel_version)),
        ("libvirt".to_owned(), text(&f.libvirt_version)),
        ("QEMU".to_owned(), text(&f.qemu_version)),
        (l.t("agent"), text(&f.agent_version)),
        (l.t("display"), text(f.graphics.join(", "))),
    ])
}
