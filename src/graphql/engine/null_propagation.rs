//! Answers as the GraphQL specification has them, where the engine falls short of it: fields in the order of the query
//! (7.2.2; the engine writes each down when it is done), and a failed field null, or what holds it null where the field
//! may not be (6.4.4; the engine leaves it out).

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use async_graphql::indexmap::IndexMap;
use async_graphql::indexmap::map::Entry;
use async_graphql::parser::types::{
    BaseType, ExecutableDocument, FragmentDefinition, OperationDefinition, Selection, SelectionSet, Type,
};
use async_graphql::{Name, PathSegment, Positioned, Response, ServerError, Value};

use crate::graphql::engine::json_writer;
use crate::graphql::engine::schema_index::Definitions;
use crate::graphql::limits::query_cost::named;

type Fragments = HashMap<Name, Positioned<FragmentDefinition>>;

/// What a selection asks for: its fields in the order in which they are first asked for, and so on below each.
pub struct Shape {
    /// Absent where the schema does not tell, as for introspection.
    ty: Option<Type>,
    fields: IndexMap<Name, Shape>,
    /// Whether the same objects are asked for more than once, for several things.
    is_twice: bool,
}

impl Shape {
    /// What an operation asks for. Each fragment is put in place as often as it is spread: a budget comes before this.
    #[must_use]
    pub fn of(definitions: &Definitions, document: &ExecutableDocument, operation: &OperationDefinition) -> Self {
        let mut shape = Self { ty: Type::new("Query"), fields: IndexMap::new(), is_twice: false };
        let selections = &operation.selection_set.node;
        shape.add(definitions, Some(&Name::new("Query")), selections, &document.fragments, &mut Vec::new());
        shape
    }

    /// How many fields it has, on all levels.
    #[must_use]
    pub fn fields(&self) -> usize {
        self.fields.values().map(|below| 1 + below.fields()).sum()
    }

    /// Whether anywhere objects are asked for more than once.
    #[must_use]
    pub fn asks_twice(&self) -> bool {
        self.is_twice || self.fields.values().any(Self::asks_twice)
    }

    /// Brings the data of an executed request into shape.
    pub fn complete(&self, response: &mut Response) {
        if !response.errors.is_empty() {
            let failed = Failed::of(&response.errors);
            // The data themselves may be null, so that nothing is left to pass on.
            let _ = self.fill(&mut response.data, self.ty.as_ref(), &mut String::new(), &failed);
        }
        self.order(&mut response.data);
    }
}

/// The places of errors, and all that holds them.
#[derive(Default)]
struct Failed {
    places: HashSet<String>,
    holders: HashSet<String>,
}

impl Failed {
    fn of(errors: &[ServerError]) -> Self {
        let mut failed = Self::default();
        for error in errors {
            let mut place = String::new();
            for segment in &error.path {
                failed.holders.insert(place.clone());
                push(&mut place, segment);
            }
            failed.places.insert(place);
        }
        failed
    }

    fn is_at_or_below(&self, place: &str) -> bool {
        self.places.contains(place) || self.holders.contains(place)
    }
}

fn push(place: &mut String, segment: &PathSegment) {
    let _ = match segment {
        PathSegment::Field(name) => write!(place, "/{name}"),
        PathSegment::Index(index) => write!(place, "/{index}"),
    };
}

/// What must not be null would be: what holds it is null instead.
struct MustNotBeNull;

