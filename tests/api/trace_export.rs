//! Export of traces over OTLP.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::monitoring::start_service;
use crate::support::process::{Workspace, run_to_completion, wait_for};
use crate::support::{TestApp, create_database, paper_record, raw_http};

/// How the collector responds.
#[derive(Clone, Copy, PartialEq)]
enum CollectorBehavior {
    /// Accepts all requests.
    Accept,
    /// Closes the connection on this many requests, then accepts.
    HangUpFirst(usize),
    /// Never responds.
    NeverRespond,
}

/// A collector of traces.
struct Collector {
    address: SocketAddr,
    bodies: Arc<Mutex<Vec<Vec<u8>>>>,
    calls: Arc<Mutex<usize>>,
}

impl Collector {
    fn start(manner: CollectorBehavior) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let (bodies, calls) = (Arc::default(), Arc::default());
        let collector = Self { address, bodies: Arc::clone(&bodies), calls: Arc::clone(&calls) };
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (bodies, calls) = (Arc::clone(&bodies), Arc::clone(&calls));
                std::thread::spawn(move || serve_connection(stream.expect("a connection"), manner, &bodies, &calls));
            }
        });
        collector
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn request_count(&self) -> usize {
        *self.calls.lock().expect("the number")
    }

    fn requests(&self) -> Vec<ExportTraceServiceRequest> {
        let bodies = self.bodies.lock().expect("the bodies");
        bodies.iter().map(|body| ExportTraceServiceRequest::decode(body.as_slice()).expect("a message")).collect()
    }

    fn spans(&self) -> Vec<Span> {
        let resources = self.requests().into_iter().flat_map(|request| request.resource_spans);
        resources.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
    }
}

/// Serves requests on a connection until the client closes it.
fn serve_connection(stream: TcpStream, manner: CollectorBehavior, bodies: &Mutex<Vec<Vec<u8>>>, calls: &Mutex<usize>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).is_ok_and(|amount| amount > 0) {
                continue;
            }
            return;
        }
        assert!(head.starts_with("POST /v1/traces "), "{head}");
        let head = head.to_lowercase();
        assert!(head.contains("content-type: application/x-protobuf"), "{head}");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
        let mut body = vec![0; length.parse().expect("a number")];
        reader.read_exact(&mut body).expect("a body");
        let before = {
            let mut calls = calls.lock().expect("the number");
            *calls += 1;
            *calls - 1
        };
        match manner {
            CollectorBehavior::HangUpFirst(first) if before < first => return,
            CollectorBehavior::NeverRespond => continue,
            _ => {}
        }
        bodies.lock().expect("the bodies").push(body);
        reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").expect("a response");
    }
}

fn attributes(list: &[KeyValue]) -> HashMap<&str, Value> {
    let value = |pair: &KeyValue| match pair.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(any_value::Value::StringValue(text)) => json!(text),
        Some(any_value::Value::IntValue(number)) => json!(number),
        other => panic!("{other:?}"),
    };
    list.iter().map(|pair| (pair.key.as_str(), value(pair))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The only span with this name.
fn span_by_name<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let found: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
    let [span] = found[..] else { panic!("{name} in {:?}", spans.iter().map(|span| &span.name).collect::<Vec<_>>()) };
    span
}

fn is_error(span: &Span) -> bool {
    span.status.as_ref().is_some_and(|status| status.code == 2)
}

/// The sorted names of the direct child spans.
fn child_span_names<'a>(spans: &'a [Span], parent: &Span) -> Vec<&'a str> {
    let mut names: Vec<_> =
        spans.iter().filter(|span| span.parent_span_id == parent.span_id).map(|span| span.name.as_str()).collect();
    names.sort_unstable();
    names
}

async fn post_query(address: SocketAddr, query: &str, headers: &str) -> String {
    let body = json!({ "query": query, "variables": { "a": "secret-value" } }).to_string();
    let headers = format!("Content-Type: application/json\r\nConnection: close\r\n{headers}");
    raw_http::send_bytes(address, raw_http::post_request(&headers, body.as_bytes())).await
}

