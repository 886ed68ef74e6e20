//! `vireo users group` and `vireo users group-manage`

use crate::engine::internal::groups::{self, Member};
use crate::engine::{Cx, EngineError, users};
use crate::model::ids::EVERYONE;
use crate::model::user::INTERNAL_DOMAIN;
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Adds a group.
    Add {
        name: String,
        #[arg(long, default_value = "")]
        description: String,
    },
    /// Changes a group.
    Edit {
        name: String,
        #[arg(long)]
        new_name: Option<String>,
        #[arg(long)]
        description: Option<String>,
    },
    /// Removes a group with its permissions.
    Delete { name: String },
    /// Shows a group.
    Show { name: String },
    /// Shows all groups.
    List,
    /// Shows who is in a group.
    Members { name: String },
}

#[derive(Debug, Subcommand)]
pub enum Manage {
    /// Puts a user into a group.
    Useradd(OfUser),
    /// Takes a user out of a group.
    Userdel(OfUser),
    /// Puts a group into a group.
    Groupadd(OfGroup),
    /// Takes a group out of a group.
    Groupdel(OfGroup),
    /// Shows who is in a group.
    Show { group: String },
}

#[derive(Debug, Args)]
pub struct OfUser {
    group: String,
    #[arg(long)]
    user: String,
}

#[derive(Debug, Args)]
pub struct OfGroup {
    group: String,
    #[arg(long = "group", id = "inner")]
    inner: String,
}

/// Runs one.
///
/// # Errors
/// Invalid, no such group, or the database failed.
pub async fn run(cx: &Cx, verb: Verb) -> Result<(), EngineError> {
    match verb {
        Verb::Add { name, description } => {
            groups::add(cx, &name, &description).await?;
            println!("Added group {name}");
        }
        Verb::Edit { name, new_name, description } => {
            groups::edit(cx, &name, new_name, description).await?;
            println!("Changed group {name}");
        }
        Verb::Delete { name } => {
            groups::remove(cx, &name).await?;
            println!("Removed group {name}");
        }
        Verb::Show { name } => {
            let (group, _) = groups::get(cx, &name).await?;
            println!("Name: {}\nID: {}\nDescription: {}", group.name, group.id, group.description);
        }
        Verb::List => {
            let all = users::groups(cx).await?;
            for group in all.iter().filter(|g| g.domain == INTERNAL_DOMAIN && g.id != EVERYONE) {
                println!("{}\t{}", group.name, group.description);
            }
        }
        Verb::Members { name } => members(cx, &name).await?,
    }
    Ok(())
}

async fn members(cx: &Cx, name: &str) -> Result<(), EngineError> {
    let (_, members) = groups::get(cx, name).await?;
    members.users.iter().for_each(|user| println!("user\t{user}"));
    members.groups.iter().for_each(|group| println!("group\t{group}"));
    Ok(())
}

/// Runs one of `group-manage`.
///
/// # Errors
/// No such user or group, in there already or not, or the database failed.
pub async fn manage(cx: &Cx, verb: Manage) -> Result<(), EngineError> {
    match verb {
        Manage::Useradd(of) => groups::add_member(cx, &of.group, Member::User(of.user)).await,
        Manage::Userdel(of) => groups::remove_member(cx, &of.group, Member::User(of.user)).await,
        Manage::Groupadd(of) => groups::add_member(cx, &of.group, Member::Group(of.inner)).await,
        Manage::Groupdel(of) => groups::remove_member(cx, &of.group, Member::Group(of.inner)).await,
        Manage::Show { group } => members(cx, &group).await,
    }
}
