//! Which state the directory is in, so that what was read before can be used again while nothing has changed.
//!
//! Each transaction that changes anything leaves its number in `directory_change` (the migration says why two equal sets of
//! numbers are one state). A version is asked for over a connection of its own, by one request for all, and taken for true
//! for [`TRUSTED`]: what other processes commit is known by then, what this one commits at once.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use sea_orm::sqlx::postgres::PgConnection;
use sea_orm::sqlx::{self, ConnectOptions as _};
use tokio::sync::Mutex;

use super::Store;

/// How long a version is taken for true after it was asked for.
const TRUSTED: Duration = Duration::from_millis(50);
/// How long the database may take to tell it. Whoever waits longer had better read what he wanted.
const PATIENCE: Duration = Duration::from_millis(250);
/// How long it is not asked again after it could not be told.
const PAUSE: Duration = Duration::from_secs(1);

/// A state of the directory. Of two reads between which it is the same, the second would have found the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(Arc<str>);

/// What is known of the version, by all clones of a store.
#[derive(Debug, Default)]
pub(super) struct VersionWatch {
    known: RwLock<Known>,
    asking: Mutex<Asking>,
}

#[derive(Debug, Default)]
struct Known {
    /// The latest version, and when it was asked for.
    latest: Option<(Version, Instant)>,
    /// When this process last changed something: what was asked for before says nothing.
    changed: Option<Instant>,
}

#[derive(Debug, Default)]
struct Asking {
    connection: Option<PgConnection>,
    failed: Option<Instant>,
}

impl VersionWatch {
    fn latest(&self) -> Option<Version> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.latest.as_ref().filter(|(_, asked)| asked.elapsed() < TRUSTED).map(|(version, _)| version.clone())
    }

    fn learn(&self, version: &Version, asked: Instant) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.changed.is_none_or(|changed| asked > changed) {
            known.latest = Some((version.clone(), asked));
        }
    }

    /// For whoever has just committed a change.
    pub(super) fn forget(&self) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        *known = Known { latest: None, changed: Some(Instant::now()) };
    }
}

impl Store {
    /// The version of the directory: what is read from now on is of this version or a later one, and every change that
    /// this process committed before is in it, as is every other of 50 ms ago or longer. None where it cannot be told.
    pub async fn version(&self) -> Option<Version> {
        if let Some(version) = self.version.latest() {
            return Some(version);
        }
        let mut asking = self.version.asking.lock().await;
        // Another request may have asked meanwhile.
        if let Some(version) = self.version.latest() {
            return Some(version);
        }
        if asking.failed.is_some_and(|failed| failed.elapsed() < PAUSE) {
            return None;
        }
        let asked = Instant::now();
        match tokio::time::timeout(PATIENCE, self.ask_version(&mut asking.connection)).await {
            Ok(Ok(version)) => {
                asking.failed = None;
                self.version.learn(&version, asked);
                Some(version)
            }
            failed => {
                let error = failed.map_or_else(
                    |_| "no answer in time".to_owned(),
                    |told| told.map_or_else(|error| error.to_string(), |_| String::new()),
                );
                tracing::debug!(%error, "the directory's version is not known; nothing is answered from the cache");
                asking.failed = Some(Instant::now());
                None
            }
        }
    }

    async fn ask_version(&self, connection: &mut Option<PgConnection>) -> Result<Version, sqlx::Error> {
        // Taken: if nobody waits for the answer any more, the connection goes with the question.
        let mut open = match connection.take() {
            Some(open) => open,
            None => self.database.get_postgres_connection_pool().connect_options().connect().await?,
        };
        let numbers =
            "SELECT coalesce(string_agg(transaction::text, ' ' ORDER BY transaction), '') FROM directory_change";
        let numbers: String = sqlx::query_scalar(numbers).fetch_one(&mut open).await?;
        *connection = Some(open);
        Ok(Version(numbers.into()))
    }
}
