//! Why may somebody do something here? Every chain role ← object ← group; or what would make it possible.

use crate::auth;
use crate::db::Db;
use crate::engine::{Cx, EngineError};
use crate::model::ids::{EVERYONE, GroupId, ObjectId, PrincipalId};
use crate::model::permission::{Chain, Why};
use crate::model::role::Action;
use crate::store::permissions::{self as store, Wanted};
use crate::store::{groups, people, roles};
use std::collections::{BTreeSet, HashMap, HashSet};

/// So many ways from a person to one group are told; more explain no better.
const PATHS: usize = 5;

/// Why `principal` may do `action` to `object`, or why not. For administrators who see both.
///
/// # Errors
/// Hidden, or the database failed.
pub async fn why(cx: &Cx, principal: PrincipalId, action: Action, object: ObjectId) -> Result<Why, EngineError> {
    if !cx.actor.is_admin {
        return Err(EngineError::NotFound { kind: "user", id: principal.to_string() });
    }
    let actor = cx.actor.clone();
    cx.engine
        .db
        .read(move |db| {
            auth::see(db, &actor, object)?;
            answer(db, principal, action, object)
        })
        .await
}

fn answer(db: &mut Db, principal: PrincipalId, action: Action, object: ObjectId) -> Result<Why, EngineError> {
    let mut principals = vec![principal, EVERYONE.into()];
    principals.extend(groups::of(db, principal)?.into_iter().map(PrincipalId::from));
    principals.dedup();
    let wanted = Wanted { object: Some(object), action: Some(action), ..Wanted::default() };
    let held = store::find(db, &Wanted { principals: Some(principals.clone()), ..wanted.clone() })?;
    let mut why = Why { chains: Vec::new(), places: Vec::new(), roles: Vec::new(), groups: Vec::new() };
    if held.is_empty() {
        why.places = store::places(db, object)?;
        why.roles = roles::with_permit(db, action)?;
        let others = store::find(db, &wanted)?.into_iter().filter(|p| p.is_group).map(|p| p.principal_name);
        why.groups = others.collect::<BTreeSet<_>>().into_iter().collect();
        return Ok(why);
    }
    let ways = Ways::of(db, &principals)?;
    why.chains = held
        .into_iter()
        .map(|permission| Chain { groups: ways.to(principal, permission.principal), permission })
        .collect();
    Ok(why)
}

/// Who is in which group, among those that matter.
struct Ways {
    above: HashMap<PrincipalId, Vec<GroupId>>,
    names: HashMap<GroupId, String>,
}

impl Ways {
    fn of(db: &mut Db, principals: &[PrincipalId]) -> Result<Self, EngineError> {
        let mut above: HashMap<PrincipalId, Vec<GroupId>> = HashMap::new();
        for (member, group) in groups::edges(db, principals)? {
            above.entry(member).or_default().push(group);
        }
        let ids: Vec<GroupId> = principals.iter().map(|p| GroupId(p.0)).collect();
        Ok(Self { above, names: people::group_names(db, &ids)? })
    }

    /// The names of the groups from the one `from` is in himself up to `to`, each way by itself; none: he is it, or it is Everyone.
    fn to(&self, from: PrincipalId, to: PrincipalId) -> Vec<Vec<String>> {
        let mut found = Vec::new();
        if from != to && to != EVERYONE.into() {
            let leading = self.leading(to);
            self.walk(from, to, &leading, &mut Vec::new(), &mut found);
            found.sort_by_key(Vec::len);
        }
        found
    }

    /// All that leads to `to`, so that no dead end is walked into.
    fn leading(&self, to: PrincipalId) -> HashSet<PrincipalId> {
        let mut all = HashSet::from([to]);
        loop {
            let more = self
                .above
                .iter()
                .filter(|(m, groups)| !all.contains(*m) && groups.iter().any(|g| all.contains(&PrincipalId::from(*g))));
            let more: Vec<PrincipalId> = more.map(|(member, _)| *member).collect();
            if more.is_empty() {
                return all;
            }
            all.extend(more);
        }
    }

    fn walk(
        &self,
        at: PrincipalId,
        to: PrincipalId,
        leading: &HashSet<PrincipalId>,
        path: &mut Vec<GroupId>,
        found: &mut Vec<Vec<String>>,
    ) {
        for group in self.above.get(&at).into_iter().flatten() {
            let next = PrincipalId::from(*group);
            if found.len() >= PATHS || path.contains(group) || !leading.contains(&next) {
                continue;
            }
            path.push(*group);
            if next == to {
                found.push(path.iter().map(|g| self.names.get(g).cloned().unwrap_or_default()).collect());
            } else {
                self.walk(next, to, leading, path, found);
            }
            path.pop();
        }
    }
}
