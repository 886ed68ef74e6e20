//! `vireo up`: engine and agent of this machine together, over mutual TLS all the same; only consoles take a shorter way.

use super::engine::{self, EngineArgs, Running};
use super::{Failure, demo, files, interrupted, names};
use crate::agent::{self, AgentConfig, AgentError};
use crate::engine::bootstrap;
use crate::model::host::HostStatus;
use crate::model::ids::HostId;
use clap::Args;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

/// Runs engine and agent of this machine together.
#[derive(Debug, Args)]
pub struct Up {
    #[command(flatten)]
    engine: EngineArgs,
    /// Adds a template, a pool of five desktops and the user alice@internal.
    #[arg(long, env = "VIREO_DEMO")]
    demo: bool,
    /// A prebuilt demo disk (qcow2); otherwise it is built from Debian packages.
    #[arg(long, env = "VIREO_DEMO_IMAGE", value_name = "FILE")]
    demo_image: Option<PathBuf>,
    /// An ISO image that --demo adds to the storage.
    #[arg(long, env = "VIREO_DEMO_ISO", value_name = "FILE")]
    demo_iso: Option<PathBuf>,
    /// libvirt to drive; otherwise the system's, or an own one where there is none.
    #[arg(long, env = "VIREO_LIBVIRT", value_name = "URI")]
    libvirt: Option<String>,
    /// Something else sees to this machine's packages: the engine does not upgrade them.
    #[arg(long, env = "VIREO_KEEP_PACKAGES")]
    keep_packages: bool,
    /// Where this machine's agent listens.
    #[arg(long, env = "VIREO_AGENT_LISTEN", value_name = "ADDR:PORT", default_value = "127.0.0.1:54321")]
    agent_listen: SocketAddr,
}

/// Runs until it is told to stop.
pub async fn run(args: Up) -> Result<(), Failure> {
    let data = args.engine.data.clone().unwrap_or_else(files::default_data_dir);
    let _lock = files::take(&data)?;
    // libvirt and the agent need the whole path.
    let data = std::fs::canonicalize(&data).map_err(|e| Failure::of(&e))?;
    println!("Vireo keeps its data in {}.", data.display());
    let running = engine::start(&args.engine, &data).await?;
    println!(
        "Sign in at {} as admin@internal; the password is in {}.",
        running.url(),
        data.join("admin-password").display()
    );
    // One listener for all of it: a signal between two would be lost.
    let mut stop = tokio::spawn(interrupted());
    let (end_agent, agent_ends) = watch::channel(false);
    let (agent, host) = start_agent(&args, &data, &running, agent_ends).await?;
    let prepared = tokio::select! {
        prepared = prepare(&args, &data, &running, host) => prepared,
        _ = &mut stop => {
            finish(running, end_agent, agent).await;
            return Ok(());
        }
        ended = agent_ended(&end_agent) => ended,
    };
    if let Err(failure) = prepared {
        finish(running, end_agent, agent).await;
        return Err(failure);
    }
    println!("Ready: {}  (Ctrl-C ends Vireo; guests run on)", running.url());
    // It only ends by a signal.
    let _ = stop.await;
    println!("Stopping; guests run on.");
    finish(running, end_agent, agent).await;
    Ok(())
}

/// Only fires when the agent's task is gone.
async fn agent_ended(end: &watch::Sender<bool>) -> Result<(), Failure> {
    end.closed().await;
    Err(Failure("the agent ended; see the messages above".to_owned()))
}

type AgentTask = JoinHandle<Result<Option<agent::Anew>, AgentError>>;

async fn start_agent(
    args: &Up,
    data: &Path,
    running: &Running,
    mut ends: watch::Receiver<bool>,
) -> Result<(AgentTask, HostId), Failure> {
    let tls_dir = data.join("host-pki");
    let name = names::host_name();
    // Viewers reach this host by the names by which browsers reach the engine.
    let fingerprint =
        running.pki.issue_host(&tls_dir, &name, &names::certificate_names()).map_err(|e| Failure::of(&e))?;
    println!("Waiting for libvirt …");
    let config = AgentConfig {
        listen: args.agent_listen,
        tls_dir,
        libvirt_uri: args.libvirt.clone(),
        data_dir: data.to_owned(),
        program: None,
        keep_packages: args.keep_packages,
    };
    let (ready, listening) = oneshot::channel();
    let agent = tokio::spawn(async move {
        agent::run(config, ready, async move {
            // The sender is gone when the program ends without asking: then the agent ends, too.
            while !*ends.borrow_and_update() && ends.changed().await.is_ok() {}
        })
        .await
    });
    match listening.await {
        Ok(ready) => {
            let host = bootstrap::local_host(&running.engine.db, name, ready.address.port(), fingerprint).await;
            let host = host.map_err(|e| Failure::of(&e))?;
            running.engine.hosts.is_here(host, ready.displays);
            crate::engine::hosts::connect_all(&running.engine).await.map_err(|e| Failure::of(&e))?;
            Ok((agent, host))
        }
        Err(_) => match agent.await {
            Ok(Err(error)) => Err(Failure::of(&error)),
            _ => Err(Failure("the agent ended before it listened".to_owned())),
        },
    }
}

async fn prepare(args: &Up, data: &Path, running: &Running, host: HostId) -> Result<(), Failure> {
    let started = Instant::now();
    let mut told = false;
    loop {
        match bootstrap::host_status(&running.engine, host).await.map_err(|e| Failure::of(&e))? {
            Some((HostStatus::Up, _)) => break,
            Some((status, reason)) if !told && started.elapsed() > Duration::from_secs(3) => {
                told = true;
                println!("Waiting for this host to be up (it is {status}{}) …", because(&reason));
            }
            Some((status, reason)) if started.elapsed() > Duration::from_secs(120) => {
                return Err(Failure(format!("this host is {status} after two minutes{}", because(&reason))));
            }
            _ => {}
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let storage = data.join("storage");
    std::fs::create_dir_all(&storage).map_err(|e| Failure::of(&e))?;
    bootstrap::local_domain(&running.engine, host, &storage.display().to_string())
        .await
        .map_err(|e| Failure::of(&e))?;
    if args.demo {
        demo::ensure(&running.engine, data, args.demo_image.as_deref(), args.demo_iso.as_deref()).await?;
    }
    Ok(())
}

fn because(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(": {reason}") }
}

async fn finish(running: Running, end_agent: watch::Sender<bool>, agent: AgentTask) {
    running.stop().await;
    end_agent.send_replace(true);
    let _ = tokio::time::timeout(Duration::from_secs(6), agent).await;
}
