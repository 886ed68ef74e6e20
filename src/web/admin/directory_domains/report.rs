//! How a directory answered, step by step.

use crate::model::domain::StepReport;
use crate::model::domain_draft::{LastCheck, failed};
use crate::web::directory_words as words;
use crate::web::locale::Locale;
use crate::web::ui::parts;
use maud::{Markup, html};

/// Every step with what was found, or why it failed.
pub fn report(l: Locale, steps: &[StepReport]) -> Markup {
    html! {
        div class="vireo-report" role="status" aria-label=(l.t("test-result")) {
            ol class="pf-v6-c-list pf-m-plain" role="list" {
                @for report in steps {
                    @let good = report.outcome.is_ok();
                    li data-step=(report.step) data-good=(good) {
                        (parts::label(&l.t(if good { "step-good" } else { "step-bad" }), if good { "pf-m-green" } else { "pf-m-red" }))
                        div { strong { (words::step(l, report.step)) } br; (words::outcome(l, report)) }
                    }
                }
            }
        }
    }
}

/// In a word how it went when the engine looked last.
pub fn state(l: Locale, last: Option<&LastCheck>) -> Markup {
    match last.map(LastCheck::failed) {
        None => parts::label(&l.t("not-looked-yet"), ""),
        Some(None) => parts::label(&l.t("domain-usable"), "pf-m-green"),
        Some(Some(_)) => parts::label(&l.t("domain-unusable"), "pf-m-red"),
    }
}

/// Why the directory cannot be used; nothing if it can.
pub fn trouble(l: Locale, last: Option<&LastCheck>) -> Markup {
    match last.and_then(|last| failed(&last.steps)) {
        Some(step) => parts::alert("danger", &format!("{}: {}", words::step(l, step.step), words::outcome(l, step))),
        None => html! {},
    }
}
