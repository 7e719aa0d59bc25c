//! The document as the engine executes it, for the variables of one request: the steps of execution that do not depend on
//! data (GraphQL specification, sections 6.3.2 and 6.4.1) are done beforehand, since the engine deviates in each of them.
//!
//! - Fields that `@skip` and `@include` leave out are removed.
//! - Fragments are expanded. A selection set has the fields of its object in the order of the response, or, if they depend
//!   on the type of the object, an inline fragment for each type.
//! - Fields with the same response key are merged into one.
//! - Arguments and input fields whose variable has no value are removed, so that their defaults apply.
//! - A selection set that may be without fields has a placeholder, because the engine returns null for an object without
//!   fields. The placeholder is the type of the object and is not part of the response.

use std::collections::{HashMap, HashSet};

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{
    Directive, DocumentOperations, ExecutableDocument, Field, FragmentDefinition, InlineFragment, OperationDefinition,
    Selection, SelectionSet, TypeCondition,
};
use async_graphql::{Name, Pos, Positioned, ServerError, Value as ConstValue, Variables};
use async_graphql_value::Value;

use crate::graphql::engine::schema_index::{IndexedType, QUERY_TYPE, SchemaIndex};
use crate::graphql::engine::{VALIDATION_FAILED, request_error};

/// The response key of the placeholder, which no field can have.
pub const PLACEHOLDER_KEY: &str = "";

/// Returns the document to execute: one operation without fragments. The document must be valid, and the variables
/// coerced.
///
/// # Errors
/// If a condition of `@skip` or `@include` is null.
pub(crate) fn prepare(
    document: &ExecutableDocument,
    operation: &Positioned<OperationDefinition>,
    operation_name: Option<&str>,
    variables: &Variables,
    schema_index: &SchemaIndex,
) -> Result<ExecutableDocument, ServerError> {
    let OperationDefinition { ty, variable_definitions, selection_set, .. } = &operation.node;
    let has_value = |name: &Name| variables.contains_key(name);
    let has_absent_variables = !variable_definitions.iter().all(|definition| has_value(&definition.node.name.node));
    let fragments = &document.fragments;
    let preparation = Preparation { schema_index, fragments, variables, has_absent_variables };
    // An operation without a root type is rejected later.
    let selection_set = match schema_index.root(*ty).or_else(|| schema_index.ty(QUERY_TYPE)) {
        Some(root) => preparation.selection_set(&[selection_set], root)?,
        None => Positioned::default(),
    };
    let prepared = OperationDefinition {
        ty: *ty,
        variable_definitions: variable_definitions.clone(),
        directives: Vec::new(),
        selection_set,
    };
    let prepared = Positioned::new(prepared, operation.pos);
    let operations = match operation_name {
        Some(name) => DocumentOperations::Multiple(HashMap::from([(Name::new(name), prepared)])),
        None => DocumentOperations::Single(prepared),
    };
    Ok(ExecutableDocument { operations, fragments: HashMap::new() })
}

/// Returns the fields of an object, in the order of the response. `ty` is its type, if the selection set depends on it.
pub(crate) fn fields_of<'a>(
    selections: &'a SelectionSet,
    ty: Option<&str>,
) -> impl Iterator<Item = &'a Positioned<Field>> {
    let of_type = selections.items.iter().flat_map(move |selection| match &selection.node {
        Selection::InlineFragment(inline) => {
            let condition = inline.node.type_condition.as_ref().map(|condition| condition.node.on.node.as_str());
            if condition == ty { inline.node.selection_set.node.items.as_slice() } else { &[] }
        }
        Selection::Field(_) | Selection::FragmentSpread(_) => std::slice::from_ref(selection),
    });
    of_type.filter_map(|selection| match &selection.node {
        Selection::Field(field) if !is_placeholder(&field.node.response_key().node) => Some(field),
        _ => None,
    })
}

/// Whether a response key is that of the placeholder.
#[must_use]
pub fn is_placeholder(key: &str) -> bool {
    key == PLACEHOLDER_KEY
}

struct Preparation<'a> {
    schema_index: &'a SchemaIndex,
    fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
    variables: &'a Variables,
    has_absent_variables: bool,
}

