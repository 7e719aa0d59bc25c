//! Execution of SQL statements: pooled connections, released at once when a request is cancelled, and a retry when a
//! connection is dead.

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
use crate::telemetry::{query_span, record_query_error};

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

/// Connections of one request. Waiting statements share the next free connection, so that a request queues once for a
/// busy pool. A connection is kept between nesting levels.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestConnections {
    /// Connection handed from one statement to the next while others of the request wait.
    handoff: Arc<Mutex<Option<PoolConnection<Postgres>>>>,
    handoff_waiters: Arc<AtomicUsize>,
    /// Connection kept while no statement of the request runs or waits.
    idle: Arc<std::sync::Mutex<Option<PoolConnection<Postgres>>>>,
    /// Number of running and waiting statements.
    in_use: Arc<AtomicUsize>,
    /// Whether it belongs to a request; otherwise no connection is kept.
    is_request_scoped: bool,
    /// Number of requests waiting for the pool; while there are any, no connection is kept.
    pool_waiters: Arc<AtomicUsize>,
}

/// Counts as one until it is dropped.
struct CountGuard(Arc<AtomicUsize>);

impl CountGuard {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(count))
    }
}

impl Drop for CountGuard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl RequestConnections {
    /// Returns the connections of a new request.
    pub(crate) fn for_request(&self) -> Self {
        Self { is_request_scoped: true, ..self.detached() }
    }

    /// Returns an independent value that shares only the number of waiting requests.
    fn detached(&self) -> Self {
        Self { pool_waiters: Arc::clone(&self.pool_waiters), ..Self::default() }
    }

    /// Returns the connection that is kept between nesting levels to the pool.
    pub(crate) fn return_idle(&self) {
        drop(self.lock_idle().take());
    }

    fn lock_idle(&self) -> MutexGuard<'_, Option<PoolConnection<Postgres>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn acquire(&self, pool: &PgPool) -> Result<Lease, sqlx::Error> {
        let in_use = CountGuard::new(&self.in_use);
        let idle = self.lock_idle().take();
        if let Some(connection) = idle.or_else(|| pool.try_acquire()) {
            return Ok(Lease { connection: Some(connection), handoff: None, _in_use: in_use });
        }
        let started = Instant::now();
        let waiter = CountGuard::new(&self.handoff_waiters);
        let mut handoff = Arc::clone(&self.handoff).lock_owned().await;
        drop(waiter);
        let connection = match handoff.take() {
            Some(connection) => connection,
            // Waiting behind others that timed out counts towards the timeout.
            None if started.elapsed() >= pool.options().get_acquire_timeout() => return Err(sqlx::Error::PoolTimedOut),
            None => {
                let _waiting = CountGuard::new(&self.pool_waiters);
                pool.acquire().await?
            }
        };
        Ok(Lease { connection: Some(connection), handoff: Some(handoff), _in_use: in_use })
    }

    /// Hands the connection to a waiting statement of the request or keeps it for the next nesting level. Returns it to the
    /// pool if other requests wait.
    fn release(&self, mut lease: Lease) {
        let connection = lease.connection.take();
        if let Some(handoff) = &mut lease.handoff
            && self.handoff_waiters.load(Ordering::Acquire) > 0
        {
            **handoff = connection;
            return;
        }
        let is_last = self.in_use.load(Ordering::Acquire) == 1;
        if self.is_request_scoped && is_last && self.pool_waiters.load(Ordering::Acquire) == 0 {
            *self.lock_idle() = connection;
        }
    }
}

/// Connection in use by a statement. If dropped before [`RequestConnections::release`], the connection is closed: its
/// statement may still run, and the server cancels it when it notices.
struct Lease {
    connection: Option<PoolConnection<Postgres>>,
    /// Held while others of the request wait for this connection.
    handoff: Option<OwnedMutexGuard<Option<PoolConnection<Postgres>>>>,
    _in_use: CountGuard,
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            drop(connection.detach());
        }
    }
}

