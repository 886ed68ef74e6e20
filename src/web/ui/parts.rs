//! Small things: badges, facts, buttons, sizes, times.

use crate::model::clock::Timestamp;
use crate::model::job::{JobView, StepStatus};
use crate::web::locale::Locale;
use crate::web::ui::Frame;
use maud::{Markup, html};

/// A state as a label with its colour; the word is a state of any kind of thing.
pub fn status(l: Locale, word: &str) -> Markup {
    let colour = match word {
        "up" | "active" | "ok" | "finished" => "pf-m-green",
        "down" | "maintenance" | "suspended" | "unattached" | "uninitialized" | "aborted" => "",
        "paused" | "non_operational" | "not_responding" | "unknown" | "image_locked" | "locked" => "pf-m-orange",
        "non_responsive" | "error" | "inactive" | "failed" | "install_failed" | "image_illegal" | "illegal" => {
            "pf-m-red"
        }
        _ => "pf-m-blue",
    };
    html! {
        span class={ "pf-v6-c-label pf-m-compact " (colour) } data-status=(word) {
            span class="pf-v6-c-label__content" { span class="pf-v6-c-label__text" { (l.t(&format!("status-{word}"))) } }
        }
    }
}

/// A word in a colour.
pub fn label(text: &str, colour: &str) -> Markup {
    html! {
        span class={ "pf-v6-c-label pf-m-compact " (colour) } {
            span class="pf-v6-c-label__content" { span class="pf-v6-c-label__text" { (text) } }
        }
    }
}

/// A button that changes something: a form of its own.
pub fn post(frame: &Frame, action: &str, text: &str, class: &str) -> Markup {
    html! {
        form method="post" action=(action) class="vireo-inline" {
            (frame.csrf_field())
            button class={ "pf-v6-c-button pf-m-small " (class) } type="submit" { (text) }
        }
    }
}

/// A button that cannot be used, and why.
pub fn refused(text: &str, why: &str) -> Markup {
    html! {
        button class="pf-v6-c-button pf-m-small pf-m-secondary pf-m-aria-disabled" type="button" aria-disabled="true" title=(why) { (text) }
    }
}

/// A link that looks like a button.
pub fn link_button(href: &str, text: &str, class: &str) -> Markup {
    html! { a class={ "pf-v6-c-button pf-m-small " (class) } href=(href) { span class="pf-v6-c-button__text" { (text) } } }
}

/// Names and values.
pub fn facts(rows: &[(String, Markup)]) -> Markup {
    html! {
        dl class="pf-v6-c-description-list pf-m-horizontal pf-m-compact vireo-facts" {
            @for (name, value) in rows {
                div class="pf-v6-c-description-list__group" {
                    dt class="pf-v6-c-description-list__term" { span class="pf-v6-c-description-list__text" { (name) } }
                    dd class="pf-v6-c-description-list__description" { div class="pf-v6-c-description-list__text" { (value) } }
                }
            }
        }
    }
}

/// A table of a few columns.
pub fn table(label: &str, heads: &[String], rows: &[Vec<Markup>]) -> Markup {
    html! {
        div class="vireo-scroll" tabindex="0" role="region" aria-label=(label) {
            table class="pf-v6-c-table pf-m-compact pf-m-grid-md" aria-label=(label) {
                thead class="pf-v6-c-table__thead" { tr class="pf-v6-c-table__tr" { @for head in heads { th class="pf-v6-c-table__th" scope="col" { (head) } } } }
                tbody class="pf-v6-c-table__tbody" {
                    @for cells in rows {
                        tr class="pf-v6-c-table__tr" { @for (head, cell) in heads.iter().zip(cells) { td class="pf-v6-c-table__td" data-label=(head) { (cell) } } }
                    }
                }
            }
        }
    }
}

