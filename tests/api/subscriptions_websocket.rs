//! GraphQL over WebSocket: the handshake, the close codes of `graphql-transport-ws`, and operations with one result.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

use academic_directory::config::{Limits, NetworkConfig, TokenQuota};
use serde_json::json;
use tokio::net::{TcpSocket, TcpStream};

use crate::support::loopback::LoopbackAddresses;
use crate::support::raw_http::{send_bytes, status_code};
use crate::support::websocket::{Received, SUB_PROTOCOL, Socket};
use crate::support::{TestApp, http_config, network_config, organization_record, paper_record, researcher_record};

const TYPENAME: &str = "{ __typename }";

#[tokio::test]
async fn queries() {
    let app = TestApp::start().await;
    app.create_records(json!([researcher_record("Ada Byron")])).await;
    let mut socket = Socket::initialise(app.address).await;
    assert!(
        socket.head.to_ascii_lowercase().contains("sec-websocket-protocol: graphql-transport-ws"),
        "{}",
        socket.head
    );
    socket
        .subscribe("1", "query($first: Int!) { researchers(first: $first) { nodes { name } } }", json!({ "first": 5 }))
        .await;
    let expected = json!({ "data": { "researchers": { "nodes": [{ "name": "Ada Byron" }] } } });
    assert_eq!(socket.result("1").await, expected);
    // An id can be used again, and several operations can be in progress.
    for id in ["1", "2", "3"] {
        socket.subscribe(id, TYPENAME, json!({})).await;
    }
    let mut ended = Vec::new();
    while ended.len() < 3 {
        let message = socket.message().await;
        if message["type"] == "complete" {
            ended.push(message["id"].as_str().expect("an id").to_owned());
        } else {
            assert_eq!(message["payload"], json!({ "data": { "__typename": "Query" } }));
        }
    }
    ended.sort();
    assert_eq!(ended, ["1", "2", "3"]);
}

#[tokio::test]
async fn rejected_operations_leave_the_socket_open() {
    let limits = Limits { depth: 3, ..Limits::default() };
    let app = TestApp::start_with_limits(limits, 100).await;
    let mut socket = Socket::initialise(app.address).await;
    for (query, code) in [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ unknown }", "GRAPHQL_VALIDATION_FAILED"),
        ("mutation { a }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ researchers { nodes { topics { topic { id } } } } }", "QUERY_TOO_DEEP"),
    ] {
        socket.subscribe("1", query, json!({})).await;
        let errors = socket.errors("1").await;
        assert_eq!(errors[0]["extensions"]["code"], code, "{query}: {errors}");
    }
    // A failed field is part of a result.
    socket.subscribe("1", "{ a: __typename researcher(by: {id: \"x\"}) { name } }", json!({})).await;
    assert_eq!(socket.result("1").await["data"]["a"], "Query");
}

#[tokio::test]
async fn handshakes() {
    let app = TestApp::start().await;
    for (headers, status, message) in [
        ("Sec-WebSocket-Protocol: graphql-ws\r\n", 400, "the only supported protocol is graphql-transport-ws"),
        ("Sec-WebSocket-Protocol: soap, graphql-transport-ws2\r\n", 400, "unsupported Sec-WebSocket-Protocol"),
        (&format!("{SUB_PROTOCOL}Origin: https://evil.example\r\n"), 403, "CORS_ORIGINS"),
        (&format!("{SUB_PROTOCOL}Origin: null\r\n"), 403, "CORS_ORIGINS"),
    ] {
        let response = Socket::open_with(app.address, headers).await.err().expect("a refusal");
        assert_eq!(status_code(&response), status, "{response}");
        assert!(response.contains(message), "{response}");
    }
    for headers in [
        "Sec-WebSocket-Protocol: soap, graphql-transport-ws\r\n",
        "Sec-WebSocket-Protocol: soap\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n",
    ] {
        Socket::open_with(app.address, headers).await.expect("a socket");
    }
    let own = format!("{SUB_PROTOCOL}Origin: http://localhost\r\n");
    Socket::open_with(app.address, &own).await.expect("the service's own page");
    let without_key = "GET /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    let response = send_bytes(app.address, without_key).await;
    assert_eq!(status_code(&response), 426, "{response}");
    assert!(response.to_ascii_lowercase().contains("sec-websocket-version: 13"), "{response}");
}

