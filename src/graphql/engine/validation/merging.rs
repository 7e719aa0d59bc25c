//! Field merging: fields with the same name in the response can be merged (GraphQL specification, section 5.3.2).
//!
//! The specification compares all pairs of fields. Here, fields with the same response key are compared with the first
//! one of them, and their subselections are merged before they are compared: the time is linear in the number of
//! selections after fragment expansion.

use std::collections::HashSet;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{BaseType, ExecutableDocument, Field, Selection, SelectionSet, Type};
use async_graphql::{Name, Pos};
use async_graphql_value::Value;

use crate::graphql::engine::schema_index::{IndexedField, IndexedType, QUERY_TYPE, SchemaIndex};

/// How many times each selection may be compared. Fields on interfaces are compared with those of each object type, on
/// each level where interfaces are nested.
const MAX_COMPARISONS: usize = 20;

/// Two fields that cannot be merged.
pub(super) struct Conflict {
    pub message: String,
    pub position: Pos,
}

/// Checks the operations of a document whose fields and fragments all exist. Of operations without a root type, such as
/// mutations, only names and arguments can be compared.
pub(super) fn check(
    document: &ExecutableDocument,
    schema_index: &SchemaIndex,
    max_selections: usize,
) -> Result<(), Conflict> {
    let Some(query) = schema_index.ty(QUERY_TYPE) else { return Ok(()) };
    let max_visited = max_selections.saturating_mul(MAX_COMPARISONS);
    let mut merging = Merging { schema_index, document, unknown_field: None, visited: 0, max_visited };
    for (_, operation) in document.operations.iter() {
        let root = schema_index.root(operation.node.ty);
        merging.unknown_field = if root.is_some() { None } else { schema_index.selectable_field(query, "__typename") };
        let fields = merging.expand([(&operation.node.selection_set.node, root.unwrap_or(query))])?;
        merging.check_shapes(&fields)?;
        merging.check_fields(&fields)?;
    }
    Ok(())
}

struct Merging<'a> {
    schema_index: &'a SchemaIndex,
    document: &'a ExecutableDocument,
    /// Stands for the definition of a field of an operation type that the schema does not have.
    unknown_field: Option<&'a IndexedField>,
    /// The number of fields that were compared.
    visited: usize,
    max_visited: usize,
}

/// A field, selected on a type.
#[derive(Clone, Copy)]
struct Selected<'a> {
    parent: &'a IndexedType,
    field: &'a Field,
    position: Pos,
    definition: &'a IndexedField,
}

/// Fields by response key.
type Fields<'a> = IndexMap<&'a Name, Vec<Selected<'a>>>;

