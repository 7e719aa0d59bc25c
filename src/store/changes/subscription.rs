//! Subscriptions to the change feed: first everything after the cursor, then what is new, without gaps or duplicates.

use std::collections::HashSet;

use tokio::sync::watch;

use crate::error::Error;
use crate::model::change::{Change, ChangeFilter, ChangeKind, FeedPosition, StoredChange};
use crate::store::Store;
use crate::store::changes::cursor::{FeedCursor, FeedState};
use crate::store::changes::feed::{ChangePage, MAX_SCANNED_ROWS};
use crate::store::changes::tailer::TailerGuard;

/// Maximum number of changes in a batch.
pub const MAX_BATCH_CHANGES: usize = 100;
/// Rows that are read at once if a filter may drop most of them.
const FILTERED_CHUNK_ROWS: usize = 2_000;

/// What a subscriber receives of the feed.
#[derive(Clone, Debug, Default)]
pub struct ChangeSelection {
    /// The conditions. Its organizations are those of `organizations` with all below them.
    pub filter: ChangeFilter,
    /// Organizations whose descendants are included.
    pub organizations: Option<Vec<i64>>,
    /// Only these entities, of the first kind of the filter; at most [`MAX_BATCH_CHANGES`].
    pub entities: Option<HashSet<i64>>,
}

impl ChangeSelection {
    fn news(&self, row: &StoredChange, after: FeedPosition) -> Option<Change> {
        let is_selected = self.entities.as_ref().is_none_or(|entities| entities.contains(&row.at.id));
        row.since(after, &self.filter).filter(|_| is_selected)
    }
}

/// A subscription to the feed.
#[derive(Debug)]
pub struct ChangeSubscription {
    guard: TailerGuard,
    updates: watch::Receiver<()>,
    selection: ChangeSelection,
    state: FeedState,
    generation: u64,
    /// Up to where the subscriber knows everything. What is news is relative to it: in the middle of a walk, an entity may
    /// have moved on before it was reached.
    since: FeedPosition,
    /// Whether a walk is in progress: the last batch was followed by others.
    is_walking: bool,
    /// Up to where the feed was looked at: nothing up to it is to be delivered.
    scanned: FeedPosition,
    /// Whether the rows after `scanned` are to be read from the database.
    is_behind: bool,
}

/// A batch of changes. It counts as delivered once it is passed to [`ChangeSubscription::deliver`].
#[derive(Clone, Debug)]
pub struct ChangeBatch {
    /// The changes, with the cursor after them.
    pub page: ChangePage,
    /// What their cursors are made of.
    pub state: FeedState,
    scanned: FeedPosition,
    is_behind: bool,
}

impl Store {
    /// Subscribes to the changes after a cursor, or to those from now on.
    ///
    /// # Errors
    /// If the cursor is invalid or forked, or a query fails.
    pub async fn subscribe_to_changes(
        &self,
        after: Option<&str>,
        selection: ChangeSelection,
    ) -> Result<ChangeSubscription, Error> {
        // First, so that the tailer sees everything after the position read here.
        let guard = self.change_tailer().subscribe(self);
        let updates = guard.tailer().updates();
        let generation = guard.tailer().ring().generation();
        let (state, FeedCursor { at, since }) = match after {
            Some(cursor) => {
                let (_, state, cursor) = self.feed_cursor(Some(cursor)).await?;
                (state, cursor)
            }
            None => {
                let state = self.feed_state().await?;
                let cursor = FeedCursor::complete(state.head());
                (state, cursor)
            }
        };
        let (is_behind, is_walking) = (at < state.head(), at != since);
        let scanned = at;
        Ok(ChangeSubscription { guard, updates, selection, state, generation, since, is_walking, scanned, is_behind })
    }
}

