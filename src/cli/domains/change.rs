//! `vireo domains add`, `edit` and `delete`

use super::password;
use crate::engine::domains::{self, Trial};
use crate::engine::{Cx, EngineError};
use crate::model::domain::Transport;
use crate::model::domain_draft::Draft;
use crate::model::valid::{Invalid, Problem};
use clap::Args;
use std::io::{BufRead as _, Write as _};

/// The environment's password for searches.
const VARIABLE: &str = "VIREO_DOMAIN_PASSWORD";

/// What `add` and `edit` have in common.
#[derive(Debug, Args)]
pub struct Reach {
    /// Who searches: a user's name or a DN; empty: nobody, searches are anonymous
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// The file with the password in its first line; else VIREO_DOMAIN_PASSWORD, else it is asked for
    #[arg(long, value_name = "FILE")]
    password_file: Option<String>,
    /// The servers in their order, as host[:port],…; empty: the DNS knows them (SRV)
    #[arg(long, value_name = "SERVERS")]
    ldap_servers: Option<String>,
    /// ldaps, starttls or plain (passwords in clear)
    #[arg(long, value_name = "WAY")]
    transport: Option<String>,
    /// Certificate authorities to trust, PEM; an empty name: the system's
    #[arg(long, value_name = "FILE")]
    ca_file: Option<String>,
    /// Where to search; empty: what the server says
    #[arg(long, value_name = "DN")]
    base_dn: Option<String>,
    /// The DNS server to ask for SRV records; empty: the system's
    #[arg(long, value_name = "IP")]
    dns: Option<String>,
    /// Keeps it even if a step of reaching the directory fails.
    #[arg(long)]
    force: bool,
}

impl Reach {
    /// Puts what was named into the draft.
    fn fill(&self, draft: &mut Draft) -> Result<(), EngineError> {
        let set = |new: &Option<String>, old: &mut String| {
            if let Some(new) = new {
                new.clone_into(old);
            }
        };
        set(&self.user, &mut draft.bind_name);
        set(&self.ldap_servers, &mut draft.servers);
        set(&self.transport, &mut draft.transport);
        set(&self.base_dn, &mut draft.base_dn);
        set(&self.dns, &mut draft.dns);
        if let Some(file) = &self.ca_file {
            draft.ca_pem = if file.is_empty() { String::new() } else { pem(file)? };
        }
        if draft.transport == Transport::Plain.as_str() {
            eprintln!("Warning: plain LDAP sends every password in clear; whoever is on the way reads them.");
        }
        Ok(())
    }

    fn password(&self, ask: bool) -> Result<Option<String>, EngineError> {
        password(self.password_file.as_deref(), VARIABLE, ask.then_some("Password for searches: "))
    }
}

fn pem(file: &str) -> Result<String, EngineError> {
    std::fs::read_to_string(file)
        .map_err(|e| Invalid::new("ca-file", Problem::Other { because: format!("{file} cannot be read: {e}") }).into())
}

#[derive(Debug, Args)]
pub struct Add {
    /// The domain's name, like example.com
    #[arg(long, value_name = "NAME")]
    domain: String,
    /// IPA, ActiveDirectory, OpenLDAP or RHDS
    #[arg(long)]
    provider: String,
    #[command(flatten)]
    reach: Reach,
}

impl Add {
    pub async fn run(self, cx: &Cx) -> Result<(), EngineError> {
        let mut draft = Draft { name: self.domain, provider: self.provider, ..Draft::default() };
        self.reach.fill(&mut draft)?;
        draft.bind_password = if draft.bind_name.is_empty() { None } else { self.reach.password(true)? };
        let id = domains::add(cx, &draft, &Trial::default(), self.reach.force).await?;
        if let Some(last) = cx.engine.domains.last(id) {
            super::print_steps(&last.steps);
        }
        println!("Added domain {}", draft.name);
        Ok(())
    }
}

#[derive(Debug, Args)]
pub struct Edit {
    /// The domain's name
    #[arg(long, value_name = "NAME")]
    domain: String,
    /// IPA, ActiveDirectory, OpenLDAP or RHDS
    #[arg(long)]
    provider: Option<String>,
    #[command(flatten)]
    reach: Reach,
}

impl Edit {
    pub async fn run(self, cx: &Cx) -> Result<(), EngineError> {
        let view = domains::by_name(cx, &self.domain).await?;
        let mut draft = Draft::of(&view.config);
        if let Some(provider) = self.provider {
            draft.provider = provider;
        }
        self.reach.fill(&mut draft)?;
        draft.bind_password = self.reach.password(false)?;
        let nobody = Trial::default();
        let mut done = domains::edit(cx, view.id, view.generation, &draft, &nobody, self.reach.force).await;
        // The kept one does not fit any more, and none was given.
        if let Err(EngineError::Invalid(wrong)) = &done
            && wrong.iter().all(|w| w.field == "bind_password")
            && draft.bind_password.is_none()
        {
            draft.bind_password = self.reach.password(true)?;
            done = domains::edit(cx, view.id, view.generation, &draft, &nobody, self.reach.force).await;
        }
        done?;
        if let Some(last) = cx.engine.domains.last(view.id) {
            super::print_steps(&last.steps);
        }
        println!("Changed domain {}", view.config.name);
        Ok(())
    }
}

#[derive(Debug, Args)]
pub struct Delete {
    /// The domain's name
    #[arg(long, value_name = "NAME")]
    domain: String,
    /// Does not ask whether it is meant.
    #[arg(long)]
    force: bool,
}

impl Delete {
    pub async fn run(self, cx: &Cx) -> Result<(), EngineError> {
        let view = domains::by_name(cx, &self.domain).await?;
        let lost = domains::belongings(cx, view.id).await?;
        let said = format!(
            "{} users, {} groups and {} permissions of domain {}; {} sessions end",
            lost.users, lost.groups, lost.permissions, view.config.name, lost.sessions
        );
        if !self.force && !is_meant(&said) {
            println!("Nothing was removed");
            return Ok(());
        }
        domains::remove(cx, view.id).await?;
        println!("Removed domain {} with {said}", view.config.name);
        Ok(())
    }
}

/// Only a whole "yes" is one.
fn is_meant(lost: &str) -> bool {
    print!("This removes {lost}. Type yes to go on: ");
    let _ = std::io::stdout().flush();
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).is_ok() && answer.trim().eq_ignore_ascii_case("yes")
}
