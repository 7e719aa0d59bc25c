//! Whether the counts that are kept beside people agree with what they count.

use sea_orm::FromQueryResult;

use crate::error::Error;
use crate::store::Store;
use crate::store::access::sql_fragment::Sql;

/// Somebody whose kept counts are not what counting gives.
#[derive(Clone, Debug, FromQueryResult)]
pub struct Miscounted {
    /// The person's number.
    pub id: i64,
    /// The name to show.
    pub name: String,
    /// The slug.
    pub slug: String,
    /// The papers, as kept.
    pub kept_papers: i64,
    /// The papers, counted.
    pub counted_papers: i64,
    /// The coauthors, as kept.
    pub kept_coauthors: i64,
    /// The coauthors, counted.
    pub counted_coauthors: i64,
}

impl Store {
    /// Counts the papers and coauthors of some people, drawn by chance among those with papers, again.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn miscounted(&self, drawn: u32) -> Result<Vec<Miscounted>, Error> {
        let sql = Sql::with(
            "SELECT * FROM (SELECT researcher.id, researcher.display_name AS name, researcher.slug, \
             drawn.paper_count::bigint AS kept_papers, drawn.coauthor_count::bigint AS kept_coauthors, \
             (SELECT count(*) FROM authorship WHERE authorship.researcher_id = drawn.researcher_id) AS counted_papers, \
             (SELECT count(DISTINCT theirs.researcher_id) FROM authorship AS mine JOIN paper ON paper.id = mine.paper_id \
             JOIN authorship AS theirs ON theirs.paper_id = mine.paper_id AND theirs.researcher_id <> mine.researcher_id \
             WHERE mine.researcher_id = drawn.researcher_id AND paper.author_count <= ?) AS counted_coauthors ",
            i64::from(self.consortium_size()),
        )
        .then_with(
            "FROM (SELECT * FROM researcher_statistics WHERE paper_count > 0 ORDER BY random() LIMIT ?) AS drawn ",
            i64::from(drawn),
        )
        .then(
            "JOIN researcher ON researcher.id = drawn.researcher_id) AS counted \
             WHERE kept_papers <> counted_papers OR kept_coauthors <> counted_coauthors ORDER BY id",
        );
        self.rows("quality::miscounted", sql).await
    }
}
