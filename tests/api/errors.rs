//! Errors and HTTP status codes: every error has a code, and no request causes an internal error.

use academic_directory::config::Limits;
use serde_json::{Value, json};

use crate::support::{TestApp, paper_record};

const GRAPHQL_RESPONSE_TYPE: &str = "application/graphql-response+json";

/// The status, media type and body of a response.
async fn send(request: reqwest::RequestBuilder) -> (u16, String, Value) {
    let response = request.send().await.expect("a response");
    let status = response.status().as_u16();
    let media_type =
        response.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let text = response.text().await.expect("a text");
    (status, media_type, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

fn post(app: &TestApp, body: impl Into<reqwest::Body>) -> reqwest::RequestBuilder {
    app.client().post(app.url("/graphql")).header("Content-Type", "application/json").body(body)
}

fn error_codes(body: &Value) -> Vec<&str> {
    let errors = body["errors"].as_array().into_iter().flatten();
    errors.map(|error| error["extensions"]["code"].as_str().unwrap_or("none")).collect()
}

#[tokio::test]
async fn request_errors() {
    let app = TestApp::start().await;
    for (query, variables) in [
        ("", json!({})),
        ("{", json!({})),
        ("{ unknown }", json!({})),
        ("{ researchers { nodes { unknown } } }", json!({})),
        ("{ researchers(unknown: 1) { nodes { id } } }", json!({})),
        ("{ researchers }", json!({})),
        ("{ researcher { name } }", json!({})),
        ("{ researchers(first: \"x\") { nodes { id } } }", json!({})),
        ("{ researchers(orderBy: {field: UNKNOWN, direction: ASC}) { nodes { id } } }", json!({})),
        ("{ researchers(filter: {unknown: 1}) { nodes { id } } }", json!({})),
        ("query($a: Unknown) { researchers { nodes { id } } }", json!({})),
        ("query($a: Int!) { researchers(first: $a) { nodes { id } } }", json!({})),
        ("query($a: Int) { researchers(first: $a) { nodes { id } } }", json!({ "a": "x" })),
        ("query($a: Int) { researchers(first: $a) { nodes { id } } }", json!({ "a": 99_999_999_999_i64 })),
        ("query($a: [ID!]!) { nodes(ids: $a) { id } }", json!({ "a": [null] })),
        ("query($a: String) { researchers(first: $a) { nodes { id } } }", json!({ "a": "x" })),
        ("{ ...missing }", json!({})),
        ("{ ...a } fragment a on Query { ...a }", json!({})),
        ("fragment a on Query { __typename }", json!({})),
        ("query a { __typename } query b { __typename }", json!({})),
        ("mutation { unknown }", json!({})),
        ("subscription { unknown }", json!({})),
        ("{ \u{0} }", json!({})),
    ] {
        let body = json!({ "query": query, "variables": variables }).to_string();
        let (status, media_type, response) =
            send(post(&app, body.clone()).header("Accept", GRAPHQL_RESPONSE_TYPE)).await;
        assert!(!error_codes(&response).is_empty(), "{query}: {response}");
        assert!(error_codes(&response).iter().all(|code| code.starts_with("GRAPHQL_")), "{query}: {response}");
        assert_eq!(response.get("data"), None, "{query}");
        assert_eq!(
            (status, media_type.as_str()),
            (400, "application/graphql-response+json; charset=utf-8"),
            "{query}: {response}"
        );
        let (status, media_type, response) = send(post(&app, body).header("Accept", "application/json")).await;
        assert_eq!((status, media_type.as_str()), (200, "application/json; charset=utf-8"), "{query}");
        assert!(error_codes(&response).iter().all(|code| code.starts_with("GRAPHQL_")), "{query}: {response}");
    }
}

#[tokio::test]
async fn status_of_executed_queries() {
    let app = TestApp::start().await;
    let body = json!({ "query": "{ directory { name { value } } }" }).to_string();
    for (accept, is_own) in [
        (GRAPHQL_RESPONSE_TYPE, true),
        ("application/json", false),
        ("*/*", false),
        ("application/json, application/graphql-response+json;q=0.9", false),
        ("application/graphql-response+json, application/json;q=0.9", true),
    ] {
        let (status, media_type, response) = send(post(&app, body.clone()).header("Accept", accept)).await;
        assert_eq!(
            (status, response),
            (200, json!({ "data": { "directory": { "name": { "value": "Test directory" } } } }))
        );
        assert_eq!(media_type.starts_with(GRAPHQL_RESPONSE_TYPE), is_own, "{accept}");
    }
    // A resolver error is part of an executed request.
    let body = json!({ "query": "{ papers(first: 0) { nodes { id } } }" }).to_string();
    let (status, _, response) = send(post(&app, body).header("Accept", GRAPHQL_RESPONSE_TYPE)).await;
    assert_eq!((status, error_codes(&response)), (200, vec!["BAD_USER_INPUT"]));
    assert_eq!(response["errors"][0]["path"], json!(["papers"]));
}

#[tokio::test]
async fn schema_names_are_not_leaked() {
    let app = TestApp::start().await;
    for query in [
        "{ researchr(by: {slug: \"a\"}) { name } }",
        "{ researcher(by: {slug: \"a\"}) { nam } }",
        "{ researcher(by: {slug: \"a\"}, bye: 1) { name } }",
        "{ researcher(by: {slugs: \"a\"}) { name } }",
        "{ researchers(orderBy: {field: NAM, direction: ASC}) { nodes { id } } }",
        "{ ... on Researchr { id } }",
    ] {
        let response = app.query(query, json!({})).await;
        for message in response.messages() {
            let schema_names = ["Did you mean", "\"researchers\"", "\"name\"", "\"slug\"", "\"orcid\"", "NAME"];
            let leaked =
                schema_names.iter().find(|name| message.contains(**name) && !query.contains(name.trim_matches('"')));
            assert_eq!(leaked, None, "{query}: {message}");
        }
    }
}

#[tokio::test]
async fn error_size_limit() {
    let app = TestApp::start().await;
    let long = format!("{{ a {} ", "é".repeat(200_000));
    let many = format!("{{ {} }}", (0..5_000).map(|number| format!("unknown{number}")).collect::<Vec<_>>().join(" "));
    let name = format!("{{ {} }}", "a".repeat(200_000));
    for query in [long, many, name] {
        let body = json!({ "query": query }).to_string();
        let response = post(&app, body).send().await.expect("a response");
        let size = response.bytes().await.expect("a body").len();
        assert!(size < 20_000, "{size} bytes for {}", &query[..20]);
    }
}

#[tokio::test]
async fn invalid_request_bodies() {
    let app = TestApp::start_with_limits(Limits { body_bytes: 10_000, ..Limits::default() }, 100).await;
    let nested =
        format!("{{\"query\": \"{{ __typename }}\", \"variables\": {}1{}}}", "[".repeat(4_000), "]".repeat(4_000));
    for (body, status) in [
        ("", 400),
        ("x", 400),
        ("null", 400),
        ("1", 400),
        ("\"{ __typename }\"", 400),
        ("[]", 400),
        ("  [{\"query\": \"{ __typename }\"}]", 400),
        ("{\"query\": 1}", 400),
        ("{\"query\": \"{ __typename }\", \"variables\": []}", 400),
        ("{\"query\": \"{ __typename }\", \"variables\": \"x\"}", 400),
        ("{\"query\": \"{ __typename }\", \"operationName\": {}}", 400),
        ("{\"query\": \"{ __typename }\"", 400),
        (nested.as_str(), 400),
    ] {
        let (given, _, response) = send(post(&app, body.to_owned())).await;
        assert_eq!((given, error_codes(&response)), (status, vec!["BAD_USER_INPUT"]), "{body:.80}: {response}");
    }
    let (status, _, response) = send(post(&app, vec![0xff, 0xfe, 0x00])).await;
    assert_eq!((status, error_codes(&response)), (400, vec!["BAD_USER_INPUT"]));
    let (status, _, response) =
        send(post(&app, json!({ "query": format!("{{ __typename }} #{}", "x".repeat(10_000)) }).to_string())).await;
    assert_eq!((status, error_codes(&response)), (413, vec!["LIMIT_EXCEEDED"]));
    insta::assert_snapshot!(response["errors"][0]["message"].as_str().unwrap_or_default(), @"the request body is too large; the limit is 10000 bytes");
    // Null members are the same as omitted ones.
    for body in [
        r#"{"query": "{ __typename }", "variables": null, "operationName": null, "extensions": null}"#,
        r#" {"query": "{ __typename }"} "#,
    ] {
        let (status, _, response) = send(post(&app, body)).await;
        assert_eq!((status, &response), (200, &json!({ "data": { "__typename": "Query" } })), "{body}");
    }
}

#[tokio::test]
async fn unsupported_content_types() {
    let app = TestApp::start().await;
    let body = json!({ "query": "{ __typename }" }).to_string();
    let with = |content_type: Option<&str>| {
        let request = app.client().post(app.url("/graphql")).body(body.clone());
        content_type.map_or_else(
            || app.client().post(app.url("/graphql")).body(body.clone()),
            |value| request.header("Content-Type", value),
        )
    };
    // Content types that a cross-origin page can send without a preflight request.
    for content_type in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("multipart/form-data"),
        Some("application/jsonp"),
        Some("x"),
    ] {
        let (status, _, response) = send(with(content_type)).await;
        assert_eq!((status, error_codes(&response)), (415, vec!["BAD_USER_INPUT"]), "{content_type:?}");
    }
    for content_type in ["application/json", "application/json; charset=utf-8", "Application/JSON"] {
        assert_eq!(send(with(Some(content_type))).await.0, 200, "{content_type}");
    }
}

#[tokio::test]
async fn get_requests() {
    let app = TestApp::start().await;
    app.create_records(json!([paper_record("Tides", Some(2001), &["Ada Berg"])])).await;
    let get = |parameters: &[(&str, &str)]| {
        let encoded = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        app.client().get(format!("{}?{encoded}", app.url("/graphql"))).header("Accept", "application/json")
    };
    let both =
        "query a { papers { nodes { slug } } } query b($slug: String!) { researcher(by: {slug: $slug}) { name } }";
    let (status, _, response) = send(get(&[("query", both), ("operationName", "a")])).await;
    assert_eq!((status, response), (200, json!({ "data": { "papers": { "nodes": [{ "slug": "tides" }] } } })));
    let variables = r#"{"slug": "ada-berg"}"#;
    let (status, _, response) =
        send(get(&[("query", both), ("operationName", "b"), ("variables", variables), ("extensions", "{}")])).await;
    assert_eq!((status, response), (200, json!({ "data": { "researcher": { "name": "Ada Berg" } } })));
    for parameters in [
        vec![("query", both), ("variables", "{")],
        vec![("query", both), ("variables", "[]")],
        vec![("query", both), ("variables", "x")],
        vec![("query", both), ("extensions", "1")],
        vec![("variables", "{}")],
        vec![("query", both), ("query", both)],
    ] {
        let (status, _, response) = send(get(&parameters)).await;
        assert_eq!((status, error_codes(&response)), (400, vec!["BAD_USER_INPUT"]), "{parameters:?}");
    }
    let (status, _, response) = send(get(&[("query", "{ unknown }")])).await;
    assert_eq!((status, error_codes(&response)), (200, vec!["GRAPHQL_VALIDATION_FAILED"]));
    let (status, _, response) = send(get(&[("query", both), ("operationName", "c")])).await;
    assert_eq!((status, error_codes(&response)), (200, vec!["GRAPHQL_VALIDATION_FAILED"]));
    for address in ["/graphql?query=%FF%FE", "/graphql?%", "/graphql"] {
        let (status, _, response) = send(app.client().get(app.url(address)).header("Accept", "application/json")).await;
        assert_eq!((status, error_codes(&response)), (400, vec!["BAD_USER_INPUT"]), "{address}: {response}");
    }
    for address in ["/graphql?query=%00", "/graphql?query"] {
        let (status, _, response) =
            send(app.client().get(app.url(address)).header("Accept", GRAPHQL_RESPONSE_TYPE)).await;
        assert_eq!(status, 400, "{address}: {response}");
        assert!(error_codes(&response).iter().all(|code| code.starts_with("GRAPHQL_")), "{address}: {response}");
    }
}

#[tokio::test]
async fn unknown_paths_and_methods() {
    let app = TestApp::start().await;
    for address in ["/nothing", "/graphql/", "/graphql/x", "/..%2f..%2fetc/passwd", "/%00", "/graphiql%00"] {
        let (status, media_type, body) = send(app.client().get(app.url(address))).await;
        assert_eq!((status, media_type.as_str()), (404, "application/json; charset=utf-8"), "{address}");
        assert_eq!(error_codes(&body), ["NOT_FOUND"], "{address}");
    }
    for method in [reqwest::Method::PUT, reqwest::Method::DELETE, reqwest::Method::PATCH] {
        let response = app.client().request(method.clone(), app.url("/graphql")).send().await.expect("a response");
        assert_eq!(response.status().as_u16(), 405, "{method}");
        assert_eq!(
            response.headers().get("allow").and_then(|value| value.to_str().ok()),
            Some("GET, HEAD, POST, OPTIONS"),
            "{method}"
        );
        let body: Value = response.json().await.expect("JSON");
        assert_eq!(error_codes(&body), ["BAD_USER_INPUT"]);
    }
}

#[tokio::test]
async fn internal_errors() {
    let app = TestApp::start().await;
    app.create_records(json!([paper_record("Tides", Some(2001), &["Ada Berg"])])).await;
    app.execute_sql("DROP TABLE coauthorship CASCADE; ALTER TABLE researcher_statistics DROP coauthor_count").await;
    let response = app
        .query(
            "{ researchers { nodes { name statistics { coauthorCount } coauthors { nodes { name } } } } }",
            json!({}),
        )
        .await;
    // The error is confined to the failing fields, and reveals only a request ID.
    assert_eq!(
        response.body["data"]["researchers"]["nodes"],
        json!([{ "name": "Ada Berg", "statistics": null, "coauthors": null }])
    );
    assert_eq!(response.codes(), ["INTERNAL", "INTERNAL"]);
    for error in response.body["errors"].as_array().into_iter().flatten() {
        assert_eq!(error["message"], "internal server error; it was logged");
        assert!(error["extensions"]["requestId"].is_string(), "{error}");
    }
    assert!(!response.body.to_string().contains("coauthorship"), "{}", response.body);
    // A page whose items are not selected is not read.
    let response = app.query("{ researchers { nodes { coauthors { totalCount } } } }", json!({})).await;
    assert_eq!(response.body["data"]["researchers"]["nodes"], json!([{ "coauthors": { "totalCount": null } }]));
    assert_eq!(response.codes(), ["INTERNAL"]);
}
