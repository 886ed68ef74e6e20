//! `vireo users`: the internal domain from the command line, with the verbs of ovirt-aaa-jdbc-tool. Works beside a running engine: it
//! goes to the same database.

mod group;
mod password;
mod settings;
mod user;

use super::Failure;
use super::beside::Place;
use crate::engine::EngineError;
use crate::model::valid::Problem;
use clap::{Args, Subcommand};
use std::process::ExitCode;

/// Manages the internal domain: users, groups, settings.
#[derive(Debug, Args)]
pub struct UsersArgs {
    #[command(flatten)]
    place: Place,
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
    let cx = args.place.open().await?;
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
