//! Null propagation: a failed field is null, or its parent is null if the field is non-null (GraphQL specification,
//! section 6.4.4; the engine omits the field).
//!
//! A statement reads what was committed when it started, so that an entity can be deleted between two nesting levels.
//! Such a field is null without an error, and a list item that cannot be null is omitted.
//!
//! The specification demands it, and the engine deviates (`docs/upstream.md`). It runs only for responses with errors.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{
    BaseType, ExecutableDocument, FragmentDefinition, OperationDefinition, Selection, SelectionSet, Type,
};
use async_graphql::{Name, PathSegment, Positioned, Response, ServerError, Value};

use crate::error::Error;
use crate::graphql::engine::schema_index::{IndexedType, SchemaIndex, named_type};

type Fragments = HashMap<Name, Positioned<FragmentDefinition>>;

/// The shape of a response: its fields, with the shape of each.
pub struct ResponseShape {
    /// The type of the value; `None` if the index has no such field, as in introspection.
    ty: Option<Type>,
    fields: IndexMap<Name, ResponseShape>,
}

impl ResponseShape {
    /// Builds the shape of an operation. Each fragment spread is expanded, so that the document must be within the
    /// limits.
    #[must_use]
    pub fn new(schema_index: &SchemaIndex, document: &ExecutableDocument, operation: &OperationDefinition) -> Self {
        let root = schema_index.root(operation.ty).map(IndexedType::name);
        let mut shape = Self { ty: root.and_then(|root| Type::new(root)), fields: IndexMap::new() };
        let selections = &operation.selection_set.node;
        shape.add_selections(schema_index, root, selections, &document.fragments, &mut Vec::new());
        shape
    }

    /// Sets failed fields to null, propagates nulls of non-null fields to their parents, and omits deleted list items.
    pub fn propagate_errors(&self, response: &mut Response) {
        let mut nulls = NullPropagation::new(&response.errors);
        // If the data itself is null, there is no parent left.
        if self.propagate_nulls(&mut response.data, self.ty.as_ref(), &mut nulls).is_ok() {
            nulls.remove_deletions(&mut response.errors);
        }
    }
}

/// The paths of errors, and the paths of their ancestors.
#[derive(Default)]
struct ErrorPaths {
    paths: HashSet<String>,
    ancestors: HashSet<String>,
}

