//! Whose word counts where records of several sources contradict each other: field by field that of the source that goes
//! before. So the order in which they came does not matter.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use sea_orm::FromQueryResult;
use serde_json::Value;

use crate::error::Error;
use crate::store::access::sql_fragment::{Sql, ids};
use crate::store::ingest::exported_ids::EXPORTED;
use crate::store::unit_of_work::Batch;

/// Formats by whose names records are remembered where no source is given, the nearest to the people and papers first: what
/// somebody wrote down here, then registries, then what others gathered.
const FORMATS: [&str; 13] = [
    "records",
    "csv",
    "profile-page",
    "ror",
    "orcid",
    "crossref",
    "datacite",
    "pubmed",
    "openalex",
    "csl",
    "bibtex",
    "ris",
    "topics",
];

/// A source among others: named ones in their order, then those with a name of their own, then those that have the name of a
/// format. Of as many the first by name.
fn rank<'a>(order: &[String], source: &'a str) -> (u8, usize, &'a str) {
    if let Some(place) = order.iter().position(|named| named == source) {
        return (0, place, source);
    }
    match FORMATS.iter().position(|format| *format == source) {
        Some(place) => (2, place, source),
        None => (1, 0, source),
    }
}

/// A record among all others, of which the first counts: of one source's, the last by its key.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Precedence<'a>((u8, usize, &'a str), Reverse<&'a str>);

/// Another record of a thing, and what it tells.
#[derive(FromQueryResult)]
struct Teller {
    id: i64,
    source: String,
    key: String,
    told: Value,
}

/// What other records tell of a record's thing.
#[derive(Debug, Default)]
pub(crate) struct Outranked {
    /// Those that go before it.
    fields: HashSet<String>,
    /// Any.
    told: HashSet<String>,
}

impl Outranked {
    /// Whether the record's word on a field counts.
    pub(crate) fn leaves(&self, field: &str) -> bool {
        !self.fields.contains(field)
    }

    /// Whether any other record tells a field.
    pub(crate) fn is_told(&self, field: &str) -> bool {
        self.told.contains(field)
    }

    /// The value where the record's word on a field counts.
    pub(crate) fn left<T>(&self, field: &str, value: Option<T>) -> Option<T> {
        value.filter(|_| self.leaves(field))
    }
}

impl Batch<'_> {
    pub(crate) fn precedence<'k>(&'k self, source: &'k str, key: &'k str) -> Precedence<'k> {
        Precedence(rank(self.source_order, source), Reverse(key))
    }

    /// What is told better of these things than by the source's records of these keys. Records that a directory exported are
    /// its sources' words: nothing goes before them, and they go before nothing.
    pub(crate) async fn outranked<'k>(
        &self,
        kind: &str,
        records: impl IntoIterator<Item = (i64, &'k str)>,
    ) -> Result<HashMap<i64, Outranked>, Error> {
        let keys: HashMap<i64, &str> = records.into_iter().filter(|(_, key)| !key.starts_with(EXPORTED)).collect();
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        let sql = format!(
            "SELECT {kind}_id AS id, source, key, to_jsonb(told) AS told FROM source_record \
             WHERE told IS NOT NULL AND {kind}_id = ANY(?)"
        );
        let mut outranked: HashMap<i64, Outranked> = HashMap::new();
        for teller in self.rows::<Teller>(Sql::with(&sql, ids(keys.keys().copied()))).await? {
            let own = self.precedence(self.source, keys[&teller.id]);
            let other = self.precedence(&teller.source, &teller.key);
            let told: Vec<String> = serde_json::from_value(teller.told).map_err(Error::internal)?;
            let outranked = outranked.entry(teller.id).or_default();
            if other < own {
                outranked.fields.extend(told.iter().cloned());
            }
            if other != own {
                outranked.told.extend(told);
            }
        }
        Ok(outranked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_sources_go_before_own_names_before_formats() {
        let order = ["hr".to_owned(), "openalex".to_owned()];
        let mut sources = ["ris", "library", "openalex", "archive", "hr", "csv", "crossref"];
        sources.sort_by(|one, other| rank(&order, one).cmp(&rank(&order, other)));
        assert_eq!(sources, ["hr", "openalex", "archive", "library", "csv", "crossref", "ris"]);
    }
}