/// A moment; the browser shows it in its own zone.
pub fn time(at: Timestamp) -> Markup {
    let iso = format!("{}T{:02}:{:02}:{:02}Z", at.date(), at.hour(), at.minute(), at.second());
    html! { time datetime=(iso) { (iso.replace('T', " ").replace('Z', " UTC")) } }
}

/// Bytes for people.
pub fn bytes(n: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
    let gib = n as f64 / (1u64 << 30) as f64;
    if gib >= 1.0 { format!("{gib:.1} GiB") } else { format!("{} MiB", n >> 20) }
}

/// A file's size for people.
pub fn size(n: u64) -> String {
    match n {
        0..1024 => format!("{n} B"),
        1024..1_048_576 => format!("{} KiB", n.div_ceil(1024)),
        _ => format!("{} MiB", n.div_ceil(1 << 20)),
    }
}

/// MiB for people.
pub fn memory(mib: u64) -> String {
    match mib {
        whole if whole >= 1024 && whole.is_multiple_of(1024) => format!("{} GiB", mib / 1024),
        // To the MiB nobody wants to read so much.
        much if much >= 8192 => bytes(mib << 20),
        little => format!("{little} MiB"),
    }
}

/// A share as a bar.
pub fn bar(label: &str, percent: f64, text: &str) -> Markup {
    html! {
        div class="vireo-bar" {
            span { (label) } meter min="0" max="100" value=(format!("{percent:.0}")) aria-label=(label) {} span { (text) }
        }
    }
}

/// How far a task is.
pub fn job_progress(l: Locale, job: &JobView) -> Markup {
    let steps = job.steps.len().max(1);
    let done = job.steps.iter().filter(|s| s.status == StepStatus::Finished).count();
    let part: f64 = job
        .steps
        .iter()
        .filter(|s| s.status == StepStatus::Started)
        .filter_map(|s| s.progress)
        .map(|p| f64::from(p) / 100.0)
        .sum();
    let name = l.t(&format!("job-{}", job.kind));
    #[expect(clippy::cast_precision_loss, reason = "shown as a bar")]
    let value = done as f64 + part;
    html! { progress max=(steps) value=(format!("{value:.2}")) aria-label=(name) {} span { (name) " " (done) "/" (steps) } }
}

/// A message above a page's content.
pub fn alert(kind: &str, text: &str) -> Markup {
    html! {
        div class={ "pf-v6-c-alert pf-m-inline pf-m-" (kind) } role="alert" {
            p class="pf-v6-c-alert__title" { (text) }
        }
    }
}

/// Nothing is there; what to do next.
pub fn empty(title: &str, text: &str, action: &Markup) -> Markup {
    html! {
        div class="pf-v6-c-empty-state" {
            div class="pf-v6-c-empty-state__content" {
                h2 class="pf-v6-c-empty-state__title-text" { (title) }
                div class="pf-v6-c-empty-state__body" { (text) }
                div class="pf-v6-c-empty-state__footer" { (action) }
            }
        }
    }
}

/// The title of a page with its buttons.
pub fn heading(title: &str, beside: &Markup, actions: &Markup) -> Markup {
    html! {
        div class="vireo-heading" {
            h1 class="pf-v6-c-title pf-m-xl" { (title) }
            (beside)
            div class="vireo-actions" { (actions) }
        }
    }
}

/// A part of a page under its own title.
pub fn card(title: &str, content: &Markup) -> Markup {
    html! {
        div class="pf-v6-c-card pf-m-compact" {
            div class="pf-v6-c-card__title" { h2 class="pf-v6-c-card__title-text" { (title) } }
            div class="pf-v6-c-card__body" { (content) }
        }
    }
}

/// A text with a button that copies it.
pub fn copied(l: Locale, id: &str, text: &str) -> Markup {
    html! {
        span class="vireo-copy" {
            code id=(id) { (text) }
            button class="pf-v6-c-button pf-m-small pf-m-secondary" type="button" data-copy=(id) data-done=(l.t("copied")) hidden { (l.t("copy")) }
        }
    }
}
