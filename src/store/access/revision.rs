//! Revision of the directory, which determines whether cached data is still current.
//!
//! Each writing transaction records its id in `directory_change`; the migration explains why equal sets of ids mean the
//! same state. One request queries the revision for all, over a separate connection. The result is valid for
//! [`REVISION_TTL`]: commits of other processes become visible within that time, commits of this process at once.

use std::fmt::{Display, Formatter};
use std::str::FromStr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use sea_orm::sqlx::postgres::PgConnection;
use sea_orm::sqlx::{self, ConnectOptions as _};
use tokio::sync::Mutex;

use crate::error::Error;
use crate::store::Store;

/// How long a queried revision is valid.
const REVISION_TTL: Duration = Duration::from_millis(50);
/// Timeout for querying the revision; beyond it, reading the data itself is faster.
const REVISION_TIMEOUT: Duration = Duration::from_millis(250);
/// How long the revision is not queried after a failure.
const REVISION_RETRY_AFTER: Duration = Duration::from_secs(1);

/// State of the directory. If it is equal before two reads, both return the same data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevisionId(Arc<str>);

/// Position in Postgres's write-ahead log (LSN): everything committed before it was read precedes it. Formatted as in
/// Postgres, for example `16/B374D848`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lsn(u64);

impl FromStr for Lsn {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let part = |text: &str| {
            let is_part = (1..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            is_part.then(|| u64::from_str_radix(text, 16).ok()).flatten()
        };
        let parts = text.split_once('/').and_then(|(high, low)| Some((part(high)?, part(low)?)));
        let (high, low) = parts.ok_or_else(|| {
            let message = "a replication position is two hexadecimal numbers with up to 8 digits, such as 16/B374D848";
            Error::BadUserInput(message.to_owned())
        })?;
        Ok(Self(high << 32 | low))
    }
}

impl Display for Lsn {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:X}/{:X}", self.0 >> 32, self.0 & 0xffff_ffff)
    }
}

/// State of the directory at one time, with its replication position.
#[derive(Clone, Debug)]
pub struct Revision {
    /// Identifies the state.
    pub id: RevisionId,
    /// A replica that has replayed up to here has this revision or a later one.
    pub lsn: Lsn,
}

/// Cached revision, shared by all clones of a store.
#[derive(Debug, Default)]
pub(crate) struct RevisionCache {
    state: RwLock<CachedRevision>,
    probe: Mutex<RevisionProbe>,
}

#[derive(Debug, Default)]
struct CachedRevision {
    /// Latest revision and when it was queried.
    latest: Option<(Revision, Instant)>,
    /// When this process last committed a change; revisions queried before are invalid.
    invalidated_at: Option<Instant>,
}

#[derive(Debug, Default)]
struct RevisionProbe {
    connection: Option<PgConnection>,
    failed_at: Option<Instant>,
}

impl RevisionCache {
    /// Returns the cached revision if it is valid and includes this position.
    fn fresh(&self, after: Option<Lsn>) -> Option<Revision> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let (revision, queried_at) = state.latest.as_ref()?;
        (queried_at.elapsed() < REVISION_TTL && Some(revision.lsn) >= after).then(|| revision.clone())
    }

    fn insert(&self, revision: &Revision, queried_at: Instant) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if state.invalidated_at.is_none_or(|invalidated_at| queried_at > invalidated_at) {
            state.latest = Some((revision.clone(), queried_at));
        }
    }

    /// Invalidates the cached revision after a commit.
    pub(crate) fn invalidate(&self) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        *state = CachedRevision { latest: None, invalidated_at: Some(Instant::now()) };
    }
}

impl Store {
    /// Returns the current revision, or `None` if it cannot be determined. Reads from now on return this revision or a
    /// later one. It includes everything up to `after`, all earlier commits of this process, and commits of other processes
    /// older than 50 ms.
    pub async fn current_revision(&self, after: Option<Lsn>) -> Option<Revision> {
        if let Some(revision) = self.revision_cache.fresh(after) {
            return Some(revision);
        }
        let mut probe = self.revision_cache.probe.lock().await;
        // Another request may have queried it meanwhile.
        if let Some(revision) = self.revision_cache.fresh(after) {
            return Some(revision);
        }
        if probe.failed_at.is_some_and(|failed_at| failed_at.elapsed() < REVISION_RETRY_AFTER) {
            return None;
        }
        let queried_at = Instant::now();
        match tokio::time::timeout(REVISION_TIMEOUT, self.query_revision(&mut probe.connection)).await {
            Ok(Ok(revision)) => {
                probe.failed_at = None;
                self.revision_cache.insert(&revision, queried_at);
                Some(revision)
            }
            failed => {
                let error = failed.map_or_else(
                    |_| "timeout".to_owned(),
                    |result| result.map_or_else(|error| error.to_string(), |_| String::new()),
                );
                tracing::debug!(%error, "the current revision cannot be determined; the response cache is bypassed");
                probe.failed_at = Some(Instant::now());
                None
            }
        }
    }

    async fn query_revision(&self, connection: &mut Option<PgConnection>) -> Result<Revision, sqlx::Error> {
        // Taken, so that cancellation closes the connection with its pending query.
        let mut open = match connection.take() {
            Some(open) => open,
            None => self.database.get_postgres_connection_pool().connect_options().connect().await?,
        };
        // Evaluated after the statement's snapshot was taken: a commit is in the log before it is visible.
        let sql = "SELECT coalesce(string_agg(transaction::text, ' ' ORDER BY transaction), ''), \
             ((CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END) \
             - '0/0'::pg_lsn)::bigint FROM directory_change";
        let (transaction_ids, position): (String, i64) = sqlx::query_as(sql).fetch_one(&mut open).await?;
        *connection = Some(open);
        Ok(Revision { id: RevisionId(transaction_ids.into()), lsn: Lsn::from(position) })
    }
}

#[cfg(test)]
impl Revision {
    /// Returns a revision with this id, at the start of the log.
    pub(crate) fn for_test(id: &str) -> Self {
        Self { id: RevisionId(id.into()), lsn: Lsn(0) }
    }
}

impl From<i64> for Lsn {
    /// Converts a number of bytes from the start of the log.
    fn from(bytes: i64) -> Self {
        Self(bytes.cast_unsigned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lsn_parses_and_formats_as_in_postgres() {
        for text in ["0/0", "16/B374D848", "FFFFFFFF/FFFFFFFF"] {
            assert_eq!(text.parse::<Lsn>().map(|lsn| lsn.to_string()).ok().as_deref(), Some(text));
        }
        for text in ["", "0", "/", "1/", "/1", "1/2/3", "x/1", "+1/1", "123456789/0", " 1/1"] {
            assert!(text.parse::<Lsn>().is_err(), "{text}");
        }
        assert!("1/0".parse::<Lsn>().ok() > "0/FFFFFFFF".parse().ok());
    }
}
