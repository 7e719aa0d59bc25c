//! Writes responses as JSON.
//!
//! JSON that the [`eager_resolver`](crate::graphql::engine::eager_resolver) has written is stored in [`Value::Binary`],
//! which no field of the schema uses otherwise. If a query selects an object twice with different subfields, the engine
//! merges the objects. JSON that may have to be merged is stored in an object under a key that no field can have.

use async_graphql::indexmap::IndexMap;
use async_graphql::{Name, Pos, Response, Value};

/// Writes a value.
pub fn write_value(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend(b"null"),
        Value::Boolean(true) => out.extend(b"true"),
        Value::Boolean(false) => out.extend(b"false"),
        Value::Number(number) => out.extend(number.to_string().bytes()),
        Value::String(text) => write_string(text, out),
        Value::Enum(name) => write_string(name, out),
        Value::Binary(json) => out.extend_from_slice(json),
        Value::List(values) => {
            out.push(b'[');
            for item in values {
                write_value(item, out);
                out.push(b',');
            }
            close(out, b']');
        }
        Value::Object(fields) if is_marked_for_merge(fields) => match fields.first() {
            Some((_, item)) if fields.len() == 1 => write_value(item, out),
            _ => write_value(&merge_marked(fields), out),
        },
        Value::Object(fields) => {
            out.push(b'{');
            for (key, value) in fields {
                write_key(key, out);
                write_value(value, out);
                out.push(b',');
            }
            close(out, b'}');
        }
    }
}

/// Estimates the size of a value.
fn estimate_bytes(value: &Value) -> usize {
    match value {
        Value::Binary(json) => json.len(),
        Value::String(text) => text.len() + 2,
        Value::List(values) => 2 + values.iter().map(|value| estimate_bytes(value) + 1).sum::<usize>(),
        Value::Object(fields) => {
            2 + fields.iter().map(|(key, value)| key.len() + estimate_bytes(value) + 4).sum::<usize>()
        }
        _ => 8,
    }
}

