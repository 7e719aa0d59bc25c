//! Classes of expensive statements, each with its own small share of the connections.
//!
//! A statement that keeps a core of the database busy for a second delays all others, however few connections it needs.
//! At most a share of the connections executes statements of a class, one statement of a request at a time. The
//! others wait for a limited time, and hold no connection meanwhile. After a long statement its share pauses, so that the
//! class uses a third of a core.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};

use crate::error::Error;
use crate::store::Store;

/// The share of a class is one connection of this many, at least one.
const CONNECTIONS_PER_SHARED_ONE: usize = 16;
/// Maximum number of requests that wait for a class, for each connection of its share.
const MAX_WAITING_REQUESTS: usize = 8;
/// Maximum time that a request waits for a class.
const MAX_WAIT: Duration = Duration::from_secs(3);
/// Statements shorter than this are followed by no pause.
const MIN_LONG_STATEMENT: Duration = Duration::from_millis(100);
/// Duration of the pause after a long statement, as a multiple of its duration.
const PAUSE_FACTOR: u32 = 2;
/// Maximum duration of a pause; shorter than [`MAX_WAIT`], so that the next request does not wait in vain.
const MAX_PAUSE: Duration = Duration::from_secs(2);
/// Number of words from which on the search of a statement is expensive: each is looked up by its trigrams.
const MIN_EXPENSIVE_SEARCH_WORDS: usize = 9;

/// Class of an expensive statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WorkClass {
    /// Searches for many words.
    Search,
    /// Counts over large parts of the directory: facets, data quality, and the search for a coauthor path.
    Count,
}

impl WorkClass {
    const ALL: [Self; 2] = [Self::Search, Self::Count];

    /// Returns the message for a client whose request waited too long.
    fn busy_message(self) -> &'static str {
        match self {
            Self::Search => {
                "too many searches for many words are running; retry in a few seconds, or search for fewer words"
            }
            Self::Count => {
                "too many counts over large lists are running; retry in a few seconds, or request no facets and no data \
                 quality"
            }
        }
    }
}

/// How much work a statement is expected to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StatementWork {
    /// Number of words to search for.
    pub search_words: usize,
    /// Whether it counts over a large part of the directory.
    pub counts_many_rows: bool,
}

impl StatementWork {
    /// Returns the work of a statement that consists of two parts.
    #[must_use]
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            search_words: self.search_words + other.search_words,
            counts_many_rows: self.counts_many_rows || other.counts_many_rows,
        }
    }

    fn class(self) -> Option<WorkClass> {
        if self.search_words >= MIN_EXPENSIVE_SEARCH_WORDS {
            Some(WorkClass::Search)
        } else {
            self.counts_many_rows.then_some(WorkClass::Count)
        }
    }
}

/// The shares of all classes, and the turns of one request.
#[derive(Clone, Debug)]
pub(crate) struct WorkClasses(Arc<[ClassQueue]>);

#[derive(Clone, Debug)]
struct ClassQueue {
    share: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    max_waiting: usize,
    max_wait: Duration,
    /// Held by the one statement of the request that waits or runs.
    turn: Arc<Mutex<()>>,
}

/// Permission to execute one statement, until it is dropped.
pub(crate) struct WorkPermit(#[expect(dead_code, reason = "held until drop")] Option<ClassPermit>);

struct ClassPermit {
    share: Option<OwnedSemaphorePermit>,
    started_at: Instant,
    _turn: OwnedMutexGuard<()>,
}

impl Drop for ClassPermit {
    /// Returns the share after the pause.
    fn drop(&mut self) {
        let pause = pause_after(self.started_at.elapsed());
        if !pause.is_zero()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
            && let Some(share) = self.share.take()
        {
            runtime.spawn(async move {
                tokio::time::sleep(pause).await;
                drop(share);
            });
        }
    }
}

/// Returns the pause after a statement of this duration.
fn pause_after(duration: Duration) -> Duration {
    if duration < MIN_LONG_STATEMENT { Duration::ZERO } else { (duration * PAUSE_FACTOR).min(MAX_PAUSE) }
}

impl WorkClasses {
    /// Returns the shares of a pool with this many connections.
    pub(crate) fn new(max_connections: usize) -> Self {
        Self::with_max_wait(max_connections, MAX_WAIT)
    }

    fn with_max_wait(max_connections: usize, max_wait: Duration) -> Self {
        let share = (max_connections / CONNECTIONS_PER_SHARED_ONE).max(1);
        let queue = || ClassQueue {
            share: Arc::new(Semaphore::new(share)),
            waiting: Arc::default(),
            max_waiting: share * MAX_WAITING_REQUESTS,
            max_wait,
            turn: Arc::default(),
        };
        Self(WorkClass::ALL.map(|_| queue()).into())
    }

    /// Returns the same shares for another request.
    pub(crate) fn for_request(&self) -> Self {
        Self(self.0.iter().map(|queue| ClassQueue { turn: Arc::default(), ..queue.clone() }).collect())
    }

    async fn enter(&self, class: WorkClass) -> Result<WorkPermit, Error> {
        let Some(queue) = self.0.get(class as usize) else { return Ok(WorkPermit(None)) };
        // Statements of one request do not compete with each other: they are executed one after the other.
        let turn = Arc::clone(&queue.turn).lock_owned().await;
        let busy = || Error::Busy(class.busy_message());
        let share = Arc::clone(&queue.share);
        let permit = match Arc::clone(&share).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                let _waiting = WaitingRequest::new(&queue.waiting, queue.max_waiting).ok_or_else(busy)?;
                let acquired = tokio::time::timeout(queue.max_wait, share.acquire_owned()).await;
                acquired.map_err(|_| busy())?.map_err(Error::internal)?
            }
        };
        Ok(WorkPermit(Some(ClassPermit { share: Some(permit), started_at: Instant::now(), _turn: turn })))
    }
}

