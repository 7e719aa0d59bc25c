//! GraphQL over HTTP: accepted and rejected requests, and their status codes.

use std::io::Write as _;

use academic_directory::config::{HttpConfig, Limits};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::support::{TestApp, create_database, database_config, http_config, network_config, paper_record, raw_http};

const GRAPHQL_RESPONSE_TYPE: &str = "application/graphql-response+json";
const JSON_HEADER: &str = "Content-Type: application/json\r\n";

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

async fn send(request: RequestBuilder) -> (u16, Response) {
    let response = request.send().await.expect("a response");
    (response.status().as_u16(), response)
}

async fn error_code(response: Response) -> String {
    let body: Value = response.json().await.expect("JSON");
    body["errors"][0]["extensions"]["code"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn mutation_by_get() {
    let app = TestApp::start().await;
    for query in
        ["mutation%20%7B__typename%7D", "query%20a%7B__typename%7Dmutation%20b%7B__typename%7D&operationName=b"]
    {
        let address = app.url(&format!("/graphql?query={query}"));
        let (status, response) = send(app.client().get(address).header("Accept", GRAPHQL_RESPONSE_TYPE)).await;
        assert_eq!((status, header(&response, "allow")), (405, "POST"), "{query}");
        assert_eq!(error_code(response).await, "BAD_USER_INPUT");
    }
}

#[tokio::test]
async fn csrf_prevention() {
    let app = TestApp::start().await;
    let get = || app.client().get(app.url("/graphql?query=%7B__typename%7D"));
    for accept in
        ["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "image/png,*/*", "text/css,*/*;q=0.1"]
    {
        assert_eq!(send(get().header("Accept", accept)).await.0, 400, "{accept}");
    }
    for site in ["cross-site", "same-site"] {
        assert_eq!(send(get().header("Accept", "*/*").header("Sec-Fetch-Site", site)).await.0, 400, "{site}");
    }
    // A simple HTTP client without special headers.
    assert_eq!(send(get().header("Accept", "*/*")).await.0, 200);
    for (name, value) in [
        ("Accept", "application/json"),
        ("Accept", GRAPHQL_RESPONSE_TYPE),
        ("X-Requested-With", "XMLHttpRequest"),
        ("Apollo-Require-Preflight", "true"),
    ] {
        let (status, response) = send(get().header(name, value)).await;
        assert_eq!(status, 200, "{name}");
        assert_eq!(response.json::<Value>().await.expect("JSON"), json!({ "data": { "__typename": "Query" } }));
    }
}

#[tokio::test]
async fn not_acceptable_media_types() {
    let app = TestApp::start().await;
    let body = json!({ "query": "{ __typename }" }).to_string();
    for accept in ["text/html", "application/xml", "application/json;q=0", "application/json; charset=utf-16"] {
        let post = app.client().post(app.url("/graphql")).header("Content-Type", "application/json").body(body.clone());
        let (status, response) = send(post.header("Accept", accept)).await;
        assert_eq!((status, header(&response, "content-type")), (406, "application/json; charset=utf-8"), "{accept}");
        assert_eq!(error_code(response).await, "BAD_USER_INPUT");
    }
}

#[tokio::test]
async fn unsupported_charsets_and_encodings() {
    let app = TestApp::start().await;
    let body = json!({ "query": "{ __typename }" }).to_string();
    let post = |name: &'static str, value: &'static str, body: Vec<u8>| {
        let request = app.client().post(app.url("/graphql")).header("Accept", GRAPHQL_RESPONSE_TYPE).body(body);
        match name {
            "Content-Type" => request.header(name, value),
            _ => request.header("Content-Type", "application/json").header(name, value),
        }
    };
    for charset in
        ["application/json; charset=iso-8859-1", "application/json; charset=utf-16", "application/json; charset=x"]
    {
        let (status, response) = send(post("Content-Type", charset, body.clone().into())).await;
        assert_eq!((status, error_code(response).await.as_str()), (415, "BAD_USER_INPUT"), "{charset}");
    }
    for charset in ["application/json; charset=UTF-8", "application/json;charset=\"utf-8\""] {
        assert_eq!(send(post("Content-Type", charset, body.clone().into())).await.0, 200, "{charset}");
    }
    // 100 MiB of spaces, which compress to 100 KiB.
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..100 {
        bomb.write_all(&vec![b' '; 1 << 20]).expect("bytes");
    }
    let bomb = bomb.finish().expect("bytes");
    for coding in ["gzip", "br", "zstd", "deflate", "gzip, identity", "x"] {
        let (status, response) = send(post("Content-Encoding", coding, bomb.clone())).await;
        assert_eq!((status, header(&response, "accept-encoding")), (415, "identity"), "{coding}");
        assert_eq!(error_code(response).await, "BAD_USER_INPUT");
    }
    assert_eq!(send(post("Content-Encoding", "identity", body.into())).await.0, 200);
}

#[tokio::test]
async fn response_compression() {
    let app = TestApp::start().await;
    let query = json!({ "query": "{ __schema { types { name description } } }" });
    for coding in ["gzip", "br", "zstd"] {
        let post = app.client().post(app.url("/graphql")).json(&query).header("Accept-Encoding", coding);
        let (status, response) = send(post).await;
        assert_eq!((status, header(&response, "content-encoding")), (200, coding));
        assert!(header(&response, "vary").to_lowercase().contains("accept-encoding"));
    }
}

#[tokio::test]
async fn options_request() {
    let app = TestApp::start().await;
    let (status, response) = send(app.client().request(Method::OPTIONS, app.url("/graphql"))).await;
    assert_eq!((status, header(&response, "allow")), (204, "GET, HEAD, POST, OPTIONS"));
}

#[tokio::test]
async fn cors() {
    let ask = |app: &TestApp, origin: &'static str| {
        app.client().post(app.url("/graphql")).json(&json!({ "query": "{ __typename }" })).header("Origin", origin)
    };
    let preflight = |app: &TestApp, origin: &'static str| {
        let request = app.client().request(Method::OPTIONS, app.url("/graphql")).header("Origin", origin);
        request.header("Access-Control-Request-Method", "POST").header("Access-Control-Request-Headers", "content-type")
    };
    let closed = TestApp::start().await;
    let (_, response) = send(ask(&closed, "https://www.example.org")).await;
    assert_eq!(header(&response, "access-control-allow-origin"), "");
    let (_, response) = send(preflight(&closed, "https://www.example.org")).await;
    assert_eq!(header(&response, "access-control-allow-origin"), "");

    let mut settings = http_config();
    settings.cors_origins = vec!["https://www.example.org".to_owned(), "https://people.example.org".to_owned()];
    let open = TestApp::start_with_http_config(settings).await;
    for origin in ["https://www.example.org", "https://people.example.org"] {
        let (status, response) = send(ask(&open, origin)).await;
        assert_eq!((status, header(&response, "access-control-allow-origin")), (200, origin));
        let (status, response) = send(preflight(&open, origin)).await;
        assert_eq!((status, header(&response, "access-control-allow-origin")), (200, origin));
        assert!(header(&response, "access-control-allow-headers").contains("content-type"));
    }
    let (_, response) = send(ask(&open, "https://example.com")).await;
    assert_eq!(header(&response, "access-control-allow-origin"), "");

    let mut settings = http_config();
    settings.cors_origins = vec!["*".to_owned()];
    let public = TestApp::start_with_http_config(settings).await;
    let (_, response) = send(ask(&public, "https://example.com")).await;
    assert!(["*", "https://example.com"].contains(&header(&response, "access-control-allow-origin")));
    assert_eq!(header(&response, "access-control-allow-credentials"), "");
}

/// Request headers that the documentation or a client library sends.
const CLIENT_HEADERS: [&str; 17] = [
    "accept",
    "accept-language",
    "apollo-require-preflight",
    "apollographql-client-name",
    "apollographql-client-version",
    "authorization",
    "baggage",
    "cache-control",
    "content-type",
    "if-none-match",
    "traceparent",
    "tracestate",
    "x-apollo-operation-name",
    "x-directory-position",
    "x-query-cost",
    "x-request-id",
    "x-requested-with",
];
/// Response headers that the documentation tells clients to read.
const READABLE_HEADERS: [&str; 6] =
    ["etag", "retry-after", "ratelimit", "ratelimit-policy", "x-directory-position", "x-request-id"];

fn names(response: &Response, header_name: &str) -> Vec<String> {
    header(response, header_name).split(',').map(|name| name.trim().to_ascii_lowercase()).collect()
}

#[tokio::test]
async fn client_headers_pass_a_preflight() {
    let documentation = ["docs/api.md", "docs/operations.md", "docs/scaling.md"].map(|path| {
        std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("a text")
    });
    for name in
        ["X-Query-Cost", "X-Directory-Position", "If-None-Match", "Accept-Language", "X-Request-Id", "traceparent"]
    {
        assert!(documentation.iter().any(|text| text.contains(name)), "{name} is not documented");
        assert!(CLIENT_HEADERS.contains(&name.to_ascii_lowercase().as_str()), "{name}");
    }
    for origins in ["https://www.example.org", "*"] {
        let origins = vec![String::new(), origins.to_owned()];
        let app = TestApp::start_with_http_config(HttpConfig { cors_origins: origins, ..http_config() }).await;
        for method in ["GET", "POST", "HEAD"] {
            for requested in CLIENT_HEADERS.iter().copied().chain([CLIENT_HEADERS.join(",").as_str()]) {
                let request = app.client().request(Method::OPTIONS, app.url("/graphql"));
                let request = request.header("Origin", "https://www.example.org");
                let request = request.header("Access-Control-Request-Method", method);
                let (status, response) = send(request.header("Access-Control-Request-Headers", requested)).await;
                assert_eq!(status, 200, "{method} {requested}");
                assert!(["*", "https://www.example.org"].contains(&header(&response, "access-control-allow-origin")));
                let allowed = names(&response, "access-control-allow-headers");
                assert!(
                    requested.split(',').all(|name| allowed.contains(&name.to_owned())),
                    "{requested}: {allowed:?}"
                );
                assert!(names(&response, "access-control-allow-methods").contains(&method.to_ascii_lowercase()));
            }
        }
        let request = app.client().get(app.url("/graphql?query=%7B__typename%7D")).header("Accept", "application/json");
        let (_, response) = send(request.header("Origin", "https://www.example.org")).await;
        let exposed = names(&response, "access-control-expose-headers");
        assert!(READABLE_HEADERS.iter().all(|name| exposed.contains(&(*name).to_owned())), "{exposed:?}");
    }
}

#[tokio::test]
async fn duplicate_json_members() {
    let app = TestApp::start().await;
    for body in [
        r#"{"query": "{ __typename }", "query": "{ a }"}"#,
        r#"{"query": "{ __typename }", "variables": {"a": {"b": 1, "b": 2}}}"#,
    ] {
        let response = raw_http::send_bytes(app.address, raw_http::post_request(JSON_HEADER, body.as_bytes())).await;
        assert_eq!(raw_http::status_code(&response), 400, "{response}");
        assert!(response.contains("duplicate key"), "{response}");
    }
}

#[tokio::test]
async fn malformed_requests() {
    let app = TestApp::start().await;
    let body = br#"{"query": "{ __typename }"}"#;
    let flood = (0..200).map(|number| format!("X-{number}: x\r\n")).collect::<String>();
    let long = format!("X-Long: {}\r\n", "x".repeat(1_000_000));
    for (name, request, expected) in [
        ("well formed", raw_http::post_request(JSON_HEADER, body), 200..=200),
        ("invalid UTF-8", raw_http::post_request(JSON_HEADER, b"{\"query\": \"{ \xc3\x28 }\"}"), 400..=400),
        ("UTF-16", raw_http::post_request(JSON_HEADER, b"\xff\xfe{\0}\0"), 400..=400),
        ("a header flood", raw_http::post_request(&format!("{JSON_HEADER}{flood}"), body), 400..=431),
        ("a header without end", raw_http::post_request(&format!("{JSON_HEADER}{long}"), body), 400..=431),
        ("two lengths", raw_http::post_request(&format!("{JSON_HEADER}Content-Length: 3\r\n"), body), 400..=400),
        ("a negative length", b"POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n".to_vec(), 400..=400),
        ("a length and chunks", raw_http::post_request(&format!("{JSON_HEADER}Transfer-Encoding: chunked\r\n"), body), 400..=400),
        ("a length beyond all", b"POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n{".to_vec(), 413..=413),
        ("no HTTP", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03".to_vec(), 400..=400),
        ("no address", b"GET  HTTP/1.1\r\n\r\n".to_vec(), 400..=400),
        ("two types", raw_http::post_request(&format!("{JSON_HEADER}Content-Type: text/plain\r\n"), body), 200..=415),
    ] {
        let response = raw_http::send_bytes(app.address, request).await;
        assert!(expected.contains(&raw_http::status_code(&response)), "{name}: {response:.300}");
    }
    // A chunked request body.
    let chunked = "POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n\
                   5\r\n{\"que\r\n16\r\nry\": \"{ __typename }\"}\r\n0\r\n\r\n";
    let response = raw_http::send_bytes(app.address, chunked).await;
    assert_eq!(raw_http::status_code(&response), 200, "{response}");
    app.data("{ __typename }").await;
}

#[tokio::test]
async fn body_timeout() {
    let mut settings = http_config();
    settings.body_timeout_seconds = 1.try_into().expect("not zero");
    let app = TestApp::start_with_http_config(settings).await;
    let half = format!("POST /graphql HTTP/1.1\r\nHost: a\r\n{JSON_HEADER}Content-Length: 100\r\n\r\n{{\"query\": ");
    let response = raw_http::send_bytes(app.address, half).await;
    assert_eq!(raw_http::status_code(&response), 408, "{response}");
    assert!(response.contains("TIMEOUT") && response.to_lowercase().contains("connection: close"), "{response}");
    app.data("{ __typename }").await;
}

#[tokio::test]
async fn request_timeout() {
    let mut settings = http_config();
    settings.request_timeout_seconds = 1.try_into().expect("not zero");
    let app = TestApp::start_with_http_config(settings).await;
    app.create_records(json!([paper_record("Tides", Some(2001), &["Ada Berg"])])).await;
    let lock = app.lock_table("researcher").await;
    let (status, response) =
        send(app.client().post(app.url("/graphql")).json(&json!({ "query": "{ researchers { nodes { name } } }" })))
            .await;
    assert_eq!((status, error_code(response).await.as_str()), (504, "TIMEOUT"));
    app.wait_until_unblocked().await;
    drop(lock);
    app.data("{ researchers { nodes { name } } }").await;
}

#[tokio::test]
async fn statement_timeout() {
    let mut config = database_config(&create_database().await, 100);
    config.statement_timeout_seconds = 1.try_into().expect("not zero");
    let app = TestApp::start_with_config(config, Limits::default(), http_config(), network_config()).await;
    app.create_records(json!([paper_record("Tides", Some(2001), &["Ada Berg"])])).await;
    let lock = app.lock_table("researcher").await;
    let list = "{ researchers { nodes { name } } }";
    let lookup = "{ researcher(by: {slug: \"ada-berg\"}) { name } papers { totalCount } }";
    let two_errors = "{ researchers { nodes { name } } papers(first: 0) { nodes { id } } }";
    for (query, status, codes) in [
        (list, 504, vec!["TIMEOUT"]),
        (lookup, 200, vec!["TIMEOUT"]),
        (two_errors, 200, vec!["BAD_USER_INPUT", "TIMEOUT"]),
    ] {
        for media_type in ["application/json", GRAPHQL_RESPONSE_TYPE] {
            let request = app.client().post(app.url("/graphql")).json(&json!({ "query": query }));
            let (given, response) = send(request.header("Accept", media_type)).await;
            assert_eq!((given, header(&response, "cache-control")), (status, "no-store"), "{query} {media_type}");
            assert!(header(&response, "content-type").starts_with(media_type));
            let body: Value = response.json().await.expect("JSON");
            let mut found: Vec<_> = body["errors"].as_array().expect("errors").iter().collect();
            found.sort_by_key(|error| error["extensions"]["code"].to_string());
            let found: Vec<_> =
                found.iter().map(|error| error["extensions"]["code"].as_str().expect("a code")).collect();
            assert_eq!((body["data"].is_null(), found), (query != lookup, codes.clone()), "{body}");
        }
    }
    let metrics = app.client().get(app.url("/metrics")).send().await.expect("metrics").text().await.expect("a text");
    assert!(metrics.contains("requests_total{operation=\"\",outcome=\"timeout\"} 2"), "{metrics}");
    drop(lock);
}

#[tokio::test]
async fn client_disconnects() {
    let app = TestApp::start().await;
    app.create_records(json!([paper_record("Tides", Some(2001), &["Ada Berg"])])).await;
    let lock = app.lock_table("researcher").await;
    // More clients than database connections.
    let mut streams = Vec::new();
    for _ in 0..12 {
        let body = br#"{"query": "{ researchers { nodes { name } } }"}"#;
        let mut stream = raw_http::connect(app.address);
        stream.write_all(&raw_http::post_request(JSON_HEADER, body)).expect("a request");
        streams.push(stream);
    }
    app.wait_until_blocked().await;
    drop(streams);
    app.wait_until_unblocked().await;
    // The database connections are free again while the table is still locked.
    app.data("{ organizations { nodes { slug } } }").await;
    drop(lock);
    app.data("{ researchers { nodes { name } } }").await;
}

#[tokio::test]
async fn cache_headers() {
    let app = TestApp::start().await;
    let get = || app.client().get(app.url("/graphql?query=%7B__typename%7D")).header("Accept", "application/json");
    let (_, response) = send(get()).await;
    assert_eq!(header(&response, "cache-control"), "private, no-cache");
    let tag = header(&response, "etag").to_owned();
    assert!(tag.starts_with("W/\""), "{tag}");
    let (status, response) = send(get().header("If-None-Match", &tag)).await;
    assert_eq!((status, header(&response, "etag")), (304, tag.as_str()));
    assert_eq!(response.bytes().await.expect("a body").len(), 0);
    assert_eq!(send(get().header("If-None-Match", "\"other\"")).await.0, 200);
    let post = app.client().post(app.url("/graphql")).json(&json!({ "query": "{ __typename }" }));
    assert_eq!(header(&send(post).await.1, "cache-control"), "no-store");
}
