//! `vireo domains`: the domains of directories from the command line, with engine-manage-domains' verbs and exit codes. Works beside a
//! running engine: it goes to the same database, and the engine notices within seconds.

mod change;
mod look;

use super::Failure;
use super::beside::Place;
use crate::engine::EngineError;
use crate::model::domain::{DirectoryTrouble, StepReport};
use crate::model::domain_draft::failed;
use crate::model::valid::{Invalid, Problem};
use crate::web::directory_words as words;
use crate::web::locale::Locale;
use clap::{Args, Subcommand};
use std::process::ExitCode;

/// Manages the domains of directories. Exit codes: 0 done, 1 failed, 2 and 3 wrong arguments, 5 the domain exists, 6 there is no such
/// domain, 8 a step of reaching it failed, 18 no password can be read, 23 no servers are found.
#[derive(Debug, Args)]
pub struct DomainsArgs {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Adds a domain; every step of reaching its directory is tried first.
    Add(change::Add),
    /// Changes a domain; what is not named stays.
    Edit(change::Edit),
    /// Removes a domain with its users, groups and their permissions.
    Delete(change::Delete),
    /// Tries every step of reaching a domain's directory.
    Validate(look::Validate),
    /// Shows the domains.
    List,
}

/// Runs one verb.
///
/// # Errors
/// There is no engine's data.
pub async fn run(args: DomainsArgs) -> Result<ExitCode, Failure> {
    let cx = args.place.open().await?;
    let done = match args.verb {
        Verb::Add(add) => add.run(&cx).await,
        Verb::Edit(edit) => edit.run(&cx).await,
        Verb::Delete(delete) => delete.run(&cx).await,
        Verb::Validate(validate) => validate.run(&cx).await,
        Verb::List => look::list(&cx).await,
    };
    let Err(error) = done else { return Ok(ExitCode::SUCCESS) };
    if let EngineError::Steps(steps) = &error {
        print_steps(steps);
    } else {
        eprintln!("vireo domains: {error}");
    }
    Ok(ExitCode::from(code(&error)))
}

/// engine-manage-domains' codes.
fn code(error: &EngineError) -> u8 {
    match error {
        EngineError::Invalid(wrong) if wrong.iter().any(|w| matches!(w.problem, Problem::Taken { .. })) => 5,
        EngineError::Invalid(wrong) if wrong.iter().all(|w| w.field == PASSWORD_FILE) => 18,
        EngineError::Invalid(_) => 3,
        EngineError::NotFound { .. } => 6,
        EngineError::Steps(steps) => failed(steps).and_then(|step| step.outcome.as_ref().err()).map_or(8, tested),
        EngineError::Directory(trouble) => tested(trouble),
        _ => 1,
    }
}

const fn tested(trouble: &DirectoryTrouble) -> u8 {
    match trouble {
        DirectoryTrouble::NoSrv { .. } | DirectoryTrouble::Dns { .. } => 23,
        _ => 8,
    }
}

/// One line for each step: what was found, or why it failed.
fn print_steps(steps: &[StepReport]) {
    for report in steps {
        let mark = if report.outcome.is_ok() { "ok    " } else { "FAILED" };
        println!("{mark} {}: {}", words::step(Locale::En, report.step), words::outcome(Locale::En, report));
    }
}

/// What a wrong source of a password is called.
const PASSWORD_FILE: &str = "password-file";

/// A password: a file's first line, the environment's, or what is typed where there is a terminal.
fn password(file: Option<&str>, variable: &str, prompt: Option<&str>) -> Result<Option<String>, EngineError> {
    let failed = |why: String| {
        let because = format!("no password can be read: {why}");
        EngineError::from(Invalid::new(PASSWORD_FILE, Problem::Other { because }))
    };
    if let Some(path) = file {
        let text = std::fs::read_to_string(path).map_err(|e| failed(format!("{path}: {e}")))?;
        return Ok(Some(text.lines().next().unwrap_or_default().to_owned()));
    }
    if let Ok(text) = std::env::var(variable) {
        return Ok(Some(text));
    }
    match prompt {
        Some(prompt) => rpassword::prompt_password(prompt)
            .map(Some)
            .map_err(|e| failed(format!("{e}; give it by --password-file or {variable} where there is no terminal"))),
        None => Ok(None),
    }
}
