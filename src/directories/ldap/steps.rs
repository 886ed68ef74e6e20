//! Reaching a directory step by step, for whoever sets it up.

use super::connection::Connection;
use super::entry::Entry;
use super::line::Line;
use super::pool::Pool;
use super::questions::{Anybody, Named, Question as _, Whole};
use super::sign_in;
use crate::model::domain::{DirectoryTrouble, Found, ServerAddress, Step, StepReport};

/// Every step up to the first that fails.
pub(super) async fn walk(pool: &Pool, user_name: Option<&str>, password: Option<&str>) -> Vec<StepReport> {
    let mut reports = Vec::new();
    // The trouble that ended it is in the last report already.
    let _ = steps(pool, user_name, password, &mut reports).await;
    reports
}

struct Ended;

async fn steps(
    pool: &Pool,
    user_name: Option<&str>,
    password: Option<&str>,
    reports: &mut Vec<StepReport>,
) -> Result<(), Ended> {
    let mut note = |step, outcome: Result<Found, DirectoryTrouble>| {
        let ended = outcome.is_err();
        reports.push(StepReport { step, outcome });
        if ended { Err(Ended) } else { Ok(()) }
    };
    let config = &pool.config;

    let servers = pool.in_time(pool.servers.in_order(config)).await;
    note(Step::FindServers, servers.clone().map(Found::Servers))?;

    let line = pool.in_time(first(pool, &servers.map_err(|_| Ended)?)).await;
    let connected = line.as_ref().map(|line| line.server.clone()).map_err(Clone::clone);
    note(Step::Connect, connected.map(|server| Found::Connected { server, transport: config.transport }))?;

    let bound = pool.in_time(Connection::on(line.map_err(|_| Ended)?, config)).await;
    let told = bound.as_ref().map(|on| Found::Bound { dn: on.bound.clone(), base_dn: on.base.clone() });
    note(Step::Bind, told.map_err(Clone::clone))?;
    let mut on = bound.map_err(|_| Ended)?;

    let entry = pool.in_time(somebody(pool, &mut on, user_name)).await;
    let told = entry.as_ref().map_err(Clone::clone).and_then(|entry| {
        let user_name = on.dialect.person(entry)?.user_name;
        Ok(Found::User { user_name, dn: entry.dn.clone() })
    });
    note(Step::FindUser, told)?;
    let entry = entry.map_err(|_| Ended)?;

    let whole = pool.in_time(Whole { provider: config.provider, entry: &entry }.put(&mut on)).await;
    let names = whole.map(|person| person.groups.into_iter().map(|group| group.name).collect());
    note(Step::ResolveGroups, names.map(Found::Groups))?;

    if let (Some(_), Some(password)) = (user_name, password) {
        let proven = sign_in::prove(pool, &entry, password).await;
        note(Step::SignIn, proven.map(|()| Found::SignedIn))?;
    }
    Ok(())
}

/// A connection to the first server that takes one; else why the last did not.
async fn first(pool: &Pool, servers: &[ServerAddress]) -> Result<Line, DirectoryTrouble> {
    let mut last =
        DirectoryTrouble::Unreachable { server: pool.config.name.clone(), why: "it has no server".to_owned() };
    for server in servers {
        match pool.line(server).await {
            Ok(line) => return Ok(line),
            Err(trouble) => last = trouble,
        }
    }
    Err(last)
}

async fn somebody(pool: &Pool, on: &mut Connection, user_name: Option<&str>) -> Result<Entry, DirectoryTrouble> {
    match user_name {
        Some(user_name) => Named { config: &pool.config, user_name }.put(on).await,
        None => Anybody.put(on).await,
    }
}