#[tokio::test]
async fn origins_that_are_listed() {
    let mut http = http_config();
    http.cors_origins = vec!["https://www.example.org".to_owned()];
    let app = TestApp::start_with_http_config(http).await;
    let headers = format!("{SUB_PROTOCOL}Origin: https://www.example.org\r\n");
    Socket::open_with(app.address, &headers).await.expect("a socket");
    let headers = format!("{SUB_PROTOCOL}Origin: https://example.org\r\n");
    assert!(Socket::open_with(app.address, &headers).await.is_err());
}

#[tokio::test]
async fn close_4400_invalid_message() {
    let app = TestApp::start().await;
    for text in ["", "[]", "{\"type\":\"unknown\"}", "{\"type\":\"subscribe\",\"id\":\"1\"}"] {
        let mut socket = Socket::open(app.address).await;
        socket.send_frame(0x81, text.as_bytes()).await;
        let (code, reason) = socket.close().await;
        assert_eq!(code, 4400, "{text}");
        assert!(reason.starts_with("Invalid message"), "{reason}");
    }
    let mut socket = Socket::open(app.address).await;
    socket.send_frame(0x82, b"{}").await;
    assert_eq!(socket.close().await.0, 4400, "a binary message");
}

#[tokio::test]
async fn close_4401_operation_before_the_acknowledgement() {
    let app = TestApp::start().await;
    let mut socket = Socket::open(app.address).await;
    socket.subscribe("1", TYPENAME, json!({})).await;
    assert_eq!(socket.close().await, (4401, "Unauthorized".to_owned()));
}

#[tokio::test]
async fn close_4406_no_sub_protocol() {
    let app = TestApp::start().await;
    let mut socket = Socket::open_with(app.address, "").await.expect("a socket");
    assert_eq!(socket.close().await, (4406, "Subprotocol not acceptable".to_owned()));
}

#[tokio::test]
async fn close_4408_initialisation_timeout() {
    let app = TestApp::start().await;
    let mut socket = Socket::open(app.address).await;
    assert_eq!(socket.close().await, (4408, "Connection initialisation timeout".to_owned()));
}

#[tokio::test]
async fn close_4409_id_in_use() {
    let app = TestApp::start().await;
    // Its execution takes until the table is unlocked.
    let lock = app.lock_table("researcher").await;
    let mut socket = Socket::initialise(app.address).await;
    for _ in 0..2 {
        socket.subscribe("same", "{ researchers { nodes { name } } }", json!({})).await;
    }
    assert_eq!(socket.close().await, (4409, "Subscriber for same already exists".to_owned()));
    drop(lock);
}

#[tokio::test]
async fn close_4429_second_initialisation() {
    let app = TestApp::start().await;
    let mut socket = Socket::initialise(app.address).await;
    socket.send(json!({ "type": "connection_init" })).await;
    assert_eq!(socket.close().await, (4429, "Too many initialisation requests".to_owned()));
}

#[tokio::test]
async fn close_1001_shutdown() {
    let app = TestApp::start().await;
    let mut socket = Socket::initialise(app.address).await;
    app.stop();
    assert_eq!(socket.close().await.0, 1001);
}

