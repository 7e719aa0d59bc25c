//! Malicious values in every argument of every field: a response or a client error, never an internal error.

use std::time::Duration;

use async_graphql::parser::types::{BaseType, Type, TypeKind};
use futures_util::stream::{self, StreamExt as _};
use serde_json::{Value, json};

use crate::support::schema_definitions::{SchemaDefinitions, enum_values, fields, innermost_type, input_fields};
use crate::support::synthetic_data::college_records;
use crate::support::{CLIENT_ERROR_CODES, TestApp, ror};

/// Timeout for one response; generous, because test machines may be busy.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(20);
/// The maximum depth for recursive input types.
const MAX_INPUT_DEPTH: usize = 3;

fn malicious_strings() -> Vec<Value> {
    let long = "a".repeat(100_000);
    let long_words = "word ".repeat(20_000);
    [
        "",
        " ",
        "\u{a0}\t\n",
        "\0",
        "a\0b",
        "%",
        "_",
        "'",
        "\\",
        "\"",
        "`",
        "';--",
        "$1",
        "?",
        "{}",
        "[]",
        "null",
        "a & b | !c:*",
        "<->",
        "((((",
        ".*(a+)+$",
        "[[:<:]]",
        "\\d{1000}",
        "🙂🙂",
        "👩‍👩‍👧",
        "\u{202e}abc\u{200f}",
        "\u{feff}",
        "e\u{301}\u{301}\u{301}",
        "ﷺ",
        "İ",
        "ǅ",
        "中文",
        "\u{10ffff}",
        "0",
        "-1",
        "1e309",
        "9223372036854775808",
        "2020-02-30",
        "0000-00-00",
        "-infinity",
        "infinity",
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00Z",
        "en-x-y",
        "x-default",
        "zzzz",
        "UmVzZWFyY2hlcjo5MjIzMzcyMDM2ODU0Nzc1ODA3",
        "UmVzZWFyY2hlcjotMQ",
        "WyJ4IiwiMSJd",
        "https://orcid.org/0000-0000-0000-0000",
        "10.1/\0",
        &long,
        &long_words,
    ]
    .into_iter()
    .map(Value::from)
    .collect()
}

fn boundary_numbers() -> Vec<Value> {
    vec![
        json!(i32::MIN),
        json!(-1),
        json!(0),
        json!(1),
        json!(i32::MAX),
        json!(3_000_000_000_i64),
        json!(1.5),
        json!("1"),
    ]
}

/// The fields that lead to an object of this type in the synthetic directory.
fn path_to_object(parent: &str) -> Option<Vec<String>> {
    let steps: &[&str] = match parent {
        "Query" => &[],
        "Researcher" => &["researcher(by: {slug: \"person-0\"})"],
        "Organization" => &["organization(by: {slug: \"college\"})"],
        "Topic" => &["topic(by: {slug: \"sea\"})"],
        "Paper" => &["paper(by: {slug: \"together\"})"],
        "Abstract" => &["paper(by: {slug: \"together\"})", "abstract"],
        "Affiliation" => &["affiliations(first: 1)", "nodes"],
        "CoauthorEdge" => &["researcher(by: {slug: \"person-0\"})", "coauthors(first: 1)", "edges"],
        "CoauthorStep" => &["researcher(by: {slug: \"person-0\"})", "PATH", "steps"],
        "ResearcherFacets" => &["researchers(first: 1)", "facets"],
        "PaperFacets" => &["papers(first: 1)", "facets"],
        "Directory" => &["directory"],
        "DirectoryQuality" => &["directory", "quality"],
        "QualityIssue" => &["directory", "quality", "issues"],
        _ => return None,
    };
    Some(steps.iter().map(|step| (*step).to_owned()).collect())
}

/// Wraps a value in as many lists as the type has.
fn wrap_in_lists(ty: &Type, value: Value) -> Value {
    match &ty.base {
        BaseType::Named(_) => value,
        BaseType::List(inner) => json!([wrap_in_lists(inner, value)]),
    }
}

