//! `vireo host`: the agent of a hypervisor; `vireo host join` makes this machine one.

use super::{Failure, files, interrupted};
use crate::agent::host_upgrade::guard::{self, Guard};
use crate::agent::join::{Join, examine};
use crate::agent::{self, AgentConfig, service};
use crate::model::host_install::{Found, InstallLine};
use crate::model::join::{BadToken, JoinToken};
use clap::{Args, Subcommand};
use std::ffi::OsString;
use std::io::{BufRead as _, Read as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use tokio::sync::oneshot;

/// A token has 87 characters.
const MAX_TOKEN: u64 = 256;

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
    /// Has systemd run the agent, now and after every boot; runs it in the background where there is no systemd.
    Start(ServiceArgs),
    /// Ends the agent; it does not come back by itself.
    Stop(ServiceArgs),
    /// Waits until the agent's next program works, and puts this one back otherwise. The agent starts it.
    #[command(hide = true)]
    Guard(GuardArgs),
}

#[derive(Debug, Args)]
struct GuardArgs {
    #[arg(long)]
    dir: PathBuf,
    #[arg(long)]
    program: PathBuf,
    #[arg(long)]
    sha256: String,
    #[arg(long)]
    pid: i32,
    #[arg(last = true)]
    arguments: Vec<OsString>,
}

#[derive(Debug, Args)]
struct ServiceArgs {
    #[command(flatten)]
    agent: AgentArgs,
    #[command(flatten)]
    report: ReportArgs,
}

#[derive(Debug, Args)]
struct ReportArgs {
    /// Tell what is found in lines of JSON.
    #[arg(long)]
    machine_readable: bool,
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
    /// Something else sees to this machine's packages: the engine does not upgrade them.
    #[arg(long, env = "VIREO_KEEP_PACKAGES")]
    keep_packages: bool,
}

#[derive(Debug, Args)]
struct JoinArgs {
    /// The engine's address: https://engine.example.com:8443
    engine: String,
    /// What the engine shows; good once, for a day. "-": the first line of standard input, where other users of the machine do not see it.
    // One in 64 tokens begins with a hyphen.
    #[arg(allow_hyphen_values = true)]
    token: Token,
    /// Where the engine is to call this machine; otherwise where it sees this command come from.
    #[arg(long, value_name = "NAME|IP")]
    address: Option<String>,
    /// Only get the certificate; "vireo host start" starts the agent then.
    #[arg(long)]
    no_start: bool,
    #[command(flatten)]
    agent: AgentArgs,
    #[command(flatten)]
    report: ReportArgs,
}

/// Where the token comes from.
#[derive(Debug, Clone)]
enum Token {
    Given(JoinToken),
    StandardInput,
}

impl FromStr for Token {
    type Err = BadToken;
    fn from_str(text: &str) -> Result<Self, BadToken> {
        if text == "-" { Ok(Self::StandardInput) } else { text.parse().map(Self::Given) }
    }
}

impl Token {
    fn read(self) -> Result<JoinToken, Failure> {
        let Self::Given(token) = self else {
            let mut line = String::new();
            let read = std::io::stdin().lock().take(MAX_TOKEN).read_line(&mut line);
            read.map_err(|e| Failure::of(&e))?;
            return line.parse().map_err(|e: BadToken| Failure::of(&e));
        };
        Ok(token)
    }
}

impl ReportArgs {
    fn tell(&self, found: &Found) {
        let line = InstallLine::from(found);
        if self.machine_readable {
            println!("{}", serde_json::json!(line));
        } else {
            println!("{:8} {}", if line.warning { "warning" } else { "ok" }, line.text);
        }
    }
}

/// Runs until it is told to stop.
pub async fn run(args: HostArgs) -> Result<(), Failure> {
    match args.command {
        Some(HostCommand::Join(join)) => self::join(join).await,
        Some(HostCommand::Start(args)) => {
            let data = args.agent.data.unwrap_or_else(files::default_data_dir);
            let found = service::start(&data, args.agent.listen.port()).await.map_err(|e| Failure::of(&e))?;
            args.report.tell(&found);
            Ok(())
        }
        Some(HostCommand::Stop(args)) => {
            let data = args.agent.data.unwrap_or_else(files::default_data_dir);
            service::stop(&data).await.map_err(|e| Failure::of(&e))
        }
        Some(HostCommand::Guard(GuardArgs { dir, program, sha256, pid, arguments })) => {
            let guard = Guard { dir, program, sha256, pid, arguments };
            guard::watch(&guard).await.map_err(|e| Failure::of(&e))
        }
        None => serve(args.agent).await,
    }
}

async fn join(args: JoinArgs) -> Result<(), Failure> {
    let report = args.report;
    for found in examine().map_err(|e| Failure::of(&e))? {
        report.tell(&found);
    }
    let data_dir = args.agent.data.clone().unwrap_or_else(files::default_data_dir);
    let (engine, token, address) = (args.engine, args.token.read()?, args.address);
    let join = Join { engine, token, address, port: args.agent.listen.port(), data_dir };
    let joined = join.enrol().await.map_err(|e| Failure::of(&e))?;
    report.tell(&Found::Joined { address: joined.address });
    if args.no_start {
        return Ok(());
    }
    let unit = service::install_unit(&join.data_dir, join.port).await.map_err(|e| Failure::of(&e))?;
    if let Some(found) = unit {
        report.tell(&found);
        return Ok(());
    }
    println!(
        "There is no systemd here: the agent runs as long as this command does; \"vireo host start\" runs it in the background."
    );
    serve(args.agent).await
}

async fn serve(args: AgentArgs) -> Result<(), Failure> {
    let data = args.data.unwrap_or_else(files::default_data_dir);
    service::note(&data).map_err(|e| Failure::of(&e))?;
    let config = AgentConfig {
        listen: args.listen,
        tls_dir: args.tls.unwrap_or_else(|| data.join("host-pki")),
        libvirt_uri: args.libvirt,
        data_dir: data,
        program: std::env::current_exe().ok(),
        keep_packages: args.keep_packages,
    };
    let (ready, listening) = oneshot::channel::<agent::Ready>();
    tokio::spawn(async move {
        if let Ok(ready) = listening.await {
            println!("The agent listens on {}.", ready.address);
        }
    });
    match agent::run(config, ready, interrupted()).await.map_err(|e| Failure::of(&e))? {
        None => Ok(()),
        Some(anew) => Err(Failure::of(&anew.begin())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        join: JoinArgs,
    }

    #[test]
    fn a_token_may_begin_with_a_hyphen() {
        let token = format!("-r{}.{}", "a".repeat(41), "b".repeat(43));
        let read =
            Command::try_parse_from(["join", "https://e:8443", &token, "--address", "h1", "--no-start"]).unwrap();
        assert!(matches!(read.join.token, Token::Given(given) if given.to_string() == token));
        assert_eq!((read.join.address.as_deref(), read.join.no_start), (Some("h1"), true));
        let read = Command::try_parse_from(["join", "https://e:8443", "-"]).unwrap();
        assert!(matches!(read.join.token, Token::StandardInput));
    }
}