/// Counts as one until it is dropped.
struct WaitingRequest(Arc<AtomicUsize>);

impl WaitingRequest {
    /// Returns `None` if as many requests wait as may.
    fn new(waiting: &Arc<AtomicUsize>, maximum: usize) -> Option<Self> {
        let this = Self(Arc::clone(waiting));
        (waiting.fetch_add(1, Ordering::AcqRel) < maximum).then_some(this)
    }
}

impl Drop for WaitingRequest {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Store {
    /// Waits until a statement may be executed. A cheap statement does not wait.
    ///
    /// # Errors
    /// [`Error::Busy`] if too many requests wait for the same class, or the request waited too long.
    pub(crate) async fn enter_work_class(&self, work: StatementWork) -> Result<WorkPermit, Error> {
        let Some(class) = work.class() else { return Ok(WorkPermit(None)) };
        self.work_classes.enter(class).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT_WAIT: Duration = Duration::from_millis(20);

    fn is_busy<T>(result: &Result<T, Error>) -> bool {
        matches!(result, Err(Error::Busy(_)))
    }

    #[test]
    fn long_statements_are_followed_by_a_pause() {
        let pauses = [0, 99, 100, 700, 5_000].map(|duration| pause_after(Duration::from_millis(duration)).as_millis());
        assert_eq!(pauses, [0, 0, 200, 1_400, 2_000]);
        assert!(MAX_PAUSE < MAX_WAIT);
    }

    #[tokio::test]
    async fn a_request_that_waits_too_long_is_rejected() {
        let classes = WorkClasses::with_max_wait(16, SHORT_WAIT);
        let first = classes.for_request().enter(WorkClass::Search).await.expect("a free share");
        assert!(is_busy(&classes.for_request().enter(WorkClass::Search).await));
        // The other class has a share of its own.
        classes.for_request().enter(WorkClass::Count).await.expect("a free share");
        drop(first);
        classes.for_request().enter(WorkClass::Search).await.expect("a free share");
    }

    #[tokio::test]
    async fn statements_of_one_request_wait_for_each_other_without_limit() {
        let request = WorkClasses::with_max_wait(1, SHORT_WAIT).for_request();
        let statements = (0..3 * MAX_WAITING_REQUESTS).map(async |_| {
            let permit = request.enter(WorkClass::Count).await;
            tokio::time::sleep(SHORT_WAIT).await;
            permit.is_ok()
        });
        assert!(futures_util::future::join_all(statements).await.into_iter().all(|is_ok| is_ok));
    }

    #[tokio::test]
    async fn excess_requests_are_rejected_at_once() {
        // A waiting request would block the rest of the test.
        let classes = WorkClasses::with_max_wait(1, Duration::from_secs(3600));
        let running = classes.for_request().enter(WorkClass::Count).await.expect("a free share");
        let waiting: Vec<_> = (0..MAX_WAITING_REQUESTS)
            .map(|_| {
                let request = classes.for_request();
                tokio::spawn(async move { request.enter(WorkClass::Count).await.map(drop) })
            })
            .collect();
        tokio::task::yield_now().await;
        assert!(is_busy(&classes.for_request().enter(WorkClass::Count).await));
        drop(running);
        for request in waiting {
            request.await.expect("a task").expect("a share");
        }
    }

    #[test]
    fn classes_of_statements() {
        let search = |search_words| StatementWork { search_words, ..StatementWork::default() };
        let count = StatementWork { counts_many_rows: true, ..StatementWork::default() };
        assert_eq!(search(8).class(), None);
        assert_eq!(search(5).and(search(5)).class(), Some(WorkClass::Search));
        assert_eq!(search(8).and(count).class(), Some(WorkClass::Count));
    }
}
