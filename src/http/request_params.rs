//! Parsing of the GraphQL over HTTP parameters, from a JSON body or a query string.

use std::fmt;

use async_graphql::indexmap::IndexMap;
use async_graphql::{Name, Value, Variables};
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};

/// The parameters of a request.
#[derive(Debug, Default)]
pub struct RequestParams {
    /// The text of the query.
    pub query: Option<String>,
    /// The operation to execute.
    pub operation_name: Option<String>,
    /// The values of its variables.
    pub variables: Variables,
    /// The SHA-256 of the query in lowercase hexadecimal, for automatic persisted queries.
    pub sha256_hash: Option<String>,
    /// The id of an operation of the manifest.
    pub document_id: Option<String>,
}

/// Parses a JSON body.
///
/// # Errors
/// The message for the client.
pub fn parse_body(body: &[u8]) -> Result<RequestParams, String> {
    let text = std::str::from_utf8(body).map_err(|_| "the request body is not UTF-8; send JSON in UTF-8".to_owned())?;
    match text.trim_start_matches([' ', '\t', '\r', '\n']).bytes().next() {
        None => {
            return Err(
                "the request body is empty; send a JSON object such as {\"query\": \"{ __typename }\"}".to_owned()
            );
        }
        Some(b'[') => {
            return Err(
                "query batching is not supported; send each query in its own request, as a JSON object".to_owned()
            );
        }
        Some(_) => {}
    }
    let value = parse_json(text).map_err(|reason| format!("the request body is not valid JSON: {reason}"))?;
    let Value::Object(members) = value else {
        return Err(
            "the request body is not a JSON object; send one such as {\"query\": \"{ __typename }\"}".to_owned()
        );
    };
    RequestParams::default()
        .with_members(members.into_iter().map(|(name, value)| (name.to_string(), value)), "the request body")
}

/// Parses a query string.
///
/// # Errors
/// The message for the client.
pub fn parse_query_string(text: &str) -> Result<RequestParams, String> {
    let mut members = Vec::new();
    for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
        let is_json = matches!(&*name, "variables" | "extensions");
        // Invalid UTF-8 is decoded to the replacement character.
        if value.contains('\u{fffd}') && !text.contains("%EF%BF%BD") && !text.contains("%ef%bf%bd") {
            return Err(format!("the parameter {name} is not UTF-8"));
        }
        let value = match value {
            value if is_json && value.is_empty() => Value::Null,
            value if is_json => {
                parse_json(&value).map_err(|reason| format!("the parameter {name} is not valid JSON: {reason}"))?
            }
            value if name == "operationName" && value.is_empty() => Value::Null,
            value => Value::String(value.into_owned()),
        };
        members.push((name.into_owned(), value));
    }
    RequestParams::default().with_members(members, "the query string")
}

/// Parses the members of a JSON object that was sent in a message.
///
/// # Errors
/// The message for the client.
pub fn parse_payload(members: IndexMap<Name, Value>) -> Result<RequestParams, String> {
    RequestParams::default()
        .with_members(members.into_iter().map(|(name, value)| (name.to_string(), value)), "the payload")
}

impl RequestParams {
    fn with_members(
        mut self,
        members: impl IntoIterator<Item = (String, Value)>,
        origin: &str,
    ) -> Result<Self, String> {
        let mut seen = Vec::new();
        for (name, value) in members {
            if seen.contains(&name) {
                return Err(format!("{origin} has {name} twice; send it once"));
            }
            match (name.as_str(), value) {
                (_, Value::Null) => {}
                ("query", Value::String(text)) => self.query = Some(text),
                ("operationName", Value::String(text)) => self.operation_name = Some(text),
                ("documentId", Value::String(text)) => self.document_id = Some(text),
                ("query" | "operationName" | "documentId", _) => return Err(format!("{name} is not a string")),
                ("variables", value @ Value::Object(_)) => self.variables = Variables::from_value(value),
                ("extensions", Value::Object(extensions)) => self.sha256_hash = persisted_query_hash(&extensions)?,
                ("variables" | "extensions", _) => return Err(format!("{name} is not a JSON object")),
                // Unknown members are ignored, as the specification requires.
                _ => {}
            }
            seen.push(name);
        }
        Ok(self)
    }
}