/// A value that any field of this type accepts.
fn valid_value(definitions: &SchemaDefinitions, ty: &Type) -> Value {
    let name = innermost_type(ty);
    let inner = match name {
        "Int" => json!(2),
        "Boolean" => json!(true),
        "String" | "ID" => json!("x"),
        _ => match definitions.0.get(name).map(|definition| (&definition.kind, definition)) {
            Some((TypeKind::Enum(_), definition)) => json!(enum_values(definition).first()),
            Some((TypeKind::InputObject(_), definition)) => {
                let needed = input_fields(definition).into_iter().filter(|input| !input.ty.node.nullable);
                needed
                    .map(|input| (input.name.node.to_string(), valid_value(definitions, &input.ty.node)))
                    .collect::<serde_json::Map<_, _>>()
                    .into()
            }
            _ => json!("x"),
        },
    };
    wrap_in_lists(ty, inner)
}

/// Malicious values of a type; all other fields of input objects have valid values.
fn malicious_values(definitions: &SchemaDefinitions, ty: &Type, depth: usize) -> Vec<Value> {
    let name = innermost_type(ty);
    let mut all = match definitions.0.get(name).map(|definition| (&definition.kind, definition)) {
        Some((TypeKind::InputObject(_), definition)) if depth > 0 => {
            let is_one_of = definition.directives.iter().any(|directive| directive.node.name.node == "oneOf");
            let mut found = Vec::new();
            for input in input_fields(definition) {
                for value in malicious_values(definitions, &input.ty.node, depth - 1) {
                    let mut object = if is_one_of { json!({}) } else { valid_value(definitions, &parse_type(name)) };
                    object[input.name.node.as_str()] = value;
                    found.push(object);
                }
            }
            found
        }
        Some((TypeKind::InputObject(_), _)) => vec![json!({})],
        Some((TypeKind::Enum(_), _)) => vec![json!("NOT_ONE"), json!(""), json!(1)],
        _ if name == "Int" => boundary_numbers(),
        _ if name == "Boolean" => vec![json!("true"), json!(2)],
        // The same code parses deeper levels, so that a sample is enough.
        _ if depth < MAX_INPUT_DEPTH - 1 => malicious_strings().into_iter().step_by(7).collect(),
        _ => malicious_strings(),
    };
    all = all.into_iter().map(|value| wrap_in_lists(ty, value)).collect();
    if matches!(ty.base, BaseType::List(_)) {
        all.push(json!([]));
        all.push(json!([null]));
        all.push(json!(vec![valid_value(definitions, &parse_type(name)); 501]));
    }
    all.push(Value::Null);
    all
}

fn parse_type(name: &str) -> Type {
    Type::new(name).expect("a type")
}

/// Asserts that the request succeeds or fails with a client error.
async fn assert_no_internal_error(app: &TestApp, query: &str, variables: &Value, location: &str) {
    let request = app.client().post(app.url("/graphql")).json(&json!({ "query": query, "variables": variables }));
    let excerpt = || variables.to_string().chars().take(120).collect::<String>();
    let response = request
        .timeout(RESPONSE_TIMEOUT)
        .send()
        .await
        .unwrap_or_else(|error| panic!("{location} {}: {error}", excerpt()));
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap_or_else(|error| panic!("{location} {}: {error}", excerpt()));
    assert!(status < 500, "{location} {}: {status} {body}", excerpt());
    for error in body["errors"].as_array().into_iter().flatten() {
        let code = error["extensions"]["code"].as_str().unwrap_or("none");
        assert!(CLIENT_ERROR_CODES.contains(&code), "{location} {}: {error}", excerpt());
        let message = error["message"].as_str().unwrap_or_default();
        assert!(message.len() < 16_384, "{location}: a message of {} bytes", message.len());
    }
}