#[tokio::test]
async fn close_codes_of_websocket() {
    let limits = Limits { body_bytes: 10_000, ..Limits::default() };
    let app = TestApp::start_with_limits(limits, 100).await;
    let mut socket = Socket::initialise(app.address).await;
    let long = json!({ "type": "ping", "payload": { "text": "x".repeat(10_000) } });
    socket.send_frame(0x81, long.to_string().as_bytes()).await;
    assert_eq!(socket.close().await.0, 1009, "too long");
    // Announced, but not sent: 8 GiB.
    let mut socket = Socket::initialise(app.address).await;
    socket.send_bytes(&[0x81, 0xff, 0, 0, 0, 2, 0, 0, 0, 0, 1, 2, 3, 4]).await;
    assert_eq!(socket.close().await.0, 1009, "too long");
    let mut socket = Socket::initialise(app.address).await;
    socket.send_frame(0x81, b"\xff").await;
    assert_eq!(socket.close().await.0, 1007, "not UTF-8");
    let mut socket = Socket::initialise(app.address).await;
    socket.send_bytes(b"GET / HTTP/1.1\r\n\r\n").await;
    assert_eq!(socket.close().await.0, 1002, "not WebSocket");
}

#[tokio::test]
async fn pings_of_the_client() {
    let app = TestApp::start().await;
    let mut socket = Socket::open(app.address).await;
    socket.send(json!({ "type": "ping", "payload": { "a": 1 } })).await;
    assert_eq!(socket.message().await, json!({ "type": "pong", "payload": { "a": 1 } }));
    socket.send_frame(0x89, b"abc").await;
    assert_eq!(socket.receive().await, Received::Pong(b"abc".to_vec()));
    // A close of the client is confirmed.
    socket.send_frame(0x88, &1000_u16.to_be_bytes()).await;
    assert!(matches!(socket.receive().await, Received::Close(..)));
    assert_eq!(socket.receive().await, Received::End);
}

#[tokio::test]
async fn operation_is_cancelled() {
    let app = TestApp::start().await;
    let lock = app.lock_table("researcher").await;
    let mut socket = Socket::initialise(app.address).await;
    socket.subscribe("1", "{ researchers { nodes { name } } }", json!({})).await;
    app.wait_until_blocked().await;
    socket.send(json!({ "type": "complete", "id": "1" })).await;
    app.wait_until_unblocked().await;
    drop(lock);
    // Nothing was sent for it, and its id is free.
    socket.subscribe("1", TYPENAME, json!({})).await;
    assert_eq!(socket.result("1").await["data"]["__typename"], "Query");
}

#[tokio::test]
async fn operations_end_with_the_socket() {
    let app = TestApp::start().await;
    let lock = app.lock_table("researcher").await;
    let mut socket = Socket::initialise(app.address).await;
    socket.subscribe("1", "{ researchers { nodes { name } } }", json!({})).await;
    app.wait_until_blocked().await;
    drop(socket);
    app.wait_until_unblocked().await;
    drop(lock);
}

#[tokio::test]
async fn operations_of_a_socket_are_limited() {
    let app = TestApp::start().await;
    let lock = app.lock_table("researcher").await;
    let mut socket = Socket::initialise(app.address).await;
    for number in 0..21 {
        socket.subscribe(&number.to_string(), "{ researchers { nodes { name } } }", json!({})).await;
    }
    let errors = socket.errors("20").await;
    assert_eq!(errors[0]["extensions"]["code"], "LIMIT_EXCEEDED", "{errors}");
    drop(lock);
}

/// A connection from one of the loopback addresses that count as clients of their own.
async fn connect_from(addresses: &LoopbackAddresses, number: usize, server: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::new(addresses.get(number), 0)).expect("an address");
    socket.connect(server).await.expect("a connection")
}

#[tokio::test]
async fn sockets_of_a_client_are_limited() {
    let Some(addresses) = LoopbackAddresses::add(2) else { return };
    let network = NetworkConfig { max_streams_per_address: 2.try_into().expect("not zero"), ..network_config() };
    let app = TestApp::start_with_network_config(network, http_config()).await;
    let (first, _second) = (
        Socket::initialise_on(connect_from(&addresses, 0, app.address).await).await,
        Socket::initialise_on(connect_from(&addresses, 0, app.address).await).await,
    );
    let refused = Socket::open_on(connect_from(&addresses, 0, app.address).await, SUB_PROTOCOL).await;
    let refused = refused.err().expect("a refusal");
    assert_eq!(status_code(&refused), 429, "{refused}");
    assert!(refused.contains("the limit is 2 per client"), "{refused}");
    Socket::initialise_on(connect_from(&addresses, 1, app.address).await).await;
    drop(first);
    // The service notices the end of a connection soon.
    loop {
        match Socket::open_on(connect_from(&addresses, 0, app.address).await, SUB_PROTOCOL).await {
            Ok(_) => break,
            Err(refused) => assert_eq!(status_code(&refused), 429, "{refused}"),
        }
    }
}

