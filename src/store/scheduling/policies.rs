//! Scheduling policies: oVirt's own, which are in the program, and those that people made.

use crate::db::Db;
use crate::db::schema::scheduling_policy as table;
use crate::model::ids::SchedulingPolicyId;
use crate::model::scheduling::{Balance, Filter, Properties, SchedulingPolicy, Weight};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};

/// What of a policy is kept as JSON.
#[derive(Serialize, Deserialize)]
struct Units {
    filters: Vec<Filter>,
    weights: Vec<(Weight, u32)>,
    balance: Balance,
    properties: Properties,
}

impl Units {
    fn of(policy: &SchedulingPolicy) -> String {
        let units = Self {
            filters: policy.filters.clone(),
            weights: policy.weights.clone(),
            balance: policy.balance,
            properties: policy.properties.clone(),
        };
        serde_json::to_string(&units).unwrap_or_default()
    }
}

type Row = (SchedulingPolicyId, String, String, String);

/// A row that is broken is a policy that asks for nothing.
fn to_policy((id, name, description, units): Row) -> SchedulingPolicy {
    let Units { filters, weights, balance, properties } = serde_json::from_str(&units).unwrap_or(Units {
        filters: Vec::new(),
        weights: Vec::new(),
        balance: Balance::None,
        properties: Properties::new(),
    });
    SchedulingPolicy { id, name, description, locked: false, filters, weights, balance, properties }
}

/// All: oVirt's first, then by name.
pub fn all(db: &mut Db) -> QueryResult<Vec<SchedulingPolicy>> {
    let own: Vec<Row> = table::table.order(table::name).load(db)?;
    let mut all = SchedulingPolicy::predefined();
    all.extend(own.into_iter().map(to_policy));
    Ok(all)
}

/// One of them.
pub fn get(db: &mut Db, id: SchedulingPolicyId) -> QueryResult<Option<SchedulingPolicy>> {
    if let Some(known) = SchedulingPolicy::predefined().into_iter().find(|policy| policy.id == id) {
        return Ok(Some(known));
    }
    let row: Option<Row> = table::table.find(id).first(db).optional()?;
    Ok(row.map(to_policy))
}

/// Keeps a new one, or one that changed.
pub fn put(db: &mut Db, policy: &SchedulingPolicy) -> QueryResult<()> {
    let values = (
        table::id.eq(policy.id),
        table::name.eq(&policy.name),
        table::description.eq(&policy.description),
        table::units.eq(Units::of(policy)),
    );
    diesel::delete(table::table.find(policy.id)).execute(db)?;
    diesel::insert_into(table::table).values(values).execute(db).map(drop)
}

/// Removes one.
pub fn remove(db: &mut Db, id: SchedulingPolicyId) -> QueryResult<()> {
    diesel::delete(table::table.find(id)).execute(db).map(drop)
}
