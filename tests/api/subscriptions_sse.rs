//! GraphQL over server-sent events, in the mode of distinct connections.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use crate::support::{TestApp, researcher_record};

/// The events of a response: name, id and data.
fn events(text: &str) -> Vec<(String, Option<String>, String)> {
    let blocks = text.split("\n\n").filter(|block| !block.is_empty() && !block.starts_with(':'));
    let event = |block: &str| {
        let field = |name: &str| {
            let value = block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            value.map(|value| value.strip_prefix(' ').unwrap_or(value).to_owned())
        };
        (field("event").expect("a name"), field("id"), field("data").expect("data"))
    };
    blocks.map(event).collect()
}

async fn post(app: &TestApp, body: Value, headers: &[(&str, &str)]) -> (u16, String, String) {
    let request = app.client().post(app.url("/graphql")).header("Accept", "text/event-stream").json(&body);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let response = request.send().await.expect("a response");
    let header =
        |name: &str| response.headers().get(name).map_or("", |value| value.to_str().expect("a text")).to_owned();
    let (status, content_type) = (response.status().as_u16(), header("content-type"));
    if status == 200 {
        assert_eq!((header("cache-control").as_str(), header("x-accel-buffering").as_str()), ("no-store", "no"));
    }
    (status, content_type, response.text().await.expect("a text"))
}

#[tokio::test]
async fn query() {
    let app = TestApp::start().await;
    let (status, content_type, body) =
        post(&app, json!({ "query": "{ __typename }" }), &[("Accept-Encoding", "gzip, zstd")]).await;
    assert_eq!((status, content_type.as_str()), (200, "text/event-stream; charset=utf-8"), "{body}");
    let [(next, _, data), (complete, _, end)] = &events(&body)[..] else { panic!("{body}") };
    assert_eq!((next.as_str(), complete.as_str(), end.as_str()), ("next", "complete", ""));
    assert_eq!(serde_json::from_str::<Value>(data).expect("JSON"), json!({ "data": { "__typename": "Query" } }));
    // By GET, as EventSource does.
    let get = app.client().get(app.url("/graphql?query=%7B__typename%7D")).header("Accept", "text/event-stream");
    let response = get.send().await.expect("a response").text().await.expect("a text");
    assert_eq!(response, body);
}

#[tokio::test]
async fn invalid_operations_are_events() {
    let app = TestApp::start().await;
    let (status, _, body) = post(&app, json!({ "query": "{ unknown }" }), &[]).await;
    let [(_, _, data), (complete, ..)] = &events(&body)[..] else { panic!("{body}") };
    assert_eq!((status, complete.as_str()), (200, "complete"));
    let result: Value = serde_json::from_str(data).expect("JSON");
    assert_eq!(result["errors"][0]["extensions"]["code"], "GRAPHQL_VALIDATION_FAILED", "{result}");
    assert!(result.get("data").is_none(), "{result}");
}

#[tokio::test]
async fn invalid_requests_are_refused() {
    let app = TestApp::start().await;
    let (status, content_type, body) = post(&app, json!({ "query": 1 }), &[]).await;
    assert_eq!((status, content_type.as_str()), (400, "application/json; charset=utf-8"), "{body}");
    let (status, _, body) =
        post(&app, json!({ "query": "{ __typename }" }), &[("Origin", "https://evil.example")]).await;
    assert_eq!(status, 403, "{body}");
    assert!(body.contains("CORS_ORIGINS"), "{body}");
    let get = app.client().get(app.url("/graphql?query=%7B__typename%7D"));
    let get = get.header("Accept", "text/event-stream").header("Origin", "https://evil.example");
    assert_eq!(get.send().await.expect("a response").status().as_u16(), 403);
}

#[tokio::test]
async fn json_is_preferred_if_it_is_named_first() {
    let app = TestApp::start().await;
    let accept = "application/graphql-response+json, application/json, text/event-stream, multipart/mixed";
    let request =
        app.client().post(app.url("/graphql")).header("Accept", accept).json(&json!({ "query": "{ __typename }" }));
    let response = request.send().await.expect("a response");
    assert_eq!(response.headers()["content-type"], "application/graphql-response+json; charset=utf-8");
}

/// Reads events of a stream until there are this many.
async fn read_events(response: &mut reqwest::Response, count: usize) -> Vec<(String, Option<String>, String)> {
    let mut text = String::new();
    while events(&text).len() < count || !text.ends_with("\n\n") {
        let chunk = response.chunk().await.expect("a part").expect("the stream goes on");
        text.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
    }
    events(&text)
}

async fn subscribe(app: &TestApp, query: &str, last_event_id: Option<&str>) -> reqwest::Response {
    let request = app.client().post(app.url("/graphql")).header("Accept", "text/event-stream");
    let request = last_event_id.iter().fold(request, |request, id| request.header("Last-Event-ID", *id));
    request.json(&json!({ "query": query })).send().await.expect("a response")
}

