//! What a request says: the parameters of GraphQL over HTTP, from a body of JSON or from an address.

use std::fmt;

use async_graphql::indexmap::IndexMap;
use async_graphql::{Name, Value, Variables};
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};

/// The parameters of one request, before anything is looked up.
#[derive(Debug, Default)]
pub struct Parameters {
    /// The text of the query.
    pub query: Option<String>,
    /// Which of its operations to run.
    pub operation_name: Option<String>,
    /// The values of its variables.
    pub variables: Variables,
    /// The SHA-256 of the text, in lower-case hexadecimal, as automatic persisted queries send it.
    pub sha256: Option<String>,
    /// The name of a document that the service knows.
    pub document_id: Option<String>,
}

/// Reads a body.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn of_body(body: &[u8]) -> Result<Parameters, String> {
    let text = std::str::from_utf8(body).map_err(|_| "the body is not UTF-8; send JSON in UTF-8".to_owned())?;
    match text.trim_start_matches([' ', '\t', '\r', '\n']).bytes().next() {
        None => {
            return Err("the body is empty; send a JSON object such as {\"query\": \"{ __typename }\"}".to_owned());
        }
        Some(b'[') => {
            return Err(
                "several queries in one request are not taken; send them one by one, each as an object".to_owned()
            );
        }
        Some(_) => {}
    }
    let value = parse(text).map_err(|reason| format!("the body is no JSON: {reason}"))?;
    let Value::Object(members) = value else {
        return Err("the body is no JSON object; send one such as {\"query\": \"{ __typename }\"}".to_owned());
    };
    Parameters::default().with(members.into_iter().map(|(name, value)| (name.to_string(), value)), "the body")
}

/// Reads the part of an address after the question mark.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn of_address(text: &str) -> Result<Parameters, String> {
    let mut members = Vec::new();
    for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
        let is_json = matches!(&*name, "variables" | "extensions");
        // The replacement character stands for what is not UTF-8.
        if value.contains('\u{fffd}') && !text.contains("%EF%BF%BD") && !text.contains("%ef%bf%bd") {
            return Err(format!("the parameter {name} is not UTF-8"));
        }
        let value = match value {
            value if is_json && value.is_empty() => Value::Null,
            value if is_json => parse(&value).map_err(|reason| format!("the parameter {name} is no JSON: {reason}"))?,
            value if name == "operationName" && value.is_empty() => Value::Null,
            value => Value::String(value.into_owned()),
        };
        members.push((name.into_owned(), value));
    }
    Parameters::default().with(members, "the address")
}

impl Parameters {
    fn with(mut self, members: impl IntoIterator<Item = (String, Value)>, place: &str) -> Result<Self, String> {
        let mut seen = Vec::new();
        for (name, value) in members {
            if seen.contains(&name) {
                return Err(format!("{place} has {name} twice; send it once"));
            }
            match (name.as_str(), value) {
                (_, Value::Null) => {}
                ("query", Value::String(text)) => self.query = Some(text),
                ("operationName", Value::String(text)) => self.operation_name = Some(text),
                ("documentId", Value::String(text)) => self.document_id = Some(text),
                ("query" | "operationName" | "documentId", _) => return Err(format!("{name} is no string")),
                ("variables", value @ Value::Object(_)) => self.variables = Variables::from_value(value),
                ("extensions", Value::Object(extensions)) => self.sha256 = persisted(&extensions)?,
                ("variables" | "extensions", _) => return Err(format!("{name} is no JSON object")),
                // The specification leaves room for what others may add.
                _ => {}
            }
            seen.push(name);
        }
        Ok(self)
    }
}

/// The digest in `extensions.persistedQuery`, in the form that Apollo's clients send.
fn persisted(extensions: &IndexMap<Name, Value>) -> Result<Option<String>, String> {
    let persisted = match extensions.get("persistedQuery") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(persisted)) => persisted,
        Some(_) => return Err("extensions.persistedQuery is no JSON object".to_owned()),
    };
    if persisted.get("version") != Some(&Value::from(1)) {
        return Err("extensions.persistedQuery.version is not 1, the only one known here".to_owned());
    }
    match persisted.get("sha256Hash") {
        Some(Value::String(digest)) if is_sha256(digest) => Ok(Some(digest.to_ascii_lowercase())),
        _ => Err("extensions.persistedQuery.sha256Hash is no SHA-256; send its 64 hexadecimal digits".to_owned()),
    }
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// JSON whose objects name each member once: which of two would count is nobody's guess.
fn parse(text: &str) -> Result<Value, String> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Strict.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    value.map_err(|error| error.to_string())
}

struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(serde_json::Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(entry) = entries.next_element_seed(Strict)? {
            list.push(entry);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = IndexMap::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(Strict)?;
            if object.contains_key(name.as_str()) {
                return Err(A::Error::custom(format_args!("{} stands twice in one object", short(&name))));
            }
            object.insert(Name::new(&name), value);
        }
        Ok(Value::Object(object))
    }
}

fn short(name: &str) -> String {
    format!("\"{}\"", name.chars().take(40).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(body: &str) -> String {
        of_body(body.as_bytes()).expect_err("a refusal")
    }

    #[test]
    fn bodies() {
        let sha = "A".repeat(64);
        let body = format!(
            r#" {{"query": "{{ a }}", "operationName": null, "variables": {{"a": [1, 2.5, null, "x"]}}, "other": {{}},
                 "extensions": {{"persistedQuery": {{"version": 1, "sha256Hash": "{sha}"}}}}}}"#
        );
        let parameters = of_body(body.as_bytes()).expect("parameters");
        assert_eq!(parameters.query.as_deref(), Some("{ a }"));
        assert_eq!(parameters.operation_name, None);
        assert_eq!(serde_json::to_string(&parameters.variables).expect("JSON"), r#"{"a":[1,2.5,null,"x"]}"#);
        assert_eq!(parameters.sha256, Some(sha.to_lowercase()));
    }

    #[test]
    fn members_that_stand_twice() {
        assert!(refusal(r#"{"query": "a", "query": "b"}"#).contains("\"query\" stands twice"));
        assert!(refusal(r#"{"query": "a", "variables": {"x": {"y": 1, "y": 2}}}"#).contains("\"y\" stands twice"));
        let address = of_address("query=a&query=b").expect_err("a refusal");
        assert_eq!(address, "the address has query twice; send it once");
    }

    #[test]
    fn shapes_that_are_none() {
        for body in
            ["", " ", "[]", "1", "\"x\"", "{", r#"{"query": 1}"#, r#"{"variables": []}"#, r#"{"extensions": 1}"#]
        {
            refusal(body);
        }
        refusal(&format!("{}1{}", "[".repeat(500), "]".repeat(500)).replace('[', "{\"a\":").replace(']', "}"));
        assert!(of_body(b"{\"query\": \"\xff\"}").is_err());
        for extensions in [r#"{"persistedQuery": 1}"#, r#"{"persistedQuery": {"version": 2}}"#] {
            refusal(&format!(r#"{{"extensions": {extensions}}}"#));
        }
    }

    #[test]
    fn addresses() {
        let parameters = of_address("query=%7Ba%7D&operationName=&variables=&extensions=%7B%7D").expect("parameters");
        assert_eq!((parameters.query.as_deref(), parameters.operation_name), (Some("{a}"), None));
        for address in ["query=%FF", "variables=1", "variables=%7B", "extensions=x"] {
            assert!(of_address(address).is_err(), "{address}");
        }
    }
}
