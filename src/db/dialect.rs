//! What only one database has. No other file names a backend.

use super::Db;
use diesel::Connection;
use diesel::connection::{AnsiTransactionManager, TransactionManager};

/// A transaction that writes. SQLite takes its write lock at the start: a transaction that reads first and writes then would
/// fail at once with "database is locked" where another writer came between.
pub fn write_transaction<T, E>(db: &mut Db, work: impl FnOnce(&mut Db) -> Result<T, E>) -> Result<T, E>
where
    E: From<diesel::result::Error>,
{
    if matches!(db, Db::Postgres(_)) {
        return db.transaction(work);
    }
    if let Db::Sqlite(c) = db {
        AnsiTransactionManager::begin_transaction_sql(c, "BEGIN IMMEDIATE")?;
    }
    let result = work(db);
    if let Db::Sqlite(c) = db {
        match result {
            Ok(_) => AnsiTransactionManager::commit_transaction(c)?,
            Err(_) => AnsiTransactionManager::rollback_transaction(c)?,
        }
    }
    result
}
