//! Lookups of researchers: key formats, batch lookups and redirects.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::researcher::three_researchers;
use crate::support::{
    CLIENT_ERROR_CODES, TestApp, orcid, organization_record, paper_record, pluck_strings, researcher_record, ror,
    with_fields,
};

const RESEARCHER_QUERY: &str = "query($by: ResearcherBy!) { researcher(by: $by) { slug } }";

#[tokio::test]
async fn key_formats() {
    let app = TestApp::start().await;
    app.create_records(json!([with_fields(
        researcher_record("Ada Berg"),
        json!({
            "orcid": "0000-0002-1694-233X", "identifiers": [{ "scheme": "scopus", "value": "700123" }],
        })
    ),]))
        .await;
    let id = app.find_id("researcher", "ada-berg").await;
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
        let found = app.data_with_variables(RESEARCHER_QUERY, json!({ "by": by })).await;
        assert_eq!(found["researcher"]["slug"], "ada-berg", "{by}");
    }
}

#[tokio::test]
async fn empty_directory() {
    let app = TestApp::start().await;
    assert_eq!(app.data("{ researcher(by: {slug: \"nobody\"}) { name } }").await["researcher"], json!(null));
}

#[tokio::test]
async fn unknown_and_invalid_keys() {
    let app = three_researchers().await;
    let topic = app.find_id("topic", "tides").await;
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
        let response = app.query(RESEARCHER_QUERY, json!({ "by": by })).await;
        assert_eq!(response.status, 200);
        assert_eq!(response.data()["researcher"], json!(null), "{by}");
    }
}

#[tokio::test]
async fn exactly_one_key() {
    let app = three_researchers().await;
    for by in [
        json!({}),
        json!({ "slug": "a", "id": "b" }),
        json!({ "slug": null }),
        json!({ "doi": "x" }),
        json!(null),
        json!("x"),
    ] {
        let response = app.query(RESEARCHER_QUERY, json!({ "by": by })).await;
        assert_eq!(response.codes().len(), 1, "{by}: {}", response.body);
        assert!(CLIENT_ERROR_CODES.contains(&response.codes()[0].as_str()), "{by}: {}", response.body);
    }
}

#[tokio::test]
async fn batch_lookup() {
    let app = three_researchers().await;
    let id = app.find_id("researcher", "chen").await;
    let query = "query($keys: [ResearcherBy!]!) { researchersBy(keys: $keys) { slug } }";
    let keys = json!([
        { "slug": "emile-zola" }, { "orcid": orcid(21) }, { "slug": "nobody" }, { "id": id }, { "orcid": "x" }, { "slug": "emile-zola" },
        { "identifier": { "scheme": "scopus", "value": "700123" } },
    ]);
    let found = app.data_with_variables(query, json!({ "keys": keys })).await;
    let slugs = pluck_strings(&found["researchersBy"], &["slug"]);
    assert_eq!(slugs, ["emile-zola", "ada-berg", "null", "chen", "null", "emile-zola", "ada-berg"]);

    assert_eq!(app.data_with_variables(query, json!({ "keys": [] })).await["researchersBy"], json!([]));
    let keys = |amount| json!({ "keys": vec![json!({ "slug": "chen" }); amount] });
    assert_eq!(app.data_with_variables(query, keys(500)).await["researchersBy"].as_array().map(Vec::len), Some(500));
    insta::assert_snapshot!(app.client_error(query, keys(501)).await, @"keys has 501 entries; the limit is 500: split the request");
}

