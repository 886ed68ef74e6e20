//! Scheduling: policies, affinity groups and labels, why a VM is where it is, and what the loss of a host would mean.

mod groups;
mod labels;
mod placement;
mod policies;
mod policy_form;

pub use groups::card;
pub use placement::hosts_table;

use crate::engine::{Cx, EngineError, catalog, vms};
use crate::model::ids::{HostId, VmId};
use crate::model::valid::{Invalid, Problem};
use crate::model::vm::VmRow;
use actix_web::web;
use std::collections::HashMap;

/// All of its pages.
pub fn routes(config: &mut web::ServiceConfig) {
    config.configure(policies::routes).configure(groups::routes).configure(labels::routes).configure(placement::routes);
}

/// What was picked of a list of check boxes whose names begin so.
fn picked<T: std::str::FromStr>(values: &HashMap<String, String>, prefix: &str) -> Vec<T> {
    let on = values.iter().filter(|(_, value)| *value == "1");
    on.filter_map(|(name, _)| name.strip_prefix(prefix)?.parse().ok()).collect()
}

/// The VMs whose names stand in a text, one a line, of those that may be named.
fn named(text: &str, all: &[VmRow], wrong: &mut Vec<Invalid>) -> Vec<VmId> {
    let mut found = Vec::new();
    for name in text.split(['\n', ',']).map(str::trim).filter(|name| !name.is_empty()) {
        match all.iter().find(|vm| vm.name == name) {
            Some(vm) => found.push(vm.id),
            None => {
                wrong.push(Invalid::new("vms", Problem::NoSuch { value: name.chars().take(64).collect() }));
                break;
            }
        }
    }
    found
}

/// The VMs that the actor sees, and the hosts.
async fn things(cx: &Cx) -> Result<(Vec<VmRow>, Vec<(HostId, crate::model::ids::ClusterId, String)>), EngineError> {
    let vms = vms::list(cx, &super::details::all()).await?.rows;
    let hosts = catalog::hosts(cx, &super::details::all()).await?.rows;
    Ok((vms, hosts.into_iter().map(|host| (host.id, host.cluster, host.name)).collect()))
}

/// Names of VMs, one a line.
fn lines(ids: &[VmId], all: &[VmRow]) -> String {
    let names: Vec<&str> = all.iter().filter(|vm| ids.contains(&vm.id)).map(|vm| vm.name.as_str()).collect();
    names.join("\n")
}
