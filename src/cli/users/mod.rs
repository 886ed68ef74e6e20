//! `vireo users`: the internal domain from the command line, with the verbs of ovirt-aaa-jdbc-tool. Works beside a running engine: it
//! goes to the same database.

mod group;
mod password;
mod settings;
mod user;

use super::{Failure, files};
use crate::db::Database;
use crate::engine::{Config, Cx, Engine, EngineError, Timing, bootstrap};
use crate::hosts::Pki;
use crate::model::clock::SystemClock;
use crate::model::valid::Problem;
use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// Manages the internal domain: users, groups, settings.
#[derive(Debug, Args)]
pub struct UsersArgs {
    /// The engine's folder.
    #[arg(long, env = "VIREO_DATA", value_name = "DIR", global = true)]
    data: Option<PathBuf>,
    /// postgres://… where the engine has one.
    #[arg(long, env = "VIREO_DATABASE", value_name = "URL", global = true)]
    database: Option<String>,
    #[command(subcommand)]
    module: Module,
}

#[derive(Debug, Subcommand)]
enum Module {
    /// add, edit, delete, show, list, unlock, password-reset
    #[command(subcommand)]
    User(user::Verb),
    /// add, edit, delete, show, list, members
    #[command(subcommand)]
    Group(group::Verb),
    /// useradd, userdel, groupadd, groupdel, show
    #[command(subcommand)]
    GroupManage(group::Manage),
    /// show, set
    #[command(subcommand)]
    Settings(settings::Verb),
}

/// Runs one verb. Ends with ovirt-aaa-jdbc-tool's codes: 1 failed, 2 wrong arguments, 4 not found, 5 exists already.
///
/// # Errors
/// There is no engine's data.
pub async fn run(args: UsersArgs) -> Result<ExitCode, Failure> {
    let cx = open(&args).await?;
    let done = match args.module {
        Module::User(verb) => user::run(&cx, verb).await,
        Module::Group(verb) => group::run(&cx, verb).await,
        Module::GroupManage(verb) => group::manage(&cx, verb).await,
        Module::Settings(verb) => settings::run(&cx, verb).await,
    };
    Ok(match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vireo users: {error}");
            code(&error)
        }
    })
}

fn code(error: &EngineError) -> ExitCode {
    ExitCode::from(match error {
        EngineError::Invalid(wrong) if wrong.iter().any(|w| matches!(w.problem, Problem::Taken { .. })) => 5,
        EngineError::Invalid(_) => 2,
        EngineError::NotFound { .. } => 4,
        _ => 1,
    })
}

/// An engine that does nothing by itself, on the running engine's database.
async fn open(args: &UsersArgs) -> Result<Cx, Failure> {
    let data = args.data.clone().unwrap_or_else(files::default_data_dir);
    let file = data.join("vireo.db");
    if args.database.is_none() && !file.exists() {
        let text = format!("there is no engine's data in {}; name its folder with --data", data.display());
        return Err(Failure(text));
    }
    let url = args.database.clone().unwrap_or_else(|| file.display().to_string());
    let db = tokio::task::spawn_blocking(move || Database::open(&url))
        .await
        .map_err(|e| Failure::of(&e))?
        .map_err(|e| Failure::of(&e))?;
    let no_password = || Err(EngineError::Internal("this engine was never started; start it first".to_owned()));
    let id = bootstrap::prepare(&db, &SystemClock, no_password).await.map_err(|e| Failure::of(&e))?;
    let pki =
        Pki::open_or_create(&data.join("pki"), &super::names::certificate_names()).map_err(|e| Failure::of(&e))?;
    let tls = pki.client_config().map_err(|e| Failure::of(&e))?;
    let vault = files::vault(&data)?;
    let config = Config { id, db, clock: Arc::new(SystemClock), vault, tls, timing: Timing::default() };
    let engine = Engine::new(config);
    Ok(Cx::root(engine))
}
