//! A cache of valid documents. Clients repeat the same query text with different variables. A text is parsed and validated
//! once; its limits are checked once for all variables that cannot change the outcome.
//!
//! Each document is weighed by the memory it takes: clients choose the texts, and an endless series of different ones must
//! not fill the memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_graphql::Variables;
use async_graphql::parser::types::{BaseType, ExecutableDocument, OperationDefinition, Type};
use async_graphql_value::ConstValue;
use moka::sync::Cache;
use prometheus_client::metrics::counter::Counter;
use sha2::{Digest as _, Sha256};

use crate::graphql::engine::document_size::{HeapSize as _, allocated_bytes};
use crate::graphql::inputs::search_query::count_words;
use crate::graphql::limits::query_cost::QueryCost;

/// Maximum memory of the cached documents, in bytes.
const MAX_DOCUMENT_BYTES: u64 = 16 << 20;
/// Maximum number of checked operations, one for each set of variables of a document.
const MAX_CHECKED_OPERATIONS: u64 = 10_000;
/// Memory of a cache entry besides its key and value: its nodes in the table and in the queues of recent uses.
const ENTRY_OVERHEAD_BYTES: usize = 640;

/// The query text and the name of the operation to execute.
type DocumentKey = (String, Option<String>);

/// A digest of the variables that can change the outcome of the checks.
pub(crate) type VariablesKey = [u8; 32];

/// A cache of valid documents, and of the costs of operations that are within the limits.
pub(crate) struct DocumentCache {
    documents: Cache<DocumentKey, Arc<CachedDocument>>,
    /// The costs by document and variables. One cache for all documents: a cache of its own would take a hundred times the
    /// memory of a small document.
    costs: Cache<(u64, VariablesKey), QueryCost>,
    /// Number of documents that were found.
    pub hits: Counter,
    /// Number of documents that were not found.
    pub misses: Counter,
}

impl Default for DocumentCache {
    fn default() -> Self {
        let weight = |key: &DocumentKey, document: &Arc<CachedDocument>| {
            u32::try_from(entry_bytes(key, document)).unwrap_or(u32::MAX)
        };
        Self {
            documents: Cache::builder().max_capacity(MAX_DOCUMENT_BYTES).weigher(weight).build(),
            costs: Cache::new(MAX_CHECKED_OPERATIONS),
            hits: Counter::default(),
            misses: Counter::default(),
        }
    }
}

impl DocumentCache {
    pub fn get(&self, text: &str, operation_name: Option<&str>) -> Option<Arc<CachedDocument>> {
        let document = self.documents.get(&(text.to_owned(), operation_name.map(str::to_owned)));
        let counter = if document.is_some() { &self.hits } else { &self.misses };
        counter.inc();
        document
    }

    /// Caches a valid document whose operation exists.
    pub fn insert(&self, text: &str, operation_name: Option<&str>, document: &Arc<CachedDocument>) {
        self.documents.insert((text.to_owned(), operation_name.map(str::to_owned)), Arc::clone(document));
    }

    /// Returns the cost of an operation that was checked with equivalent variables before.
    pub fn cost(&self, document: &CachedDocument, variables: VariablesKey) -> Option<QueryCost> {
        self.costs.get(&(document.number, variables))
    }

    /// Caches the cost of an operation that is valid and within the limits with these variables.
    pub fn insert_cost(&self, document: &CachedDocument, variables: VariablesKey, cost: QueryCost) {
        self.costs.insert((document.number, variables), cost);
    }
}

/// Returns the memory of a cache entry, in bytes.
fn entry_bytes((text, operation_name): &DocumentKey, document: &CachedDocument) -> usize {
    let key = allocated_bytes(size_of::<DocumentKey>() + 16) + text.heap_bytes() + operation_name.heap_bytes();
    let value = allocated_bytes(size_of::<CachedDocument>() + 16) + document.parsed.heap_bytes();
    ENTRY_OVERHEAD_BYTES + key + value
}

/// A parsed document.
pub(crate) struct CachedDocument {
    pub parsed: ExecutableDocument,
    /// A number that no other document of the process has.
    number: u64,
}

impl CachedDocument {
    pub fn new(parsed: ExecutableDocument) -> Self {
        static NEXT_NUMBER: AtomicU64 = AtomicU64::new(0);
        Self { parsed, number: NEXT_NUMBER.fetch_add(1, Ordering::Relaxed) }
    }
}

/// Returns a digest of the variables that can change the outcome of the checks. Of a string passed for an `ID`, whose
/// type is always correct, only the presence is part of the digest; of one passed for a `String`, which may be a search
/// query, the number of words. All other values are part of it.
pub(crate) fn variables_key(operation: Option<&OperationDefinition>, variables: &Variables) -> Option<VariablesKey> {
    let key = variables.iter().map(|(name, value)| {
        let mut definitions = operation.into_iter().flat_map(|operation| &operation.variable_definitions);
        let definition = definitions.find(|variable| variable.node.name.node == *name);
        (name.as_str(), RelevantValue::new(definition.map(|definition| &definition.node.var_type.node), value))
    });
    let key = serde_json::to_vec(&key.collect::<Vec<_>>()).ok()?;
    Some(Sha256::digest(key).into())
}

/// The part of a variable that can change the outcome of the checks.
#[derive(serde::Serialize)]
enum RelevantValue<'a> {
    Present,
    Words(u64),
    Value(&'a ConstValue),
}

