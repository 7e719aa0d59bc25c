//! How reads reach the database: a connection of the pool each, given up at once when nobody waits for the answer any
//! more, and another one where the first turns out to be dead.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Instant;

use sea_orm::sqlx::pool::PoolConnection;
use sea_orm::sqlx::{self, AssertSqlSafe, PgPool, Postgres};
use sea_orm::{DatabaseTransaction, DbErr, FromQueryResult, QueryResult, Statement, TransactionTrait as _};
use sea_query_sqlx::SqlxValues;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tracing::Instrument as _;

use crate::error::Error;
use crate::store::Store;
use crate::store::access::sql_fragment::Sql;
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

/// Where the statements of one request get their connections. Those that wait share the next one that comes free, so that a busy
/// pool is asked once and not for each of them; and between the levels of a query one is kept.
#[derive(Clone, Debug, Default)]
pub(crate) struct Queue {
    /// What the one before left for the next, while others of the request wait.
    turn: Arc<Mutex<Option<PoolConnection<Postgres>>>>,
    behind: Arc<AtomicUsize>,
    /// What the last one left while no statement of the request runs or waits.
    kept: Arc<std::sync::Mutex<Option<PoolConnection<Postgres>>>>,
    /// How many run or wait.
    open: Arc<AtomicUsize>,
    /// Whether it ends with a request: nothing is kept for longer.
    is_of_request: bool,
    /// How many wait for the pool, of all requests: what they wait for is not kept.
    waiting: Arc<AtomicUsize>,
}

/// One of a number, as long as it is there.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(number: &Arc<AtomicUsize>) -> Self {
        number.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(number))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Queue {
    /// That of a new request, beside others.
    pub(crate) fn of_request(&self) -> Self {
        Self { is_of_request: true, ..self.beside() }
    }

    /// One that has nothing in common with this but who waits for the pool.
    fn beside(&self) -> Self {
        Self { waiting: Arc::clone(&self.waiting), ..Self::default() }
    }

    fn kept(&self) -> MutexGuard<'_, Option<PoolConnection<Postgres>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn lend(&self, pool: &PgPool) -> Result<Lent, sqlx::Error> {
        let open = Counted::new(&self.open);
        let kept = self.kept().take();
        if let Some(connection) = kept.or_else(|| pool.try_acquire()) {
            return Ok(Lent { connection: Some(connection), turn: None, _open: open });
        }
        let begun = Instant::now();
        let behind = Counted::new(&self.behind);
        let mut turn = Arc::clone(&self.turn).lock_owned().await;
        drop(behind);
        let connection = match turn.take() {
            Some(connection) => connection,
            // Nobody waits longer for being behind others who waited in vain.
            None if begun.elapsed() >= pool.options().get_acquire_timeout() => return Err(sqlx::Error::PoolTimedOut),
            None => {
                let _waiting = Counted::new(&self.waiting);
                pool.acquire().await?
            }
        };
        Ok(Lent { connection: Some(connection), turn: Some(turn), _open: open })
    }

    /// Leaves it to the next of the request, or keeps it for the next level where nobody else waits, or gives it back to the
    /// pool.
    fn take_back(&self, mut lent: Lent) {
        let connection = lent.connection.take();
        if let Some(turn) = &mut lent.turn
            && self.behind.load(Ordering::Acquire) > 0
        {
            **turn = connection;
            return;
        }
        let is_last = self.open.load(Ordering::Acquire) == 1;
        if self.is_of_request && is_last && self.waiting.load(Ordering::Acquire) == 0 {
            *self.kept() = connection;
        }
    }
}

/// A connection that is in the middle of something until it is done. Let go before that, it is closed, not put back:
/// its statement may still run, which the server stops when it finds nobody at the other end.
struct Lent {
    connection: Option<PoolConnection<Postgres>>,
    /// Held by who had to wait: those behind wait for the same connection.
    turn: Option<OwnedMutexGuard<Option<PoolConnection<Postgres>>>>,
    _open: Counted,
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            drop(connection.detach());
        }
    }
}

impl Store {
    /// The rows of a statement. Who asks for them is what traces tell of it.
    pub(crate) async fn rows<T: FromQueryResult>(&self, loader: &'static str, sql: Sql) -> Result<Vec<T>, Error> {
        let span = statement_span(loader);
        let for_values = sql.is_planned_for_values();
        let rows = self.read(&sql.statement(), for_values).instrument(span.clone()).await;
        let rows = rows.inspect_err(|error| fail_statement(&span, error.code()))?;
        rows.iter().map(|row| T::from_query_result(row, "").map_err(Error::from)).collect()
    }

    pub(crate) async fn row<T: FromQueryResult>(&self, loader: &'static str, sql: Sql) -> Result<Option<T>, Error> {
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
    pub(crate) async fn begin(&self) -> Result<DatabaseTransaction, Error> {
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
    pub(crate) async fn commit(&self, transaction: DatabaseTransaction) -> Result<(), Error> {
        let committed = transaction.commit().await;
        // Even where it failed: the answer may have been lost, and not the change.
        self.version.forget();
        Ok(committed?)
    }

    pub(crate) async fn read(&self, statement: &Statement, for_values: bool) -> Result<Vec<QueryResult>, Error> {
        self.statements.add_one();
        if let Some(replica) = &self.reads_from {
            match self.read_from(replica.pool(), &self.queue, statement, for_values).await {
                Err(error) if is_of_replica(&error) => {
                    tracing::warn!(%error, "a database of DATABASE_READ_URLS fails; the first one answers");
                    replica.rest();
                }
                read => return Ok(read?),
            }
        }
        // A queue of its own for what is done elsewhere than the rest: connections of two databases must not mix.
        let queue = if self.reads_from.is_some() { &self.queue.beside() } else { &self.queue };
        Ok(self.read_from(self.database.get_postgres_connection_pool(), queue, statement, for_values).await?)
    }

    async fn read_from(
        &self,
        pool: &PgPool,
        queue: &Queue,
        statement: &Statement,
        for_values: bool,
    ) -> Result<Vec<QueryResult>, sqlx::Error> {
        // After the database came back each connection of the pool may be a dead one.
        let mut dead = 0;
        loop {
            let mut lent = queue.lend(pool).await?;
            let Some(connection) = lent.connection.as_deref_mut() else {
                return Err(sqlx::Error::WorkerCrashed);
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
                    queue.take_back(lent);
                    return Ok(rows.into_iter().map(QueryResult::from).collect());
                }
                // Reading twice does no harm.
                Err(error) if is_dead(&error) && dead < pool.options().get_max_connections() => {
                    dead += 1;
                }
                Err(error) => {
                    if matches!(error, sqlx::Error::Database(_)) && !is_dead(&error) {
                        queue.take_back(lent);
                    }
                    return Err(error);
                }
            }
        }
    }
}

/// Whether a copy cannot do what the database itself may: it has ended, is full, or replays a change to what is read.
fn is_of_replica(error: &sqlx::Error) -> bool {
    match error {
        // What is wrong with the statement is so everywhere, and what takes too long here does so there.
        sqlx::Error::Database(error) => {
            is_of_server(error.code().as_deref()) || matches!(error.code().as_deref(), Some("40001" | "40P01"))
        }
        _ => true,
    }
}

/// Whether the server ends, starts, has no room, or somebody ended this connection.
fn is_of_server(code: Option<&str>) -> bool {
    matches!(code, Some("57P01" | "57P02" | "57P03" | "53300"))
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
