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
use crate::graphql::engine::null_propagation::Shape;
use crate::graphql::limits::query_cost::Cost;

/// How many bytes the documents may take, roughly.
const MOST_BYTES: u64 = 16 << 20;
/// For how many sets of variables it is remembered what holds with them.
const MOST_JUDGED: u64 = 32;
/// What a byte of text takes once it is parsed, about.
const PARSED: usize = 20;
/// What a field of a shape takes, about.
const FIELD: usize = 200;

/// The text of a query, and the name of the operation that is to run.
type Key = (String, Option<String>);

/// The queries that were read before.
pub(crate) struct Documents(Cache<Key, Arc<Document>>);

impl Default for Documents {
    fn default() -> Self {
        let weight = |(text, _): &Key, document: &Arc<Document>| {
            let fields = document.shape().map_or(0, Shape::fields);
            u32::try_from(text.len() * PARSED + fields * FIELD).unwrap_or(u32::MAX)
        };
        Self(Cache::builder().max_capacity(MOST_BYTES).weigher(weight).build())
    }
}

impl Documents {
    pub fn find(&self, text: &str, operation_name: Option<&str>) -> Option<Arc<Document>> {
        self.0.get(&(text.to_owned(), operation_name.map(str::to_owned)))
    }

    pub fn keep(&self, text: &str, operation_name: Option<&str>, document: &Arc<Document>) {
        self.0.insert((text.to_owned(), operation_name.map(str::to_owned)), Arc::clone(document));
    }
}

/// A text that was parsed, and the operation that is to run.
pub(crate) struct Document {
    pub parsed: ExecutableDocument,
    shape: OnceLock<Option<Shape>>,
    judged: Cache<[u8; 32], Arc<Judged>>,
}

/// What holds for an operation with certain variables.
pub(crate) struct Judged {
    pub cost: Cost,
    is_valid: AtomicBool,
}

impl From<Cost> for Judged {
    fn from(cost: Cost) -> Self {
        Self { cost, is_valid: AtomicBool::new(false) }
    }
}

impl Judged {
    /// Whether it was run before, which only happens to what is valid.
    pub fn is_valid(&self) -> bool {
        self.is_valid.load(Ordering::Relaxed)
    }

    pub fn passed(&self) {
        self.is_valid.store(true, Ordering::Relaxed);
    }
}

impl Document {
    pub fn new(parsed: ExecutableDocument) -> Self {
        Self { parsed, shape: OnceLock::new(), judged: Cache::new(MOST_JUDGED) }
    }

    /// What its answers look like; none where there is no such operation.
    pub fn shape(&self) -> Option<&Shape> {
        self.shape.get()?.as_ref()
    }

    /// Says what its answers look like, once it is known to be within the limits.
    pub fn give_shape(&self, shape: Option<Shape>) {
        self.shape.get_or_init(|| shape);
    }

    /// What holds for the operation with these variables, judged now if it was not before.
    pub fn judged(
        &self,
        operation: Option<&OperationDefinition>,
        variables: &Variables,
        judge: impl FnOnce() -> Result<Cost, Error>,
    ) -> Result<Arc<Judged>, Error> {
        let Some(case) = case_of(operation, variables) else { return Ok(Arc::new(judge()?.into())) };
        if let Some(known) = self.judged.get(&case) {
            return Ok(known);
        }
        let judged = Arc::new(judge()?.into());
        self.judged.insert(case, Arc::clone(&judged));
        Ok(judged)
    }
}

/// A digest of what makes a difference. A text for a `String` or an `ID` is as good as any other: no limit looks at it, and
/// it is of the right type. Of these it only counts that they are there, of all others what they are.
fn case_of(operation: Option<&OperationDefinition>, variables: &Variables) -> Option<[u8; 32]> {
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
    use crate::graphql::limits::query_cost::chosen;
    use async_graphql::parser::parse_query;
    use serde_json::{Value as Json, json};

    fn case(variables: Json) -> Option<[u8; 32]> {
        let query = "query A($text: String, $id: ID!, $ids: [ID!], $first: Int) { a }";
        let document = parse_query(query).expect("a query");
        case_of(chosen(&document, None).map(|operation| &operation.node), &Variables::from_json(variables))
    }

    #[test]
    fn texts_make_no_difference() {
        assert_eq!(case(json!({ "text": "a", "id": "b" })), case(json!({ "text": "c", "id": "d" })));
    }

    #[test]
    fn all_else_does() {
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
        let told: std::collections::HashSet<_> = cases.iter().map(|variables| case(variables.clone())).collect();
        assert_eq!(told.len(), cases.len());
    }
}
