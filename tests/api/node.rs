//! Lookup of nodes by global ID.

use serde_json::{Value, json};

use crate::support::{
    TestApp, organization_record, paper_record, pluck_strings, researcher_record, ror, topic_record, with_fields,
};

/// A directory with one entity of each type.
async fn one_entity_of_each_type() -> TestApp {
    let app = TestApp::start().await;
    app.create_records(json!([
        organization_record(1, "Same"),
        topic_record("Same"),
        with_fields(
            researcher_record("Same"),
            json!({ "affiliations": [{ "organization": { "ror": ror(1) }, "affiliationKind": "EMPLOYMENT" }] })
        ),
        paper_record("Same", Some(2001), &["Same"]),
    ]))
    .await;
    app
}

async fn entity_ids(app: &TestApp) -> Vec<Value> {
    let query = r#"{
        researchers { nodes { id } } organizations { nodes { id } } topics { nodes { id } } papers { nodes { id authorships { nodes { id } } } }
        affiliations { nodes { id } }
    }"#;
    let data = app.data(query).await;
    [
        "/researchers/nodes/0/id",
        "/organizations/nodes/0/id",
        "/topics/nodes/0/id",
        "/papers/nodes/0/id",
        "/affiliations/nodes/0/id",
        "/papers/nodes/0/authorships/nodes/0/id",
    ]
    .into_iter()
    .map(|path| data.pointer(path).cloned().unwrap_or_default())
    .collect()
}

#[tokio::test]
async fn node_by_id() {
    let app = one_entity_of_each_type().await;
    let ids = entity_ids(&app).await;
    let query =
        "query($id: ID!) { node(id: $id) { __typename id ... on Entity { slug displayName { value } formerIds } } }";
    let kinds = ["Researcher", "Organization", "Topic", "Paper", "Affiliation", "Authorship"];
    for (id, kind) in ids.iter().zip(kinds) {
        let node = app.data_with_variables(query, json!({ "id": id })).await["node"].clone();
        assert_eq!((&node["__typename"], &node["id"]), (&json!(kind), id));
        let is_entity = !["Affiliation", "Authorship"].contains(&kind);
        assert_eq!(node.get("slug"), is_entity.then_some(&json!("same")), "{kind}");
        assert_eq!(node.get("displayName"), is_entity.then_some(&json!({ "value": "Same" })), "{kind}");
    }
    let again = app
        .data_with_variables("query($ids: [ID!]!) { nodes(ids: $ids) { id __typename } }", json!({ "ids": ids }))
        .await;
    assert_eq!(pluck_strings(&again["nodes"], &["__typename"]), kinds);
}

#[tokio::test]
async fn order_of_the_ids() {
    let app = one_entity_of_each_type().await;
    let ids = entity_ids(&app).await;
    let requested = json!([
        ids[3],
        "x",
        ids[0],
        "",
        "UGFwZXI6OTk5",
        ids[3],
        "\u{0}",
        "UGFwZXI6OTk5OTk5OTk5OTk5OTk5OTk5OTk5",
        ids[5]
    ]);
    let found = app
        .data_with_variables("query($ids: [ID!]!) { nodes(ids: $ids) { __typename } }", json!({ "ids": requested }))
        .await;
    let kinds = pluck_strings(&found["nodes"], &["__typename"]);
    assert_eq!(kinds, ["Paper", "null", "Researcher", "null", "null", "Paper", "null", "null", "Authorship"]);
    assert_eq!(app.data("{ nodes(ids: []) { id } }").await["nodes"], json!([]));
}

#[tokio::test]
async fn unknown_ids() {
    let app = one_entity_of_each_type().await;
    for id in ["", "x", "\u{0}", "Paper:1", "UGFwZXI6MA", "UGFwZXI6LTE", "UGFwZXI6MDE", "UGVyc29uOjE", "UGFwZXI6MQ=="] {
        let found = app.data_with_variables("query($id: ID!) { node(id: $id) { id } }", json!({ "id": id })).await;
        assert_eq!(found["node"], json!(null), "{id:?}");
    }
}

#[tokio::test]
async fn merged_ids() {
    let app = one_entity_of_each_type().await;
    for (kind, number) in [("researcher", 700), ("organization", 700), ("topic", 700), ("paper", 700)] {
        app.insert_redirect(kind, number, "former", "same").await;
    }
    let former = ["UmVzZWFyY2hlcjo3MDA", "T3JnYW5pemF0aW9uOjcwMA", "VG9waWM6NzAw", "UGFwZXI6NzAw"];
    let query = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on Entity { formerIds } } }";
    let found = app.data_with_variables(query, json!({ "ids": former })).await;
    let present = entity_ids(&app).await;
    for (index, node) in found["nodes"].as_array().into_iter().flatten().enumerate() {
        assert_eq!(node["id"], present[index]);
        assert_eq!(node["formerIds"], json!([former[index]]));
    }
    assert_eq!(pluck_strings(&found["nodes"], &["__typename"]), ["Researcher", "Organization", "Topic", "Paper"]);
}
