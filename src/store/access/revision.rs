//! Which state the directory is in, so that what was read before can be used again while nothing has changed.
//!
//! Each transaction that changes anything leaves its number in `directory_change` (the migration says why two equal sets of
//! numbers are one state). A version is asked for over a connection of its own, by one request for all, and taken for true
//! for [`TRUSTED`]: what other processes commit is known by then, what this one commits at once.

use std::fmt::{Display, Formatter};
use std::str::FromStr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use sea_orm::sqlx::postgres::PgConnection;
use sea_orm::sqlx::{self, ConnectOptions as _};
use tokio::sync::Mutex;

use crate::error::Error;
use crate::store::Store;

/// How long a version is taken for true after it was asked for.
const TRUSTED: Duration = Duration::from_millis(50);
/// How long the database may take to tell it. Whoever waits longer had better read what he wanted.
const PATIENCE: Duration = Duration::from_millis(250);
/// How long it is not asked again after it could not be told.
const PAUSE: Duration = Duration::from_secs(1);

/// A state of the directory. Of two reads between which it is the same, the second would have found the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(Arc<str>);

/// A place in Postgres's write-ahead log: all that was committed before it was told lies before it. Written as Postgres
/// does, `16/B374D848`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(u64);

impl FromStr for Position {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let part = |text: &str| {
            let is_part = (1..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            is_part.then(|| u64::from_str_radix(text, 16).ok()).flatten()
        };
        let parts = text.split_once('/').and_then(|(high, low)| Some((part(high)?, part(low)?)));
        let (high, low) = parts.ok_or_else(|| {
            let form = "a position is two hexadecimal numbers of up to 8 digits with a slash, such as 16/B374D848";
            Error::BadUserInput(form.to_owned())
        })?;
        Ok(Self(high << 32 | low))
    }
}

impl Display for Position {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:X}/{:X}", self.0 >> 32, self.0 & 0xffff_ffff)
    }
}

/// What the directory was when its database was asked.
#[derive(Clone, Debug)]
pub struct Moment {
    /// Its version.
    pub version: Version,
    /// Whatever has all up to here is of this version or a later one.
    pub position: Position,
}

/// What is known of the version, by all clones of a store.
#[derive(Debug, Default)]
pub(crate) struct VersionWatch {
    known: RwLock<Known>,
    asking: Mutex<Asking>,
}

#[derive(Debug, Default)]
struct Known {
    /// The latest moment, and when it was asked for.
    latest: Option<(Moment, Instant)>,
    /// When this process last changed something: what was asked for before says nothing.
    changed: Option<Instant>,
}

#[derive(Debug, Default)]
struct Asking {
    connection: Option<PgConnection>,
    failed: Option<Instant>,
}

impl VersionWatch {
    /// The latest moment that has all up to a position.
    fn latest(&self, after: Option<Position>) -> Option<Moment> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let (moment, asked) = known.latest.as_ref()?;
        (asked.elapsed() < TRUSTED && Some(moment.position) >= after).then(|| moment.clone())
    }

    fn learn(&self, moment: &Moment, asked: Instant) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.changed.is_none_or(|changed| asked > changed) {
            known.latest = Some((moment.clone(), asked));
        }
    }

    /// For whoever has just committed a change.
    pub(crate) fn forget(&self) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        *known = Known { latest: None, changed: Some(Instant::now()) };
    }
}

impl Store {
    /// What the directory is: what is read of its database from now on is of this version or a later one, and every change
    /// that this process committed before is in it, as is every other of 50 ms ago or longer, and all up to the position that
    /// the caller has seen. None where it cannot be told.
    pub async fn moment(&self, after: Option<Position>) -> Option<Moment> {
        if let Some(moment) = self.version.latest(after) {
            return Some(moment);
        }
        let mut asking = self.version.asking.lock().await;
        // Another request may have asked meanwhile.
        if let Some(moment) = self.version.latest(after) {
            return Some(moment);
        }
        if asking.failed.is_some_and(|failed| failed.elapsed() < PAUSE) {
            return None;
        }
        let asked = Instant::now();
        match tokio::time::timeout(PATIENCE, self.ask_moment(&mut asking.connection)).await {
            Ok(Ok(moment)) => {
                asking.failed = None;
                self.version.learn(&moment, asked);
                Some(moment)
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

    async fn ask_moment(&self, connection: &mut Option<PgConnection>) -> Result<Moment, sqlx::Error> {
        // Taken: if nobody waits for the answer any more, the connection goes with the question.
        let mut open = match connection.take() {
            Some(open) => open,
            None => self.database.get_postgres_connection_pool().connect_options().connect().await?,
        };
        // The position is taken after what the statement sees: what is committed is in the log before anybody sees it.
        let sql = "SELECT coalesce(string_agg(transaction::text, ' ' ORDER BY transaction), ''), \
             ((CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END) \
             - '0/0'::pg_lsn)::bigint FROM directory_change";
        let (numbers, position): (String, i64) = sqlx::query_as(sql).fetch_one(&mut open).await?;
        *connection = Some(open);
        Ok(Moment { version: Version(numbers.into()), position: Position::from(position) })
    }
}

impl From<i64> for Position {
    /// From its distance to the beginning of the log.
    fn from(distance: i64) -> Self {
        Self(distance.cast_unsigned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions() {
        for text in ["0/0", "16/B374D848", "FFFFFFFF/FFFFFFFF"] {
            assert_eq!(text.parse::<Position>().map(|position| position.to_string()).ok().as_deref(), Some(text));
        }
        for text in ["", "0", "/", "1/", "/1", "1/2/3", "x/1", "+1/1", "123456789/0", " 1/1"] {
            assert!(text.parse::<Position>().is_err(), "{text}");
        }
        assert!("1/0".parse::<Position>().ok() > "0/FFFFFFFF".parse().ok());
    }
}
