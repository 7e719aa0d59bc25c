//! Slow clients and connection limits: timeouts are enforced, and other clients are served.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use academic_directory::config::NetworkConfig;
use rustix::net::sockopt::set_socket_recv_buffer_size;
use serde_json::json;

use crate::support::loopback::{LoopbackAddresses, connect_from};
use crate::support::process::{WAIT_TIMEOUT, wait_for};
use crate::support::raw_http::{self, connect, read_response, status_code};
use crate::support::{DatabaseSession, TestApp, http_config, network_config};

const TYPENAME_QUERY: &[u8] = br#"{"query": "{ __typename }"}"#;
const JSON_HEADER: &str = "Content-Type: application/json\r\n";

async fn start_with_short_timeouts() -> TestApp {
    let second = 1.try_into().expect("not zero");
    let network = NetworkConfig {
        head_timeout_seconds: second,
        answer_timeout_seconds: second,
        keep_alive_seconds: second,
        ..network_config()
    };
    let mut http = http_config();
    http.body_timeout_seconds = second;
    TestApp::start_with_network_config(network, http).await
}

/// Sends a byte at a time until the server closes the connection, and returns its response.
fn trickle(stream: &mut TcpStream, beginning: &[u8]) -> String {
    stream.write_all(beginning).expect("a server that reads");
    stream.set_read_timeout(Some(Duration::from_millis(100))).expect("a time to wait");
    let started_at = Instant::now();
    let mut response = Vec::new();
    let mut part = [0; 4096];
    while started_at.elapsed() < WAIT_TIMEOUT {
        let _ = stream.write_all(b"x");
        match stream.read(&mut part) {
            Ok(amount) if amount > 0 => response.extend_from_slice(&part[..amount]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            // Closed, with or without a response.
            Ok(_) | Err(_) => return String::from_utf8_lossy(&response).into_owned(),
        }
    }
    panic!("the connection was not closed");
}

/// Runs a slow client on a blocking thread.
async fn run_slow_client(
    address: SocketAddr,
    client: impl FnOnce(&mut TcpStream) -> String + Send + 'static,
) -> String {
    tokio::task::spawn_blocking(move || client(&mut connect(address))).await.expect("a client")
}

/// A request and response on a keep-alive connection.
fn query_on(stream: &mut TcpStream) {
    stream.write_all(&raw_http::post_request(JSON_HEADER, TYPENAME_QUERY)).expect("a server that reads");
    let response = read_response(stream);
    assert_eq!(status_code(&response), 200, "{response}");
}

#[tokio::test]
async fn header_timeout() {
    let app = start_with_short_timeouts().await;
    let response = run_slow_client(app.address, |stream| {
        trickle(stream, b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
    })
    .await;
    assert_eq!(status_code(&response), 408, "{response}");
}

#[tokio::test]
async fn header_timeout_on_keep_alive() {
    let app = start_with_short_timeouts().await;
    let response = run_slow_client(app.address, |stream| {
        query_on(stream);
        trickle(stream, b"POST /graphql HTTP/1.1\r\nX-Slow: ")
    });
    assert_eq!(response.await, "");
}

#[tokio::test]
async fn idle_connections() {
    let app = start_with_short_timeouts().await;
    let silent = |stream: &mut TcpStream| {
        let mut response = String::new();
        let _ = stream.read_to_string(&mut response);
        response
    };
    assert_eq!(status_code(&run_slow_client(app.address, silent).await), 408);
    let idle = move |stream: &mut TcpStream| {
        query_on(stream);
        silent(stream)
    };
    assert_eq!(run_slow_client(app.address, idle).await, "");
}

#[tokio::test]
async fn body_timeout() {
    let app = start_with_short_timeouts().await;
    let head = format!("POST /graphql HTTP/1.1\r\nHost: localhost\r\n{JSON_HEADER}");
    for length in ["Content-Length: 100000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n186A0\r\n"] {
        let beginning = format!("{head}{length}");
        let response = run_slow_client(app.address, move |stream| trickle(stream, beginning.as_bytes())).await;
        assert_eq!(status_code(&response), 408, "{response}");
        assert!(response.contains("\"TIMEOUT\""), "{response}");
    }
}

#[tokio::test]
async fn unread_body() {
    let app = start_with_short_timeouts().await;
    let beginning = "GET /graphql HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n186A0\r\n";
    let response = run_slow_client(app.address, |stream| trickle(stream, beginning.as_bytes())).await;
    assert_eq!(status_code(&response), 400, "{response}");
}

#[tokio::test]
async fn unread_responses() {
    let app = start_with_short_timeouts().await;
    let question = include_str!("introspection.graphql");
    let request = raw_http::post_request(JSON_HEADER, json!({ "query": question }).to_string().as_bytes());
    let ended = run_slow_client(app.address, move |stream| {
        set_socket_recv_buffer_size(&*stream, 4096).expect("a small buffer");
        stream.set_write_timeout(Some(Duration::from_millis(100))).expect("a time to wait");
        let started_at = Instant::now();
        // The server stops reading once its send buffer is full, and closes the connection after the timeout.
        while started_at.elapsed() < WAIT_TIMEOUT {
            match stream.write_all(&request) {
                Err(error) if !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return "ended".to_owned();
                }
                _ => {}
            }
        }
        "not ended".to_owned()
    });
    assert_eq!(ended.await, "ended");
    app.data("{ __typename }").await;
}

#[tokio::test]
async fn other_clients_are_served() {
    let app = start_with_short_timeouts().await;
    let beginnings = [
        "POST /graphql HTTP/1.1\r\nHost: localhost\r\nX-Slow: ".to_owned(),
        format!("POST /graphql HTTP/1.1\r\nHost: localhost\r\n{JSON_HEADER}Content-Length: 100000\r\n\r\n"),
    ];
    let slow = (0..60).map(|number: usize| {
        let beginning = beginnings[number % 2].clone();
        run_slow_client(app.address, move |stream| trickle(stream, beginning.as_bytes()))
    });
    let slow = tokio::spawn(futures_util::future::join_all(slow.collect::<Vec<_>>()));
    let mut completed = 0;
    while completed == 0 || !slow.is_finished() {
        app.data("{ __typename }").await;
        completed += 1;
    }
    assert!(slow.await.expect("clients").iter().all(|response| status_code(response) == 408));
}

/// Opens a connection from a client address, with a timeout for reading.
fn connect_as(client: IpAddr, address: SocketAddr) -> TcpStream {
    let stream = connect_from(client, address).expect("a connection");
    stream.set_read_timeout(Some(WAIT_TIMEOUT)).expect("a time to wait");
    stream
}

/// The status code of a request on a new connection; 0 if it is closed without a response.
fn query_once(stream: &mut TcpStream) -> u16 {
    let _ = stream.write_all(&raw_http::post_request(JSON_HEADER, TYPENAME_QUERY));
    status_code(&read_response(stream))
}

/// Begins a request and leaves its body out, so that the connection is not idle.
fn begin_request(stream: &mut TcpStream) {
    let headers = format!("{JSON_HEADER}Expect: 100-continue\r\n");
    let request = raw_http::post_request(&headers, TYPENAME_QUERY);
    stream.write_all(&request[..request.len() - TYPENAME_QUERY.len()]).expect("a server that reads");
    let response = read_response(stream);
    assert_eq!(status_code(&response), 100, "{response}");
}

fn complete_request(stream: &mut TcpStream) {
    stream.write_all(TYPENAME_QUERY).expect("a server that reads");
    let response = read_response(stream);
    assert_eq!(status_code(&response), 200, "{response}");
}

/// Whether the server has closed an idle connection.
fn is_closed(stream: &mut TcpStream) -> bool {
    stream.set_nonblocking(true).expect("a mode");
    let closed = !matches!(stream.read(&mut [0; 1]), Err(error) if error.kind() == ErrorKind::WouldBlock);
    stream.set_nonblocking(false).expect("a mode");
    closed
}

#[tokio::test]
async fn connection_limit_per_address() {
    let Some(clients) = LoopbackAddresses::add(2) else { return };
    let few = 3.try_into().expect("not zero");
    let network = NetworkConfig { max_connections_per_address: few, ..network_config() };
    let app = TestApp::start_with_network_config(network, http_config()).await;
    let address = app.address;
    let check = move || {
        let connect = || connect_as(clients.get(0), address);
        let mut open: Vec<TcpStream> = (0..3).map(|_| connect()).collect();
        open.iter_mut().for_each(begin_request);
        // Rejected before the request is read. The response may be lost if the request arrives after the close.
        assert!([0, 503].contains(&query_once(&mut connect())));
        let response = read_response(&mut connect());
        assert_eq!(status_code(&response), 503);
        assert!(response.contains("retry-after: 1\r\n"), "{response}");
        assert_eq!(query_once(&mut connect_as(clients.get(1), address)), 200, "another client");
        assert_eq!(query_once(&mut raw_http::connect(address)), 200, "a client on the same host");
        open.iter_mut().for_each(complete_request);
        // All three are idle now. A new connection takes the place of the one that has been idle for the longest time.
        let mut new = connect();
        query_on(&mut new);
        // It is closed beside the response to the new one.
        wait_for("the longest-idle connection to close", || is_closed(&mut open[0]).then_some(()));
        assert_eq!(open.iter_mut().map(is_closed).collect::<Vec<_>>(), [true, false, false]);
        begin_request(&mut open[1]);
        query_on(&mut connect());
        wait_for("the longest-idle connection to close", || is_closed(&mut open[2]).then_some(()));
        complete_request(&mut open[1]);
        query_on(&mut new);
        // Every kind of disconnect releases the connection slot.
        begin_request(&mut open[1]);
        begin_request(&mut new);
        for beginning in [
            "nonsense\r\n\r\n",
            "POST /graphql HTTP/1.1\r\nHost",
            "POST /graphql HTTP/1.1\r\nHost: l\r\nContent-Length: 9\r\n\r\n",
        ] {
            for _ in 0..5 {
                let _ = connect().write_all(beginning.as_bytes());
            }
        }
        wait_for("the slots of broken connections", || (query_once(&mut connect()) == 200).then_some(()));
        complete_request(&mut open[1]);
        complete_request(&mut new);
    };
    tokio::task::spawn_blocking(check).await.expect("clients");
}

#[tokio::test]
async fn idle_connections_do_not_shut_an_address_out() {
    let Some(clients) = LoopbackAddresses::add(1) else { return };
    let network = NetworkConfig { max_connections_per_address: 256.try_into().expect("not zero"), ..network_config() };
    let app = TestApp::start_with_network_config(network, http_config()).await;
    let address = app.address;
    let check = move || {
        let mut open = Vec::new();
        for _ in 0..1_000 {
            let mut stream = connect_as(clients.get(0), address);
            query_on(&mut stream);
            open.push(stream);
        }
        // The newest are open.
        open.iter_mut().rev().take(250).for_each(query_on);
        wait_for("the longest-idle connections to be closed", || {
            open.iter_mut().take(700).all(is_closed).then_some(())
        });
    };
    tokio::task::spawn_blocking(check).await.expect("clients");
}

#[tokio::test]
async fn connection_limit() {
    let few = |number: u32| number.try_into().expect("not zero");
    // Loopback addresses have no limit of their own.
    let network = NetworkConfig { max_connections: few(2), max_connections_per_address: few(1), ..network_config() };
    let app = TestApp::start_with_network_config(network, http_config()).await;
    let address = app.address;
    let check = move || {
        let mut open: Vec<TcpStream> = (0..2).map(|_| connect(address)).collect();
        open.iter_mut().for_each(begin_request);
        assert_eq!(status_code(&read_response(&mut connect(address))), 503);
        complete_request(&mut open[1]);
        query_on(&mut connect(address));
        complete_request(&mut open[0]);
        wait_for("the idle connection to close", || is_closed(&mut open[1]).then_some(()));
    };
    tokio::task::spawn_blocking(check).await.expect("clients");
}

#[tokio::test]
async fn concurrency_limit() {
    // One client alone leaves a third of the slots to others.
    let network = NetworkConfig { max_concurrent_requests: 3.try_into().expect("not zero"), ..network_config() };
    let app = TestApp::start_with_network_config(network, http_config()).await;
    let session = DatabaseSession::open(&app.database_url).await;
    session.execute("BEGIN; LOCK TABLE researcher").await;
    // An incomplete body takes no concurrency slot.
    let mut half = connect(app.address);
    let whole = raw_http::post_request(JSON_HEADER, TYPENAME_QUERY);
    half.write_all(&whole[..whole.len() - 1]).expect("a server that reads");
    let query = "{ researchers { nodes { name } } }";
    let waiting = async { tokio::join!(app.query(query, json!({})), app.query(query, json!({}))) };
    let refused = async {
        app.wait_for_blocked_statements(|blocked| blocked >= 2).await;
        // It waits for its turn in vain.
        let request = app.client().post(app.url("/graphql")).json(&json!({ "query": "{ __typename }" }));
        let response = request.send().await.expect("a response");
        assert_eq!(
            (response.status().as_u16(), &response.headers()["retry-after"]),
            (503, &"1".parse().expect("a value"))
        );
        let body: serde_json::Value = response.json().await.expect("JSON");
        assert_eq!(body["errors"][0]["extensions"]["code"], "SERVICE_UNAVAILABLE", "{body}");
        session.execute("COMMIT").await;
    };
    let ((one, other), ()) = tokio::join!(waiting, refused);
    assert_eq!((one.status, other.status), (200, 200));
    app.data("{ __typename }").await;
    let finished = tokio::task::spawn_blocking(move || {
        half.write_all(&whole[whole.len() - 1..]).expect("a server that reads");
        status_code(&read_response(&mut half))
    });
    assert_eq!(finished.await.expect("a client"), 200);
}
