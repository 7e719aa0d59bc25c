//! The organizations of papers, by the affiliations on the paper and by the people who were affiliated when it appeared.

use crate::error::Error;
use crate::store::access::sql_fragment::{bigint_array, sql};
use crate::store::unit_of_work::{Projection, ProjectionFuture, UnitOfWork};

/// Maximum number of papers that one statement computes again.
const CHUNK_PAPERS: usize = 20_000;

/// `paper_organization`. Triggers queue the papers to compute again in `paper_organization_pending`, whatever changes
/// their authors, the organizations on them or the affiliations of their authors.
#[derive(Debug)]
pub(crate) struct PaperOrganizations;

impl Projection for PaperOrganizations {
    fn refresh<'u>(&'u self, uow: &'u mut UnitOfWork<'_>) -> ProjectionFuture<'u> {
        Box::pin(async move {
            let papers: Vec<i64> = uow.tuples("SELECT paper_id FROM paper_organization_pending".into()).await?;
            for chunk in papers.chunks(CHUNK_PAPERS) {
                relink(uow, chunk).await?;
            }
            Ok(())
        })
    }
}

/// The days on which a paper may have appeared, from its publication key: YYYYMMDD, with zeros for unknown parts.
const PUBLISHED: &str = "(SELECT authorship.publication_key / 10000 AS year, \
     authorship.publication_key / 100 % 100 AS month, authorship.publication_key % 100 AS day) AS published";

/// Whether an affiliation links the papers that appeared during it: the days on which each may have been overlap, so that
/// dates are compared at the precision that both have. An affiliation without an end is a current one, unless it has ended
/// on an unknown day: then no paper is known to have appeared during it.
const IS_MEMBERSHIP: &str = "affiliation.kind IN ('EMPLOYMENT', 'MEMBERSHIP', 'INVITED_POSITION') AND published.year > 0 \
     AND affiliation.ends_on >= make_date(published.year, greatest(published.month, 1), greatest(published.day, 1)) \
     AND affiliation.starts_on <= CASE WHEN published.month = 0 THEN make_date(published.year, 12, 31) \
     WHEN published.day = 0 THEN (make_date(published.year, published.month, 1) + interval '1 month')::date - 1 \
     ELSE make_date(published.year, published.month, published.day) END";

/// Computes the organizations of these papers again, and writes those that differ. Matching uses a full join, which is
/// never a comparison of all rows with all others, whatever numbers the planner expects.
async fn relink(uow: &UnitOfWork<'_>, papers: &[i64]) -> Result<(), Error> {
    let papers = || bigint_array(papers.iter().copied());
    let statement = sql!(
        "WITH expected AS (SELECT paper_id, organization_id, bool_or(is_by_authorship) AS is_by_authorship, \
         bool_or(NOT is_by_authorship) AS is_by_membership FROM (SELECT authorship.paper_id, \
         authorship_organization.organization_id, true AS is_by_authorship FROM authorship \
         JOIN authorship_organization ON authorship_organization.authorship_id = authorship.id \
         WHERE authorship.paper_id = ANY(?) UNION ALL SELECT authorship.paper_id, affiliation.organization_id, false \
         FROM authorship JOIN affiliation ON affiliation.researcher_id = authorship.researcher_id CROSS JOIN LATERAL ",
        papers(),
    )
    .then(PUBLISHED)
    .then(" WHERE ")
    .then(IS_MEMBERSHIP)
    .then(sql!(
        " AND authorship.paper_id = ANY(?)) AS link GROUP BY paper_id, organization_id), \
         changed AS MATERIALIZED (SELECT paper_id, organization_id, coalesce(expected.is_by_authorship, \
         false) AS is_by_authorship, coalesce(expected.is_by_membership, false) AS is_by_membership FROM expected \
         FULL JOIN (SELECT * FROM paper_organization WHERE paper_id = ANY(?)) AS kept \
         USING (paper_id, organization_id) WHERE (expected.is_by_authorship, \
         expected.is_by_membership) IS DISTINCT FROM (kept.is_by_authorship, kept.is_by_membership)), \
         removed AS (DELETE FROM paper_organization AS kept USING changed WHERE kept.paper_id = changed.paper_id \
         AND kept.organization_id = changed.organization_id AND NOT (changed.is_by_authorship \
         OR changed.is_by_membership)) INSERT INTO paper_organization AS kept (paper_id, organization_id, \
         is_by_authorship, is_by_membership) SELECT paper_id, organization_id, is_by_authorship, is_by_membership \
         FROM changed WHERE is_by_authorship OR is_by_membership ON CONFLICT (paper_id, organization_id) \
         DO UPDATE SET is_by_authorship = EXCLUDED.is_by_authorship, is_by_membership = EXCLUDED.is_by_membership",
        papers(),
        papers(),
    ));
    uow.execute(statement).await?;
    uow.execute(sql!("DELETE FROM paper_organization_pending WHERE paper_id = ANY(?)", papers())).await
}