/// The hash in `extensions.persistedQuery`, as sent by Apollo clients.
fn persisted_query_hash(extensions: &IndexMap<Name, Value>) -> Result<Option<String>, String> {
    let persisted = match extensions.get("persistedQuery") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(persisted)) => persisted,
        Some(_) => return Err("extensions.persistedQuery is not a JSON object".to_owned()),
    };
    if persisted.get("version") != Some(&Value::from(1)) {
        return Err("extensions.persistedQuery.version is not supported; the only supported version is 1".to_owned());
    }
    match persisted.get("sha256Hash") {
        Some(Value::String(digest)) if is_sha256(digest) => Ok(Some(digest.to_ascii_lowercase())),
        _ => Err("extensions.persistedQuery.sha256Hash is not a SHA-256; send 64 hexadecimal digits".to_owned()),
    }
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Parses JSON and rejects objects with duplicate keys, which parsers interpret differently.
///
/// # Errors
/// What is wrong with it.
pub fn parse_json(text: &str) -> Result<Value, String> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = UniqueKeysJson.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    value.map_err(|error| error.to_string())
}

struct UniqueKeysJson;

impl<'de> DeserializeSeed<'de> for UniqueKeysJson {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for UniqueKeysJson {
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
        while let Some(entry) = entries.next_element_seed(UniqueKeysJson)? {
            list.push(entry);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = IndexMap::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(UniqueKeysJson)?;
            if object.contains_key(name.as_str()) {
                return Err(A::Error::custom(format_args!("duplicate key {}", quote_truncated(&name))));
            }
            object.insert(Name::new(&name), value);
        }
        Ok(Value::Object(object))
    }
}

fn quote_truncated(name: &str) -> String {
    format!("\"{}\"", name.chars().take(40).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(body: &str) -> String {
        parse_body(body.as_bytes()).expect_err("an error")
    }

    #[test]
    fn bodies() {
        let sha = "A".repeat(64);
        let body = format!(
            r#" {{"query": "{{ a }}", "operationName": null, "variables": {{"a": [1, 2.5, null, "x"]}}, "other": {{}},
                 "extensions": {{"persistedQuery": {{"version": 1, "sha256Hash": "{sha}"}}}}}}"#
        );
        let parameters = parse_body(body.as_bytes()).expect("parameters");
        assert_eq!(parameters.query.as_deref(), Some("{ a }"));
        assert_eq!(parameters.operation_name, None);
        assert_eq!(serde_json::to_string(&parameters.variables).expect("JSON"), r#"{"a":[1,2.5,null,"x"]}"#);
        assert_eq!(parameters.sha256_hash, Some(sha.to_lowercase()));
    }

    #[test]
    fn duplicate_keys() {
        assert!(error(r#"{"query": "a", "query": "b"}"#).contains("duplicate key \"query\""));
        assert!(error(r#"{"query": "a", "variables": {"x": {"y": 1, "y": 2}}}"#).contains("duplicate key \"y\""));
        let message = parse_query_string("query=a&query=b").expect_err("an error");
        assert_eq!(message, "the query string has query twice; send it once");
    }

    #[test]
    fn invalid_bodies() {
        for body in
            ["", " ", "[]", "1", "\"x\"", "{", r#"{"query": 1}"#, r#"{"variables": []}"#, r#"{"extensions": 1}"#]
        {
            error(body);
        }
        error(&format!("{}1{}", "[".repeat(500), "]".repeat(500)).replace('[', "{\"a\":").replace(']', "}"));
        assert!(parse_body(b"{\"query\": \"\xff\"}").is_err());
        for extensions in [r#"{"persistedQuery": 1}"#, r#"{"persistedQuery": {"version": 2}}"#] {
            error(&format!(r#"{{"extensions": {extensions}}}"#));
        }
    }

    #[test]
    fn query_strings() {
        let parameters =
            parse_query_string("query=%7Ba%7D&operationName=&variables=&extensions=%7B%7D").expect("parameters");
        assert_eq!((parameters.query.as_deref(), parameters.operation_name), (Some("{a}"), None));
        for query_string in ["query=%FF", "variables=1", "variables=%7B", "extensions=x"] {
            assert!(parse_query_string(query_string).is_err(), "{query_string}");
        }
    }
}
