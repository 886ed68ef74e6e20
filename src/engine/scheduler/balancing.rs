//! Once a minute each cluster is looked at: broken affinity rules are mended first, then the policy's balancer has its say.

use super::balance::{self, Move, Moving};
use super::{Cluster, Need, Tie, power};
use crate::db::Db;
use crate::engine::vms::migrate::{self, Wanted};
use crate::engine::vms::state;
use crate::engine::{Engine, EngineError};
use crate::model::ids::{ClusterId, VmId};
use crate::model::scheduling::Balance;
use crate::model::vm::VmAction;
use crate::store::scheduling::affinity::{self, Groups};
use crate::store::scheduling::places;
use crate::store::vms::run;
use std::sync::Arc;

/// So many guests of a cluster are on their way at a time by the engine's own wish. (oVirt sends one a minute.)
const AT_ONCE: usize = 4;

/// Sends off what is to move.
///
/// # Errors
/// The database failed.
pub(in crate::engine) async fn keep(engine: &Arc<Engine>) -> Result<(), EngineError> {
    let clusters = engine.db.read(|db| Ok::<_, EngineError>(places::all_settings(db)?)).await?;
    for (cluster, _) in clusters {
        let inner = engine.clone();
        for planned in engine.db.read(move |db| plan(&inner, db, cluster)).await? {
            let wanted = Wanted { to: Some(planned.to), ..Wanted::default() };
            match migrate::send_away(engine, planned.vm, wanted).await {
                Ok(_) => tracing::info!(vm = %planned.vm, to = %planned.to, because = ?planned.because, "moved"),
                // Something came between plan and deed: the next round sees it.
                Err(error) => tracing::info!(vm = %planned.vm, %error, "not moved"),
            }
        }
        power::keep(engine, cluster).await?;
    }
    Ok(())
}

/// The moves of this round.
fn plan(engine: &Engine, db: &mut Db, id: ClusterId) -> Result<Vec<Move>, EngineError> {
    let mut cluster = Cluster::load(engine, db, id)?;
    let groups = affinity::groups(db, Groups::OfCluster(id))?;
    let enforced = groups.iter().any(|group| group.vms_rule.enforcing || group.hosts_rule.enforcing);
    if cluster.policy.balance == Balance::None && !enforced {
        return Ok(Vec::new());
    }
    let with_load = |guest: places::Guest| Moving { cpu_percent: engine.live.vm(guest.vm).cpu_percent, guest };
    let mut guests: Vec<Moving> = places::guests(db, id)?.into_iter().map(with_load).collect();
    let under_way = guests.iter().filter(|one| one.guest.to.is_some()).count();
    let mut moves = Vec::new();
    while under_way + moves.len() < AT_ONCE {
        let mut failed = None;
        let mut needs = |vm: VmId| match need(db, vm) {
            Ok(need) => need,
            Err(error) => {
                failed = Some(error);
                None
            }
        };
        let next = balance::mend(&cluster, &groups, &guests, &mut needs)
            .or_else(|| balance::next(&cluster, &guests, &mut needs));
        if let Some(error) = failed {
            return Err(error);
        }
        let Some(next) = next else { break };
        balance::moved(&mut cluster, &mut guests, next);
        moves.push(next);
    }
    Ok(moves)
}

/// What a guest needs elsewhere; none: it may not be moved just now.
fn need(db: &mut Db, vm: VmId) -> Result<Option<Need>, EngineError> {
    let (run, config) = (state::load(db, vm)?, migrate::config(db, vm)?);
    let may = run.status.allows(VmAction::Migrate)
        && migrate::may_leave(&config, &run, false).is_ok()
        && !run::is_locked(db, vm)?;
    let Some(from) = run.host.filter(|_| may) else { return Ok(None) };
    Need::load(db, &config, Tie::From(from, None)).map(Some)
}
