//! The sitemap, and what robots may visit.

use std::collections::BTreeSet;

use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::json;

use crate::support::{TestApp, organization_record, paper_record, pluck_strings, researcher_record, topic_record};

/// The texts of all elements with this name. The XML is well-formed.
fn texts(xml: &str, name: &str) -> Vec<String> {
    let mut reader = Reader::from_str(xml);
    let (mut texts, mut is_inside) = (Vec::new(), false);
    loop {
        match reader.read_event().expect("XML") {
            Event::Start(start) => is_inside = start.name().as_ref() == name,
            Event::Text(text) if is_inside => texts.push(text.xml10_content().into_owned()),
            Event::End(_) => is_inside = false,
            Event::Eof => return texts,
            _ => {}
        }
    }
}

async fn get(app: &TestApp, address: &str) -> String {
    let response = app.client().get(address).send().await.expect("a response");
    assert_eq!(response.status(), 200, "{address}");
    let content_type = response.headers()["content-type"].to_str().expect("a media type").to_owned();
    assert_eq!(content_type, "application/xml; charset=utf-8", "{address}");
    let text = response.text().await.expect("a body");
    assert!(text.len() <= 10_000_000, "{address}");
    text
}

/// The addresses of all parts, and those of all pages.
async fn walk(app: &TestApp) -> (Vec<String>, Vec<String>) {
    let parts = texts(&get(app, &app.url("/sitemap.xml")).await, "loc");
    let mut pages = Vec::new();
    for part in &parts {
        let own = texts(&get(app, part).await, "loc");
        assert!(!own.is_empty() && own.len() <= 10_000, "{part}: {}", own.len());
        pages.extend(own);
    }
    (parts, pages)
}

#[tokio::test]
async fn every_entity_once() {
    let app = TestApp::start().await;
    assert_eq!(walk(&app).await, (vec![], vec![]));
    let mut records = vec![organization_record(1, "College"), topic_record("Sea"), researcher_record("Ida Brook")];
    records.extend((0..5).map(|number| paper_record(&format!("Paper {number}"), Some(2001), &["Ida Brook", "Cy Ek"])));
    app.create_records(json!(records)).await;
    // Some are in other parts, after a part without any.
    for (number, id) in [(5, 25_000), (6, 35_000)] {
        app.execute_sql(&format!("SELECT setval(pg_get_serial_sequence('paper', 'id'), {id})")).await;
        app.create_records(json!([paper_record(&format!("Paper {number}"), Some(2001), &["Cy Ek"])])).await;
    }
    let (parts, pages) = walk(&app).await;
    let names = ["people-1", "organizations-1", "topics-1", "papers-1", "papers-3", "papers-4"];
    assert_eq!(parts, names.map(|name| app.url(&format!("/sitemap/{name}.xml"))));
    let lists = app
        .data("{ researchers { nodes { slug } } organizations { nodes { slug } } topics { nodes { slug } } papers { nodes { slug } } }")
        .await;
    let mut expected = BTreeSet::new();
    for (list, segment) in
        [("researchers", "people"), ("organizations", "organizations"), ("topics", "topics"), ("papers", "papers")]
    {
        let slugs = pluck_strings(&lists[list]["nodes"], &["slug"]);
        expected.extend(slugs.iter().map(|slug| app.url(&format!("/en/{segment}/{slug}"))));
    }
    assert_eq!(expected.len(), 2 + 1 + 1 + 7);
    assert_eq!(pages.len(), expected.len());
    assert_eq!(pages.iter().cloned().collect::<BTreeSet<_>>(), expected);
    for page in &pages {
        assert_eq!(app.client().get(page).send().await.expect("a response").status(), 200, "{page}");
    }
    let people = get(&app, &parts[0]).await;
    assert_eq!(people.matches("hreflang=\"fr\"").count(), 2);
    assert!(texts(&people, "lastmod").iter().all(|time| time.len() == 20 && time.ends_with('Z')), "{people}");
}

/// Also what an entity is linked to changes its page.
#[tokio::test]
async fn last_change_by_the_change_feed() {
    let app = TestApp::start().await;
    app.create_records(json!([researcher_record("Ida Brook"), topic_record("Sea")])).await;
    app.execute_sql("UPDATE change SET changed_at = '2031-02-03 04:05:06+00' WHERE kind = 1").await;
    let people = get(&app, &app.url("/sitemap/people-1.xml")).await;
    assert_eq!(texts(&people, "lastmod"), ["2031-02-03T04:05:06Z"]);
    // An entity of another kind with the same row id.
    let topics = get(&app, &app.url("/sitemap/topics-1.xml")).await;
    assert!(!topics.contains("2031"), "{topics}");
}

#[tokio::test]
async fn unknown_parts() {
    let app = TestApp::start().await;
    for name in ["papers-1", "papers-0", "papers-x", "people", "authorships-1", "papers-99999999999999"] {
        let response = app.client().get(app.url(&format!("/sitemap/{name}.xml"))).send().await.expect("a response");
        assert_eq!(response.status(), 404, "{name}");
    }
}

#[tokio::test]
async fn robots() {
    let app = TestApp::start().await;
    let response = app.client().get(app.url("/robots.txt")).send().await.expect("a response");
    let text = response.text().await.expect("a body");
    let expected =
        format!("User-agent: *\nDisallow: /graphql\nDisallow: /metrics\n\nSitemap: {}\n", app.url("/sitemap.xml"));
    assert_eq!(text, expected);
    let llms = app.client().get(app.url("/llms.txt")).send().await.expect("a response");
    assert_eq!(llms.status(), 404);
}
