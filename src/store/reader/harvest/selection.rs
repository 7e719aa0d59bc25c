//! The records of a harvest: a range of the change feed, restricted to a set.
//!
//! The feed is in the order of its positions and `changed_at` is monotone in them, so that a range of dates is a range of
//! positions. A record that changes during a walk moves to the end of the feed, beyond the end of the walk.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;

use crate::entity::organization;
use crate::error::Error;
use crate::model::change::{ChangeKind, FeedPosition, StoredOperation};
use crate::model::language::LocalizedText;
use crate::model::record::PaperType;
use crate::store::Store;
use crate::store::access::sql_fragment::{Sql, bigint_array, sql, text_array};
use crate::store::reader::lookup::{LookupKey, lookup_ids_sql};

/// Rows of the feed that one statement reads if the set may contain few of them.
const SPARSE_CHUNK_ROWS: i64 = 20_000;
/// Rows of the feed that are read before the members of the set are looked up in the index of organizations. A set that has
/// a page among them is large: sorting all of its members for each page would take longer.
const ORGANIZATION_CHUNK_ROWS: i64 = 2_000;
/// The length of a list is not counted beyond this.
pub const MAX_COUNTED_RECORDS: i64 = 2_000_000;

/// Which papers belong to a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaperSelection {
    /// All.
    All,
    /// All but datasets.
    Publications,
    /// Datasets.
    Products,
}

/// Which records belong to a set, by their organizations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrganizationSelection {
    /// Those that belong to any organization.
    Any,
    /// Those that belong to one of these.
    OneOf(HashSet<i64>),
}

/// A set of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordSet {
    /// The kinds of entity.
    pub kinds: Vec<ChangeKind>,
    /// Which papers.
    pub papers: PaperSelection,
    /// Which organizations they belong to; `None` if that does not matter.
    pub organizations: Option<OrganizationSelection>,
}

impl RecordSet {
    /// Whether every record of its kinds belongs to the set.
    fn is_dense(&self) -> bool {
        self.papers == PaperSelection::All && self.organizations.is_none()
    }

    /// The organizations to which all members of the set belong, or did.
    fn listed_organizations(&self) -> Option<&HashSet<i64>> {
        match &self.organizations {
            Some(OrganizationSelection::OneOf(ids)) => Some(ids),
            Some(OrganizationSelection::Any) | None => None,
        }
    }
}

/// A range of the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedRange {
    /// The last position before the range; 0 if it begins with the feed. Records that left the set after it belong to the
    /// range, so that a harvester learns of it.
    pub start: i64,
    /// The last position of the range.
    pub end: i64,
}

/// What the feed says about a record.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordHeader {
    /// Its place in the feed.
    pub at: FeedPosition,
    /// The kind of the entity.
    pub kind: ChangeKind,
    /// Whether the entity no longer exists, or is hidden.
    pub is_deleted: bool,
    /// When it last changed.
    pub changed_at: DateTime<Utc>,
    /// The organizations that it belongs to.
    pub organization_ids: Vec<i64>,
    /// The type of a paper.
    pub paper_type: Option<PaperType>,
    /// The number of authors of a paper.
    pub author_count: u64,
}

/// A page of records.
#[derive(Clone, Debug, PartialEq)]
pub struct HeaderPage {
    /// The records, in the order of the feed.
    pub headers: Vec<RecordHeader>,
    /// Whether more follow.
    pub has_more: bool,
    /// How many statements were needed beyond the first, since few rows belong to the set.
    pub further_statements: u64,
}

/// An organization whose records are a set.
#[derive(Clone, Debug, FromQueryResult)]
pub struct OrganizationSet {
    /// Its id.
    pub id: i64,
    /// Its slug.
    pub slug: String,
    /// Its names.
    pub display_names: LocalizedText,
}

#[derive(FromQueryResult)]
struct HeaderRow {
    scanned: i64,
    end_position: Option<i64>,
    end_kind: Option<i16>,
    end_id: Option<i64>,
    position: Option<i64>,
    kind: Option<i16>,
    id: Option<i64>,
    operation: Option<StoredOperation>,
    changed_at: Option<DateTime<Utc>>,
    organizations: Option<String>,
    paper_type: Option<PaperType>,
    author_count: Option<i32>,
}

