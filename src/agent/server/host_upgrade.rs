//! Verbs of a host's upgrade.

use super::verbs::read;
use super::{Agent, Answer, json};
use crate::agent::error::refused;
use crate::agent::{host_upgrade, service};
use crate::wire::host_upgrade::*;
use crate::wire::{ErrorCode, Verb as _};
use futures_util::StreamExt as _;
use http_body_util::BodyStream;
use hyper::Request;
use hyper::body::Incoming;
use std::sync::Arc;

pub(super) async fn verb(agent: &Arc<Agent>, name: &str, body: &[u8]) -> Answer {
    let upgrades = &agent.upgrades;
    Ok(match name {
        CheckUpgrade::NAME if upgrades.keeps_packages => json(&host_upgrade::kept()),
        UpgradePackages::NAME if upgrades.keeps_packages => json(&host_upgrade::left()),
        CheckUpgrade::NAME => json(&host_upgrade::check(read(body)?).await?),
        UpgradePackages::NAME => json(&host_upgrade::upgrade(&agent.data_dir, read(body)?).await?),
        ProgramInfo::NAME => json(&upgrades.info()?),
        StartProgram::NAME => json(&upgrades.start(read(body)?).await?),
        KeepProgram::NAME => json(&upgrades.keep(&read(body)?)?),
        RestartHost::NAME => json(&service::restart_machine().await?),
        _ => return Err(refused(ErrorCode::NotFound, format!("the agent knows no verb {name:?}"))),
    })
}

/// The next program comes.
pub(super) async fn program(agent: &Arc<Agent>, sha256: &str, request: Request<Incoming>) -> Answer {
    let chunks = BodyStream::new(request.into_body())
        .filter_map(|frame| async move { frame.map(|f| f.into_data().ok()).transpose() });
    Ok(json(&agent.upgrades.receive(sha256, Box::pin(chunks)).await?))
}
