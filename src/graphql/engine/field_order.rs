//! Writes resolved values as JSON, with fields in the order of the query.

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{Selection, SelectionSet};
use async_graphql::{ContextSelectionSet, Name, Value};

use crate::graphql::engine::json_writer;

/// Writes a resolved value. The engine orders fields by completion; here each object's fields are in the order of the
/// query (GraphQL specification, section 7.2.2).
pub fn write_ordered(ctx: &ContextSelectionSet<'_>, value: &Value, selections: &[&SelectionSet], out: &mut Vec<u8>) {
    match value {
        Value::List(values) => {
            out.push(b'[');
            for item in values {
                write_ordered(ctx, item, selections, out);
                out.push(b',');
            }
            json_writer::close(out, b']');
        }
        Value::Object(fields) if json_writer::is_marked_for_merge(fields) && fields.len() > 1 => {
            write_ordered(ctx, &json_writer::merge_marked(fields), selections, out);
        }
        Value::Object(fields) if !json_writer::is_marked_for_merge(fields) && !is_single_leaf(fields) => {
            let mut keys = Vec::new();
            selections.iter().for_each(|selections| collect_response_keys(ctx, selections, &mut keys));
            out.push(b'{');
            for (key, child) in keys {
                if let Some(value) = fields.get(key) {
                    json_writer::write_key(key, out);
                    write_ordered(ctx, value, &child, out);
                    out.push(b',');
                }
            }
            json_writer::close(out, b'}');
        }
        value => json_writer::write_value(value, out),
    }
}

/// Whether an object has at most one field, which is a leaf.
fn is_single_leaf(fields: &IndexMap<Name, Value>) -> bool {
    fields.len() < 2 && !fields.values().any(|value| matches!(value, Value::List(_) | Value::Object(_)))
}

/// Converts a value to ordered JSON.
pub fn to_ordered_json(ctx: &ContextSelectionSet<'_>, value: Value, selections: &SelectionSet) -> Value {
    if matches!(value, Value::Binary(_)) {
        return value;
    }
    let mut json = Vec::new();
    write_ordered(ctx, &value, &[selections], &mut json);
    Value::Binary(json.into())
}

/// Collects the response keys of selection sets in the order of the query, each with its subselections.
fn collect_response_keys<'a>(
    ctx: &'a ContextSelectionSet<'_>,
    selections: &'a SelectionSet,
    keys: &mut Vec<(&'a Name, Vec<&'a SelectionSet>)>,
) {
    for selection in &selections.items {
        match &selection.node {
            Selection::Field(field) => {
                let (key, child) = (&field.node.response_key().node, &field.node.selection_set.node);
                match keys.iter_mut().find(|(seen, _)| *seen == key) {
                    Some((_, all)) => all.push(child),
                    None => keys.push((key, vec![child])),
                }
            }
            Selection::InlineFragment(fragment) => collect_response_keys(ctx, &fragment.node.selection_set.node, keys),
            Selection::FragmentSpread(spread) => {
                if let Some(fragment) = ctx.query_env.fragments.get(&spread.node.fragment_name.node) {
                    collect_response_keys(ctx, &fragment.node.selection_set.node, keys);
                }
            }
        }
    }
}