#[tokio::test]
async fn cost_is_debited() {
    let digest = <sha2::Sha256 as sha2::Digest>::digest("secret").into();
    let token = TokenQuota { name: "library".to_owned(), digest, cost_per_minute: 5_000.try_into().expect("not zero") };
    let network =
        NetworkConfig { rate_limit_cost_per_minute: Some(300), rate_limit_tokens: vec![token], ..network_config() };
    let app = TestApp::start_with_network_config(network, http_config()).await;
    let mut socket = Socket::initialise(app.address).await;
    for _ in 0..3 {
        socket.subscribe("1", TYPENAME, json!({})).await;
        socket.result("1").await;
    }
    socket.subscribe("1", TYPENAME, json!({})).await;
    let errors = socket.errors("1").await;
    assert_eq!(errors[0]["extensions"]["code"], "RATE_LIMITED", "{errors}");
    assert!(errors[0]["extensions"]["retryAfter"].as_u64().is_some_and(|seconds| seconds > 0), "{errors}");
    // A token, which a browser can send in no other way.
    let mut socket = Socket::open(app.address).await;
    socket.send(json!({ "type": "connection_init", "payload": { "Authorization": "Bearer secret" } })).await;
    assert_eq!(socket.message().await, json!({ "type": "connection_ack" }));
    for _ in 0..4 {
        socket.subscribe("1", TYPENAME, json!({})).await;
        socket.result("1").await;
    }
}

/// The events of a subscription until `until` holds for the changes received so far: the ids, with their operations.
async fn receive_changes(
    socket: &mut Socket,
    id: &str,
    until: impl Fn(&[(String, String)]) -> bool,
) -> (Vec<(String, String)>, String) {
    let (mut changes, mut cursor) = (Vec::new(), String::new());
    while !until(&changes) {
        let message = socket.message().await;
        assert_eq!((&message["type"], &message["id"]), (&json!("next"), &json!(id)), "{message}");
        let page = &message["payload"]["data"]["changes"];
        page["cursor"].as_str().expect("a cursor").clone_into(&mut cursor);
        for change in page["changes"].as_array().expect("changes") {
            let text = |name: &str| change[name].as_str().expect("a text").to_owned();
            changes.push((text("id"), text("operation")));
        }
    }
    (changes, cursor)
}

const CHANGES: &str = "subscription($after: String, $kinds: [ChangeKind!]) {
    changes(after: $after, kinds: $kinds) { cursor hasMore changes { id operation kind fields cursor } } }";

fn researcher(name: &str) -> serde_json::Value {
    json!([researcher_record(name)])
}

/// The cursor at the end of the feed.
async fn change_cursor(app: &TestApp) -> String {
    let data = app.data("{ directory { changeCursor } }").await;
    data["directory"]["changeCursor"].as_str().expect("a cursor").to_owned()
}

#[tokio::test]
async fn changes_follow_commits() {
    let app = TestApp::start().await;
    app.create_records(researcher("Before Subscription")).await;
    let mut socket = Socket::initialise(app.address).await;
    socket.subscribe("1", CHANGES, json!({ "kinds": ["RESEARCHER"] })).await;
    wait_for_subscriptions(&app, 1).await;
    app.create_records(researcher("Ada Byron")).await;
    let (changes, cursor) = receive_changes(&mut socket, "1", |changes| !changes.is_empty()).await;
    let id = app.data("{ researcher(by: {slug: \"ada-byron\"}) { id } }").await["researcher"]["id"].clone();
    assert_eq!(changes, [(id.as_str().expect("an id").to_owned(), "CREATED".to_owned())]);
    // A change by another program, such as psql.
    app.execute_sql("UPDATE researcher SET homepage_url = 'https://ada.example' WHERE slug = 'ada-byron'").await;
    let message = socket.message().await;
    let change = &message["payload"]["data"]["changes"]["changes"][0];
    assert_eq!((&change["operation"], &change["fields"]), (&json!("UPDATED"), &json!(["homepageUrl"])), "{message}");
    // The same from the cursor on, by another socket.
    let mut other = Socket::initialise(app.address).await;
    other.subscribe("1", CHANGES, json!({ "after": cursor, "kinds": ["RESEARCHER"] })).await;
    assert_eq!(other.message().await, message);
}

