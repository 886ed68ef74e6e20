//! The command line: one file per subcommand.

mod beside;
mod config;
mod demo;
mod domains;
mod engine;
mod files;
mod host;
mod names;
mod up;
mod users;

use clap::{Parser, Subcommand};
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// A virtualization manager for KVM hosts.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs engine and agent of this machine together.
    Up(up::Up),
    /// Runs the engine: portals, REST API, consoles.
    Engine(engine::EngineArgs),
    /// Runs the agent of a hypervisor.
    Host(host::HostArgs),
    /// Manages the domains of directories: IPA, Active Directory, … (what engine-manage-domains did).
    Domains(domains::DomainsArgs),
    /// Shows and changes the engine's settings (what engine-config did).
    Config(config::ConfigArgs),
    /// Manages the internal domain: users, groups, settings (what ovirt-aaa-jdbc-tool did).
    Users(users::UsersArgs),
}

/// A subcommand ended badly: what a person should read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failure(String);

impl Failure {
    /// Any error, with its causes.
    fn of(error: &(dyn std::error::Error + 'static)) -> Self {
        let mut text = error.to_string();
        let mut inner = error.source();
        while let Some(cause) = inner {
            let more = cause.to_string();
            if !text.contains(&more) {
                text = format!("{text}: {more}");
            }
            inner = cause.source();
        }
        Self(text)
    }
}

/// Runs what the command line says.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let filter = EnvFilter::try_from_env("VIREO_LOG").unwrap_or_else(|_| EnvFilter::new("warn,vireo=info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .init();
    // Whoever installed one first installed the same: this is the only one compiled in.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let done = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| Failure::of(&e))
        .and_then(|runtime| {
            runtime.block_on(async {
                match cli.command {
                    Command::Up(args) => up::run(args).await.map(|()| ExitCode::SUCCESS),
                    Command::Engine(args) => engine::run(args).await.map(|()| ExitCode::SUCCESS),
                    Command::Host(args) => host::run(args).await.map(|()| ExitCode::SUCCESS),
                    Command::Domains(args) => domains::run(args).await,
                    Command::Config(args) => config::run(args).await,
                    Command::Users(args) => users::run(args).await,
                }
            })
        });
    match done {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("vireo: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Until Ctrl-C or SIGTERM.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut term) => {
            tokio::select! {
                _ = term.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        }
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}
