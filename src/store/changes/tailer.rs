//! The change tailer: follows the feed for all subscribers of the instance.
//!
//! While there are subscribers, it asks for the last position of the feed five times a second, and reads what is new once.
//! It keeps the last rows in a ring, from which subscribers take what passes their filter. A subscriber that is further
//! behind reads the database.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::error::Error;
use crate::model::change::{FeedPosition, StoredChange};
use crate::store::Store;
use crate::store::changes::cursor::FeedState;

/// How often the last position is read.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// Number of rows that are kept.
const RING_ROWS: usize = 4_096;

/// Follows the change feed while it has subscribers.
#[derive(Debug)]
pub struct ChangeTailer {
    ring: Mutex<Ring>,
    subscribers: Mutex<Subscribers>,
    /// Changes whenever the ring does.
    updates: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Subscribers {
    count: usize,
    is_polling: bool,
}

impl Default for ChangeTailer {
    fn default() -> Self {
        Self { ring: Mutex::default(), subscribers: Mutex::default(), updates: watch::Sender::new(()) }
    }
}

impl ChangeTailer {
    /// Adds a subscriber and starts polling for the first, on the current Tokio runtime.
    pub(super) fn subscribe(self: &Arc<Self>, store: &Store) -> TailerGuard {
        let mut subscribers = self.subscribers();
        subscribers.count += 1;
        if !subscribers.is_polling {
            subscribers.is_polling = true;
            tokio::spawn(poll(Arc::clone(self), store.without_request()));
        }
        TailerGuard(Arc::clone(self))
    }

    /// Tells when the ring changes.
    pub(super) fn updates(&self) -> watch::Receiver<()> {
        self.updates.subscribe()
    }

    pub(super) fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn subscribers(&self) -> MutexGuard<'_, Subscribers> {
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what is new.
    async fn read(&self, store: &Store, is_first: bool) -> Result<(), Error> {
        let (end, is_new) = {
            let ring = self.ring();
            (ring.end, is_first || ring.state.is_none())
        };
        if !is_new && store.feed_head().await? == end.position {
            return Ok(());
        }
        let state = store.feed_state().await?;
        let is_continued = {
            let ring = self.ring();
            let is_fork = ring.state.as_ref().is_some_and(|known| known.epoch() != state.epoch()) || state.head() < end;
            let mut ring = ring;
            ring.generation += u64::from(is_fork);
            // What happened while nobody was subscribed is not read.
            !is_fork && !is_new
        };
        let rows = if is_continued { store.read_changes(end, None, RING_ROWS + 1).await? } else { Vec::new() };
        let mut ring = self.ring();
        if is_continued && rows.len() <= RING_ROWS {
            rows.into_iter().for_each(|row| ring.push(row));
        } else {
            ring.restart(state.head());
        }
        ring.state = Some(state);
        drop(ring);
        self.updates.send_replace(());
        Ok(())
    }
}

/// Polls until there are no subscribers.
async fn poll(tailer: Arc<ChangeTailer>, store: Store) {
    let mut interval = tokio::time::interval(POLL_INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut is_first, mut is_failing) = (true, false);
    loop {
        interval.tick().await;
        {
            let mut subscribers = tailer.subscribers();
            if subscribers.count == 0 {
                subscribers.is_polling = false;
                return;
            }
        }
        match tailer.read(&store, is_first).await {
            Ok(()) => {
                if is_failing {
                    tracing::info!("the change feed is followed again");
                }
                (is_first, is_failing) = (false, false);
            }
            Err(error) if !is_failing => {
                tracing::warn!(%error, "the change feed could not be read; subscribers receive its changes later");
                is_failing = true;
            }
            Err(error) => tracing::debug!(%error, "the change feed could not be read"),
        }
    }
}

/// A counted subscriber.
#[derive(Debug)]
pub(super) struct TailerGuard(Arc<ChangeTailer>);

impl TailerGuard {
    pub(super) fn tailer(&self) -> &ChangeTailer {
        &self.0
    }
}

impl Drop for TailerGuard {
    fn drop(&mut self) {
        self.0.subscribers().count -= 1;
    }
}

/// The last rows of the feed. As in the table, each entity has one row.
#[derive(Debug, Default)]
pub(super) struct Ring {
    rows: BTreeMap<FeedPosition, Arc<StoredChange>>,
    positions: HashMap<(i16, i64), FeedPosition>,
    /// The ring has all rows after this position.
    start: FeedPosition,
    /// Up to where the feed was read.
    end: FeedPosition,
    /// What cursors are made of; `None` before the first read.
    state: Option<FeedState>,
    /// Changes when the feed is forked: cursors may have become invalid.
    generation: u64,
}

impl Ring {
    /// The rows after a position; `None` if some of them are not in the ring any more.
    pub(super) fn after(&self, position: FeedPosition) -> Option<impl Iterator<Item = &Arc<StoredChange>>> {
        let range = (Bound::Excluded(position), Bound::Unbounded);
        (position >= self.start).then(|| self.rows.range(range).map(|(_, row)| row))
    }

