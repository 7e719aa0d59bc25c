//! Execution of SQL statements: pooled connections, released at once when a request is cancelled, and a retry when a
//! connection is dead.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::{join, join_all};
use sea_orm::sqlx::{self, AssertSqlSafe, PgConnection};
use sea_orm::{
    AccessMode, ConnectionTrait as _, DatabaseTransaction, DbErr, FromQueryResult, IsolationLevel, QueryResult,
    Statement, TransactionTrait as _, TryGetableMany,
};
use sea_query_sqlx::SqlxValues;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout;
use tracing::Instrument as _;

use crate::error::Error;
use crate::store::Store;
use crate::store::access::connection_pool::{ConnectionPool, Demand, PooledConnection};
use crate::store::access::sql_fragment::Sql;
use crate::telemetry::{query_span, record_query_error};

/// How long the start of the service waits for its first connections.
const WARM_UP_TIMEOUT: Duration = Duration::from_secs(1);

/// Number of sent statements, of one request and of the process.
#[derive(Clone, Debug, Default)]
pub struct StatementCounter {
    request: Arc<AtomicU64>,
    process: Arc<AtomicU64>,
}

impl StatementCounter {
    /// Returns a counter for one request that also counts towards the process.
    #[must_use]
    pub fn per_request(&self) -> Self {
        Self { request: Arc::default(), process: Arc::clone(&self.process) }
    }

    /// Returns the number of statements of the request.
    #[must_use]
    pub fn request_count(&self) -> u64 {
        self.request.load(Ordering::Relaxed)
    }

    /// Returns the number of statements of the process.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.process.load(Ordering::SeqCst)
    }

    fn increment(&self) {
        self.request.fetch_add(1, Ordering::Relaxed);
        self.process.fetch_add(1, Ordering::SeqCst);
    }
}

/// Connections of one request. While other requests wait for a connection, it has one at a time, which its statements hand
/// from one to the next, so that it queues once. Otherwise its statements run at the same time, on up to half of the
/// connections.
#[derive(Clone, Debug)]
pub(crate) struct RequestConnections {
    pool: ConnectionPool,
    /// The number of connections that the request may use at the same time.
    share: usize,
    permits: Arc<Semaphore>,
    /// How long a statement waits for a connection.
    wait: Duration,
    /// Statements that wait, in order.
    waiters: Arc<Mutex<VecDeque<oneshot::Sender<Lease>>>>,
    /// Locked by the statement that waits in the queue of the pool.
    queue: Arc<tokio::sync::Mutex<()>>,
}

impl RequestConnections {
    /// Returns the connections of a new request.
    pub(crate) fn for_request(pool: ConnectionPool) -> Self {
        let (share, wait) = (pool.max_connections().div_ceil(2), pool.wait());
        Self::new(pool, share, wait)
    }

    /// Returns the connections of a command, which need not share them, and has the time to open one.
    pub(crate) fn unlimited(pool: ConnectionPool) -> Self {
        let (share, wait) = (pool.max_connections(), pool.open_timeout());
        Self::new(pool, share, wait)
    }

    /// Returns the connections of a request that uses one at a time.
    fn single(pool: ConnectionPool) -> Self {
        let wait = pool.wait();
        Self::new(pool, 1, wait)
    }

    fn new(pool: ConnectionPool, share: usize, wait: Duration) -> Self {
        let permits = Arc::new(Semaphore::new(share));
        Self { pool, share, permits, wait, waiters: Arc::default(), queue: Arc::default() }
    }

