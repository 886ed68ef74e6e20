//! The agent becomes another program: it is sent, started, and kept when it answers.

use super::job::Work;
use crate::engine::EngineError;
use crate::engine::jobs::Next;
use crate::model::conflict::Conflict;
use crate::wire::host_upgrade::{KeepProgram, Program, ProgramInfo, StartProgram, TRIAL_SECONDS};
use std::io::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio_util::io::ReaderStream;

/// The host puts the former program back by itself after its trial, and starts that; then it answers again.
const ANSWERS: time::Duration = time::Duration::seconds(TRIAL_SECONDS.cast_signed() + 60);
const CHUNK: usize = 256 << 10;

impl Work<'_> {
    /// One look at it.
    pub(super) async fn program(&mut self) -> Result<Next, EngineError> {
        let host = self.args.host;
        let sum = self.engine.hosts.program.sum().await?.clone();
        let since = self.args.switched.map(|at| self.engine.clock.now() - at);
        let info = match self.engine.call(host, &ProgramInfo {}).await {
            Ok(info) => info,
            // It starts anew.
            Err(EngineError::Unavailable(_)) if since.is_some_and(|since| since < ANSWERS) => {
                return Ok(Next::Again(self.engine.timing.look));
            }
            Err(EngineError::Unavailable(_)) if since.is_some() => {
                let seconds = ANSWERS.whole_seconds().unsigned_abs();
                return Err(Conflict::AgentAway { host: self.cx.subject.clone(), seconds }.into());
            }
            Err(error) => return Err(error),
        };
        if info.sha256 == sum.sha256 {
            self.engine.call(host, &KeepProgram { sha256: sum.sha256 }).await?;
            return Ok(Next::Done);
        }
        if !info.replaceable {
            return Ok(Next::Done);
        }
        match since {
            None => {
                self.send(&sum.sha256, sum.length).await?;
                // Kept even if the answer is lost on the way.
                self.args.switched = Some(self.engine.clock.now());
                self.engine.call(host, &StartProgram { sha256: sum.sha256 }).await?;
                Ok(Next::Again(self.engine.timing.look))
            }
            Some(since) => self.put_back(info, &sum.sha256, since),
        }
    }

    /// The former program answers: it has not gone yet, or is back.
    fn put_back(&mut self, info: Program, wanted: &str, since: time::Duration) -> Result<Next, EngineError> {
        let back = info.put_back.filter(|back| back.sha256 == wanted);
        if back.is_none() && since < ANSWERS {
            return Ok(Next::Again(self.engine.timing.look));
        }
        // An engine that was away in the meantime has only missed to say that it works.
        let watched = time::Duration::try_from(self.engine.hosts.watched_for()).unwrap_or(time::Duration::MAX);
        if watched < since {
            self.args.switched = None;
            return Ok(Next::Again(Duration::ZERO));
        }
        let because = back.map_or_else(|| "it was never started".to_owned(), |back| back.why);
        Err(Conflict::ProgramPutBack { host: self.cx.subject.clone(), because }.into())
    }

    async fn send(&self, sha256: &str, length: u64) -> Result<(), EngineError> {
        let path = self.engine.hosts.program.path();
        let file = tokio::fs::File::open(path).await;
        let file = file.map_err(|e| EngineError::Internal(format!("{}: {e}", path.display())))?;
        let sent = Arc::new(AtomicU64::new(0));
        let counted = sent.clone();
        let body = futures_util::StreamExt::inspect(ReaderStream::with_capacity(file, CHUNK), move |chunk| {
            let bytes: &Result<bytes::Bytes, Error> = chunk;
            counted.fetch_add(bytes.as_ref().map_or(0, |b| b.len() as u64), Ordering::Relaxed);
        });
        let client = self.engine.hosts.client(self.args.host)?;
        let sending = client.put_program(sha256, length, Box::pin(body));
        let watching = async {
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                let percent = sent.load(Ordering::Relaxed).saturating_mul(100) / length.max(1);
                self.progress(u8::try_from(percent).unwrap_or(100)).await;
            }
        };
        tokio::select! {
            done = sending => Ok(done?),
            never = watching => never,
        }
    }
}
