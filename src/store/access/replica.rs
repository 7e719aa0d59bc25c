//! Copies of the database that follow it by streaming replication, for requests to read from.
//!
//! A request reads from a copy only where that has all that the database itself had when it was last asked, which is at
//! most 50 ms ago, and all that the client has seen. So a copy that lags is as if it were not there, and nothing is read
//! that is older than what is promised without copies.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sea_orm::DatabaseConnection;
use sea_orm::sqlx::postgres::{PgConnection, PgPool};
use sea_orm::sqlx::{self, ConnectOptions as _};

use crate::store::access::revision::Position;

/// How long a copy that lags is not asked again.
const LAGGING: Duration = Duration::from_millis(5);
/// How long it is not asked again after it did not answer.
const BROKEN: Duration = Duration::from_secs(1);
/// How long it may take to tell where it is.
const PATIENCE: Duration = Duration::from_millis(250);

/// A copy of the database.
#[derive(Debug)]
pub struct Replica {
    database: DatabaseConnection,
    known: Mutex<Known>,
    /// Taken by the one request that asks where it is; others do without the copy meanwhile.
    asking: tokio::sync::Mutex<Option<PgConnection>>,
    requests: AtomicU64,
}

#[derive(Debug, Default)]
struct Known {
    replayed: Option<Position>,
    /// Until then it is not asked.
    rests_until: Option<Instant>,
}

impl Replica {
    /// The copy behind a pool, which need not be connected yet.
    #[must_use]
    pub fn new(database: DatabaseConnection) -> Self {
        Self {
            database,
            known: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
            requests: AtomicU64::default(),
        }
    }

    pub(crate) fn pool(&self) -> &PgPool {
        self.database.get_postgres_connection_pool()
    }

    /// How many requests were to be read from it.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Whether it is known to have all up to a position.
    pub(crate) async fn has(&self, position: Position) -> bool {
        let has = self.has_replayed(position).await;
        if has {
            self.requests.fetch_add(1, Ordering::Relaxed);
        }
        has
    }

    async fn has_replayed(&self, position: Position) -> bool {
        {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.rests_until.is_some_and(|until| Instant::now() < until) {
                return false;
            }
            if known.replayed >= Some(position) {
                return true;
            }
        }
        let Ok(mut connection) = self.asking.try_lock() else { return false };
        let told = tokio::time::timeout(PATIENCE, self.ask(&mut connection)).await;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match told {
            Ok(Ok(Some(distance))) => {
                let replayed = Position::from(distance);
                let has = replayed >= position;
                *known = Known { replayed: Some(replayed), rests_until: (!has).then(|| Instant::now() + LAGGING) };
                has
            }
            Ok(Ok(None)) => {
                tracing::warn!(
                    "an address of DATABASE_READ_URLS is of no standby: it replays no log, so that nothing is read there"
                );
                known.rests_until = Some(Instant::now() + BROKEN);
                false
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "a database of DATABASE_READ_URLS does not answer; the first one does its work");
                known.rests_until = Some(Instant::now() + BROKEN);
                false
            }
            Err(_) => {
                tracing::warn!("a database of DATABASE_READ_URLS does not answer in time; the first one does its work");
                known.rests_until = Some(Instant::now() + BROKEN);
                false
            }
        }
    }

    /// Leaves it in peace for a while.
    pub(crate) fn rest(&self) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        *known = Known { replayed: None, rests_until: Some(Instant::now() + BROKEN) };
    }

    /// How far it has come, in bytes of the log; nothing where it follows no other.
    async fn ask(&self, connection: &mut Option<PgConnection>) -> Result<Option<i64>, sqlx::Error> {
        // Taken: if nobody waits for the answer any more, the connection goes with the question.
        let mut open = match connection.take() {
            Some(open) => open,
            None => self.pool().connect_options().connect().await?,
        };
        // Of a copy that became a database of its own, what it had replayed says nothing any more.
        let sql = "SELECT CASE WHEN pg_is_in_recovery() THEN (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::bigint END";
        let replayed = sqlx::query_scalar(sql).fetch_one(&mut open).await?;
        *connection = Some(open);
        Ok(replayed)
    }
}
