//! Forms: fields with their errors below them, in sections.

use super::Frame;
use crate::engine::EngineError;
use crate::model::conflict::Conflict;
use crate::model::valid::{Invalid, Problem};
use crate::web::locale::Locale;
use crate::web::words;
use maud::{Markup, html};
use std::collections::HashMap;

/// What was typed, and what was wrong with it.
#[derive(Debug, Default)]
pub struct Filled {
    pub values: HashMap<String, String>,
    pub wrong: Vec<Invalid>,
}

impl Filled {
    /// What was typed, with what is wrong with it. A quota that refuses stands at the field by which it is chosen.
    ///
    /// # Errors
    /// What is no field's fault goes on.
    pub fn again(values: HashMap<String, String>, why: EngineError) -> Result<Self, EngineError> {
        let wrong = match why {
            EngineError::Invalid(wrong) => wrong,
            EngineError::Conflict(why @ (Conflict::Quota(_) | Conflict::QuotaGivesNothing { .. })) => {
                vec![Invalid::new("quota", Problem::Quota(Box::new(why)))]
            }
            other => return Err(other),
        };
        Ok(Self { values, wrong })
    }

    pub fn get(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }
    pub fn is_wrong(&self, field: &str) -> bool {
        self.wrong.iter().any(|w| w.field == field)
    }
    /// Where the person goes on: the first that is wrong.
    fn goes_on_at(&self, field: &str) -> bool {
        self.wrong.first().is_some_and(|w| w.field == field)
    }
    pub fn error(&self, l: Locale, field: &str) -> Option<String> {
        self.wrong.iter().find(|w| w.field == field).map(|w| words::at_field(l, w))
    }
    /// Errors of fields this form does not show.
    pub fn others(&self, l: Locale, shown: &[&str]) -> Vec<String> {
        self.wrong.iter().filter(|w| !shown.contains(&w.field)).map(|w| words::invalid(l, w)).collect()
    }
}

/// One of several to choose from.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    pub value: String,
    pub text: String,
    /// Fields that choosing it fills, as a JSON object; empty: none.
    pub fills: String,
}

impl Choice {
    pub fn new(value: impl ToString, text: impl ToString) -> Self {
        Self { value: value.to_string(), text: text.to_string(), fills: String::new() }
    }
}

/// A field of a form.
pub struct Field<'a> {
    pub l: Locale,
    pub label: String,
    pub name: &'a str,
    /// The engine's name of it, for its errors.
    pub field: &'a str,
    pub hint: String,
}

impl Field<'_> {
    fn around(&self, filled: &Filled, control: &Markup) -> Markup {
        let error = filled.error(self.l, self.field);
        html! {
            div class="pf-v6-c-form__group" {
                div class="pf-v6-c-form__group-label" { label class="pf-v6-c-form__label" for=(self.name) { span class="pf-v6-c-form__label-text" { (self.label) } } }
                div class="pf-v6-c-form__group-control" {
                    (control)
                    div class="pf-v6-c-form__helper-text" id={ (self.name) "-help" } {
                        @if let Some(error) = error { span class="vireo-error" { (error) } } @else { (self.hint) }
                    }
                }
            }
        }
    }

    /// One line of text, or a number, a password, a file.
    pub fn input(&self, filled: &Filled, kind: &str) -> Markup {
        let wrong = filled.is_wrong(self.field);
        let value = if kind == "password" { "" } else { filled.get(self.name) };
        let least = (kind == "number").then_some("0");
        self.around(filled, &html! {
            input class="vireo-input" type=(kind) min=[least] id=(self.name) name=(self.name) value=(value) autofocus[filled.goes_on_at(self.field)] aria-invalid=[wrong.then_some("true")] aria-describedby={ (self.name) "-help" };
        })
    }

    /// Several lines of text.
    pub fn area(&self, filled: &Filled, rows: u8) -> Markup {
        let wrong = filled.is_wrong(self.field);
        self.around(filled, &html! {
            textarea class="vireo-input" rows=(rows) id=(self.name) name=(self.name) autofocus[filled.goes_on_at(self.field)] aria-invalid=[wrong.then_some("true")] aria-describedby={ (self.name) "-help" } { (filled.get(self.name)) }
        })
    }

    /// One of several.
    pub fn select(&self, filled: &Filled, choices: &[(String, String)]) -> Markup {
        let choices: Vec<Choice> = choices.iter().map(|(value, text)| Choice::new(value, text)).collect();
        self.choose(filled, &choices)
    }

    /// One of several that may fill other fields.
    pub fn choose(&self, filled: &Filled, choices: &[Choice]) -> Markup {
        // Nothing said yet: the first.
        let (chosen, wrong) = (filled.values.get(self.name), filled.is_wrong(self.field));
        self.around(
            filled,
            &html! {
                select class="vireo-input" id=(self.name) name=(self.name) autofocus[filled.goes_on_at(self.field)] aria-invalid=[wrong.then_some("true")] aria-describedby={ (self.name) "-help" } {
                    @for c in choices { option value=(c.value) selected[Some(&c.value) == chosen] data-fill=[(!c.fills.is_empty()).then_some(&c.fills)] { (c.text) } }
                }
            },
        )
    }

    /// What stands fixed.
    pub fn fixed(&self, text: &str) -> Markup {
        html! {
            div class="pf-v6-c-form__group" {
                div class="pf-v6-c-form__group-label" { span class="pf-v6-c-form__label-text" { (self.label) } }
                div class="pf-v6-c-form__group-control" { span class="vireo-fixed" { (text) } }
            }
        }
    }

    /// Yes or no.
    pub fn check(&self, filled: &Filled) -> Markup {
        html! {
            div class="pf-v6-c-form__group" {
                div class="pf-v6-c-form__group-control" {
                    label class="vireo-check" for=(self.name) {
                        input type="checkbox" id=(self.name) name=(self.name) value="1" checked[filled.get(self.name) == "1"];
                        span { (self.label) }
                    }
                    div class="pf-v6-c-form__helper-text" { (self.hint) }
                }
            }
        }
    }
}

/// A part of a long form under its own title; a script makes a tab of it.
pub fn section(id: &str, title: &str, content: &Markup) -> Markup {
    html! {
        section class="vireo-section" id=(id) data-tab=(title) aria-labelledby={ (id) "-title" } {
            h2 class="pf-v6-c-title pf-m-lg" id={ (id) "-title" } { (title) }
            (content)
        }
    }
}

/// A part that few people need; the script shows it when it is asked for.
pub fn advanced(id: &str, title: &str, content: &Markup) -> Markup {
    html! {
        section class="vireo-section" id=(id) data-tab=(title) data-advanced aria-labelledby={ (id) "-title" } {
            h2 class="pf-v6-c-title pf-m-lg" id={ (id) "-title" } { (title) }
            (content)
        }
    }
}

/// A form with its buttons.
pub fn form(frame: &Frame, action: &str, back: &str, submit: &str, others: &[String], fields: &Markup) -> Markup {
    html! {
        form class="pf-v6-c-form pf-m-horizontal vireo-form" method="post" action=(action) novalidate {
            (frame.csrf_field())
            @for text in others { (super::parts::alert("danger", text)) }
            (fields)
            div class="vireo-actions vireo-form-actions" {
                button class="pf-v6-c-button pf-m-primary" type="submit" name="do" value="submit" { (submit) }
                a class="pf-v6-c-button pf-m-link" href=(back) { (frame.l.t("cancel")) }
            }
        }
    }
}
