//! Totals of the whole directory.

use sea_orm::FromQueryResult;

use crate::error::Error;
use crate::store::Store;
use crate::store::access::sql_fragment::sql;

/// Number of entities of each type.
#[derive(Clone, Copy, Debug, FromQueryResult)]
#[allow(missing_docs, reason = "the names are self-explanatory")]
pub struct DirectoryCounts {
    pub researcher_count: i64,
    pub organization_count: i64,
    pub affiliation_count: i64,
    pub topic_count: i64,
    pub paper_count: i64,
    pub authorship_count: i64,
}

impl Store {
    /// Counts all entities.
    ///
    /// # Errors
    /// Returns an error if the query fails.
    pub async fn directory_counts(&self) -> Result<DirectoryCounts, Error> {
        self.query_one(
            "directory::statistics",
            sql!(
                "SELECT (SELECT count(*) FROM researcher) AS researcher_count, (SELECT count(*) \
                 FROM organization) AS organization_count, (SELECT count(*) \
                 FROM affiliation) AS affiliation_count, (SELECT count(*) \
                 FROM topic) AS topic_count, (SELECT count(*) FROM paper) AS paper_count, (SELECT count(*) \
                 FROM authorship) AS authorship_count"
            )
            .counting_many_rows(),
        )
        .await?
        .ok_or_else(|| Error::internal("a count without a row"))
    }

    /// Returns the slug of the researcher with the most papers, as an example; none if there are no researchers with papers.
    ///
    /// # Errors
    /// Returns an error if the query fails.
    pub async fn example_researcher(&self) -> Result<Option<String>, Error> {
        let sql = "SELECT researcher.slug FROM researcher_statistics JOIN researcher ON researcher.id = researcher_id \
             WHERE paper_count > 0 ORDER BY paper_count DESC, researcher_id DESC LIMIT 1";
        Ok(self.query_tuples("directory::example", sql.into()).await?.pop())
    }

    /// Returns whether the directory has no entities.
    ///
    /// # Errors
    /// Returns an error if the query fails.
    pub async fn is_empty(&self) -> Result<bool, Error> {
        let sql = "SELECT 'any' AS tag WHERE EXISTS (SELECT FROM researcher) OR EXISTS (SELECT FROM organization) \
             OR EXISTS (SELECT FROM topic) OR EXISTS (SELECT FROM paper)";
        Ok(self.query_tuples::<String>("directory::is_empty", sql.into()).await?.is_empty())
    }

    /// Returns the languages of topic labels and organization names, as sorted BCP 47 tags.
    ///
    /// # Errors
    /// Returns an error if the query fails.
    pub async fn label_languages(&self) -> Result<Vec<String>, Error> {
        // Without a collation, the order would be that of the database.
        let sql = "SELECT DISTINCT tag COLLATE \"C\" AS tag FROM (SELECT jsonb_object_keys(display_names) AS tag FROM topic \
             UNION ALL SELECT jsonb_object_keys(display_names) FROM organization) AS labels WHERE tag <> 'und' ORDER BY tag";
        self.query_tuples("directory::label_languages", sql.into()).await
    }
}
