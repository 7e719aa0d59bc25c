//! Reads of the change feed.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait as _, EntityTrait as _, FromQueryResult, QuerySelect as _, QueryTrait as _};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::entity::change;
use crate::error::Error;
use crate::model::change::{Change, ChangeFilter, ChangeKind, FeedPosition, StoredChange, StoredOperation};
use crate::store::Store;
use crate::store::access::data_loader::{Loader, LoaderKey};
use crate::store::access::sql_fragment::{Sql, bigint_array, sql};
use crate::store::changes::cursor::{CursorError, FeedCursor, FeedEpoch, FeedState, revision};

/// The setting with the secret of the directory, from which keys are derived. A migration makes it.
pub(crate) const SECRET_SETTING: &str = "secret";
/// Rows that one page looks at. It may return fewer changes than requested, or none, although there are more.
pub const MAX_SCANNED_ROWS: usize = 10_000;
/// Rows that are read at once if a filter may drop most of them.
const FILTERED_CHUNK_ROWS: usize = 2_000;

/// A page of the feed.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangePage {
    /// The changes, in the order of the feed.
    pub changes: Vec<Change>,
    /// Up to where the page has read. The next page continues after it.
    pub end: FeedPosition,
    /// What the changes are relative to: where the walk began.
    pub since: FeedPosition,
    /// Whether there are rows after `end`.
    pub has_more: bool,
}

impl ChangePage {
    /// Returns the cursor with which the next page begins. At the end of the feed, the reader knows everything.
    #[must_use]
    pub fn cursor(&self) -> FeedCursor {
        if self.has_more { self.cursor_at(self.end) } else { FeedCursor::complete(self.end) }
    }

    /// Returns the cursor just after a change of the page.
    #[must_use]
    pub fn cursor_at(&self, at: FeedPosition) -> FeedCursor {
        FeedCursor { at, since: self.since }
    }
}

#[derive(FromQueryResult)]
struct StoredChangeRow {
    position: i64,
    kind: i16,
    id: i64,
    operation: StoredOperation,
    visible_since: i64,
    survivor_id: Option<i64>,
    changed_at: DateTime<Utc>,
    source: Option<String>,
    fields: Value,
    organizations: Value,
}

impl TryFrom<StoredChangeRow> for StoredChange {
    type Error = Error;

    fn try_from(row: StoredChangeRow) -> Result<Self, Error> {
        let unknown = || Error::internal("a row of the table change has an unknown kind");
        Ok(Self {
            at: FeedPosition { position: row.position, kind: row.kind, id: row.id },
            kind: ChangeKind::from_number(row.kind).ok_or_else(unknown)?,
            operation: row.operation,
            visible_since: row.visible_since,
            survivor_id: row.survivor_id,
            changed_at: row.changed_at,
            source: row.source,
            fields: decode::<BTreeMap<String, i64>>(row.fields)?,
            organizations: decode::<BTreeMap<i64, Option<i64>>>(row.organizations)?,
        })
    }
}

fn decode<T: DeserializeOwned>(value: Value) -> Result<T, Error> {
    serde_json::from_value(value).map_err(Error::internal)
}

impl Store {
    /// Reads the epochs, the key of cursors and the last position, with one statement.
    ///
    /// # Errors
    /// If the query fails.
    pub async fn feed_state(&self) -> Result<FeedState, Error> {
        #[derive(FromQueryResult)]
        struct StateRow {
            secret: String,
            epoch: i64,
            fork_position: i64,
            head_position: Option<i64>,
            head_kind: Option<i16>,
            head_id: Option<i64>,
        }
        let sql = sql!(
            "SELECT setting.value AS secret, feed_epoch.epoch, feed_epoch.fork_position, \
             head.position AS head_position, head.kind AS head_kind, head.id AS head_id \
             FROM feed_epoch JOIN setting ON setting.name = ? LEFT JOIN LATERAL (SELECT position, kind, id \
             FROM change ORDER BY position DESC, kind DESC, id DESC LIMIT 1) AS head ON true ORDER BY feed_epoch.id",
            SECRET_SETTING,
        );
        let rows = self.query_all::<StateRow>("changes::state", sql).await?;
        let secret = rows.first().map(|row| row.secret.clone()).unwrap_or_default();
        let head = rows.first().and_then(|row| {
            Some(FeedPosition { position: row.head_position?, kind: row.head_kind?, id: row.head_id? })
        });
        let epochs = rows.iter().map(|row| FeedEpoch { id: row.epoch, fork_position: row.fork_position }).collect();
        FeedState::new(&secret, epochs, head.unwrap_or(FeedPosition::START))
    }

