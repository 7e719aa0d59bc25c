//! What was damaged in the published name of an author, read where it is asked for: few names have something.

use std::any::type_name;
use std::collections::HashMap;

use sea_orm::FromQueryResult;

use crate::error::Error;
use crate::store::access::data_loader::Loader;
use crate::store::access::sql_fragment::{Sql, ids};
use crate::store::{Keyed, Store};
use crate::text::names::RepairRule;

/// Asks for the repair of an authorship's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NameRepairOf(pub i64);

/// A repair as it is stored.
#[derive(Clone, Debug, FromQueryResult)]
pub struct NameRepair {
    /// The whole name, repaired.
    pub value: String,
    /// The kind of damage.
    pub rule: RepairRule,
    /// How sure it is.
    pub confidence: f64,
    /// Whether the name is shown so.
    pub is_applied: bool,
}

impl Loader<NameRepairOf> for Store {
    type Value = NameRepair;

    async fn load(&self, keys: &[NameRepairOf]) -> Result<HashMap<NameRepairOf, NameRepair>, Error> {
        let sql = Sql::with(
            "SELECT id AS parent_key, repair_value AS value, repair_rule AS rule, repair_confidence AS confidence, \
             is_repair_applied AS is_applied FROM authorship WHERE repair_value IS NOT NULL AND id = ANY(?)",
            ids(keys.iter().map(|key| key.0)),
        );
        let rows = self.rows::<Keyed<NameRepair>>(type_name::<NameRepairOf>(), sql).await?;
        Ok(rows.into_iter().map(|row| (NameRepairOf(row.key), row.value)).collect())
    }
}
