//! Writes responses as JSON.
//!
//! JSON that the [`eager_resolver`](crate::graphql::engine::eager_resolver) has written is stored in [`Value::Binary`],
//! which no field of the schema uses otherwise.
//!
//! An object is written as soon as its fields are known; its map of values would be written and dropped at the end anyway.
//! With values instead, the queries c2 and l of `bench/engine.sh` take 9 and 8 % more CPU time of the service; p is within the
//! noise.

use async_graphql::{Response, Value};

use crate::graphql::engine::execution_document::is_placeholder;

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
        Value::Object(fields) => {
            out.push(b'{');
            for (key, value) in fields.iter().filter(|(key, _)| !is_placeholder(key)) {
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

/// Parses written JSON back into values.
pub fn reparse(value: &mut Value) {
    match value {
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
}
