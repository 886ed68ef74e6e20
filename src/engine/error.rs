//! Why a command failed.

use crate::auth::AuthError;
use crate::db::DbError;
use crate::model::conflict::{Attempt, Away, Conflict};
use crate::model::domain::{DirectoryTrouble, StepReport};
use crate::model::domain_draft::failed;
use crate::model::host_install::SshTrouble;
use crate::model::kerberos::KerberosTrouble;
use crate::model::provider::{OpenIdRefusal, ProviderTrouble};
use crate::model::search::SearchError;
use crate::model::valid::{Invalid, Problem};
use crate::model::vm::Refusal;
use crate::store::vms::list::ListError;

/// Each variant is a sentence; `web` maps it once to status, page and fault.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// 400, with one entry per wrong field.
    #[error("{}", sentences(.0))]
    Invalid(Vec<Invalid>),
    /// 404
    #[error("there is no {kind} {id}")]
    NotFound { kind: &'static str, id: String },
    /// 409
    #[error("Cannot {what}: {because}.")]
    Refused { what: Attempt, because: Refusal },
    /// 409
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// 409: a domain, image or file that should be on a host is gone there.
    #[error("{0}")]
    NotFoundOnHost(String),
    /// 503: the host or its libvirtd cannot be reached just now.
    #[error(transparent)]
    Unavailable(#[from] Away),
    /// 503: an OpenID provider did not do what it was asked.
    #[error(transparent)]
    Provider(#[from] ProviderTrouble),
    /// 401: its answer lets nobody in.
    #[error(transparent)]
    OpenId(#[from] OpenIdRefusal),
    /// 401: a Kerberos ticket lets nobody in.
    #[error(transparent)]
    Kerberos(#[from] KerberosTrouble),
    /// 409: a directory did not do what it was asked.
    #[error(transparent)]
    Directory(#[from] DirectoryTrouble),
    /// 409: a machine was not reached or installed by SSH.
    #[error(transparent)]
    Ssh(#[from] SshTrouble),
    /// 409: the steps of reaching a directory, the last of which failed.
    #[error("{}", last_step(.0))]
    Steps(Vec<StepReport>),
    #[error(transparent)]
    Db(#[from] DbError),
    #[error("the database refused a query")]
    Query(#[from] diesel::result::Error),
    /// 500
    #[error("{0}")]
    Internal(String),
}

impl From<Invalid> for EngineError {
    fn from(one: Invalid) -> Self {
        Self::Invalid(vec![one])
    }
}

impl From<SearchError> for EngineError {
    fn from(error: SearchError) -> Self {
        Invalid::new("search", Problem::Search(error)).into()
    }
}

impl From<ListError> for EngineError {
    fn from(error: ListError) -> Self {
        match error {
            ListError::Search(error) => error.into(),
            ListError::Query(error) => error.into(),
        }
    }
}

fn sentences(all: &[Invalid]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn last_step(steps: &[StepReport]) -> String {
    let why = failed(steps).map(|step| step.outcome.as_ref().err().map_or_else(String::new, ToString::to_string));
    why.unwrap_or_default()
}
