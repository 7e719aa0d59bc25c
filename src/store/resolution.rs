//! Why an author was taken for a researcher, read where it is asked for.

use std::any::type_name;
use std::collections::HashMap;

use sea_orm::{DbErr, FromQueryResult, QueryResult};
use serde::Deserialize;

use super::loaders::Loader;
use super::sql::{Sql, ids};
use super::{Keyed, Store};
use crate::error::Error;

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

impl FromQueryResult for StoredResolution {
    fn from_query_result(row: &QueryResult, prefix: &str) -> Result<Self, DbErr> {
        let evidence = serde_json::from_value(row.try_get(prefix, "evidence")?);
        Ok(Self {
            method: row.try_get(prefix, "method")?,
            confidence: row.try_get(prefix, "confidence")?,
            evidence: evidence.map_err(|error| DbErr::Type(error.to_string()))?,
        })
    }
}

impl Loader<ResolutionOf> for Store {
    type Value = StoredResolution;

    async fn load(&self, keys: &[ResolutionOf]) -> Result<HashMap<ResolutionOf, StoredResolution>, Error> {
        let sql = Sql::with(
            "SELECT authorship_id AS parent_key, method, confidence, evidence FROM authorship_resolution WHERE authorship_id = ANY(?)",
            ids(keys.iter().map(|key| key.0)),
        );
        let rows = self.rows::<Keyed<StoredResolution>>(type_name::<ResolutionOf>(), sql).await?;
        Ok(rows.into_iter().map(|row| (ResolutionOf(row.key), row.value)).collect())
    }
}
