//! CSL-JSON items for import tests.

use serde_json::{Value, json};

/// An article with a publication year and authors, whose names are written given name first.
pub fn article(id: &str, title: &str, year: i32, authors: &[&str]) -> Value {
    let authors: Vec<Value> = authors.iter().map(|name| author(name)).collect();
    json!({ "id": id, "type": "article-journal", "title": title, "author": authors, "issued": { "date-parts": [[year]] } })
}

/// Splits at the last space: the last word is the family name. A single word becomes a literal name.
pub fn author(name: &str) -> Value {
    match name.rsplit_once(' ') {
        Some((given, family)) => json!({ "given": given, "family": family }),
        None => json!({ "literal": name }),
    }
}

/// Adds or replaces fields of a JSON object.
pub fn with_fields(mut value: Value, fields: Value) -> Value {
    let (Some(object), Value::Object(fields)) = (value.as_object_mut(), fields) else { unreachable!("objects") };
    object.extend(fields);
    value
}

/// One JSON value per line.
pub fn to_json_lines(values: &[Value]) -> String {
    values.iter().map(|value| format!("{value}\n")).collect()
}
