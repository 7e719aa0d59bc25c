//! Headers of all responses: no media type is guessed, and what shared caches may store is about no client.

use std::net::SocketAddr;

use academic_directory::config::{HttpConfig, NetworkConfig};
use academic_directory::http::public_paths;
use serde_json::json;

use crate::support::{TestApp, example_path, http_config, network_config, raw_http};

const PER_CLIENT_HEADERS: [&str; 5] =
    ["x-request-id", "x-directory-position", "ratelimit", "ratelimit-policy", "set-cookie"];

async fn response_head(address: SocketAddr, method: &str, path: &str, headers: &str) -> String {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n{headers}\r\n"
    );
    let response = raw_http::send_bytes(address, request).await;
    response.split("\r\n\r\n").next().unwrap_or_default().to_ascii_lowercase()
}

#[tokio::test]
async fn every_response() {
    let few = |number: u32| number.try_into().expect("not zero");
    let network = NetworkConfig { rate_limit_cost_per_minute: Some(700), ..network_config() };
    let http = HttpConfig { cors_origins: vec!["https://www.example.org".to_owned()], ..http_config() };
    let app = TestApp::start_with_network_config(network, http).await;
    let mut statuses = Vec::new();
    let paths = public_paths().into_iter().map(|(path, _)| example_path(path));
    let others = ["/nothing", "/graphiql/nothing.js", "/graphql?query=%7B", "/graphql?query=%7B__typename%7D"];
    let paths: Vec<String> = paths.chain(others.map(str::to_owned)).collect();
    let preflight = "Origin: https://www.example.org\r\nAccess-Control-Request-Method: POST\r\n";
    for path in paths.iter().chain(&paths) {
        for (method, headers) in [
            ("GET", ""),
            ("GET", "Accept: text/html\r\n"),
            ("GET", "Accept: application/json\r\nAccept-Encoding: identity;q=0, x\r\n"),
            ("HEAD", "Accept: application/json\r\n"),
            ("POST", ""),
            ("DELETE", ""),
            ("OPTIONS", ""),
            ("OPTIONS", preflight),
        ] {
            let head = response_head(app.address, method, path, headers).await;
            statuses.push(raw_http::status_code(&head));
            assert_eq!(
                head.matches("\r\nx-content-type-options: nosniff").count(),
                1,
                "{method} {path} {headers}: {head}"
            );
            assert_eq!(head.matches("\r\ncache-control: ").count(), 1, "{method} {path} {headers}: {head}");
            let is_shared = !head.contains("no-store") && !head.contains("private");
            let personal = PER_CLIENT_HEADERS.iter().filter(|name| head.contains(&format!("\r\n{name}:")));
            assert!(!is_shared || personal.count() == 0, "{method} {path} {headers}: {head}");
        }
    }
    for expected in [200, 204, 303, 400, 404, 405, 406, 415, 429] {
        assert!(statuses.contains(&expected), "no response has status {expected}");
    }
    // The responses to connections beyond the limit.
    let network = NetworkConfig { max_connections: few(1), ..network_config() };
    let app = TestApp::start_with_network_config(network, http_config()).await;
    // The only connection is in use, so that it is not closed for the next one.
    let lock = app.lock_table("topic").await;
    let body = json!({ "query": "{ topics { nodes { slug } } }" }).to_string();
    let request = raw_http::post_request("Content-Type: application/json\r\n", body.as_bytes());
    let mut only = raw_http::connect(app.address);
    std::io::Write::write_all(&mut only, &request).expect("a request");
    app.wait_until_blocked().await;
    let head = response_head(app.address, "GET", "/health/live", "").await;
    assert!(head.contains(" 503 ") && head.contains("x-content-type-options: nosniff"), "{head}");
    assert!(head.contains("cache-control: no-store"), "{head}");
    drop(lock);
}

#[tokio::test]
async fn vary_is_one_line() {
    let http = HttpConfig { cors_origins: vec!["https://www.example.org".to_owned()], ..http_config() };
    let app = TestApp::start_with_http_config(http).await;
    let query = "/graphql?query=%7B__schema%7Btypes%7Bname%20description%7D%7D%7D";
    for headers in ["", "Accept-Encoding: gzip\r\n", "Origin: https://www.example.org\r\nAccept-Encoding: br\r\n"] {
        let head = response_head(app.address, "GET", query, &format!("Accept: application/json\r\n{headers}")).await;
        let lines: Vec<&str> = head.lines().filter_map(|line| line.strip_prefix("vary: ")).collect();
        let expected =
            "accept, accept-encoding, accept-language, authorization, x-directory-position, x-query-cost, origin";
        assert_eq!(lines, [expected], "{head}");
        // nginx stores no response with a longer one.
        assert!(expected.len() <= 128);
    }
    app.query("{ __typename }", json!({})).await;
}
