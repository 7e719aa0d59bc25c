//! Connections to one database server, shared by all requests.
//!
//! A layer over the pool of sqlx, which opens connections, limits their number and serves transactions. sqlx tests a
//! connection with a round trip whenever it is returned, and opens one only while the caller waits for it. Here, a
//! connection is handed from one statement to the next as it is, since a statement on a dead connection is repeated on
//! another one; and a statement that finds no idle connection takes the first that becomes free or open.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use migration::TABLES;
use sea_orm::sqlx::pool::PoolConnection;
use sea_orm::sqlx::{self, AssertSqlSafe, Connection as _, PgConnection, PgPool, Postgres};
use tokio::runtime::Handle as Runtime;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::executor::with_new_session;
use super::idle_connections::IdleConnections;
use crate::database::{DatabasePool, Servers, SessionSettings};

/// Number of connections that are kept open while there are no requests. Together with the connections of the health
/// check and of the revision, an idle process holds four.
const MIN_CONNECTIONS: usize = 2;
/// How long further connections stay open without being used. It must be short enough that no firewall forgets those
/// that are kept: they are tested at this interval.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// Interval between the checks of idle connections.
const MAINTENANCE_INTERVAL: Duration = Duration::from_secs(15);
/// A connection is replaced after this time, because the server process of a connection accumulates memory.
const MAX_LIFETIME: Duration = Duration::from_secs(30 * 60);
/// How long no further connections are opened after a failure, as long as there are any.
const GROWTH_PAUSE: Duration = Duration::from_secs(1);
/// Timeout for testing an idle connection.
const TEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Connections to one database server.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionPool(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    pool: PgPool,
    servers: Servers,
    settings: SessionSettings,
    wait: Duration,
    /// Opens connections, whose sockets belong to it: the threads of the HTTP server have runtimes of their own.
    runtime: Runtime,
    max_connections: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Clean connections.
    idle: IdleConnections<OpenConnection>,
    /// Requests without a connection, in order.
    first_waiters: VecDeque<Waiter>,
    /// Requests that have a connection and would use another one, in order.
    extra_waiters: VecDeque<Waiter>,
    /// Number of idle and used connections.
    held: usize,
    /// Number of tasks that open a connection.
    opening: usize,
    /// Until when no further connection is opened.
    growth_paused_until: Option<Instant>,
    /// Number of transactions that wait for a connection of sqlx's pool.
    transaction_waiters: usize,
}

type Waiter = oneshot::Sender<Result<PooledConnection, sqlx::Error>>;

#[derive(Debug)]
struct OpenConnection {
    connection: PoolConnection<Postgres>,
    opened_at: Instant,
    /// Whether a statement was executed on it.
    is_used: bool,
}

/// Who waits for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Demand {
    /// A request without a connection.
    First,
    /// A request that has a connection: served while no request waits for its first.
    Extra,
}

/// A connection in use. Dropped while a statement runs on it, it is closed, and the server cancels the statement when
/// it notices. Otherwise it is returned to the pool.
#[derive(Debug)]
pub(crate) struct PooledConnection {
    /// `None` only while it is dropped.
    open: Option<OpenConnection>,
    is_running: bool,
    shared: Arc<Shared>,
}

impl ConnectionPool {
    /// Creates a layer over the pool of a database, which must not be used otherwise, except for transactions inside of
    /// [`Self::begin_with`].
    pub(crate) fn new(database: &DatabasePool) -> Self {
        let pool = database.connection.get_postgres_connection_pool().clone();
        let (servers, settings) = (database.servers.clone(), database.settings.clone());
        let max_connections = usize::try_from(pool.options().get_max_connections()).unwrap_or(usize::MAX);
        let shared = Arc::new(Shared {
            pool,
            servers,
            settings,
            wait: database.wait,
            runtime: Runtime::current(),
            max_connections,
            state: Mutex::default(),
        });
        shared.runtime.spawn(close_idle_when_closed(Arc::downgrade(&shared), shared.pool.close_event()));
        Self(shared)
    }

