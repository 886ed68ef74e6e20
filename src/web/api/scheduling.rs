//! `schedulingpolicies` with their filters, weights and balances, and `schedulingpolicyunits`.

use super::actions;
use super::answer::{body, caller, created, id, ok};
use super::document::{Element, collection};
use super::entry::BASE;
use super::input::Input;
use super::render::{object, reference};
use crate::engine::scheduler::policies;
use crate::engine::{Cx, EngineError};
use crate::model::ids::SchedulingPolicyId;
use crate::model::scheduling::{Balance, Filter, NONE, Properties, Property, SchedulingPolicy, Weight};
use crate::model::valid::{Invalid, Problem};
use actix_web::{HttpRequest, HttpResponse, web};
use uuid::Uuid;

/// Paths below `schedulingpolicies` and `schedulingpolicyunits`.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/schedulingpolicies", web::get().to(list))
        .route("/schedulingpolicies", web::post().to(add))
        .route("/schedulingpolicies/{id}", web::get().to(get))
        .route("/schedulingpolicies/{id}", web::put().to(update))
        .route("/schedulingpolicies/{id}", web::delete().to(remove))
        .route("/schedulingpolicies/{id}/{part}", web::get().to(parts))
        .route("/schedulingpolicies/{id}/{part}", web::post().to(add_part))
        .route("/schedulingpolicies/{id}/{part}/{unit}", web::get().to(part))
        .route("/schedulingpolicies/{id}/{part}/{unit}", web::delete().to(remove_part))
        .route("/schedulingpolicyunits", web::get().to(units))
        .route("/schedulingpolicyunits/{id}", web::get().to(unit));
}

const POLICY: &str = "balances default_policy description comment filters href id link locked name properties weight";

/// One of the three collections of a policy.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Filters,
    Weights,
    Balances,
}

impl Part {
    fn of(word: &str) -> Result<Self, EngineError> {
        match word {
            "filters" => Ok(Self::Filters),
            "weights" => Ok(Self::Weights),
            "balances" => Ok(Self::Balances),
            _ => Err(EngineError::NotFound { kind: "collection", id: word.chars().take(64).collect() }),
        }
    }

    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Filters => ("filters", "filter"),
            Self::Weights => ("weights", "weight"),
            Self::Balances => ("balances", "balance"),
        }
    }

    /// What a policy has of it: each unit's id with its factor or place.
    fn of_policy(self, policy: &SchedulingPolicy) -> Vec<(Uuid, Option<u32>)> {
        match self {
            Self::Filters => policy.filters.iter().map(|unit| (unit.id(), None)).collect(),
            Self::Weights => policy.weights.iter().map(|(unit, factor)| (unit.id(), Some(*factor))).collect(),
            Self::Balances => vec![(policy.balance.id(), None)],
        }
    }
}

fn properties(numbers: &Properties) -> Vec<Element> {
    let one = |(key, value): (&Property, &u32)| {
        Element::new("property").text("name", key.as_str()).text("value", value.to_string())
    };
    numbers.iter().map(one).collect()
}

/// What a body says of a policy's or a cluster's properties; none: nothing.
///
/// # Errors
/// There is no such property, or its value is no number.
pub fn read_properties(input: &Input, at: &str) -> Result<Option<Properties>, EngineError> {
    let Some(list) = input.at(at) else { return Ok(None) };
    let mut found = Properties::new();
    for one in list.all("property") {
        let name = one.text_at("name").unwrap_or_default();
        let unknown = |_| {
            let allowed = Property::ALL.iter().map(|p| p.as_str()).collect::<Vec<_>>().join(", ");
            Invalid::new("properties", Problem::NotOneOf { value: name.chars().take(64).collect(), allowed })
        };
        let property = name.parse::<Property>().map_err(unknown)?;
        if let Some(value) = one.parsed::<u32>("value", property.as_str())? {
            found.insert(property, value);
        }
    }
    Ok(Some(found))
}

