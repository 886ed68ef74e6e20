//! The page of a class: a tile for each student.

use super::address;
use crate::model::class::{ClassMay, ClassView, Student};
use crate::model::console::Entry;
use crate::model::pool::PoolView;
use crate::model::vm::VmAction;
use crate::web::ui::{Frame, parts};
use maud::{Markup, html};

/// All classes.
pub fn list(frame: &Frame, all: &[PoolView]) -> Markup {
    let l = frame.l;
    html! {
        h1 class="pf-v6-c-title pf-m-xl" { (l.t("classes")) }
        @if all.is_empty() { (parts::empty(&l.t("class-none"), &l.t("class-none-hint"), &html! {})) }
        div class="vireo-cards" {
            @for pool in all {
                article class="pf-v6-c-card" data-class=(pool.name) {
                    div class="pf-v6-c-card__title" { h2 class="pf-v6-c-card__title-text" { (pool.name) } }
                    div class="pf-v6-c-card__body" { p { (pool.description) } p { (counts(frame, pool, None)) } }
                    div class="pf-v6-c-card__footer" { (parts::link_button(&address(pool.id), &l.t("class-view"), "pf-m-primary")) }
                }
            }
        }
    }
}

fn counts(frame: &Frame, pool: &PoolView, starting: Option<u32>) -> String {
    let starting = starting.unwrap_or_default().to_string();
    let (taken, free) = (pool.assigned.to_string(), pool.free.to_string());
    frame.l.ta("class-counts", &[("taken", &taken), ("free", &free), ("starting", &starting)])
}

/// What the students are sorted by.
const SORTS: [(&str, &str); 3] = [("name", "class-sort-name"), ("vm", "class-sort-vm"), ("hand", "class-sort-hand")];

/// One class.
pub fn class(frame: &Frame, mut view: ClassView, sort: &str) -> Markup {
    match sort {
        "vm" => view.students.sort_by(|a, b| a.vm.name.cmp(&b.vm.name)),
        // Who has waited longest comes first; the others stay by name.
        "hand" => view.students.sort_by_key(|student| (student.hand.is_none(), student.hand)),
        _ => {}
    }
    let l = frame.l;
    let title = l.ta("class-of", &[("pool", &view.pool.name)]);
    let hands = view.students.iter().filter(|student| student.hand.is_some()).count();
    let base = address(view.pool.id);
    html! {
        (parts::heading(&title, &html! { span { (counts(frame, &view.pool, Some(view.starting))) } }, &actions(frame, &view)))
        @if let Some(until) = view.locked_until {
            div class="pf-v6-c-alert pf-m-inline pf-m-warning" role="status" data-locked { p class="pf-v6-c-alert__title" { (l.t("class-locked-until")) " " (parts::time(until)) } }
        }
        @if view.students.is_empty() {
            @let text = l.ta("class-empty-hint", &[("pool", &view.pool.name), ("free", &view.pool.free.to_string())]);
            (parts::empty(&l.t("class-empty"), &text, &html! {}))
        } @else {
            div class="vireo-class-bar" {
                nav class="vireo-tabs" aria-label=(l.t("class-sort")) {
                    @for (word, key) in SORTS {
                        @let current = if SORTS.iter().any(|(known, _)| *known == sort) { sort == word } else { word == "name" };
                        a href={ (base) "?sort=" (word) } aria-current=[current.then_some("true")] { (l.t(key)) }
                    }
                }
                @if hands > 0 { (parts::label(&l.ta("class-hands", &[("count", &hands.to_string())]), "pf-m-orange")) }
            }
            div class="vireo-class" { @for student in &view.students { (tile(frame, &view, student, &base)) } }
        }
    }
}

fn actions(frame: &Frame, view: &ClassView) -> Markup {
    let (l, base, may) = (frame.l, address(view.pool.id), view.may);
    html! {
        @if may.message || may.give { (parts::link_button(&format!("{base}/tell"), &l.t("class-tell"), "pf-m-primary")) }
        @if may.lock && view.locked_until.is_none() { (parts::post(frame, &format!("{base}/lock"), &l.t("class-lock-all"), "pf-m-secondary")) }
        @if may.lock && (view.locked_until.is_some() || view.students.iter().any(|s| s.locked_until.is_some())) {
            (parts::post(frame, &format!("{base}/unlock"), &l.t("class-unlock-all"), "pf-m-secondary"))
        }
        @if may.message && may.give && may.lock { (parts::link_button(&format!("{base}/confirm/end"), &l.t("class-end"), "pf-m-secondary")) }
    }
}

