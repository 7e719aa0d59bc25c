//! Why an author was resolved to a researcher: the stored match explanation, with hidden names redacted.

use std::collections::HashMap;

use sea_orm::{DbErr, FromQueryResult, QueryResult};
use serde_json::Value;

use crate::disambiguation::{Evidence, EvidenceKind, MatchExplanation};
use crate::error::Error;
use crate::store::Store;
use crate::store::access::data_loader::{Loader, LoaderKey};
use crate::store::access::keyed_rows::KeyedRow;
use crate::store::access::sql_fragment::{Sql, bigint_array};
use crate::store::reader::authorship::{NameRedaction, join_resolved_researcher};

/// Loader key of the match explanation of an authorship.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ResolutionKey(pub i64);

/// Redacts hidden names in a piece of evidence. A coauthor is named as on this paper, or by the display name.
fn redact_evidence(mut evidence: Evidence, names: &[String], redactions: &[NameRedaction]) -> Evidence {
    let fold_name = |name: &str| crate::text::names::fold(name).replace(' ', "");
    if let (EvidenceKind::SharedCoauthor, Some(value)) = (evidence.kind, &evidence.value) {
        let name_on_paper = names.iter().find(|name| fold_name(name) == fold_name(value));
        evidence.value = name_on_paper.cloned();
    }
    let Some(value) = evidence.value.as_deref() else { return evidence };
    let redaction = redactions.iter().find(|redaction| redaction.redacts_text(value));
    if let Some(redaction) = redaction.filter(|_| evidence.kind == EvidenceKind::SharedCoauthor) {
        return Evidence { value: Some(redaction.name.clone()), ..evidence };
    }
    let mut texts = vec![value.to_owned()];
    redactions.iter().for_each(|redaction| redaction.remove_redacted(&mut texts));
    Evidence { value: texts.pop(), ..evidence }
}

impl FromQueryResult for MatchExplanation {
    fn from_query_result(row: &QueryResult, prefix: &str) -> Result<Self, DbErr> {
        let json = |error: serde_json::Error| DbErr::Type(error.to_string());
        let evidence: Vec<Evidence> = serde_json::from_value(row.try_get(prefix, "evidence")?).map_err(json)?;
        let redactions: Option<Value> = row.try_get(prefix, "hiding")?;
        let redactions: Vec<NameRedaction> =
            redactions.map(serde_json::from_value).transpose().map_err(json)?.unwrap_or_default();
        let names: Option<Vec<String>> = row.try_get(prefix, "names")?;
        let names = names.unwrap_or_default();
        Ok(Self {
            method: serde_json::from_value(Value::String(row.try_get(prefix, "method")?)).map_err(json)?,
            confidence: row.try_get(prefix, "confidence")?,
            evidence: evidence.into_iter().map(|evidence| redact_evidence(evidence, &names, &redactions)).collect(),
        })
    }
}

impl LoaderKey for ResolutionKey {
    const NAME: &'static str = "authorship::resolution";
}

impl Loader<ResolutionKey> for Store {
    type Value = MatchExplanation;

    async fn load(&self, keys: &[ResolutionKey]) -> Result<HashMap<ResolutionKey, MatchExplanation>, Error> {
        let sql = Sql::with(
            concat!(
                "SELECT authorship_id AS parent_key, method, confidence, evidence, (\
                 SELECT jsonb_agg(DISTINCT jsonb_build_object('name', resolved.display_name, 'forms', resolved.hidden_forms)) \
                 FROM authorship AS own JOIN authorship AS other ON other.paper_id = own.paper_id",
                join_resolved_researcher!("other"),
                " WHERE own.id = authorship_id AND resolved.hidden_forms IS NOT NULL) AS hiding, \
                 CASE WHEN evidence @> '[{\"kind\": \"SHARED_COAUTHOR\"}]' THEN ARRAY(SELECT other.name FROM authorship AS own \
                 JOIN authorship AS other ON other.paper_id = own.paper_id AND other.id <> own.id WHERE own.id = authorship_id) END AS names \
                 FROM authorship_resolution WHERE authorship_id = ANY(?)"
            ),
            bigint_array(keys.iter().map(|key| key.0)),
        );
        let rows = self.query_all::<KeyedRow<MatchExplanation>>(ResolutionKey::NAME, sql).await?;
        Ok(rows.into_iter().map(|row| (ResolutionKey(row.key), row.value)).collect())
    }
}
