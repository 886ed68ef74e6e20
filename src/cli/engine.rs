//! `vireo engine`: portals, REST API, consoles, jobs.

use super::{Failure, files, interrupted, names};
use crate::db::Database;
use crate::engine::{Config, Engine, Timing, bootstrap};
use crate::hosts::Pki;
use crate::model::clock::SystemClock;
use crate::web;
use clap::Args;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Runs the engine: portals, REST API, consoles.
#[derive(Debug, Args)]
pub struct EngineArgs {
    /// Folder for everything the engine keeps.
    #[arg(long, env = "VIREO_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Where browsers and scripts come in (HTTPS).
    #[arg(long, env = "VIREO_LISTEN", value_name = "ADDR:PORT", default_value = "0.0.0.0:8443")]
    pub listen: SocketAddr,
    /// postgres://… instead of the SQLite file in the data folder.
    #[arg(long, env = "VIREO_DATABASE", value_name = "URL")]
    pub database: Option<String>,
    /// Where crashed hosts send that they are being dumped (UDP).
    #[arg(long, env = "VIREO_KDUMP_PORT", value_name = "PORT", default_value_t = crate::engine::hosts::kdump::PORT)]
    pub kdump_port: u16,
    /// The program that hosts are given; otherwise the engine's own.
    #[arg(long, env = "VIREO_HOST_PROGRAM", value_name = "FILE")]
    pub host_program: Option<PathBuf>,
}

/// An engine at work with its certificates.
pub struct Running {
    pub engine: Arc<Engine>,
    pub pki: Arc<Pki>,
    pub server: web::Server,
}

/// Opens everything and serves.
pub async fn start(args: &EngineArgs, data: &Path) -> Result<Running, Failure> {
    let pki =
        Arc::new(Pki::open_or_create(&data.join("pki"), &names::certificate_names()).map_err(|e| Failure::of(&e))?);
    let url = args.database.clone().unwrap_or_else(|| data.join("vireo.db").display().to_string());
    let db = tokio::task::spawn_blocking(move || Database::open(&url))
        .await
        .map_err(|e| Failure::of(&e))?
        .map_err(|e| Failure::of(&e))?;
    let clock = Arc::new(SystemClock);
    let password_file = data.join("admin-password");
    let first = || files::password(&password_file).map_err(|e| crate::engine::EngineError::Internal(e.to_string()));
    let id = bootstrap::prepare(&db, &SystemClock, first).await.map_err(|e| Failure::of(&e))?;
    let config = Config {
        id,
        db,
        clock,
        vault: files::vault(data)?,
        pki: pki.clone(),
        tls: pki.client_config().map_err(|e| Failure::of(&e))?,
        timing: Timing::from_environment(),
        files: data.join("files"),
        host_program: args.host_program.clone(),
    };
    let engine = Engine::start(config).await.map_err(|e| Failure::of(&e))?;
    // Another program may have the port; all else goes without it.
    if let Err(error) = crate::engine::hosts::kdump::listen(&engine, args.kdump_port).await {
        tracing::warn!(%error, "crashed hosts are not heard");
    }
    let portal = pki.portal_config().map_err(|e| Failure::of(&e))?;
    let ca = pki.ca_pem().map_err(|e| Failure::of(&e))?;
    let server =
        web::serve(engine.clone(), args.listen, portal, ca, names::certificate_names()).map_err(|e| Failure::of(&e))?;
    Ok(Running { engine, pki, server })
}

impl Running {
    /// Where it is reached from this machine.
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.server.address.port())
    }

    /// Ends the server, then the engine; guests run on.
    pub async fn stop(self) {
        self.server.stop().await;
        self.engine.stop();
    }
}

/// Runs until it is told to stop.
pub async fn run(args: EngineArgs) -> Result<(), Failure> {
    let data = args.data.clone().unwrap_or_else(files::default_data_dir);
    let _lock = files::take(&data)?;
    let running = start(&args, &data).await?;
    println!("Ready: {}", running.url());
    interrupted().await;
    running.stop().await;
    Ok(())
}