impl Shape {
    fn add<'a>(
        &mut self,
        definitions: &Definitions,
        parent: Option<&Name>,
        selections: &'a SelectionSet,
        fragments: &'a Fragments,
        open: &mut Vec<&'a Name>,
    ) {
        for selection in &selections.items {
            match &selection.node {
                Selection::Field(field) => {
                    let ty = parent
                        .and_then(|parent| definitions.field(parent, &field.node.name.node))
                        .map(|field| &field.ty);
                    let below = self.fields.entry(field.node.response_key().node.clone());
                    let is_twice =
                        matches!(below, Entry::Occupied(_)) && !field.node.selection_set.node.items.is_empty();
                    let new = || Shape { ty: ty.cloned(), fields: IndexMap::new(), is_twice: false };
                    let below = below.or_insert_with(new);
                    below.is_twice |= is_twice;
                    let named = ty.map(|ty| named(&ty.base));
                    below.add(definitions, named, &field.node.selection_set.node, fragments, open);
                }
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref().map(|condition| &condition.node.on.node);
                    self.add(definitions, condition.or(parent), &inline.node.selection_set.node, fragments, open);
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    // Of an executed document no fragment is within itself; a guard costs little.
                    if let Some(fragment) = fragments.get(name).filter(|_| !open.contains(&name)) {
                        open.push(name);
                        let condition = &fragment.node.type_condition.node.on.node;
                        self.add(definitions, Some(condition), &fragment.node.selection_set.node, fragments, open);
                        open.pop();
                    }
                }
            }
        }
    }

    /// Puts null where a field failed, and passes it on upwards where it may not be.
    fn fill(
        &self,
        value: &mut Value,
        ty: Option<&Type>,
        place: &mut String,
        failed: &Failed,
    ) -> Result<(), MustNotBeNull> {
        let may_be_null = ty.is_none_or(|ty| ty.nullable);
        let is_list = ty.is_some_and(|ty| matches!(ty.base, BaseType::List(_)));
        if *value == Value::Null && failed.holders.contains(place) && !failed.places.contains(place) && !is_list {
            // The engine has an object whose fields all failed as null.
            *value = Value::Object(IndexMap::new());
        }
        if *value == Value::Null {
            return if may_be_null || !failed.is_at_or_below(place) { Ok(()) } else { Err(MustNotBeNull) };
        }
        let length = place.len();
        let filled = match value {
            Value::List(values) => {
                let inner = ty.and_then(|ty| match &ty.base {
                    BaseType::List(inner) => Some(&**inner),
                    BaseType::Named(_) => None,
                });
                values.iter_mut().enumerate().try_for_each(|(index, value)| {
                    push(place, &PathSegment::Index(index));
                    let filled = self.fill(value, inner, place, failed);
                    place.truncate(length);
                    filled
                })
            }
            Value::Object(fields) => self.fields.iter().try_for_each(|(key, shape)| {
                push(place, &PathSegment::Field(key.to_string()));
                let filled = match fields.get_mut(key) {
                    Some(value) => shape.fill(value, shape.ty.as_ref(), place, failed),
                    None if !failed.is_at_or_below(place) => Ok(()),
                    None if shape.ty.as_ref().is_none_or(|ty| ty.nullable) => {
                        fields.insert(key.clone(), Value::Null);
                        Ok(())
                    }
                    None => Err(MustNotBeNull),
                };
                place.truncate(length);
                filled
            }),
            _ => Ok(()),
        };
        match filled {
            Err(MustNotBeNull) if may_be_null => {
                *value = Value::Null;
                Ok(())
            }
            filled => filled,
        }
    }

    /// Brings the fields into this order. What is written down already has it.
    fn order(&self, value: &mut Value) {
        match value {
            Value::List(values) => values.iter_mut().for_each(|value| self.order(value)),
            Value::Object(fields) if json_writer::is_mergeable(fields) && fields.len() > 1 => {
                json_writer::take_apart(value);
                self.order(value);
            }
            Value::Object(fields) if json_writer::is_mergeable(fields) => {}
            Value::Object(fields) => {
                // Mostly they are in order, so that each is found beside the one before it.
                let mut shapes = self.fields.keys();
                let is_ordered = fields.keys().all(|key| shapes.any(|known| known == key));
                if !is_ordered {
                    fields.sort_by_cached_key(|key, _| self.fields.get_index_of(key));
                }
                for (key, value) in fields {
                    if let (Value::List(_) | Value::Object(_), Some(below)) = (&*value, self.fields.get(key)) {
                        below.order(value);
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
    use crate::graphql::limits::query_cost::chosen;
    use serde_json::{Value as Json, json};

    const SCHEMA: &str = "type Query { a: [A] b: Int c: [A!] } type A { x: Int y: Int! z: A! }";

    fn completed(query: &str, data: Json, errors: &[&[&str]]) -> Value {
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
        let operation = chosen(&document, None).expect("an operation");
        Shape::of(&Definitions::of(SCHEMA), &document, &operation.node).complete(&mut response);
        response.data
    }

    #[test]
    fn answers_follow_the_query() {
        let query = "{ a { ...F x } b } fragment F on A { z { x } y }";
        let answer = completed(query, json!({ "b": 1, "a": [{ "x": 2, "y": 3, "z": { "x": 1 } }, null] }), &[]);
        assert_eq!(answer.to_string(), "{a: [{z: {x: 1}, y: 3, x: 2}, null], b: 1}");
    }

    fn json_of(query: &str, data: Json, errors: &[&[&str]]) -> Json {
        completed(query, data, errors).into_json().expect("JSON")
    }

    #[test]
    fn a_failed_field_is_null() {
        let answer = json_of("{ b a { x y } }", json!({ "a": [{ "y": 1 }] }), &[&["b"], &["a", "0", "x"]]);
        assert_eq!(answer, json!({ "b": null, "a": [{ "x": null, "y": 1 }] }));
    }

    #[test]
    fn what_may_not_be_null_makes_its_holder_null() {
        let answer = json_of("{ b a { x y } }", json!({ "b": 1, "a": [{ "x": 1 }] }), &[&["a", "0", "y"]]);
        assert_eq!(answer, json!({ "b": 1, "a": [null] }));
        let answer = json_of("{ b c { x y } }", json!({ "b": 1, "c": [{ "x": 1 }] }), &[&["c", "0", "y"]]);
        assert_eq!(answer, json!({ "b": 1, "c": null }));
        let nested = json!({ "a": [{ "z": { "z": {} } }] });
        let answer = json_of("{ a { z { z { y } } } }", nested, &[&["a", "0", "z", "z", "y"]]);
        assert_eq!(answer, json!({ "a": [null] }));
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
    fn aliases_and_holders_that_are_null_already() {
        let answer = json_of("{ one: a { two: y } }", json!({ "one": [null] }), &[&["one", "0", "two"]]);
        assert_eq!(answer, json!({ "one": [null] }));
        let answer = json_of("{ c { z { y } } }", json!({ "c": [{ "z": null }] }), &[&["c", "0", "z", "y"]]);
        assert_eq!(answer, json!({ "c": null }));
    }
}
