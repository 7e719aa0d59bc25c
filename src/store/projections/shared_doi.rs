//! DOIs that sources give to several papers: one of them has it, the others share it.

use std::collections::HashMap;

use sea_orm::FromQueryResult;
use serde::Serialize;

use crate::error::Error;
use crate::store::access::sql_fragment::{Sql, text_array};
use crate::store::unit_of_work::UnitOfWork;

/// A paper to which a source gives a DOI, and the record that tells so.
#[derive(FromQueryResult)]
struct DoiClaim {
    id: i64,
    doi: String,
    has_it: bool,
    source: Option<String>,
    key: Option<String>,
}

#[derive(Serialize)]
struct DoiAssignmentRow<'a> {
    id: i64,
    doi: &'a str,
}

const COLUMNS: &str = "id bigint, doi text";

impl UnitOfWork<'_> {
    /// Gives each of these DOIs that several papers share, or that nobody has any more, to the paper whose record goes before
    /// the others: whichever came first does not matter.
    pub(crate) async fn assign_shared_dois(&self, dois: Vec<String>) -> Result<(), Error> {
        if dois.is_empty() {
            return Ok(());
        }
        let sql = Sql::with("WITH shared AS MATERIALIZED (SELECT id, doi, shared_doi FROM paper WHERE shared_doi = ANY(?)) ", text_array(dois))
            .then(
                "SELECT claim.id, claim.doi, claim.has_it, source, key FROM (\
                 SELECT id, shared_doi AS doi, false AS has_it FROM shared WHERE doi IS NULL UNION \
                 SELECT held.id, held.doi, true FROM shared JOIN paper AS held ON held.doi = shared.shared_doi) AS claim \
                 LEFT JOIN source_record ON source_record.paper_id = claim.id AND source_record.told @> '{doi}'",
            );
        let claims = self.rows::<DoiClaim>(sql).await?;
        let mut first: HashMap<&str, &DoiClaim> = HashMap::new();
        for claim in &claims {
            let held = first.entry(&claim.doi).or_insert(claim);
            if self.claim_order(claim) < self.claim_order(held) {
                *held = claim;
            }
        }
        let given: Vec<DoiAssignmentRow<'_>> = first
            .into_values()
            .filter(|claim| !claim.has_it)
            .map(|claim| DoiAssignmentRow { id: claim.id, doi: &claim.doi })
            .collect();
        let leave = "UPDATE paper SET doi = NULL, shared_doi = paper.doi, updated_at = now() FROM rows WHERE paper.doi = rows.doi";
        self.execute_with_rows(COLUMNS, &given, leave).await?;
        let take =
            "UPDATE paper SET doi = rows.doi, shared_doi = NULL, updated_at = now() FROM rows WHERE paper.id = rows.id";
        self.execute_with_rows(COLUMNS, &given, take).await
    }

    /// A paper of which no record tells the DOI comes last.
    fn claim_order<'k>(&'k self, claim: &'k DoiClaim) -> impl Ord + 'k {
        let record = claim.source.as_deref().zip(claim.key.as_deref());
        let precedence = record.map(|(source, key)| self.record_precedence(source, key));
        (precedence.is_none(), precedence, claim.id)
    }
}
