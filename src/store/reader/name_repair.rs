//! Suggested and applied repairs of authors' published names.

use std::collections::HashMap;

use sea_orm::FromQueryResult;

use crate::error::Error;
use crate::store::Store;
use crate::store::access::data_loader::{Loader, LoaderKey};
use crate::store::access::keyed_rows::KeyedRow;
use crate::store::access::sql_fragment::{bigint_array, sql};
use crate::text::names::RepairRule;

/// Loader key of the name repair of an authorship.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NameRepairKey(pub i64);

/// Name repair as stored.
#[derive(Clone, Debug, FromQueryResult)]
pub struct StoredNameRepair {
    /// Repaired full name.
    pub value: String,
    /// Kind of damage.
    pub rule: RepairRule,
    /// Confidence of the repair, from 0 to 1.
    pub confidence: f64,
    /// Whether the repaired name is displayed.
    pub is_applied: bool,
}

impl LoaderKey for NameRepairKey {
    const NAME: &'static str = "authorship::name_repair";
}

impl Loader<NameRepairKey> for Store {
    type Value = StoredNameRepair;

    async fn load(&self, keys: &[NameRepairKey]) -> Result<HashMap<NameRepairKey, StoredNameRepair>, Error> {
        let sql = sql!(
            "SELECT id AS parent_key, repair_value AS value, repair_rule AS rule, repair_confidence AS confidence, \
             is_repair_applied AS is_applied FROM authorship WHERE repair_value IS NOT NULL AND id = ANY(?)",
            bigint_array(keys.iter().map(|key| key.0)),
        );
        let rows = self.query_all::<KeyedRow<StoredNameRepair>>(NameRepairKey::NAME, sql).await?;
        Ok(rows.into_iter().map(|row| (NameRepairKey(row.key), row.value)).collect())
    }
}
