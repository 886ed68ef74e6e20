//! What a VM's page says of its running guest: which settings wait for the next start (a mark for lists, a card with old and new values),
//! and what the guest's agent tells.

use crate::model::conflict::NoRoom;
use crate::model::guest::FileSystem;
use crate::model::vm::VmView;
use crate::model::vm_settings::{NotNow, Waiting};
use crate::web::locale::Locale;
use crate::web::told::told;
use crate::web::ui::parts;
use crate::web::words::{self, say};
use maud::{Markup, html};

/// The mark.
pub fn mark(l: Locale, waits: bool) -> Markup {
    html! { @if waits { " " span class="pf-v6-c-label pf-m-compact pf-m-orange" data-waits title=(l.t("waits-hint")) {
        span class="pf-v6-c-label__content" { span class="pf-v6-c-label__text" { (l.t("waits")) } }
    } } }
}

/// The card; nothing where nothing waits.
pub fn card(l: Locale, view: &VmView) -> Markup {
    if view.waiting.is_empty() {
        return html! {};
    }
    let heads = ["setting", "value-now", "value-next"].map(|k| l.t(k));
    let table = html! {
        p { (l.t("waits-hint")) }
        div class="vireo-scroll" tabindex="0" role="region" aria-label=(l.t("waits")) {
            table class="pf-v6-c-table pf-m-compact pf-m-grid-md" aria-label=(l.t("waits")) {
                thead class="pf-v6-c-table__thead" { tr class="pf-v6-c-table__tr" { @for head in &heads { th class="pf-v6-c-table__th" scope="col" { (head) } } } }
                tbody class="pf-v6-c-table__tbody" {
                    @for waiting in &view.waiting { (row(l, &heads, waiting)) }
                }
            }
        }
    };
    parts::card(&l.t("waits"), &table)
}

fn row(l: Locale, heads: &[String; 3], waiting: &Waiting) -> Markup {
    let [setting, now, next] = heads;
    html! {
        tr class="pf-v6-c-table__tr" data-waiting=(waiting.field) {
            td class="pf-v6-c-table__td" data-label=(setting) {
                (l.t(&format!("waiting-{}", waiting.field)))
                @if let Some(why) = &waiting.why { div class="vireo-hint" { (not_now(l, why)) } }
            }
            td class="pf-v6-c-table__td" data-label=(now) { (value(l, waiting, &waiting.now)) }
            td class="pf-v6-c-table__td" data-label=(next) { (value(l, waiting, &waiting.next)) }
        }
    }
}

fn value(l: Locale, waiting: &Waiting, text: &str) -> String {
    match (waiting.field, text) {
        (_, "true") => l.t("yes"),
        (_, "false") => l.t("no"),
        ("memory" | "max_memory", _) => format!("{text} MiB"),
        ("os", _) => super::vm_form::system_name(l, text),
        ("display", _) => text.parse().map_or_else(|_| text.to_uppercase(), super::vm_form::display_name),
        ("watchdog", _) => l.t(&format!("watchdog-{text}")),
        ("rng", _) => l.t(&format!("rng-{text}")),
        ("cpu_shares", "0") => l.t("level-usual"),
        (_, "") => "–".to_owned(),
        _ => text.to_owned(),
    }
}

/// Why the running guest did not get it.
fn not_now(l: Locale, why: &NotNow) -> String {
    match why {
        NotNow::CpuRoom { most } => say!(l, "not-now-cpu-room", "most" = most),
        NotNow::MemoryStep { step } => say!(l, "not-now-memory-step", "step" = step),
        NotNow::MemoryRoom { most } => say!(l, "not-now-memory-room", "most" = most),
        NotNow::HostFull => l.t("not-now-host-full"),
        NotNow::HostCpus { host, most, wanted } => {
            format!("{host} {}", words::no_room(l, &NoRoom::Cpus { most: *most, wanted: *wanted }))
        }
        NotNow::Told { why } => told(l, why),
    }
}

/// What the guest's agent tells; nothing where none answers.
pub fn guest(l: Locale, view: &VmView) -> Markup {
    let guest = &view.guest;
    if guest.interfaces.is_empty() && guest.kernel.is_empty() {
        return html! {};
    }
    let text = |t: String| html! { (t) };
    let users: Vec<String> = guest.users.iter().map(|user| user.name.clone()).collect();
    let zone = guest.time_zone.as_ref().map_or_else(
        || "–".to_owned(),
        |(name, seconds)| {
            let minutes = seconds.unsigned_abs() / 60;
            format!("{name} (UTC{}{:02}:{:02})", if *seconds < 0 { '-' } else { '+' }, minutes / 60, minutes % 60)
        },
    );
    let file_system = |fs: &FileSystem| match (fs.used_bytes, fs.total_bytes) {
        (Some(used), Some(total)) => {
            format!("{} ({}): {} / {}", fs.mount, fs.kind, parts::bytes(used), parts::bytes(total))
        }
        _ => format!("{} ({})", fs.mount, fs.kind),
    };
    let facts = parts::facts(&[
        (l.t("guest-os"), text(view.guest_os.clone())),
        (l.t("guest-kernel"), text(guest.kernel.clone())),
        (l.t("guest-host-name"), text(view.row.fqdn.clone())),
        (l.t("guest-users"), text(if users.is_empty() { l.t("guest-nobody") } else { users.join(", ") })),
        (l.t("guest-time-zone"), text(zone)),
        (
            l.t("nics"),
            html! { @for one in &guest.interfaces { p { (one.name) " " (one.mac) " " (one.addresses.join(", ")) } } },
        ),
        (l.t("guest-file-systems"), html! { @for fs in &guest.file_systems { p { (file_system(fs)) } } }),
    ]);
    parts::card(&l.t("guest-agent"), &facts)
}
