//! Monitoring: health checks, metrics, request IDs, logs and graceful shutdown.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::nginx::Nginx;
use crate::support::process::{ChildProcess, Workspace, wait_for};
use crate::support::{DatabaseSession, TestApp, create_database, paper_record, raw_http, wait_for_blocked_statements};

async fn get(app: &TestApp, path: &str) -> (u16, String) {
    let response = app.client().get(app.url(path)).send().await.expect("a response");
    (response.status().as_u16(), response.text().await.expect("a text"))
}

fn parse_json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// Waits until the readiness check returns this status.
async fn wait_for_readiness(app: &TestApp, expected: u16) -> Value {
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    loop {
        let (status, body) = get(app, "/health/ready").await;
        if status == expected {
            return parse_json(&body);
        }
        assert!(std::time::Instant::now() < deadline, "timeout waiting for {expected}: {body}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn health_checks() {
    let app = TestApp::start().await;
    let (status, body) = get(&app, "/health/live").await;
    assert_eq!((status, parse_json(&body)), (200, json!({ "status": "live" })));
    let ready = json!({ "status": "ready", "checks": { "database": "ok", "migrations": "ok", "functions": "ok", "draining": false } });
    assert_eq!(wait_for_readiness(&app, 200).await, ready);
    app.execute_sql("ALTER TABLE seaql_migrations RENAME TO elsewhere").await;
    let body = wait_for_readiness(&app, 503).await;
    assert_eq!(
        body["checks"],
        json!({ "database": "ok", "migrations": "pending", "functions": "unknown", "draining": false })
    );
    app.execute_sql("ALTER TABLE elsewhere RENAME TO seaql_migrations").await;
    assert_eq!(wait_for_readiness(&app, 200).await, ready);
    // As after a restore that reported an error.
    app.execute_sql("ALTER FUNCTION similar_words RENAME TO elsewhere").await;
    let body = wait_for_readiness(&app, 503).await;
    assert_eq!(
        body["checks"],
        json!({ "database": "ok", "migrations": "ok", "functions": "missing", "draining": false })
    );
    app.execute_sql("ALTER FUNCTION elsewhere RENAME TO similar_words").await;
    assert_eq!(wait_for_readiness(&app, 200).await, ready);
    let mut elsewhere = url::Url::parse(&app.database_url).expect("an address");
    let name = elsewhere.path().trim_start_matches('/').to_owned();
    elsewhere.set_path("/postgres");
    let session = DatabaseSession::open(elsewhere.as_str()).await;
    session.execute(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await;
    session.execute(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")).await;
    let body = wait_for_readiness(&app, 503).await;
    assert_eq!(body["checks"]["database"], "gone");
    assert_eq!(get(&app, "/health/live").await.0, 200);
}

/// The value of a metric.
async fn metric_value(app: &TestApp, line: &str) -> f64 {
    let (status, text) = get(app, "/metrics").await;
    assert_eq!(status, 200);
    let found = text.lines().find_map(|own| own.strip_prefix(line)?.trim().parse().ok());
    found.unwrap_or_else(|| panic!("no {line} in {text}"))
}

#[tokio::test]
async fn metrics() {
    let app = TestApp::start().await;
    app.create_records(json!([paper_record("Tides", Some(2001), &["Ada Berg"])])).await;
    let before = app.store.statement_counter().total();
    app.data("query Titles { papers { nodes { title authorships { nodes { name } } } } }").await;
    app.data("query Titles { papers { nodes { title } } }").await;
    app.query("query Titles { unknown }", json!({})).await;
    app.query("{ papers(first: 0) { nodes { id } } }", json!({})).await;
    app.query(&format!("{{ {} }}", "a ".repeat(20_000)), json!({})).await;
    #[expect(clippy::cast_precision_loss, reason = "few statements")]
    let statements = (app.store.statement_counter().total() - before) as f64;
    assert!(statements >= 3.0);
    let build = concat!("academic_directory_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"}");
    for (line, expected) in [
        ("academic_directory_requests_total{operation=\"Titles\",outcome=\"ok\"}", 2.0),
        ("academic_directory_requests_total{operation=\"\",outcome=\"partial\"}", 1.0),
        ("academic_directory_refusals_total{limit=\"tokens\"}", 1.0),
        ("academic_directory_refusals_total{limit=\"GRAPHQL_VALIDATION_FAILED\"}", 1.0),
        ("academic_directory_request_seconds_count{outcome=\"ok\"}", 2.0),
        ("academic_directory_request_statements_sum", statements),
        ("academic_directory_requests_in_flight", 0.0),
        ("academic_directory_pool_connections_maximum", 4.0),
        ("academic_directory_database_ready", 1.0),
        (build, 1.0),
    ] {
        assert!(
            (metric_value(&app, line).await - expected).abs() < 0.001,
            "{line}: {}",
            metric_value(&app, line).await
        );
    }
    assert!(metric_value(&app, "academic_directory_pool_connections").await >= 1.0);
    assert!(metric_value(&app, "academic_directory_connections").await >= 1.0);
    assert!(metric_value(&app, "academic_directory_resident_memory_bytes").await > 1e6);
    assert!(metric_value(&app, "academic_directory_event_loop_lateness_seconds").await >= 0.0);
    assert!(metric_value(&app, "academic_directory_tasks").await >= 1.0);
    assert!(metric_value(&app, "academic_directory_tasks_queued").await >= 0.0);
    // The number of distinct operation names is limited.
    for number in 0..300 {
        app.data(&format!("query Made{number} {{ __typename }}")).await;
    }
    let (_, text) = get(&app, "/metrics").await;
    assert!(text.matches("operation=\"Made").count() <= 200);
    assert!(metric_value(&app, "academic_directory_requests_total{operation=\"other\",outcome=\"ok\"}").await >= 100.0);
    assert!(text.ends_with("# EOF\n"));
}

#[tokio::test]
async fn cancelled_requests_are_counted() {
    let app = TestApp::start().await;
    let session = DatabaseSession::open(&app.database_url).await;
    session.execute("BEGIN; LOCK TABLE topic IN ACCESS EXCLUSIVE MODE").await;
    let mut stream = raw_http::connect(app.address);
    let body = json!({ "query": "query Left { topics { nodes { slug } } }" }).to_string();
    let request = raw_http::post_request("Content-Type: application/json\r\n", body.as_bytes());
    std::io::Write::write_all(&mut stream, &request).expect("bytes");
    app.wait_until_blocked().await;
    drop(stream);
    let line = "academic_directory_requests_total{operation=\"Left\",outcome=\"cancelled\"} 1";
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    while !get(&app, "/metrics").await.1.contains(line) {
        assert!(std::time::Instant::now() < deadline, "timeout waiting for {line}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    session.execute("ROLLBACK").await;
}

#[tokio::test]
async fn request_ids() {
    let app = TestApp::start().await;
    let ask = |id: Option<&'static str>, path: &str| {
        let request = app.client().get(app.url(path)).header("Accept", "application/json");
        id.into_iter().fold(request, |request, id| request.header("X-Request-Id", id)).send()
    };
    for path in ["/graphql?query={__typename}", "/graphql", "/nothing", "/health/live", "/graphiql"] {
        let response = ask(Some("a-1_B.2"), path).await.expect("a response");
        assert_eq!(response.headers()["x-request-id"], "a-1_B.2", "{path}");
        let own = ask(None, path).await.expect("a response").headers()["x-request-id"].clone();
        assert!(own.to_str().expect("text").parse::<uuid::Uuid>().is_ok(), "{path}");
    }
    let long = "a".repeat(129);
    for id in ["", " ", "a b", "a/b", "é", "a;b", long.as_str()] {
        let id: &'static str = Box::leak(id.to_owned().into_boxed_str());
        let response = ask(Some(id), "/health/live").await.expect("a response");
        assert_ne!(response.headers()["x-request-id"].as_bytes(), id.as_bytes());
    }
    // Internal errors carry the request ID.
    app.create_records(json!([paper_record("Tides", Some(2001), &["Ada Berg"])])).await;
    app.execute_sql("DROP TABLE coauthorship CASCADE").await;
    let query = json!({ "query": "{ researchers { nodes { coauthors { nodes { name } } } } }" });
    let response = app.client().post(app.url("/graphql")).header("X-Request-Id", "mine").json(&query).send().await;
    let body: Value = response.expect("a response").json().await.expect("JSON");
    assert_eq!(body["errors"][0]["extensions"]["requestId"], "mine");
}

/// Waits until the address refuses connections.
async fn wait_until_closed(address: std::net::SocketAddr) {
    let waiting =
        move || wait_for("the listener to close", || std::net::TcpStream::connect(address).is_err().then_some(()));
    tokio::task::spawn_blocking(waiting).await.expect("an end");
}

/// Starts the service as a process; returns it with its address.
pub fn start_service(
    workspace: &Workspace,
    url: &str,
    settings: &[(&str, &str)],
) -> (ChildProcess, std::net::SocketAddr) {
    let mut command = workspace.command_with_database(url, &["serve"]);
    command.env("LISTEN", "127.0.0.1:0").env("LOG", "info,sqlx=warn");
    settings.iter().for_each(|(name, value)| {
        command.env(name, value);
    });
    let mut running = ChildProcess::start(&mut command);
    let is_json = settings.contains(&("LOG_FORMAT", "json"));
    let address = if is_json {
        let banner = running.wait_for_line("{");
        parse_json(&format!("{{{banner}"))["graphql"].as_str().expect("a URL").to_owned()
    } else {
        running.wait_for_line("GraphQL")
    };
    let address = address.strip_prefix("http://").and_then(|rest| rest.strip_suffix("/graphql")).expect("an address");
    (running, address.parse().expect("an address"))
}

#[tokio::test]
async fn separate_metrics_listener() {
    let workspace = Workspace::new();
    let url = create_database().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address");
    let (running, address) =
        start_service(&workspace, &url, &[("LISTEN", "0.0.0.0:0"), ("METRICS_LISTEN", &free.to_string())]);
    let path = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let response = raw_http::send_bytes(free, path("/metrics")).await;
    assert!(
        raw_http::status_code(&response) == 200 && response.contains("academic_directory_requests_in_flight 0"),
        "{response}"
    );
    assert_eq!(raw_http::status_code(&raw_http::send_bytes(free, path("/health/ready")).await), 200);
    assert_eq!(raw_http::status_code(&raw_http::send_bytes(free, path("/graphql")).await), 404);
    let public = std::net::SocketAddr::from(([127, 0, 0, 1], address.port()));
    let response = raw_http::send_bytes(public, path("/metrics")).await;
    assert!(raw_http::status_code(&response) == 404 && response.contains("METRICS_LISTEN"), "{response}");
    running.send_signal(Signal::TERM);
    assert_eq!(running.wait().code, Some(0));
}

#[tokio::test]
async fn metrics_are_not_served_through_a_proxy() {
    let app = TestApp::start().await;
    for header in ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-IP", "Forwarded", "Via"] {
        let request = app.client().get(app.url("/metrics")).header(header, "192.0.2.1");
        let response = request.send().await.expect("a response");
        assert_eq!(response.status().as_u16(), 404, "{header}");
        let text = response.text().await.expect("a text");
        assert!(text.contains("METRICS_LISTEN") && !text.contains("requests_in_flight"), "{text}");
    }
    assert_eq!(get(&app, "/metrics").await.0, 200);
}

#[tokio::test]
async fn defaults_behind_nginx() {
    let workspace = Workspace::new();
    let url = create_database().await;
    let (running, address) = start_service(&workspace, &url, &[]);
    let directives = format!(
        "location / {{ proxy_pass http://{address}; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; }}"
    );
    let Some(nginx) = Nginx::start(&directives) else { return };
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let get = |url: String| client.get(url).header("Accept", "application/json").send();
    for _ in 0..3 {
        assert_eq!(get(nginx.url("/metrics")).await.expect("a response").status().as_u16(), 404);
        let response = get(nginx.url("/graphql?query={__typename}")).await.expect("a response");
        assert_eq!(response.status().as_u16(), 200);
        assert_eq!(response.headers()["ratelimit-policy"], "\"address\";q=1000000;w=60");
    }
    // Nothing changes for clients on the same host.
    assert_eq!(get(format!("http://{address}/metrics")).await.expect("a response").status().as_u16(), 200);
    let direct = get(format!("http://{address}/graphql?query={{__typename}}")).await.expect("a response");
    assert!(!direct.headers().contains_key("ratelimit"));
    running.send_signal(Signal::TERM);
    let log = tokio::task::spawn_blocking(|| running.wait()).await.expect("an end").stderr;
    assert_eq!(log.matches("set TRUSTED_PROXIES=127.0.0.1").count(), 1, "{log}");
}

#[tokio::test]
async fn logs_contain_no_request_data() {
    let workspace = Workspace::new();
    let url = create_database().await;
    let (running, address) = start_service(&workspace, &url, &[("LOG_FORMAT", "json")]);
    crate::support::execute_sql(&url, "DROP TABLE coauthorship CASCADE").await;
    let ask = |query: &str, variables: Value, id: &str| {
        let body = json!({ "query": query, "variables": variables }).to_string();
        let headers = format!(
            "Content-Type: application/json\r\nAuthorization: Bearer secret-token\r\nX-Request-Id: {id}\r\nConnection: close\r\n"
        );
        raw_http::send_bytes(address, raw_http::post_request(&headers, body.as_bytes()))
    };
    ask("query Named($a: String!) { search(query: $a) { totalCount } }", json!({ "a": "secret-value" }), "first").await;
    ask("{ papers(filter: {query: \"secret-literal\"}) { nodes { id } } }", json!({}), "second").await;
    ask("{ coauthors_secret }", json!({}), "third").await;
    running.send_signal(Signal::TERM);
    let outcome = running.wait();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(!outcome.stderr.contains("secret"), "{}", outcome.stderr);
    for word in ["SELECT", "src/", ".rs:", "panicked", "RUST_BACKTRACE"] {
        assert!(!outcome.stderr.contains(word), "{word}: {}", outcome.stderr);
    }
    let lines: Vec<Value> = outcome.stderr.lines().map(parse_json).collect();
    let line = lines.iter().find(|line| line["request_id"] == "first").expect("a line of the first request");
    assert_eq!((&line["operation"], &line["outcome"], &line["status"]), (&json!("Named"), &json!("ok"), &json!(200)));
    assert!(line["milliseconds"].is_number() && line["statements"].is_number(), "{line}");
    assert!(line["kind"] == "query" && line["cost"].is_number() && line["bytes"].as_u64() > Some(10), "{line}");
    let line = lines.iter().find(|line| line["request_id"] == "third").expect("a line of the third request");
    assert_eq!((&line["outcome"], &line["refusal"]), (&json!("refused"), &json!("GRAPHQL_VALIDATION_FAILED")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn graceful_shutdown() {
    let workspace = Workspace::new();
    let url = create_database().await;
    let (running, address) = start_service(&workspace, &url, &[("SHUTDOWN_DELAY_SECONDS", "3")]);
    // Idle connections and an incomplete request do not delay the shutdown.
    let idle: Vec<_> = (0..5).map(|_| raw_http::connect(address)).collect();
    let mut half = raw_http::connect(address);
    std::io::Write::write_all(&mut half, b"POST /graphql HTTP/1.1\r\nHost: a\r\nContent-").expect("bytes");
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let successes = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    let clients = (0..8).map(|_| {
        let client = client.clone();
        let successes = std::sync::Arc::clone(&successes);
        tokio::spawn(async move {
            let body = json!({ "query": "{ researchers(first: 5) { totalCount nodes { name } } }" });
            let mut completed = 0;
            loop {
                match client.post(format!("http://{address}/graphql")).json(&body).send().await {
                    Ok(response) => {
                        let status = response.status().as_u16();
                        let is_last = response.headers().get("connection").is_some_and(|value| value == "close");
                        let result: Value = response.json().await.expect("a complete response");
                        assert!(status == 200 && result["data"]["researchers"]["totalCount"] == 0, "{status} {result}");
                        completed += 1;
                        successes.add_permits(1);
                        // A client that honours `Connection: close` loses no request.
                        if is_last {
                            return (completed, None);
                        }
                    }
                    Err(error) => return (completed, Some(format!("{error:?}"))),
                }
            }
        })
    });
    let clients: Vec<_> = clients.collect();
    // A request that is still running when the shutdown starts.
    let session = DatabaseSession::open(&url).await;
    session.execute("BEGIN; LOCK TABLE topic IN ACCESS EXCLUSIVE MODE").await;
    let slow = {
        let body = json!({ "query": "{ topics { totalCount nodes { slug } } }" });
        let request = client.post(format!("http://{address}/graphql")).json(&body);
        tokio::spawn(async move {
            request.send().await.expect("a response").json::<Value>().await.expect("a complete response")
        })
    };
    wait_for_blocked_statements(&url, |blocked| blocked > 0).await;
    drop(successes.acquire_many(50).await.expect("responses"));
    let started_at = std::time::Instant::now();
    running.send_signal(Signal::TERM);
    // Readiness fails before the listener closes.
    loop {
        let ready =
            raw_http::send_bytes(address, "GET /health/ready HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        if raw_http::status_code(&ready) == 503 && ready.contains("\"draining\":true") {
            break;
        }
        assert!(raw_http::status_code(&ready) == 200, "{ready}");
    }
    // The slow request finishes after the listener has closed.
    wait_until_closed(address).await;
    session.execute("ROLLBACK").await;
    assert_eq!(slow.await.expect("a response")["data"]["topics"]["totalCount"], 0);
    let outcome = tokio::task::spawn_blocking(|| running.wait()).await.expect("an end");
    let time = started_at.elapsed();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(time < Duration::from_secs(10), "{time:?}");
    let mut completed = 0;
    for client in clients {
        let (amount, broken) = client.await.expect("a client");
        completed += amount;
        assert_eq!(broken, None, "a request was interrupted");
    }
    println!("{completed} requests succeeded; shutdown took {time:?}");
    assert!(completed >= 50);
    drop((idle, half));
}
