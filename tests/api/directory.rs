//! The directory itself: name, languages and totals.

use academic_directory::config::Limits;
use serde_json::json;

use crate::support::{TestApp, organization_record, paper_record, researcher_record, ror, topic_record, with_fields};

#[tokio::test]
async fn every_field() {
    let app = TestApp::start_with_limits(Limits::default(), 42).await;
    app.create_records(json!([
        with_fields(organization_record(1, "College"), json!({ "names": [
            { "value": "College", "language": "en", "kind": "LABEL" }, { "value": "COL", "kind": "ACRONYM" },
            { "value": "Collège", "language": "fr-CA", "kind": "LABEL" }, { "value": "Kolleg", "language": "de", "kind": "ALIAS" },
        ] })),
        organization_record(2, "Nameless tongue"),
        topic_record("Tides"),
        with_fields(researcher_record("Ada Berg"), json!({ "affiliations": [
            { "organization": { "ror": ror(1) }, "affiliationKind": "EMPLOYMENT" },
            { "organization": { "ror": ror(2) }, "affiliationKind": "EDUCATION", "endDate": "2001" },
        ] })),
        paper_record("Tides", Some(2001), &["Ada Berg", "Bo Dahl"]),
        paper_record("Waves", Some(2001), &["Bo Dahl"]),
    ]))
    .await;
    let query = r#"{ directory {
        name(languages: ["fr"]) { value language isFallback } version defaultLanguage languages consortiumSize
        statistics { researcherCount organizationCount affiliationCount topicCount paperCount authorshipCount }
    } }"#;
    let expected = json!({
        "name": { "value": "Test directory", "language": null, "isFallback": false },
        "version": env!("CARGO_PKG_VERSION"),
        "defaultLanguage": "en",
        // Languages of displayed names; aliases are not displayed.
        "languages": ["en", "fr-CA"],
        "consortiumSize": 42,
        "statistics": {
            "researcherCount": 2, "organizationCount": 2, "affiliationCount": 2, "topicCount": 1, "paperCount": 2, "authorshipCount": 3,
        },
    });
    assert_eq!(app.data(query).await["directory"], expected);
}

#[tokio::test]
async fn empty_directory() {
    let app = TestApp::start().await;
    let query = "{ directory { languages consortiumSize statistics { researcherCount paperCount } } \
         researchers { totalCount nodes { id } } organizations { totalCount } affiliations { totalCount } topics { totalCount } \
         papers { totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";
    let none = json!({ "totalCount": 0 });
    let expected = json!({
        "directory": { "languages": [], "consortiumSize": 100, "statistics": { "researcherCount": 0, "paperCount": 0 } },
        "researchers": { "totalCount": 0, "nodes": [] },
        "organizations": none,
        "affiliations": none,
        "topics": none,
        "papers": {
            "totalCount": 0,
            "pageInfo": { "hasNextPage": false, "hasPreviousPage": false, "startCursor": null, "endCursor": null },
        },
    });
    assert_eq!(app.data(query).await, expected);
}
