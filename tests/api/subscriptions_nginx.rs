//! Sockets and event streams behind a real nginx, as `docs/operations.md` configures it.

use serde_json::{Value, json};

use crate::support::nginx::Nginx;
use crate::support::websocket::{Received, Socket};
use crate::support::{TestApp, researcher_record};

/// nginx in front of the service, with the directives of the documentation.
fn start_nginx(app: &TestApp) -> Option<Nginx> {
    let documentation = include_str!("../../docs/operations.md");
    let block = |start: &str| {
        let from = documentation.find(start).expect("the example is documented");
        let lines = documentation[from..]
            .lines()
            .take_while(|line| line.is_empty() || line.starts_with("    ") || line.starts_with(start.trim_start()));
        lines.collect::<Vec<_>>().join("\n")
    };
    let map = "map $http_upgrade $connection_upgrade { default upgrade; '' ''; }";
    assert!(documentation.contains(map));
    let location = block("    location /graphql {").replace("127.0.0.1:8080", &app.address.to_string());
    Nginx::start_with_http_directives(map, &location)
}

#[tokio::test]
async fn sockets_and_event_streams_behind_nginx() {
    let app = TestApp::start().await;
    let Some(nginx) = start_nginx(&app) else { return };
    let mut socket = Socket::initialise(nginx.address).await;
    let start = app.data("{ directory { changeCursor } }").await["directory"]["changeCursor"].clone();
    let query =
        format!("subscription {{ changes(after: {start}, kinds: [RESEARCHER]) {{ changes {{ operation }} }} }}");
    socket.subscribe("1", &query, json!({})).await;
    let stream = app.client().post(nginx.url("/graphql")).header("Accept", "text/event-stream");
    let mut stream = stream.json(&json!({ "query": query })).send().await.expect("a response");
    assert_eq!(stream.headers()["content-type"], "text/event-stream; charset=utf-8");
    assert_eq!(&stream.chunk().await.expect("a part").expect("the stream goes on")[..], b":\n\n");
    app.create_records(json!([researcher_record("Ada Byron")])).await;
    let expected: Value = json!({ "data": { "changes": { "changes": [{ "operation": "CREATED" }] } } });
    assert_eq!(socket.message().await["payload"], expected);
    let event = stream.chunk().await.expect("a part").expect("nginx does not wait for more");
    assert!(String::from_utf8_lossy(&event).contains("CREATED"), "{event:?}");
    // The end of the service reaches the client.
    app.stop();
    assert!(matches!(socket.close_frame().await, Received::Close(1001, _)));
    while stream.chunk().await.is_ok_and(|chunk| chunk.is_some()) {}
}