fn document(policy: &SchedulingPolicy) -> Element {
    object("scheduling_policy", "schedulingpolicies", policy.id, &["filters", "weights", "balances"])
        .text("name", policy.name.as_str())
        .text("description", policy.description.as_str())
        .bool("default_policy", policy.id == NONE)
        .bool("locked", policy.locked)
        .list("properties", "property", properties(&policy.properties))
}

fn part_document(policy: SchedulingPolicyId, part: Part, (unit, factor): (Uuid, Option<u32>)) -> Element {
    let (plural, name) = part.names();
    let href = format!("{BASE}/schedulingpolicies/{policy}/{plural}/{unit}");
    let element = Element::new(name)
        .attribute("href", href)
        .attribute("id", unit)
        .child(reference("scheduling_policy", "schedulingpolicies", policy))
        .child(reference("scheduling_policy_unit", "schedulingpolicyunits", unit));
    match factor {
        Some(factor) => element.int("factor", factor),
        None => element,
    }
}

fn unit_document(unit: Uuid, name: &str, kind: &str, reads: &[Property]) -> Element {
    let numbers: Properties = reads.iter().map(|key| (*key, key.usual().unwrap_or_default())).collect();
    object("scheduling_policy_unit", "schedulingpolicyunits", unit, &[])
        .text("name", name)
        .text("type", kind)
        .bool("internal", true)
        .bool("enabled", true)
        .list("properties", "property", properties(&numbers))
}

fn all_units() -> Vec<(Uuid, Element)> {
    let filters = Filter::ALL.iter().map(|u| (u.id(), unit_document(u.id(), u.as_str(), "filter", u.properties())));
    let weights = Weight::ALL.iter().map(|u| (u.id(), unit_document(u.id(), u.as_str(), "weight", u.properties())));
    let balances =
        Balance::ALL.iter().map(|u| (u.id(), unit_document(u.id(), u.as_str(), "load_balancing", u.properties())));
    filters.chain(weights).chain(balances).collect()
}

async fn list(request: HttpRequest) -> HttpResponse {
    let result = async {
        let all = policies::list(&caller(&request).await?).await?;
        Ok(collection("scheduling_policies", "scheduling_policy", all.iter().map(document).collect()))
    };
    ok(&request, result.await)
}

async fn get(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        Ok(document(&policies::get(&cx, id("scheduling policy", &path)?).await?.0))
    };
    ok(&request, result.await)
}

/// A new one has no unit yet; oVirt's clients add them one by one.
async fn add(request: HttpRequest, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let input = body(&request, &bytes)?;
        input.only("a scheduling policy", POLICY)?;
        let new = SchedulingPolicy {
            id: SchedulingPolicyId::fixed(0),
            name: input.text_at("name").unwrap_or_default().to_owned(),
            description: input.text_at("description").unwrap_or_default().to_owned(),
            locked: false,
            filters: Vec::new(),
            weights: Vec::new(),
            balance: Balance::None,
            properties: read_properties(&input, "properties")?.unwrap_or_default(),
        };
        let made = policies::add(&cx, new).await?;
        Ok(document(&policies::get(&cx, made).await?.0))
    };
    created(&request, result.await)
}

async fn update(request: HttpRequest, path: web::Path<String>, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let input = body(&request, &bytes)?;
        input.only("a scheduling policy", POLICY)?;
        let policy = id("scheduling policy", &path)?;
        let numbers = read_properties(&input, "properties")?;
        let name = input.text_at("name").map(ToOwned::to_owned);
        let description = input.text_at("description").map(ToOwned::to_owned);
        let change = move |mut old: SchedulingPolicy| {
            old.name = name.unwrap_or(old.name);
            old.description = description.unwrap_or(old.description);
            old.properties = numbers.unwrap_or(old.properties);
            old
        };
        policies::edit(&cx, policy, change).await?;
        Ok(document(&policies::get(&cx, policy).await?.0))
    };
    ok(&request, result.await)
}

async fn remove(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        policies::remove(&cx, id("scheduling policy", &path)?).await?;
        Ok(actions::complete(None))
    };
    ok(&request, result.await)
}

