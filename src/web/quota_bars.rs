//! What is used of quotas, as bars: for both portals.

use crate::model::disk::GIB;
use crate::model::quota::QuotaResource;
use crate::web::locale::Locale;
use crate::web::ui::parts;
use maud::{Markup, html};

/// The name of a limit's place; empty: all of them.
pub fn place<Id>(named: Option<&(Id, String)>) -> String {
    named.map(|(_, name)| name.clone()).unwrap_or_default()
}

/// vCPUs.
pub fn vcpus(l: Locale, label: &str, used: u64, most: Option<u64>) -> Markup {
    bar(l, &l.t("vcpus"), label, QuotaResource::Vcpus, used, most)
}

/// Memory, in MiB.
pub fn memory(l: Locale, label: &str, used: u64, most: Option<u64>) -> Markup {
    bar(l, &l.t("memory"), label, QuotaResource::Memory, used, most)
}

/// Storage: bytes of so many GiB.
pub fn storage(l: Locale, label: &str, used: u64, gib: Option<u64>) -> Markup {
    bar(l, &l.t("quota-storage"), label, QuotaResource::Storage, used, gib.map(|gib| gib.saturating_mul(GIB)))
}

fn bar(l: Locale, what: &str, label: &str, resource: QuotaResource, used: u64, most: Option<u64>) -> Markup {
    let amount = |n| match resource {
        QuotaResource::Memory => parts::memory(n),
        _ => resource.amount(n),
    };
    let Some(most) = most else {
        return html! { p class="vireo-quota" { (label) " " (amount(used)) " / " (l.t("unlimited")) } };
    };
    #[expect(clippy::cast_precision_loss, reason = "shown as a bar")]
    let percent = if most == 0 { 100.0 } else { (used as f64 / most as f64 * 100.0).min(100.0) };
    html! {
        div class="vireo-bar vireo-quota" {
            @if !label.is_empty() { span { (label) } }
            meter min="0" max="100" high="80" value=(format!("{percent:.0}")) aria-label={ (what) " " (label) } {}
            span { (amount(used)) " / " (amount(most)) }
        }
    }
}

/// All limits of a quota, one below the other.
pub mod rows {
    use super::{memory, place, storage, vcpus};
    use crate::model::quota::QuotaView;
    use crate::web::locale::Locale;
    use crate::web::ui::parts;
    use maud::{Markup, html};

    /// Of clusters.
    pub fn clusters(l: Locale, view: &QuotaView) -> Markup {
        html! {
            @if view.clusters.is_empty() { p { (l.t("quota-gives-nothing")) } }
            @for share in &view.clusters {
                @let name = place(share.cluster.as_ref());
                h3 class="pf-v6-c-title pf-m-md" { (if name.is_empty() { l.t("quota-all-clusters") } else { name }) }
                (parts::facts(&[
                    (l.t("vcpus"), vcpus(l, "", share.used.vcpus, share.limit.vcpus)),
                    (l.t("memory"), memory(l, "", share.used.memory_mib, share.limit.memory_mib)),
                ]))
            }
        }
    }

    /// Of storage domains.
    pub fn domains(l: Locale, view: &QuotaView) -> Markup {
        html! {
            @if view.domains.is_empty() { p { (l.t("quota-gives-nothing")) } }
            @for share in &view.domains {
                @let name = place(share.domain.as_ref());
                h3 class="pf-v6-c-title pf-m-md" { (if name.is_empty() { l.t("quota-all-domains") } else { name }) }
                (parts::facts(&[(l.t("quota-storage"), storage(l, "", share.used, share.gib))]))
            }
        }
    }
}