    /// Opens the connections that are kept, and lets Postgres read its catalog of the directory's tables on each, which
    /// takes longer than a query.
    pub(crate) async fn warm_up(&self) -> Result<(), sqlx::Error> {
        // A replica cannot read an unlogged table.
        let tables = TABLES.into_iter().filter(|table| *table != "change_pending");
        let read_catalog: Vec<String> = tables.map(|table| format!("SELECT FROM {table} LIMIT 0")).collect();
        let read_catalog = read_catalog.join("; ");
        let read_catalog = read_catalog.as_str();
        let warmed = self.acquire_kept().await?.into_iter().map(async |mut connection| {
            let read = async |connection: &mut PgConnection| {
                sqlx::raw_sql(AssertSqlSafe(read_catalog)).execute(connection).await.map(drop)
            };
            connection.run(read).await?;
            connection.set_finished();
            Ok(())
        });
        try_join_all(warmed).await.map(drop)
    }

    /// Takes as many connections as are kept open. The first that is returned is the next to be used.
    pub(crate) async fn acquire_kept(&self) -> Result<Vec<PooledConnection>, sqlx::Error> {
        let count = MIN_CONNECTIONS.min(self.0.max_connections);
        // All before the first statement: a connection that is free again would be taken twice.
        try_join_all((0..count).map(|_| self.acquire(Demand::First))).await
    }

    /// Keeps a few connections open, and closes those that are no longer needed, until the pool is closed or dropped.
    pub(crate) fn maintain(&self) {
        self.0.runtime.spawn(maintain_until_closed(Arc::downgrade(&self.0)));
    }

    /// The servers of the database, for connections apart from the pool.
    pub(crate) fn servers(&self) -> &Servers {
        &self.0.servers
    }

    /// How the settings of sessions take effect.
    pub(crate) fn settings(&self) -> &SessionSettings {
        &self.0.settings
    }

    /// The runtime that opens connections.
    pub(crate) fn runtime(&self) -> &Runtime {
        &self.0.runtime
    }

    /// Maximum number of open connections.
    pub(crate) fn max_connections(&self) -> usize {
        self.0.max_connections
    }

    /// How long a request waits for a connection.
    pub(crate) fn wait(&self) -> Duration {
        self.0.wait
    }

    /// How long it may take to open a connection.
    pub(crate) fn open_timeout(&self) -> Duration {
        self.0.pool.options().get_acquire_timeout()
    }

    /// Number of open and of idle connections.
    pub(crate) fn status(&self) -> (usize, usize) {
        let idle = self.0.lock().idle.len() + self.0.pool.num_idle();
        (usize::try_from(self.0.pool.size()).unwrap_or(usize::MAX), idle)
    }

    /// Takes an idle connection, if there is one.
    pub(crate) fn try_acquire(&self) -> Option<PooledConnection> {
        let idle = self.0.take_idle(&mut self.0.lock())?;
        Some(PooledConnection::new(idle, &self.0))
    }

    /// Waits for a connection, without a timeout. If the pool is not full, opens one, and returns the first that becomes
    /// free or open.
    pub(crate) async fn acquire(&self, demand: Demand) -> Result<PooledConnection, sqlx::Error> {
        let receiver = {
            let mut state = self.0.lock();
            if let Some(idle) = self.0.take_idle(&mut state) {
                drop(state);
                return Ok(PooledConnection::new(idle, &self.0));
            }
            let (sender, receiver) = oneshot::channel();
            match demand {
                Demand::First => state.first_waiters.push_back(sender),
                Demand::Extra => state.extra_waiters.push_back(sender),
            }
            self.0.open_for_waiters(&mut state);
            receiver
        };
        // A waiter is dropped unanswered only with the pool.
        receiver.await.unwrap_or(Err(sqlx::Error::PoolClosed))
    }