/// Waits until this many subscriptions have started.
async fn wait_for_subscriptions(app: &TestApp, count: usize) {
    let expected = format!("academic_directory_subscriptions {count}");
    loop {
        let metrics = app.client().get(app.url("/metrics")).send().await.expect("a response");
        if metrics.text().await.expect("a text").lines().any(|line| line == expected) {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn everything_after_the_cursor_comes_first() {
    let app = TestApp::start().await;
    let start = change_cursor(&app).await;
    let records: Vec<_> = (0..250).map(|number| researcher_record(&format!("Person Number{number}"))).collect();
    app.create_records(json!(records)).await;
    let mut socket = Socket::initialise(app.address).await;
    socket.subscribe("1", CHANGES, json!({ "after": start, "kinds": ["RESEARCHER"] })).await;
    let (changes, _) = receive_changes(&mut socket, "1", |changes| changes.len() >= 250).await;
    let ids: HashSet<&String> = changes.iter().map(|(id, _)| id).collect();
    assert_eq!((changes.len(), ids.len()), (250, 250), "each once");
    assert!(changes.iter().all(|(_, operation)| operation == "CREATED"));
    app.create_records(researcher("Live Change")).await;
    let (changes, _) = receive_changes(&mut socket, "1", |changes| !changes.is_empty()).await;
    assert_eq!(changes.len(), 1);
}

#[tokio::test]
async fn filters() {
    let app = TestApp::start().await;
    let start = change_cursor(&app).await;
    let query = "subscription($after: String, $fields: [String!], $organizationIds: [ID!]) {
        changes(after: $after, fields: $fields, organizationIds: $organizationIds) { cursor changes { id operation kind } } }";
    app.create_records(json!([organization_record(1, "Faculty"), researcher_record("Ada Byron")])).await;
    let faculty = app.data("{ organizations { nodes { id } } }").await["organizations"]["nodes"][0]["id"].clone();
    let mut socket = Socket::initialise(app.address).await;
    socket.subscribe("organization", query, json!({ "after": start, "organizationIds": [faculty] })).await;
    let (changes, cursor) = receive_changes(&mut socket, "organization", |changes| !changes.is_empty()).await;
    assert_eq!(changes, [(faculty.as_str().expect("an id").to_owned(), "CREATED".to_owned())]);
    socket.send(json!({ "type": "complete", "id": "organization" })).await;
    socket.subscribe("fields", query, json!({ "after": cursor, "fields": ["homepageUrl"] })).await;
    app.execute_sql("UPDATE researcher SET portrait_url = 'https://a.example/p' WHERE slug = 'ada-byron'").await;
    app.execute_sql("UPDATE organization SET homepage_url = 'https://a.example' WHERE slug = 'faculty'").await;
    // The researcher was created after the cursor, which is no change of fields.
    let (changes, _) =
        receive_changes(&mut socket, "fields", |changes| changes.iter().any(|(id, _)| *id == faculty)).await;
    assert!(changes.iter().all(|(id, operation)| *id == faculty || operation == "CREATED"), "{changes:?}");
    for (variables, code) in [
        (json!({ "fields": ["unknown"] }), "BAD_USER_INPUT"),
        (json!({ "after": "unknown" }), "BAD_USER_INPUT"),
        (json!({ "organizationIds": ["unknown"] }), "BAD_USER_INPUT"),
    ] {
        socket.subscribe("invalid", query, variables.clone()).await;
        let message = loop {
            let message = socket.message().await;
            if message["id"] == "invalid" {
                break message;
            }
        };
        let errors = if message["type"] == "error" { &message["payload"] } else { &message["payload"]["errors"] };
        assert_eq!(errors[0]["extensions"]["code"], code, "{variables}: {message}");
        if message["type"] == "next" {
            assert_eq!(socket.message().await["type"], "complete");
        }
    }
}

#[tokio::test]
async fn researchers() {
    let app = TestApp::start().await;
    app.create_records(json!([researcher_record("Ada Byron"), researcher_record("Emil Noether")])).await;
    let nodes = app.data("{ researchers { nodes { id slug } } }").await["researchers"]["nodes"].clone();
    let ada = nodes.as_array().expect("a list").iter().find(|node| node["slug"] == "ada-byron").expect("Ada").clone();
    let query = "subscription($ids: [ID!]!, $after: String) {
        researcherChanged(ids: $ids, after: $after) { change { id operation fields cursor } researcher { name homepageUrl } } }";
    let mut socket = Socket::initialise(app.address).await;
    let start = change_cursor(&app).await;
    socket.subscribe("1", query, json!({ "ids": [ada["id"]], "after": start })).await;
    app.execute_sql("UPDATE researcher SET homepage_url = 'https://e.example' WHERE slug = 'emil-noether'").await;
    app.execute_sql("UPDATE researcher SET homepage_url = 'https://a.example' WHERE slug = 'ada-byron'").await;
    let event = socket.message().await["payload"]["data"]["researcherChanged"].clone();
    assert_eq!((&event["change"]["id"], &event["change"]["fields"]), (&ada["id"], &json!(["homepageUrl"])), "{event}");
    assert_eq!(event["researcher"], json!({ "name": "Ada Byron", "homepageUrl": "https://a.example" }));
    let many: Vec<_> = (0..101).map(|_| ada["id"].clone()).collect();
    socket.subscribe("2", query, json!({ "ids": many })).await;
    let message = socket.message().await;
    assert!(message.to_string().contains("LIMIT_EXCEEDED"), "{message}");
}

/// The entities of a batch are read together.
#[tokio::test]
async fn entities_of_a_batch_are_read_together() {
    let app = TestApp::start().await;
    let start = change_cursor(&app).await;
    let authors: Vec<String> = (0..100).map(|number| format!("Author Number{number}")).collect();
    let authors: Vec<&str> = authors.iter().map(String::as_str).collect();
    app.create_records(json!([paper_record("A paper", Some(2_020), &authors)])).await;
    let mut socket = Socket::initialise(app.address).await;
    let query = "subscription($after: String) { changes(after: $after, kinds: [RESEARCHER]) { cursor hasMore changes {
        id operation node { ... on Researcher { name coauthors(first: 3) { nodes { name } } } } } } }";
    let before = app.store.statement_counter().total();
    socket.subscribe("1", query, json!({ "after": start })).await;
    let message = socket.message().await;
    let statements = app.store.statement_counter().total() - before;
    let changes = message["payload"]["data"]["changes"]["changes"].as_array().expect("changes").clone();
    assert_eq!(changes.len(), 100, "{message}");
    assert!(
        changes
            .iter()
            .all(|change| change["node"]["coauthors"]["nodes"].as_array().is_some_and(|list| list.len() == 3))
    );
    // One for the cursor, one for the page, those of the tailer, and three for the entities.
    assert!(statements <= 9, "{statements} statements");
}