    /// Returns the last position of the feed: the cheapest question, which tells whether there is anything new. 0 if the
    /// feed is empty.
    ///
    /// # Errors
    /// If the query fails.
    pub async fn feed_head(&self) -> Result<i64, Error> {
        let last = change::Entity::find().select_only().column_as(change::Column::Position.max(), "position");
        let last: Option<Option<i64>> = self.query_tuples("changes::head", last.into_query().into()).await?.pop();
        Ok(last.flatten().unwrap_or_default())
    }

    /// Returns what a client's cursor says, with a store and a state that are at least as new: a replica may not
    /// have replayed what the cursor refers to.
    ///
    /// # Errors
    /// If the cursor is invalid or forked, or a query fails.
    pub async fn feed_cursor(&self, cursor: Option<&str>) -> Result<(Self, FeedState, FeedCursor), Error> {
        let state = self.feed_state().await?;
        let Some(cursor) = cursor else { return Ok((self.clone(), state, FeedCursor::START)) };
        match state.decode_cursor(cursor) {
            Err(CursorError::Forked) if self.read_replica.is_some() => {
                let primary = Self { read_replica: None, ..self.clone() };
                let state = primary.feed_state().await?;
                let cursor = state.decode_cursor(cursor)?;
                Ok((primary, state, cursor))
            }
            decoded => Ok((self.clone(), state, decoded?)),
        }
    }

    /// Returns the position of a client's cursor; otherwise as [`Self::feed_cursor`].
    ///
    /// # Errors
    /// As [`Self::feed_cursor`].
    pub async fn feed_position(&self, cursor: Option<&str>) -> Result<(Self, FeedState, FeedPosition), Error> {
        let (store, state, cursor) = self.feed_cursor(cursor).await?;
        Ok((store, state, cursor.at))
    }

    /// Reads the rows after a position, at most `limit`, in the order of the feed. With `kinds`, only those.
    ///
    /// # Errors
    /// If the query fails.
    pub async fn read_changes(
        &self,
        after: FeedPosition,
        kinds: Option<&[ChangeKind]>,
        limit: usize,
    ) -> Result<Vec<StoredChange>, Error> {
        let columns = "SELECT change.position, change.kind, change.id, change.operation, \
             change.visible_since, change.survivor_id, change.changed_at, activity.source, change.fields, \
             change.organizations FROM ";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        // Each kind has an index of its own order.
        let rows = match kinds {
            None => sql!(
                "(SELECT * FROM change WHERE (position, kind, id) > (?::bigint, ?::smallint, ?::bigint) \
                 ORDER BY position, kind, id LIMIT ?) AS change ",
                after.position,
                after.kind,
                after.id,
                limit,
            ),
            Some(kinds) => sql!(
                "unnest(?::bigint[]) AS wanted(kind) CROSS JOIN LATERAL (SELECT * FROM change \
                 WHERE change.kind = wanted.kind::smallint AND (position, id) > (?::bigint, \
                 CASE WHEN wanted.kind > ?::smallint THEN 0 WHEN wanted.kind < ?::smallint \
                 THEN 9223372036854775807 ELSE ?::bigint END) ORDER BY position, id LIMIT ?) AS change ",
                bigint_array(kinds.iter().map(|kind| i64::from(kind.number())).collect::<HashSet<i64>>()),
                after.position,
                after.kind,
                after.kind,
                after.id,
                limit,
            ),
        };
        let sql = sql!(
            "LEFT JOIN activity ON activity.id = change.activity_id ORDER BY change.position, change.kind, change.id \
             LIMIT ?",
            limit,
        );
        let sql = Sql::from(columns).then(rows).then(sql);
        let rows = self.query_all::<StoredChangeRow>("changes::page", sql).await?;
        rows.into_iter().map(StoredChange::try_from).collect()
    }

    /// Reads the rows of entities of one kind that stand after a position, in the order of the feed.
    ///
    /// # Errors
    /// If the query fails.
    pub async fn read_entity_changes(
        &self,
        kind: ChangeKind,
        ids: &[i64],
        after: FeedPosition,
    ) -> Result<Vec<StoredChange>, Error> {
        let sql = sql!(
            "SELECT change.position, change.kind, change.id, change.operation, \
             change.visible_since, change.survivor_id, change.changed_at, activity.source, change.fields, \
             change.organizations FROM change LEFT JOIN activity ON activity.id = change.activity_id \
             WHERE change.kind = ?::smallint AND change.id = ANY(?::bigint[]) \
             AND (change.position, change.kind, change.id) > (?::bigint, ?::smallint, ?::bigint) \
             ORDER BY change.position, change.kind, change.id",
            i64::from(kind.number()),
            bigint_array(ids.iter().copied()),
            after.position,
            after.kind,
            after.id,
        );
        let rows = self.query_all::<StoredChangeRow>("changes::entities", sql).await?;
        rows.into_iter().map(StoredChange::try_from).collect()
    }

