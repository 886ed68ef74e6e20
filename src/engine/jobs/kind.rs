//! What a kind of job is: its steps, how each is done and undone, and what is told when it ends.

use crate::db::Db;
use crate::engine::{Engine, EngineError};
use crate::model::event::{About, EventCode};
use crate::model::ids::{JobId, UserId};
use crate::model::job::JobKind;
use futures_util::future::BoxFuture;
use serde::{Serialize, de::DeserializeOwned};
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

/// The steps of a kind, in order of declaration: `steps! { Step { Reserve = "reserve", Launch = "launch", } }`.
macro_rules! steps { ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)+ }) => {
    $(#[$doc])*
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum $name { $($(#[$vdoc])* $variant,)+ }
    impl $crate::engine::jobs::Steps for $name {
        const ALL: &'static [Self] = &[$(Self::$variant),+];
        fn name(self) -> &'static str { match self { $(Self::$variant => $text),+ } }
    }
} }
pub(crate) use steps;

/// A kind's steps; see [`steps!`].
pub trait Steps: Copy + Send + Sync + 'static {
    /// In the order they are done; undone in the opposite order.
    const ALL: &'static [Self];
    /// Snake case; kept in the database and translated by portals (`step-…`).
    fn name(self) -> &'static str;
}

/// How a step went that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Done,
    /// Not ready yet: ask this step again after a while. What it put into the arguments is kept.
    Again(Duration),
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome<'a> {
    Finished,
    /// Everything is undone; why.
    Failed(&'a str),
}

/// Which job a step belongs to.
#[derive(Debug, Clone)]
pub struct JobContext {
    pub job: JobId,
    /// The name of what it works on.
    pub subject: String,
    /// None: the engine itself.
    pub owner: Option<UserId>,
    /// `admin@internal`; empty: the engine itself.
    pub owner_name: String,
    pub correlation_id: String,
    /// The number of the running step.
    pub step: usize,
}

impl JobContext {
    /// Who asked for the job, for an event's `About`.
    pub fn user(&self) -> Option<(UserId, String)> {
        self.owner.map(|id| (id, self.owner_name.clone()))
    }

    /// Tells an event of this job; `about.user` is filled in. Inside a write transaction.
    ///
    /// # Errors
    /// The database failed.
    pub fn tell(
        &self,
        engine: &Engine,
        db: &mut Db,
        code: EventCode,
        mut about: About,
        detail: &str,
    ) -> Result<(), EngineError> {
        if about.user.is_none() {
            about.user = self.user();
        }
        engine.record(db, code, about, detail, Some(self.job), &self.correlation_id)
    }

    /// Shows how far the running step is, in percent.
    ///
    /// # Errors
    /// The database failed.
    pub async fn progress(&self, engine: &Arc<Engine>, percent: u8) -> Result<(), EngineError> {
        let (job, step) = (self.job, self.step);
        engine
            .db
            .write(move |db| Ok::<_, EngineError>(crate::store::jobs::set_progress(db, job, step, percent)?))
            .await?;
        engine.changes.tell(crate::engine::changes::Topic::Jobs, Some(job.0));
        Ok(())
    }
}

/// One kind of job. Every step, and its undoing, may be run again after a crash in the middle of it: both are idempotent.
pub trait Kind: Send + Sync + 'static {
    const KIND: JobKind;
    /// Grows when arguments or steps change so that a job of an older program cannot be read.
    const VERSION: i32 = 1;
    /// What was asked and what the steps found out; kept after each step.
    type Args: Serialize + DeserializeOwned + Send + Sync + 'static;
    type Step: Steps;

    /// Does a step. [`EngineError::Unavailable`] is tried again for a while before it counts.
    fn run(
        engine: &Arc<Engine>,
        cx: &JobContext,
        args: &mut Self::Args,
        step: Self::Step,
    ) -> impl Future<Output = Result<Next, EngineError>> + Send;

    /// Takes back what a step did, all of it or whatever part of it there is.
    fn undo(
        engine: &Arc<Engine>,
        cx: &JobContext,
        args: &mut Self::Args,
        step: Self::Step,
    ) -> impl Future<Output = Result<(), EngineError>> + Send;

    /// The last word, in the transaction that ends the job and frees its locks: events, final states.
    ///
    /// # Errors
    /// The database failed.
    fn ended(
        engine: &Arc<Engine>,
        cx: &JobContext,
        db: &mut Db,
        args: &Self::Args,
        outcome: Outcome<'_>,
    ) -> Result<(), EngineError>;
}

/// A [`Kind`] whose types are hidden, as the runner has it: arguments are JSON, steps are numbers.
pub(super) trait AnyKind: Send + Sync {
    fn version(&self) -> i32;
    fn run<'a>(
        &'a self,
        engine: &'a Arc<Engine>,
        cx: &'a JobContext,
        args: &'a mut String,
    ) -> BoxFuture<'a, Result<Next, EngineError>>;
    fn undo<'a>(
        &'a self,
        engine: &'a Arc<Engine>,
        cx: &'a JobContext,
        args: &'a mut String,
    ) -> BoxFuture<'a, Result<(), EngineError>>;
    fn ended(
        &self,
        engine: &Arc<Engine>,
        cx: &JobContext,
        db: &mut Db,
        args: &str,
        outcome: Outcome<'_>,
    ) -> Result<(), EngineError>;
}

/// Hides a kind's types.
pub(super) struct Hidden<K>(PhantomData<K>);

impl<K> Hidden<K> {
    pub(super) const fn new() -> Self {
        Self(PhantomData)
    }
}

fn parse<K: Kind>(args: &str) -> Result<K::Args, EngineError> {
    serde_json::from_str(args).map_err(|e| EngineError::Internal(format!("the {} task cannot be read: {e}", K::KIND)))
}

pub(super) fn print<K: Kind>(args: &K::Args) -> Result<String, EngineError> {
    serde_json::to_string(args)
        .map_err(|e| EngineError::Internal(format!("the {} task cannot be written: {e}", K::KIND)))
}

fn step_of<K: Kind>(number: usize) -> Result<K::Step, EngineError> {
    let found = K::Step::ALL.get(number).copied();
    found.ok_or_else(|| EngineError::Internal(format!("a {} task has no step {number}", K::KIND)))
}

impl<K: Kind> AnyKind for Hidden<K> {
    fn version(&self) -> i32 {
        K::VERSION
    }
    fn run<'a>(
        &'a self,
        engine: &'a Arc<Engine>,
        cx: &'a JobContext,
        args: &'a mut String,
    ) -> BoxFuture<'a, Result<Next, EngineError>> {
        Box::pin(async move {
            let mut typed = parse::<K>(args)?;
            let result = K::run(engine, cx, &mut typed, step_of::<K>(cx.step)?).await;
            *args = print::<K>(&typed)?;
            result
        })
    }
    fn undo<'a>(
        &'a self,
        engine: &'a Arc<Engine>,
        cx: &'a JobContext,
        args: &'a mut String,
    ) -> BoxFuture<'a, Result<(), EngineError>> {
        Box::pin(async move {
            let mut typed = parse::<K>(args)?;
            let result = K::undo(engine, cx, &mut typed, step_of::<K>(cx.step)?).await;
            *args = print::<K>(&typed)?;
            result
        })
    }
    fn ended(
        &self,
        engine: &Arc<Engine>,
        cx: &JobContext,
        db: &mut Db,
        args: &str,
        outcome: Outcome<'_>,
    ) -> Result<(), EngineError> {
        K::ended(engine, cx, db, &parse::<K>(args)?, outcome)
    }
}