impl HeaderRow {
    /// The record of the row; `None` if no row of the chunk belongs to the set.
    fn header(self) -> Result<Option<RecordHeader>, Error> {
        let (Some(position), Some(kind), Some(id)) = (self.position, self.kind, self.id) else { return Ok(None) };
        let missing = || Error::internal("a row of the table change is incomplete");
        let organizations: BTreeMap<i64, Option<i64>> =
            serde_json::from_str(&self.organizations.ok_or_else(missing)?).map_err(Error::internal)?;
        let is_deleted = self.operation.ok_or_else(missing)? != StoredOperation::Visible;
        let current = organizations.into_iter().filter(|(_, left_at)| !is_deleted && left_at.is_none());
        Ok(Some(RecordHeader {
            at: FeedPosition { position, kind, id },
            kind: ChangeKind::from_number(kind).ok_or_else(missing)?,
            is_deleted,
            changed_at: self.changed_at.ok_or_else(missing)?,
            organization_ids: current.map(|(organization, _)| organization).collect(),
            paper_type: self.paper_type,
            author_count: self.author_count.and_then(|count| u64::try_from(count).ok()).unwrap_or_default(),
        }))
    }
}

/// The conditions on a row `change` with its `paper`.
fn conditions(set: &RecordSet, start: i64) -> Sql {
    let mut conditions = Vec::new();
    // The type of a paper that was deleted is not known: it is reported to the harvesters of both sets.
    let type_condition = |comparison: &str| {
        let changed = sql!(" OR ?::bigint > 0 AND change.type_changed_at > ?::bigint", start, start);
        Sql::from(format!("change.kind <> 5 OR change.operation <> 'V' OR paper.type {comparison} 'DATASET'"))
            .then(changed)
    };
    match set.papers {
        PaperSelection::All => {}
        PaperSelection::Publications => conditions.push(type_condition("<>")),
        PaperSelection::Products => conditions.push(type_condition("=")),
    }
    if let Some(organizations) = &set.organizations {
        let belongs = sql!(
            "change.organizations <> '{}' AND EXISTS (SELECT FROM jsonb_each_text(change.organizations) AS own(organization, left_at) \
             WHERE (left_at IS NULL OR change.operation <> 'V' OR ?::bigint > 0 AND left_at::bigint > ?::bigint)",
            start,
            start,
        );
        let one_of = match organizations {
            OrganizationSelection::Any => Sql::from(")"),
            OrganizationSelection::OneOf(ids) => {
                sql!(" AND organization = ANY(?::text[]))", text_array(ids.iter().map(ToString::to_string)))
            }
        };
        conditions.push(belongs.then(one_of));
    }
    Sql::all(conditions)
}

/// The rows of a range after a position, of these kinds, each in the order of an index.
fn scanned_rows(set: &RecordSet, after: FeedPosition, end: i64, limit: i64) -> Sql {
    sql!(
        "SELECT change.* FROM unnest(?::bigint[]) AS wanted(kind) CROSS JOIN LATERAL (SELECT change.position, \
         change.kind, change.id, change.operation, change.changed_at, change.organizations, \
         (change.fields ->> 'type')::bigint AS type_changed_at FROM change \
         WHERE change.kind = wanted.kind::smallint AND (change.position, change.id) > (?::bigint, \
         CASE WHEN wanted.kind > ?::smallint THEN 0 WHEN wanted.kind < ?::smallint \
         THEN 9223372036854775807 ELSE ?::bigint END) AND change.position <= ?::bigint \
         ORDER BY change.position, change.id LIMIT ?) AS change ORDER BY change.position, change.kind, change.id LIMIT ?",
        bigint_array(set.kinds.iter().map(|kind| i64::from(kind.number()))),
        after.position,
        after.kind,
        after.kind,
        after.id,
        end,
        limit,
        limit,
    )
}

/// The rows of a range after a position whose entities belong to one of these organizations, or did.
fn member_rows(set: &RecordSet, organizations: &HashSet<i64>, after: FeedPosition, end: i64) -> Sql {
    sql!(
        "SELECT position, kind, id, operation, changed_at, organizations, (fields ->> 'type')::bigint AS type_changed_at \
         FROM changes_in_organizations(?::text[]) AS change WHERE kind = ANY(?::smallint[]) \
         AND (position, kind, id) > (?::bigint, ?::smallint, ?::bigint) AND position <= ?::bigint",
        text_array(organizations.iter().map(ToString::to_string)),
        bigint_array(set.kinds.iter().map(|kind| i64::from(kind.number()))),
        after.position,
        after.kind,
        after.id,
        end,
    )
}

const PAPER_OF_ROW: &str = " LEFT JOIN paper ON change.kind = 5 AND paper.id = change.id";

