//! What the engine made of a selection, written with its fields in the order of the query.

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{Selection, SelectionSet};
use async_graphql::{ContextSelectionSet, Name, Value};

use crate::graphql::engine::json_writer;

/// Writes what the engine made of some selections, whose fields it has in the order in which they were done: each object's in
/// that in which they are first asked for (GraphQL, section 7.2.2).
pub fn write_in_order(ctx: &ContextSelectionSet<'_>, value: &Value, selections: &[&SelectionSet], out: &mut Vec<u8>) {
    match value {
        Value::List(values) => {
            out.push(b'[');
            for one in values {
                write_in_order(ctx, one, selections, out);
                out.push(b',');
            }
            json_writer::end(out, b']');
        }
        Value::Object(fields) if json_writer::is_mergeable(fields) && fields.len() > 1 => {
            write_in_order(ctx, &json_writer::merged(fields), selections, out);
        }
        Value::Object(fields) if !json_writer::is_mergeable(fields) && !is_in_order(fields) => {
            let mut keys = Vec::new();
            selections.iter().for_each(|selections| add_keys(ctx, selections, &mut keys));
            out.push(b'{');
            for (key, below) in keys {
                if let Some(value) = fields.get(key) {
                    json_writer::key(key, out);
                    write_in_order(ctx, value, &below, out);
                    out.push(b',');
                }
            }
            json_writer::end(out, b'}');
        }
        value => json_writer::value(value, out),
    }
}

/// Whether an object has but one field, and nothing below it.
fn is_in_order(fields: &IndexMap<Name, Value>) -> bool {
    fields.len() < 2 && !fields.values().any(|value| matches!(value, Value::List(_) | Value::Object(_)))
}

/// The same, as what is written.
pub fn in_order(ctx: &ContextSelectionSet<'_>, value: Value, selections: &SelectionSet) -> Value {
    if matches!(value, Value::Binary(_)) {
        return value;
    }
    let mut text = Vec::new();
    write_in_order(ctx, &value, &[selections], &mut text);
    Value::Binary(text.into())
}

/// Adds the keys of some selections in the order in which they are first asked for, each with what is selected below it.
fn add_keys<'a>(
    ctx: &'a ContextSelectionSet<'_>,
    selections: &'a SelectionSet,
    keys: &mut Vec<(&'a Name, Vec<&'a SelectionSet>)>,
) {
    for selection in &selections.items {
        match &selection.node {
            Selection::Field(field) => {
                let (key, below) = (&field.node.response_key().node, &field.node.selection_set.node);
                match keys.iter_mut().find(|(known, _)| *known == key) {
                    Some((_, all)) => all.push(below),
                    None => keys.push((key, vec![below])),
                }
            }
            Selection::InlineFragment(fragment) => add_keys(ctx, &fragment.node.selection_set.node, keys),
            Selection::FragmentSpread(spread) => {
                if let Some(fragment) = ctx.query_env.fragments.get(&spread.node.fragment_name.node) {
                    add_keys(ctx, &fragment.node.selection_set.node, keys);
                }
            }
        }
    }
}