impl ErrorPaths {
    fn from_errors<'e>(errors: impl Iterator<Item = &'e ServerError>) -> Self {
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

/// Whether an error only says that an entity was deleted while the query was executed.
pub(crate) fn is_deletion(error: &ServerError) -> bool {
    matches!(error.source::<Error>(), Some(Error::Deleted(_)))
}

/// A non-null field is null; the violation propagates to the parent.
struct NonNullViolation {
    /// Whether the only reason is that an entity was deleted.
    is_deletion: bool,
}

/// State of one walk over the data.
struct NullPropagation {
    /// All errors.
    errors: ErrorPaths,
    /// The errors that are not deletions.
    failures: ErrorPaths,
    /// The path of the current value.
    path: String,
    /// The omitted items: the path of the list, and the index.
    omitted_items: Vec<(String, usize)>,
}

impl NullPropagation {
    fn new(errors: &[ServerError]) -> Self {
        Self {
            errors: ErrorPaths::from_errors(errors.iter()),
            failures: ErrorPaths::from_errors(errors.iter().filter(|error| !is_deletion(error))),
            path: String::new(),
            omitted_items: Vec::new(),
        }
    }

    /// Runs `visit` with the path of a child.
    fn at<T>(&mut self, segment: &PathSegment, visit: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        push_segment(&mut self.path, segment);
        let result = visit(self);
        self.path.truncate(length);
        result
    }

    fn has_error(&self) -> bool {
        self.errors.has_error_at_or_below(&self.path)
    }

    fn violation(&self) -> NonNullViolation {
        NonNullViolation { is_deletion: !self.failures.has_error_at_or_below(&self.path) }
    }

    /// Removes the errors of deletions, and adjusts the paths of the others to the omitted items.
    fn remove_deletions(&self, errors: &mut Vec<ServerError>) {
        errors.retain(|error| !is_deletion(error));
        if self.omitted_items.is_empty() {
            return;
        }
        for error in errors {
            let mut path = String::new();
            for segment in &mut error.path {
                let original = segment.clone();
                if let PathSegment::Index(index) = segment {
                    let omitted_before = |(list, item): &&(String, usize)| *list == path && item < index;
                    *index -= self.omitted_items.iter().filter(omitted_before).count();
                }
                push_segment(&mut path, &original);
            }
        }
    }
}

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
                    let child = child.or_insert_with(|| ResponseShape { ty: ty.cloned(), fields: IndexMap::new() });
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
        nulls: &mut NullPropagation,
    ) -> Result<(), NonNullViolation> {
        let is_nullable = ty.is_none_or(|ty| ty.nullable);
        let is_list = ty.is_some_and(|ty| matches!(ty.base, BaseType::List(_)));
        if *value == Value::Null
            && nulls.errors.ancestors.contains(&nulls.path)
            && !nulls.errors.paths.contains(&nulls.path)
            && !is_list
        {
            // The engine returns null for an object all of whose fields failed.
            *value = Value::Object(IndexMap::new());
        }
        if *value == Value::Null {
            return if is_nullable || !nulls.has_error() { Ok(()) } else { Err(nulls.violation()) };
        }
        let result = match value {
            Value::List(values) => {
                let item_type = ty.and_then(|ty| match &ty.base {
                    BaseType::List(inner) => Some(&**inner),
                    BaseType::Named(_) => None,
                });
                self.propagate_nulls_of_items(values, item_type, nulls)
            }
            Value::Object(fields) => self.fields.iter().try_for_each(|(key, shape)| {
                nulls.at(&PathSegment::Field(key.to_string()), |nulls| match fields.get_mut(key) {
                    Some(value) => shape.propagate_nulls(value, shape.ty.as_ref(), nulls),
                    None if !nulls.has_error() => Ok(()),
                    None if shape.ty.as_ref().is_none_or(|ty| ty.nullable) => {
                        fields.insert(key.clone(), Value::Null);
                        Ok(())
                    }
                    None => Err(nulls.violation()),
                })
            }),
            _ => Ok(()),
        };
        match result {
            Err(NonNullViolation { .. }) if is_nullable => {
                *value = Value::Null;
                Ok(())
            }
            result => result,
        }
    }

    /// Propagates nulls in the items of a list, and omits the items that were deleted.
    fn propagate_nulls_of_items(
        &self,
        values: &mut Vec<Value>,
        item_type: Option<&Type>,
        nulls: &mut NullPropagation,
    ) -> Result<(), NonNullViolation> {
        let mut index = 0;
        let mut result = Ok(());
        values.retain_mut(|value| {
            let item = nulls.at(&PathSegment::Index(index), |nulls| self.propagate_nulls(value, item_type, nulls));
            index += 1;
            match item {
                Err(NonNullViolation { is_deletion: true }) => {
                    nulls.omitted_items.push((nulls.path.clone(), index - 1));
                    false
                }
                Err(violation) => {
                    result = Err(violation);
                    true
                }
                Ok(()) => true,
            }
        });
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graphql::engine::operation::select_operation;
    use crate::graphql::engine::parser::parse_document;
    use serde_json::{Value as Json, json};

    const SCHEMA: &str = "type Query { a: [A] b: Int c: [A!] } type A { x: Int y: Int! z: A! }";

    fn response_of(query: &str, data: Json, errors: &[&[&str]], deletions: &[&[&str]]) -> Response {
        let document = parse_document(query).expect("a query");
        let mut response = Response::new(Value::from_json(data).expect("a value"));
        let error = |path: &[&str], error: async_graphql::Error| {
            let mut error = error.into_server_error(async_graphql::Pos::default());
            let segment =
                |part: &&str| part.parse().map_or_else(|_| PathSegment::Field((*part).to_owned()), PathSegment::Index);
            error.path = path.iter().map(segment).collect();
            error
        };
        let failed = errors.iter().map(|path| error(path, async_graphql::Error::new("failed")));
        let deleted = deletions.iter().map(|path| error(path, Error::Deleted("thing").into()));
        response.errors = failed.chain(deleted).collect();
        let operation = select_operation(&document, None).expect("an operation");
        ResponseShape::new(&SchemaIndex::parse(SCHEMA), &document, &operation.node).propagate_errors(&mut response);
        response
    }

    fn json_of(query: &str, data: Json, errors: &[&[&str]]) -> Json {
        response_of(query, data, errors, &[]).data.into_json().expect("JSON")
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

    #[test]
    fn deleted_entities_are_null_or_omitted() {
        // `c: [A!]`; `z: A!`; `a: [A]`.
        let query = "{ c { x z { x } } }";
        let items = json!({ "c": [{ "x": 1, "z": { "x": 2 } }, { "x": 3 }, { "x": 4, "z": { "x": 5 } }] });
        let response = response_of(query, items, &[], &[&["c", "1", "z"]]);
        assert_eq!(
            response.data.into_json().expect("JSON"),
            json!({ "c": [{ "x": 1, "z": { "x": 2 } }, { "x": 4, "z": { "x": 5 } }] })
        );
        assert!(response.errors.is_empty());

        let response = response_of("{ a { x z { x } } }", json!({ "a": [{ "x": 1 }] }), &[], &[&["a", "0", "z"]]);
        assert_eq!(response.data.into_json().expect("JSON"), json!({ "a": [null] }));
        assert!(response.errors.is_empty());

        let response = response_of("{ b }", json!({}), &[], &[&["b"]]);
        assert_eq!(response.data.into_json().expect("JSON"), json!({ "b": null }));
        assert!(response.errors.is_empty());
    }

    #[test]
    fn failures_beside_deletions_are_reported_at_the_right_item() {
        let items = json!({ "c": [{ "z": { "x": 1 } }, {}, { "z": {} }] });
        let response = response_of("{ c { z { x } } }", items, &[&["c", "2", "z", "x"]], &[&["c", "1", "z"]]);
        assert_eq!(
            response.data.into_json().expect("JSON"),
            json!({ "c": [{ "z": { "x": 1 } }, { "z": { "x": null } }] })
        );
        let path: Vec<String> = response.errors.iter().map(|error| format!("{:?}", error.path)).collect();
        assert_eq!(path, [r#"[Field("c"), Index(1), Field("z"), Field("x")]"#]);

        // An item that failed besides is not omitted.
        let items = json!({ "c": [{ "x": 1 }] });
        let response = response_of("{ c { y z { x } } }", items, &[&["c", "0", "y"]], &[&["c", "0", "z"]]);
        assert_eq!(response.data.into_json().expect("JSON"), json!({ "c": null }));
        assert_eq!(response.errors.len(), 1);
    }
}