    pub(super) fn end(&self) -> FeedPosition {
        self.end
    }

    pub(super) fn state(&self) -> Option<&FeedState> {
        self.state.as_ref()
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    fn push(&mut self, row: StoredChange) {
        self.end = row.at;
        let entity = (row.at.kind, row.at.id);
        if let Some(before) = self.positions.insert(entity, row.at) {
            self.rows.remove(&before);
        }
        self.rows.insert(row.at, Arc::new(row));
        if self.rows.len() > RING_ROWS
            && let Some((position, _)) = self.rows.pop_first()
        {
            self.start = position;
            self.positions.remove(&(position.kind, position.id));
        }
    }

    /// Continues at the end of the feed, without rows.
    fn restart(&mut self, head: FeedPosition) {
        self.rows.clear();
        self.positions.clear();
        (self.start, self.end) = (head, head);
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::model::change::{ChangeKind, StoredOperation};

    fn row(position: i64, id: i64) -> StoredChange {
        StoredChange {
            at: FeedPosition { position, kind: 5, id },
            kind: ChangeKind::Paper,
            operation: StoredOperation::Visible,
            visible_since: position,
            survivor_id: None,
            changed_at: DateTime::UNIX_EPOCH,
            source: None,
            fields: BTreeMap::new(),
            organizations: BTreeMap::new(),
        }
    }

    fn ids(ring: &Ring, after: i64) -> Option<Vec<i64>> {
        let position = FeedPosition { position: after, kind: 9, id: 0 };
        ring.after(position).map(|rows| rows.map(|row| row.at.id).collect())
    }

    #[test]
    fn each_entity_is_at_its_last_change() {
        let mut ring = Ring::default();
        ring.restart(FeedPosition { position: 10, kind: 1, id: 1 });
        assert_eq!((ids(&ring, 9), ids(&ring, 10)), (None, Some(vec![])));
        for (position, id) in [(11, 1), (12, 2), (13, 1), (14, 3)] {
            ring.push(row(position, id));
        }
        assert_eq!(ids(&ring, 10), Some(vec![2, 1, 3]));
        assert_eq!(ids(&ring, 12), Some(vec![1, 3]));
        assert_eq!(ring.end().position, 14);
    }

    #[test]
    fn number_of_rows_is_limited() {
        let mut ring = Ring::default();
        for number in 1..=RING_ROWS as i64 + 2 {
            ring.push(row(number, number));
        }
        assert_eq!((ids(&ring, 1), ids(&ring, 2).map(|ids| ids.len())), (None, Some(RING_ROWS)));
        assert_eq!((ring.rows.len(), ring.positions.len()), (RING_ROWS, RING_ROWS));
    }
}
