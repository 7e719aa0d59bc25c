//! What the directory holds in all.

use sea_orm::FromQueryResult;

use crate::error::Error;
use crate::store::Store;

/// How many of each there are.
#[derive(Clone, Copy, Debug, FromQueryResult)]
#[allow(missing_docs, reason = "the names say it")]
pub struct DirectoryStatistics {
    pub researcher_count: i64,
    pub organization_count: i64,
    pub affiliation_count: i64,
    pub topic_count: i64,
    pub paper_count: i64,
    pub authorship_count: i64,
}

#[derive(FromQueryResult)]
struct Tag {
    tag: String,
}

impl Store {
    /// Counts everything.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn statistics(&self) -> Result<DirectoryStatistics, Error> {
        let sql = "SELECT (SELECT count(*) FROM researcher) AS researcher_count, \
             (SELECT count(*) FROM organization) AS organization_count, \
             (SELECT count(*) FROM affiliation) AS affiliation_count, (SELECT count(*) FROM topic) AS topic_count, \
             (SELECT count(*) FROM paper) AS paper_count, (SELECT count(*) FROM authorship) AS authorship_count";
        self.row("directory::statistics", sql.into()).await?.ok_or_else(|| Error::internal("a count without a row"))
    }

    /// Whether nothing at all was loaded yet.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn is_empty(&self) -> Result<bool, Error> {
        let sql = "SELECT 'any' AS tag WHERE EXISTS (SELECT FROM researcher) OR EXISTS (SELECT FROM organization) \
             OR EXISTS (SELECT FROM topic) OR EXISTS (SELECT FROM paper)";
        Ok(self.row::<Tag>("directory::is_empty", sql.into()).await?.is_none())
    }

    /// The languages that labels of topics and organizations exist in, as BCP 47 tags.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn label_languages(&self) -> Result<Vec<String>, Error> {
        let sql = "SELECT DISTINCT tag FROM (SELECT jsonb_object_keys(display_names) AS tag FROM topic \
             UNION ALL SELECT jsonb_object_keys(display_names) FROM organization) AS labels WHERE tag <> 'und' ORDER BY tag";
        Ok(self.rows::<Tag>("directory::label_languages", sql.into()).await?.into_iter().map(|row| row.tag).collect())
    }
}
