//! GraphQL over HTTP, by its specification: what is taken, what is refused, and with which status.

use std::io::Write as _;

use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::support::{TestApp, http, paper, wire};

const OWN_TYPE: &str = "application/graphql-response+json";
const JSON: &str = "Content-Type: application/json\r\n";

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

async fn sent(request: RequestBuilder) -> (u16, Response) {
    let response = request.send().await.expect("an answer");
    (response.status().as_u16(), response)
}

async fn code(response: Response) -> String {
    let body: Value = response.json().await.expect("JSON");
    body["errors"][0]["extensions"]["code"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn mutations_by_get() {
    let app = TestApp::start().await;
    for query in
        ["mutation%20%7B__typename%7D", "query%20a%7B__typename%7Dmutation%20b%7B__typename%7D&operationName=b"]
    {
        let address = app.url(&format!("/graphql?query={query}"));
        let (status, response) = sent(app.client().get(address).header("Accept", OWN_TYPE)).await;
        assert_eq!((status, header(&response, "allow")), (405, "POST"), "{query}");
        assert_eq!(code(response).await, "BAD_USER_INPUT");
    }
}

#[tokio::test]
async fn a_get_that_another_site_could_cause() {
    let app = TestApp::start().await;
    let get = || app.client().get(app.url("/graphql?query=%7B__typename%7D"));
    for accept in ["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "image/png,*/*", "text/css,*/*;q=0.1"] {
        assert_eq!(sent(get().header("Accept", accept)).await.0, 400, "{accept}");
    }
    for site in ["cross-site", "same-site"] {
        assert_eq!(sent(get().header("Accept", "*/*").header("Sec-Fetch-Site", site)).await.0, 400, "{site}");
    }
    // A program that asks for nothing special.
    assert_eq!(sent(get().header("Accept", "*/*")).await.0, 200);
    for (name, value) in [
        ("Accept", "application/json"),
        ("Accept", OWN_TYPE),
        ("X-Requested-With", "XMLHttpRequest"),
        ("Apollo-Require-Preflight", "true"),
    ] {
        let (status, response) = sent(get().header(name, value)).await;
        assert_eq!(status, 200, "{name}");
        assert_eq!(response.json::<Value>().await.expect("JSON"), json!({ "data": { "__typename": "Query" } }));
    }
}

#[tokio::test]
async fn types_nobody_writes_here() {
    let app = TestApp::start().await;
    let body = json!({ "query": "{ __typename }" }).to_string();
    for accept in ["text/html", "application/xml", "application/json;q=0", "application/json; charset=utf-16"] {
        let post = app.client().post(app.url("/graphql")).header("Content-Type", "application/json").body(body.clone());
        let (status, response) = sent(post.header("Accept", accept)).await;
        assert_eq!((status, header(&response, "content-type")), (406, "application/json; charset=utf-8"), "{accept}");
        assert_eq!(code(response).await, "BAD_USER_INPUT");
    }
}

#[tokio::test]
async fn bodies_in_another_charset_or_coding() {
    let app = TestApp::start().await;
    let body = json!({ "query": "{ __typename }" }).to_string();
    let post = |name: &'static str, value: &'static str, body: Vec<u8>| {
        let request = app.client().post(app.url("/graphql")).header("Accept", OWN_TYPE).body(body);
        match name {
            "Content-Type" => request.header(name, value),
            _ => request.header("Content-Type", "application/json").header(name, value),
        }
    };
    for charset in
        ["application/json; charset=iso-8859-1", "application/json; charset=utf-16", "application/json; charset=x"]
    {
        let (status, response) = sent(post("Content-Type", charset, body.clone().into())).await;
        assert_eq!((status, code(response).await.as_str()), (415, "BAD_USER_INPUT"), "{charset}");
    }
    for charset in ["application/json; charset=UTF-8", "application/json;charset=\"utf-8\""] {
        assert_eq!(sent(post("Content-Type", charset, body.clone().into())).await.0, 200, "{charset}");
    }
    // A hundred megabytes of zeros, which take a hundred kilobytes.
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..100 {
        bomb.write_all(&vec![b' '; 1 << 20]).expect("bytes");
    }
    let bomb = bomb.finish().expect("bytes");
    for coding in ["gzip", "br", "zstd", "deflate", "gzip, identity", "x"] {
        let (status, response) = sent(post("Content-Encoding", coding, bomb.clone())).await;
        assert_eq!((status, header(&response, "accept-encoding")), (415, "identity"), "{coding}");
        assert_eq!(code(response).await, "BAD_USER_INPUT");
    }
    assert_eq!(sent(post("Content-Encoding", "identity", body.into())).await.0, 200);
}

#[tokio::test]
async fn answers_are_compressed_as_the_client_likes() {
    let app = TestApp::start().await;
    let query = json!({ "query": "{ __schema { types { name description } } }" });
    for coding in ["gzip", "br", "zstd"] {
        let post = app.client().post(app.url("/graphql")).json(&query).header("Accept-Encoding", coding);
        let (status, response) = sent(post).await;
        assert_eq!((status, header(&response, "content-encoding")), (200, coding));
        assert!(header(&response, "vary").to_lowercase().contains("accept-encoding"));
    }
}

#[tokio::test]
async fn options() {
    let app = TestApp::start().await;
    let (status, response) = sent(app.client().request(Method::OPTIONS, app.url("/graphql"))).await;
    assert_eq!((status, header(&response, "allow")), (204, "GET, POST, OPTIONS"));
}

#[tokio::test]
async fn pages_of_other_sites() {
    let ask = |app: &TestApp, origin: &'static str| {
        app.client().post(app.url("/graphql")).json(&json!({ "query": "{ __typename }" })).header("Origin", origin)
    };
    let preflight = |app: &TestApp, origin: &'static str| {
        let request = app.client().request(Method::OPTIONS, app.url("/graphql")).header("Origin", origin);
        request.header("Access-Control-Request-Method", "POST").header("Access-Control-Request-Headers", "content-type")
    };
    let closed = TestApp::start().await;
    let (_, response) = sent(ask(&closed, "https://www.example.org")).await;
    assert_eq!(header(&response, "access-control-allow-origin"), "");
    let (_, response) = sent(preflight(&closed, "https://www.example.org")).await;
    assert_eq!(header(&response, "access-control-allow-origin"), "");

    let mut settings = http();
    settings.cors_origins = vec!["https://www.example.org".to_owned(), "https://people.example.org".to_owned()];
    let open = TestApp::start_http(settings).await;
    for origin in ["https://www.example.org", "https://people.example.org"] {
        let (status, response) = sent(ask(&open, origin)).await;
        assert_eq!((status, header(&response, "access-control-allow-origin")), (200, origin));
        let (status, response) = sent(preflight(&open, origin)).await;
        assert_eq!((status, header(&response, "access-control-allow-origin")), (200, origin));
        assert!(header(&response, "access-control-allow-headers").contains("content-type"));
    }
    let (_, response) = sent(ask(&open, "https://example.com")).await;
    assert_eq!(header(&response, "access-control-allow-origin"), "");

    let mut settings = http();
    settings.cors_origins = vec!["*".to_owned()];
    let public = TestApp::start_http(settings).await;
    let (_, response) = sent(ask(&public, "https://example.com")).await;
    assert!(["*", "https://example.com"].contains(&header(&response, "access-control-allow-origin")));
    assert_eq!(header(&response, "access-control-allow-credentials"), "");
}

