//! A cache of valid documents. Clients repeat the same query text with different variables. A text is parsed and validated
//! once; its limits are checked once for all variables that cannot change the outcome.

use std::sync::Arc;

use async_graphql::Variables;
use async_graphql::parser::types::{BaseType, ExecutableDocument, OperationDefinition, Type};
use async_graphql_value::ConstValue;
use moka::sync::Cache;
use sha2::{Digest as _, Sha256};

use crate::error::Error;
use crate::graphql::limits::query_cost::QueryCost;

/// Maximum size of the cache, approximately.
const MAX_CACHE_BYTES: u64 = 16 << 20;
/// Maximum number of sets of variables remembered for a document.
const MAX_CHECKED_VARIABLE_SETS: u64 = 32;
/// Estimated size of a parsed document for each byte of its text.
const PARSED_BYTES_PER_TEXT_BYTE: usize = 20;

/// The query text and the name of the operation to execute.
type DocumentKey = (String, Option<String>);

/// A cache of parsed documents.
pub(crate) struct DocumentCache(Cache<DocumentKey, Arc<CachedDocument>>);

impl Default for DocumentCache {
    fn default() -> Self {
        let weight = |(text, _): &DocumentKey, _: &Arc<CachedDocument>| {
            u32::try_from(text.len() * PARSED_BYTES_PER_TEXT_BYTE).unwrap_or(u32::MAX)
        };
        Self(Cache::builder().max_capacity(MAX_CACHE_BYTES).weigher(weight).build())
    }
}

impl DocumentCache {
    pub fn get(&self, text: &str, operation_name: Option<&str>) -> Option<Arc<CachedDocument>> {
        self.0.get(&(text.to_owned(), operation_name.map(str::to_owned)))
    }

    pub fn insert(&self, text: &str, operation_name: Option<&str>, document: &Arc<CachedDocument>) {
        self.0.insert((text.to_owned(), operation_name.map(str::to_owned)), Arc::clone(document));
    }
}

/// A parsed document and the operation to execute.
pub(crate) struct CachedDocument {
    pub parsed: ExecutableDocument,
    checked_operations: Cache<[u8; 32], Arc<CheckedOperation>>,
}

/// The result of the checks for an operation and a set of variables.
pub(crate) struct CheckedOperation {
    pub cost: QueryCost,
}

impl From<QueryCost> for CheckedOperation {
    fn from(cost: QueryCost) -> Self {
        Self { cost }
    }
}

impl CachedDocument {
    pub fn new(parsed: ExecutableDocument) -> Self {
        Self { parsed, checked_operations: Cache::new(MAX_CHECKED_VARIABLE_SETS) }
    }

    /// Returns the result of the checks for these variables, from the cache if possible.
    pub fn check_operation(
        &self,
        operation: Option<&OperationDefinition>,
        variables: &Variables,
        check: impl FnOnce() -> Result<QueryCost, Error>,
    ) -> Result<Arc<CheckedOperation>, Error> {
        let Some(key) = variables_key(operation, variables) else { return Ok(Arc::new(check()?.into())) };
        if let Some(checked_before) = self.checked_operations.get(&key) {
            return Ok(checked_before);
        }
        let checked = Arc::new(check()?.into());
        self.checked_operations.insert(key, Arc::clone(&checked));
        Ok(checked)
    }
}

/// Returns a digest of the variables that can change the outcome of the checks. No limit depends on the content of a
/// string passed for a `String` or an `ID`, and its type is always correct: only its presence is part of the digest.
/// All other values are part of it.
fn variables_key(operation: Option<&OperationDefinition>, variables: &Variables) -> Option<[u8; 32]> {
    let is_text = |ty: &Type| matches!(&ty.base, BaseType::Named(name) if matches!(name.as_str(), "String" | "ID"));
    let is_irrelevant = |name: &str, value: &ConstValue| {
        let mut definitions = operation.into_iter().flat_map(|operation| &operation.variable_definitions);
        matches!(value, ConstValue::String(_))
            && definitions.any(|variable| variable.node.name.node == name && is_text(&variable.node.var_type.node))
    };
    // The value is wrapped in a list to distinguish null from a string.
    let key = variables.iter().map(|(name, value)| (name.as_str(), (!is_irrelevant(name, value)).then_some([value])));
    let key = serde_json::to_vec(&key.collect::<Vec<_>>()).ok()?;
    Some(Sha256::digest(key).into())
}

#[cfg(test)]
mod tests {
    use super::*;
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
    fn strings_do_not_change_the_key() {
        assert_eq!(key(json!({ "text": "a", "id": "b" })), key(json!({ "text": "c", "id": "d" })));
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
}
