//! Authors and pairs of coauthors of papers, whose counts are updated when authorships change.

use std::collections::HashSet;

use sea_orm::FromQueryResult;

use crate::error::Error;
use crate::store::access::sql_fragment::{Sql, bigint_array};
use crate::store::unit_of_work::UnitOfWork;

/// The pairs of coauthors on these papers, in both directions.
pub(crate) async fn coauthor_pairs_of(uow: &UnitOfWork<'_>, papers: &[i64]) -> Result<HashSet<(i64, i64)>, Error> {
    #[derive(FromQueryResult)]
    struct PairRow {
        mine: i64,
        theirs: i64,
    }
    if papers.is_empty() {
        return Ok(HashSet::new());
    }
    let sql = Sql::with(
        "SELECT DISTINCT mine.researcher_id AS mine, theirs.researcher_id AS theirs FROM paper \
         JOIN authorship AS mine ON mine.paper_id = paper.id JOIN authorship AS theirs \
         ON theirs.paper_id = paper.id AND theirs.researcher_id <> mine.researcher_id WHERE paper.id = ANY(?)",
        bigint_array(papers.iter().copied()),
    )
    .then_with(" AND paper.author_count <= ?", i64::from(uow.consortium_size()));
    Ok(uow.rows::<PairRow>(sql).await?.into_iter().map(|pair| (pair.mine, pair.theirs)).collect())
}

/// The researchers who are authors of these papers.
pub(crate) async fn researchers_of_papers(uow: &UnitOfWork<'_>, papers: &[i64]) -> Result<HashSet<i64>, Error> {
    Ok(researchers_by_paper(uow, papers).await?.into_iter().map(|(_, researcher_id)| researcher_id).collect())
}

/// These papers, each with the researchers who are its authors.
pub(crate) async fn researchers_by_paper(uow: &UnitOfWork<'_>, papers: &[i64]) -> Result<Vec<(i64, i64)>, Error> {
    #[derive(FromQueryResult)]
    struct AuthorRow {
        paper_id: i64,
        researcher_id: i64,
    }
    if papers.is_empty() {
        return Ok(Vec::new());
    }
    let sql = "SELECT paper_id, researcher_id FROM authorship WHERE researcher_id IS NOT NULL AND paper_id = ANY(?)";
    let rows = uow.rows::<AuthorRow>(Sql::with(sql, bigint_array(papers.iter().copied()))).await?;
    Ok(rows.into_iter().map(|row| (row.paper_id, row.researcher_id)).collect())
}
