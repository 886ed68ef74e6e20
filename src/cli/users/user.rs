//! `vireo users user`

use super::password::Source;
use crate::engine::internal::accounts::{self, Edit};
use crate::engine::internal::passwords::{self, Reset};
use crate::engine::users::{self, NewUser};
use crate::engine::{Cx, EngineError, factors};
use crate::model::clock;
use crate::model::factor::Factors;
use crate::model::page::ListQuery;
use crate::model::user::{AccountView, INTERNAL_DOMAIN};
use crate::model::valid::{Invalid, Problem};
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Adds a user; password-reset gives the password.
    Add {
        name: String,
        #[command(flatten)]
        account: Account,
    },
    /// Changes a user.
    Edit {
        name: String,
        #[arg(long)]
        new_name: Option<String>,
        #[arg(long, value_name = "TIME")]
        password_valid_to: Option<String>,
        #[command(flatten)]
        account: Account,
    },
    /// Removes a user with his permissions.
    Delete { name: String },
    /// Shows a user.
    Show { name: String },
    /// Shows all users.
    List,
    /// Lets a locked user sign in again.
    Unlock { name: String },
    /// Sets a user's password, ends his sessions, unlocks him.
    PasswordReset {
        name: String,
        /// Where it comes from: interactive:, file:PATH or env:NAME
        #[arg(long, default_value = "interactive:")]
        password: Source,
        /// Until when it is good: 2027-01-31 18:00:00Z
        #[arg(long, value_name = "TIME")]
        password_valid_to: Option<String>,
        /// The user must change it when he signs in.
        #[arg(long)]
        must_change: bool,
        /// The rules for passwords are not asked.
        #[arg(long)]
        force: bool,
    },
}

/// What `add` and `edit` have in common.
#[derive(Debug, Args)]
pub struct Account {
    /// firstName, lastName, email, department, title or description, as name=value; several times
    #[arg(long, value_name = "NAME=VALUE")]
    attribute: Vec<String>,
    /// From when he may sign in; empty: always
    #[arg(long, value_name = "TIME")]
    account_valid_from: Option<String>,
    /// Until when he may sign in; empty: for ever
    #[arg(long, value_name = "TIME")]
    account_valid_to: Option<String>,
    /// 336 × 0 or 1: a week's half hours from Sunday 00:00 UTC; empty: always
    #[arg(long, value_name = "HOURS")]
    account_login_time: Option<String>,
    /// +disabled or -disabled; -secondfactor takes codes and passkeys from who lost them
    #[arg(long, value_name = "FLAG", allow_hyphen_values = true)]
    flag: Vec<String>,
}

impl Account {
    fn edit(self) -> Result<Edit, EngineError> {
        let mut edit = Edit {
            valid_from: time("account_valid_from", self.account_valid_from)?,
            valid_to: time("account_valid_to", self.account_valid_to)?,
            login_hours: self.account_login_time.map(|hours| hours.parse()).transpose()?,
            ..Edit::default()
        };
        for attribute in self.attribute {
            let (name, value) = attribute.split_once('=').unwrap_or((&attribute, ""));
            let field = match name {
                "firstName" => &mut edit.first_name,
                "lastName" => &mut edit.last_name,
                "email" => &mut edit.email,
                "department" => &mut edit.department,
                "title" => &mut edit.title,
                "description" => &mut edit.description,
                _ => {
                    return Err(one_of(
                        "attribute",
                        name,
                        "firstName, lastName, email, department, title, description",
                    ));
                }
            };
            *field = Some(value.to_owned());
        }
        for flag in self.flag {
            edit.disabled = match flag.as_str() {
                "+disabled" => Some(true),
                "-disabled" => Some(false),
                NO_FACTORS => edit.disabled,
                _ => return Err(one_of("flag", &flag, "+disabled, -disabled, -secondfactor")),
            };
        }
        Ok(edit)
    }
}

/// Takes the second factors.
const NO_FACTORS: &str = "-secondfactor";

fn account_resets(flags: &[String]) -> bool {
    flags.iter().any(|flag| flag == NO_FACTORS)
}

fn one_of(field: &'static str, value: &str, allowed: &str) -> EngineError {
    Invalid::new(field, Problem::NotOneOf { value: value.to_owned(), allowed: allowed.to_owned() }).into()
}

fn time(field: &'static str, text: Option<String>) -> Result<Option<Option<clock::Timestamp>>, Invalid> {
    match text.as_deref() {
        None => Ok(None),
        Some("") => Ok(Some(None)),
        Some(text) => clock::parse(field, text).map(|time| Some(Some(time))),
    }
}

