//! Consistency check of stored statistics against recomputed counts.

use sea_orm::FromQueryResult;

use crate::error::Error;
use crate::store::Store;
use crate::store::access::sql_fragment::sql;

/// Researcher whose stored statistics differ from the recomputed counts.
#[derive(Clone, Debug, FromQueryResult)]
pub struct StatisticsMismatch {
    /// Numeric id.
    pub id: i64,
    /// Display name.
    pub name: String,
    /// Slug.
    pub slug: String,
    /// Stored number of papers.
    pub kept_papers: i64,
    /// Recomputed number of papers.
    pub counted_papers: i64,
    /// Stored number of coauthors.
    pub kept_coauthors: i64,
    /// Recomputed number of coauthors.
    pub counted_coauthors: i64,
}

impl Store {
    /// Recomputes the statistics of a random sample of researchers with papers, and returns those that differ.
    ///
    /// # Errors
    /// Returns an error if the query fails.
    pub async fn find_statistics_mismatches(&self, drawn: u32) -> Result<Vec<StatisticsMismatch>, Error> {
        let sql = sql!(
            "SELECT * FROM (SELECT researcher.id, researcher.display_name AS name, researcher.slug, \
             drawn.paper_count::bigint AS kept_papers, drawn.coauthor_count::bigint AS kept_coauthors, \
             (SELECT count(*) FROM authorship WHERE authorship.researcher_id = drawn.researcher_id) AS \
             counted_papers, (SELECT count(DISTINCT theirs.researcher_id) FROM authorship AS mine \
             JOIN paper ON paper.id = mine.paper_id JOIN authorship AS theirs ON theirs.paper_id = mine.paper_id \
             AND theirs.researcher_id <> mine.researcher_id WHERE mine.researcher_id = drawn.researcher_id \
             AND paper.author_count <= ?) AS counted_coauthors FROM (SELECT * FROM researcher_statistics \
             WHERE paper_count > 0 ORDER BY random() LIMIT ?) AS drawn \
             JOIN researcher ON researcher.id = drawn.researcher_id) AS counted WHERE kept_papers <> counted_papers \
             OR kept_coauthors <> counted_coauthors ORDER BY id",
            i64::from(self.consortium_size()),
            i64::from(drawn),
        );
        self.query_all("quality::miscounted", sql).await
    }
}