/// The first records of a set among the rows of `source`, each with the number of these rows and the last of them.
fn page_sql(source: Sql, set: &RecordSet, start: i64, limit: i64) -> Sql {
    let sql = Sql::from("WITH change AS MATERIALIZED (")
        .then(source)
        .then(
            "), record AS (SELECT change.position, change.kind, change.id, change.operation, change.changed_at, \
             change.organizations::text AS organizations, paper.type AS paper_type, paper.author_count FROM change",
        )
        .then(PAPER_OF_ROW)
        .then(" WHERE ")
        .then(conditions(set, start))
        .then(sql!(
            " ORDER BY change.position, change.kind, change.id LIMIT ?), last AS (SELECT position AS end_position, \
             kind AS end_kind, id AS end_id FROM change ORDER BY position DESC, kind DESC, id DESC LIMIT 1) \
             SELECT (SELECT count(*) FROM change) AS scanned, last.*, record.* FROM (SELECT) AS page \
             LEFT JOIN last ON true LEFT JOIN record ON true ORDER BY record.position, record.kind, record.id",
            limit,
        ));
    // The values of a set decide how it is checked: a long list of organizations is hashed.
    if set.is_dense() { sql } else { sql.with_custom_plan() }
}

impl Store {
    /// Returns for each time the last position of the feed before it; 0 if there is none. Each is found by bisection in the
    /// index of positions.
    ///
    /// # Errors
    /// If the query fails.
    pub async fn last_positions_before(&self, times: &[DateTime<Utc>]) -> Result<Vec<i64>, Error> {
        let seconds = bigint_array(times.iter().map(DateTime::timestamp));
        // The next position at or after `low` is before the time, that at or after `high` is not.
        let sql = sql!(
            "SELECT bound.position FROM unnest(?::bigint[]) WITH ORDINALITY AS wanted(seconds, place) \
             CROSS JOIN LATERAL (WITH RECURSIVE search(low, high) AS (\
             SELECT 0::bigint, (SELECT coalesce(max(position), 0) + 1 FROM change) \
             UNION ALL SELECT CASE WHEN is_before THEN middle ELSE low END, CASE WHEN is_before THEN high ELSE middle END \
             FROM search CROSS JOIN LATERAL (SELECT (low + high) / 2 AS middle) AS half \
             CROSS JOIN LATERAL (SELECT coalesce((SELECT changed_at FROM change WHERE position >= middle \
             ORDER BY position LIMIT 1) < to_timestamp(wanted.seconds), false) AS is_before) AS probe \
             WHERE high - low > 1) SELECT max(low) AS position FROM search) AS bound ORDER BY wanted.place",
            seconds,
        );
        self.query_tuples("harvest::bounds", sql).await
    }

    /// Returns the next records of a set after a position, at most `limit`, up to the end of the range.
    ///
    /// # Errors
    /// If a query fails.
    pub async fn record_headers(
        &self,
        set: &RecordSet,
        range: FeedRange,
        after: FeedPosition,
        limit: usize,
    ) -> Result<HeaderPage, Error> {
        let page_rows = i64::try_from(limit + 1).unwrap_or(i64::MAX);
        let organizations = set.listed_organizations();
        let chunk_rows = match organizations {
            Some(_) => ORGANIZATION_CHUNK_ROWS.max(page_rows),
            None if set.is_dense() => page_rows,
            None => SPARSE_CHUNK_ROWS.max(page_rows),
        };
        let (mut headers, mut after, mut further_statements): (Vec<RecordHeader>, _, _) = (Vec::new(), after, 0);
        loop {
            let members = organizations.filter(|_| further_statements > 0);
            let source = match members {
                Some(organizations) => member_rows(set, organizations, after, range.end).counting_many_rows(),
                None => scanned_rows(set, after, range.end, chunk_rows),
            };
            let rows =
                self.query_all::<HeaderRow>("harvest::page", page_sql(source, set, range.start, page_rows)).await?;
            let is_last = members.is_some() || rows.first().is_none_or(|row| row.scanned < chunk_rows);
            let end = rows.first().and_then(|row| {
                Some(FeedPosition { position: row.end_position?, kind: row.end_kind?, id: row.end_id? })
            });
            for row in rows {
                headers.extend(row.header()?);
            }
            if headers.len() > limit {
                headers.truncate(limit);
                return Ok(HeaderPage { headers, has_more: true, further_statements });
            }
            match end {
                Some(end) if !is_last => after = end,
                _ => return Ok(HeaderPage { headers, has_more: false, further_statements }),
            }
            further_statements += 1;
        }
    }

