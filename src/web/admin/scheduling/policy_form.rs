//! The form of a scheduling policy: which units, how heavy, with which numbers.

use super::super::vm_form::field;
use super::picked;
use crate::engine::EngineError;
use crate::model::ids::SchedulingPolicyId;
use crate::model::scheduling::{Balance, Filter, Properties, Property, SchedulingPolicy, Weight};
use crate::model::valid::{Invalid, Problem};
use crate::web::locale::Locale;
use crate::web::ui::form::{Choice, Field, Filled};
use maud::{Markup, html};
use std::collections::HashMap;

const FILTER: &str = "filter-";
const WEIGHT: &str = "weight-";
const PROPERTY: &str = "property-";

/// The engine's names of what the form shows.
pub fn shown() -> Vec<&'static str> {
    let weights = Weight::ALL.iter().map(|unit| unit.as_str());
    let properties = Property::ALL.iter().map(|property| property.as_str());
    ["name", "description", "balance"].into_iter().chain(weights).chain(properties).collect()
}

/// All fields.
pub fn fields(l: Locale, filled: &Filled) -> Markup {
    let balances: Vec<Choice> =
        Balance::ALL.iter().map(|unit| Choice::new(unit, l.t(&format!("balance-{unit}")))).collect();
    let about = |unit: &str| l.t(&format!("unit-{unit}"));
    html! {
        (field(l, "name", "name", "name").input(filled, "text"))
        (field(l, "description", "description", "description").input(filled, "text"))
        fieldset class="vireo-group" {
            legend { (l.t("filters")) }
            p class="pf-v6-c-form__helper-text" { (l.t("filters-hint")) }
            @for unit in Filter::ALL {
                @let name = format!("{FILTER}{unit}");
                (Field { l, label: unit.to_string(), name: &name, field: "", hint: about(unit.as_str()) }.check(filled))
            }
        }
        fieldset class="vireo-group" {
            legend { (l.t("weights")) }
            p class="pf-v6-c-form__helper-text" { (l.t("weights-hint")) }
            @for unit in Weight::ALL {
                @let name = format!("{WEIGHT}{unit}");
                (Field { l, label: unit.to_string(), name: &name, field: unit.as_str(), hint: about(unit.as_str()) }.input(filled, "number"))
            }
        }
        (field(l, "balancing", "balance", "balance").choose(filled, &balances))
        fieldset class="vireo-group" {
            legend { (l.t("properties")) }
            p class="pf-v6-c-form__helper-text" { (l.t("properties-hint")) }
            @for property in Property::ALL {
                @let name = format!("{PROPERTY}{property}");
                (Field { l, label: property.to_string(), name: &name, field: property.as_str(), hint: l.t(&format!("property-about-{property}")) }.input(filled, "number"))
            }
        }
    }
}

/// The form filled with a policy.
pub fn values_of(policy: &SchedulingPolicy) -> HashMap<String, String> {
    let mut values: HashMap<String, String> = [
        ("name".to_owned(), policy.name.clone()),
        ("description".to_owned(), policy.description.clone()),
        ("balance".to_owned(), policy.balance.to_string()),
    ]
    .into();
    values.extend(policy.filters.iter().map(|unit| (format!("{FILTER}{unit}"), "1".to_owned())));
    values.extend(policy.weights.iter().map(|(unit, factor)| (format!("{WEIGHT}{unit}"), factor.to_string())));
    values.extend(policy.properties.iter().map(|(key, value)| (format!("{PROPERTY}{key}"), value.to_string())));
    values
}

/// What was filled in. An empty or zero weight does not count; a number that none of the chosen units reads is left out.
///
/// # Errors
/// Something is no number, or there is no such balancer.
pub fn read(values: &HashMap<String, String>) -> Result<SchedulingPolicy, EngineError> {
    let mut wrong = Vec::new();
    let get = |name: &str| values.get(name).map(|text| text.trim()).unwrap_or_default();
    let mut number = |name: String, field: &'static str| {
        let text = get(&name);
        let parsed = text.parse::<u32>();
        if parsed.is_err() && !text.is_empty() {
            wrong.push(Invalid::new(field, Problem::NotANumber { value: text.chars().take(64).collect() }));
        }
        parsed.ok()
    };
    let weights =
        Weight::ALL.iter().filter_map(|unit| Some((*unit, number(format!("{WEIGHT}{unit}"), unit.as_str())?)));
    let weights: Vec<(Weight, u32)> = weights.filter(|(_, factor)| *factor > 0).collect();
    let numbers =
        Property::ALL.iter().filter_map(|key| Some((*key, number(format!("{PROPERTY}{key}"), key.as_str())?)));
    let properties: Properties = numbers.collect();
    let balance = get("balance").parse::<Balance>().map_err(|error| {
        wrong.push(Invalid::new("balance", Problem::NotOneOf { value: error.word, allowed: error.allowed }));
    });
    let Ok(balance) = balance else { return Err(EngineError::Invalid(wrong)) };
    if !wrong.is_empty() {
        return Err(EngineError::Invalid(wrong));
    }
    let mut policy = SchedulingPolicy {
        id: SchedulingPolicyId::fixed(0),
        name: get("name").to_owned(),
        description: get("description").to_owned(),
        locked: false,
        filters: picked::<Filter>(values, FILTER),
        weights,
        balance,
        properties,
    };
    let reads = policy.reads();
    policy.properties.retain(|key, _| reads.contains(key));
    Ok(policy)
}
