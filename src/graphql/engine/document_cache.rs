//! Queries that were read before. Clients send the same texts again and again, with other variables: a text is parsed once,
//! and held to the limits and validated once for all values of its variables that make no difference to that.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use async_graphql::Variables;
use async_graphql::parser::types::{BaseType, ExecutableDocument, OperationDefinition, Type};
use async_graphql_value::ConstValue;
use moka::sync::Cache;
use sha2::{Digest as _, Sha256};

use crate::error::Error;
use crate::graphql::engine::null_propagation::ResponseShape;
use crate::graphql::limits::query_cost::QueryCost;

/// How many bytes the documents may take, roughly.
const MAX_CACHE_BYTES: u64 = 16 << 20;
/// For how many sets of variables it is remembered what holds with them.
const MAX_CHECKED_VARIABLE_SETS: u64 = 32;
/// What a byte of text takes once it is parsed, about.
const PARSED_BYTES_PER_TEXT_BYTE: usize = 20;
/// What a field of a shape takes, about.
const SHAPE_FIELD_BYTES: usize = 200;

/// The text of a query, and the name of the operation that is to run.
type DocumentKey = (String, Option<String>);

/// The queries that were read before.
pub(crate) struct DocumentCache(Cache<DocumentKey, Arc<CachedDocument>>);

impl Default for DocumentCache {
    fn default() -> Self {
        let weight = |(text, _): &DocumentKey, document: &Arc<CachedDocument>| {
            let fields = document.shape().map_or(0, ResponseShape::field_count);
            u32::try_from(text.len() * PARSED_BYTES_PER_TEXT_BYTE + fields * SHAPE_FIELD_BYTES).unwrap_or(u32::MAX)
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

/// A text that was parsed, and the operation that is to run.
pub(crate) struct CachedDocument {
    pub parsed: ExecutableDocument,
    shape: OnceLock<Option<ResponseShape>>,
    checked_operations: Cache<[u8; 32], Arc<CheckedOperation>>,
}

/// What holds for an operation with certain variables.
pub(crate) struct CheckedOperation {
    pub cost: QueryCost,
    is_validated: AtomicBool,
}

impl From<QueryCost> for CheckedOperation {
    fn from(cost: QueryCost) -> Self {
        Self { cost, is_validated: AtomicBool::new(false) }
    }
}

impl CheckedOperation {
    /// Whether it was run before, which only happens to what is valid.
    pub fn is_validated(&self) -> bool {
        self.is_validated.load(Ordering::Relaxed)
    }

    pub fn mark_validated(&self) {
        self.is_validated.store(true, Ordering::Relaxed);
    }
}

impl CachedDocument {
    pub fn new(parsed: ExecutableDocument) -> Self {
        Self { parsed, shape: OnceLock::new(), checked_operations: Cache::new(MAX_CHECKED_VARIABLE_SETS) }
    }

    /// What its answers look like; none where there is no such operation.
    pub fn shape(&self) -> Option<&ResponseShape> {
        self.shape.get()?.as_ref()
    }

    /// Says what its answers look like, once it is known to be within the limits.
    pub fn set_shape(&self, shape: Option<ResponseShape>) {
        self.shape.get_or_init(|| shape);
    }

    /// What holds for the operation with these variables, judged now if it was not before.
    pub fn check_operation(
        &self,
        operation: Option<&OperationDefinition>,
        variables: &Variables,
        judge: impl FnOnce() -> Result<QueryCost, Error>,
    ) -> Result<Arc<CheckedOperation>, Error> {
        let Some(case) = variables_key(operation, variables) else { return Ok(Arc::new(judge()?.into())) };
        if let Some(known) = self.checked_operations.get(&case) {
            return Ok(known);
        }
        let judged = Arc::new(judge()?.into());
        self.checked_operations.insert(case, Arc::clone(&judged));
        Ok(judged)
    }
}

/// A digest of what makes a difference. A text for a `String` or an `ID` is as good as any other: no limit looks at it, and
/// it is of the right type. Of these it only counts that they are there, of all others what they are.
fn variables_key(operation: Option<&OperationDefinition>, variables: &Variables) -> Option<[u8; 32]> {
    let is_text = |ty: &Type| matches!(&ty.base, BaseType::Named(name) if matches!(name.as_str(), "String" | "ID"));
    let is_free = |name: &str, value: &ConstValue| {
        let mut definitions = operation.into_iter().flat_map(|operation| &operation.variable_definitions);
        matches!(value, ConstValue::String(_))
            && definitions.any(|one| one.node.name.node == name && is_text(&one.node.var_type.node))
    };
    // A list of one for a value that counts, so that null is another than none.
    let case = variables.iter().map(|(name, value)| (name.as_str(), (!is_free(name, value)).then_some([value])));
    let case = serde_json::to_vec(&case.collect::<Vec<_>>()).ok()?;
    Some(Sha256::digest(case).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graphql::limits::query_cost::select_operation;
    use async_graphql::parser::parse_query;
    use serde_json::{Value as Json, json};

    fn key(variables: Json) -> Option<[u8; 32]> {
        let query = "query A($text: String, $id: ID!, $ids: [ID!], $first: Int) { a }";
        let document = parse_query(query).expect("a query");
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
        let told: std::collections::HashSet<_> = cases.iter().map(|variables| key(variables.clone())).collect();
        assert_eq!(told.len(), cases.len());
    }
}
