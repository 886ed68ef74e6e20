//! How many VMs are in which state, and what they take.

use super::search::scope_condition;
use crate::db::Db;
use crate::db::dialect::DynamicQuery;
use crate::model::vm::VmStatus;
use crate::store::scope::Scope;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

/// The VMs in one state.
#[derive(Debug, Clone, Copy, QueryableByName)]
pub struct Tally {
    #[diesel(sql_type = Text)]
    pub status: VmStatus,
    #[diesel(sql_type = BigInt)]
    pub vms: i64,
    #[diesel(sql_type = BigInt)]
    pub vcpus: i64,
    #[diesel(sql_type = BigInt)]
    pub memory_mib: i64,
}

/// The VMs in scope by their states.
pub fn by_status(db: &mut Db, scope: &Scope) -> QueryResult<Vec<Tally>> {
    let mut query = DynamicQuery::new(
        "select r.status, count(*) as vms, cast(sum(vm.sockets * vm.cores * vm.threads) as bigint) as vcpus, \
         cast(sum(vm.memory_mib) as bigint) as memory_mib from vm join vm_run r on r.vm_id = vm.id where ",
    );
    scope_condition(&mut query, scope);
    query.push(" group by r.status");
    query.load(db)
}