    fn lock_waiters(&self) -> MutexGuard<'_, VecDeque<oneshot::Sender<Lease>>> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn acquire(&self) -> Result<Lease, sqlx::Error> {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned()
            && let Some(connection) = self.pool.try_acquire()
        {
            return Ok(Lease { connection, _permit: permit });
        }
        let (sender, handed) = oneshot::channel();
        self.lock_waiters().push_back(sender);
        tokio::select! {
            // A statement of the request may finish before the pool has a connection.
            Ok(lease) = handed => Ok(lease),
            lease = self.acquire_from_pool() => lease,
        }
    }

    /// Waits for a connection of the pool, one statement after the other.
    async fn acquire_from_pool(&self) -> Result<Lease, sqlx::Error> {
        let mut started_at = Instant::now();
        let _queue = self.queue.lock().await;
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| sqlx::Error::PoolClosed)?;
        loop {
            let is_first = self.permits.available_permits() + 1 >= self.share;
            let demand = if is_first { Demand::First } else { Demand::Extra };
            // Waiting behind others that timed out counts towards the timeout.
            let remaining = self.wait.saturating_sub(started_at.elapsed());
            match timeout(remaining, self.pool.acquire(demand)).await {
                Ok(connection) => return Ok(Lease { connection: connection?, _permit: permit }),
                Err(_) if is_first => return Err(sqlx::Error::PoolTimedOut),
                // Other statements of the request were running, and hand their connections over.
                Err(_) => started_at = Instant::now(),
            }
        }
    }

    /// Hands the connection to a waiting statement of the request, or returns it to the pool.
    fn release(&self, mut lease: Lease) {
        lease.connection.set_finished();
        loop {
            let Some(waiter) = self.lock_waiters().pop_front() else { return };
            // A waiter that has given up, or has another connection, returns it.
            match waiter.send(lease) {
                Ok(()) => return,
                Err(refused) => lease = refused,
            }
        }
    }
}

/// A connection in use by a statement.
#[derive(Debug)]
struct Lease {
    connection: PooledConnection,
    _permit: OwnedSemaphorePermit,
}

impl Store {
    /// Executes a query and decodes its rows. `query_name` names the span in traces.
    pub(crate) async fn query_all<T: FromQueryResult>(
        &self,
        query_name: &'static str,
        sql: Sql,
    ) -> Result<Vec<T>, Error> {
        let rows = self.execute_query(query_name, sql).await?;
        rows.iter().map(|row| T::from_query_result(row, "").map_err(Error::from)).collect()
    }

    /// Executes a query and returns the values of its only column, or its columns in order as tuples.
    pub(crate) async fn query_tuples<T: TryGetableMany>(
        &self,
        query_name: &'static str,
        sql: Sql,
    ) -> Result<Vec<T>, Error> {
        let rows = self.execute_query(query_name, sql).await?;
        rows.iter().map(|row| row.try_get_many_by_index().map_err(Error::from)).collect()
    }

    async fn execute_query(&self, query_name: &'static str, sql: Sql) -> Result<Vec<QueryResult>, Error> {
        let span = query_span(query_name);
        let custom_plan = sql.has_custom_plan();
        let _permit = self.enter_work_class(sql.work()).instrument(span.clone()).await?;
        let rows = self.execute(&sql.into_statement()?, custom_plan).instrument(span.clone()).await;
        rows.inspect_err(|error| record_query_error(&span, error.code()))
    }

    /// Executes a query and decodes its last row, or returns `None` without rows.
    pub(crate) async fn query_one<T: FromQueryResult>(
        &self,
        query_name: &'static str,
        sql: Sql,
    ) -> Result<Option<T>, Error> {
        Ok(self.query_all(query_name, sql).await?.pop())
    }

    /// Returns the number of open connections, of idle ones, and the maximum.
    #[must_use]
    pub fn pool_status(&self) -> (usize, usize, usize) {
        let (open, idle) = self.pool.status();
        (open, idle, self.pool.max_connections())
    }

    /// Opens the connections of the first requests before they arrive, to the primary and to each replica, and asks for
    /// the revision. Returns after a second at the latest: what is missing then is opened when it is needed.
    pub async fn warm_up(&self) {
        let replicas = self.replicas();
        let pools = std::iter::once(&self.pool).chain(replicas.iter().map(|replica| replica.pool()));
        let connections = join_all(pools.map(ConnectionPool::warm_up));
        let (opened, _revision) = match timeout(WARM_UP_TIMEOUT, join(connections, self.revision_for(None))).await {
            Ok(warmed) => warmed,
            Err(_) => return tracing::debug!("the first connections were not opened within a second"),
        };
        for error in opened.into_iter().filter_map(Result::err) {
            tracing::debug!(%error, "a first connection could not be opened");
        }
    }

