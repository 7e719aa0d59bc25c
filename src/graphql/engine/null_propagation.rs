//! Null propagation and field order in responses, where the engine deviates from the GraphQL specification. Fields are
//! in the order of the query (section 7.2.2; the engine orders them by completion). A failed field is null, or its
//! parent is null if the field is non-null (section 6.4.4; the engine omits the field).

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use async_graphql::indexmap::IndexMap;
use async_graphql::indexmap::map::Entry;
use async_graphql::parser::types::{
    BaseType, ExecutableDocument, FragmentDefinition, OperationDefinition, Selection, SelectionSet, Type,
};
use async_graphql::{Name, PathSegment, Positioned, Response, ServerError, Value};

use crate::graphql::engine::json_writer;
use crate::graphql::engine::schema_index::{SchemaIndex, named_type};

type Fragments = HashMap<Name, Positioned<FragmentDefinition>>;

/// The shape of a response: the fields in the order of the query, with the shape of each.
pub struct ResponseShape {
    /// The type of the value; `None` if the index has no such field, as in introspection.
    ty: Option<Type>,
    fields: IndexMap<Name, ResponseShape>,
    /// Whether an object is selected more than once with different subfields.
    is_merged: bool,
}

impl ResponseShape {
    /// Builds the shape of an operation. Each fragment spread is expanded, so that the document must be within the
    /// limits.
    #[must_use]
    pub fn new(schema_index: &SchemaIndex, document: &ExecutableDocument, operation: &OperationDefinition) -> Self {
        let mut shape = Self { ty: Type::new("Query"), fields: IndexMap::new(), is_merged: false };
        let selections = &operation.selection_set.node;
        shape.add_selections(schema_index, Some(&Name::new("Query")), selections, &document.fragments, &mut Vec::new());
        shape
    }

    /// Returns the number of fields on all levels.
    #[must_use]
    pub fn field_count(&self) -> usize {
        self.fields.values().map(|child| 1 + child.field_count()).sum()
    }

    /// Whether an object anywhere is selected more than once.
    #[must_use]
    pub fn has_merged_objects(&self) -> bool {
        self.is_merged || self.fields.values().any(Self::has_merged_objects)
    }

    /// Normalizes the data of an executed request: nulls of failed fields, then field order.
    pub fn normalize(&self, response: &mut Response) {
        if !response.errors.is_empty() {
            let error_paths = ErrorPaths::from_errors(&response.errors);
            // If the data itself is null, there is no parent left.
            let _ = self.propagate_nulls(&mut response.data, self.ty.as_ref(), &mut String::new(), &error_paths);
        }
        self.sort_fields(&mut response.data);
    }
}

/// The paths of all errors, and the paths of their ancestors.
#[derive(Default)]
struct ErrorPaths {
    paths: HashSet<String>,
    ancestors: HashSet<String>,
}

impl ErrorPaths {
    fn from_errors(errors: &[ServerError]) -> Self {
        let mut error_paths = Self::default();
        for error in errors {
            let mut path = String::new();
            for segment in &error.path {
                error_paths.ancestors.insert(path.clone());
                push_segment(&mut path, segment);
            }
            error_paths.paths.insert(path);
        }
        error_paths
    }

    fn has_error_at_or_below(&self, path: &str) -> bool {
        self.paths.contains(path) || self.ancestors.contains(path)
    }
}

fn push_segment(path: &mut String, segment: &PathSegment) {
    let _ = match segment {
        PathSegment::Field(name) => write!(path, "/{name}"),
        PathSegment::Index(index) => write!(path, "/{index}"),
    };
}

/// A non-null field is null; the violation propagates to the parent.
struct NonNullViolation;

