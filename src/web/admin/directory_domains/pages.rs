//! The wizard's pages: PatternFly's wizard, whose buttons all belong to one form.

use super::report;
use super::state::{OPEN, Stage, State};
use super::wizard::Told;
use crate::model::domain::{Provider, Transport};
use crate::model::valid::Invalid;
use crate::web::directory_words as words;
use crate::web::locale::Locale;
use crate::web::ui::form::{Field, Filled};
use crate::web::ui::{Frame, parts};
use actix_web::HttpResponse;
use maud::{Markup, html};

fn title_of(l: Locale, stage: Stage) -> String {
    l.t(match stage {
        Stage::Kind => "wizard-kind",
        Stage::Servers => "wizard-servers",
        Stage::Transport => "wizard-transport",
        Stage::Bind => "wizard-bind",
        Stage::Trial => "wizard-trial",
        Stage::Review => "wizard-review",
    })
}

/// The page of a step.
pub fn show(frame: &Frame, state: &State, told: &Told) -> HttpResponse {
    let l = frame.l;
    let (title, action, back) = match state.editing {
        Some((id, _)) => {
            let back = format!("/admin/directory_domains/{id}");
            (l.ta("edit-domain", &[("name", state.get("name"))]), format!("{back}/edit"), back)
        }
        None => (l.t("new-domain"), "/admin/directory_domains/new".to_owned(), "/admin/directory_domains".to_owned()),
    };
    let filled = Filled { values: state.values.clone(), wrong: told.wrong.clone() };
    let content = html! {
        (parts::heading(&title, &html! {}, &html! {}))
        form class="pf-v6-c-wizard vireo-wizard vireo-form" method="post" action=(action) novalidate {
            (frame.csrf_field())
            (carried(state))
            // Enter goes on, not to what happens to be the first button.
            button class="pf-v6-screen-reader" type="submit" name="go" value="next" tabindex="-1" aria-hidden="true" {}
            (toggle(l, state.stage))
            div class="pf-v6-c-wizard__outer-wrap" {
                div class="pf-v6-c-wizard__inner-wrap" {
                    (nav(l, state.stage, &told.wrong))
                    div class="pf-v6-c-wizard__main" {
                        div class="pf-v6-c-wizard__main-body pf-v6-c-form" { (body(frame, state, &filled, told)) }
                    }
                }
                (footer(l, state, told, &back))
            }
        }
    };
    frame.page(&title, "", &content)
}

/// What this step does not ask.
fn carried(state: &State) -> Markup {
    let shown = state.stage.fields();
    html! {
        input type="hidden" name="stage" value=(state.stage.word());
        @if let Some((_, generation)) = state.editing { input type="hidden" name="generation" value=(generation); }
        @for name in OPEN.iter().filter(|name| !shown.contains(name)) {
            input type="hidden" name=(name) value=(state.get(name));
        }
        input type="hidden" name="bind_sealed" value=(state.bind.sealed);
        input type="hidden" name="test_sealed" value=(state.trial.sealed);
    }
}

/// Where the list of steps has no room: the one that is shown.
fn toggle(l: Locale, stage: Stage) -> Markup {
    let number = Stage::ALL.iter().position(|s| *s == stage).unwrap_or_default() + 1;
    html! {
        div class="pf-v6-c-wizard__toggle" {
            span class="pf-v6-c-wizard__toggle-list" {
                span class="pf-v6-c-wizard__toggle-list-item" {
                    span class="pf-v6-c-wizard__toggle-num" { (number) } " " (title_of(l, stage)) " (" (number) "/" (Stage::ALL.len()) ")"
                }
            }
        }
    }
}

fn nav(l: Locale, here: Stage, wrong: &[Invalid]) -> Markup {
    html! {
        nav class="pf-v6-c-wizard__nav" aria-label=(l.t("steps")) {
            ol class="pf-v6-c-wizard__nav-list" role="list" {
                @for stage in Stage::ALL {
                    @let bad = wrong.iter().any(|w| stage.fields().contains(&w.field));
                    li class="pf-v6-c-wizard__nav-item" {
                        button class=(if stage == here { "pf-v6-c-wizard__nav-link pf-m-current" } else { "pf-v6-c-wizard__nav-link" })
                            type="submit" name="go" value=(stage.word()) aria-current=[(stage == here).then_some("step")] {
                            span class="pf-v6-c-wizard__nav-link-main" { (title_of(l, stage)) @if bad { span class="vireo-error" { " !" } } }
                        }
                    }
                }
            }
        }
    }
}

fn footer(l: Locale, state: &State, told: &Told, back: &str) -> Markup {
    let button = |word: &str, text: String, class: &str| {
        html! { button class={ "pf-v6-c-button " (class) } type="submit" name="go" value=(word) { (text) } }
    };
    let last = state.stage == Stage::Review;
    let done = l.t(if state.editing.is_some() { "save" } else { "add" });
    html! {
        footer class="pf-v6-c-wizard__footer vireo-actions" {
            @if !last { (button("next", l.t("wizard-next"), "pf-m-primary")) }
            @if last && told.is_good() { (button("finish", done, "pf-m-primary")) }
            @if state.stage != Stage::Kind { (button("back", l.t("wizard-back"), "pf-m-secondary")) }
            (button("test", l.t("wizard-test"), "pf-m-secondary"))
            @if last && !told.is_good() && told.wrong.is_empty() { (button("force", l.t("wizard-force"), "pf-m-warning")) }
            a class="pf-v6-c-button pf-m-link" href=(back) { (l.t("cancel")) }
        }
    }
}

