//! What a person may use, and what of it he uses.

use super::PORTAL;
use crate::engine::{EngineError, quotas};
use crate::model::disk::GIB;
use crate::model::quota::{Amount, MyQuota, PersonLimit};
use crate::web::error;
use crate::web::locale::Locale;
use crate::web::quota_bars::{self as bars, rows};
use crate::web::server::Shared;
use crate::web::ui::parts;
use crate::web::vm_pages::enter;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

/// `/user/quotas`
pub fn routes(config: &mut web::ServiceConfig) {
    config.route("/user/quotas", web::get().to(page));
}

async fn page(shared: web::Data<Shared>, http: HttpRequest) -> HttpResponse {
    let result = async {
        let (cx, frame) = enter(&shared, &http, PORTAL).await?;
        Ok::<_, EngineError>((quotas::mine(&cx).await?, frame))
    };
    match result.await {
        Ok((mine, frame)) => {
            let l = frame.l;
            let content = html! {
                (parts::heading(&l.t("my-quotas"), &html! {}, &parts::link_button("/user", &l.t("my-desktops"), "pf-m-link")))
                @if mine.is_empty() { (parts::empty(&l.t("nothing-here"), &l.t("empty-my-quotas"), &html! {})) }
                div class="vireo-grid" { @for one in &mine { (quota(l, one)) } }
            };
            frame.page(&l.t("my-quotas"), "vm disk quota", &content)
        }
        Err(e) => error::page(&http, &e),
    }
}

fn quota(l: Locale, one: &MyQuota) -> Markup {
    let (config, limit) = (&one.view.quota.config, one.view.quota.config.person);
    let used = one.mine;
    parts::card(
        &config.name,
        &html! {
            @if !config.description.is_empty() { p { (config.description) } }
            h3 class="pf-v6-c-title pf-m-md" { (l.t("quota-used-by-me")) }
            (parts::facts(&[
                (l.t("vcpus"), bars::vcpus(l, "", used.vcpus, limit.vcpus)),
                (l.t("memory"), bars::memory(l, "", used.memory_mib, limit.memory_mib)),
                (l.t("quota-storage"), bars::storage(l, "", used.bytes, limit.storage_gib)),
            ]))
            p { (left(l, used, limit)) }
            h3 class="pf-v6-c-title pf-m-md" { (l.t("quota-used-by-all")) }
            (rows::clusters(l, &one.view))
            (rows::domains(l, &one.view))
        },
    )
}

/// What he may have more.
fn left(l: Locale, used: Amount, limit: PersonLimit) -> String {
    let mut words = Vec::new();
    words.extend(limit.vcpus.map(|n| format!("{} vCPU", n.saturating_sub(used.vcpus))));
    words.extend(limit.memory_mib.map(|n| parts::memory(n.saturating_sub(used.memory_mib))));
    words.extend(limit.storage_gib.map(|n| parts::bytes(n.saturating_mul(GIB).saturating_sub(used.bytes))));
    if words.is_empty() { String::new() } else { l.ta("quota-left", &[("left", &words.join(", "))]) }
}
