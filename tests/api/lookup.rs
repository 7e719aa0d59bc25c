//! Looking people up: by any key in any written form, by several at once, by what they were before.

use serde_json::json;

use crate::researcher::three_people;
use crate::support::{TestApp, orcid, researcher, texts, with};

const BY: &str = "query($by: ResearcherBy!) { researcher(by: $by) { slug } }";

#[tokio::test]
async fn look_ups_in_any_written_form() {
    let app = TestApp::start().await;
    app.load(json!([with(
        researcher("Ada Berg"),
        json!({
            "orcid": "0000-0002-1694-233X", "identifiers": [{ "scheme": "scopus", "value": "700123" }],
        })
    ),]))
        .await;
    let id = app.id_of("researcher", "ada-berg").await;
    for by in [
        json!({ "id": id }),
        json!({ "slug": "ada-berg" }),
        json!({ "slug": " Ada-Berg " }),
        json!({ "orcid": "0000-0002-1694-233X" }),
        json!({ "orcid": "0000-0002-1694-233x" }),
        json!({ "orcid": "000000021694233x" }),
        json!({ "orcid": "https://orcid.org/0000-0002-1694-233X" }),
        json!({ "orcid": "HTTP://orcid.org/0000-0002-1694-233x/" }),
        json!({ "identifier": { "scheme": "scopus", "value": "700123" } }),
        json!({ "identifier": { "scheme": "SCOPUS", "value": " 700123" } }),
    ] {
        let found = app.data_with(BY, json!({ "by": by })).await;
        assert_eq!(found["researcher"]["slug"], "ada-berg", "{by}");
    }
}

#[tokio::test]
async fn unknown_and_malformed_keys() {
    let app = three_people().await;
    let topic = app.id_of("topic", "tides").await;
    for by in [
        json!({ "id": "" }),
        json!({ "id": "x" }),
        json!({ "id": "\u{0}" }),
        json!({ "id": 7 }),
        json!({ "id": topic }),
        json!({ "id": "UmVzZWFyY2hlcjo5OTk5OTk" }), // Researcher:999999
        json!({ "slug": "" }),
        json!({ "slug": "nobody" }),
        json!({ "slug": "ada-berg\u{0}" }),
        json!({ "slug": "x".repeat(100_000) }),
        json!({ "orcid": "" }),
        json!({ "orcid": orcid(99) }),
        json!({ "orcid": "0000-0002-1694-2339" }),
        json!({ "orcid": "\u{0}" }),
        json!({ "identifier": { "scheme": "scopus", "value": "1" } }),
        json!({ "identifier": { "scheme": "\u{0}", "value": "\u{0}" } }),
    ] {
        let answer = app.ask(BY, json!({ "by": by })).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.data()["researcher"], json!(null), "{by}");
    }
}

#[tokio::test]
async fn exactly_one_key() {
    let app = three_people().await;
    for by in [
        json!({}),
        json!({ "slug": "a", "id": "b" }),
        json!({ "slug": null }),
        json!({ "doi": "x" }),
        json!(null),
        json!("x"),
    ] {
        let answer = app.ask(BY, json!({ "by": by })).await;
        assert_eq!(answer.codes(), ["BAD_USER_INPUT"], "{by}: {}", answer.body);
    }
}

#[tokio::test]
async fn many_keys_at_once() {
    let app = three_people().await;
    let id = app.id_of("researcher", "chen").await;
    let query = "query($keys: [ResearcherBy!]!) { researchersBy(keys: $keys) { slug } }";
    let keys = json!([
        { "slug": "emile-zola" }, { "orcid": orcid(21) }, { "slug": "nobody" }, { "id": id }, { "orcid": "x" }, { "slug": "emile-zola" },
        { "identifier": { "scheme": "scopus", "value": "700123" } },
    ]);
    let found = app.data_with(query, json!({ "keys": keys })).await;
    let slugs = texts(&found["researchersBy"], &["slug"]);
    assert_eq!(slugs, ["emile-zola", "ada-berg", "null", "chen", "null", "emile-zola", "ada-berg"]);

    assert_eq!(app.data_with(query, json!({ "keys": [] })).await["researchersBy"], json!([]));
    let keys = |amount| json!({ "keys": vec![json!({ "slug": "chen" }); amount] });
    assert_eq!(app.data_with(query, keys(500)).await["researchersBy"].as_array().map(Vec::len), Some(500));
    insta::assert_snapshot!(app.refusal(query, keys(501)).await, @"keys has 501 entries; a list takes at most 500: ask in several requests");
}

#[tokio::test]
async fn former_identities_lead_to_the_survivor() {
    let app = three_people().await;
    app.merged("researcher", 4_000, "ada-b", "ada-berg").await;
    app.merged("researcher", 4_001, "a-berg", "ada-berg").await;
    // The same number and slug of another kind is another thing.
    app.merged("topic", 4_002, "a-b", "tides").await;
    let former = "UmVzZWFyY2hlcjo0MDAw"; // Researcher:4000
    for by in [json!({ "id": former }), json!({ "slug": "ada-b" }), json!({ "slug": "A-Berg" })] {
        assert_eq!(app.data_with(BY, json!({ "by": by })).await["researcher"]["slug"], "ada-berg", "{by}");
    }
    for by in [json!({ "id": "UmVzZWFyY2hlcjo0MDAy" }), json!({ "slug": "a-b" })] {
        assert_eq!(app.data_with(BY, json!({ "by": by })).await["researcher"], json!(null), "{by}");
    }
    let found = app.data(r#"{ researcher(by: {slug: "ada-b"}) { formerIds } }"#).await;
    assert_eq!(found["researcher"]["formerIds"], json!([former, "UmVzZWFyY2hlcjo0MDAx"]));
    let query = "query($keys: [ResearcherBy!]!) { researchersBy(keys: $keys) { slug } }";
    let both = app.data_with(query, json!({ "keys": [{ "slug": "ada-b" }, { "slug": "ada-berg" }] })).await;
    assert_eq!(texts(&both["researchersBy"], &["slug"]), ["ada-berg", "ada-berg"]);
}
