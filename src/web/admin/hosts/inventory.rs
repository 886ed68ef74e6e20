//! A host's network cards, devices and hook scripts.

use super::super::{admin, details, id};
use crate::engine::catalog;
use crate::engine::hosts::inventory;
use crate::model::ids::HostId;
use crate::model::inventory::HostNic;
use crate::web::locale::Locale;
use crate::web::server::Shared;
use crate::web::ui::parts;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

/// `/admin/hosts/{id}/devices`
pub fn routes(config: &mut web::ServiceConfig) {
    config.route("/admin/hosts/{id}/devices", web::get().to(page));
}

async fn page(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let host = catalog::host(&cx, id::<HostId>("host", &path)?).await?;
        let all = inventory::inventory(&cx, host.id).await?;
        let l = frame.l;
        let title = l.ta("devices-of", &[("name", &host.name)]);
        let devices: Vec<Vec<Markup>> = all
            .devices
            .iter()
            .map(|d| {
                let group = d.iommu_group.map(|n| n.to_string()).unwrap_or_default();
                [&d.name, &d.capability, &d.vendor, &d.product, &group].map(|text| html! { (text) }).into()
            })
            .collect();
        let hooks: Vec<Vec<Markup>> =
            all.hooks.iter().map(|h| [&h.event, &h.name, &h.md5].map(|text| html! { (text) }).into()).collect();
        let back = parts::link_button(&format!("/admin/hosts/{}", host.id), &l.t("back"), "pf-m-secondary");
        let content = html! {
            (parts::heading(&title, &html! {}, &back))
            (parts::card(&l.t("host-nics"), &table(l, "host-nics", &["name", "mac", "speed", "mtu", "part-of", "addresses"], &all.nics.iter().map(|nic| card(l, nic)).collect::<Vec<_>>())))
            (parts::card(&l.t("devices"), &table(l, "devices", &["name", "kind", "vendor", "product", "iommu-group"], &devices)))
            (parts::card(&l.t("hooks"), &table(l, "hooks", &["hook-event", "name", "hook-md5"], &hooks)))
        };
        Ok(frame.page(&title, "", &content))
    };
    details::answer(&http, result.await)
}

fn card(l: Locale, nic: &HostNic) -> Vec<Markup> {
    let speed = nic.speed_mbps.map(|mbps| format!("{mbps} Mbit/s")).unwrap_or_default();
    vec![
        html! { (nic.name) " " @if !nic.up { (parts::label(&l.t("link-down"), "pf-m-orange")) } @if nic.bridge { (parts::label(&l.t("bridge"), "")) } },
        html! { (nic.mac) },
        html! { (speed) },
        html! { (nic.mtu) },
        html! { (nic.master.as_deref().unwrap_or_default()) },
        html! { (nic.addresses.join(", ")) },
    ]
}

fn table(l: Locale, label: &str, heads: &[&str], rows: &[Vec<Markup>]) -> Markup {
    let (label, heads): (String, Vec<String>) = (l.t(label), heads.iter().map(|key| l.t(key)).collect());
    if rows.is_empty() {
        html! { (l.t("none")) }
    } else {
        parts::table(&label, &heads, rows)
    }
}
