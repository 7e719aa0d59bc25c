//! How reads reach the database: a connection of the pool each, given up at once when nobody waits for the answer any
//! more, and another one where the first turns out to be dead.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sea_orm::sqlx::pool::PoolConnection;
use sea_orm::sqlx::{self, AssertSqlSafe, Postgres};
use sea_orm::{DatabaseTransaction, DbErr, FromQueryResult, QueryResult, Statement, TransactionTrait as _};
use sea_query_sqlx::SqlxValues;
use tracing::Instrument as _;

use super::Store;
use super::sql::Sql;
use crate::error::Error;
use crate::telemetry::{fail_statement, statement_span};

/// How many statements were sent: by one request, and by all.
#[derive(Clone, Debug, Default)]
pub struct Statements {
    own: Arc<AtomicU64>,
    all: Arc<AtomicU64>,
}

impl Statements {
    /// Counts on for all, and anew for one request.
    #[must_use]
    pub fn of_one(&self) -> Self {
        Self { own: Arc::default(), all: Arc::clone(&self.all) }
    }

    /// The statements of the request.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.own.load(Ordering::Relaxed)
    }

    /// The statements of all requests.
    #[must_use]
    pub fn of_all(&self) -> u64 {
        self.all.load(Ordering::SeqCst)
    }

    fn add_one(&self) {
        self.own.fetch_add(1, Ordering::Relaxed);
        self.all.fetch_add(1, Ordering::SeqCst);
    }
}

/// A connection that is in the middle of something until it is done. Let go before that, it is closed, not put back:
/// its statement may still run, which the server stops when it finds nobody at the other end.
struct Lent(Option<PoolConnection<Postgres>>);

impl Lent {
    fn give_back(mut self) {
        self.0.take();
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(connection.detach());
        }
    }
}

impl Store {
    /// The rows of a statement. Who asks for them is what traces tell of it.
    pub(super) async fn rows<T: FromQueryResult>(&self, loader: &'static str, sql: Sql) -> Result<Vec<T>, Error> {
        let span = statement_span(loader);
        let for_values = sql.is_planned_for_values();
        let rows = self.read(&sql.statement(), for_values).instrument(span.clone()).await;
        let rows = rows.inspect_err(|error| fail_statement(&span, error.code()))?;
        rows.iter().map(|row| T::from_query_result(row, "").map_err(Error::from)).collect()
    }

    pub(super) async fn row<T: FromQueryResult>(&self, loader: &'static str, sql: Sql) -> Result<Option<T>, Error> {
        Ok(self.rows(loader, sql).await?.pop())
    }

    /// How many connections are open, how many of them nobody uses, and how many there may be.
    #[must_use]
    pub fn pool(&self) -> (usize, usize, usize) {
        let pool = self.database.get_postgres_connection_pool();
        let number = |amount: u32| usize::try_from(amount).unwrap_or(usize::MAX);
        (number(pool.size()), pool.num_idle(), number(pool.options().get_max_connections()))
    }

    /// Begins a transaction, on another connection where the first turns out to be dead.
    pub(super) async fn begin(&self) -> Result<DatabaseTransaction, Error> {
        let most = self.database.get_postgres_connection_pool().options().get_max_connections();
        for _ in 0..most {
            match self.database.begin().await.map_err(Error::from) {
                Err(Error::Unavailable(error)) if !matches!(*error, DbErr::ConnectionAcquire(_)) => {}
                begun => return begun,
            }
        }
        Ok(self.database.begin().await?)
    }

    /// Commits what was written, and lets this process read nothing from before it any more.
    pub(super) async fn commit(&self, transaction: DatabaseTransaction) -> Result<(), Error> {
        let committed = transaction.commit().await;
        // Even where it failed: the answer may have been lost, and not the change.
        self.version.forget();
        Ok(committed?)
    }

    pub(super) async fn read(&self, statement: &Statement, for_values: bool) -> Result<Vec<QueryResult>, Error> {
        self.statements.add_one();
        let pool = self.database.get_postgres_connection_pool();
        // After the database came back each connection of the pool may be a dead one.
        let mut dead = 0;
        loop {
            let mut lent = Lent(Some(pool.acquire().await?));
            let Some(connection) = lent.0.as_deref_mut() else {
                return Err(Error::internal("a connection is missing"));
            };
            let values = SqlxValues(statement.values.clone().unwrap_or(sea_orm::Values(Vec::new())));
            let query = sqlx::query_with(AssertSqlSafe(statement.sql.as_str()), values);
            let fetched = async {
                if !for_values {
                    return query.fetch_all(&mut *connection).await;
                }
                // By a statement of its own, which takes little beside one that wants it.
                sqlx::raw_sql("SET plan_cache_mode = force_custom_plan").execute(&mut *connection).await?;
                let fetched = query.fetch_all(&mut *connection).await;
                sqlx::raw_sql("RESET plan_cache_mode").execute(&mut *connection).await?;
                fetched
            };
            match fetched.await {
                Ok(rows) => {
                    lent.give_back();
                    return Ok(rows.into_iter().map(QueryResult::from).collect());
                }
                // Reading twice does no harm.
                Err(error) if is_dead(&error) && dead < pool.options().get_max_connections() => {
                    dead += 1;
                }
                Err(error) => {
                    if matches!(error, sqlx::Error::Database(_)) && !is_dead(&error) {
                        lent.give_back();
                    }
                    return Err(error.into());
                }
            }
        }
    }
}

/// Whether the connection has ended, so that another one may do better.
fn is_dead(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) => true,
        // The server ends, or somebody ended this connection.
        sqlx::Error::Database(error) => matches!(error.code().as_deref(), Some("57P01" | "57P02" | "57P03")),
        _ => false,
    }
}