impl ChangeSubscription {
    /// Waits until there may be something to read. Takes no connection.
    pub async fn ready(&mut self) {
        loop {
            self.updates.borrow_and_update();
            if self.has_news() {
                return;
            }
            if self.updates.changed().await.is_err() {
                // The tailer is held by the guard.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Whether there is something to read, after passing over what is not for this subscriber.
    fn has_news(&mut self) -> bool {
        let ring = self.guard.tailer().ring();
        if self.is_behind || ring.generation() != self.generation {
            return true;
        }
        let Some(mut rows) = ring.after(self.scanned) else {
            self.is_behind = true;
            return true;
        };
        let follows_organizations = self.selection.organizations.is_some();
        let is_news = |row: &StoredChange| {
            let moves_organizations = follows_organizations && row.kind == ChangeKind::Organization;
            moves_organizations || self.selection.news(row, self.since).is_some()
        };
        if rows.any(|row| is_news(row)) {
            return true;
        }
        self.scanned = self.scanned.max(ring.end());
        false
    }

    /// Reads the next batch, which may be empty although there are more changes.
    ///
    /// # Errors
    /// If the feed was forked before the last cursor, or a query fails.
    pub async fn read(&mut self, store: &Store) -> Result<ChangeBatch, Error> {
        let (generation, end) = {
            let ring = self.guard.tailer().ring();
            (ring.generation(), ring.end())
        };
        if generation != self.generation {
            let cursor = self.state.encode(self.since);
            let (_, state, FeedCursor { at, .. }) = store.feed_cursor(Some(&cursor)).await?;
            // What was passed over may have been replaced.
            (self.state, self.since, self.scanned) = (state, at, at);
            (self.generation, self.is_behind, self.is_walking) = (generation, true, false);
        }
        if self.is_behind {
            return self.read_database(store, end).await;
        }
        let rows = self.rows_in_ring();
        match rows {
            Some(rows) => {
                if rows.iter().any(|row| row.kind == ChangeKind::Organization) {
                    self.refresh_organizations(store).await?;
                }
                let mut batch = BatchBuilder::new(self);
                let is_complete = rows.iter().all(|row| batch.add(row, self));
                Ok(batch.finish(self, is_complete.then_some(end), false))
            }
            None => {
                self.is_behind = true;
                self.read_database(store, end).await
            }
        }
    }

    /// The rows of the ring that may be for this subscriber.
    fn rows_in_ring(&self) -> Option<Vec<std::sync::Arc<StoredChange>>> {
        let ring = self.guard.tailer().ring();
        Some(ring.after(self.scanned)?.cloned().collect())
    }

    /// Reads from the database. What it returns is at least as new as `end`, up to where the tailer has read.
    async fn read_database(&mut self, store: &Store, end: FeedPosition) -> Result<ChangeBatch, Error> {
        self.refresh_organizations(store).await?;
        let mut batch = BatchBuilder::new(self);
        if let (Some(entities), Some([kind, ..])) = (&self.selection.entities, self.selection.filter.kinds.as_deref()) {
            let ids: Vec<i64> = entities.iter().copied().collect();
            let rows = store.read_entity_changes(*kind, &ids, self.scanned).await?;
            let is_complete = rows.iter().all(|row| batch.add(row, self));
            return Ok(batch.finish(self, is_complete.then_some(end), !is_complete));
        }
        let ChangeFilter { kinds, organizations, fields, .. } = &self.selection.filter;
        // Rows of other kinds are not read.
        let drops_rows = organizations.is_some() || fields.is_some();
        let chunk_rows = if drops_rows { FILTERED_CHUNK_ROWS } else { MAX_BATCH_CHANGES + 1 };
        let mut scanned_rows = 0;
        loop {
            let rows = store.read_changes(batch.scanned, kinds.as_deref(), chunk_rows).await?;
            let is_last = rows.len() < chunk_rows;
            scanned_rows += rows.len();
            let is_complete = rows.iter().all(|row| batch.add(row, self));
            if is_complete && is_last {
                return Ok(batch.finish(self, Some(end), false));
            }
            if !is_complete || scanned_rows >= MAX_SCANNED_ROWS {
                return Ok(batch.finish(self, None, true));
            }
        }
    }

    /// Finds the descendants of the organizations again.
    async fn refresh_organizations(&mut self, store: &Store) -> Result<(), Error> {
        if let Some(organizations) = &self.selection.organizations {
            self.selection.filter.organizations = Some(store.with_descendants(organizations).await?);
        }
        Ok(())
    }

    /// The batch was delivered: the subscription continues after it.
    pub fn deliver(&mut self, batch: &ChangeBatch) {
        let ChangePage { changes, end, has_more, .. } = &batch.page;
        let is_delivered = !changes.is_empty();
        if *has_more {
            self.is_walking |= is_delivered;
        } else if is_delivered || self.is_walking {
            // What was passed over without a batch is not known to the client, whose cursor is before it.
            self.since = if is_delivered { *end } else { batch.scanned };
            self.is_walking = false;
        }
        self.state = batch.state.clone();
        (self.scanned, self.is_behind) = (batch.scanned, batch.is_behind);
    }
}

/// Collects the changes of a batch.
struct BatchBuilder {
    changes: Vec<Change>,
    scanned: FeedPosition,
    state: FeedState,
}

impl BatchBuilder {
    fn new(subscription: &ChangeSubscription) -> Self {
        let ring_state = subscription.guard.tailer().ring().state().cloned();
        let state = ring_state.unwrap_or_else(|| subscription.state.clone());
        Self { changes: Vec::new(), scanned: subscription.scanned, state }
    }

    /// Adds a row; returns false if the batch is full.
    fn add(&mut self, row: &StoredChange, subscription: &ChangeSubscription) -> bool {
        if self.changes.len() == MAX_BATCH_CHANGES {
            return false;
        }
        self.scanned = row.at;
        self.changes.extend(subscription.selection.news(row, subscription.since));
        true
    }

    /// Finishes the batch. `end` is up to where there is nothing more, if the batch has all.
    fn finish(self, subscription: &ChangeSubscription, end: Option<FeedPosition>, is_behind: bool) -> ChangeBatch {
        let scanned = self.scanned.max(end.unwrap_or(self.scanned));
        let (since, has_more) = (subscription.since, end.is_none());
        let page = ChangePage { changes: self.changes, end: self.scanned, since, has_more };
        ChangeBatch { page, state: self.state, scanned, is_behind }
    }
}
