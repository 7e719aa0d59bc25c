//! Fairness between clients: one that sends more than the service can execute takes nothing from the others.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use academic_directory::config::{HttpConfig, NetworkConfig};
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::loopback::LoopbackAddresses;
use crate::support::{TestApp, http_config, network_config, paper_record};

/// More than are executed and wait at once.
const GREEDY_CONNECTIONS: usize = 180;
const GREEDY_QUERY: &str = "{ researchers { nodes { name } } }";
const QUERY: &str = "{ papers { nodes { title } } }";

/// A client at an address of its own.
#[derive(Clone)]
struct Client {
    http: reqwest::Client,
    url: String,
    headers: Vec<(&'static str, String)>,
}

impl Client {
    /// A client whose requests a trusted proxy forwards.
    fn forwarded(app: &TestApp, address: &str) -> Self {
        let headers = vec![("X-Forwarded-For", address.to_owned())];
        Self { http: app.client().clone(), url: app.url("/graphql"), headers }
    }

    /// A client that connects from this address.
    fn at(app: &TestApp, address: IpAddr) -> Self {
        let http = reqwest::Client::builder().no_proxy().local_address(address).build().expect("a client");
        Self { http, url: app.url("/graphql"), headers: Vec::new() }
    }

    async fn post(&self, query: &str) -> reqwest::Response {
        let request = self.http.post(&self.url).json(&json!({ "query": query }));
        let request = self.headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
        request.send().await.expect("a response")
    }
}

/// Connections that send a request after each response until they are stopped.
struct GreedyClient {
    is_stopped: Arc<AtomicBool>,
    rejected: Arc<AtomicUsize>,
    connections: JoinSet<()>,
}

impl GreedyClient {
    fn start(client: &Client) -> Self {
        let mut greedy = Self { is_stopped: Arc::default(), rejected: Arc::default(), connections: JoinSet::new() };
        for _ in 0..GREEDY_CONNECTIONS {
            let (is_stopped, rejected) = (Arc::clone(&greedy.is_stopped), Arc::clone(&greedy.rejected));
            let client = client.clone();
            greedy.connections.spawn(async move {
                while !is_stopped.load(Ordering::Relaxed) {
                    match client.post(GREEDY_QUERY).await.status().as_u16() {
                        200 => {}
                        503 => {
                            rejected.fetch_add(1, Ordering::Relaxed);
                        }
                        status => panic!("the greedy client gets {status}"),
                    }
                }
            });
        }
        greedy
    }

    /// Stops, and returns the number of rejections.
    async fn stop(mut self) -> usize {
        self.is_stopped.store(true, Ordering::Relaxed);
        while let Some(ended) = self.connections.join_next().await {
            ended.expect("a connection");
        }
        self.rejected.load(Ordering::Relaxed)
    }
}

async fn start(network: NetworkConfig, http: HttpConfig) -> TestApp {
    let trusted_proxies = vec!["127.0.0.1/32".parse().expect("a network")];
    let app = TestApp::start_with_network_config(NetworkConfig { trusted_proxies, ..network }, http).await;
    app.create_records(json!([paper_record("Tides", Some(2001), &["Ada Berg"])])).await;
    app
}

/// Other clients are not rejected while all requests of a greedy client are blocked and as many as possible wait.
async fn assert_others_are_served(app: &TestApp, greedy: &Client, others: &[Client]) {
    let lock = app.lock_table("researcher").await;
    let greedy = GreedyClient::start(greedy);
    // Three of four database connections.
    app.wait_for_blocked_statements(|blocked| blocked >= 3).await;
    for number in 0..30 {
        for other in others {
            let response = other.post(QUERY).await;
            assert_eq!(response.status().as_u16(), 200, "{number}: {:?}", response.text().await);
        }
    }
    lock.execute("ROLLBACK").await;
    let rejected = greedy.stop().await;
    assert!(rejected > 0, "nothing was rejected, so nothing was tested");
}

#[tokio::test]
async fn greedy_client_behind_a_proxy() {
    let app = start(network_config(), http_config()).await;
    let greedy = Client::forwarded(&app, "192.0.2.1");
    let others = ["192.0.2.2", "192.0.2.3", "2001:db8::1"].map(|address| Client::forwarded(&app, address));
    assert_others_are_served(&app, &greedy, &others).await;
}

#[tokio::test]
async fn greedy_client_at_an_address() {
    let Some(addresses) = LoopbackAddresses::add(2) else { return };
    let app = start(network_config(), http_config()).await;
    let others = [Client::at(&app, addresses.get(1)), Client::at(&app, [127, 0, 0, 1].into())];
    assert_others_are_served(&app, &Client::at(&app, addresses.get(0)), &others).await;
}

#[tokio::test]
async fn cached_responses_take_no_slot() {
    let network = NetworkConfig { max_concurrent_requests: 1.try_into().expect("not zero"), ..network_config() };
    let app = start(network, HttpConfig { cache_max_bytes: 1 << 20, ..http_config() }).await;
    let client = Client::forwarded(&app, "192.0.2.1");
    assert_eq!(client.post(QUERY).await.status().as_u16(), 200);
    let lock = app.lock_table("researcher").await;
    let blocked = tokio::spawn({
        let client = client.clone();
        async move { client.post(GREEDY_QUERY).await.status().as_u16() }
    });
    app.wait_until_blocked().await;
    for _ in 0..10 {
        assert_eq!(client.post(QUERY).await.status().as_u16(), 200);
    }
    assert_eq!(client.post("{ papers { totalCount } }").await.status().as_u16(), 503);
    lock.execute("ROLLBACK").await;
    assert_eq!(blocked.await.expect("a response"), 200);
}

#[tokio::test]
async fn rejections_are_charged() {
    let network = NetworkConfig {
        max_concurrent_requests: 1.try_into().expect("not zero"),
        rate_limit_cost_per_minute: Some(1_000),
        ..network_config()
    };
    let app = start(network, http_config()).await;
    let [client, other] = ["192.0.2.1", "192.0.2.2"].map(|address| Client::forwarded(&app, address));
    let lock = app.lock_table("researcher").await;
    let blocked = tokio::spawn(async move { other.post(GREEDY_QUERY).await.status().as_u16() });
    app.wait_until_blocked().await;
    let response = client.post(QUERY).await;
    assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (503, &"1".parse().expect("a value")));
    let remaining = response.headers()["ratelimit"].to_str().expect("a text");
    assert!(remaining.contains(";r=900;"), "{remaining}");
    lock.execute("ROLLBACK").await;
    assert_eq!(blocked.await.expect("a response"), 200);
}