fn tile(frame: &Frame, view: &ClassView, student: &Student, base: &str) -> Markup {
    let (l, vm) = (frame.l, &student.vm);
    let of = format!("{base}/vms/{}", vm.id);
    let shows = vm.status.allows(VmAction::Console);
    let label = format!("{}: {}", l.t("class-watch"), student.full_name);
    html! {
        article class={ "pf-v6-c-card pf-m-compact vireo-tile " (if student.hand.is_some() { "vireo-hand" } else { "" }) } data-student=(student.holder.name) data-tile=(vm.id) {
            div class="pf-v6-c-card__title" {
                h2 class="pf-v6-c-card__title-text" { (student.full_name) }
                (parts::status(l, vm.status.as_str()))
            }
            div class="pf-v6-c-card__body" {
                @if shows {
                    a class="vireo-screen" href={ (of) "/watch" } target={ "watch-" (vm.id) } aria-label=(label) { canvas data-screen={ (of) "/screen.jpg" } {} }
                } @else { div class="vireo-screen" { canvas aria-hidden="true" {} } }
                div class="vireo-tile-facts" {
                    span { (vm.name) }
                    @if student.holder.returning { (parts::label(&l.ta("pool-returning", &[("user", "")]), "")) }
                    @if student.locked_until.is_some() || view.locked_until.is_some() { (parts::label(&l.t("class-locked"), "pf-m-purple")) }
                    @for watcher in student.watchers.iter().filter(|w| w.entry != Entry::Own) { (parts::label(&watcher.name, "pf-m-blue")) }
                }
                @if let Some(since) = student.hand {
                    div class="vireo-tile-facts" data-hand { (parts::label(&l.t("class-hand"), "pf-m-orange")) (parts::time(since))
                        (parts::post(frame, &format!("{of}/seen"), &l.t("class-hand-seen"), "pf-m-link")) }
                }
            }
            div class="pf-v6-c-card__footer" { (buttons(frame, view.may, student, base, view.locked_until.is_some())) }
        }
    }
}

fn buttons(frame: &Frame, may: ClassMay, student: &Student, base: &str, all_locked: bool) -> Markup {
    let (l, vm) = (frame.l, &student.vm);
    let of = format!("{base}/vms/{}", vm.id);
    let window = |key: &str, word: &str| {
        html! { a class="pf-v6-c-button pf-m-small pf-m-secondary" href={ (of) "/" (word) } target={ (word) "-" (vm.id) } { span class="pf-v6-c-button__text" { (l.t(key)) } } }
    };
    let shows = vm.status.allows(VmAction::Console);
    html! {
        span class="vireo-buttons" {
            @if shows { (window("class-watch", "watch")) }
            @if shows && may.help { (window("class-help", "help")) }
            @if may.message || may.give { (parts::link_button(&format!("{base}/tell?to={}", vm.id), &l.t("class-message"), "pf-m-secondary")) }
            @if may.lock && student.locked_until.is_some() { (parts::post(frame, &format!("{of}/unlock"), &l.t("class-unlock"), "pf-m-secondary")) }
            @else if may.lock && !all_locked { (parts::post(frame, &format!("{of}/lock"), &l.t("class-lock"), "pf-m-secondary")) }
            @if may.reset && vm.status.allows(VmAction::Reboot) { (parts::link_button(&format!("{of}/confirm/reset"), &l.t("class-reset"), "pf-m-secondary pf-m-danger")) }
            @if may.reset { (parts::link_button(&format!("{of}/confirm/fresh"), &l.t("class-fresh"), "pf-m-secondary pf-m-danger")) }
        }
    }
}

/// A screen that cannot be looked at by two: its pictures.
pub fn pictures(frame: &Frame, view: &ClassView, student: &Student) -> Markup {
    let (l, base) = (frame.l, address(view.pool.id));
    let of = format!("{base}/vms/{}", student.vm.id);
    let title = l.ta("class-watching", &[("name", &student.full_name)]);
    let actions = html! {
        @if view.may.help { (parts::link_button(&format!("{of}/help"), &l.t("class-help"), "pf-m-primary")) }
        (parts::link_button(&base, &l.t("class-back"), "pf-m-link"))
    };
    html! {
        (parts::heading(&title, &parts::status(l, student.vm.status.as_str()), &actions))
        p { (l.t("class-pictures")) }
        div class="vireo-screen" { canvas data-screen={ (of) "/screen.png" } role="img" aria-label=(title) {} }
    }
}