/// Reconnects at random moments under writes: each subscriber ends with what an undisturbed one has.
#[tokio::test]
async fn reconnects_under_writes() {
    let reconnects: usize = std::env::var("RECONNECTS").ok().and_then(|count| count.parse().ok()).unwrap_or(20);
    let app = TestApp::start().await;
    let start = change_cursor(&app).await;
    let names: Vec<_> = (0..20).map(|number| researcher_record(&format!("Person Number{number}"))).collect();
    app.create_records(json!(names)).await;
    let writer = async {
        // The last write is found by its value.
        for round in 0..reconnects * 3 {
            let sql = format!(
                "UPDATE researcher SET homepage_url = 'https://example.org/{round}' WHERE slug = 'person-number{}'",
                round * 7 % 20
            );
            app.execute_sql(&sql).await;
        }
        app.execute_sql("UPDATE researcher SET homepage_url = 'https://example.org/end'").await;
    };
    let disturbed = async {
        let (mut cursor, mut seen, mut connections) = (start.clone(), HashMap::new(), 0);
        loop {
            let mut socket = Socket::initialise(app.address).await;
            let query = "subscription($after: String) { changes(after: $after, kinds: [RESEARCHER]) { cursor changes {
                id operation cursor node { ... on Researcher { homepageUrl } } } } }";
            socket.subscribe("1", query, json!({ "after": cursor })).await;
            // Each connection receives a different number of events.
            let events = if connections < reconnects { connections % 3 } else { usize::MAX };
            for _ in 0..events {
                let message = socket.message().await;
                let page = &message["payload"]["data"]["changes"];
                let mut in_page = HashSet::new();
                for change in page["changes"].as_array().expect("changes") {
                    let id = change["id"].as_str().expect("an id").to_owned();
                    assert!(in_page.insert(id.clone()), "each entity once: {page}");
                    // A creation is only reported to a reader that does not know the entity.
                    assert_eq!(change["operation"] == "CREATED", !seen.contains_key(&id), "{page}");
                    seen.insert(id, change["node"]["homepageUrl"].clone());
                }
                page["cursor"].as_str().expect("a cursor").clone_into(&mut cursor);
                if seen.len() == 20 && seen.values().all(|url| url == "https://example.org/end") {
                    return (connections, seen);
                }
            }
            connections += 1;
        }
    };
    let ((), (connections, seen)) = tokio::join!(writer, disturbed);
    println!("{connections} connections");
    assert_eq!(seen.len(), 20);
}

