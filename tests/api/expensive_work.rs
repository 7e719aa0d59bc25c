//! Expensive work: the price of searches, the limit on their words, and the share of connections of expensive statements.

use std::sync::Arc;

use academic_directory::config::{Limits, NetworkConfig};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{
    GraphqlResponse, TestApp, create_database, database_config, http_config, network_config, paper_record,
    researcher_record,
};

/// Words that no name contains, so that a search corrects their typos.
fn unknown_words(count: usize) -> String {
    let letter = |number: usize| char::from(b"bcdfghklmnprstvw"[number % 16]);
    (0..count).map(|number| format!("a{}o{}e", letter(number), letter(number / 16))).collect::<Vec<_>>().join(" ")
}

async fn cost_of(app: &TestApp, query: &str, variables: Value) -> u64 {
    let body = json!({ "query": query, "variables": variables });
    let request = app.client().post(app.url("/graphql")).header("X-Query-Cost", "only").json(&body);
    let response: Value = request.send().await.expect("a response").json().await.expect("JSON");
    response["extensions"]["cost"]["requested"]["cost"].as_u64().unwrap_or_else(|| panic!("{response}"))
}

#[tokio::test]
async fn each_word_of_a_search_is_charged() {
    let app = TestApp::start().await;
    for (query, cost) in [
        ("{ search(query: \"ada\") { totalCount } }", 340),
        ("{ search(query: \"ada berg ada\") { totalCount } }", 440),
        ("{ search(query: \"ada berg\") { totalCount nodes { id } } }", 660),
        ("{ search(query: \" \") { totalCount } }", 240),
        ("{ autocomplete(query: \"ada b\", first: 5) { label } }", 1_205),
        ("{ researchers(filter: { query: \"ada\" }) { totalCount } }", 340),
        ("{ researchers(filter: { not: { or: [{ query: \"ada\" }, { query: \"bo dahl\" }] } }) { totalCount } }", 540),
        ("{ researchers(filter: { query: \"ada\" }) @skip(if: true) { totalCount } }", 0),
    ] {
        assert_eq!(cost_of(&app, query, json!({})).await, cost, "{query}");
    }
}

#[tokio::test]
async fn words_in_variables_are_charged() {
    let app = TestApp::start().await;
    app.create_records(json!([researcher_record("Ada Berg")])).await;
    let by_text = "query($query: String!) { search(query: $query) { totalCount } }";
    let by_filter = "query($filter: ResearcherFilter) { researchers(filter: $filter) { totalCount } }";
    let by_filters = "query($filters: [ResearcherFilter!]) { researchers(filter: { and: $filters }) { totalCount } }";
    let by_default = "query($query: String! = \"ada berg\") { search(query: $query) { totalCount } }";
    assert_eq!(cost_of(&app, by_default, json!({})).await, 440);
    // The second time, the document is cached; the number of words still counts.
    for words in ["ada", "ada berg", "berg ada bo"] {
        let count = words.split(' ').count() as u64;
        for (query, variables) in [
            (by_text, json!({ "query": words })),
            (by_filter, json!({ "filter": { "query": words } })),
            (by_filters, json!({ "filters": [{ "query": words }] })),
            (by_default, json!({ "query": words })),
        ] {
            assert_eq!(cost_of(&app, query, variables.clone()).await, 240 + 100 * count, "{query} {variables}");
            app.data_with_variables(query, variables).await;
        }
    }
}

#[tokio::test]
async fn words_of_a_request_are_limited() {
    let app = TestApp::start().await;
    app.create_records(json!([researcher_record("Ada Berg")])).await;
    let query = "query($filter: ResearcherFilter) { researchers(filter: $filter) { totalCount } }";
    let searches = |count: usize| json!({ "filter": { "or": vec![json!({ "query": unknown_words(50) }); count] } });
    app.data_with_variables(query, searches(10)).await;
    let (response, statements) = app.query_counting_statements(query, searches(30)).await;
    assert_eq!((response.codes(), statements), (vec!["LIMIT_EXCEEDED".to_owned()], 0));
    assert_eq!(response.body["errors"][0]["extensions"]["limit"], "searchWords");
    insta::assert_snapshot!(
        response.messages()[0],
        @"the query searches for 1500 words; the limit is 500: search for fewer words, or split the request"
    );
    // Whatever the longest query consists of, it can be sent.
    for text in ["a ".repeat(250), "鸟".repeat(500), "a-b ".repeat(125), unknown_words(83)] {
        app.data_with_variables(
            "query($text: String!) { search(query: $text) { totalCount } }",
            json!({ "text": text }),
        )
        .await;
    }
}

/// A service with two connections behind a proxy.
async fn start_with_two_connections() -> TestApp {
    let mut config = database_config(&create_database().await, 100);
    config.database_max_connections = 2.try_into().expect("not zero");
    let proxies = vec!["127.0.0.1/32".parse().expect("a network")];
    let network = NetworkConfig { trusted_proxies: proxies, ..network_config() };
    TestApp::start_with_config(config, Limits::default(), http_config(), network).await
}

