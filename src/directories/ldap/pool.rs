//! Searching connections that wait for the next question, and the way from one server to the next.

use super::connection::Connection;
use super::line::{Answer, Line};
use super::questions::Question;
use super::servers::Known;
use super::{Patience, tls};
use crate::model::clock::Clock;
use crate::model::domain::{DirectoryConfig, DirectoryTrouble, ServerAddress};
use rustls::ClientConfig;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// Connections at once.
const MOST: usize = 4;
/// People who sign in at once; a directory is not stormed.
const MOST_BINDS: usize = 16;
/// A connection is not kept for longer: a changed bind user or a returned server is noticed.
const LONGEST: Duration = Duration::from_secs(600);

/// All that a domain's directory has.
#[derive(Debug)]
pub(super) struct Pool {
    pub config: DirectoryConfig,
    pub clock: Arc<dyn Clock>,
    pub servers: Known,
    patience: Patience,
    tls: Arc<ClientConfig>,
    idle: Mutex<Vec<(Connection, Instant)>>,
    slots: Semaphore,
    binds: Semaphore,
}

impl Pool {
    pub(super) fn new(
        config: DirectoryConfig,
        patience: Patience,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, DirectoryTrouble> {
        let tls = tls::client(config.ca_pem.as_deref())?;
        let (idle, slots, binds) = (Mutex::default(), Semaphore::new(MOST), Semaphore::new(MOST_BINDS));
        Ok(Self { config, clock, servers: Known::default(), patience, tls, idle, slots, binds })
    }

    /// Puts a question to the domain: on a waiting connection, else to one server after the other until one answers.
    pub(super) async fn ask<Q: Question>(&self, question: &Q) -> Result<Q::Answer, DirectoryTrouble> {
        let whole = async {
            let _slot = self.slots.acquire().await;
            match self.on_a_waiting_one(question).await {
                Some(answer) => answer,
                None => self.on_a_fresh_one(question).await,
            }
        };
        self.in_time(whole).await
    }

    /// Whatever it is, it must end.
    pub(super) async fn in_time<T>(
        &self,
        whole: impl Future<Output = Result<T, DirectoryTrouble>>,
    ) -> Result<T, DirectoryTrouble> {
        tokio::time::timeout(self.patience.whole, whole).await.unwrap_or_else(|_| {
            let seconds = self.patience.whole.as_secs();
            Err(DirectoryTrouble::Slow { server: self.config.name.clone(), seconds })
        })
    }

    /// None: none waits, or it died while it waited.
    async fn on_a_waiting_one<Q: Question>(&self, question: &Q) -> Option<Result<Q::Answer, DirectoryTrouble>> {
        let (mut connection, since) = self.take()?;
        match question.put(&mut connection).await {
            Err(trouble) if concerns_server(&trouble) => {
                // The others were opened to the same server.
                self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
                None
            }
            answer => {
                self.put_back(connection, since);
                Some(answer)
            }
        }
    }

    async fn on_a_fresh_one<Q: Question>(&self, question: &Q) -> Result<Q::Answer, DirectoryTrouble> {
        let mut last = None;
        for server in self.servers.in_order(&self.config).await? {
            let asked = async {
                let mut connection = Connection::on(self.line(&server).await?, &self.config).await?;
                let answer = question.put(&mut connection).await;
                if !answer.as_ref().is_err_and(concerns_server) {
                    self.put_back(connection, Instant::now());
                }
                answer
            };
            match asked.await {
                Err(trouble) if concerns_server(&trouble) => {
                    self.servers.failed(&server);
                    last = Some(trouble);
                }
                answer => {
                    self.servers.works(&server);
                    return answer;
                }
            }
        }
        Err(last.unwrap_or_else(|| self.no_server()))
    }

    /// Binds as somebody, on a connection that is used for nothing else.
    pub(super) async fn bind(&self, dn: &str, password: &str) -> Result<Answer, DirectoryTrouble> {
        let whole = async {
            let _slot = self.binds.acquire().await;
            let mut last = None;
            for server in self.servers.in_order(&self.config).await? {
                let asked = async {
                    let mut line = self.line(&server).await?;
                    let answer = line.bind(dn, password).await?;
                    // Busy, unavailable.
                    if matches!(answer.code, 51 | 52) { Err(line.refused(&answer)) } else { Ok(answer) }
                };
                match asked.await {
                    Err(trouble) if concerns_server(&trouble) => {
                        self.servers.failed(&server);
                        last = Some(trouble);
                    }
                    answer => return answer,
                }
            }
            Err(last.unwrap_or_else(|| self.no_server()))
        };
        self.in_time(whole).await
    }

    /// A fresh connection to this server.
    pub(super) async fn line(&self, server: &ServerAddress) -> Result<Line, DirectoryTrouble> {
        let addresses = self.servers.addresses(&self.config, server).await;
        Line::open(server, addresses, self.config.transport, &self.tls, self.patience).await
    }

    fn take(&self) -> Option<(Connection, Instant)> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((mut connection, since)) = idle.pop() {
            if !connection.is_closed() && since.elapsed() < LONGEST {
                return Some((connection, since));
            }
        }
        None
    }

    fn put_back(&self, connection: Connection, since: Instant) {
        if !connection.spent {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push((connection, since));
        }
    }

    fn no_server(&self) -> DirectoryTrouble {
        DirectoryTrouble::Unreachable { server: self.config.name.clone(), why: "it has no server".to_owned() }
    }
}

/// Another server may do better.
fn concerns_server(trouble: &DirectoryTrouble) -> bool {
    use DirectoryTrouble as Trouble;
    match trouble {
        Trouble::Unreachable { .. }
        | Trouble::Slow { .. }
        | Trouble::Untrusted { .. }
        | Trouble::NoStartTls { .. }
        | Trouble::Nonsense { .. }
        | Trouble::Died { .. } => true,
        Trouble::Refused { code, .. } => matches!(code, 51 | 52),
        _ => false,
    }
}