/// A subscriber that does not read while much changes receives everything when it reads again.
#[tokio::test]
async fn slow_subscriber_is_served_from_the_database() {
    let app = TestApp::start().await;
    let start = change_cursor(&app).await;
    let mut slow = Socket::initialise(app.address).await;
    slow.subscribe("1", CHANGES, json!({ "after": start })).await;
    // More than the ring of the tailer holds.
    app.execute_sql(
        "INSERT INTO topic (scheme, slug, names, display_names, sort_names, created_at, updated_at) \
         SELECT 'local', 'topic-' || number, '[]', '{\"en\": \"Topic\"}', '{\"en\": \"topic\"}', now(), now() FROM generate_series(1, 6000) AS number",
    )
    .await;
    let (changes, _) = receive_changes(&mut slow, "1", |changes| changes.len() >= 6_000).await;
    let ids: HashSet<&String> = changes.iter().map(|(id, _)| id).collect();
    assert_eq!((changes.len(), ids.len()), (6_000, 6_000));
}

#[tokio::test]
async fn subscriptions_survive_an_outage() {
    let app = TestApp::start().await;
    let start = change_cursor(&app).await;
    let mut socket = Socket::initialise(app.address).await;
    socket.subscribe("1", CHANGES, json!({ "after": start, "kinds": ["RESEARCHER"] })).await;
    wait_for_subscriptions(&app, 1).await;
    app.execute_sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    .await;
    app.create_records(researcher("After Outage")).await;
    let (changes, _) = receive_changes(&mut socket, "1", |changes| !changes.is_empty()).await;
    assert_eq!(changes.len(), 1);
}