/// Sends a query as one of several clients: a client alone leaves connections to others.
async fn query_as(app: &TestApp, client: u8, query: &str, variables: Value) -> GraphqlResponse {
    let request = app.client().post(app.url("/graphql")).header("X-Forwarded-For", format!("192.0.2.{client}"));
    let response = request.json(&json!({ "query": query, "variables": variables })).send().await.expect("a response");
    GraphqlResponse { status: response.status().as_u16(), body: response.json().await.expect("JSON") }
}

/// A service with two connections, whose searches with typos are blocked.
async fn start_with_blocked_search() -> (TestApp, crate::support::DatabaseSession) {
    let app = start_with_two_connections().await;
    app.create_records(json!([paper_record("Tides", Some(2001), &["Ada Berg"])])).await;
    let lock = app.lock_table("search_word").await;
    (app, lock)
}

#[tokio::test]
async fn expensive_searches_share_a_connection() {
    let (app, lock) = start_with_blocked_search().await;
    let search = "query($text: String!) { search(query: $text) { nodes { id } } }";
    let expensive = json!({ "text": unknown_words(10) });
    let app = Arc::new(app);
    let mut searches = JoinSet::new();
    for client in 1..=3 {
        let (app, expensive) = (Arc::clone(&app), expensive.clone());
        searches.spawn(async move { query_as(&app, client, search, expensive).await });
    }
    app.wait_until_blocked().await;
    for _ in 0..5 {
        let data = app.data("{ researchers { nodes { name papers { nodes { title } } } } }").await;
        assert_eq!(data["researchers"]["nodes"][0]["papers"]["nodes"][0]["title"], "Tides");
    }
    // The two searches that wait are rejected while the first one runs.
    let rejected = searches.join_next().await.expect("a search").expect("a response");
    let second = searches.join_next().await.expect("a search").expect("a response");
    assert_eq!((rejected.status, second.status), (503, 503));
    drop(lock);
    let first = searches.join_next().await.expect("a search").expect("a response");
    assert_eq!(first.status, 200);
    assert_eq!(rejected.codes(), ["SERVICE_UNAVAILABLE"]);
    insta::assert_snapshot!(
        rejected.messages()[0],
        @"too many searches for many words are running; retry in a few seconds, or search for fewer words"
    );
    // Afterwards all searches run.
    assert_eq!(app.query(search, expensive).await.status, 200);
}

#[tokio::test]
async fn short_searches_do_not_wait_for_long_ones() {
    let (app, lock) = start_with_blocked_search().await;
    let search = "query($text: String!) { search(query: $text) { totalCount } }";
    let long = query_as(&app, 1, search, json!({ "text": unknown_words(10) }));
    let short = async {
        app.wait_until_blocked().await;
        let short = query_as(&app, 2, search, json!({ "text": "brgg adda" }));
        let release = async {
            // Both statements are blocked: the short search did not wait for the long one.
            app.wait_for_blocked_statements(|blocked| blocked == 2).await;
            drop(lock);
        };
        tokio::join!(short, release).0
    };
    let (long, short) = tokio::join!(long, short);
    assert_eq!((long.status, short.status), (200, 200));
}

#[tokio::test]
async fn counts_that_wait_too_long_are_rejected() {
    let app = start_with_two_connections().await;
    app.create_records(json!([paper_record("Tides", Some(2001), &["Ada Berg"])])).await;
    let facets = "{ papers { nodes { title } facets { publicationYears { count } venues { count } } } }";
    let count = "{ directory { sources { name } } }";
    let lock = app.lock_table("source_record").await;
    let blocked = query_as(&app, 1, count, json!({}));
    let other = async {
        app.wait_until_blocked().await;
        let response = query_as(&app, 2, facets, json!({})).await;
        drop(lock);
        response
    };
    let (blocked, other) = tokio::join!(blocked, other);
    assert_eq!(blocked.status, 200);
    assert_eq!((other.status, other.codes()), (503, vec!["SERVICE_UNAVAILABLE".to_owned()]));
    insta::assert_snapshot!(
        other.messages()[0],
        @"too many counts over large lists are running; retry in a few seconds, or request no facets and no data quality"
    );
}

/// A harvest does not need the number of records.
#[tokio::test]
async fn harvest_while_too_many_counts_are_running() {
    let app = start_with_two_connections().await;
    let papers: Vec<Value> =
        (0..101).map(|year| paper_record(&format!("Tides {year}"), Some(2001), &["Ada Berg"])).collect();
    app.create_records(json!(papers)).await;
    // A list ends some seconds before its request.
    app.execute_sql("UPDATE change SET changed_at = changed_at - interval '1 minute'").await;
    let path = "/oai?verb=ListRecords&metadataPrefix=oai_dc";
    let counted = app.client().get(app.url(path)).send().await.expect("a response").text().await.expect("a text");
    assert!(counted.contains("completeListSize=\"102\""), "{counted}");
    let lock = app.lock_table("source_record").await;
    let blocked = query_as(&app, 1, "{ directory { sources { name } } }", json!({}));
    let harvest = async {
        app.wait_until_blocked().await;
        let response = app.client().get(app.url(path)).send().await.expect("a response");
        drop(lock);
        (response.status().as_u16(), response.text().await.expect("a text"))
    };
    let (blocked, (status, uncounted)) = tokio::join!(blocked, harvest);
    assert_eq!((blocked.status, status), (200, 200), "{uncounted}");
    assert!(uncounted.contains("<resumptionToken cursor=\"0\">"), "{uncounted}");
}
