//! Rate limiting by query cost.

use std::time::{Duration, Instant};

use academic_directory::config::{NetworkConfig, TokenQuota};
use serde_json::{Value, json};

use crate::support::{TestApp, http_config, network_config};

const QUERY: &str = "{ researchers(first: 10) { nodes { name } } }";

/// A quota of 1000 per minute for each address, and of 5000 for the token `secret`.
async fn start_limited() -> TestApp {
    let digest = <sha2::Sha256 as sha2::Digest>::digest("secret").into();
    let token = TokenQuota { name: "library".to_owned(), digest, cost_per_minute: 5_000.try_into().expect("not zero") };
    let network = NetworkConfig {
        rate_limit_cost_per_minute: Some(1_000),
        rate_limit_tokens: vec![token],
        trusted_proxies: vec!["127.0.0.1/32".parse().expect("a network")],
        ..network_config()
    };
    TestApp::start_with_network_config(network, http_config()).await
}

struct RateLimitedResponse {
    status: u16,
    headers: reqwest::header::HeaderMap,
    body: Value,
}

impl RateLimitedResponse {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("none", |value| value.to_str().expect("a text"))
    }

    /// The remaining quota according to the `RateLimit` header.
    fn remaining(&self) -> u32 {
        let value = self.header("ratelimit");
        let left = value.split(';').find_map(|parameter| parameter.strip_prefix("r=")?.parse().ok());
        left.unwrap_or_else(|| panic!("{value}: {}", self.body))
    }
}

async fn post(app: &TestApp, query: &str, headers: &[(&str, &str)]) -> RateLimitedResponse {
    let request = app.client().post(app.url("/graphql")).json(&json!({ "query": query }));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let response = request.send().await.expect("a response");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    RateLimitedResponse { status, headers, body: response.json().await.expect("JSON") }
}

#[tokio::test]
async fn cost_is_debited() {
    let app = start_limited().await;
    let cost = post(&app, QUERY, &[("X-Query-Cost", "report"), ("X-Forwarded-For", "192.0.2.1")]).await;
    let cost = cost.body["extensions"]["cost"]["requested"]["cost"].as_u64().expect("a cost");
    assert!((100..1_000).contains(&cost), "{cost}");
    let mut left = 1_000;
    while left >= cost {
        let response = post(&app, QUERY, &[]).await;
        assert_eq!(
            (response.status, response.header("ratelimit-policy")),
            (200, "\"address\";q=1000;w=60"),
            "{}",
            response.body
        );
        // About 16 are restored per second.
        assert!(
            (left - cost..=left - cost + 300).contains(&u64::from(response.remaining())),
            "{} after {left}",
            response.remaining()
        );
        left = u64::from(response.remaining());
    }
    let refused = post(&app, QUERY, &[]).await;
    assert_eq!(refused.status, 429, "{}", refused.body);
    assert_eq!(refused.body["errors"][0]["extensions"]["code"], "RATE_LIMITED");
    let message = refused.body["errors"][0]["message"].as_str().expect("a message");
    // A client that has less than the minimum cost left is rejected before its query is parsed.
    let expected = [cost.to_string(), "at least 100".to_owned()]
        .map(|cost| format!("rate limit exceeded: the query costs {cost}, and your address has "));
    assert!(expected.iter().any(|beginning| message.starts_with(beginning)), "{message}");
    let seconds: u32 = refused.header("retry-after").parse().expect("seconds");
    assert!((1..=60).contains(&seconds));
    assert_eq!(refused.header("ratelimit-policy"), "\"address\";q=1000;w=60");
    assert!(u64::from(refused.remaining()) < cost);
}

#[tokio::test]
async fn quotas_per_client() {
    let app = start_limited().await;
    let dear = "{ researchers(first: 100) { nodes { papers(first: 20) { nodes { title } } } } }";
    let first = post(&app, QUERY, &[("X-Forwarded-For", "192.0.2.1")]).await;
    let second = post(&app, QUERY, &[("X-Forwarded-For", "192.0.2.2")]).await;
    assert_eq!(first.remaining(), second.remaining());
    let again = post(&app, QUERY, &[("X-Forwarded-For", "203.0.113.9, 192.0.2.1")]).await;
    assert!(again.remaining() < first.remaining());
    let bearer = ("Authorization", "Bearer secret");
    let token = post(&app, QUERY, &[bearer]).await;
    assert_eq!((token.status, token.header("ratelimit-policy")), (200, "\"token\";q=5000;w=60"));
    assert_eq!(
        post(&app, QUERY, &[("Authorization", "Bearer other")]).await.header("ratelimit-policy"),
        "\"address\";q=1000;w=60"
    );
    // More expensive than the whole quota.
    let refused = post(&app, dear, &[]).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "none"), "{}", refused.body);
    assert!(
        refused.body["errors"][0]["message"]
            .as_str()
            .is_some_and(|message| message.contains("your address has 1000 per minute;"))
    );
    assert_eq!(post(&app, dear, &[bearer]).await.status, 200);
}