    /// Executes a request on each connection that is kept open, to the primary and to each replica, one after the other.
    ///
    /// # Errors
    /// If a connection cannot be opened.
    pub async fn on_each_connection(&self, mut request: impl AsyncFnMut(Self)) -> Result<(), Error> {
        let replicas = self.replicas().iter().map(|replica| Some(Arc::clone(replica)));
        for replica in std::iter::once(None).chain(replicas) {
            let pool = replica.as_ref().map_or(&self.pool, |replica| replica.pool());
            for connection in pool.acquire_kept().await? {
                drop(connection); // The request takes the connection that was returned last.
                let connections = RequestConnections::single(self.pool.clone());
                let read_replica = replica
                    .clone()
                    .map(|replica| (Arc::clone(&replica), RequestConnections::single(replica.pool().clone())));
                request(Self { connections, read_replica, ..self.for_request(None).await }).await;
            }
        }
        Ok(())
    }

    /// Keeps a few connections to the primary and to each replica open, and closes those that are no longer needed, until
    /// the pools are closed.
    pub fn maintain_connections(&self) {
        self.revision_cache.warm_up(&self.pool);
        self.pool.maintain();
        self.replicas().iter().for_each(|replica| replica.pool().maintain());
    }

    /// Returns the maximum number of connections to the database and its replicas together.
    #[must_use]
    pub fn max_connections(&self) -> usize {
        let replicas = self.replicas().iter().map(|replica| replica.pool().max_connections());
        replicas.fold(self.pool.max_connections(), usize::saturating_add)
    }

    /// Begins a transaction; retries if the connection is dead.
    pub(crate) async fn begin(&self) -> Result<DatabaseTransaction, Error> {
        self.begin_with_config(None, None).await
    }

    /// Begins a transaction that reads a single snapshot; retries if the connection is dead.
    pub(crate) async fn begin_snapshot(&self) -> Result<DatabaseTransaction, Error> {
        self.begin_with_config(Some(IsolationLevel::RepeatableRead), Some(AccessMode::ReadOnly)).await
    }

    async fn begin_with_config(
        &self,
        isolation: Option<IsolationLevel>,
        access: Option<AccessMode>,
    ) -> Result<DatabaseTransaction, Error> {
        let begin = async || self.pool.begin_with(self.database.begin_with_config(isolation, access)).await;
        // After a restart of the database every pooled connection may be dead.
        let mut attempts = self.pool.max_connections();
        let transaction = loop {
            match begin().await.map_err(Error::from) {
                Err(Error::Unavailable(error)) if !matches!(*error, DbErr::ConnectionAcquire(_)) && attempts > 0 => {
                    attempts -= 1;
                }
                started => break started?,
            }
        };
        if let Some(settings) = self.pool.settings().in_transaction() {
            transaction.execute_unprepared(settings).await?;
        }
        Ok(transaction)
    }

    /// Commits a transaction and invalidates the cached revision.
    pub(crate) async fn commit(&self, transaction: DatabaseTransaction) -> Result<(), Error> {
        let committed = transaction.commit().await;
        // Also if it failed: the response may have been lost after the commit.
        self.revision_cache.invalidate();
        Ok(committed?)
    }

    /// Executes a statement on the read replica of the request, otherwise on the primary database.
    pub(crate) async fn execute(&self, statement: &Statement, custom_plan: bool) -> Result<Vec<QueryResult>, Error> {
        self.statement_counter.increment();
        if let Some((replica, connections)) = &self.read_replica {
            match connections.execute(statement, custom_plan).await {
                Err(error) if is_replica_failure(&error) => {
                    tracing::warn!(%error, "a read replica (DATABASE_READ_URLS) failed; using the primary database");
                    replica.quarantine();
                }
                result => return Ok(result?),
            }
        }
        Ok(self.connections.execute(statement, custom_plan).await?)
    }
}

