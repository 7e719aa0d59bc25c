//! The slugs of all entities, for the sitemap.

use sea_orm::FromQueryResult;

use crate::error::Error;
use crate::model::change::ChangeKind;
use crate::store::Store;
use crate::store::access::sql_fragment::{Sql, sql};
use crate::store::reader::lookup::LookupTable;

/// An entity with a page.
#[derive(Clone, Debug, FromQueryResult)]
pub struct SlugRow {
    /// The slug.
    pub slug: String,
    /// When it last changed, by the change feed: also by what it is linked to. In UTC as in RFC 3339.
    pub changed_at: String,
}

impl Store {
    /// Returns which parts of the row ids of a table have rows, in ascending order: part 1 has the first `part_ids` row ids.
    ///
    /// # Errors
    /// If the query fails.
    pub async fn parts_with_rows<M: LookupTable>(&self, part_ids: i64) -> Result<Vec<i64>, Error> {
        // From each part it jumps to the next row after it.
        let next = format!("(SELECT min(id) - 1 FROM {} WHERE id > part * {part_ids}) / {part_ids} + 1", M::NAME);
        let sql = format!(
            "WITH RECURSIVE parts(part) AS (SELECT (min(id) - 1) / {part_ids} + 1 FROM {table} \
             UNION ALL SELECT {next} FROM parts WHERE part IS NOT NULL) \
             SELECT part FROM parts WHERE part IS NOT NULL",
            table = M::NAME
        );
        self.query_tuples("sitemap::parts", Sql::from(sql)).await
    }

    /// Returns the entities whose row id is after the first and at most the second.
    ///
    /// # Errors
    /// If the query fails.
    pub async fn slugs_between<M: LookupTable>(
        &self,
        kind: ChangeKind,
        after: i64,
        last: i64,
    ) -> Result<Vec<SlugRow>, Error> {
        let sql = format!(
            "SELECT node.slug, to_char(coalesce(change.changed_at, node.updated_at) AT TIME ZONE 'UTC', \
             'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS changed_at FROM {} AS node LEFT JOIN change ON change.id = node.id AND ",
            M::NAME
        );
        let sql = Sql::from(sql).then(sql!(
            "change.kind = ?::smallint WHERE node.id > ? AND node.id <= ? ORDER BY node.id",
            i64::from(kind.number()),
            after,
            last
        ));
        self.query_all("sitemap::slugs", sql).await
    }
}
