//! What only one database has. No other file names a backend.

use super::Db;
use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::prelude::*;

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

/// A query whose text depends on what is asked; values are always bound. `$n` is understood by both databases.
pub struct DynamicQuery {
    sql: String,
    binds: Vec<String>,
}

#[derive(diesel::QueryableByName)]
struct Count {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    n: i64,
}

impl DynamicQuery {
    pub fn new(sql: &str) -> Self {
        Self { sql: sql.to_owned(), binds: Vec::new() }
    }

    /// Adds SQL of the program's own (never a value from outside).
    pub fn push(&mut self, sql: &str) -> &mut Self {
        self.sql.push_str(sql);
        self
    }

    /// Adds a text value.
    pub fn bind(&mut self, value: String) -> &mut Self {
        self.binds.push(value);
        self.sql.push_str(&format!("${}", self.binds.len()));
        self
    }

    /// Adds a list of text values with commas between; an empty list as `null`, which nothing is equal to.
    pub fn bind_all(&mut self, values: impl Iterator<Item = String>) -> &mut Self {
        let before = self.binds.len();
        for value in values {
            if self.binds.len() > before {
                self.sql.push(',');
            }
            self.bind(value);
        }
        if self.binds.len() == before {
            self.sql.push_str("null");
        }
        self
    }

    /// All rows.
    pub fn load<T>(self, db: &mut Db) -> QueryResult<Vec<T>>
    where
        T: diesel::deserialize::QueryableByName<diesel::sqlite::Sqlite>
            + diesel::deserialize::QueryableByName<diesel::pg::Pg>
            + 'static,
    {
        use diesel::sql_types::Text;
        match db {
            Db::Sqlite(c) => {
                let mut query = diesel::sql_query(self.sql).into_boxed::<diesel::sqlite::Sqlite>();
                for bind in self.binds {
                    query = query.bind::<Text, _>(bind);
                }
                query.load(c)
            }
            Db::Postgres(c) => {
                let mut query = diesel::sql_query(self.sql).into_boxed::<diesel::pg::Pg>();
                for bind in self.binds {
                    query = query.bind::<Text, _>(bind);
                }
                query.load(c)
            }
        }
    }

    /// Runs what is no question; how many rows it touched.
    pub fn execute(self, db: &mut Db) -> QueryResult<usize> {
        use diesel::sql_types::Text;
        match db {
            Db::Sqlite(c) => {
                let mut query = diesel::sql_query(self.sql).into_boxed::<diesel::sqlite::Sqlite>();
                for bind in self.binds {
                    query = query.bind::<Text, _>(bind);
                }
                query.execute(c)
            }
            Db::Postgres(c) => {
                let mut query = diesel::sql_query(self.sql).into_boxed::<diesel::pg::Pg>();
                for bind in self.binds {
                    query = query.bind::<Text, _>(bind);
                }
                query.execute(c)
            }
        }
    }

    /// The single number of a `select count(*) as n`.
    pub fn count(self, db: &mut Db) -> QueryResult<i64> {
        Ok(self.load::<Count>(db)?.pop().map_or(0, |c| c.n))
    }
}