    /// Runs `begin`, which takes a connection from the pool of sqlx, after making room for it.
    pub(crate) async fn begin_with<T>(&self, begin: impl Future<Output = T>) -> T {
        let _waiting = TransactionWaiter::new(&self.0);
        begin.await
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the idle connection that was used last, and closes those to a server that is no longer used.
    fn take_idle(self: &Arc<Self>, state: &mut State) -> Option<OpenConnection> {
        while let Some(connection) = state.idle.take_last_used() {
            if !self.servers.is_outdated(connection.opened_at) {
                return Some(connection);
            }
            state.held -= 1;
            self.return_to_sqlx(connection);
        }
        None
    }

    /// Whether sqlx's pool can give a transaction neither an idle nor a new connection.
    fn is_transaction_blocked(&self) -> bool {
        let size = usize::try_from(self.pool.size()).unwrap_or(usize::MAX);
        self.pool.num_idle() == 0 && size >= self.max_connections
    }

    /// Opens as many connections as there are waiters, within the maximum. One attempt is always made, as sqlx's pool may
    /// get a connection back from a transaction.
    fn open_for_waiters(self: &Arc<Self>, state: &mut State) {
        state.first_waiters.retain(|waiter| !waiter.is_closed());
        state.extra_waiters.retain(|waiter| !waiter.is_closed());
        let is_paused = state.held > 0 && state.growth_paused_until.is_some_and(|until| Instant::now() < until);
        let wanted = if is_paused { 0 } else { state.first_waiters.len() + state.extra_waiters.len() };
        while state.opening < wanted && (state.opening == 0 || state.held + state.opening < self.max_connections) {
            self.spawn_opening(state);
        }
    }

    fn spawn_opening(self: &Arc<Self>, state: &mut State) {
        state.opening += 1;
        self.runtime.spawn(Arc::clone(self).open());
    }

    async fn open(self: Arc<Self>) {
        let opened = with_new_session(|| self.pool.acquire()).await;
        let mut state = self.lock();
        state.opening -= 1;
        match opened {
            Ok(connection) => {
                state.held += 1;
                drop(state);
                self.hand_over(OpenConnection { connection, opened_at: Instant::now(), is_used: false });
            }
            Err(error) => {
                state.growth_paused_until = Some(Instant::now() + GROWTH_PAUSE);
                // Others may become free; otherwise a waiter learns the reason. After a timeout, its own has passed too.
                let can_wait = state.held > 0 || matches!(error, sqlx::Error::PoolTimedOut);
                let mut failed = None;
                if !can_wait {
                    failed = state.first_waiters.pop_front().or_else(|| state.extra_waiters.pop_front());
                }
                self.open_for_waiters(&mut state);
                drop(state);
                tracing::debug!(%error, "a database connection could not be opened");
                if let Some(waiter) = failed {
                    // It may have given up.
                    let _ = waiter.send(Err(error));
                }
            }
        }
    }

    /// Hands a clean connection to a waiter, or keeps it.
    fn hand_over(self: &Arc<Self>, mut open: OpenConnection) {
        loop {
            let mut state = self.lock();
            let is_needed_elsewhere = state.transaction_waiters > 0 && self.is_transaction_blocked();
            if self.pool.is_closed() || is_needed_elsewhere || self.is_replaced(&open) {
                self.forget(state);
                self.return_to_sqlx(open);
                return;
            }
            let Some(waiter) = state.first_waiters.pop_front().or_else(|| state.extra_waiters.pop_front()) else {
                let is_used = open.is_used;
                state.idle.keep(open, is_used);
                return;
            };
            drop(state);
            // A waiter that has given up returns it.
            let Err(Ok(mut refused)) = waiter.send(Ok(PooledConnection::new(open, self))) else { return };
            let Some(taken) = refused.open.take() else { return };
            open = taken;
        }
    }

    /// Returns whether a connection is closed instead of being used again.
    fn is_replaced(&self, open: &OpenConnection) -> bool {
        open.opened_at.elapsed() > MAX_LIFETIME || self.servers.is_outdated(open.opened_at)
    }

    /// Gives a connection to sqlx's pool, which closes it if it is too old or the pool is closed.
    fn return_to_sqlx(&self, open: OpenConnection) {
        // It does so in a task of the current runtime.
        let _entered = self.runtime.enter();
        drop(open.connection);
    }

    /// Counts a connection that the layer no longer holds.
    fn forget(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        state.held -= 1;
        self.open_for_waiters(&mut state);
    }

    /// Closes connections that were not used for a while, tests those that are kept, and opens missing ones.
    async fn maintain(self: &Arc<Self>) {
        loop {
            let (idle, is_excess) = {
                let mut state = self.lock();
                let Some(idle) = state.idle.take_idle_for(IDLE_TIMEOUT) else { break };
                (idle, state.held > MIN_CONNECTIONS)
            };
            let mut connection = PooledConnection::new(idle, self);
            let is_old = connection.open.as_ref().is_none_or(|open| self.is_replaced(open));
            if is_excess || is_old {
                connection.close().await;
            } else if timeout(TEST_TIMEOUT, connection.run(async |connection| connection.ping().await))
                .await
                .is_ok_and(|tested| tested.is_ok())
            {
                // Returned when it is dropped, as the last used.
                connection.set_finished();
            }
        }
        let mut state = self.lock();
        while state.held + state.opening < MIN_CONNECTIONS.min(self.max_connections) {
            self.spawn_opening(&mut state);
        }
    }
}

/// Idle connections are checked out of sqlx's pool, which waits for them when it is closed.
async fn close_idle_when_closed(shared: Weak<Shared>, closed: sqlx::pool::CloseEvent) {
    closed.await;
    let Some(shared) = shared.upgrade() else { return };
    let idle = shared.lock().idle.take_all();
    for connection in idle {
        shared.lock().held -= 1;
        shared.return_to_sqlx(connection);
    }
}

async fn maintain_until_closed(shared: Weak<Shared>) {
    while let Some(shared) = shared.upgrade() {
        if shared.pool.is_closed() {
            return;
        }
        shared.maintain().await;
        drop(shared);
        tokio::time::sleep(MAINTENANCE_INTERVAL).await;
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let _entered = self.runtime.enter();
        drop(self.lock().idle.take_all());
    }
}

/// Counts a transaction that waits for a connection.
struct TransactionWaiter<'p>(&'p Arc<Shared>);