impl<'a> RelevantValue<'a> {
    fn new(ty: Option<&Type>, value: &'a ConstValue) -> Self {
        let ty = ty.and_then(|ty| match &ty.base {
            BaseType::Named(name) => Some(name.as_str()),
            BaseType::List(_) => None,
        });
        match (ty, value) {
            (Some("ID"), ConstValue::String(_)) => Self::Present,
            (Some("String"), ConstValue::String(text)) => Self::Words(count_words(text)),
            _ => Self::Value(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graphql::engine::document_size::test_support::allocated_by;
    use crate::graphql::engine::operation::select_operation;
    use crate::graphql::engine::parser::parse_document;
    use serde_json::{Value as Json, json};

    fn key(variables: Json) -> Option<[u8; 32]> {
        let query = "query A($text: String, $id: ID!, $ids: [ID!], $first: Int) { a }";
        let document = parse_document(query).expect("a query");
        variables_key(
            select_operation(&document, None).map(|operation| &operation.node),
            &Variables::from_json(variables),
        )
    }

    #[test]
    fn strings_of_as_many_words_do_not_change_the_key() {
        assert_eq!(key(json!({ "text": "a b", "id": "b" })), key(json!({ "text": "c d", "id": "d e" })));
    }

    #[test]
    fn other_values_change_the_key() {
        let cases = [
            json!({}),
            json!({ "id": "a" }),
            json!({ "id": 1 }),
            json!({ "id": 2 }),
            json!({ "id": null }),
            json!({ "id": ["a"] }),
            json!({ "id": ["b"] }),
            json!({ "id": "a", "text": "a" }),
            json!({ "id": "a", "text": "a b" }),
            json!({ "first": 1 }),
            json!({ "first": 2 }),
            json!({ "first": "1" }),
            json!({ "first": "2" }),
            json!({ "ids": ["a"] }),
            json!({ "ids": ["a", "b"] }),
            json!({ "ids": "a" }),
            json!({ "ids": "b" }),
            json!({ "unknown": "a" }),
            json!({ "unknown": "b" }),
        ];
        let keys: std::collections::HashSet<_> = cases.iter().map(|variables| key(variables.clone())).collect();
        assert_eq!(keys.len(), cases.len());
    }

    /// Documents of different kinds, distinct for each number.
    fn document(kind: usize, number: usize) -> String {
        let many = |count: usize, part: &dyn Fn(usize) -> String| (0..count).map(part).collect::<Vec<_>>().join(" ");
        match kind {
            0 => format!("{{a{number}:b}}"),
            1 => format!("{{ __typename }} # {number} {}", "x".repeat(1000)),
            2 => include_str!("../../../bench/queries/p.graphql").replace("Profile", &format!("Profile{number}")),
            3 => {
                format!("{{ {} }}", many(100, &|field| format!("a{number}_{field}: papers(first: 1) {{ totalCount }}")))
            }
            4 => {
                let fragments =
                    many(20, &|fragment| format!("fragment f{fragment} on Query {{ directory {{ version }} }}"));
                format!("{{ a{number}: __typename {} }} {fragments}", many(20, &|spread| format!("...f{spread}")))
            }
            5 => {
                let variables = many(50, &|variable| format!("$v{variable}: [ID!] = [\"{number}\", \"b\"]"));
                format!(
                    "query({variables}) {{ {} }}",
                    many(50, &|field| format!("a{field}: nodes(ids: $v{field}) {{ id }}"))
                )
            }
            _ => {
                let filters = many(20, &|filter| format!("{{ query: \"name {number} {filter}\", hasOrcid: true }}"));
                format!("{{ researchers(filter: {{ or: [{filters}] }}) @include(if: true) {{ nodes {{ name }} }} }}")
            }
        }
    }

    /// Returns the accounted and the actual bytes of a cached document of this kind.
    fn document_bytes(kind: usize) -> (u64, u64) {
        const DOCUMENT_COUNT: usize = 60;
        let fill = |cache: &DocumentCache| {
            for number in 0..DOCUMENT_COUNT {
                let text = document(kind, number);
                let parsed = Arc::new(CachedDocument::new(parse_document(&text).expect("a query")));
                cache.insert(&text, None, &parsed);
            }
            cache.documents.run_pending_tasks();
        };
        let actual = allocated_by(DocumentCache::default, fill);
        let (cache, count) = (DocumentCache::default(), DOCUMENT_COUNT as u64);
        fill(&cache);
        assert_eq!(cache.documents.entry_count(), count, "kind {kind}: a document was evicted");
        (cache.documents.weighted_size() / count, actual / count)
    }

    #[test]
    fn weights_are_within_a_third_of_the_memory_taken() {
        for kind in 0..7 {
            let (accounted, actual) = document_bytes(kind);
            println!("kind {kind}: {accounted} bytes accounted, {actual} allocated");
            assert!(accounted * 4 >= actual * 3 && accounted * 3 <= actual * 4, "kind {kind}: {accounted} of {actual}");
        }
    }

    #[test]
    fn memory_is_bounded() {
        let allocated = allocated_by(DocumentCache::default, |cache| {
            for number in 0..10_000 {
                let text = document(0, number);
                let parsed = Arc::new(CachedDocument::new(parse_document(&text).expect("a query")));
                cache.insert(&text, None, &parsed);
                let variables = variables_key(None, &Variables::from_json(json!({ "number": number })));
                cache.insert_cost(&parsed, variables.expect("a key"), QueryCost::default());
            }
            cache.documents.run_pending_tasks();
            cache.costs.run_pending_tasks();
        });
        assert!(allocated < 32 << 20, "{allocated} bytes");
    }
}