/// Runs one.
///
/// # Errors
/// Invalid, no such user, or the database failed.
pub async fn run(cx: &Cx, verb: Verb) -> Result<(), EngineError> {
    match verb {
        Verb::Add { name, account } => add(cx, name, account).await,
        Verb::Edit { name, new_name, password_valid_to, account } => {
            let password_valid_to = time("password_valid_to", password_valid_to)?;
            let id = accounts::by_name(cx, &name).await?;
            let reset = account_resets(&account.flag);
            let edit = Edit { user_name: new_name, password_valid_to, ..account.edit()? };
            accounts::edit(cx, id, edit).await?;
            if reset {
                factors::reset(cx, id).await?;
            }
            println!("Changed user {name}");
            Ok(())
        }
        Verb::Delete { name } => {
            users::remove(cx, accounts::by_name(cx, &name).await?).await?;
            println!("Removed user {name}");
            Ok(())
        }
        Verb::Show { name } => {
            let id = accounts::by_name(cx, &name).await?;
            show(&accounts::get(cx, id).await?, &factors::of(cx, id).await?);
            Ok(())
        }
        Verb::List => list(cx).await,
        Verb::Unlock { name } => {
            let was_locked = accounts::unlock(cx, accounts::by_name(cx, &name).await?).await?;
            println!("{} {name}", if was_locked { "Unlocked user" } else { "Was not locked: user" });
            Ok(())
        }
        Verb::PasswordReset { name, password, password_valid_to, must_change, force } => {
            let id = accounts::by_name(cx, &name).await?;
            let valid_to = time("password_valid_to", password_valid_to)?.flatten();
            let new = Reset { password: password.read()?, valid_to, must_change, force };
            passwords::reset(cx, id, new).await?;
            println!("Reset the password of user {name}");
            Ok(())
        }
    }
}

async fn add(cx: &Cx, name: String, account: Account) -> Result<(), EngineError> {
    let edit = account.edit()?;
    let id = users::add(cx, NewUser { user_name: name.clone(), ..NewUser::default() }).await?;
    if let Err(error) = accounts::edit(cx, id, edit).await {
        // Nothing half-done stays behind.
        users::remove(cx, id).await?;
        return Err(error);
    }
    println!("Added user {name}; give the password with: vireo users user password-reset {name}");
    Ok(())
}

async fn list(cx: &Cx) -> Result<(), EngineError> {
    let all = users::list(cx, &ListQuery { max: u32::MAX, ..ListQuery::default() }).await?;
    for user in all.rows.iter().filter(|u| u.domain == INTERNAL_DOMAIN) {
        let locked = user.is_locked(cx.engine.clock.now());
        let full_name = format!("{} {}", user.first_name, user.last_name);
        println!("{}\t{}\t{}", user.user_name, full_name.trim(), if locked { "locked" } else { "" });
    }
    Ok(())
}

fn show(account: &AccountView, factors: &Factors) {
    let (user, validity) = (&account.user, &account.validity);
    let time = |time: Option<clock::Timestamp>| time.map_or_else(|| "-".to_owned(), clock::show);
    for (label, value) in [
        ("Name", user.user_name.clone()),
        ("ID", user.id.to_string()),
        ("First name", user.first_name.clone()),
        ("Last name", user.last_name.clone()),
        ("Email", user.email.clone()),
        ("Department", account.department.clone()),
        ("Title", account.title.clone()),
        ("Description", account.description.clone()),
        ("Groups", account.groups.join(", ")),
        ("Disabled", validity.disabled.to_string()),
        ("Has a password", account.has_password.to_string()),
        ("Must change the password", validity.must_change_password.to_string()),
        ("Password valid to", time(validity.password_valid_to)),
        ("Account valid from", time(validity.valid_from)),
        ("Account valid to", time(validity.valid_to)),
        ("Login hours", validity.login_hours.as_str().to_owned()),
        ("Locked at", time(account.user.locked_at)),
        ("Locked until", time(validity.locked_until)),
        ("Last failure", format!("{} {}", time(account.last_failure), account.user.last_failure_ip)),
        ("Codes set up", time(factors.codes)),
        ("Recovery codes left", factors.recovery.to_string()),
        ("Passkeys", factors.passkeys.iter().map(|key| key.name.clone()).collect::<Vec<_>>().join(", ")),
        ("Last sign-in", time(user.last_sign_in)),
    ] {
        println!("{label}: {value}");
    }
}
