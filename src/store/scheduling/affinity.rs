//! Affinity groups and labels.

use crate::db::schema::{
    affinity_group as g, affinity_group_host as gh, affinity_group_vm as gv, affinity_label as l,
    affinity_label_host as lh, affinity_label_vm as lv, host, vm,
};
use crate::db::{Db, MultiBackend};
use crate::model::ids::{AffinityGroupId, AffinityLabelId, ClusterId, HostId, VmId};
use crate::model::scheduling::{Affinity, AffinityGroup, AffinityLabel, AffinityRule};
use crate::store::scope::{Scope, within};
use diesel::prelude::*;
use std::collections::HashSet;

type GroupRow = (AffinityGroupId, ClusterId, String, String, String, bool, String, bool);

/// Which groups are asked for.
#[derive(Debug, Clone, Copy)]
pub enum Groups {
    One(AffinityGroupId),
    OfCluster(ClusterId),
    OfVm(VmId),
}

fn rule(word: &str, enforcing: bool) -> AffinityRule {
    AffinityRule { affinity: word.parse().unwrap_or(Affinity::Disabled), enforcing }
}

/// The groups asked for with their members, by name.
pub fn groups(db: &mut Db, which: Groups) -> QueryResult<Vec<AffinityGroup>> {
    let mut query = g::table.order(g::name).into_boxed::<MultiBackend>();
    query = match which {
        Groups::One(id) => query.filter(g::id.eq(id)),
        Groups::OfCluster(cluster) => query.filter(g::cluster_id.eq(cluster)),
        Groups::OfVm(vm) => {
            let ids: Vec<AffinityGroupId> = gv::table.filter(gv::vm_id.eq(vm)).select(gv::group_id).load(db)?;
            if ids.is_empty() {
                return Ok(Vec::new());
            }
            query.filter(g::id.eq_any(ids))
        }
    };
    let rows: Vec<GroupRow> = query.load(db)?;
    let ids: Vec<AffinityGroupId> = rows.iter().map(|row| row.0).collect();
    let vms: Vec<(AffinityGroupId, VmId)> = gv::table.filter(gv::group_id.eq_any(&ids)).load(db)?;
    let hosts: Vec<(AffinityGroupId, HostId)> = gh::table.filter(gh::group_id.eq_any(&ids)).load(db)?;
    Ok(rows
        .into_iter()
        .map(|(id, cluster, name, description, vms_affinity, vms_enforcing, hosts_affinity, hosts_enforcing)| {
            AffinityGroup {
                id,
                cluster,
                name,
                description,
                vms_rule: rule(&vms_affinity, vms_enforcing),
                hosts_rule: rule(&hosts_affinity, hosts_enforcing),
                vms: vms.iter().filter(|row| row.0 == id).map(|row| row.1).collect(),
                hosts: hosts.iter().filter(|row| row.0 == id).map(|row| row.1).collect(),
            }
        })
        .collect())
}

/// All VMs and hosts of a cluster: those that its groups may have.
pub fn of_cluster(db: &mut Db, cluster: ClusterId) -> QueryResult<(HashSet<VmId>, HashSet<HostId>)> {
    let vms: Vec<VmId> = vm::table.filter(vm::cluster_id.eq(cluster)).select(vm::id).load(db)?;
    let hosts: Vec<HostId> = host::table.filter(host::cluster_id.eq(cluster)).select(host::id).load(db)?;
    Ok((vms.into_iter().collect(), hosts.into_iter().collect()))
}

/// Keeps a new group, or one that changed, with its members.
pub fn put_group(db: &mut Db, group: &AffinityGroup) -> QueryResult<()> {
    remove_group(db, group.id)?;
    diesel::insert_into(g::table)
        .values((
            (g::id.eq(group.id), g::cluster_id.eq(group.cluster)),
            (g::name.eq(&group.name), g::description.eq(&group.description)),
            (g::vms_affinity.eq(group.vms_rule.affinity.as_str()), g::vms_enforcing.eq(group.vms_rule.enforcing)),
            (
                g::hosts_affinity.eq(group.hosts_rule.affinity.as_str()),
                g::hosts_enforcing.eq(group.hosts_rule.enforcing),
            ),
        ))
        .execute(db)?;
    for vm in &group.vms {
        diesel::insert_into(gv::table).values((gv::group_id.eq(group.id), gv::vm_id.eq(vm))).execute(db)?;
    }
    for host in &group.hosts {
        diesel::insert_into(gh::table).values((gh::group_id.eq(group.id), gh::host_id.eq(host))).execute(db)?;
    }
    Ok(())
}

/// Removes a group.
pub fn remove_group(db: &mut Db, id: AffinityGroupId) -> QueryResult<()> {
    diesel::delete(gv::table.filter(gv::group_id.eq(id))).execute(db)?;
    diesel::delete(gh::table.filter(gh::group_id.eq(id))).execute(db)?;
    diesel::delete(g::table.find(id)).execute(db).map(drop)
}

/// All labels with who has them, by name.
pub fn labels(db: &mut Db) -> QueryResult<Vec<AffinityLabel>> {
    labels_with(db, &Scope::All)
}

/// All labels with those in scope that have them, by name.
pub fn labels_with(db: &mut Db, scope: &Scope) -> QueryResult<Vec<AffinityLabel>> {
    let rows: Vec<(AffinityLabelId, String)> = l::table.order(l::name).load(db)?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let vms = lv::table.into_boxed::<MultiBackend>();
    let vms: Vec<(AffinityLabelId, VmId)> = within!(vms, lv::vm_id, scope).load(db)?;
    let hosts = lh::table.into_boxed::<MultiBackend>();
    let hosts: Vec<(AffinityLabelId, HostId)> = within!(hosts, lh::host_id, scope).load(db)?;
    Ok(rows
        .into_iter()
        .map(|(id, name)| AffinityLabel {
            id,
            name,
            vms: vms.iter().filter(|row| row.0 == id).map(|row| row.1).collect(),
            hosts: hosts.iter().filter(|row| row.0 == id).map(|row| row.1).collect(),
        })
        .collect())
}

/// The labels of a VM, each with the hosts that have it.
pub fn labels_of(db: &mut Db, vm: VmId) -> QueryResult<Vec<AffinityLabel>> {
    let ids: Vec<AffinityLabelId> = lv::table.filter(lv::vm_id.eq(vm)).select(lv::label_id).load(db)?;
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    Ok(labels(db)?.into_iter().filter(|label| ids.contains(&label.id)).collect())
}

/// Keeps a new label, or one that changed, with who has it.
pub fn put_label(db: &mut Db, label: &AffinityLabel) -> QueryResult<()> {
    remove_label(db, label.id)?;
    diesel::insert_into(l::table).values((l::id.eq(label.id), l::name.eq(&label.name))).execute(db)?;
    for vm in &label.vms {
        diesel::insert_into(lv::table).values((lv::label_id.eq(label.id), lv::vm_id.eq(vm))).execute(db)?;
    }
    for host in &label.hosts {
        diesel::insert_into(lh::table).values((lh::label_id.eq(label.id), lh::host_id.eq(host))).execute(db)?;
    }
    Ok(())
}

/// Removes a label.
pub fn remove_label(db: &mut Db, id: AffinityLabelId) -> QueryResult<()> {
    diesel::delete(lv::table.filter(lv::label_id.eq(id))).execute(db)?;
    diesel::delete(lh::table.filter(lh::label_id.eq(id))).execute(db)?;
    diesel::delete(l::table.find(id)).execute(db).map(drop)
}