fn body(frame: &Frame, state: &State, filled: &Filled, told: &Told) -> Markup {
    let l = frame.l;
    let review = state.stage == Stage::Review;
    let shown = if review { &[] } else { state.stage.fields() };
    html! {
        h2 class="pf-v6-c-title pf-m-lg" { (title_of(l, state.stage)) }
        @if let Some(why) = &told.refused { (parts::alert("danger", why)) }
        @for text in filled.others(l, shown) { (parts::alert("danger", &text)) }
        @if state.stage != Stage::Kind && state.get("transport") == Transport::Plain.as_str() { (parts::alert("warning", &l.t("plain-warning"))) }
        (fields(l, state, filled))
        @if let Some(steps) = &told.steps { (report::report(l, steps)) }
    }
}

fn fields(l: Locale, state: &State, filled: &Filled) -> Markup {
    let field = |label: &str, name: &'static str, hint: String| Field { l, label: l.t(label), name, field: name, hint };
    match state.stage {
        Stage::Kind => {
            let all: Vec<_> = Provider::ALL.iter().map(|p| (p.to_string(), words::provider(l, *p))).collect();
            html! {
                (field("provider", "provider", String::new()).select(filled, &all))
                @if state.editing.is_some() { (field("domain-name", "name", String::new()).fixed(state.get("name"))) input type="hidden" name="name" value=(state.get("name")); }
                @else { (field("domain-name", "name", l.t("domain-name-hint")).input(filled, "text")) }
            }
        }
        Stage::Servers => html! {
            (radios(l, filled, "where", "wizard-servers", &[("srv", l.t("servers-srv")), ("list", l.t("servers-list"))]))
            (field("servers", "servers", l.t("servers-hint")).input(filled, "text"))
            (field("dns-server", "dns", l.t("dns-hint")).input(filled, "text"))
        },
        Stage::Transport => {
            let all: Vec<_> = Transport::ALL.iter().map(|t| (t.as_str(), words::transport(l, *t))).collect();
            html! {
                (radios(l, filled, "transport", "wizard-transport", &all))
                (certificate(l, filled))
            }
        }
        Stage::Bind => {
            let given = !state.bind.sealed.is_empty();
            let hint = match (given, state.editing.is_some()) {
                (true, _) => l.t("password-given"),
                (false, true) => l.t("password-kept"),
                (false, false) => String::new(),
            };
            html! {
                (field("bind-name", "bind_name", l.t("bind-name-hint")).input(filled, "text"))
                (field("password", "bind_password", hint).input(filled, "password"))
                (field("base-dn", "base_dn", l.t("base-dn-hint")).input(filled, "text"))
            }
        }
        Stage::Trial => {
            let hint = if state.trial.sealed.is_empty() { l.t("test-password-hint") } else { l.t("password-given") };
            html! {
                (field("test-user", "test_user", l.t("test-user-hint")).input(filled, "text"))
                (field("password", "test_password", hint).input(filled, "password"))
            }
        }
        Stage::Review => review(l, state),
    }
}

fn radios(l: Locale, filled: &Filled, name: &str, legend: &str, all: &[(&str, String)]) -> Markup {
    html! {
        fieldset class="vireo-group" {
            legend { (l.t(legend)) }
            @for (value, text) in all {
                label class="vireo-check" for={ (name) "-" (value) } {
                    input type="radio" id={ (name) "-" (value) } name=(name) value=(value) checked[filled.get(name) == *value];
                    span { (text) @if *value == Transport::Plain.as_str() { " – " strong { (l.t("plain-hint")) } } }
                }
            }
            @if let Some(error) = filled.error(l, name) { span class="vireo-error" { (error) } }
        }
    }
}

/// Pasted, or out of a file where scripts run.
fn certificate(l: Locale, filled: &Filled) -> Markup {
    let wrong = filled.is_wrong("ca_pem");
    html! {
        div class="pf-v6-c-form__group" {
            div class="pf-v6-c-form__group-label" { label class="pf-v6-c-form__label" for="ca_pem" { span class="pf-v6-c-form__label-text" { (l.t("ca-pem")) } } }
            div class="pf-v6-c-form__group-control" {
                textarea class="vireo-input vireo-pem" id="ca_pem" name="ca_pem" rows="8" spellcheck="false" autocomplete="off" placeholder="-----BEGIN CERTIFICATE-----"
                    aria-invalid=[wrong.then_some("true")] aria-describedby="ca_pem-help" { (filled.get("ca_pem")) }
                input type="file" hidden data-into="ca_pem" accept=".pem,.crt,.cer" aria-label=(l.t("ca-file"));
                div class="pf-v6-c-form__helper-text" id="ca_pem-help" {
                    @if let Some(error) = filled.error(l, "ca_pem") { span class="vireo-error" { (error) } } @else { (l.t("domain-ca-hint")) }
                }
            }
        }
    }
}

fn review(l: Locale, state: &State) -> Markup {
    let draft = state.draft();
    let or = |text: String, none: &str| if text.trim().is_empty() { l.t(none) } else { text };
    let provider = draft.provider.parse::<Provider>().map_or(draft.provider.clone(), |p| words::provider(l, p));
    let transport = draft.transport.parse::<Transport>().map_or(draft.transport.clone(), |t| words::transport(l, t));
    let rows = [
        ("domain-name", draft.name),
        ("provider", provider),
        ("servers", or(draft.servers, "servers-srv")),
        ("dns-server", or(draft.dns, "the-systems")),
        ("transport", transport),
        ("ca-pem", l.t(if draft.ca_pem.trim().is_empty() { "the-systems" } else { "ca-given" })),
        ("bind-name", or(draft.bind_name, "anonymous")),
        ("base-dn", or(draft.base_dn, "base-dn-told")),
        ("test-user", or(state.get("test_user").to_owned(), "none")),
    ];
    parts::facts(&rows.map(|(key, value)| (l.t(key), html! { (value) })))
}
