//! Read replicas, which follow the primary database by streaming replication.
//!
//! A request reads from a replica only if the replica has replayed everything the client has seen, and everything the
//! primary had when it was last asked (see [`revision`](super::revision)). A lagging replica is skipped.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sea_orm::sqlx::postgres::PgConnection;
use sea_orm::sqlx::{self, Error as SqlxError};

use crate::database::DatabasePool;
use crate::store::access::connection_pool::ConnectionPool;
use crate::store::access::probe;
use crate::store::access::revision::{Lsn, Revision};

/// How long a lagging replica is skipped before the next check.
const LAG_RETRY_AFTER: Duration = Duration::from_millis(5);
/// How long an unavailable replica is skipped before the next check.
const FAILURE_RETRY_AFTER: Duration = Duration::from_secs(1);
/// How long a request waits for the replication position; beyond it, the primary is faster.
const REPLICA_TIMEOUT: Duration = Duration::from_millis(250);
/// Timeout for querying the replication position, which may require a new connection.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// Read replica.
#[derive(Debug)]
pub struct Replica {
    pool: ConnectionPool,
    state: Mutex<ReplicaState>,
    /// Locked while the replication position is queried; meanwhile other requests skip the replica.
    probe: Arc<tokio::sync::Mutex<Option<PgConnection>>>,
    request_count: AtomicU64,
}

#[derive(Debug, Default)]
struct ReplicaState {
    /// The replayed position, and the timeline of the primary when it was queried: after a failover, positions of before
    /// mean nothing.
    replayed: Option<(Lsn, Option<u32>)>,
    /// Time until which the replica is skipped.
    quarantined_until: Option<Instant>,
}

impl Replica {
    /// Creates a replica from its pool, which need not be connected yet.
    #[must_use]
    pub fn new(database: &DatabasePool) -> Self {
        Self {
            pool: ConnectionPool::new(database),
            state: Mutex::default(),
            probe: Arc::default(),
            request_count: AtomicU64::default(),
        }
    }

    pub(crate) fn pool(&self) -> &ConnectionPool {
        &self.pool
    }

    /// Returns the number of requests routed to the replica.
    #[must_use]
    pub fn request_count(&self) -> u64 {
        self.request_count.load(Ordering::Relaxed)
    }

    /// Returns whether the replica has replayed this revision, and counts the request if so.
    pub(crate) async fn select_if_replayed(self: &Arc<Self>, revision: &Revision) -> bool {
        let is_selected = self.has_replayed(revision.lsn, revision.timeline).await;
        if is_selected {
            self.request_count.fetch_add(1, Ordering::Relaxed);
        }
        is_selected
    }

    async fn has_replayed(self: &Arc<Self>, position: Lsn, timeline: Option<u32>) -> bool {
        {
            let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if state.quarantined_until.is_some_and(|until| Instant::now() < until) {
                return false;
            }
            if state.replayed.is_some_and(|(replayed, then)| replayed >= position && then == timeline) {
                return true;
            }
        }
        let Ok(kept) = Arc::clone(&self.probe).try_lock_owned() else { return false };
        // A task of its own, so that a new connection is completed if this request cannot wait for it.
        let query = self.pool.runtime().spawn(Arc::clone(self).update_replayed_lsn(kept, position, timeline));
        matches!(tokio::time::timeout(REPLICA_TIMEOUT, query).await, Ok(Ok(true)))
    }

    /// Queries the replayed position, and returns whether it includes `position`.
    async fn update_replayed_lsn(
        self: Arc<Self>,
        mut kept: tokio::sync::OwnedMutexGuard<Option<PgConnection>>,
        position: Lsn,
        timeline: Option<u32>,
    ) -> bool {
        let asked = probe::ask(kept.take(), self.pool.servers(), query_replayed_lsn);
        let asked = tokio::time::timeout(PROBE_TIMEOUT, asked).await;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match asked {
            Ok(Ok((Some(bytes), connection))) => {
                *kept = Some(connection);
                let replayed = Lsn::from(bytes);
                let has_replayed = replayed >= position;
                *state = ReplicaState {
                    replayed: Some((replayed, timeline)),
                    quarantined_until: (!has_replayed).then(|| Instant::now() + LAG_RETRY_AFTER),
                };
                has_replayed
            }
            Ok(Ok((None, _))) => {
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
        *state = ReplicaState { replayed: None, quarantined_until: Some(Instant::now() + FAILURE_RETRY_AFTER) };
    }
}

/// Returns the replayed position in bytes, or `None` if the server is not a standby.
fn query_replayed_lsn(connection: &mut PgConnection) -> BoxFuture<'_, Result<Option<i64>, SqlxError>> {
    // A promoted replica keeps reporting its last replayed position; it must not be trusted.
    let sql = "SELECT CASE WHEN pg_is_in_recovery() THEN (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::bigint END";
    sqlx::query_scalar(sql).fetch_one(connection).boxed()
}
