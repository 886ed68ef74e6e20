//! `vireo host`: the agent of a hypervisor.

use super::{Failure, files, interrupted};
use crate::agent::{self, AgentConfig};
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio::sync::oneshot;

/// Runs the agent of a hypervisor.
#[derive(Debug, Args)]
pub struct HostArgs {
    /// Folder for the agent's own files.
    #[arg(long, env = "VIREO_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where the engine calls the agent.
    #[arg(long, env = "VIREO_AGENT_LISTEN", value_name = "ADDR:PORT", default_value = "0.0.0.0:54321")]
    listen: SocketAddr,
    /// Folder with ca.pem, host.pem and host-key.pem that the engine made for this host.
    #[arg(long, env = "VIREO_TLS", value_name = "DIR")]
    tls: Option<PathBuf>,
    /// libvirt to drive; otherwise the system's, or an own one where there is none.
    #[arg(long, env = "VIREO_LIBVIRT", value_name = "URI")]
    libvirt: Option<String>,
}

/// Runs until it is told to stop.
pub async fn run(args: HostArgs) -> Result<(), Failure> {
    let data = args.data.unwrap_or_else(files::default_data_dir);
    let config = AgentConfig {
        listen: args.listen,
        tls_dir: args.tls.unwrap_or_else(|| data.join("host-pki")),
        libvirt_uri: args.libvirt,
        data_dir: data,
    };
    let (ready, listening) = oneshot::channel::<agent::Ready>();
    tokio::spawn(async move {
        if let Ok(ready) = listening.await {
            println!("The agent listens on {}.", ready.address);
        }
    });
    agent::run(config, ready, interrupted()).await.map_err(|e| Failure::of(&e))
}