#[tokio::test]
async fn merged_keys_redirect() {
    let app = three_researchers().await;
    app.insert_redirect("researcher", 4_000, "ada-b", "ada-berg").await;
    app.insert_redirect("researcher", 4_001, "a-berg", "ada-berg").await;
    // The same number and slug with another type is another entity.
    app.insert_redirect("topic", 4_002, "a-b", "tides").await;
    let former = "UmVzZWFyY2hlcjo0MDAw"; // Researcher:4000
    for by in [json!({ "id": former }), json!({ "slug": "ada-b" }), json!({ "slug": "A-Berg" })] {
        assert_eq!(
            app.data_with_variables(RESEARCHER_QUERY, json!({ "by": by })).await["researcher"]["slug"],
            "ada-berg",
            "{by}"
        );
    }
    for by in [json!({ "id": "UmVzZWFyY2hlcjo0MDAy" }), json!({ "slug": "a-b" })] {
        assert_eq!(
            app.data_with_variables(RESEARCHER_QUERY, json!({ "by": by })).await["researcher"],
            json!(null),
            "{by}"
        );
    }
    let found = app.data(r#"{ researcher(by: {slug: "ada-b"}) { formerIds } }"#).await;
    assert_eq!(found["researcher"]["formerIds"], json!([former, "UmVzZWFyY2hlcjo0MDAx"]));
    let query = "query($keys: [ResearcherBy!]!) { researchersBy(keys: $keys) { slug } }";
    let both = app.data_with_variables(query, json!({ "keys": [{ "slug": "ada-b" }, { "slug": "ada-berg" }] })).await;
    assert_eq!(pluck_strings(&both["researchersBy"], &["slug"]), ["ada-berg", "ada-berg"]);
}

#[tokio::test]
async fn batch_lookup_of_mixed_keys() {
    let app = TestApp::start().await;
    let scopus = |number: u64| json!([{ "scheme": "scopus", "value": number.to_string() }]);
    let doi = |number: u64| format!("10.5555/w{number}");
    let arxiv = |number: u64| format!("2001.{number:05}");
    let mut records = Vec::new();
    for number in 1..=60 {
        let person = researcher_record(&format!("Person {number}"));
        records.push(with_fields(person, json!({ "orcid": orcid(number), "identifiers": scopus(number) })));
        records.push(with_fields(
            organization_record(number, &format!("Place {number}")),
            json!({ "identifiers": scopus(number) }),
        ));
        let work = paper_record(&format!("Work {number}"), Some(2001), &[]);
        records.push(with_fields(
            work,
            json!({ "doi": doi(number), "arxivId": arxiv(number), "identifiers": scopus(number) }),
        ));
    }
    app.create_records(json!(records)).await;
    for (kind, stem, field, input) in [
        ("researcher", "person", "researchersBy", "ResearcherBy"),
        ("organization", "place", "organizationsBy", "OrganizationBy"),
        ("paper", "work", "papersBy", "PaperBy"),
    ] {
        let mut ids = vec![String::new()];
        for number in 1..=60 {
            ids.push(app.find_id(kind, &format!("{stem}-{number}")).await);
        }
        let mut keys = Vec::new();
        let mut expected = Vec::new();
        for index in 0..500_u64 {
            let number = index * 7 % 83 + 1;
            // There are only 60 entities of each type.
            let exists = number <= 60;
            expected.push(if exists { format!("{stem}-{number}") } else { "null".to_owned() });
            let id = ids.get(usize::try_from(number).unwrap_or_default()).cloned();
            let other_kind = URL_SAFE_NO_PAD.encode(format!("Topic:{number}"));
            keys.push(match (index % 5, kind) {
                (0, _) => json!({ "id": id.unwrap_or(other_kind) }),
                (1, _) => json!({ "slug": format!("{stem}-{number}") }),
                (2, _) => json!({ "identifier": { "scheme": "SCOPUS", "value": number.to_string() } }),
                (_, "researcher") => json!({ "orcid": orcid(number) }),
                (_, "organization") => json!({ "ror": format!("https://ror.org/{}", ror(number)) }),
                (3, _) => json!({ "doi": doi(number).to_uppercase() }),
                (_, _) => json!({ "arxivId": arxiv(number) }),
            });
        }
        let query = format!("query($keys: [{input}!]!) {{ {field}(keys: $keys) {{ slug }} }}");
        let (response, statements) = app.query_counting_statements(&query, json!({ "keys": keys })).await;
        assert_eq!(pluck_strings(&response.data()[field], &["slug"]), expected, "{field}");
        assert_eq!(statements, 1, "{field}");
        keys.push(json!({ "slug": "x" }));
        let message = app.client_error(&query, json!({ "keys": keys })).await;
        assert_eq!(message, "keys has 501 entries; the limit is 500: split the request");
    }
}
