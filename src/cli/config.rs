//! `vireo config`: the engine's settings from the command line, as engine-config took them. Works beside a running engine, for which they
//! hold at once.

use super::Failure;
use super::beside::Place;
use crate::engine::{Cx, EngineError, settings};
use crate::model::setting::Setting;
use crate::model::valid::{Invalid, Problem};
use clap::Args;
use std::process::ExitCode;

/// Shows and changes the engine's settings.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    #[command(flatten)]
    place: Place,
    /// Shows a setting.
    #[arg(
        short,
        long,
        value_name = "KEY",
        required_unless_present_any = ["set", "all", "list"],
        conflicts_with_all = ["set", "all", "list"]
    )]
    get: Option<String>,
    /// Changes a setting; several times: all or none.
    #[arg(short, long, value_name = "KEY=VALUE", allow_hyphen_values = true, conflicts_with_all = ["all", "list"])]
    set: Vec<String>,
    /// Shows all settings.
    #[arg(short, long, conflicts_with = "list")]
    all: bool,
    /// Shows which settings there are, what they mean and which values they take.
    #[arg(short, long)]
    list: bool,
}

/// Does what is asked for. Ends with 1 where it failed, 2 where key or value is wrong.
///
/// # Errors
/// There is no engine's data.
pub async fn run(args: ConfigArgs) -> Result<ExitCode, Failure> {
    if args.list {
        for setting in Setting::ALL {
            println!("{setting}: {} (values: {})", setting.meaning(), setting.range());
        }
        return Ok(ExitCode::SUCCESS);
    }
    let cx = args.place.open().await?;
    Ok(match change_or_show(&cx, args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vireo config: {error}");
            ExitCode::from(if matches!(error, EngineError::Invalid(_)) { 2 } else { 1 })
        }
    })
}

async fn change_or_show(cx: &Cx, args: ConfigArgs) -> Result<(), EngineError> {
    let mut changes = Vec::new();
    for change in &args.set {
        let Some((key, value)) = change.split_once('=') else {
            let because = format!("\"{change}\" is not KEY=VALUE");
            return Err(Invalid::new("set", Problem::Other { because }).into());
        };
        changes.push((settings::known(key)?, value.to_owned()));
    }
    let shown: Vec<Setting> = match &args.get {
        Some(key) => vec![settings::known(key)?],
        None if args.all => Setting::ALL.to_vec(),
        None => changes.iter().map(|(key, _)| *key).collect(),
    };
    let values = if changes.is_empty() { settings::get(cx).await? } else { settings::set(cx, changes).await? };
    for setting in shown {
        println!("{setting}: {}", values.get(setting));
    }
    Ok(())
}
