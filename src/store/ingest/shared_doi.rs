//! DOIs that sources assign to several papers: one of the papers has it, the others share it.

use std::collections::HashMap;

use sea_orm::FromQueryResult;

use crate::error::Error;
use crate::store::access::sql_fragment::{sql, text_array};
use crate::store::ingest::source_precedence::record_precedence;
use crate::store::unit_of_work::UnitOfWork;
use crate::store::unit_of_work::json_rows::json_row;

/// A paper to which a record assigns a DOI.
#[derive(FromQueryResult)]
struct DoiClaim {
    id: i64,
    doi: String,
    has_it: bool,
    source: Option<String>,
    key: Option<String>,
}

json_row! {
    struct DoiAssignmentRow<'a> {
        id: i64,
        doi: &'a str,
    }
}

/// Assigns each of these DOIs that several papers share, or that no paper has any more, to the paper whose record has
/// the highest precedence, regardless of the order of imports.
pub(crate) async fn assign_shared_dois(uow: &UnitOfWork<'_>, dois: Vec<String>) -> Result<(), Error> {
    if dois.is_empty() {
        return Ok(());
    }
    let sql = sql!(
        "WITH shared AS MATERIALIZED (SELECT id, doi, shared_doi FROM paper WHERE shared_doi = ANY(?)) \
         SELECT claim.id, claim.doi, claim.has_it, source, key FROM (SELECT id, shared_doi AS doi, false AS has_it \
         FROM shared WHERE doi IS NULL UNION SELECT held.id, held.doi, true FROM shared \
         JOIN paper AS held ON held.doi = shared.shared_doi) AS claim \
         LEFT JOIN source_record ON source_record.paper_id = claim.id AND source_record.told @> '{doi}'",
        text_array(dois),
    );
    let claims = uow.rows::<DoiClaim>(sql).await?;
    let mut first: HashMap<&str, &DoiClaim> = HashMap::new();
    for claim in &claims {
        let best = first.entry(&claim.doi).or_insert(claim);
        if claim_order(uow, claim) < claim_order(uow, best) {
            *best = claim;
        }
    }
    let assigned: Vec<DoiAssignmentRow<'_>> = first
        .into_values()
        .filter(|claim| !claim.has_it)
        .map(|claim| DoiAssignmentRow { id: claim.id, doi: &claim.doi })
        .collect();
    let leave = "UPDATE paper SET doi = NULL, shared_doi = paper.doi, updated_at = statement_timestamp() FROM rows WHERE paper.doi = rows.doi";
    uow.execute_with_rows(&assigned, leave).await?;
    let take = "UPDATE paper SET doi = rows.doi, shared_doi = NULL, updated_at = statement_timestamp() FROM rows WHERE paper.id = rows.id";
    uow.execute_with_rows(&assigned, take).await
}

/// The order of papers for a DOI. Papers without a record that provides it come last.
fn claim_order<'k>(uow: &'k UnitOfWork<'_>, claim: &'k DoiClaim) -> impl Ord + 'k {
    let record = claim.source.as_deref().zip(claim.key.as_deref());
    let precedence = record.map(|(source, key)| record_precedence(uow, source, key));
    (precedence.is_none(), precedence, claim.id)
}