#[tokio::test]
async fn request_and_statement_spans() {
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    let app = TestApp::start().await;
    app.create_records(json!([
        paper_record("Tides", Some(2001), &["Ada Berg", "Bo Dahl"]),
        paper_record("Waves", Some(2002), &["Ada Berg"])
    ]))
    .await;
    let collector = Collector::start(CollectorBehavior::Accept);
    let workspace = Workspace::new();
    let settings =
        [("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()), ("OTEL_RESOURCE_ATTRIBUTES", "deployment=test".to_owned())];
    let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
    let (running, address) = start_service(&workspace, &app.database_url, &settings);
    let trace = format!("traceparent: 00-{TRACE}-b7ad6b7169203331-01\r\nX-Request-Id: mine\r\n");
    let titles = "query Titles($a: String) { papers(filter: {query: $a}) { nodes { title } } \
                  all: papers { totalCount nodes { title authorships { nodes { name } } } } }";
    assert_eq!(raw_http::status_code(&post_query(address, titles, &trace).await), 200);
    assert_eq!(
        raw_http::status_code(
            &post_query(address, "{ directory { name { value } } }", "traceparent: nonsense\r\n").await
        ),
        200
    );
    post_query(address, "query Unknown { unknown_secret }", "").await;
    app.execute_sql("DROP TABLE coauthorship CASCADE").await;
    post_query(address, "query Broken { researchers { nodes { coauthors { nodes { name } } } } }", "").await;
    running.send_signal(Signal::TERM);
    let outcome = running.wait();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");

    let spans = collector.spans();
    let span = span_by_name(&spans, "graphql query Titles");
    assert_eq!((hex(&span.trace_id).as_str(), hex(&span.parent_span_id).as_str()), (TRACE, "b7ad6b7169203331"));
    assert_eq!(span.kind, 2, "a server's");
    assert!(span.end_time_unix_nano > span.start_time_unix_nano);
    let span_attributes = attributes(&span.attributes);
    for (name, value) in [
        ("graphql.operation.type", json!("query")),
        ("graphql.operation.name", json!("Titles")),
        ("http.request.method", json!("POST")),
        ("http.route", json!("/graphql")),
        ("http.response.status_code", json!(200)),
        ("academic_directory.request_id", json!("mine")),
        ("academic_directory.outcome", json!("ok")),
    ] {
        assert_eq!(span_attributes.get(name), Some(&value), "{name}");
    }
    // One span per loader, regardless of the number of fields and parents.
    let statements = child_span_names(&spans, span);
    assert_eq!(span_attributes["academic_directory.statements"], json!(statements.len()));
    for loader in ["papers::page", "papers::count"] {
        assert!(statements.contains(&loader), "{loader} in {statements:?}");
    }
    assert!(statements.len() <= 5, "{statements:?}");
    for statement in spans.iter().filter(|statement| statement.parent_span_id == span.span_id) {
        assert_eq!((statement.kind, &statement.trace_id), (3, &span.trace_id));
        let span_attributes = attributes(&statement.attributes);
        assert_eq!(span_attributes["db.system.name"], json!("postgresql"));
        assert_eq!(span_attributes["db.query.summary"], json!(statement.name));
    }
    let anonymous = span_by_name(&spans, "graphql query");
    assert!(anonymous.parent_span_id.is_empty(), "an invalid traceparent is ignored");
    let refused = spans.iter().find(|span| {
        attributes(&span.attributes).get("academic_directory.outcome").is_some_and(|outcome| *outcome == "refused")
    });
    let refused = refused.expect("the refused request");
    assert_eq!(attributes(&refused.attributes)["error.type"], json!("GRAPHQL_VALIDATION_FAILED"));
    let broken = span_by_name(&spans, "graphql query Broken");
    let failed = spans.iter().find(|span| span.parent_span_id == broken.span_id && is_error(span));
    assert_eq!(attributes(&failed.expect("the failed statement").attributes)["error.type"], json!("INTERNAL"));
    // No spans outside requests, and no request data.
    assert!(spans.iter().all(|span| span.name.starts_with("graphql") || !span.parent_span_id.is_empty()));
    let requests = spans.iter().filter(|span| span.name.starts_with("graphql"));
    // The first one is that of the service itself, which prepares it.
    let (own, others): (Vec<_>, Vec<_>) = requests.partition(|span| span.name == "graphql query WarmUp");
    assert_eq!((own.len(), others.len()), (1, 4));
    let text = format!("{:?}", collector.requests());
    for word in ["secret", "SELECT", "127.0.0.1"] {
        assert!(!text.contains(word), "{word} in {text}");
    }
    let resource = collector.requests()[0].resource_spans[0].resource.clone().expect("who sends it");
    let resource = attributes(&resource.attributes);
    assert_eq!((&resource["service.name"], &resource["deployment"]), (&json!("academic-directory"), &json!("test")));

    // The log has the trace ID, and is otherwise unchanged.
    let line = outcome.stderr.lines().find(|line| line.contains("Titles")).expect("a line of the request");
    assert!(line.contains(TRACE) && line.contains("academic_directory::request: request completed"), "{line}");
    assert!(!outcome.stderr.contains("graphql{") && !outcome.stderr.contains("db.system"), "{}", outcome.stderr);
}

#[tokio::test]
async fn unavailable_collector() {
    let collector = Collector::start(CollectorBehavior::HangUpFirst(6));
    let workspace = Workspace::new();
    let settings = [("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()), ("OTEL_BSP_SCHEDULE_DELAY", "20".to_owned())];
    let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
    let (running, address) = start_service(&workspace, &create_database().await, &settings);
    let deadline = Instant::now() + Duration::from_secs(30);
    while collector.spans().is_empty() {
        assert!(Instant::now() < deadline, "no spans after {} calls", collector.request_count());
        assert_eq!(raw_http::status_code(&post_query(address, "{ __typename }", "").await), 200);
    }
    running.send_signal(Signal::TERM);
    let outcome = running.wait();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let lines: Vec<&str> =
        outcome.stderr_lines().into_iter().filter(|line| !line.contains("request: request completed")).collect();
    let count = |text| lines.iter().filter(|line| line.contains(text)).count();
    assert_eq!(
        (count("WARN"), count("traces cannot be sent and are dropped"), count("sending traces again")),
        (1, 1, 1),
        "{lines:#?}"
    );
}

#[tokio::test]
async fn unresponsive_collector() {
    let collector = Collector::start(CollectorBehavior::NeverRespond);
    let workspace = Workspace::new();
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()),
        ("OTEL_BSP_SCHEDULE_DELAY", "20".to_owned()),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "5".to_owned()),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "5".to_owned()),
    ];
    let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
    let (running, address) = start_service(&workspace, &create_database().await, &settings);
    assert_eq!(raw_http::status_code(&post_query(address, "{ __typename }", "").await), 200);
    wait_for("a call", || (collector.request_count() > 0).then_some(()));
    // More than the queue holds.
    for _ in 0..20 {
        assert_eq!(raw_http::status_code(&post_query(address, "{ papers { totalCount } }", "").await), 200);
    }
    running.send_signal(Signal::TERM);
    let started_at = Instant::now();
    let outcome = running.wait();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(started_at.elapsed() < Duration::from_secs(10), "{:?}", started_at.elapsed());
}

#[tokio::test]
async fn no_collector() {
    let workspace = Workspace::new();
    let url = create_database().await;
    let (running, address) =
        start_service(&workspace, &url, &[("OTEL_EXPORTER_OTLP_ENDPOINT", ""), ("LOG_FORMAT", "json")]);
    assert_eq!(raw_http::status_code(&post_query(address, "{ __typename }", "").await), 200);
    running.send_signal(Signal::TERM);
    let outcome = running.wait();
    assert!(
        outcome.stderr.contains("\"request completed\"") && !outcome.stderr.contains("trace_id"),
        "{}",
        outcome.stderr
    );
    for address in ["https://localhost:4318", "localhost:4317"] {
        let outcome = run_to_completion(
            workspace.command_with_database(&url, &["serve"]).env("OTEL_EXPORTER_OTLP_ENDPOINT", address),
        );
        assert_eq!(outcome.code, Some(2), "{outcome:?}");
        assert!(outcome.stderr.contains("such as http://localhost:4318"), "{outcome:?}");
    }
}