impl<'p> TransactionWaiter<'p> {
    fn new(shared: &'p Arc<Shared>) -> Self {
        let mut state = shared.lock();
        state.transaction_waiters += 1;
        if shared.is_transaction_blocked()
            && let Some(connection) = state.idle.take_least_used()
        {
            shared.forget(state);
            shared.return_to_sqlx(connection);
        }
        Self(shared)
    }
}

impl Drop for TransactionWaiter<'_> {
    fn drop(&mut self) {
        self.0.lock().transaction_waiters -= 1;
    }
}

impl PooledConnection {
    fn new(open: OpenConnection, shared: &Arc<Shared>) -> Self {
        Self { open: Some(open), is_running: false, shared: Arc::clone(shared) }
    }

    /// Runs statements. Until [`Self::set_finished`], dropping the connection closes it.
    pub(crate) async fn run<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, sqlx::Error> {
        self.is_running = true;
        let open = self.open.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        open.is_used = true;
        work(&mut open.connection).await
    }

    /// Says that no statement runs on the connection.
    pub(crate) fn set_finished(&mut self) {
        self.is_running = false;
    }

    /// Closes an idle connection.
    async fn close(mut self) {
        if let Some(open) = self.open.take() {
            self.shared.forget(self.shared.lock());
            if let Err(error) = open.connection.close().await {
                tracing::debug!(%error, "an idle database connection was dead");
            }
        }
    }
}

impl Drop for PooledConnection {
    fn drop(&mut self) {
        let Some(open) = self.open.take() else { return };
        if self.is_running {
            drop(open.connection.detach());
            self.shared.forget(self.shared.lock());
        } else {
            self.shared.hand_over(open);
        }
    }
}
