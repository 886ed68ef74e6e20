//! Commands beside a running engine: they go to the same database, and the engine notices.

use super::{Failure, files, names};
use crate::db::Database;
use crate::engine::{Config, Cx, Engine, EngineError, Timing, bootstrap};
use crate::hosts::Pki;
use crate::model::clock::SystemClock;
use clap::Args;
use std::path::PathBuf;
use std::sync::Arc;

/// Where the engine keeps its data.
#[derive(Debug, Args)]
pub struct Place {
    /// The engine's folder.
    #[arg(long, env = "VIREO_DATA", value_name = "DIR", global = true)]
    data: Option<PathBuf>,
    /// postgres://… where the engine has one.
    #[arg(long, env = "VIREO_DATABASE", value_name = "URL", global = true)]
    database: Option<String>,
}

impl Place {
    /// An engine that does nothing by itself, on the running engine's database.
    ///
    /// # Errors
    /// There is no engine's data.
    pub async fn open(&self) -> Result<Cx, Failure> {
        let data = self.data.clone().unwrap_or_else(files::default_data_dir);
        let file = data.join("vireo.db");
        if self.database.is_none() && !file.exists() {
            let text = format!("there is no engine's data in {}; name its folder with --data", data.display());
            return Err(Failure(text));
        }
        let url = self.database.clone().unwrap_or_else(|| file.display().to_string());
        let db = tokio::task::spawn_blocking(move || Database::open(&url))
            .await
            .map_err(|e| Failure::of(&e))?
            .map_err(|e| Failure::of(&e))?;
        let no_password = || Err(EngineError::Internal("this engine was never started; start it first".to_owned()));
        let id = bootstrap::prepare(&db, &SystemClock, no_password).await.map_err(|e| Failure::of(&e))?;
        let pki = Pki::open_or_create(&data.join("pki"), &names::certificate_names()).map_err(|e| Failure::of(&e))?;
        let tls = pki.client_config().map_err(|e| Failure::of(&e))?;
        let vault = files::vault(&data)?;
        let config = Config {
            id,
            db,
            clock: Arc::new(SystemClock),
            vault,
            pki: Arc::new(pki),
            tls,
            timing: Timing::default(),
            files: data.join("files"),
            host_program: None,
        };
        Ok(Cx::root(Engine::new(config)))
    }
}
