//! Revision of the directory, which determines whether cached data is still current.
//!
//! Each writing transaction records its id in `directory_change`; the migration explains why equal sets of ids mean the
//! same state. One question asks for the revision on behalf of all requests, over a connection apart from the pool. An
//! answer is valid for [`REVISION_TTL`] after its question was sent, plus the time it took: commits of other processes
//! become visible within that time, commits of this process at once.
//!
//! While requests arrive, a question is sent every [`QUESTION_INTERVAL`] without waiting for the answers to earlier ones,
//! so that there is always a valid answer, however distant the database is. Without requests, nothing is asked.

use std::fmt::{Display, Formatter};
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sea_orm::sqlx::postgres::PgConnection;
use sea_orm::sqlx::{self, Error as SqlxError};
use tokio::sync::watch;

use crate::error::Error;
use crate::store::Store;
use crate::store::access::connection_pool::ConnectionPool;
use crate::store::access::probe;

/// How long a revision is valid after its question was sent, in addition to the time until the answer.
const REVISION_TTL: Duration = Duration::from_millis(100);
/// Minimum time between two questions, unless a request waits and none is pending. Half of the validity, so that one
/// answer may be late.
const QUESTION_INTERVAL: Duration = Duration::from_millis(50);
/// Maximum number of pending questions, each of which has a connection: enough for a round trip of 400 ms. A database
/// that is farther away or stuck is asked less often.
const MAX_PENDING_QUESTIONS: usize = 8;
/// How long a request waits for an answer; beyond it, reading the data itself is faster.
const REVISION_TIMEOUT: Duration = Duration::from_millis(250);
/// Timeout of a question, which may have to open a connection first.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the revision is not queried after a failure.
const REVISION_RETRY_AFTER: Duration = Duration::from_secs(1);
/// How long further connections for questions are kept without being used.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// State of the directory. If it is equal before two reads, both return the same data. It includes the timeline, because
/// after a failover other transactions may have the same ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevisionId(Arc<str>);

impl RevisionId {
    /// The text that identifies the state.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

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
    /// The timeline of the log, which changes with a failover; `None` if the server is a standby.
    pub timeline: Option<u32>,
}

/// The database does not have a replication position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PositionError {
    /// The log of the primary ends before it. It never will have the position: another position may have the same number.
    #[error(
        "the position {position} is after the end of the database's log, {end}: it belongs to another directory, or its \
         changes were lost when the database was restored or failed over; repeat the request without the position, and use \
         the one of the response from then on"
    )]
    AfterEnd {
        /// The position that the client has seen.
        position: Lsn,
        /// The end of the log.
        end: Lsn,
    },
    /// The database is a standby, which may replay it later.
    #[error("the database has not replayed the position {position} yet, but only {replayed}; retry in a few seconds")]
    NotReplayed {
        /// The position that the client has seen.
        position: Lsn,
        /// The position that is replayed.
        replayed: Lsn,
    },
}

/// The revision, shared by all clones of a store.
#[derive(Debug, Default)]
pub(crate) struct RevisionCache {
    state: Mutex<CachedRevision>,
    /// Notified after each answer or failure.
    answered: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct CachedRevision {
    /// The answer to the latest question that was answered.
    latest: Option<Answer>,
    /// When this process last committed a change; questions that were sent before do not count.
    invalidated_at: Option<Instant>,
    /// When the latest question was started; `None` if the next one is due.
    asked_at: Option<Instant>,
    /// When a question failed or a request gave up waiting, unless a question was answered since.
    failed_at: Option<Instant>,
    /// Number of pending questions.
    pending: usize,
    /// Whether one of them opens a connection.
    is_opening: bool,
    /// Connections without a question, each with when it was last used; the last used last.
    idle_connections: Vec<(PgConnection, Instant)>,
    /// Whether a task waits to close those that are no longer used.
    is_closing_idle: bool,
}

#[derive(Clone, Debug)]
struct Answer {
    revision: Revision,
    /// When its question was sent: the answer includes everything committed before.
    asked_at: Instant,
    valid_until: Instant,
}

impl CachedRevision {
    fn valid_answer(&self) -> Option<&Answer> {
        self.latest.as_ref().filter(|answer| Instant::now() < answer.valid_until)
    }

    fn has_failed(&self) -> bool {
        self.failed_at.is_some_and(|failed_at| failed_at.elapsed() < REVISION_RETRY_AFTER)
    }

    /// Returns whether to send a question. `is_awaited` says that a request waits for the answer.
    fn is_question_due(&self, is_awaited: bool) -> bool {
        let is_due = self.asked_at.is_none_or(|asked_at| asked_at.elapsed() >= QUESTION_INTERVAL);
        // A further connection is opened if the open ones are not enough, one at a time.
        let can_ask = !self.idle_connections.is_empty() || !self.is_opening;
        (is_due || is_awaited && self.pending == 0)
            && can_ask
            && self.pending < MAX_PENDING_QUESTIONS
            && !self.has_failed()
    }