impl ResponseShape {
    fn add_selections<'a>(
        &mut self,
        schema_index: &SchemaIndex,
        parent: Option<&Name>,
        selections: &'a SelectionSet,
        fragments: &'a Fragments,
        open_fragments: &mut Vec<&'a Name>,
    ) {
        for selection in &selections.items {
            match &selection.node {
                Selection::Field(field) => {
                    let ty = parent
                        .and_then(|parent| schema_index.field(parent, &field.node.name.node))
                        .map(|field| &field.ty);
                    let child = self.fields.entry(field.node.response_key().node.clone());
                    let is_merged =
                        matches!(child, Entry::Occupied(_)) && !field.node.selection_set.node.items.is_empty();
                    let new = || ResponseShape { ty: ty.cloned(), fields: IndexMap::new(), is_merged: false };
                    let child = child.or_insert_with(new);
                    child.is_merged |= is_merged;
                    let named = ty.map(|ty| named_type(&ty.base));
                    child.add_selections(
                        schema_index,
                        named,
                        &field.node.selection_set.node,
                        fragments,
                        open_fragments,
                    );
                }
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref().map(|condition| &condition.node.on.node);
                    self.add_selections(
                        schema_index,
                        condition.or(parent),
                        &inline.node.selection_set.node,
                        fragments,
                        open_fragments,
                    );
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    // Execution rejects fragment cycles; this check is a safeguard.
                    if let Some(fragment) = fragments.get(name).filter(|_| !open_fragments.contains(&name)) {
                        open_fragments.push(name);
                        let condition = &fragment.node.type_condition.node.on.node;
                        self.add_selections(
                            schema_index,
                            Some(condition),
                            &fragment.node.selection_set.node,
                            fragments,
                            open_fragments,
                        );
                        open_fragments.pop();
                    }
                }
            }
        }
    }

    /// Sets failed fields to null, and propagates nulls of non-null fields to the parent.
    fn propagate_nulls(
        &self,
        value: &mut Value,
        ty: Option<&Type>,
        path: &mut String,
        error_paths: &ErrorPaths,
    ) -> Result<(), NonNullViolation> {
        let is_nullable = ty.is_none_or(|ty| ty.nullable);
        let is_list = ty.is_some_and(|ty| matches!(ty.base, BaseType::List(_)));
        if *value == Value::Null
            && error_paths.ancestors.contains(path)
            && !error_paths.paths.contains(path)
            && !is_list
        {
            // The engine returns null for an object all of whose fields failed.
            *value = Value::Object(IndexMap::new());
        }
        if *value == Value::Null {
            return if is_nullable || !error_paths.has_error_at_or_below(path) {
                Ok(())
            } else {
                Err(NonNullViolation)
            };
        }
        let length = path.len();
        let result = match value {
            Value::List(values) => {
                let inner = ty.and_then(|ty| match &ty.base {
                    BaseType::List(inner) => Some(&**inner),
                    BaseType::Named(_) => None,
                });
                values.iter_mut().enumerate().try_for_each(|(index, value)| {
                    push_segment(path, &PathSegment::Index(index));
                    let result = self.propagate_nulls(value, inner, path, error_paths);
                    path.truncate(length);
                    result
                })
            }
            Value::Object(fields) => self.fields.iter().try_for_each(|(key, shape)| {
                push_segment(path, &PathSegment::Field(key.to_string()));
                let result = match fields.get_mut(key) {
                    Some(value) => shape.propagate_nulls(value, shape.ty.as_ref(), path, error_paths),
                    None if !error_paths.has_error_at_or_below(path) => Ok(()),
                    None if shape.ty.as_ref().is_none_or(|ty| ty.nullable) => {
                        fields.insert(key.clone(), Value::Null);
                        Ok(())
                    }
                    None => Err(NonNullViolation),
                };
                path.truncate(length);
                result
            }),
            _ => Ok(()),
        };
        match result {
            Err(NonNullViolation) if is_nullable => {
                *value = Value::Null;
                Ok(())
            }
            result => result,
        }
    }

    /// Sorts the fields in the order of the query. JSON that is already written is sorted.
    fn sort_fields(&self, value: &mut Value) {
        match value {
            Value::List(values) => values.iter_mut().for_each(|value| self.sort_fields(value)),
            Value::Object(fields) if json_writer::is_marked_for_merge(fields) && fields.len() > 1 => {
                json_writer::reparse(value);
                self.sort_fields(value);
            }
            Value::Object(fields) if json_writer::is_marked_for_merge(fields) => {}
            Value::Object(fields) => {
                // Fields are usually sorted: each key is found right after the previous one.
                let mut shapes = self.fields.keys();
                let is_ordered = fields.keys().all(|key| shapes.any(|shape_key| shape_key == key));
                if !is_ordered {
                    fields.sort_by_cached_key(|key, _| self.fields.get_index_of(key));
                }
                for (key, value) in fields {
                    if let (Value::List(_) | Value::Object(_), Some(child)) = (&*value, self.fields.get(key)) {
                        child.sort_fields(value);
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graphql::engine::operation::select_operation;
    use serde_json::{Value as Json, json};

    const SCHEMA: &str = "type Query { a: [A] b: Int c: [A!] } type A { x: Int y: Int! z: A! }";

    fn normalized(query: &str, data: Json, errors: &[&[&str]]) -> Value {
        let document = async_graphql::parser::parse_query(query).expect("a query");
        let mut response = Response::new(Value::from_json(data).expect("a value"));
        response.errors = errors
            .iter()
            .map(|path| {
                let mut error = ServerError::new("failed", None);
                error.path = path
                    .iter()
                    .map(|part| {
                        part.parse().map_or_else(|_| PathSegment::Field((*part).to_owned()), PathSegment::Index)
                    })
                    .collect();
                error
            })
            .collect();
        let operation = select_operation(&document, None).expect("an operation");
        ResponseShape::new(&SchemaIndex::parse(SCHEMA), &document, &operation.node).normalize(&mut response);
        response.data
    }

    #[test]
    fn fields_follow_the_order_of_the_query() {
        let query = "{ a { ...F x } b } fragment F on A { z { x } y }";
        let data = normalized(query, json!({ "b": 1, "a": [{ "x": 2, "y": 3, "z": { "x": 1 } }, null] }), &[]);
        assert_eq!(data.to_string(), "{a: [{z: {x: 1}, y: 3, x: 2}, null], b: 1}");
    }

    fn json_of(query: &str, data: Json, errors: &[&[&str]]) -> Json {
        normalized(query, data, errors).into_json().expect("JSON")
    }

    #[test]
    fn a_failed_field_is_null() {
        let data = json_of("{ b a { x y } }", json!({ "a": [{ "y": 1 }] }), &[&["b"], &["a", "0", "x"]]);
        assert_eq!(data, json!({ "b": null, "a": [{ "x": null, "y": 1 }] }));
    }

    #[test]
    fn non_null_violations_propagate_to_the_parent() {
        let data = json_of("{ b a { x y } }", json!({ "b": 1, "a": [{ "x": 1 }] }), &[&["a", "0", "y"]]);
        assert_eq!(data, json!({ "b": 1, "a": [null] }));
        let data = json_of("{ b c { x y } }", json!({ "b": 1, "c": [{ "x": 1 }] }), &[&["c", "0", "y"]]);
        assert_eq!(data, json!({ "b": 1, "c": null }));
        let nested = json!({ "a": [{ "z": { "z": {} } }] });
        let data = json_of("{ a { z { z { y } } } }", nested, &[&["a", "0", "z", "z", "y"]]);
        assert_eq!(data, json!({ "a": [null] }));
    }

    #[test]
    fn an_object_whose_fields_all_failed() {
        assert_eq!(json_of("{ b }", json!(null), &[&["b"]]), json!({ "b": null }));
        assert_eq!(
            json_of("{ a { x } }", json!({ "a": [null] }), &[&["a", "0", "x"]]),
            json!({ "a": [{ "x": null }] })
        );
        assert_eq!(json_of("{ a { y } }", json!({ "a": [null] }), &[&["a", "0", "y"]]), json!({ "a": [null] }));
    }

    #[test]
    fn aliases_and_parents_that_are_already_null() {
        let data = json_of("{ one: a { two: y } }", json!({ "one": [null] }), &[&["one", "0", "two"]]);
        assert_eq!(data, json!({ "one": [null] }));
        let data = json_of("{ c { z { y } } }", json!({ "c": [{ "z": null }] }), &[&["c", "0", "z", "y"]]);
        assert_eq!(data, json!({ "c": null }));
    }
}
