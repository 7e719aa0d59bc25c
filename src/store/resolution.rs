//! Why an author was taken for a researcher, read where it is asked for.

use std::any::type_name;
use std::collections::HashMap;

use sea_orm::{DbErr, FromQueryResult, QueryResult};
use serde::Deserialize;
use serde_json::Value;

use super::authorship::{Hiding, joins_resolved};
use super::loaders::Loader;
use super::sql::{Sql, ids};
use super::{Keyed, Store};
use crate::error::Error;

/// The kind of evidence that is a name.
const COAUTHOR: &str = "SHARED_COAUTHOR";

/// Asks why an author was taken for a researcher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ResolutionOf(pub i64);

/// A resolution as it is stored.
#[derive(Clone, Debug)]
pub struct StoredResolution {
    /// How it was found: `DECISION`, `IDENTIFIER`, `EVIDENCE` or `NAME`.
    pub method: String,
    /// How likely it is to be right, from 0 to 1.
    pub confidence: f32,
    /// What speaks for it.
    pub evidence: Vec<StoredEvidence>,
}

/// One thing that speaks for a resolution, as it is stored.
#[derive(Clone, Debug, Deserialize)]
pub struct StoredEvidence {
    /// What it is, as `EvidenceKind` of the schema writes it.
    pub kind: String,
    /// The id, the name, the place.
    pub value: Option<String>,
}

impl StoredEvidence {
    /// It without what tells a hidden name of an author of the paper: a coauthor has the name that is shown.
    fn without_hidden(self, hiding: &[Hiding]) -> Self {
        let Some(value) = self.value.as_deref() else { return self };
        if let Some(hiding) = hiding.iter().find(|hiding| hiding.is_told_by(value) && self.kind == COAUTHOR) {
            return Self { value: Some(hiding.name.clone()), ..self };
        }
        let mut texts = vec![value.to_owned()];
        hiding.iter().for_each(|hiding| hiding.hide_in(&mut texts));
        Self { value: texts.pop(), ..self }
    }
}

impl FromQueryResult for StoredResolution {
    fn from_query_result(row: &QueryResult, prefix: &str) -> Result<Self, DbErr> {
        let json = |error: serde_json::Error| DbErr::Type(error.to_string());
        let evidence: Vec<StoredEvidence> = serde_json::from_value(row.try_get(prefix, "evidence")?).map_err(json)?;
        let hiding: Option<Value> = row.try_get(prefix, "hiding")?;
        let hiding: Vec<Hiding> = hiding.map(serde_json::from_value).transpose().map_err(json)?.unwrap_or_default();
        Ok(Self {
            method: row.try_get(prefix, "method")?,
            confidence: row.try_get(prefix, "confidence")?,
            evidence: evidence.into_iter().map(|evidence| evidence.without_hidden(&hiding)).collect(),
        })
    }
}

impl Loader<ResolutionOf> for Store {
    type Value = StoredResolution;

    async fn load(&self, keys: &[ResolutionOf]) -> Result<HashMap<ResolutionOf, StoredResolution>, Error> {
        let sql = Sql::with(
            concat!(
                "SELECT authorship_id AS parent_key, method, confidence, evidence, (\
                 SELECT jsonb_agg(DISTINCT jsonb_build_object('name', resolved.display_name, 'forms', resolved.hidden_forms)) \
                 FROM authorship AS own JOIN authorship AS other ON other.paper_id = own.paper_id",
                joins_resolved!("other"),
                " WHERE own.id = authorship_id AND resolved.hidden_forms IS NOT NULL) AS hiding \
                 FROM authorship_resolution WHERE authorship_id = ANY(?)"
            ),
            ids(keys.iter().map(|key| key.0)),
        );
        let rows = self.rows::<Keyed<StoredResolution>>(type_name::<ResolutionOf>(), sql).await?;
        Ok(rows.into_iter().map(|row| (ResolutionOf(row.key), row.value)).collect())
    }
}
