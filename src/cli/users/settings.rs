//! `vireo users settings`

use crate::engine::internal::settings;
use crate::engine::{Cx, EngineError};
use crate::model::valid::{Invalid, Problem};
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Shows the settings.
    Show {
        /// Only this one.
        #[arg(long)]
        name: Option<String>,
    },
    /// Changes a setting.
    Set {
        #[arg(long)]
        name: String,
        #[arg(long, allow_hyphen_values = true)]
        value: String,
    },
}

/// Runs one.
///
/// # Errors
/// There is no such setting, or the value is out of its limits.
pub async fn run(cx: &Cx, verb: Verb) -> Result<(), EngineError> {
    let (settings, only) = match verb {
        Verb::Show { name } => (settings::get(cx).await?, name),
        Verb::Set { name, value } => (settings::set(cx, vec![(name.clone(), value)]).await?, Some(name)),
    };
    let all = settings.all();
    if let Some(wanted) = &only
        && !all.iter().any(|(name, _)| name == wanted)
    {
        let allowed = all.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        return Err(Invalid::new("name", Problem::NotOneOf { value: wanted.clone(), allowed }).into());
    }
    for (name, value) in all.into_iter().filter(|(name, _)| only.as_deref().is_none_or(|wanted| wanted == *name)) {
        println!("{name}={value}");
    }
    Ok(())
}
