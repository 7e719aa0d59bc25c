//! Whose word counts where records of several sources contradict each other: field by field that of the source that goes
//! before. So the order in which they came does not matter.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use sea_orm::FromQueryResult;
use serde_json::Value;

use crate::error::Error;
use crate::model::source_order::SourceRank;
use crate::store::access::sql_fragment::{Sql, bigint_array};
use crate::store::ingest::exported_ids::EXPORTED_KEY_PREFIX;
use crate::store::unit_of_work::UnitOfWork;

/// A record among all others, of which the first counts: of one source's, the last by its key.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RecordPrecedence<'a>(SourceRank<'a>, Reverse<&'a str>);

/// Another record of a thing, and what it tells.
#[derive(FromQueryResult)]
struct OtherRecord {
    id: i64,
    source: String,
    key: String,
    told: Value,
}

/// What other records tell of a record's thing.
#[derive(Debug, Default)]
pub(crate) struct FieldPrecedence {
    /// Those that go before it.
    outranked: HashSet<String>,
    /// Any.
    provided: HashSet<String>,
}

impl FieldPrecedence {
    /// Whether the record's word on a field counts.
    pub(crate) fn wins(&self, field: &str) -> bool {
        !self.outranked.contains(field)
    }

    /// Whether any other record tells a field.
    pub(crate) fn is_provided(&self, field: &str) -> bool {
        self.provided.contains(field)
    }

    /// The value where the record's word on a field counts.
    pub(crate) fn take_if_wins<T>(&self, field: &str, value: Option<T>) -> Option<T> {
        value.filter(|_| self.wins(field))
    }
}

impl UnitOfWork<'_> {
    pub(crate) fn record_precedence<'k>(&'k self, source: &'k str, key: &'k str) -> RecordPrecedence<'k> {
        RecordPrecedence(self.source_order.rank(source), Reverse(key))
    }

    /// What is told better of these things than by the source's records of these keys. Records that a directory exported are
    /// its sources' words: nothing goes before them, and they go before nothing.
    pub(crate) async fn load_field_precedence<'k>(
        &self,
        kind: &str,
        records: impl IntoIterator<Item = (i64, &'k str)>,
    ) -> Result<HashMap<i64, FieldPrecedence>, Error> {
        let keys: HashMap<i64, &str> =
            records.into_iter().filter(|(_, key)| !key.starts_with(EXPORTED_KEY_PREFIX)).collect();
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        let sql = format!(
            "SELECT {kind}_id AS id, source, key, to_jsonb(told) AS told FROM source_record \
             WHERE told IS NOT NULL AND {kind}_id = ANY(?)"
        );
        let mut outranked: HashMap<i64, FieldPrecedence> = HashMap::new();
        for teller in self.rows::<OtherRecord>(Sql::with(&sql, bigint_array(keys.keys().copied()))).await? {
            let own = self.record_precedence(self.source, keys[&teller.id]);
            let other = self.record_precedence(&teller.source, &teller.key);
            let told: Vec<String> = serde_json::from_value(teller.told).map_err(Error::internal)?;
            let outranked = outranked.entry(teller.id).or_default();
            if other < own {
                outranked.outranked.extend(told.iter().cloned());
            }
            if other != own {
                outranked.provided.extend(told);
            }
        }
        Ok(outranked)
    }
}
