//! What a request may ask for.

use academic_directory::config::Limits;
use serde_json::json;

use crate::support::{TestApp, paper};

async fn limited(limits: Limits) -> TestApp {
    let app = TestApp::start_with(limits, 100).await;
    app.load(json!([paper("One", Some(2001), &["Ada Berg", "Bo Dahl"])])).await;
    app
}

#[tokio::test]
async fn depth() {
    let app = limited(Limits { depth: 6, ..Limits::default() }).await;
    app.data("{ papers { nodes { authorships { nodes { researcher { name } } } } } }").await;
    for query in [
        "{ papers { nodes { authorships { nodes { researcher { statistics { paperCount } } } } } } }",
        "{ papers { nodes { ...a } } } fragment a on Paper { authorships { nodes { ...b } } } fragment b on Authorship { researcher { statistics { paperCount } } }",
        "{ papers { nodes { ... on Paper { authorships { ... { nodes { researcher { statistics { paperCount } } } } } } } } }",
    ] {
        assert_eq!(app.refusal(query, json!({})).await, "Query is nested too deep.", "{query}");
    }
}

#[tokio::test]
async fn depth_of_the_usual_limits() {
    let app = limited(Limits::default()).await;
    let nested = |levels: usize| {
        let (open, close) = ("papers(first: 1) { nodes { authorships(first: 1) { nodes { researcher { ", " } } } } }");
        format!("{{ researchers(first: 1) {{ nodes {{ {} name {} }} }} }}", open.repeat(levels), close.repeat(levels))
    };
    app.data(&nested(11)).await;
    app.refusal(&nested(12), json!({})).await;
    let absurd = app.ask(&nested(5_000), json!({})).await;
    assert_eq!((absurd.status, absurd.codes()), (200, vec!["BAD_USER_INPUT".to_owned()]), "{}", absurd.body);
    for query in [
        "{".repeat(100_000),
        "{ a ".repeat(50_000),
        format!("{{ researchers(filter: {}", "{not:".repeat(50_000)),
        "[".repeat(100_000),
    ] {
        let answer = app.ask(&query, json!({})).await;
        assert_eq!(answer.codes(), ["BAD_USER_INPUT"], "{}", &query[..20]);
    }
}

#[tokio::test]
async fn complexity() {
    let app = limited(Limits { complexity: 100, ..Limits::default() }).await;
    app.data("{ papers(first: 50) { nodes { id } } }").await;
    app.data("{ papers(first: 10) { nodes { authorships(first: 3) { nodes { id } } } } }").await;
    for query in [
        "{ papers(first: 100) { nodes { id } } }",
        "{ papers(last: 100) { nodes { id } } }",
        "{ papers { nodes { id title slug language doi } } }",
        "{ papers(first: 10) { nodes { authorships(first: 10) { nodes { id } } } } }",
        "{ a: papers(first: 40) { nodes { id } } b: papers(first: 40) { nodes { id } } }",
        "{ ...all } fragment all on Query { papers(first: 100) { nodes { id } } }",
        "query($first: Int = 100) { papers(first: $first) { nodes { id } } }",
    ] {
        assert_eq!(app.refusal(query, json!({})).await, "Query is too complex.", "{query}");
    }
    // Pages count at the size that is asked for, also where a variable has it.
    let query = "query($first: Int!) { papers(first: $first) { nodes { id } } }";
    app.data_with(query, json!({ "first": 10 })).await;
    app.refusal(query, json!({ "first": 100 })).await;
}

#[tokio::test]
async fn complexity_beyond_all_numbers() {
    let app = limited(Limits::default()).await;
    // 100 to the power of 2, 4, …, 24: at some of these a product that wraps around is small again.
    for levels in 2..=12 {
        let (open, close) = (
            "coauthors(first: 100) { nodes { papers(first: 100) { nodes { authorships(first: 100) { nodes { researcher { ",
            " } } } } } } }",
        );
        let query = format!(
            "{{ researchers(first: 100) {{ nodes {{ {} name {} }} }} }}",
            open.repeat(levels),
            close.repeat(levels)
        );
        let answer = app.ask(&query, json!({})).await;
        assert_eq!(answer.codes(), ["BAD_USER_INPUT"], "{levels} times three lists: {}", answer.body);
    }
}

#[tokio::test]
async fn list_entries() {
    let app = limited(Limits { list_entries: 3, ..Limits::default() }).await;
    let id = app.id_of("paper", "one").await;
    let query = "query($ids: [ID!]) { papers(filter: {ids: $ids}) { nodes { slug } } }";
    assert_eq!(
        app.data_with(query, json!({ "ids": [id, id, id] })).await["papers"]["nodes"],
        json!([{ "slug": "one" }])
    );
    insta::assert_snapshot!(
        app.refusal(query, json!({ "ids": [id, id, id, id] })).await,
        @"ids has 4 entries; a list takes at most 3: ask in several requests"
    );
    let query = "query($keys: [PaperBy!]!) { papersBy(keys: $keys) { slug } }";
    let keys = |amount| json!({ "keys": vec![json!({ "slug": "one" }); amount] });
    app.data_with(query, keys(3)).await;
    app.refusal(query, keys(4)).await;
}

#[tokio::test]
async fn nodes() {
    let app = limited(Limits::default()).await;
    let id = app.id_of("paper", "one").await;
    let query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    let found = app.data_with(query, json!({ "ids": vec![&id; 100] })).await;
    assert_eq!(found["nodes"].as_array().map(Vec::len), Some(100));
    insta::assert_snapshot!(
        app.refusal(query, json!({ "ids": vec![&id; 101] })).await,
        @"ids has 101 entries; it takes at most 100: ask in several requests"
    );
}