#[tokio::test]
async fn subscription_resumes_after_the_last_event() {
    let app = TestApp::start().await;
    let start = app.data("{ directory { changeCursor } }").await["directory"]["changeCursor"].clone();
    let query =
        format!("subscription {{ changes(after: {start}, kinds: [RESEARCHER]) {{ cursor changes {{ id }} }} }}");
    app.create_records(json!([researcher_record("Ada Byron")])).await;
    let mut response = subscribe(&app, &query, None).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
    let [(name, id, data)] = &read_events(&mut response, 1).await[..] else { panic!("one event") };
    let data: Value = serde_json::from_str(data).expect("JSON");
    assert_eq!((name.as_str(), id.as_deref()), ("next", data["data"]["changes"]["cursor"].as_str()));
    drop(response);
    app.create_records(json!([researcher_record("Emil Noether")])).await;
    let mut response = subscribe(&app, &query, id.as_deref()).await;
    let [(_, _, second)] = &read_events(&mut response, 1).await[..] else { panic!("one event") };
    let second: Value = serde_json::from_str(second).expect("JSON");
    let changes = |event: &Value| event["data"]["changes"]["changes"].clone();
    assert_eq!(changes(&second).as_array().map(Vec::len), Some(1));
    assert_ne!(changes(&second), changes(&data));
}

/// Reconnects at different moments under writes: the reader ends with what is stored, and no event comes twice.
#[tokio::test]
async fn reconnects_under_writes() {
    let reconnects: usize = std::env::var("RECONNECTS").ok().and_then(|count| count.parse().ok()).unwrap_or(20);
    let app = TestApp::start().await;
    let start = app.data("{ directory { changeCursor } }").await["directory"]["changeCursor"].clone();
    let names: Vec<_> = (0..20).map(|number| researcher_record(&format!("Person Number{number}"))).collect();
    app.create_records(json!(names)).await;
    let writer = async {
        for round in 0..reconnects * 3 {
            let slug = format!("person-number{}", round * 7 % 20);
            app.execute_sql(&format!(
                "UPDATE researcher SET homepage_url = 'https://example.org/{round}' WHERE slug = '{slug}'"
            ))
            .await;
        }
        app.execute_sql("UPDATE researcher SET homepage_url = 'https://example.org/end'").await;
    };
    let query = format!(
        "subscription {{ changes(after: {start}, kinds: [RESEARCHER]) {{ cursor changes {{ \
         id operation node {{ ... on Researcher {{ homepageUrl }} }} }} }} }}"
    );
    let reader = async {
        let (mut last_event_id, mut seen, mut cursors) = (None, HashMap::new(), HashSet::new());
        for connection in 0.. {
            let mut response = subscribe(&app, &query, last_event_id.as_deref()).await;
            // Each connection receives a different number of events.
            let count = if connection < reconnects { connection % 3 } else { usize::MAX };
            for _ in 0..count {
                for (_, id, data) in read_events(&mut response, 1).await {
                    assert!(cursors.insert(id.clone()), "an event came twice: {data}");
                    let page: Value = serde_json::from_str(&data).expect("JSON");
                    for change in page["data"]["changes"]["changes"].as_array().expect("changes") {
                        let id = change["id"].as_str().expect("an id").to_owned();
                        // A creation is only reported to a reader that does not know the entity.
                        assert_eq!(change["operation"] == "CREATED", !seen.contains_key(&id), "{page}");
                        seen.insert(id, change["node"]["homepageUrl"].clone());
                    }
                    last_event_id = id;
                }
                if seen.len() == 20 && seen.values().all(|url| url == "https://example.org/end") {
                    return connection;
                }
            }
        }
        unreachable!("the loop has no end");
    };
    let ((), connections) = tokio::join!(writer, reader);
    println!("{connections} connections");
}

#[tokio::test]
async fn silence_is_filled_with_comments() {
    let app = TestApp::start().await;
    let mut response = subscribe(&app, "subscription { changes { cursor } }", None).await;
    for _ in 0..2 {
        let chunk = response.chunk().await.expect("a part").expect("the stream goes on");
        assert_eq!(&chunk[..], b":\n\n");
    }
}

#[tokio::test]
async fn stream_ends_at_shutdown_without_complete() {
    let app = TestApp::start().await;
    let mut response = subscribe(&app, "subscription { changes { cursor } }", None).await;
    assert_eq!(response.chunk().await.expect("a part").expect("the stream goes on")[..], b":\n\n"[..]);
    app.stop();
    let mut rest = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        rest.extend(chunk);
    }
    assert!(events(&String::from_utf8_lossy(&rest)).is_empty());
}

#[tokio::test]
async fn invalid_cursor_ends_the_stream() {
    let app = TestApp::start().await;
    let response = subscribe(&app, "subscription { changes(after: \"unknown\") { cursor } }", None).await;
    let text = response.text().await.expect("a text");
    let [(_, _, data), (complete, ..)] = &events(&text)[..] else { panic!("{text}") };
    assert_eq!(complete, "complete");
    assert!(data.contains("BAD_USER_INPUT"), "{data}");
}