impl<'a> Merging<'a> {
    /// Collects the fields of selection sets and of the fragments in them.
    fn expand(
        &mut self,
        selection_sets: impl IntoIterator<Item = (&'a SelectionSet, &'a IndexedType)>,
    ) -> Result<Fields<'a>, Conflict> {
        let mut fields = Fields::new();
        let mut seen_fragments = HashSet::new();
        for (selections, parent) in selection_sets {
            self.expand_into(selections, parent, &mut fields, &mut seen_fragments)?;
        }
        Ok(fields)
    }

    fn expand_into(
        &mut self,
        selections: &'a SelectionSet,
        parent: &'a IndexedType,
        fields: &mut Fields<'a>,
        seen_fragments: &mut HashSet<&'a Name>,
    ) -> Result<(), Conflict> {
        for selection in &selections.items {
            self.visited += 1;
            if self.visited > self.max_visited {
                let message = "the fields of the document take too long to compare: select fewer fields on interfaces";
                return Err(Conflict { message: message.to_owned(), position: selection.pos });
            }
            let (condition, child) = match &selection.node {
                Selection::Field(field) => {
                    let known = self.schema_index.selectable_field(parent, &field.node.name.node);
                    if let Some(definition) = known.or(self.unknown_field) {
                        let selected = Selected { parent, field: &field.node, position: field.pos, definition };
                        fields.entry(&field.node.response_key().node).or_default().push(selected);
                    }
                    continue;
                }
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref().map(|condition| &condition.node.on.node);
                    (condition, &inline.node.selection_set.node)
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    let Some(fragment) = self.document.fragments.get(name).filter(|_| seen_fragments.insert(name))
                    else {
                        continue;
                    };
                    (Some(&fragment.node.type_condition.node.on.node), &fragment.node.selection_set.node)
                }
            };
            let ty = condition.map_or(Some(parent), |condition| self.schema_index.ty(condition));
            if let Some(ty) = ty {
                self.expand_into(child, ty, fields, seen_fragments)?;
            }
        }
        Ok(())
    }

    fn expand_children(&mut self, fields: &[Selected<'a>]) -> Result<Fields<'a>, Conflict> {
        let schema_index = self.schema_index;
        let child = |selected: &Selected<'a>| {
            Some((&selected.field.selection_set.node, schema_index.ty(&selected.definition.named_type)?))
        };
        self.expand(fields.iter().filter_map(child))
    }

    /// Checks that fields with the same response key have the same shape, whatever object they are selected on.
    fn check_shapes(&mut self, fields: &Fields<'a>) -> Result<(), Conflict> {
        for (key, selected) in fields {
            let Some((first, others)) = selected.split_first() else { continue };
            if let Some(other) =
                others.iter().find(|other| !self.has_same_shape(&first.definition.ty, &other.definition.ty))
            {
                let (first, other_type) = (&first.definition.ty, &other.definition.ty);
                let message = format!(
                    "{key} would be of type {first} and of type {other_type} in the response; use an alias for one of them"
                );
                return Err(Conflict { message, position: other.position });
            }
            let children = self.expand_children(selected)?;
            self.check_shapes(&children)?;
        }
        Ok(())
    }

    fn has_same_shape(&self, one: &Type, other: &Type) -> bool {
        one.nullable == other.nullable
            && match (&one.base, &other.base) {
                (BaseType::List(one), BaseType::List(other)) => self.has_same_shape(one, other),
                (BaseType::Named(one), BaseType::Named(other)) => {
                    one == other || self.schema_index.is_composite(one) && self.schema_index.is_composite(other)
                }
                _ => false,
            }
    }

    /// Checks that fields with the same response key are the same field with the same arguments, if they can be selected
    /// on the same object.
    fn check_fields(&mut self, fields: &Fields<'a>) -> Result<(), Conflict> {
        for (key, selected) in fields {
            let objects: HashSet<&Name> =
                selected.iter().filter(|field| field.parent.is_object()).map(|field| field.parent.name()).collect();
            if objects.len() <= 1 {
                self.check_same(key, selected)?;
                continue;
            }
            for object in objects {
                let may_be_selected =
                    |field: &&Selected<'a>| !field.parent.is_object() || field.parent.name() == object;
                let on_object: Vec<Selected<'a>> = selected.iter().filter(may_be_selected).copied().collect();
                self.check_same(key, &on_object)?;
            }
        }
        Ok(())
    }

    fn check_same(&mut self, key: &Name, selected: &[Selected<'a>]) -> Result<(), Conflict> {
        let Some((first, others)) = selected.split_first() else { return Ok(()) };
        for other in others {
            let what = if first.field.name.node != other.field.name.node {
                format!("the fields {} and {}", first.field.name.node, other.field.name.node)
            } else if !has_same_arguments(first.field, other.field) {
                format!("the field {} with different arguments", first.field.name.node)
            } else {
                continue;
            };
            let message = format!("{key} would be {what} in the response; use an alias for one of them");
            return Err(Conflict { message, position: other.position });
        }
        let children = self.expand_children(selected)?;
        self.check_fields(&children)
    }
}

fn has_same_arguments(one: &Field, other: &Field) -> bool {
    one.arguments.len() == other.arguments.len()
        && one.arguments.iter().all(|(name, value)| {
            other.get_argument(&name.node).is_some_and(|other| is_same_value(&value.node, &other.node))
        })
}

fn is_same_value(one: &Value, other: &Value) -> bool {
    match (one, other) {
        // The engine's comparison takes an enum value for a string.
        (Value::Enum(one), Value::Enum(other)) => one == other,
        (Value::Enum(_), _) | (_, Value::Enum(_)) => false,
        (Value::List(one), Value::List(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same_value(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, one)| other.get(name).is_some_and(|other| is_same_value(one, other)))
        }
        (one, other) => one == other,
    }
}
