//! Full-text search, ranked by relevance, and autocomplete suggestions.
//!
//! Names, titles and labels are looked up as folded words (`search_entry`), and abstracts as words (`search_abstract`).
//! Typos are tolerated, and the last word is treated as a prefix, only if few entities match exactly: fewer than
//! [`matches::MIN_EXACT_HITS`], or none for a query of many words.

mod hints;
mod matched_texts;
mod matches;
mod suggestions;
mod words;

use sea_orm::{DbErr, FromQueryResult, QueryResult};

use crate::model::entity_type::EntityType;
use crate::store::Store;
use crate::store::access::column_projection::{ColumnCursor, ColumnProjection, ColumnSet};
use crate::store::access::sql_fragment::Sql;
use crate::store::reader::identifier_column::IdentifierColumn;
use crate::store::reader::page::{List, ListSource, NoEdge, SortDirection, SortKey, SortKeyType, no_edge_columns};
use crate::store::reader::search::matches::matches_sql;
use crate::text::tokenizer::SearchTerms;

pub use crate::store::reader::search::hints::{SearchHint, SearchHintKey};
pub(crate) use crate::store::reader::search::matched_texts::SEARCH_ONLY_FIELD;
pub use crate::store::reader::search::matched_texts::{MatchedText, MatchedTextsKey};
pub use crate::store::reader::search::suggestions::SuggestedEntity;

/// Parses a text as each identifier that a type has a column for. Returns the canonical forms of those that match.
#[must_use]
pub fn parse_identifiers(kind: EntityType, text: &str) -> Vec<(IdentifierColumn, String)> {
    IdentifierColumn::of(kind).iter().filter_map(|column| Some((*column, column.canonical(text)?))).collect()
}

/// Number of words above which a query is taken for a title: fuzzy matches are tried only if nothing matches exactly.
const MAX_SHORT_QUERY_WORDS: usize = 3;

/// Returns the join of the relevance of each row, as `found.rank`; empty without a query.
pub(crate) fn relevance_join(kind: EntityType, query: Option<&SearchTerms>) -> Sql {
    let Some(query) = query else { return Sql::default() };
    Sql::from(format!(" JOIN (SELECT {} AS id, min(rank) AS rank FROM (", kind.reference_column()))
        .then(matches_sql(query, &[kind]))
        .then(format!(") AS match GROUP BY 1) AS found ON found.id = {}.id", kind.table()))
}

/// Returns the sort key of relevance; larger is better.
pub(crate) fn relevance_key() -> SortKey {
    SortKey::new("(- found.rank)", SortKeyType::Integer)
}

/// Returns the condition that the entity of a row matches a query.
pub(crate) fn matches_query(kind: EntityType, query: &SearchTerms) -> Sql {
    Sql::from(format!("{}.id IN (SELECT {} FROM (", kind.table(), kind.reference_column()))
        .then(matches_sql(query, &[kind]))
        .then(") AS match)")
}

/// List of search results of several entity types, most relevant first.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SearchResults {
    /// Search query.
    pub query: SearchTerms,
    /// Entity types to search.
    pub kinds: Vec<EntityType>,
}

/// Reference to an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EntityRef {
    /// Type of the entity.
    pub kind: EntityType,
    /// Id of the entity.
    pub id: i64,
}

impl ColumnProjection for EntityRef {
    const OPTIONAL_COLUMNS: &'static [&'static str] = &[];

    fn select_list(table: &str, _: ColumnSet) -> String {
        format!("{table}.kind, {table}.id")
    }

    fn from_columns(places: &mut ColumnCursor<'_>, _: ColumnSet) -> Result<Self, DbErr> {
        Self::from_row(places.next_value()?, places.next_value()?)
    }
}

impl FromQueryResult for EntityRef {
    fn from_query_result(row: &QueryResult, prefix: &str) -> Result<Self, DbErr> {
        Self::from_row(row.try_get(prefix, "kind")?, row.try_get(prefix, "id")?)
    }
}

impl EntityRef {
    fn from_row(index: i64, id: i64) -> Result<Self, DbErr> {
        let kind = usize::try_from(index).ok().and_then(|index| EntityType::ALL.get(index));
        let kind = *kind.ok_or_else(|| DbErr::Type(format!("{index} is not the index of an entity type")))?;
        Ok(Self { kind, id })
    }
}

/// SQL for the index of the type in [`EntityType::ALL`] and the id, from a row with a column per type.
const KIND_AND_ID_COLUMNS: &str = "CASE WHEN researcher_id IS NOT NULL THEN 0 WHEN organization_id IS NOT NULL THEN 1 \
     WHEN topic_id IS NOT NULL THEN 2 ELSE 3 END::bigint AS kind, coalesce(researcher_id, organization_id, topic_id, paper_id) AS id";

impl List for SearchResults {
    type Node = EntityRef;
    type Edge = NoEdge;
    const PAGE_QUERY: &'static str = "search::page";
    const COUNT_QUERY: &'static str = "search::count";

    fn mergeable_parent(&self) -> Option<EntityType> {
        None
    }

    fn source(&self, _: &Store) -> ListSource {
        let from = Sql::from(format!(
            "(SELECT {KIND_AND_ID_COLUMNS}, min(rank)::bigint AS rank, max(popularity)::bigint AS popularity FROM ("
        ))
        .then(matches_sql(&self.query, &self.kinds))
        .then(") AS match GROUP BY researcher_id, organization_id, topic_id, paper_id) AS hit");
        ListSource {
            node_alias: "hit",
            edge_columns: no_edge_columns,
            from,
            conditions: Vec::new(),
            sort_keys: vec![
                SortKey::new("hit.rank", SortKeyType::Integer),
                SortKey::new("(- hit.popularity)", SortKeyType::Integer),
                SortKey::new("hit.kind", SortKeyType::Integer),
                SortKey::new("hit.id", SortKeyType::Integer),
            ],
            direction: SortDirection::Ascending,
        }
    }
}
