//! Answers in JSON. What [`crate::graphql::engine::eager_resolver`] has written down already is in [`Value::Binary`], which no field of the schema
//! is otherwise. Where a query asks for a field twice, each time for something else, the engine merges objects: then it is in an
//! object under a key that no field has, so that all that was written of one thing comes together.

use async_graphql::indexmap::IndexMap;
use async_graphql::{Name, Pos, Response, Value};

/// Writes a value.
pub fn value(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend(b"null"),
        Value::Boolean(true) => out.extend(b"true"),
        Value::Boolean(false) => out.extend(b"false"),
        Value::Number(number) => out.extend(number.to_string().bytes()),
        Value::String(text) => crate::graphql::engine::json_writer::text(text, out),
        Value::Enum(name) => crate::graphql::engine::json_writer::text(name, out),
        Value::Binary(written) => out.extend_from_slice(written),
        Value::List(values) => {
            out.push(b'[');
            for one in values {
                crate::graphql::engine::json_writer::value(one, out);
                out.push(b',');
            }
            end(out, b']');
        }
        Value::Object(fields) if is_mergeable(fields) => match fields.first() {
            Some((_, one)) if fields.len() == 1 => crate::graphql::engine::json_writer::value(one, out),
            _ => crate::graphql::engine::json_writer::value(&merged(fields), out),
        },
        Value::Object(fields) => {
            out.push(b'{');
            for (key, value) in fields {
                crate::graphql::engine::json_writer::key(key, out);
                crate::graphql::engine::json_writer::value(value, out);
                out.push(b',');
            }
            end(out, b'}');
        }
    }
}

/// About how many bytes a value takes.
fn bytes(value: &Value) -> usize {
    match value {
        Value::Binary(written) => written.len(),
        Value::String(text) => text.len() + 2,
        Value::List(values) => 2 + values.iter().map(|value| bytes(value) + 1).sum::<usize>(),
        Value::Object(fields) => 2 + fields.iter().map(|(key, value)| key.len() + bytes(value) + 4).sum::<usize>(),
        _ => 8,
    }
}