impl Store {
    /// Executes a query and decodes its rows. `query_name` names the span in traces.
    pub(crate) async fn query_all<T: FromQueryResult>(
        &self,
        query_name: &'static str,
        sql: Sql,
    ) -> Result<Vec<T>, Error> {
        let span = query_span(query_name);
        let custom_plan = sql.has_custom_plan();
        let _permit = self.enter_work_class(sql.work()).instrument(span.clone()).await?;
        let rows = self.execute(&sql.into_statement(), custom_plan).instrument(span.clone()).await;
        let rows = rows.inspect_err(|error| record_query_error(&span, error.code()))?;
        rows.iter().map(|row| T::from_query_result(row, "").map_err(Error::from)).collect()
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
        let pool = self.database.get_postgres_connection_pool();
        let count = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
        (count(pool.size()), pool.num_idle(), count(pool.options().get_max_connections()))
    }

    /// Returns the maximum number of connections to the database and its replicas together.
    #[must_use]
    pub fn max_connections(&self) -> usize {
        let replicas = self.replicas().iter().map(|replica| replica.pool());
        let pools = std::iter::once(self.database.get_postgres_connection_pool()).chain(replicas);
        pools
            .map(|pool| usize::try_from(pool.options().get_max_connections()).unwrap_or(usize::MAX))
            .fold(0, usize::saturating_add)
    }

    /// Begins a transaction; retries if the connection is dead.
    pub(crate) async fn begin(&self) -> Result<DatabaseTransaction, Error> {
        let attempts = self.database.get_postgres_connection_pool().options().get_max_connections();
        for _ in 0..attempts {
            match self.database.begin().await.map_err(Error::from) {
                Err(Error::Unavailable(error)) if !matches!(*error, DbErr::ConnectionAcquire(_)) => {}
                started => return started,
            }
        }
        Ok(self.database.begin().await?)
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
        if let Some(replica) = &self.read_replica {
            match self.execute_on(replica.pool(), &self.connections, statement, custom_plan).await {
                Err(error) if is_replica_failure(&error) => {
                    tracing::warn!(%error, "a read replica (DATABASE_READ_URLS) failed; using the primary database");
                    replica.quarantine();
                }
                result => return Ok(result?),
            }
        }
        // Connections of the primary and of a replica must not mix.
        let connections = if self.read_replica.is_some() { &self.connections.detached() } else { &self.connections };
        Ok(self.execute_on(self.database.get_postgres_connection_pool(), connections, statement, custom_plan).await?)
    }

    async fn execute_on(
        &self,
        pool: &PgPool,
        connections: &RequestConnections,
        statement: &Statement,
        custom_plan: bool,
    ) -> Result<Vec<QueryResult>, sqlx::Error> {
        // After a restart of the database every pooled connection may be dead.
        let mut lost_connections = 0;
        loop {
            let mut lease = connections.acquire(pool).await?;
            let Some(connection) = lease.connection.as_deref_mut() else {
                return Err(sqlx::Error::WorkerCrashed);
            };
            let values = SqlxValues(statement.values.clone().unwrap_or(sea_orm::Values(Vec::new())));
            let query = sqlx::query_with(AssertSqlSafe(statement.sql.as_str()), values);
            let fetched = async {
                if !custom_plan {
                    return query.fetch_all(&mut *connection).await;
                }
                // A separate statement is cheap compared to one that needs a custom plan.
                sqlx::raw_sql("SET plan_cache_mode = force_custom_plan").execute(&mut *connection).await?;
                let fetched = query.fetch_all(&mut *connection).await;
                sqlx::raw_sql("RESET plan_cache_mode").execute(&mut *connection).await?;
                fetched
            };
            match fetched.await {
                Ok(rows) => {
                    connections.release(lease);
                    return Ok(rows.into_iter().map(QueryResult::from).collect());
                }
                // Reads are safe to retry.
                Err(error) if is_connection_lost(&error) && lost_connections < pool.options().get_max_connections() => {
                    lost_connections += 1;
                }
                Err(error) => {
                    if matches!(error, sqlx::Error::Database(_)) && !is_connection_lost(&error) {
                        connections.release(lease);
                    }
                    return Err(error);
                }
            }
        }
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
    matches!(code, Some("57P01" | "57P02" | "57P03" | "53300"))
}

/// Returns whether the connection is dead, so that another one may succeed.
fn is_connection_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) => true,
        // The server is stopping or has terminated this connection.
        sqlx::Error::Database(error) => matches!(error.code().as_deref(), Some("57P01" | "57P02" | "57P03")),
        _ => false,
    }
}
