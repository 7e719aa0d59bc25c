//! Persisted queries: automatic persisted queries and trusted operations.

use academic_directory::config::{HttpConfig, OperationPolicy};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::process::{Workspace, run_to_completion};
use crate::support::{TestApp, create_database, http_config, paper_record};

const QUERY: &str = "query Titles { papers { nodes { title } } }";

fn sha256_hex(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn persisted_query_extension(digest: &str) -> Value {
    json!({ "persistedQuery": { "version": 1, "sha256Hash": digest } })
}

async fn post(app: &TestApp, body: Value) -> (u16, Value) {
    let request =
        app.client().post(app.url("/graphql")).header("Accept", "application/graphql-response+json").json(&body);
    let response = request.send().await.expect("a response");
    (response.status().as_u16(), response.json().await.expect("JSON"))
}

fn error_code(response: &Value) -> &str {
    response["errors"][0]["extensions"]["code"].as_str().unwrap_or_default()
}

async fn get(app: &TestApp, parameters: &[(&str, &str)], etag: Option<&str>) -> reqwest::Response {
    let encoded = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    let request = app.client().get(app.url(&format!("/graphql?{encoded}"))).header("Accept", "application/json");
    let request = etag.into_iter().fold(request, |request, tag| request.header("If-None-Match", tag));
    request.send().await.expect("a response")
}

#[tokio::test]
async fn automatic_persisted_queries() {
    let app = TestApp::start().await;
    app.create_records(json!([paper_record("Tides", Some(2001), &["Ada Berg"])])).await;
    let response = json!({ "data": { "papers": { "nodes": [{ "title": "Tides" }] } } });
    let hash = sha256_hex(QUERY);
    // The protocol of Apollo Client: hash only, then hash and query, then hash only.
    let (status, unknown) = post(&app, json!({ "extensions": persisted_query_extension(&hash) })).await;
    assert_eq!((status, error_code(&unknown)), (200, "PERSISTED_QUERY_NOT_FOUND"));
    assert_eq!(unknown["errors"][0]["message"], "PersistedQueryNotFound");
    let (status, first) = post(&app, json!({ "query": QUERY, "extensions": persisted_query_extension(&hash) })).await;
    assert_eq!((status, &first), (200, &response));
    let (status, second) = post(&app, json!({ "extensions": persisted_query_extension(&hash.to_uppercase()) })).await;
    assert_eq!((status, &second), (200, &response));
    // A wrong hash could replace the query of another client.
    let (status, wrong) =
        post(&app, json!({ "query": "{ __typename }", "extensions": persisted_query_extension(&hash) })).await;
    assert_eq!((status, error_code(&wrong)), (400, "BAD_USER_INPUT"));
    // Rejected queries are not registered.
    let refused = sha256_hex("{ unknown }");
    post(&app, json!({ "query": "{ unknown }", "extensions": persisted_query_extension(&refused) })).await;
    assert_eq!(
        error_code(&post(&app, json!({ "extensions": persisted_query_extension(&refused) })).await.1),
        "PERSISTED_QUERY_NOT_FOUND"
    );
    for extensions in
        [json!({ "persistedQuery": { "version": 1, "sha256Hash": "x" } }), json!({ "persistedQuery": {} })]
    {
        assert_eq!(post(&app, json!({ "extensions": extensions })).await.0, 400);
    }
}

#[tokio::test]
async fn get_requests_are_cacheable() {
    let app = TestApp::start().await;
    app.create_records(json!([paper_record("Tides", Some(2001), &["Ada Berg"])])).await;
    let extensions = persisted_query_extension(&sha256_hex(QUERY)).to_string();
    let response = get(&app, &[("query", QUERY), ("extensions", &extensions)], None).await;
    assert_eq!(response.headers()["cache-control"], "private, no-cache");
    let response = get(&app, &[("extensions", &extensions)], None).await;
    assert_eq!(response.headers()["cache-control"], "public, max-age=60");
    assert!(response.headers()["vary"].to_str().expect("text").contains("Accept-Language"));
    let tag = response.headers()["etag"].to_str().expect("text").to_owned();
    assert_eq!(get(&app, &[("extensions", &extensions)], Some(&tag)).await.status().as_u16(), 304);
    // Changed content has a different ETag.
    app.create_records(json!([paper_record("Waves", Some(2002), &["Bo Dahl"])])).await;
    let response = get(&app, &[("extensions", &extensions)], Some(&tag)).await;
    assert_eq!(response.status().as_u16(), 200);
    assert_ne!(response.headers()["etag"].to_str().expect("text"), tag);
    // Responses with errors are not cacheable.
    let failing = "query($n: Int) { papers(first: $n) { nodes { title } } }";
    let extensions = persisted_query_extension(&sha256_hex(failing)).to_string();
    get(&app, &[("query", failing), ("extensions", &extensions)], None).await;
    let response = get(&app, &[("extensions", &extensions), ("variables", "{\"n\": 0}")], None).await;
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert!(response.headers().get("etag").is_none());
}

#[tokio::test]
async fn memory_limit() {
    let app = TestApp::start_with_http_config(HttpConfig { persisted_queries_bytes: 20_000, ..http_config() }).await;
    let query = |number: usize| format!("{{ __typename }} # {number} {}", "x".repeat(1000));
    for number in 0..100 {
        let text = query(number);
        post(&app, json!({ "query": text, "extensions": persisted_query_extension(&sha256_hex(&text)) })).await;
    }
    let mut registered = 0;
    for number in 0..100 {
        let (_, response) =
            post(&app, json!({ "extensions": persisted_query_extension(&sha256_hex(&query(number))) })).await;
        registered += usize::from(response.get("data").is_some());
    }
    assert!((1..=20).contains(&registered), "{registered} are registered");
}

#[tokio::test]
async fn trusted_operations() {
    let workspace = Workspace::new();
    let relay = json!({ "0123456789abcdef0123456789abcdef": QUERY, "other": "{ __typename }" });
    let apollo = json!({
        "format": "apollo-persisted-query-manifest", "version": 1,
        "operations": [{ "id": "0123456789abcdef0123456789abcdef", "name": "Titles", "type": "query", "body": QUERY }],
    });
    for manifest in [relay, apollo] {
        workspace.write_file("manifest.json", manifest.to_string());
        let settings = HttpConfig {
            operations: OperationPolicy::Trusted,
            operations_manifest: Some(workspace.path("manifest.json")),
            ..http_config()
        };
        let app = TestApp::start_with_http_config(settings).await;
        app.create_records(json!([paper_record("Tides", Some(2001), &["Ada Berg"])])).await;
        for body in [
            json!({ "documentId": "0123456789abcdef0123456789abcdef" }),
            json!({ "extensions": persisted_query_extension(&sha256_hex(QUERY)) }),
            json!({ "query": QUERY }),
            json!({ "query": QUERY, "extensions": persisted_query_extension(&sha256_hex(QUERY)) }),
        ] {
            let (status, result) = post(&app, body.clone()).await;
            assert_eq!((status, &result["data"]["papers"]["nodes"][0]["title"]), (200, &json!("Tides")), "{body}");
        }
        let response = get(&app, &[("documentId", "0123456789abcdef0123456789abcdef")], None).await;
        assert_eq!(response.headers()["cache-control"], "public, max-age=60");
        for (body, status, expected) in [
            (json!({ "query": "{ papers { nodes { id } } }" }), 403, "OPERATION_NOT_TRUSTED"),
            (json!({ "query": format!("{QUERY} ") }), 403, "OPERATION_NOT_TRUSTED"),
            (json!({ "documentId": "unknown" }), 400, "PERSISTED_QUERY_NOT_FOUND"),
            (
                json!({ "extensions": persisted_query_extension(&sha256_hex("{ a }")) }),
                200,
                "PERSISTED_QUERY_NOT_FOUND",
            ),
            (
                json!({ "query": "{ a }", "extensions": persisted_query_extension(&sha256_hex("{ a }")) }),
                403,
                "OPERATION_NOT_TRUSTED",
            ),
        ] {
            let (given, result) = post(&app, body.clone()).await;
            assert_eq!((given, error_code(&result)), (status, expected), "{body}");
        }
        // Rejected queries are not registered here either.
        let (_, result) = post(&app, json!({ "extensions": persisted_query_extension(&sha256_hex("{ a }")) })).await;
        assert_eq!(error_code(&result), "PERSISTED_QUERY_NOT_FOUND");
    }
}

#[tokio::test]
async fn document_id_does_not_register_a_hash() {
    let workspace = Workspace::new();
    workspace.write_file("manifest.json", json!({ "titles": QUERY }).to_string());
    let settings = HttpConfig { operations_manifest: Some(workspace.path("manifest.json")), ..http_config() };
    let app = TestApp::start_with_http_config(settings).await;
    let other_query = "{ directory { name } }";
    let hash = sha256_hex(other_query);
    let both = json!({ "documentId": "titles", "extensions": persisted_query_extension(&hash) });
    let (status, response) = post(&app, both).await;
    assert_eq!((status, error_code(&response)), (400, "BAD_USER_INPUT"), "{response}");
    // The client that sends only its hash does not get the text of the manifest.
    let (_, response) = post(&app, json!({ "extensions": persisted_query_extension(&hash) })).await;
    assert_eq!(error_code(&response), "PERSISTED_QUERY_NOT_FOUND", "{response}");
    let own = json!({ "documentId": "titles", "extensions": persisted_query_extension(&sha256_hex(QUERY)) });
    assert_eq!(post(&app, own).await.0, 200);
}

#[tokio::test]
async fn invalid_manifests() {
    let workspace = Workspace::new();
    let url = create_database().await;
    for (content, expected) in [
        (None, "OPERATIONS=trusted requires OPERATIONS_MANIFEST"),
        (Some("{"), "is not valid JSON"),
        (Some("[]"), "is not a manifest of operations"),
        (Some("{\"a\": 1}"), "is not a manifest of operations"),
        (Some("{}"), "is not a manifest of operations"),
    ] {
        let mut command = workspace.command_with_database(&url, &["serve"]);
        command.env("OPERATIONS", "trusted").env("LISTEN", "127.0.0.1:0");
        if let Some(content) = content {
            command.env("OPERATIONS_MANIFEST", workspace.path(workspace.write_file("manifest.json", content)));
        }
        let outcome = run_to_completion(&mut command);
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        assert!(outcome.stderr.contains(expected), "{outcome:?}");
    }
}