    fn insert(&mut self, answer: Answer) {
        let is_current = self.invalidated_at.is_none_or(|invalidated_at| answer.asked_at > invalidated_at);
        // Answers may arrive in another order than their questions were sent.
        let is_latest = self.latest.as_ref().is_none_or(|latest| answer.asked_at > latest.asked_at);
        if is_current && is_latest {
            self.latest = Some(answer);
        }
    }
}

impl RevisionCache {
    fn lock(&self) -> MutexGuard<'_, CachedRevision> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Invalidates the cached revision after a commit.
    pub(crate) fn invalidate(&self) {
        let mut state = self.lock();
        state.latest = None;
        state.invalidated_at = Some(Instant::now());
        state.asked_at = None;
    }

    /// Returns what `pick` takes from the state, as soon as it takes something, and sends questions meanwhile. Returns
    /// `None` if the database cannot be asked or does not answer in time.
    async fn wait_for<T>(
        self: &Arc<Self>,
        pool: &ConnectionPool,
        pick: impl Fn(&CachedRevision) -> Option<T>,
    ) -> Option<T> {
        let mut answered = None;
        let deadline = Instant::now() + REVISION_TIMEOUT;
        loop {
            let next_question = {
                let mut state = self.lock();
                let picked = pick(&state);
                if state.is_question_due(picked.is_none()) {
                    self.send_question(&mut state, pool);
                }
                if picked.is_some() || state.has_failed() {
                    return picked;
                }
                state.asked_at.map_or_else(Instant::now, |asked_at| asked_at + QUESTION_INTERVAL)
            };
            // Subscribed first, then the state is looked at again, so that no answer is missed.
            let Some(answered) = &mut answered else {
                answered = Some(self.answered.subscribe());
                continue;
            };
            // The next question may be due before the pending one is answered.
            let until = if next_question > Instant::now() { deadline.min(next_question) } else { deadline };
            let waited = tokio::time::timeout_at(until.into(), answered.changed()).await;
            if waited.is_err() && Instant::now() >= deadline {
                // Others do not wait as long.
                self.lock().failed_at = Some(Instant::now());
                return None;
            }
        }
    }

    /// Asks for the revision, so that a connection for further questions is open.
    pub(crate) fn warm_up(self: &Arc<Self>, pool: &ConnectionPool) {
        let mut state = self.lock();
        if state.is_question_due(true) {
            self.send_question(&mut state, pool);
        }
    }

    fn send_question(self: &Arc<Self>, state: &mut CachedRevision, pool: &ConnectionPool) {
        state.asked_at = Some(Instant::now());
        state.pending += 1;
        let kept = state.idle_connections.pop().map(|(connection, _)| connection);
        let is_opening = kept.is_none();
        state.is_opening |= is_opening;
        let (cache, servers) = (Arc::clone(self), pool.servers().clone());
        pool.runtime().spawn(async move {
            let asked = tokio::time::timeout(QUESTION_TIMEOUT, probe::ask(kept, &servers, query_revision)).await;
            cache.finish_question(asked.unwrap_or(Err(SqlxError::PoolTimedOut)), is_opening);
        });
    }

    fn finish_question(self: &Arc<Self>, asked: Result<(Answer, PgConnection), SqlxError>, is_opening: bool) {
        let mut state = self.lock();
        state.pending -= 1;
        state.is_opening &= !is_opening;
        match asked {
            Ok((answer, connection)) => {
                state.failed_at = None;
                state.insert(answer);
                state.idle_connections.push((connection, Instant::now()));
            }
            Err(error) => {
                tracing::debug!(%error, "the current revision cannot be determined; the response cache is bypassed");
                state.failed_at = Some(Instant::now());
            }
        }
        if state.idle_connections.len() > 1 && !state.is_closing_idle {
            state.is_closing_idle = true;
            tokio::spawn(Arc::clone(self).close_idle_connections());
        }
        drop(state);
        self.answered.send_replace(());
    }

    /// Closes connections that are not used for a while, all but one.
    async fn close_idle_connections(self: Arc<Self>) {
        tokio::time::sleep(IDLE_TIMEOUT).await;
        let mut state = self.lock();
        state.is_closing_idle = false;
        let used = |(_, used_at): &(PgConnection, Instant)| used_at.elapsed() < IDLE_TIMEOUT;
        let unused = state.idle_connections.iter().take_while(|idle| !used(idle)).count();
        let excess = unused.min(state.idle_connections.len().saturating_sub(1));
        state.idle_connections.drain(..excess);
    }
}

impl Store {
    /// Returns the current revision, or `None` if it cannot be determined. Reads from now on return this revision or a
    /// later one. It includes everything up to `position`, all earlier commits of this process, and commits of other
    /// processes older than 100 ms plus a round trip to the database.
    ///
    /// # Errors
    /// If the database does not have the position.
    pub async fn revision_for(&self, position: Option<Lsn>) -> Result<Option<Revision>, PositionError> {
        match position {
            Some(position) => self.revision_including(position).await,
            None => {
                let valid = |state: &CachedRevision| state.valid_answer().map(|answer| answer.revision.clone());
                Ok(self.revision_cache.wait_for(&self.pool, valid).await)
            }
        }
    }