/// Writes the key of a field. Names of GraphQL are letters, digits and underscores.
pub fn key(name: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

/// Ends what is separated by commas.
pub fn end(out: &mut Vec<u8>, close: u8) {
    match out.last_mut() {
        Some(last) if *last == b',' => *last = close,
        _ => out.push(close),
    }
}

fn text(text: &str, out: &mut Vec<u8>) {
    // Only a writer that fails makes it fail.
    let _ = serde_json::to_writer(out, text);
}

/// What begins the key of something that is written down and may have to be merged.
const MERGEABLE: char = '\0';

/// What is written down for a place of the query, to be merged with what is written of the same thing for another place.
pub fn mergeable(written: Value, place: Pos) -> Value {
    let key = Name::new(format!("{MERGEABLE}{:09}:{:09}", place.line, place.column));
    Value::Object([(key, written)].into_iter().collect())
}

/// Whether an object is what was written of one thing.
pub fn is_mergeable(fields: &IndexMap<Name, Value>) -> bool {
    fields.first().is_some_and(|(key, _)| key.starts_with(MERGEABLE))
}

/// What was written of one thing, together.
pub fn merged(fields: &IndexMap<Name, Value>) -> Value {
    let mut all = Value::Null;
    let mut places: Vec<_> = fields.iter().collect();
    places.sort_by_key(|(place, _)| *place);
    for (_, mut value) in places.into_iter().map(|(place, value)| (place, value.clone())) {
        take_apart(&mut value);
        if all == Value::Null { all = value } else { merge(&mut all, value) }
    }
    all
}

/// Makes values again of what was written down.
pub fn take_apart(value: &mut Value) {
    match value {
        Value::Object(fields) if is_mergeable(fields) => *value = merged(fields),
        Value::Binary(written) => {
            // A text of ours, and less deep than the parser takes: MAX_QUERY_DEPTH has a bound.
            if let Ok(read) = serde_json::from_slice(written) {
                *value = read;
            }
        }
        Value::List(values) => values.iter_mut().for_each(take_apart),
        Value::Object(fields) => fields.values_mut().for_each(take_apart),
        _ => {}
    }
}

/// Puts a field into an object; one that is asked for twice has what is asked for at both places.
pub fn insert(object: &mut IndexMap<Name, Value>, key: Name, value: Value) {
    match (object.get_mut(&key), value) {
        (None, value) => {
            object.insert(key, value);
        }
        (Some(there), value) => merge(there, value),
    }
}

fn merge(there: &mut Value, value: Value) {
    match (there, value) {
        (there @ Value::Null, value) => *there = value,
        (Value::Object(there), Value::Object(fields)) => {
            fields.into_iter().for_each(|(key, value)| insert(there, key, value));
        }
        (Value::List(there), Value::List(values)) => {
            there.iter_mut().zip(values).for_each(|(there, value)| merge(there, value));
        }
        _ => {}
    }
}

/// The answer in JSON, with its data where it was run at all: what was not run has none (GraphQL, section 7.1).
///
/// # Errors
/// Where an error or an extension has no form in JSON.
pub fn response(response: &Response, with_data: bool) -> Result<Vec<u8>, serde_json::Error> {
    // As large as it will be, but for signs that are escaped.
    let mut out = Vec::with_capacity(64 + if with_data { bytes(&response.data) } else { 0 });
    out.push(b'{');
    if with_data {
        key("data", &mut out);
        value(&response.data, &mut out);
        out.push(b',');
    }
    if !response.errors.is_empty() {
        key("errors", &mut out);
        serde_json::to_writer(&mut out, &response.errors)?;
        out.push(b',');
    }
    if !response.extensions.is_empty() {
        key("extensions", &mut out);
        serde_json::to_writer(&mut out, &response.extensions)?;
        out.push(b',');
    }
    end(&mut out, b'}');
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn written_and_taken_apart() {
        let all =
            json!({ "a": [1, -2.5, true, false, null, "\"\n\u{2028}é", []], "b": {}, "c": { "d": [{ "e": "f" }] } });
        let first = Value::from_json(all.clone()).expect("a value");
        let mut out = Vec::new();
        value(&first, &mut out);
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&out).expect("JSON"), all);
        let mut again = Value::List(vec![Value::Binary(out.into())]);
        take_apart(&mut again);
        assert_eq!(again, Value::List(vec![first]));
    }

    #[test]
    fn asked_for_twice() {
        let of = |json: serde_json::Value| Value::from_json(json).expect("a value");
        let mut object = IndexMap::new();
        insert(&mut object, Name::new("a"), of(json!([{ "b": 1 }, null])));
        insert(&mut object, Name::new("a"), of(json!([{ "c": 2, "b": 1 }, null])));
        assert_eq!(Value::Object(object), of(json!({ "a": [{ "b": 1, "c": 2 }, null] })));
    }

    #[test]
    fn written_twice() {
        let at = |line, text: &str| mergeable(Value::Binary(text.as_bytes().to_vec().into()), Pos { line, column: 1 });
        let text = |value: &Value| {
            let mut out = Vec::new();
            self::value(value, &mut out);
            String::from_utf8(out).expect("a text")
        };
        let mut one = at(1, r#"{"a":{"b":1}}"#);
        assert_eq!(text(&one), r#"{"a":{"b":1}}"#);
        let (Value::Object(there), Value::Object(other)) = (&mut one, at(2, r#"{"a":{"c":2}}"#)) else {
            unreachable!()
        };
        there.extend(other);
        assert_eq!(text(&one), r#"{"a":{"b":1,"c":2}}"#);
        take_apart(&mut one);
        assert_eq!(one, Value::from_json(json!({ "a": { "b": 1, "c": 2 } })).expect("a value"));
    }
}
