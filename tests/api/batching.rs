//! Batching: one SQL statement per nesting level, regardless of the number of entities.

use serde_json::{Value, json};

use crate::support::synthetic_data::college_records;
use crate::support::{
    TestApp, orcid, organization_record, paper_record, researcher_record, ror, topic_record, unlimited_limits,
    with_fields,
};

async fn college_directory(people: usize) -> TestApp {
    let app = TestApp::start_with_limits(unlimited_limits(), 100).await;
    app.create_records(json!(college_records(people))).await;
    app
}

/// The number of statements of a query that must succeed.
async fn count_statements(app: &TestApp, query: &str, variables: Value) -> u64 {
    let (response, statements) = app.query_counting_statements(query, variables).await;
    response.data();
    statements
}

#[tokio::test]
async fn one_statement_per_level() {
    let (few, many) = (college_directory(4).await, college_directory(31).await);
    for (levels, query) in [
        // The researcher, coauthors, their coauthors, papers, authorships, researchers.
        (
            6,
            "{ researcher(by: {slug: \"person-0\"}) { coauthors(first: 40) { nodes { coauthors(first: 40) { nodes { \
             papers(first: 5) { nodes { authorships(first: 10) { nodes { researcher { name } } } } } } } } } } }",
        ),
        (
            4,
            "{ organization(by: {slug: \"college\"}) { researchers(first: 40) { nodes { affiliations { nodes { organization { slug } } } } } } }",
        ),
        (
            // The authorships are read together with the papers.
            3,
            "{ topic(by: {slug: \"sea\"}) { researchers(first: 40) { nodes { papers { edges { authorship { position } node { title } } } } } } }",
        ),
        (
            3,
            "{ researcher(by: {slug: \"person-0\"}) { coauthors(first: 40) { edges { node { name } papers { nodes { title } } } } } }",
        ),
        (
            3,
            "{ organization(by: {slug: \"college\"}) { researchers(first: 40) { edges { affiliations { kind } node { name } } } } }",
        ),
        // Sibling fields run one statement each.
        (4, "{ researchers(first: 40) { nodes { headline { value } identifiers { value } formerIds } } }"),
        (3, "{ researchers(first: 40) { nodes { statistics { paperCount papersPerYear { year } } } } }"),
        (
            5,
            "{ organizations(first: 10) { nodes { parents { slug } ancestors { slug } predecessors { slug } successors { slug } } } }",
        ),
        (4, "{ papers(first: 60) { nodes { authorships { nodes { name sequence } } } } }"),
        (
            4,
            "{ papers(first: 60) { nodes { authorships { nodes { organizations { slug } } } topics { nodes { slug } } } } }",
        ),
        (2, "{ topics(first: 10) { nodes { broader { slug } } } }"),
        (3, "{ affiliations(first: 60) { nodes { researcher { name } organization { slug } } } }"),
        (3, "{ papers(first: 60) { nodes { authorships { nodes { paper { title } } } } } }"),
        // Selected twice, read once.
        (2, "{ papers(first: 60) { nodes { a: topics { nodes { slug } } b: topics { edges { cursor } } } } }"),
        // A total count per parent needs one more statement.
        (3, "{ researchers(first: 40) { nodes { coauthors(first: 3) { totalCount nodes { name } } } } }"),
        (3, "{ topics(first: 10) { nodes { papers(first: 3) { totalCount nodes { title } } } } }"),
        (3, "{ organizations(first: 10) { nodes { papers(first: 3) { totalCount nodes { title } } } } }"),
        // Different arguments are different lists.
        (
            3,
            "{ researchers(first: 40) { nodes { a: papers(first: 1) { nodes { title } } b: papers(first: 2) { nodes { title } } } } }",
        ),
    ] {
        let (of_few, of_many) =
            (count_statements(&few, query, json!({})).await, count_statements(&many, query, json!({})).await);
        assert_eq!(of_few, of_many, "the same for few and for many: {query}");
        assert!(of_many <= levels, "{of_many} statements for {levels} levels: {query}");
    }
}