    /// Returns the latest known revision, at once unless none is known yet, or `None` if it cannot be determined. Reads
    /// from now on return this revision or a later one, which is what a response is cached under: if the directory has
    /// changed, the entry is never used.
    pub async fn known_revision(&self) -> Option<Revision> {
        let known = |state: &CachedRevision| state.latest.as_ref().map(|answer| answer.revision.clone());
        self.revision_cache.wait_for(&self.pool, known).await
    }

    /// Waits, if necessary, for the answer to a question that was sent after the call.
    async fn revision_including(&self, position: Lsn) -> Result<Option<Revision>, PositionError> {
        let called_at = Instant::now();
        let settled = |state: &CachedRevision| {
            let Answer { revision, asked_at, .. } = state.valid_answer()?;
            (revision.lsn >= position || *asked_at >= called_at).then(|| revision.clone())
        };
        match self.revision_cache.wait_for(&self.pool, settled).await {
            Some(Revision { lsn, timeline, .. }) if lsn < position => Err(match timeline {
                Some(_) => PositionError::AfterEnd { position, end: lsn },
                None => PositionError::NotReplayed { position, replayed: lsn },
            }),
            revision => Ok(revision),
        }
    }
}

fn query_revision(connection: &mut PgConnection) -> BoxFuture<'_, Result<Answer, SqlxError>> {
    // The position is evaluated after the statement's snapshot was taken: a commit is in the log before it is visible.
    // The name of a log file begins with the timeline. The day is part of the state: affiliations begin and end on a day
    // of the database's time zone.
    let sql = "SELECT coalesce(string_agg(transaction::text, ' ' ORDER BY transaction), ''), \
         ((CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END) \
         - '0/0'::pg_lsn)::bigint, \
         CASE WHEN NOT pg_is_in_recovery() THEN left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) END, \
         CURRENT_DATE::text FROM directory_change";
    async move {
        let asked_at = Instant::now();
        let (transaction_ids, position, timeline, day): (String, i64, Option<String>, String) =
            sqlx::query_as(sql).fetch_one(connection).await?;
        let now = Instant::now();
        let timeline = timeline.and_then(|digits| u32::from_str_radix(&digits, 16).ok());
        let id = format!("{} {day} {transaction_ids}", timeline.unwrap_or_default());
        let revision = Revision { id: RevisionId(id.into()), lsn: Lsn::from(position), timeline };
        Ok(Answer { revision, asked_at, valid_until: now + REVISION_TTL })
    }
    .boxed()
}

#[cfg(test)]
impl Revision {
    /// Returns a revision with this id, at the start of the log.
    pub(crate) fn for_test(id: &str) -> Self {
        Self { id: RevisionId(id.into()), lsn: Lsn(0), timeline: None }
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

    /// The answer to a question that was sent at this time, with this position.
    fn answer(asked_at: Instant, position: i64) -> Answer {
        let revision = Revision { id: RevisionId("".into()), lsn: Lsn::from(position), timeline: Some(1) };
        Answer { revision, asked_at, valid_until: asked_at + Duration::from_secs(60) }
    }

    #[test]
    fn latest_question_wins() {
        let (mut state, start) = (CachedRevision::default(), Instant::now());
        let position = |state: &CachedRevision| state.valid_answer().map(|answer| answer.revision.lsn);
        state.insert(answer(start + Duration::from_millis(50), 2));
        state.insert(answer(start, 1));
        assert_eq!(position(&state), Some(Lsn(2)));
        state.insert(answer(start + Duration::from_millis(100), 3));
        assert_eq!(position(&state), Some(Lsn(3)));
    }

    #[test]
    fn question_before_a_commit_does_not_count() {
        let cache = RevisionCache::default();
        let before = Instant::now();
        cache.lock().insert(answer(before, 1));
        cache.invalidate();
        let mut state = cache.lock();
        assert!(state.valid_answer().is_none());
        state.insert(answer(before, 1));
        assert!(state.valid_answer().is_none());
        state.insert(answer(Instant::now(), 2));
        assert!(state.valid_answer().is_some());
    }

    #[test]
    fn questions_are_sent_at_intervals() {
        let mut state = CachedRevision::default();
        assert!(state.is_question_due(false));
        state.asked_at = Some(Instant::now());
        assert!(!state.is_question_due(false));
        // A request waits, and none is pending.
        assert!(state.is_question_due(true));
        state.pending = 1;
        assert!(!state.is_question_due(true));
        state.asked_at = Instant::now().checked_sub(QUESTION_INTERVAL);
        assert!(state.is_question_due(false));
        // One connection is opened at a time.
        state.is_opening = true;
        assert!(!state.is_question_due(true));
        state.is_opening = false;
        state.pending = MAX_PENDING_QUESTIONS;
        assert!(!state.is_question_due(true));
        state.pending = 0;
        state.failed_at = Some(Instant::now());
        assert!(!state.is_question_due(true));
    }

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
