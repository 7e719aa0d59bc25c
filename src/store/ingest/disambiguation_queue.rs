//! The queue of blocks of names to disambiguate again (`identity_pending`), since something about their authors
//! changed.

use crate::error::Error;
use crate::store::access::sql_fragment::{bigint_array, sql};
use crate::store::unit_of_work::UnitOfWork;

/// Queues the blocks of a researcher's names.
pub(crate) async fn queue_researcher_blocks(uow: &UnitOfWork<'_>, researchers: &[i64]) -> Result<(), Error> {
    if researchers.is_empty() {
        return Ok(());
    }
    let sql = sql!(
        "INSERT INTO identity_pending SELECT block FROM researcher WHERE block IS NOT NULL AND id = ANY(?) \
         UNION SELECT block FROM researcher_name WHERE researcher_id = ANY(?) ON CONFLICT DO NOTHING",
        bigint_array(researchers.iter().copied()),
        bigint_array(researchers.iter().copied()),
    );
    uow.execute(sql).await
}

/// Queues the blocks of the authors of papers.
pub(crate) async fn queue_author_blocks(uow: &UnitOfWork<'_>, papers: &[i64]) -> Result<(), Error> {
    if papers.is_empty() {
        return Ok(());
    }
    uow.execute(sql!(
        "INSERT INTO identity_pending SELECT DISTINCT block FROM authorship WHERE block IS NOT NULL \
         AND paper_id = ANY(?) ON CONFLICT DO NOTHING",
        bigint_array(papers.iter().copied()),
    ))
    .await
}

/// Queues the blocks of the names that share an ORCID iD with authors of papers, before these are deleted: whose it is
/// depends on all of them.
pub(crate) async fn queue_orcid_blocks(uow: &UnitOfWork<'_>, papers: &[i64]) -> Result<(), Error> {
    uow.execute(sql!(
        "INSERT INTO identity_pending SELECT DISTINCT other.block FROM authorship AS former \
         JOIN authorship AS other ON other.orcid = former.orcid AND other.block <> former.block \
         WHERE former.orcid IS NOT NULL AND former.paper_id = ANY(?) ON CONFLICT DO NOTHING",
        bigint_array(papers.iter().copied()),
    ))
    .await
}
