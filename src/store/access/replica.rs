//! Read replicas, which follow the primary database by streaming replication.
//!
//! A request reads from a replica only if the replica has replayed everything the client has seen, and everything the
//! primary had at the last check, at most 50 ms ago. A lagging replica is skipped.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sea_orm::DatabaseConnection;
use sea_orm::sqlx::postgres::{PgConnection, PgPool};
use sea_orm::sqlx::{self, ConnectOptions as _};

use crate::store::access::revision::Lsn;

/// How long a lagging replica is skipped before the next check.
const LAG_RETRY_AFTER: Duration = Duration::from_millis(5);
/// How long an unavailable replica is skipped before the next check.
const FAILURE_RETRY_AFTER: Duration = Duration::from_secs(1);
/// Timeout for querying the replication position.
const REPLICA_TIMEOUT: Duration = Duration::from_millis(250);

/// Read replica.
#[derive(Debug)]
pub struct Replica {
    database: DatabaseConnection,
    state: Mutex<ReplicaState>,
    /// Locked by the request that queries the replication position; meanwhile others skip the replica.
    probe: tokio::sync::Mutex<Option<PgConnection>>,
    request_count: AtomicU64,
}

#[derive(Debug, Default)]
struct ReplicaState {
    replayed_lsn: Option<Lsn>,
    /// Time until which the replica is skipped.
    quarantined_until: Option<Instant>,
}

impl Replica {
    /// Creates a replica from its pool, which need not be connected yet.
    #[must_use]
    pub fn new(database: DatabaseConnection) -> Self {
        Self {
            database,
            state: Mutex::default(),
            probe: tokio::sync::Mutex::default(),
            request_count: AtomicU64::default(),
        }
    }

    pub(crate) fn pool(&self) -> &PgPool {
        self.database.get_postgres_connection_pool()
    }

    /// Returns the number of requests routed to the replica.
    #[must_use]
    pub fn request_count(&self) -> u64 {
        self.request_count.load(Ordering::Relaxed)
    }

    /// Returns whether the replica has replayed this position, and counts the request if so.
    pub(crate) async fn select_if_replayed(&self, position: Lsn) -> bool {
        let is_selected = self.has_replayed(position).await;
        if is_selected {
            self.request_count.fetch_add(1, Ordering::Relaxed);
        }
        is_selected
    }

    async fn has_replayed(&self, position: Lsn) -> bool {
        {
            let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if state.quarantined_until.is_some_and(|until| Instant::now() < until) {
                return false;
            }
            if state.replayed_lsn >= Some(position) {
                return true;
            }
        }
        let Ok(mut connection) = self.probe.try_lock() else { return false };
        let result = tokio::time::timeout(REPLICA_TIMEOUT, self.query_replayed_lsn(&mut connection)).await;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(Ok(Some(bytes))) => {
                let replayed = Lsn::from(bytes);
                let has_replayed = replayed >= position;
                *state = ReplicaState {
                    replayed_lsn: Some(replayed),
                    quarantined_until: (!has_replayed).then(|| Instant::now() + LAG_RETRY_AFTER),
                };
                has_replayed
            }
            Ok(Ok(None)) => {
                tracing::warn!(
                    "a database of DATABASE_READ_URLS is not a standby server; not using it as a read replica"
                );
                state.quarantined_until = Some(Instant::now() + FAILURE_RETRY_AFTER);
                false
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "a read replica (DATABASE_READ_URLS) is unavailable; using the primary database");
                state.quarantined_until = Some(Instant::now() + FAILURE_RETRY_AFTER);
                false
            }
            Err(_) => {
                tracing::warn!("a read replica (DATABASE_READ_URLS) timed out; using the primary database");
                state.quarantined_until = Some(Instant::now() + FAILURE_RETRY_AFTER);
                false
            }
        }
    }

    /// Skips the replica for a while.
    pub(crate) fn quarantine(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = ReplicaState { replayed_lsn: None, quarantined_until: Some(Instant::now() + FAILURE_RETRY_AFTER) };
    }

    /// Returns the replayed position in bytes, or `None` if the server is not a standby.
    async fn query_replayed_lsn(&self, connection: &mut Option<PgConnection>) -> Result<Option<i64>, sqlx::Error> {
        // Taken, so that cancellation closes the connection with its pending query.
        let mut open = match connection.take() {
            Some(open) => open,
            None => self.pool().connect_options().connect().await?,
        };
        // A promoted replica keeps reporting its last replayed position; it must not be trusted.
        let sql = "SELECT CASE WHEN pg_is_in_recovery() THEN (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::bigint END";
        let replayed = sqlx::query_scalar(sql).fetch_one(&mut open).await?;
        *connection = Some(open);
        Ok(replayed)
    }
}