#[tokio::test]
async fn members_that_stand_twice() {
    let app = TestApp::start().await;
    for body in [
        r#"{"query": "{ __typename }", "query": "{ a }"}"#,
        r#"{"query": "{ __typename }", "variables": {"a": {"b": 1, "b": 2}}}"#,
    ] {
        let answer = wire::send(app.address, wire::post(JSON, body.as_bytes())).await;
        assert_eq!(wire::status(&answer), 400, "{answer}");
        assert!(answer.contains("stands twice"), "{answer}");
    }
}

#[tokio::test]
async fn requests_by_the_byte() {
    let app = TestApp::start().await;
    let body = br#"{"query": "{ __typename }"}"#;
    let flood = (0..200).map(|number| format!("X-{number}: x\r\n")).collect::<String>();
    let long = format!("X-Long: {}\r\n", "x".repeat(1_000_000));
    for (name, request, expected) in [
        ("well formed", wire::post(JSON, body), 200..=200),
        ("invalid UTF-8", wire::post(JSON, b"{\"query\": \"{ \xc3\x28 }\"}"), 400..=400),
        ("UTF-16", wire::post(JSON, b"\xff\xfe{\0}\0"), 400..=400),
        ("a header flood", wire::post(&format!("{JSON}{flood}"), body), 400..=431),
        ("a header without end", wire::post(&format!("{JSON}{long}"), body), 400..=431),
        ("two lengths", wire::post(&format!("{JSON}Content-Length: 3\r\n"), body), 400..=400),
        ("a negative length", b"POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n".to_vec(), 400..=400),
        ("a length and chunks", wire::post(&format!("{JSON}Transfer-Encoding: chunked\r\n"), body), 400..=400),
        ("a length beyond all", b"POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n{".to_vec(), 413..=413),
        ("no HTTP", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03".to_vec(), 400..=400),
        ("no address", b"GET  HTTP/1.1\r\n\r\n".to_vec(), 400..=400),
        ("two types", wire::post(&format!("{JSON}Content-Type: text/plain\r\n"), body), 200..=415),
    ] {
        let answer = wire::send(app.address, request).await;
        assert!(expected.contains(&wire::status(&answer)), "{name}: {answer:.300}");
    }
    // In parts, as clients may send it.
    let chunked = "POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n\
                   5\r\n{\"que\r\n16\r\nry\": \"{ __typename }\"}\r\n0\r\n\r\n";
    let answer = wire::send(app.address, chunked).await;
    assert_eq!(wire::status(&answer), 200, "{answer}");
    app.data("{ __typename }").await;
}

#[tokio::test]
async fn a_body_that_stops_half_way() {
    let mut settings = http();
    settings.body_timeout_seconds = 1.try_into().expect("not zero");
    let app = TestApp::start_http(settings).await;
    let half = format!("POST /graphql HTTP/1.1\r\nHost: a\r\n{JSON}Content-Length: 100\r\n\r\n{{\"query\": ");
    let answer = wire::send(app.address, half).await;
    assert_eq!(wire::status(&answer), 408, "{answer}");
    assert!(answer.contains("TIMEOUT") && answer.to_lowercase().contains("connection: close"), "{answer}");
    app.data("{ __typename }").await;
}

#[tokio::test]
async fn a_request_that_takes_too_long() {
    let mut settings = http();
    settings.request_timeout_seconds = 1.try_into().expect("not zero");
    let app = TestApp::start_http(settings).await;
    app.load(json!([paper("Tides", Some(2001), &["Ada Berg"])])).await;
    let lock = app.locked("researcher").await;
    let (status, response) =
        sent(app.client().post(app.url("/graphql")).json(&json!({ "query": "{ researchers { nodes { name } } }" })))
            .await;
    assert_eq!((status, code(response).await.as_str()), (504, "TIMEOUT"));
    app.nothing_runs().await;
    drop(lock);
    app.data("{ researchers { nodes { name } } }").await;
}

#[tokio::test]
async fn a_client_that_goes_away() {
    let app = TestApp::start().await;
    app.load(json!([paper("Tides", Some(2001), &["Ada Berg"])])).await;
    let lock = app.locked("researcher").await;
    // More of them than there are connections.
    let mut streams = Vec::new();
    for _ in 0..12 {
        let body = br#"{"query": "{ researchers { nodes { name } } }"}"#;
        let mut stream = wire::connect(app.address);
        stream.write_all(&wire::post(JSON, body)).expect("a request");
        streams.push(stream);
    }
    app.something_runs().await;
    drop(streams);
    app.nothing_runs().await;
    // What needs no lock is answered, while the table is still locked: the connections are free.
    app.data("{ organizations { nodes { slug } } }").await;
    drop(lock);
    app.data("{ researchers { nodes { name } } }").await;
}

#[tokio::test]
async fn answers_that_caches_may_keep() {
    let app = TestApp::start().await;
    let get = || app.client().get(app.url("/graphql?query=%7B__typename%7D")).header("Accept", "application/json");
    let (_, response) = sent(get()).await;
    assert_eq!(header(&response, "cache-control"), "private, no-cache");
    let tag = header(&response, "etag").to_owned();
    assert!(tag.starts_with("W/\""), "{tag}");
    let (status, response) = sent(get().header("If-None-Match", &tag)).await;
    assert_eq!((status, header(&response, "etag")), (304, tag.as_str()));
    assert_eq!(response.bytes().await.expect("a body").len(), 0);
    assert_eq!(sent(get().header("If-None-Match", "\"other\"")).await.0, 200);
    let post = app.client().post(app.url("/graphql")).json(&json!({ "query": "{ __typename }" }));
    assert_eq!(header(&sent(post).await.1, "cache-control"), "no-store");
}
