//! DOIs that sources give to several papers: one of them has it, the others share it.

use std::collections::HashMap;

use sea_orm::FromQueryResult;
use serde::Serialize;

use crate::error::Error;
use crate::store::access::sql_fragment::{Sql, texts};
use crate::store::unit_of_work::Batch;

/// A paper to which a source gives a DOI, and the record that tells so.
#[derive(FromQueryResult)]
struct Claim {
    id: i64,
    doi: String,
    has_it: bool,
    source: Option<String>,
    key: Option<String>,
}

#[derive(Serialize)]
struct Given<'a> {
    id: i64,
    doi: &'a str,
}

const COLUMNS: &str = "id bigint, doi text";

impl Batch<'_> {
    /// Gives each of these DOIs that several papers share, or that nobody has any more, to the paper whose record goes before
    /// the others: whichever came first does not matter.
    pub(crate) async fn settle_dois(&self, dois: Vec<String>) -> Result<(), Error> {
        if dois.is_empty() {
            return Ok(());
        }
        let sql = Sql::with("WITH shared AS MATERIALIZED (SELECT id, doi, shared_doi FROM paper WHERE shared_doi = ANY(?)) ", texts(dois))
            .then(
                "SELECT claim.id, claim.doi, claim.has_it, source, key FROM (\
                 SELECT id, shared_doi AS doi, false AS has_it FROM shared WHERE doi IS NULL UNION \
                 SELECT held.id, held.doi, true FROM shared JOIN paper AS held ON held.doi = shared.shared_doi) AS claim \
                 LEFT JOIN source_record ON source_record.paper_id = claim.id AND source_record.told @> '{doi}'",
            );
        let claims = self.rows::<Claim>(sql).await?;
        let mut first: HashMap<&str, &Claim> = HashMap::new();
        for claim in &claims {
            let held = first.entry(&claim.doi).or_insert(claim);
            if self.doi_order(claim) < self.doi_order(held) {
                *held = claim;
            }
        }
        let given: Vec<Given<'_>> = first
            .into_values()
            .filter(|claim| !claim.has_it)
            .map(|claim| Given { id: claim.id, doi: &claim.doi })
            .collect();
        let leave = "UPDATE paper SET doi = NULL, shared_doi = paper.doi, updated_at = now() FROM rows WHERE paper.doi = rows.doi";
        self.with_rows(COLUMNS, &given, leave).await?;
        let take =
            "UPDATE paper SET doi = rows.doi, shared_doi = NULL, updated_at = now() FROM rows WHERE paper.id = rows.id";
        self.with_rows(COLUMNS, &given, take).await
    }

    /// A paper of which no record tells the DOI comes last.
    fn doi_order<'k>(&'k self, claim: &'k Claim) -> impl Ord + 'k {
        let record = claim.source.as_deref().zip(claim.key.as_deref());
        let precedence = record.map(|(source, key)| self.precedence(source, key));
        (precedence.is_none(), precedence, claim.id)
    }
}