    /// Returns the number of records of a set in a range; `None` if there are more than [`MAX_COUNTED_RECORDS`].
    ///
    /// # Errors
    /// If the query fails.
    pub async fn count_records(&self, set: &RecordSet, range: FeedRange) -> Result<Option<u64>, Error> {
        let rows = if set.is_dense() {
            sql!(
                "SELECT count(*) FROM (SELECT FROM change WHERE kind = ANY(?::smallint[]) AND position > ?::bigint \
                 AND position <= ?::bigint LIMIT ?) AS counted",
                bigint_array(set.kinds.iter().map(|kind| i64::from(kind.number()))),
                range.start,
                range.end,
                MAX_COUNTED_RECORDS + 1,
            )
        } else {
            let rows = match set.listed_organizations() {
                Some(organizations) => sql!(
                    "changes_in_organizations(?::text[])",
                    text_array(organizations.iter().map(ToString::to_string))
                ),
                None => Sql::from("change"),
            };
            Sql::from(
                "SELECT count(*) FROM (SELECT FROM (SELECT *, (fields ->> 'type')::bigint AS type_changed_at FROM ",
            )
            .then(rows)
            .then(sql!(
                " AS change WHERE kind = ANY(?::smallint[]) AND position > ?::bigint AND position <= ?::bigint) AS change",
                bigint_array(set.kinds.iter().map(|kind| i64::from(kind.number()))),
                range.start,
                range.end,
            ))
            .then(if set.papers == PaperSelection::All { "" } else { PAPER_OF_ROW })
            .then(" WHERE ")
            .then(conditions(set, range.start))
            .then(sql!(" LIMIT ?) AS counted", MAX_COUNTED_RECORDS + 1))
            .with_custom_plan()
        };
        let count: Option<i64> = self.query_tuples("harvest::count", rows.counting_many_rows()).await?.pop();
        let count = count.unwrap_or_default();
        Ok(u64::try_from(count).ok().filter(|_| count <= MAX_COUNTED_RECORDS))
    }

    /// Returns what the feed says about an entity; `None` if it never existed.
    ///
    /// # Errors
    /// If the query fails.
    pub async fn record_header(&self, kind: ChangeKind, id: i64) -> Result<Option<RecordHeader>, Error> {
        let sql = sql!(
            "SELECT 1::bigint AS scanned, NULL::bigint AS end_position, NULL::smallint AS end_kind, NULL::bigint AS end_id, \
             change.position, change.kind, change.id, change.operation, change.changed_at, \
             change.organizations::text AS organizations, paper.type AS paper_type, paper.author_count FROM change \
             LEFT JOIN paper ON change.kind = 5 AND paper.id = change.id \
             WHERE change.kind = ?::smallint AND change.id = ?::bigint",
            kind.number(),
            id,
        );
        match self.query_one::<HeaderRow>("harvest::record", sql).await? {
            Some(row) => row.header(),
            None => Ok(None),
        }
    }

    /// Returns a time before every change of the feed; `None` if the feed was not begun.
    ///
    /// # Errors
    /// If the query fails.
    pub async fn earliest_change(&self) -> Result<Option<DateTime<Utc>>, Error> {
        let sql = sql!(
            "SELECT least((SELECT min(began_at) FROM feed_epoch), \
             (SELECT changed_at FROM change ORDER BY position LIMIT 1))"
        );
        let earliest: Option<Option<DateTime<Utc>>> = self.query_tuples("harvest::earliest", sql).await?.pop();
        Ok(earliest.flatten())
    }

    /// Returns the organizations with children after an id, at most `limit`, in the order of their ids.
    ///
    /// # Errors
    /// If the query fails.
    pub async fn organization_sets(&self, after: i64, limit: usize) -> Result<Vec<OrganizationSet>, Error> {
        let sql = sql!(
            "SELECT id, slug, display_names FROM organization WHERE id > ? AND EXISTS (SELECT FROM organization_parent \
             WHERE parent_id = organization.id) ORDER BY id LIMIT ?",
            after,
            i64::try_from(limit).unwrap_or(i64::MAX),
        );
        self.query_all("harvest::organization_sets", sql).await
    }

    /// Returns the id of the organization with a current or former slug.
    ///
    /// # Errors
    /// If the query fails.
    pub async fn organization_by_slug(&self, slug: &str) -> Result<Option<i64>, Error> {
        let key = LookupKey::Slug(slug.to_owned());
        let sql = Sql::from("SELECT hit.id FROM (")
            .then(lookup_ids_sql::<organization::Model>([&key]))
            .then(") AS hit(index, id)");
        Ok(self.query_tuples("harvest::organization_by_slug", sql).await?.pop())
    }
}