/// Writes the key of a field. GraphQL names need no escaping.
pub fn write_key(name: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

/// Replaces the trailing comma, if any, with the closing bracket.
pub fn close(out: &mut Vec<u8>, close: u8) {
    match out.last_mut() {
        Some(last) if *last == b',' => *last = close,
        _ => out.push(close),
    }
}

fn write_string(text: &str, out: &mut Vec<u8>) {
    // Writing to a vector does not fail.
    let _ = serde_json::to_writer(out, text);
}

/// Prefix of the keys under which JSON to be merged is stored.
const MERGE_KEY_PREFIX: char = '\0';

/// Marks JSON written for one position of the query, to be merged with that of other positions.
pub fn mark_for_merge(json: Value, position: Pos) -> Value {
    let key = Name::new(format!("{MERGE_KEY_PREFIX}{:09}:{:09}", position.line, position.column));
    Value::Object([(key, json)].into_iter().collect())
}

/// Whether an object contains JSON to be merged.
pub fn is_marked_for_merge(fields: &IndexMap<Name, Value>) -> bool {
    fields.first().is_some_and(|(key, _)| key.starts_with(MERGE_KEY_PREFIX))
}

/// Merges the JSON of one object, from several positions of the query.
pub fn merge_marked(fields: &IndexMap<Name, Value>) -> Value {
    let mut merged = Value::Null;
    let mut positions: Vec<_> = fields.iter().collect();
    positions.sort_by_key(|(position, _)| *position);
    for (_, mut value) in positions.into_iter().map(|(position, value)| (position, value.clone())) {
        reparse(&mut value);
        if merged == Value::Null { merged = value } else { merge(&mut merged, value) }
    }
    merged
}

/// Parses written JSON back into values.
pub fn reparse(value: &mut Value) {
    match value {
        Value::Object(fields) if is_marked_for_merge(fields) => *value = merge_marked(fields),
        Value::Binary(json) => {
            // The JSON is valid, and below the recursion limit of the parser: query depth is limited.
            if let Ok(parsed) = serde_json::from_slice(json) {
                *value = parsed;
            }
        }
        Value::List(values) => values.iter_mut().for_each(reparse),
        Value::Object(fields) => fields.values_mut().for_each(reparse),
        _ => {}
    }
}

/// Inserts a field into an object; a duplicate field is merged.
pub fn insert_merging(object: &mut IndexMap<Name, Value>, key: Name, value: Value) {
    match (object.get_mut(&key), value) {
        (None, value) => {
            object.insert(key, value);
        }
        (Some(target), value) => merge(target, value),
    }
}

fn merge(target: &mut Value, value: Value) {
    match (target, value) {
        (target @ Value::Null, value) => *target = value,
        (Value::Object(target), Value::Object(fields)) => {
            fields.into_iter().for_each(|(key, value)| insert_merging(target, key, value));
        }
        (Value::List(target), Value::List(values)) => {
            target.iter_mut().zip(values).for_each(|(target, value)| merge(target, value));
        }
        _ => {}
    }
}

/// Writes a response, with `data` if the request was executed (GraphQL specification, section 7.1).
///
/// # Errors
/// If an error or an extension cannot be serialized.
pub fn write_response(response: &Response, with_data: bool) -> Result<Vec<u8>, serde_json::Error> {
    // The size is exact, except for escaped characters.
    let mut out = Vec::with_capacity(64 + if with_data { estimate_bytes(&response.data) } else { 0 });
    out.push(b'{');
    if with_data {
        write_key("data", &mut out);
        write_value(&response.data, &mut out);
        out.push(b',');
    }
    if !response.errors.is_empty() {
        write_key("errors", &mut out);
        serde_json::to_writer(&mut out, &response.errors)?;
        out.push(b',');
    }
    if !response.extensions.is_empty() {
        write_key("extensions", &mut out);
        serde_json::to_writer(&mut out, &response.extensions)?;
        out.push(b',');
    }
    close(&mut out, b'}');
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_round_trip() {
        let expected =
            json!({ "a": [1, -2.5, true, false, null, "\"\n\u{2028}é", []], "b": {}, "c": { "d": [{ "e": "f" }] } });
        let first = Value::from_json(expected.clone()).expect("a value");
        let mut out = Vec::new();
        write_value(&first, &mut out);
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&out).expect("JSON"), expected);
        let mut again = Value::List(vec![Value::Binary(out.into())]);
        reparse(&mut again);
        assert_eq!(again, Value::List(vec![first]));
    }

    #[test]
    fn duplicate_fields_are_merged() {
        let from_json = |json: serde_json::Value| Value::from_json(json).expect("a value");
        let mut object = IndexMap::new();
        insert_merging(&mut object, Name::new("a"), from_json(json!([{ "b": 1 }, null])));
        insert_merging(&mut object, Name::new("a"), from_json(json!([{ "c": 2, "b": 1 }, null])));
        assert_eq!(Value::Object(object), from_json(json!({ "a": [{ "b": 1, "c": 2 }, null] })));
    }

    #[test]
    fn marked_values_are_merged() {
        let at =
            |line, text: &str| mark_for_merge(Value::Binary(text.as_bytes().to_vec().into()), Pos { line, column: 1 });
        let text = |value: &Value| {
            let mut out = Vec::new();
            self::write_value(value, &mut out);
            String::from_utf8(out).expect("a text")
        };
        let mut item = at(1, r#"{"a":{"b":1}}"#);
        assert_eq!(text(&item), r#"{"a":{"b":1}}"#);
        let (Value::Object(target), Value::Object(other)) = (&mut item, at(2, r#"{"a":{"c":2}}"#)) else {
            unreachable!()
        };
        target.extend(other);
        assert_eq!(text(&item), r#"{"a":{"b":1,"c":2}}"#);
        reparse(&mut item);
        assert_eq!(item, Value::from_json(json!({ "a": { "b": 1, "c": 2 } })).expect("a value"));
    }
}