#[tokio::test]
async fn unselected_fields_run_no_statement() {
    let app = college_directory(4).await;
    for (statements_wanted, query) in [
        (0, "{ __typename }"),
        (0, "{ __schema { types { name } } }"),
        (0, "{ directory { name { value } version defaultLanguage consortiumSize } }"),
        (1, "{ directory { languages } }"),
        (1, "{ directory { statistics { paperCount authorshipCount } } }"),
        (1, "{ researcher(by: {slug: \"person-0\"}) { name orcid biography { value } createdAt } }"),
        (2, "{ researcher(by: {slug: \"person-0\"}) { name otherNames } }"),
        (1, "{ researcher(by: {slug: \"person-0\"}) { __typename } }"),
        (0, "{ researcher(by: {orcid: \"not one\"}) { name } }"),
        (0, "{ paper(by: {doi: \"not one\"}) { title } }"),
        (0, "{ nodes(ids: [\"x\"]) { id } researchersBy(keys: []) { name } }"),
        (1, "{ papers { nodes { title abstract { text excerpt { text } } displayName { value } } } }"),
        (1, "{ papers { pageInfo { hasNextPage endCursor } } }"),
        (1, "{ papers { totalCount } }"),
        (
            1,
            "{ papers { totalCount ... on PaperConnection { ...more } } } fragment more on PaperConnection { totalCount }",
        ),
        (2, "{ papers { totalCount ...more } } fragment more on PaperConnection { nodes { id } }"),
        (2, "{ papers { totalCount pageInfo { hasNextPage } } }"),
        (2, "{ papers { totalCount nodes { title } edges { cursor } } }"),
    ] {
        let taken = count_statements(&app, query, json!({})).await;
        assert_eq!(taken, statements_wanted, "{query}");
        // A skipped field runs no statement.
        let skipped = query.replace("totalCount", "totalCount @skip(if: true)");
        assert_eq!(
            count_statements(&app, &skipped, json!({})).await,
            statements_wanted - u64::from(query.contains("totalCount")),
            "{skipped}"
        );
    }
}

#[tokio::test]
async fn hundred_nodes() {
    let app = college_directory(31).await;
    let query = "{ researchers(first: 30) { nodes { id } } organizations(first: 5) { nodes { id } } topics(first: 5) { nodes { id } } \
         affiliations(first: 30) { nodes { id } } papers(first: 20) { nodes { id authorships(first: 1) { nodes { id } } } } }";
    let data = app.data(query).await;
    let mut ids = Vec::new();
    for list in ["researchers", "organizations", "topics", "affiliations", "papers"] {
        for node in data[list]["nodes"].as_array().into_iter().flatten() {
            ids.push(node["id"].clone());
            ids.extend(
                node["authorships"]["nodes"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .take(1)
                    .map(|authorship| authorship["id"].clone()),
            );
        }
    }
    ids.truncate(100);
    assert_eq!(ids.len(), 100);
    let query = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }";
    let (response, statements) = app.query_counting_statements(query, json!({ "ids": ids })).await;
    let found: Vec<&Value> =
        response.data()["nodes"].as_array().into_iter().flatten().map(|node| &node["id"]).collect();
    assert_eq!(found, ids.iter().collect::<Vec<_>>());
    assert_eq!(statements, 1, "one for all kinds");
}

#[tokio::test]
async fn batch_lookup_by_every_key() {
    let app = TestApp::start().await;
    app.create_records(json!([
        organization_record(1, "College"),
        topic_record("Tides"),
        with_fields(
            researcher_record("Ada Berg"),
            json!({ "orcid": orcid(1), "identifiers": [{ "scheme": "scopus", "value": "7" }] })
        ),
        with_fields(
            paper_record("Tides", Some(2001), &["Ada Berg"]),
            json!({ "doi": "10.5555/1", "arxivId": "2001.00001" })
        ),
    ]))
    .await;
    let id = async |kind| {
        app.find_id(
            kind,
            if kind == "researcher" {
                "ada-berg"
            } else if kind == "paper" {
                "tides"
            } else {
                "college"
            },
        )
        .await
    };
    let keys = json!([{ "id": id("researcher").await }, { "slug": "ada-berg" }, { "orcid": orcid(1) }, { "identifier": { "scheme": "scopus", "value": "7" } }, { "slug": "nobody" }]);
    let query = "query($keys: [ResearcherBy!]!) { researchersBy(keys: $keys) { slug } }";
    assert_eq!(count_statements(&app, query, json!({ "keys": keys })).await, 1);
    let many: Vec<Value> = (0..500).map(|number| json!({ "slug": format!("nobody-{number}") })).collect();
    assert_eq!(count_statements(&app, query, json!({ "keys": many })).await, 1);
    let keys = json!([{ "id": id("organization").await }, { "slug": "college" }, { "ror": ror(1) }, { "identifier": { "scheme": "grid", "value": "7" } }]);
    let query = "query($keys: [OrganizationBy!]!) { organizationsBy(keys: $keys) { slug } }";
    assert_eq!(count_statements(&app, query, json!({ "keys": keys })).await, 1);
    let keys = json!([{ "id": id("paper").await }, { "slug": "tides" }, { "doi": "10.5555/1" }, { "arxivId": "2001.00001" }, { "identifier": { "scheme": "x", "value": "7" } }]);
    let query = "query($keys: [PaperBy!]!) { papersBy(keys: $keys) { slug } }";
    assert_eq!(count_statements(&app, query, json!({ "keys": keys })).await, 1);
}

#[tokio::test]
async fn sibling_lookups() {
    let app = college_directory(31).await;
    let fields: Vec<String> =
        (0..30).map(|person| format!("p{person}: researcher(by: {{slug: \"person-{person}\"}}) {{ name }}")).collect();
    assert_eq!(count_statements(&app, &format!("{{ {} }}", fields.join(" ")), json!({})).await, 1);
}