impl RequestConnections {
    /// Executes a statement, which only reads: it is repeated if its connection is lost.
    async fn execute(&self, statement: &Statement, custom_plan: bool) -> Result<Vec<QueryResult>, sqlx::Error> {
        // After a restart of the database every pooled connection may be dead.
        let mut lost_connections = 0;
        loop {
            let mut lease = self.acquire().await?;
            let begin = self.pool.settings().begin_query(custom_plan);
            match lease.connection.fetch_all(statement, begin.as_deref()).await {
                Ok(rows) => {
                    self.release(lease);
                    return Ok(rows);
                }
                Err(error) if is_connection_lost(&error) && lost_connections < self.pool.max_connections() => {
                    lost_connections += 1;
                }
                Err(error) => {
                    if matches!(error, sqlx::Error::Database(_)) && !is_connection_lost(&error) {
                        self.release(lease);
                    }
                    return Err(error);
                }
            }
        }
    }
}

impl PooledConnection {
    /// Executes a query, in a transaction that `begin` begins, if it is given.
    async fn fetch_all(&mut self, statement: &Statement, begin: Option<&str>) -> Result<Vec<QueryResult>, sqlx::Error> {
        let values = SqlxValues(statement.values.clone().unwrap_or(sea_orm::Values(Vec::new())));
        let query = sqlx::query_with(AssertSqlSafe(statement.sql.as_str()), values);
        let execute = async |connection: &mut PgConnection| {
            let Some(begin) = begin else { return query.fetch_all(connection).await };
            sqlx::raw_sql(AssertSqlSafe(begin)).execute(&mut *connection).await?;
            let rows = query.fetch_all(&mut *connection).await;
            let end = if rows.is_ok() { "COMMIT" } else { "ROLLBACK" };
            sqlx::raw_sql(end).execute(connection).await?;
            rows
        };
        let rows = self.run(execute).await?;
        Ok(rows.into_iter().map(QueryResult::from).collect())
    }
}

/// Returns whether the primary might succeed where a replica failed: the replica is shut down, full, or in conflict
/// with recovery.
fn is_replica_failure(error: &sqlx::Error) -> bool {
    match error {
        // A faulty or slow statement fails on the primary too.
        sqlx::Error::Database(error) => {
            is_server_unavailable(error.code().as_deref()) || matches!(error.code().as_deref(), Some("40001" | "40P01"))
        }
        _ => true,
    }
}

/// Returns whether the server is stopping, starting or out of connections, or has terminated this connection.
fn is_server_unavailable(code: Option<&str>) -> bool {
    is_session_ended(code) || code == Some("53300")
}

/// Returns whether the connection is dead, so that another one may succeed.
pub(crate) fn is_connection_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) => true,
        sqlx::Error::Database(error) => is_session_ended(error.code().as_deref()),
        _ => false,
    }
}

/// Number of attempts to open a connection, and to use it, whose session is ended meanwhile.
const MAX_NEW_SESSIONS: usize = 3;

/// Opens a connection and may use it. Repeats that if the session is ended meanwhile: an administrator may end any, which
/// says nothing about the server. One that is shutting down rejects the next session.
pub(crate) async fn with_new_session<T, F: Future<Output = Result<T, sqlx::Error>>>(
    mut attempt: impl FnMut() -> F,
) -> Result<T, sqlx::Error> {
    for _ in 1..MAX_NEW_SESSIONS {
        match attempt().await {
            Err(error) if is_session_cut(&error) => {
                tracing::debug!(%error, "a new database session was ended; opening another one");
            }
            result => return result,
        }
    }
    attempt().await
}

/// Returns whether a session that the server accepted was ended: with a message, or without one while it began.
fn is_session_cut(error: &sqlx::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    match error {
        sqlx::Error::Io(error) => matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof),
        sqlx::Error::Database(error) => error.code().as_deref() == Some("57P01"),
        _ => false,
    }
}

/// Returns whether the server is stopping or starting, or has ended this session: by an administrator, after a crash, or
/// because it was idle for long. A pooler reports the loss of its own connection as class 08.
fn is_session_ended(code: Option<&str>) -> bool {
    matches!(code, Some("57P01" | "57P02" | "57P03" | "57P05" | "08000" | "08003" | "08006"))
}