/// Fields by response key, in the order of the response: the first field with the key, and the selection sets of all.
type CollectedFields<'a> = IndexMap<&'a Name, (&'a Positioned<Field>, Vec<&'a Positioned<SelectionSet>>)>;

impl<'a> Preparation<'a> {
    /// Prepares the selection sets of one field, which can be given several times.
    fn selection_set(
        &self,
        selection_sets: &[&'a Positioned<SelectionSet>],
        ty: &'a IndexedType,
    ) -> Result<Positioned<SelectionSet>, ServerError> {
        let position = selection_sets.first().map(|selections| selections.pos).unwrap_or_default();
        let mut items = Vec::new();
        if ty.is_object() || !selection_sets.iter().any(|selections| self.depends_on_type(&selections.node, ty)) {
            items = self.fields(selection_sets, ty)?;
        } else {
            for object in ty.possible_types.iter().filter_map(|name| self.schema_index.ty(name)) {
                let fields = self.fields(selection_sets, object)?;
                if !fields.is_empty() {
                    items.push(inline_fragment(object.name(), fields, position));
                }
            }
        }
        if !items.iter().any(|selection| matches!(selection.node, Selection::Field(_))) {
            items.push(placeholder(position));
        }
        Ok(Positioned::new(SelectionSet { items }, position))
    }

    /// Whether a selection set has a fragment that does not apply to all objects of the type.
    fn depends_on_type(&self, selections: &SelectionSet, ty: &IndexedType) -> bool {
        selections.items.iter().any(|selection| {
            let (condition, child) = match &selection.node {
                Selection::Field(_) => return false,
                Selection::InlineFragment(inline) => {
                    (inline.node.type_condition.as_ref(), &inline.node.selection_set.node)
                }
                Selection::FragmentSpread(spread) => match self.fragments.get(&spread.node.fragment_name.node) {
                    Some(fragment) => (Some(&fragment.node.type_condition), &fragment.node.selection_set.node),
                    None => return false,
                },
            };
            condition.is_some_and(|condition| condition.node.on.node != *ty.name()) || self.depends_on_type(child, ty)
        })
    }

    /// Prepares the fields that are selected on objects of a type.
    fn fields(
        &self,
        selection_sets: &[&'a Positioned<SelectionSet>],
        ty: &'a IndexedType,
    ) -> Result<Vec<Positioned<Selection>>, ServerError> {
        let mut collected = CollectedFields::new();
        let mut seen_fragments = HashSet::new();
        for selections in selection_sets {
            self.collect_fields(&selections.node, ty, &mut collected, &mut seen_fragments)?;
        }
        collected.into_values().map(|(field, selections)| self.field(field, &selections, ty)).collect()
    }

    fn collect_fields(
        &self,
        selections: &'a SelectionSet,
        ty: &'a IndexedType,
        collected: &mut CollectedFields<'a>,
        seen_fragments: &mut HashSet<&'a Name>,
    ) -> Result<(), ServerError> {
        for selection in &selections.items {
            if !self.is_selected(selection.node.directives())? {
                continue;
            }
            let (condition, child) = match &selection.node {
                Selection::Field(field) => {
                    let same = collected.entry(&field.node.response_key().node).or_insert_with(|| (field, Vec::new()));
                    same.1.push(&field.node.selection_set);
                    continue;
                }
                Selection::InlineFragment(inline) => {
                    (inline.node.type_condition.as_ref(), &inline.node.selection_set.node)
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    match self.fragments.get(name).filter(|_| seen_fragments.insert(name)) {
                        Some(fragment) => (Some(&fragment.node.type_condition), &fragment.node.selection_set.node),
                        None => continue,
                    }
                }
            };
            if condition.is_none_or(|condition| self.applies(&condition.node, ty)) {
                self.collect_fields(child, ty, collected, seen_fragments)?;
            }
        }
        Ok(())
    }

    fn applies(&self, condition: &TypeCondition, ty: &IndexedType) -> bool {
        let name = &condition.on.node;
        name == ty.name()
            || self.schema_index.ty(name).is_some_and(|condition| condition.possible_types.contains(ty.name()))
    }

    /// Prepares a field, with the selection sets of all fields that have the same response key.
    fn field(
        &self,
        field: &'a Positioned<Field>,
        selection_sets: &[&'a Positioned<SelectionSet>],
        parent: &'a IndexedType,
    ) -> Result<Positioned<Selection>, ServerError> {
        let position = field.pos;
        let Field { alias, name, arguments, .. } = &field.node;
        let mut arguments = arguments.clone();
        if self.has_absent_variables {
            arguments.retain(|(_, value)| !self.is_absent(&value.node));
            arguments.iter_mut().for_each(|(_, value)| self.remove_absent(&mut value.node));
        }
        let definition = self.schema_index.selectable_field(parent, &name.node);
        let ty = definition.and_then(|definition| self.schema_index.ty(&definition.named_type));
        let selection_set = match ty.filter(|ty| ty.is_composite()) {
            Some(ty) => self.selection_set(selection_sets, ty)?,
            None => Positioned::default(),
        };
        let field =
            Field { alias: alias.clone(), name: name.clone(), arguments, directives: Vec::new(), selection_set };
        Ok(Positioned::new(Selection::Field(Positioned::new(field, position)), position))
    }

    /// Whether `@skip` and `@include` select a field or fragment.
    fn is_selected(&self, directives: &[Positioned<Directive>]) -> Result<bool, ServerError> {
        for directive in directives {
            let name = directive.node.name.node.as_str();
            let Some(condition) = directive.node.get_argument("if") else { continue };
            let condition = match &condition.node {
                Value::Boolean(condition) => *condition,
                Value::Variable(variable) => match self.variables.get(variable) {
                    Some(ConstValue::Boolean(condition)) => *condition,
                    _ => {
                        let message = format!("the variable {variable} is null, but @{name} needs true or false");
                        return Err(request_error(VALIDATION_FAILED, message, directive.pos));
                    }
                },
                _ => continue,
            };
            if (name == "skip" && condition) || (name == "include" && !condition) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn is_absent(&self, value: &Value) -> bool {
        matches!(value, Value::Variable(name) if !self.variables.contains_key(name))
    }

    fn remove_absent(&self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.retain(|_, value| !self.is_absent(value));
                fields.values_mut().for_each(|value| self.remove_absent(value));
            }
            Value::List(items) => items.iter_mut().for_each(|item| self.remove_absent(item)),
            _ => {}
        }
    }
}

fn inline_fragment(ty: &Name, fields: Vec<Positioned<Selection>>, position: Pos) -> Positioned<Selection> {
    let condition = TypeCondition { on: Positioned::new(ty.clone(), position) };
    let inline = InlineFragment {
        type_condition: Some(Positioned::new(condition, position)),
        directives: Vec::new(),
        selection_set: Positioned::new(SelectionSet { items: fields }, position),
    };
    Positioned::new(Selection::InlineFragment(Positioned::new(inline, position)), position)
}

fn placeholder(position: Pos) -> Positioned<Selection> {
    let field = Field {
        alias: Some(Positioned::new(Name::new(PLACEHOLDER_KEY), position)),
        name: Positioned::new(Name::new("__typename"), position),
        arguments: Vec::new(),
        directives: Vec::new(),
        selection_set: Positioned::default(),
    };
    Positioned::new(Selection::Field(Positioned::new(field, position)), position)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::graphql::engine::operation::select_operation;
    use crate::graphql::engine::parser::parse_document;

    const SCHEMA: &str = "
        type Query { a(d: Int, e: Int, f: In): Int object: A node: N list: [N!] }
        interface N { id: ID! }
        type A implements N { id: ID! x: Int z: A }
        type B implements N { id: ID! y: Int }
        input In { g: Int h: [In] }";

    /// The prepared operation, in GraphQL syntax. `*` is the placeholder.
    fn prepared(text: &str, variables: Json) -> Result<String, String> {
        let document = parse_document(text).expect("a document");
        let operation = select_operation(&document, None).expect("an operation");
        let variables = Variables::from_json(variables);
        let prepared = prepare(&document, operation, None, &variables, &SchemaIndex::parse(SCHEMA));
        let prepared = prepared.map_err(|error| error.message)?;
        let operation = select_operation(&prepared, None).expect("an operation");
        Ok(print(&operation.node.selection_set.node))
    }

    fn print(selections: &SelectionSet) -> String {
        let items = selections.items.iter().map(|selection| match &selection.node {
            Selection::Field(field) if is_placeholder(&field.node.response_key().node) => "*".to_owned(),
            Selection::Field(field) => {
                let arguments: Vec<_> =
                    field.node.arguments.iter().map(|(name, value)| format!("{name}: {value}")).collect();
                let arguments = if arguments.is_empty() { String::new() } else { format!("({})", arguments.join(" ")) };
                let child = print(&field.node.selection_set.node);
                let child = if field.node.selection_set.node.items.is_empty() { "" } else { &child };
                format!("{}{arguments}{child}", field.node.response_key())
            }
            Selection::InlineFragment(inline) => {
                let condition = inline.node.type_condition.as_ref().map(|condition| condition.node.on.node.as_str());
                format!("{}{}", condition.unwrap_or_default(), print(&inline.node.selection_set.node))
            }
            Selection::FragmentSpread(_) => "...".to_owned(),
        });
        format!("{{{}}}", items.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn skipped_selections() {
        let text = "query($a: Boolean!) { b: a @skip(if: $a) c: object @include(if: $a) { x @skip(if: true) }
             ... @skip(if: $a) { e: a } ...F @include(if: $a) b: a } fragment F on Query { f: a }";
        assert_eq!(prepared(text, json!({ "a": true })).as_deref(), Ok("{c{*} f b}"));
        assert_eq!(prepared(text, json!({ "a": false })).as_deref(), Ok("{b e}"));
        assert_eq!(prepared("{ a @skip(if: true) }", json!({})).as_deref(), Ok("{*}"));
        let text = "query($a: Boolean = true) { object { x @skip(if: $a) } }";
        let message = "the variable a is null, but @skip needs true or false";
        assert_eq!(prepared(text, json!({ "a": null })), Err(message.to_owned()));
    }

    #[test]
    fn fields_are_merged() {
        let text = "{ object { x } ...F t: __typename ...F object { id z { x } } }
             fragment F on Query { object { z { id x } ... on N { __typename } } }";
        assert_eq!(prepared(text, json!({})).as_deref(), Ok("{object{x z{id x} __typename id} t}"));
    }

    #[test]
    fn fragments_on_types() {
        for (text, expected) in [
            ("{ node { id ... { __typename } ... on N { i: id } } }", "{node{id __typename i}}"),
            ("{ node { ... on A { x } } }", "{node{A{x} *}}"),
            ("{ list { ... on A { x } id ...F } } fragment F on B { y x: y }", "{list{A{x id} B{id y x} *}}"),
            ("{ node { ... on N { ... on B { y } } } }", "{node{B{y} *}}"),
            ("{ object { ... on N { id } ... on A { x } } }", "{object{id x}}"),
            ("{ __schema { ... on __Schema { queryType { name } } } }", "{__schema{queryType{name}}}"),
        ] {
            assert_eq!(prepared(text, json!({})).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn absent_variables() {
        let text = "query($a: Int, $b: Int) { a(d: $a, e: $b, f: {g: $a, h: [{g: $a}, {g: $b}]}) }";
        assert_eq!(prepared(text, json!({ "b": null })).as_deref(), Ok("{a(e: $b f: {h: [{}, {g: $b}]})}"));
        let all = "{a(d: $a e: $b f: {g: $a, h: [{g: $a}, {g: $b}]})}";
        assert_eq!(prepared(text, json!({ "a": 1, "b": 2 })).as_deref(), Ok(all));
    }

    #[test]
    fn fields_of_a_type() {
        let document = parse_document("{ a ... on A { b c } ... on B { d } }").expect("a document");
        let selections = &select_operation(&document, None).expect("an operation").node.selection_set.node;
        let keys = |ty| fields_of(selections, ty).map(|field| field.node.name.node.as_str()).collect::<Vec<_>>();
        assert_eq!((keys(None), keys(Some("A")), keys(Some("B"))), (vec!["a"], vec!["a", "b", "c"], vec!["a", "d"]));
    }
}
