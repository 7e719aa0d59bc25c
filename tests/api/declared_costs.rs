//! Fields declare the SQL statements they run: no query for a field of an object type runs more than its cost says. A field
//! that reads the database without saying so fails here.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::schema_queries::SchemaQueryGenerator;
use crate::support::synthetic_data::college_records;
use crate::support::{TestApp, unlimited_limits};

#[tokio::test]
async fn every_field_of_every_object() {
    let app = TestApp::start_with_limits(unlimited_limits(), 100).await;
    app.create_records(json!(college_records(6))).await;
    let (person, other) = (app.find_id("researcher", "person-0").await, app.find_id("researcher", "person-4").await);
    let by = |slug: &str| vec![format!("(by: {{slug: {slug:?}}})")];
    let keys = |slug: &str| vec![format!("(keys: [{{slug: {slug:?}}}])")];
    let roots = BTreeMap::from([
        ("node", vec![format!("(id: {person:?})")]),
        ("nodes", vec![format!("(ids: [{person:?}])")]),
        ("researcher", by("person-0")),
        ("researchersBy", keys("person-0")),
        ("organization", by("college")),
        ("organizationsBy", keys("college")),
        ("topic", by("sea")),
        ("paper", by("first-1")),
        ("papersBy", keys("first-1")),
        ("search", vec!["(query: \"person\")".to_owned()]),
        ("autocomplete", vec!["(query: \"person\")".to_owned()]),
        ("coauthorPath", vec![format!("(fromId: {person:?}, toId: {other:?})")]),
    ]);
    let mut undeclared = Vec::new();
    for query in SchemaQueryGenerator::new(roots).queries() {
        let before = app.store.statement_counter().total();
        let request = app.client().post(app.url("/graphql")).header("X-Query-Cost", "report");
        let response = request.json(&json!({ "query": query })).send().await.expect("a response");
        let body: Value = response.json().await.expect("JSON");
        let statements = app.store.statement_counter().total() - before;
        let declared = body["extensions"]["cost"]["requested"]["statements"].as_u64();
        assert!(body.get("errors").is_none() && declared.is_some(), "{query:.300}: {body:.300}");
        if declared.is_some_and(|declared| declared < statements) {
            undeclared.push(format!("{statements} statements instead of {}: {query:.300}", declared.unwrap_or(0)));
        }
    }
    assert!(undeclared.is_empty(), "fields that do not declare what they cost:\n{}", undeclared.join("\n"));
}
