//! Queries that many tests share, and builders of records.

use serde_json::{Value, json};

use super::{TestApp, pluck_strings};

impl TestApp {
    /// The data of a query with variables. Panics if the response has errors.
    pub async fn data_with_variables(&self, query: &str, variables: Value) -> Value {
        self.query(query, variables).await.data().clone()
    }

    /// The ID of the entity with this slug; `field` is `researcher`, `organization`, `topic` or `paper`.
    pub async fn find_id(&self, field: &str, slug: &str) -> String {
        let found = self.data(&format!("{{ {field}(by: {{slug: {slug:?}}}) {{ id }} }}")).await;
        let id = found[field]["id"].as_str();
        id.unwrap_or_else(|| panic!("there is no {field} {slug}")).to_owned()
    }

    /// The nodes of the connection at the end of a path of fields, each given with its arguments.
    pub async fn nodes(&self, path: &[&str], selection: &str) -> Value {
        let (mut query, mut pointer) = (format!("{{ nodes {{ {selection} }} }}"), "/nodes".to_owned());
        for field in path.iter().rev() {
            query = format!("{{ step: {field} {query} }}");
            pointer = format!("/step{pointer}");
        }
        let data = self.data(&query).await;
        let nodes = data.pointer(&pointer);
        nodes.unwrap_or_else(|| panic!("nothing at {pointer} of {data}")).clone()
    }

    /// The slugs of these nodes.
    pub async fn slugs(&self, path: &[&str]) -> Vec<String> {
        pluck_strings(&self.nodes(path, "slug").await, &["slug"])
    }

    /// The error message of a query that must fail with exactly one client error.
    pub async fn client_error(&self, query: &str, variables: Value) -> String {
        let response = self.query(query, variables).await;
        let codes = response.codes();
        let is_refused = codes.len() == 1 && CLIENT_ERROR_CODES.contains(&codes[0].as_str());
        assert!(is_refused, "{query}: {}", response.body);
        response.messages().remove(0)
    }

    /// Inserts a redirect, as after a merge: the ID and slug of the removed entity resolve to `survivor`.
    pub async fn insert_redirect(&self, kind: &str, former_id: i64, former_slug: &str, survivor: &str) {
        let sql = format!(
            "INSERT INTO former_identity (kind, former_id, former_slug, survivor_id) \
             SELECT '{kind}', {former_id}, '{former_slug}', id FROM {kind} WHERE slug = '{survivor}'"
        );
        self.execute_sql(&sql).await;
    }
}

/// The error codes for invalid requests and exceeded limits.
pub const CLIENT_ERROR_CODES: [&str; 6] = [
    "BAD_USER_INPUT",
    "GRAPHQL_PARSE_FAILED",
    "GRAPHQL_VALIDATION_FAILED",
    "LIMIT_EXCEEDED",
    "QUERY_TOO_COMPLEX",
    "QUERY_TOO_DEEP",
];

/// Sets fields of a record.
pub fn with_fields(mut record: Value, fields: Value) -> Value {
    for (name, value) in fields.as_object().into_iter().flatten() {
        record[name] = value.clone();
    }
    record
}

/// A researcher record with nothing but a name.
pub fn researcher_record(name: &str) -> Value {
    json!({ "kind": "researcher", "name": name })
}

/// An organization record with a ROR ID and a name without language.
pub fn organization_record(number: u64, name: &str) -> Value {
    json!({ "kind": "organization", "ror": ror(number), "names": [{ "value": name, "kind": "DISPLAY" }] })
}

/// A topic record of the local scheme with an English label.
pub fn topic_record(label: &str) -> Value {
    json!({ "kind": "topic", "names": [{ "value": label, "language": "en", "kind": "LABEL" }] })
}

/// A valid ROR ID.
pub fn ror(number: u64) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let digits = (0..6).rev().map(|index| char::from(ALPHABET[(number >> (5 * index)) as usize % 32]));
    format!("0{}{:02}", digits.collect::<String>(), 98 - (number * 100) % 97)
}

/// A valid ORCID iD.
pub fn orcid(number: u64) -> String {
    let digits = format!("{number:015}");
    let total = digits.bytes().fold(0, |total, digit| (total + u32::from(digit - b'0')) * 2 % 11);
    let check = match (12 - total) % 11 {
        10 => "X".to_owned(),
        digit => digit.to_string(),
    };
    format!("{}-{}-{}-{}{check}", &digits[..4], &digits[4..8], &digits[8..12], &digits[12..])
}