async fn parts(request: HttpRequest, path: web::Path<(String, String)>) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let (policy, _) = policies::get(&cx, id("scheduling policy", &path.0)?).await?;
        let part = Part::of(&path.1)?;
        let all = part.of_policy(&policy).into_iter().map(|one| part_document(policy.id, part, one)).collect();
        let (plural, name) = part.names();
        Ok(collection(plural, name, all))
    };
    ok(&request, result.await)
}

async fn part(request: HttpRequest, path: web::Path<(String, String, String)>) -> HttpResponse {
    let result = async { found(&caller(&request).await?, &path.0, &path.1, &path.2).await };
    ok(&request, result.await)
}

async fn found(cx: &Cx, policy: &str, part: &str, unit: &str) -> Result<Element, EngineError> {
    let (policy, _) = policies::get(cx, id("scheduling policy", policy)?).await?;
    let part = Part::of(part)?;
    let unit: Uuid = id(part.names().1, unit)?;
    let found = part.of_policy(&policy).into_iter().find(|one| one.0 == unit);
    let missing = || EngineError::NotFound { kind: part.names().1, id: unit.to_string() };
    Ok(part_document(policy.id, part, found.ok_or_else(missing)?))
}

async fn add_part(request: HttpRequest, path: web::Path<(String, String)>, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let part = Part::of(&path.1)?;
        let input = body(&request, &bytes)?;
        let unit: Uuid = input
            .parsed("scheduling_policy_unit/id", "scheduling_policy_unit.id")?
            .ok_or_else(|| Invalid::new("scheduling_policy_unit.id", Problem::Missing))?;
        let factor: u32 = input.parsed("factor", "factor")?.unwrap_or(1);
        let known = match part {
            Part::Filters => Filter::by_id(unit).is_some(),
            Part::Weights => Weight::by_id(unit).is_some(),
            Part::Balances => Balance::by_id(unit).is_some(),
        };
        if !known {
            return Err(Invalid::new("scheduling_policy_unit.id", Problem::NoSuch { value: unit.to_string() }).into());
        }
        let change = move |mut policy: SchedulingPolicy| {
            match part {
                Part::Filters => policy.filters.extend(Filter::by_id(unit)),
                Part::Weights => {
                    policy.weights.retain(|(known, _)| known.id() != unit);
                    policy.weights.extend(Weight::by_id(unit).map(|weight| (weight, factor)));
                }
                Part::Balances => policy.balance = Balance::by_id(unit).unwrap_or(policy.balance),
            }
            policy
        };
        policies::edit(&cx, id("scheduling policy", &path.0)?, change).await?;
        found(&cx, &path.0, &path.1, &unit.to_string()).await
    };
    created(&request, result.await)
}

async fn remove_part(request: HttpRequest, path: web::Path<(String, String, String)>) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        found(&cx, &path.0, &path.1, &path.2).await?;
        let part = Part::of(&path.1)?;
        let unit: Uuid = id(part.names().1, &path.2)?;
        let change = move |mut policy: SchedulingPolicy| {
            match part {
                Part::Filters => policy.filters.retain(|known| known.id() != unit),
                Part::Weights => policy.weights.retain(|(known, _)| known.id() != unit),
                Part::Balances => policy.balance = Balance::None,
            }
            let reads = policy.reads();
            policy.properties.retain(|key, _| reads.contains(key));
            policy
        };
        policies::edit(&cx, id("scheduling policy", &path.0)?, change).await?;
        Ok(actions::complete(None))
    };
    ok(&request, result.await)
}

async fn units(request: HttpRequest) -> HttpResponse {
    let result = async {
        caller(&request).await?;
        let all = all_units().into_iter().map(|one| one.1).collect();
        Ok(collection("scheduling_policy_units", "scheduling_policy_unit", all))
    };
    ok(&request, result.await)
}

async fn unit(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        caller(&request).await?;
        let wanted: Uuid = id("scheduling policy unit", &path)?;
        let found = all_units().into_iter().find(|one| one.0 == wanted).map(|one| one.1);
        found.ok_or_else(|| EngineError::NotFound { kind: "scheduling policy unit", id: wanted.to_string() })
    };
    ok(&request, result.await)
}