/// Whatever its number of subscribers, the service asks the database five times a second whether anything is new, and reads
/// what is new once. The polls in between are subtracted by the time that has passed, whatever that is: they are at least
/// 200 ms apart.
#[tokio::test]
async fn idle_subscribers_share_the_statements() {
    const COMMITS: u64 = 5;
    let app = TestApp::start().await;
    app.create_records(researcher("Ada Byron")).await;
    let mut sockets = Vec::new();
    for _ in 0..10 {
        let mut socket = Socket::initialise(app.address).await;
        for number in 0..10 {
            socket.subscribe(&number.to_string(), CHANGES, json!({})).await;
        }
        sockets.push(socket);
    }
    wait_for_subscriptions(&app, 100).await;
    let (before, started_at) = (app.store.statement_counter().total(), std::time::Instant::now());
    for number in 0..COMMITS {
        let sql = format!("UPDATE researcher SET homepage_url = 'https://example.org/{number}'");
        app.execute_sql(&sql).await;
        for socket in &mut sockets {
            let mut events = HashSet::new();
            while events.len() < 10 {
                events.insert(socket.message().await["id"].to_string());
            }
        }
    }
    let statements = app.store.statement_counter().total() - before;
    let intervals = u64::try_from(started_at.elapsed().as_millis() / 200).expect("a short test") + 1;
    // The polls, and as many health checks; for each commit, the state and the rows of the feed, and what else the service
    // does after a commit. A hundred subscribers that read by themselves would send a hundred for each commit.
    let limit = 2 * intervals + 10 * COMMITS;
    assert!(statements <= limit, "{statements} statements in {intervals} intervals; at most {limit}");
    drop(sockets);
    wait_for_subscriptions(&app, 0).await;
}

#[tokio::test]
async fn subscription_documents_are_validated() {
    let app = TestApp::start().await;
    let mut socket = Socket::initialise(app.address).await;
    for (query, message) in [
        ("subscription { __typename }", "a subscription cannot select __typename"),
        ("subscription { changes { cursor } other: changes { cursor } }", "a subscription has exactly one root field"),
        (
            "subscription { ...F changes { cursor } } fragment F on Subscription { researcherChanged(ids: []) { change { id } } }",
            "a subscription has exactly one root field",
        ),
        ("subscription { changes @skip(if: false) { cursor } }", "the root field of a subscription cannot have @skip"),
        (
            "subscription { ... @include(if: true) { changes { cursor } } }",
            "the root field of a subscription cannot have @include",
        ),
        ("subscription { researchers { totalCount } }", "the type Subscription has no field researchers"),
    ] {
        socket.subscribe("1", query, json!({})).await;
        let errors = socket.errors("1").await;
        assert!(errors[0]["message"].as_str().is_some_and(|text| text.starts_with(message)), "{query}: {errors}");
    }
    // The same field twice is one.
    socket.subscribe("1", "subscription { changes { cursor } ... { changes { hasMore } } }", json!({})).await;
    wait_for_subscriptions(&app, 1).await;
    // Over HTTP, with a response of one result, it is rejected.
    let response = app.query("subscription { changes { cursor } }", json!({})).await;
    assert!(response.messages()[0].contains("text/event-stream"), "{:?}", response.messages());
}

/// The value of a gauge in the metrics.
async fn gauge(app: &TestApp, name: &str) -> String {
    let metrics = app.client().get(app.url("/metrics")).send().await.expect("a response").text().await.expect("a text");
    let line = metrics.lines().find_map(|line| line.strip_prefix(&format!("academic_directory_{name} ")));
    line.expect("a gauge").to_owned()
}

#[tokio::test]
async fn client_that_does_not_read_is_disconnected() {
    let network = NetworkConfig { answer_timeout_seconds: 1.try_into().expect("not zero"), ..network_config() };
    let app = TestApp::start_with_network_config(network, http_config()).await;
    let connection = TcpSocket::new_v4().expect("a socket");
    connection.set_recv_buffer_size(4_096).expect("a small buffer");
    let mut socket = Socket::initialise_on(connection.connect(app.address).await.expect("a connection")).await;
    // One that only waits is not disconnected meanwhile.
    let mut idle = Socket::initialise(app.address).await;
    for number in 0..20 {
        socket.subscribe(&number.to_string(), include_str!("introspection.graphql"), json!({})).await;
    }
    while gauge(&app, "streams").await != "1" {
        tokio::task::yield_now().await;
    }
    idle.subscribe("1", TYPENAME, json!({})).await;
    assert_eq!(idle.result("1").await["data"]["__typename"], "Query");
}