    /// Reads the next `first` changes after a cursor that pass the filter, whose organizations contain their
    /// descendants. Looks at [`MAX_SCANNED_ROWS`] rows at most.
    ///
    /// # Errors
    /// If a query fails.
    pub async fn change_page(
        &self,
        after: FeedCursor,
        filter: &ChangeFilter,
        first: usize,
    ) -> Result<ChangePage, Error> {
        let FeedCursor { at, since } = after;
        // Rows of other kinds are not read.
        let drops_rows = filter.organizations.is_some() || filter.fields.is_some() || filter.sources.is_some();
        let chunk_rows = if drops_rows { FILTERED_CHUNK_ROWS.max(first + 1) } else { first + 1 };
        let (mut changes, mut end, mut scanned) = (Vec::new(), at, 0);
        loop {
            let rows = self.read_changes(end, filter.kinds.as_deref(), chunk_rows).await?;
            let is_last = rows.len() < chunk_rows;
            for row in rows {
                if changes.len() == first || scanned == MAX_SCANNED_ROWS {
                    return Ok(ChangePage { changes, end, since, has_more: true });
                }
                end = row.at;
                scanned += 1;
                changes.extend(row.since(since, filter));
            }
            if is_last {
                return Ok(ChangePage { changes, end, since, has_more: false });
            }
        }
    }

    /// Returns these organizations with all below them; of one that was merged, the survivor.
    ///
    /// # Errors
    /// If the query fails.
    pub async fn with_descendants(&self, organizations: &[i64]) -> Result<HashSet<i64>, Error> {
        let sql = sql!(
            "WITH RECURSIVE below(id) AS (SELECT coalesce(merged.survivor_id, wanted.id) FROM unnest(?::bigint[]) AS wanted(id) \
             LEFT JOIN former_identity AS merged ON merged.kind = 'organization' AND merged.former_id = wanted.id UNION SELECT child_id FROM organization_parent \
             JOIN below ON below.id = parent_id) SELECT id FROM below",
            bigint_array(organizations.iter().copied()),
        );
        Ok(self.query_tuples("changes::organizations", sql).await?.into_iter().collect())
    }
}

/// Loader key of the revision of an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RevisionKey {
    /// The kind of the entity.
    pub kind: ChangeKind,
    /// Its id.
    pub id: i64,
}

impl LoaderKey for RevisionKey {
    const NAME: &'static str = "changes::revision";
}

impl Loader<RevisionKey> for Store {
    type Value = String;

    async fn load(&self, keys: &[RevisionKey]) -> Result<HashMap<RevisionKey, String>, Error> {
        #[derive(FromQueryResult)]
        struct RevisionRow {
            kind: i16,
            id: i64,
            position: i64,
            epoch: Option<i64>,
        }
        // A position belongs to the last epoch that begins before it.
        let sql = sql!(
            "WITH epoch AS MATERIALIZED (SELECT epoch, fork_position AS after, \
             min(fork_position) OVER (ORDER BY id ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS last \
             FROM feed_epoch) \
             SELECT kind, change.id, position, epoch.epoch \
             FROM unnest(?::bigint[], ?::bigint[]) AS wanted(wanted_kind, wanted_id) JOIN change \
             ON kind = wanted_kind::smallint AND change.id = wanted_id \
             LEFT JOIN epoch ON position > epoch.after AND (epoch.last IS NULL OR position <= epoch.last)",
            bigint_array(keys.iter().map(|key| i64::from(key.kind.number()))),
            bigint_array(keys.iter().map(|key| key.id)),
        );
        let rows = self.query_all::<RevisionRow>(RevisionKey::NAME, sql).await?;
        let keyed = |row: RevisionRow| {
            let kind = ChangeKind::from_number(row.kind)?;
            Some((RevisionKey { kind, id: row.id }, revision(row.position, row.epoch.unwrap_or_default())))
        };
        Ok(rows.into_iter().filter_map(keyed).collect())
    }
}