#[tokio::test]
async fn minimum_cost() {
    let app = start_limited().await;
    for (number, (query, header)) in
        [("{", None), ("{ nothing }", None), ("{ __typename }", None), (QUERY, Some(("X-Query-Cost", "only")))]
            .into_iter()
            .enumerate()
    {
        let address = format!("192.0.2.{number}");
        let headers: Vec<_> = [("X-Forwarded-For", address.as_str())].into_iter().chain(header).collect();
        assert_eq!(post(&app, query, &headers).await.remaining(), 900, "{query}");
    }
    let broken = app.client().post(app.url("/graphql")).header("Content-Type", "application/json").body("{\"query\": ");
    let response = broken.send().await.expect("a response");
    assert_eq!(response.status(), 400);
    assert!(response.headers()["ratelimit"].to_str().expect("a text").contains(";r=900;"));
}

#[tokio::test]
async fn unresolved_requests_are_charged() {
    let app = start_limited().await;
    let hash = "0".repeat(64);
    for (number, body) in [
        json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": hash } } }),
        json!({ "documentId": "unknown" }),
        json!({}),
    ]
    .into_iter()
    .enumerate()
    {
        let request = app.client().post(app.url("/graphql")).header("X-Forwarded-For", format!("192.0.2.{number}"));
        let response = request.json(&body).send().await.expect("a response");
        let remaining = response.headers()["ratelimit"].to_str().expect("a text");
        assert!(remaining.contains(";r=900;"), "{body}: {remaining}");
    }
}

#[tokio::test]
async fn repeated_rejections_are_delayed() {
    let app = start_limited().await;
    let dear = "{ researchers(first: 100) { nodes { papers(first: 20) { nodes { title } } } } }";
    let started_at = Instant::now();
    for _ in 0..8 {
        assert_eq!(post(&app, dear, &[("X-Forwarded-For", "192.0.2.1")]).await.status, 429);
    }
    // The first is not delayed, the eighth by 640 ms.
    assert!(started_at.elapsed() >= Duration::from_millis(1_000), "{:?}", started_at.elapsed());
    assert_eq!(post(&app, QUERY, &[("X-Forwarded-For", "192.0.2.2")]).await.status, 200, "another client");
}

#[tokio::test]
async fn disabled_on_loopback() {
    let app = TestApp::start().await;
    let response = post(&app, QUERY, &[]).await;
    assert_eq!((response.header("ratelimit"), response.header("ratelimit-policy")), ("none", "none"));
}

#[tokio::test]
async fn forwarded_requests_are_limited_on_loopback() {
    const POLICY: &str = "\"address\";q=1000000;w=60";
    let app = TestApp::start().await;
    for header in [
        ("X-Forwarded-For", "192.0.2.1"),
        ("X-Forwarded-For", "192.0.2.2"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "directory.example.org"),
        ("X-Real-IP", "192.0.2.3"),
        ("Forwarded", "for=192.0.2.4"),
        ("Via", "1.1 proxy"),
    ] {
        let response = post(&app, QUERY, &[header]).await;
        assert_eq!((response.status, response.header("ratelimit-policy")), (200, POLICY), "{header:?}");
    }
    // The header of an untrusted proxy does not tell clients apart.
    let dear = "{ researchers(first: 100) { nodes { papers(first: 100) { nodes { authorships(first: 40) { nodes { name } } } } } } }";
    assert_eq!(post(&app, dear, &[("X-Forwarded-For", "192.0.2.1")]).await.status, 200);
    assert!(post(&app, QUERY, &[("X-Forwarded-For", "192.0.2.2")]).await.remaining() < 800_000);
    assert_eq!(post(&app, QUERY, &[]).await.header("ratelimit"), "none", "a client on the same host");
    // Behind a trusted proxy, each client has the default quota.
    let trusted_proxies = vec!["127.0.0.1/32".parse().expect("a network")];
    let network = NetworkConfig { trusted_proxies, ..network_config() };
    let app = TestApp::start_with_network_config(network.clone(), http_config()).await;
    let first = post(&app, dear, &[("X-Forwarded-For", "192.0.2.1")]).await;
    assert_eq!((first.status, first.header("ratelimit-policy")), (200, POLICY));
    let second = post(&app, QUERY, &[("X-Forwarded-For", "192.0.2.2")]).await;
    assert!(first.remaining() < 800_000 && second.remaining() > 990_000, "{}", second.remaining());
    // An explicit setting applies to all requests.
    let network = NetworkConfig { rate_limit_cost_per_minute: Some(0), ..network };
    let app = TestApp::start_with_network_config(network, http_config()).await;
    assert_eq!(post(&app, QUERY, &[("X-Forwarded-For", "192.0.2.1")]).await.header("ratelimit"), "none");
}
