//! `vireo domains list` and `validate`

use super::{password, print_steps};
use crate::engine::domains::{self, Trial};
use crate::engine::{Cx, EngineError};
use crate::model::domain::Servers;
use crate::model::domain_draft::{DomainView, failed};
use crate::model::page::ListQuery;
use clap::Args;

async fn all(cx: &Cx) -> Result<Vec<DomainView>, EngineError> {
    Ok(domains::list(cx, &ListQuery { max: u32::MAX, ..ListQuery::default() }).await?.rows)
}

/// Shows the domains.
///
/// # Errors
/// The database failed.
pub async fn list(cx: &Cx) -> Result<(), EngineError> {
    for DomainView { config, .. } in all(cx).await? {
        let servers = match config.servers {
            Servers::Srv => "by DNS".to_owned(),
            Servers::List(_) => config.servers.to_string(),
        };
        println!("Domain: {}", config.name);
        println!("\tProvider: {}\n\tServers: {servers}\n\tTransport: {}", config.provider, config.transport);
        println!("\tUser name: {}", config.bind_name.as_deref().unwrap_or("none (anonymous)"));
        if let Some(base) = config.base_dn {
            println!("\tBase DN: {base}");
        }
    }
    Ok(())
}

#[derive(Debug, Args)]
pub struct Validate {
    /// Only this one
    #[arg(long, value_name = "NAME")]
    domain: Option<String>,
    /// Goes on after a domain that cannot be used.
    #[arg(long)]
    report: bool,
    /// Looks for this user, too, and for his groups
    #[arg(long, value_name = "NAME")]
    test_user: Option<String>,
    /// Signs him in with the password in the file's first line; else with VIREO_TEST_PASSWORD
    #[arg(long, value_name = "FILE", requires = "test_user")]
    test_password_file: Option<String>,
}

impl Validate {
    pub async fn run(self, cx: &Cx) -> Result<(), EngineError> {
        let trial = Trial {
            password: match self.test_user {
                Some(_) => password(self.test_password_file.as_deref(), "VIREO_TEST_PASSWORD", None)?,
                None => None,
            },
            user_name: self.test_user,
        };
        let wanted = match &self.domain {
            Some(name) => vec![domains::by_name(cx, name).await?],
            None => all(cx).await?,
        };
        let mut bad = None;
        for domain in wanted {
            let name = domain.config.name;
            println!("Domain {name}");
            let steps = domains::validate(cx, domain.id, &trial).await?;
            if failed(&steps).is_none() {
                print_steps(&steps);
                println!("Domain {name} is valid.");
                continue;
            }
            if !self.report {
                return Err(EngineError::Steps(steps));
            }
            print_steps(&steps);
            bad = failed(&steps).and_then(|step| step.outcome.clone().err());
        }
        bad.map_or(Ok(()), |trouble| Err(EngineError::Directory(trouble)))
    }
}
