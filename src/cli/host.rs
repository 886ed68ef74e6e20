//! `vireo host`: the agent of a hypervisor; `vireo host join` makes this machine one.

use super::{Failure, files, interrupted};
use crate::agent::join::{Finding, Join, examine};
use crate::agent::{self, AgentConfig};
use crate::model::join::JoinToken;
use clap::{Args, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio::sync::oneshot;

/// Runs the agent of a hypervisor.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct HostArgs {
    #[command(subcommand)]
    command: Option<HostCommand>,
    #[command(flatten)]
    agent: AgentArgs,
}

#[derive(Debug, Subcommand)]
enum HostCommand {
    /// Makes this machine a host of an engine, with the command that the engine's page of the host shows.
    Join(JoinArgs),
}

#[derive(Debug, Args)]
struct AgentArgs {
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

#[derive(Debug, Args)]
struct JoinArgs {
    /// The engine's address: https://engine.example.com:8443
    engine: String,
    /// What the engine shows; good once, for a day.
    token: JoinToken,
    /// Where the engine is to call this machine; otherwise where it sees this command come from.
    #[arg(long, value_name = "NAME|IP")]
    address: Option<String>,
    #[command(flatten)]
    agent: AgentArgs,
}

/// Runs until it is told to stop.
pub async fn run(args: HostArgs) -> Result<(), Failure> {
    match args.command {
        Some(HostCommand::Join(join)) => self::join(join).await,
        None => serve(args.agent).await,
    }
}

async fn join(args: JoinArgs) -> Result<(), Failure> {
    for finding in examine().map_err(|e| Failure::of(&e))? {
        match finding {
            Finding::Good(text) => println!("ok       {text}"),
            Finding::Warning(text) => println!("warning  {text}"),
        }
    }
    let data_dir = args.agent.data.clone().unwrap_or_else(files::default_data_dir);
    let (engine, token, address) = (args.engine, args.token, args.address);
    let join = Join { engine, token, address, port: args.agent.listen.port(), data_dir };
    let joined = join.enrol().await.map_err(|e| Failure::of(&e))?;
    println!("ok       this machine is the host {} now; the engine calls it at {}", joined.name, joined.address);
    if join.install_unit().await.map_err(|e| Failure::of(&e))? {
        println!("ok       systemd runs its agent (vireo-host.service), now and after every boot");
        return Ok(());
    }
    println!(
        "There is no systemd here: the agent runs as long as this command does; start it again with \"vireo host\"."
    );
    serve(args.agent).await
}

async fn serve(args: AgentArgs) -> Result<(), Failure> {
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
