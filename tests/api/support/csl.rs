//! CSL items for imports.

use serde_json::{Value, json};

/// An article of a year, by authors written given name first.
pub fn article(id: &str, title: &str, year: i32, authors: &[&str]) -> Value {
    let authors: Vec<Value> = authors.iter().map(|name| author(name)).collect();
    json!({ "id": id, "type": "article-journal", "title": title, "author": authors, "issued": { "date-parts": [[year]] } })
}

/// The last word is the family name; a single word is a name without parts.
pub fn author(name: &str) -> Value {
    match name.rsplit_once(' ') {
        Some((given, family)) => json!({ "given": given, "family": family }),
        None => json!({ "literal": name }),
    }
}

/// A value with more fields, or others.
pub fn with_fields(mut value: Value, fields: Value) -> Value {
    let (Some(object), Value::Object(fields)) = (value.as_object_mut(), fields) else { unreachable!("objects") };
    object.extend(fields);
    value
}

/// One a line.
pub fn to_json_lines(values: &[Value]) -> String {
    values.iter().map(|value| format!("{value}\n")).collect()
}
