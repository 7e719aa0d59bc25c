//! Methods: HEAD is answered as GET, OPTIONS lists the methods, and others are rejected, on every path.

use std::net::SocketAddr;

use academic_directory::http::public_paths;

use crate::support::process::Workspace;
use crate::support::{TestApp, create_database, example_path, raw_http};

/// Header fields whose values differ between two requests.
const CHANGING_FIELDS: [&str; 1] = ["date"];

/// A response as it was sent.
struct RawResponse {
    status: u16,
    /// Sorted, with names in lower case.
    headers: Vec<(String, String)>,
    body: String,
}

impl RawResponse {
    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value)
    }
}

async fn send(address: SocketAddr, method: &str, path: &str, headers: &str) -> RawResponse {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: methods\r\nConnection: close\r\nContent-Length: 0\r\n{headers}\r\n"
    );
    let response = raw_http::send_bytes(address, request).await;
    let (head, body) = response.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{method} {path}: {response}"));
    let fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    let fields = fields.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
    let mut headers: Vec<_> = fields.filter(|(name, _)| !CHANGING_FIELDS.contains(&name.as_str())).collect();
    headers.sort();
    RawResponse { status: raw_http::status_code(&response), headers, body: body.to_owned() }
}

/// Each path of the service with its methods, its parameters filled in.
fn known_paths() -> Vec<(String, &'static str)> {
    let paths = public_paths().into_iter().map(|(path, methods)| (example_path(path), methods));
    paths.collect()
}

#[tokio::test]
async fn head_is_answered_as_get() {
    let app = TestApp::start().await;
    let query = "/graphql?query=%7B__schema%7Btypes%7Bname%7D%7D%7D";
    let others = ["/graphql?query=%7B", "/nothing", "/graphiql/nothing.js", "/graphiql/?query=%7B__typename%7D", query];
    let paths = known_paths().into_iter().map(|(path, _)| path).chain(others.map(str::to_owned));
    for path in paths {
        for headers in ["", "Accept: application/json\r\nAccept-Encoding: gzip\r\n", "Accept: text/html\r\n"] {
            let mut get = send(app.address, "GET", &path, headers).await;
            // It describes a body that follows.
            get.headers.retain(|(name, _)| name != "transfer-encoding");
            let mut head = send(app.address, "HEAD", &path, headers).await;
            assert_eq!((head.status, head.body.as_str()), (get.status, ""), "{path} {headers}");
            if path == "/metrics" {
                // The metrics of the second request may be longer.
                head.headers.retain(|(name, _)| name != "content-length");
                let own = get.headers.into_iter().filter(|(name, _)| name != "content-length").collect::<Vec<_>>();
                assert_eq!(head.headers, own);
            } else {
                assert_eq!(head.headers, get.headers, "{path} {headers}");
            }
        }
    }
    let head = send(app.address, "HEAD", query, "Accept: application/json\r\n").await;
    assert!(head.header("content-length").parse::<u64>().is_ok_and(|length| length > 1000), "{:?}", head.headers);
    let tag = head.header("etag");
    let conditional = format!("Accept: application/json\r\nIf-None-Match: {tag}\r\n");
    assert_eq!(send(app.address, "HEAD", query, &conditional).await.status, 304);
    let mutation = "/graphql?query=mutation%20%7B__typename%7D";
    assert_eq!(send(app.address, "HEAD", mutation, "Accept: application/json\r\n").await.status, 405);
}

/// The connection stays usable after a response without its body.
#[tokio::test]
async fn head_on_a_persistent_connection() {
    let app = TestApp::start().await;
    let heads = "HEAD /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(3);
    let request = format!("{heads}GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let mut stream = raw_http::connect(app.address);
    let responses = tokio::task::spawn_blocking(move || {
        std::io::Write::write_all(&mut stream, request.as_bytes()).expect("a request");
        let mut text = String::new();
        std::io::Read::read_to_string(&mut stream, &mut text).expect("responses");
        text
    });
    let responses = responses.await.expect("an exchange");
    assert_eq!(responses.matches("HTTP/1.1 200 OK").count(), 4, "{responses}");
    assert_eq!(responses.matches("{\"status\":\"live\"}").count(), 1, "{responses}");
}

async fn check_methods(address: SocketAddr, path: &str, allowed: &str) {
    let options = send(address, "OPTIONS", path, "").await;
    assert_eq!((options.status, options.header("allow")), (204, allowed), "{path}");
    let methods = allowed.split(", ").collect::<Vec<_>>();
    assert!(methods.contains(&"GET") && methods.contains(&"HEAD"), "{path}: {allowed}");
    for method in ["POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"] {
        let response = send(address, method, path, "").await;
        let is_allowed = methods.contains(&method);
        assert_eq!(response.status == 405, !is_allowed, "{method} {path}: {}", response.status);
        if !is_allowed {
            assert_eq!(response.header("allow"), allowed, "{method} {path}");
            assert!(response.body.contains("method not allowed"), "{method} {path}: {}", response.body);
        }
    }
}

#[tokio::test]
async fn other_methods_are_rejected() {
    let app = TestApp::start().await;
    assert!(known_paths().len() >= 7);
    for (path, methods) in known_paths() {
        check_methods(app.address, &path, methods).await;
    }
    // An unknown path has no methods.
    for method in ["GET", "POST", "DELETE"] {
        let response = send(app.address, method, "/nothing", "").await;
        assert_eq!((response.status, response.header("allow")), (404, ""), "{method}");
    }
}

#[tokio::test]
async fn separate_monitoring_address() {
    let workspace = Workspace::new();
    let metrics = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address");
    let settings = [("METRICS_LISTEN", metrics.to_string())];
    let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
    let (_running, _) = crate::monitoring::start_service(&workspace, &create_database().await, &settings);
    for path in ["/metrics", "/health/live", "/health/ready"] {
        check_methods(metrics, path, "GET, HEAD, OPTIONS").await;
        let head = send(metrics, "HEAD", path, "").await;
        assert_eq!(
            (head.status, head.body.as_str(), head.header("x-content-type-options")),
            (200, "", "nosniff"),
            "{path}"
        );
    }
}
