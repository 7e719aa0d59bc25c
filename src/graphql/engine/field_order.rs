//! Writes resolved values as JSON, with fields in the order of the query (GraphQL specification, section 7.2.2). The engine
//! orders them by completion (`docs/upstream.md`). The figures of `bench/engine.sh` without it are within the noise.

use async_graphql::Value;
use async_graphql::parser::types::SelectionSet;

use crate::graphql::engine::execution_document::{PLACEHOLDER_KEY, fields_of};
use crate::graphql::engine::json_writer;

/// Writes a resolved value: each object's fields in the order of the query, and those that the engine omits, because they
/// failed, as null.
pub fn write_ordered(value: &Value, selections: &SelectionSet, out: &mut Vec<u8>) {
    match value {
        Value::List(values) => {
            out.push(b'[');
            for item in values {
                write_ordered(item, selections, out);
                out.push(b',');
            }
            json_writer::close(out, b']');
        }
        Value::Object(fields) => {
            let ty = match fields.get(PLACEHOLDER_KEY) {
                Some(Value::String(ty)) => Some(ty.as_str()),
                _ => None,
            };
            out.push(b'{');
            for (position, field) in fields_of(selections, ty).enumerate() {
                let key = &field.node.response_key().node;
                // Most objects are in this order already, which needs no lookup.
                let value = match fields.get_index(position) {
                    Some((name, value)) if name == key => Some(value),
                    _ => fields.get(key),
                };
                json_writer::write_key(key, out);
                write_ordered(value.unwrap_or(&Value::Null), &field.node.selection_set.node, out);
                out.push(b',');
            }
            json_writer::close(out, b'}');
        }
        value => json_writer::write_value(value, out),
    }
}

/// Converts an object or a list to ordered JSON.
pub fn to_ordered_json(value: Value, selections: &SelectionSet) -> Value {
    if !matches!(value, Value::Object(_) | Value::List(_)) {
        return value;
    }
    let mut json = Vec::new();
    write_ordered(&value, selections, &mut json);
    Value::Binary(json.into())
}
