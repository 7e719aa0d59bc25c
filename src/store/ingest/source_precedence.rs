//! Source precedence: if records disagree, the source with the highest precedence wins, field by field, so that the
//! order of imports does not matter.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use sea_orm::FromQueryResult;
use serde_json::Value;

use crate::error::Error;
use crate::model::entity_type::EntityType;
use crate::model::source_order::SourceRank;
use crate::store::access::sql_fragment::{Sql, bigint_array};
use crate::store::reader::export::EXPORTED_KEY_PREFIX;
use crate::store::unit_of_work::UnitOfWork;

/// The precedence of a record, lowest first. Of one source's records, the last key has precedence.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RecordPrecedence<'a>(SourceRank<'a>, Reverse<&'a str>);

/// Another record of the entity, and the fields that it provides.
#[derive(FromQueryResult)]
struct OtherRecord {
    id: i64,
    source: String,
    key: String,
    told: Value,
}

/// What other records of the entity provide.
#[derive(Debug, Default)]
pub(crate) struct FieldPrecedence {
    /// The fields for which another record has precedence.
    outranked: HashSet<String>,
    /// The fields that any other record provides.
    provided: HashSet<String>,
}

impl FieldPrecedence {
    /// Whether the record has precedence for a field.
    pub(crate) fn wins(&self, field: &str) -> bool {
        !self.outranked.contains(field)
    }

    /// Whether any other record provides a field.
    pub(crate) fn is_provided(&self, field: &str) -> bool {
        self.provided.contains(field)
    }

    /// The value, if the record has precedence for the field.
    pub(crate) fn take_if_wins<T>(&self, field: &str, value: Option<T>) -> Option<T> {
        value.filter(|_| self.wins(field))
    }
}

pub(crate) fn record_precedence<'k>(uow: &'k UnitOfWork<'_>, source: &'k str, key: &'k str) -> RecordPrecedence<'k> {
    RecordPrecedence(uow.source_order().rank(source), Reverse(key))
}

/// The field precedence of the source's records with these keys, by entity. Exported records repeat the records of
/// sources: they neither outrank others nor are outranked.
pub(crate) async fn load_field_precedence<'k>(
    uow: &UnitOfWork<'_>,
    kind: EntityType,
    records: impl IntoIterator<Item = (i64, &'k str)>,
) -> Result<HashMap<i64, FieldPrecedence>, Error> {
    let keys: HashMap<i64, &str> =
        records.into_iter().filter(|(_, key)| !key.starts_with(EXPORTED_KEY_PREFIX)).collect();
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let column = kind.reference_column();
    let sql = format!(
        "SELECT {column} AS id, source, key, to_jsonb(told) AS told FROM source_record \
             WHERE told IS NOT NULL AND {column} = ANY(?)"
    );
    let mut outranked: HashMap<i64, FieldPrecedence> = HashMap::new();
    for record in uow.rows::<OtherRecord>(Sql::with(&sql, bigint_array(keys.keys().copied()))).await? {
        let own = record_precedence(uow, uow.source(), keys[&record.id]);
        let other = record_precedence(uow, &record.source, &record.key);
        let provided_fields: Vec<String> = serde_json::from_value(record.told).map_err(Error::internal)?;
        let outranked = outranked.entry(record.id).or_default();
        if other < own {
            outranked.outranked.extend(provided_fields.iter().cloned());
        }
        if other != own {
            outranked.provided.extend(provided_fields);
        }
    }
    Ok(outranked)
}
