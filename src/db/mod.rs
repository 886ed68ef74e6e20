//! Connections, dialects, migrations, transactions, schema.
//!
//! One [`Db`] over SQLite (WAL, one writer at a time) or PostgreSQL. Work comes in units: [`Database::read`] and
//! [`Database::write`] hop to a blocking thread once and are one transaction each.

pub mod dialect;
pub mod schema;
pub mod types;

use diesel::Connection;
use diesel::connection::SimpleConnection;
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Pool};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::Semaphore;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// A connection to either database.
#[derive(diesel::MultiConnection)]
pub enum Db {
    Sqlite(diesel::SqliteConnection),
    Postgres(diesel::PgConnection),
}

/// Why the database could not do it.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    #[error("the database refused a query")]
    Query(#[from] diesel::result::Error),
    #[error("no database connection could be had")]
    Pool(#[from] diesel::r2d2::PoolError),
    #[error("the database's tables could not be brought up to date: {0}")]
    Migration(String),
    #[error("the database at {url} cannot be opened: {reason}")]
    Open { url: String, reason: String },
    #[error("the database's worker thread ended")]
    Thread,
}

/// Where everything is kept. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    readers: Pool<ConnectionManager<Db>>,
    /// SQLite: one connection, so that writers queue here and not in SQLite's unfair busy handler.
    writers: Pool<ConnectionManager<Db>>,
    /// Who waits for a connection waits here, and not on a thread: five hundred at once would take as many.
    reading: Arc<Semaphore>,
    writing: Arc<Semaphore>,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Database")
    }
}

#[derive(Debug)]
struct SqliteSettings;

impl CustomizeConnection<Db, diesel::r2d2::Error> for SqliteSettings {
    fn on_acquire(&self, c: &mut Db) -> Result<(), diesel::r2d2::Error> {
        c.batch_execute(
            "PRAGMA busy_timeout=10000; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON; \
             PRAGMA cache_size=-4096; PRAGMA temp_store=MEMORY; PRAGMA journal_size_limit=8388608; PRAGMA optimize=0x10002;",
        )
        .map_err(diesel::r2d2::Error::QueryError)
    }
}

impl Database {
    /// Opens the database and brings its tables up to date: `postgres://…`, or the path of a SQLite file.
    ///
    /// # Errors
    /// The database cannot be reached or its migrations fail.
    pub fn open(url: &str) -> Result<Self, DbError> {
        let postgres = url.starts_with("postgres://") || url.starts_with("postgresql://");
        let build = |size: u32| {
            let builder = Pool::builder().max_size(size).min_idle(Some(1)).test_on_check_out(false);
            let builder = if postgres { builder } else { builder.connection_customizer(Box::new(SqliteSettings)) };
            builder
                .build(ConnectionManager::<Db>::new(url))
                .map_err(|e| DbError::Open { url: shown(url), reason: e.to_string() })
        };
        if !postgres && let Some(dir) = Path::new(url).parent() {
            std::fs::create_dir_all(dir).map_err(|e| DbError::Open { url: url.to_owned(), reason: e.to_string() })?;
        }
        let (read, write) = (4, if postgres { 8 } else { 1 });
        let slots = |count: u32| Arc::new(Semaphore::new(count as usize));
        let writers = build(write)?;
        writers.get()?.run_pending_migrations(MIGRATIONS).map_err(|e| DbError::Migration(e.to_string()))?;
        Ok(Self { readers: build(read)?, writers, reading: slots(read), writing: slots(write) })
    }

    /// One read-only unit of work.
    ///
    /// # Errors
    /// What `work` returns, or [`DbError`].
    pub async fn read<T, E>(&self, work: impl FnOnce(&mut Db) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + From<diesel::result::Error> + Send + 'static,
    {
        let pool = self.readers.clone();
        hop(&self.reading, move || {
            let mut connection = pool.get().map_err(DbError::from)?;
            let db: &mut Db = &mut connection;
            db.transaction(work)
        })
        .await
    }

    /// One unit of work that writes: all of it is kept or nothing.
    ///
    /// # Errors
    /// What `work` returns, or [`DbError`].
    pub async fn write<T, E>(&self, work: impl FnOnce(&mut Db) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + From<diesel::result::Error> + Send + 'static,
    {
        let pool = self.writers.clone();
        hop(&self.writing, move || {
            let mut connection = pool.get().map_err(DbError::from)?;
            AFTER_COMMIT.set(Some(Vec::new()));
            let result = dialect::write_transaction(&mut connection, work);
            drop(connection);
            let after = AFTER_COMMIT.take().unwrap_or_default();
            if result.is_ok() {
                after.into_iter().for_each(|then| then());
            }
            result
        })
        .await
    }
}

/// What is done once a write is kept.
type Deeds = Vec<Box<dyn FnOnce()>>;

thread_local! {
    /// None: no write runs in this thread.
    static AFTER_COMMIT: RefCell<Option<Deeds>> = const { RefCell::new(None) };
}

/// Does `then` once the running [`Database::write`] is kept; never, if it fails. For what must not be heard of before it is
/// true: changes told to pages, jobs that start. Outside of a write it is done at once: it is true already.
pub fn after_commit(then: impl FnOnce() + 'static) {
    let at_once = AFTER_COMMIT.with_borrow_mut(|all| match all {
        Some(all) => {
            all.push(Box::new(then));
            None
        }
        None => Some(then),
    });
    if let Some(then) = at_once {
        then();
    }
}

async fn hop<T, E>(slots: &Arc<Semaphore>, work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<DbError> + Send + 'static,
{
    let Ok(slot) = slots.clone().acquire_owned().await else { return Err(E::from(DbError::Thread)) };
    let work = move || {
        // Whoever asked may be gone: the work goes on, and keeps its place until it ends.
        let _slot = slot;
        work()
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(_) => Err(E::from(DbError::Thread)),
    }
}

/// The URL without its password.
fn shown(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => format!("{}://…{}", &url[..scheme], &url[at..]),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_true_already_is_told_at_once() {
        let told = std::rc::Rc::new(std::cell::Cell::new(false));
        let inner = told.clone();
        after_commit(move || inner.set(true));
        assert!(told.get());
    }
}