#[tokio::test]
async fn malicious_values_in_every_argument() {
    let app = TestApp::start().await;
    app.create_records(json!(college_records(6))).await;
    let ids = app.data("{ researchers(first: 2) { nodes { id } } }").await;
    let id = |location: usize| ids["researchers"]["nodes"][location]["id"].as_str().unwrap_or_default().to_owned();
    let path = format!("coauthorPath(fromId: {:?}, toId: {:?})", id(0), id(1));
    let definitions = SchemaDefinitions::of_service();
    let (mut argument_count, mut request_count) = (0, 0);
    for (name, definition) in &definitions.0 {
        if !matches!(definition.kind, TypeKind::Object(_)) {
            continue;
        }
        for field in fields(definition) {
            // A subscription has the arguments of `Query.changes`, and is no query.
            if field.arguments.is_empty() || name == "Subscription" {
                continue;
            }
            let steps = path_to_object(name).unwrap_or_else(|| panic!("add {name} to path_to_object"));
            let mut steps =
                steps.into_iter().map(|step| if step == "PATH" { path.clone() } else { step }).collect::<Vec<_>>();
            if name == "CoauthorStep" {
                steps.remove(0);
            }
            let is_composite = definitions
                .0
                .get(innermost_type(&field.ty.node))
                .is_some_and(|ty| matches!(ty.kind, TypeKind::Object(_) | TypeKind::Interface(_)));
            for argument in &field.arguments {
                argument_count += 1;
                let ty = &argument.node.ty.node;
                let others = field.arguments.iter().filter(|other| other.node.name != argument.node.name);
                let others: Vec<String> = others
                    .filter(|other| !other.node.ty.node.nullable && other.node.default_value.is_none())
                    .map(|other| {
                        format!(
                            "{}: {}",
                            other.node.name.node,
                            graphql_literal(&valid_value(&definitions, &other.node.ty.node))
                        )
                    })
                    .collect();
                let selection = selection_set(&definitions, innermost_type(&field.ty.node), is_composite);
                let inner = format!(
                    "found: {}({}: $value {}) {selection}",
                    field.name.node,
                    argument.node.name.node,
                    others.join(" ")
                );
                let inner = steps.iter().rev().fold(inner, |inner, step| format!("{step} {{ {inner} }}"));
                let query = format!("query($value: {ty}) {{ {inner} }}");
                let location = format!("{name}.{}({})", field.name.node, argument.node.name.node);
                let values = malicious_values(&definitions, ty, MAX_INPUT_DEPTH);
                request_count += values.len();
                let checks = values.into_iter().map(|value| {
                    let (app, query, location) = (&app, &query, &location);
                    async move { assert_no_internal_error(app, query, &json!({ "value": value }), location).await }
                });
                stream::iter(checks).buffer_unordered(4).collect::<()>().await;
            }
        }
    }
    assert!(argument_count > 100 && request_count > 5_000, "{argument_count} arguments, {request_count} requests");
    // The directory is unchanged.
    assert_eq!(
        app.data(&format!("{{ organization(by: {{ror: {:?}}}) {{ slug }} }}", ror(1))).await["organization"]["slug"],
        "college"
    );
}

/// A JSON value as a GraphQL literal.
fn graphql_literal(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(name, value)| format!("{name}: {}", graphql_literal(value))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        Value::Array(entries) => format!("[{}]", entries.iter().map(graphql_literal).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// A minimal selection set that makes the field run its statement.
fn selection_set(definitions: &SchemaDefinitions, name: &str, is_composite: bool) -> &'static str {
    let has =
        |field: &str| definitions.0.get(name).is_some_and(|ty| fields(ty).iter().any(|own| own.name.node == field));
    match () {
        () if !is_composite => "",
        () if has("totalCount") && has("facets") => "{ totalCount nodes { __typename } }",
        () if has("totalCount") => "{ totalCount edges { cursor } }",
        () => "{ __typename }",
    }
}

#[tokio::test]
async fn invalid_json_strings() {
    let app = TestApp::start().await;
    let query = "query($q: String!) { search(query: $q) { totalCount } }";
    for value in [r#""\ud800""#, r#""\udc00\ud800""#, r#""\ud83d""#, "\"\u{1}\"", "NaN", "\"\\x\"", "1e999", "[[[["] {
        let body = format!("{{\"query\": {}, \"variables\": {{\"q\": {value}}}}}", json!(query));
        let response =
            app.client().post(app.url("/graphql")).header("Content-Type", "application/json").body(body).send().await;
        let status = response.expect("a response").status().as_u16();
        assert!((400..500).contains(&status), "{value}: {status}");
    }
}
