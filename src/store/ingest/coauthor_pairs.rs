//! Authors and pairs of coauthors of papers, whose counts are updated when authorships change.

use std::collections::HashSet;

use sea_orm::{EntityTrait as _, QueryFilter as _, QuerySelect as _};

use crate::entity::authorship;
use crate::error::Error;
use crate::store::access::sql_fragment::{bigint_array, sql};
use crate::store::unit_of_work::UnitOfWork;

/// The pairs of coauthors on these papers, in both directions.
pub(crate) async fn coauthor_pairs_of(uow: &UnitOfWork<'_>, papers: &[i64]) -> Result<HashSet<(i64, i64)>, Error> {
    if papers.is_empty() {
        return Ok(HashSet::new());
    }
    let sql = sql!(
        "SELECT DISTINCT mine.researcher_id, theirs.researcher_id FROM paper \
         JOIN authorship AS mine ON mine.paper_id = paper.id JOIN authorship AS theirs ON theirs.paper_id = paper.id \
         AND theirs.researcher_id <> mine.researcher_id WHERE paper.id = ANY(?) AND paper.author_count <= ?",
        bigint_array(papers.iter().copied()),
        i64::from(uow.consortium_size()),
    );
    Ok(uow.tuples(sql).await?.into_iter().collect())
}

/// The researchers who are authors of these papers.
pub(crate) async fn researchers_of_papers(uow: &UnitOfWork<'_>, papers: &[i64]) -> Result<HashSet<i64>, Error> {
    Ok(researchers_by_paper(uow, papers).await?.into_iter().map(|(_, researcher_id)| researcher_id).collect())
}

/// These papers, each with the researchers who are its authors.
pub(crate) async fn researchers_by_paper(uow: &UnitOfWork<'_>, papers: &[i64]) -> Result<Vec<(i64, i64)>, Error> {
    if papers.is_empty() {
        return Ok(Vec::new());
    }
    let authors = authorship::Entity::find()
        .select_only()
        .columns([authorship::Column::PaperId, authorship::Column::ResearcherId])
        .filter(authorship::COLUMN.researcher_id.is_not_null())
        .filter(authorship::COLUMN.paper_id.eq_any(papers.iter().copied()));
    Ok(authors.into_tuple::<(i64, i64)>().all(uow.db()).await?.into_iter().collect())
}
