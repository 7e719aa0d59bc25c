//! The directory as a subgraph of Apollo Federation.

use academic_directory::config::Limits;
use academic_directory::graphql;
use academic_directory::model::global_id::{GlobalId, NodeKind};
use serde_json::{Value, json};

use crate::support::{
    TestApp, orcid, organization_record, paper_record, pluck_strings, researcher_record, ror, topic_record, with_fields,
};

const ENTITIES: &str = "query Entities($representations: [_Any!]!) { _entities(representations: $representations) {
    __typename ... on Entity { slug } ... on Affiliation { kind } ... on Authorship { name } } }";

/// Researchers with ORCID iDs and papers with DOIs.
async fn directory(count: u64) -> TestApp {
    let app = TestApp::start().await;
    let mut records = vec![organization_record(1, "College"), topic_record("Sea")];
    for number in 0..count {
        let employment = json!([{ "organization": { "ror": ror(1) }, "affiliationKind": "EMPLOYMENT" }]);
        let person = researcher_record(&format!("Person {number}"));
        records.push(with_fields(person, json!({ "orcid": orcid(number), "affiliations": employment })));
    }
    for number in 0..count {
        let person = format!("Person {number}");
        let paper = with_fields(
            paper_record(&format!("Paper {number}"), Some(2001), &[]),
            json!({ "doi": format!("10.5555/paper.{number}"), "arxivId": format!("2301.{number:05}"),
                "authors": [{ "position": 1, "name": person, "orcid": orcid(number) }] }),
        );
        records.push(paper);
    }
    for batch in records.chunks(400) {
        app.create_records(json!(batch)).await;
    }
    app
}

async fn ids(app: &TestApp) -> Value {
    let query = "{ researcher(by: {slug: \"person-0\"}) { id affiliations { nodes { id } } }
        organization(by: {slug: \"college\"}) { id } topic(by: {slug: \"sea\"}) { id }
        paper(by: {slug: \"paper-0\"}) { id authorships { nodes { id } } } }";
    app.data(query).await
}

#[tokio::test]
async fn every_written_form_of_every_key() {
    let app = directory(2).await;
    app.insert_redirect("researcher", 4_000, "p-zero", "person-0").await;
    app.insert_redirect("organization", 4_000, "old-college", "college").await;
    app.insert_redirect("paper", 4_000, "p-old", "paper-0").await;
    let ids = ids(&app).await;
    let former = |kind| GlobalId { kind, row_id: 4_000 }.to_string();
    let id = &ids["researcher"]["id"];
    let iri = format!("https://orcid.org/{}", orcid(0));
    let bare_digits = orcid(0).replace('-', "").to_lowercase();
    for (type_name, key, value, expected) in [
        ("Researcher", "id", id.clone(), "person-0"),
        ("Researcher", "id", json!(former(NodeKind::Researcher)), "person-0"),
        ("Researcher", "slug", json!("person-0"), "person-0"),
        ("Researcher", "slug", json!(" Person-0 "), "person-0"),
        ("Researcher", "slug", json!("p-zero"), "person-0"),
        ("Researcher", "orcid", json!(orcid(0)), "person-0"),
        ("Researcher", "orcid", json!(iri), "person-0"),
        ("Researcher", "orcid", json!(iri.to_uppercase()), "person-0"),
        ("Researcher", "orcid", json!(bare_digits), "person-0"),
        ("Organization", "id", ids["organization"]["id"].clone(), "college"),
        ("Organization", "slug", json!("old-college"), "college"),
        ("Organization", "ror", json!(ror(1)), "college"),
        ("Organization", "ror", json!(format!("https://ror.org/{}", ror(1).to_uppercase())), "college"),
        ("Topic", "id", ids["topic"]["id"].clone(), "sea"),
        ("Topic", "slug", json!("sea"), "sea"),
        ("Paper", "id", ids["paper"]["id"].clone(), "paper-0"),
        ("Paper", "slug", json!("p-old"), "paper-0"),
        ("Paper", "doi", json!("10.5555/paper.0"), "paper-0"),
        ("Paper", "doi", json!("10.5555/PAPER.0"), "paper-0"),
        ("Paper", "doi", json!("https://doi.org/10.5555/Paper.0"), "paper-0"),
        ("Paper", "doi", json!("doi:10.5555/paper.0"), "paper-0"),
        ("Paper", "arxivId", json!("2301.00000"), "paper-0"),
        ("Paper", "arxivId", json!("arXiv:2301.00000v2"), "paper-0"),
        ("Paper", "arxivId", json!("https://arxiv.org/abs/2301.00000"), "paper-0"),
        ("Entity", "id", ids["paper"]["id"].clone(), "paper-0"),
        ("Entity", "id", json!(former(NodeKind::Organization)), "college"),
    ] {
        let representation = json!({ "__typename": type_name, key: value });
        let found = app.data_with_variables(ENTITIES, json!({ "representations": [representation] })).await;
        assert_eq!(found["_entities"][0]["slug"], expected, "{representation}");
    }
    let affiliation = &ids["researcher"]["affiliations"]["nodes"][0]["id"];
    let authorship = &ids["paper"]["authorships"]["nodes"][0]["id"];
    let representations =
        json!([{ "__typename": "Affiliation", "id": affiliation }, { "__typename": "Authorship", "id": authorship }]);
    let found = app.data_with_variables(ENTITIES, json!({ "representations": representations })).await;
    let expected = json!([{ "__typename": "Affiliation", "kind": "EMPLOYMENT" }, { "__typename": "Authorship", "name": "Person 0" }]);
    assert_eq!(found["_entities"], expected);
}

#[tokio::test]
async fn absent_entities_are_null_and_invalid_ones_are_errors_of_their_own() {
    let app = directory(1).await;
    let representations = json!([
        { "__typename": "Researcher", "slug": "nobody" },
        { "__typename": "Researcher", "orcid": null },
        { "__typename": "Researcher", "orcid": "x" },
        { "__typename": "Paper", "doi": "10.5555/none" },
        { "__typename": "Paper", "doi": "10.5555/paper.0" },
        { "__typename": "Entity", "id": "x" },
    ]);
    let response = app.query(ENTITIES, json!({ "representations": representations })).await;
    let slugs = pluck_strings(&response.data()["_entities"], &["slug"]);
    assert_eq!(slugs, ["null", "null", "null", "null", "paper-0", "null"]);

    let representations = json!([
        { "__typename": "Person", "id": "x" }, { "__typename": "Paper", "slug": "paper-0" }, { "__typename": "Paper" }, 7,
    ]);
    let response = app.query(ENTITIES, json!({ "representations": representations })).await;
    let slugs = pluck_strings(&response.body["data"]["_entities"], &["slug"]);
    assert_eq!(slugs, ["null", "paper-0", "null", "null"]);
    let errors = response.body["errors"].as_array().expect("errors");
    let errors: Vec<_> =
        errors.iter().map(|error| (&error["path"][1], &error["extensions"]["code"], &error["message"])).collect();
    let code = json!("BAD_USER_INPUT");
    assert_eq!(
        errors,
        [
            (&json!(0), &code, &json!("this subgraph has no entities of type Person")),
            (&json!(2), &code, &json!("a representation of Paper needs one of its keys: id, slug, doi, arxivId")),
            (&json!(3), &code, &json!("a representation must be an object")),
        ]
    );
}

/// Order, duplicates and the number of statements do not depend on the number of representations.
#[tokio::test]
async fn one_statement_for_each_kind_of_key() {
    const COUNT: u64 = 500;
    let app = directory(COUNT).await;
    let found = app.data_with_variables(
        "query($orcids: [String!]) { researchers(first: 1, filter: {orcids: $orcids}) { nodes { id } } }",
        json!({ "orcids": [orcid(7)] }),
    );
    let GlobalId { row_id: seventh, .. } =
        found.await["researchers"]["nodes"][0]["id"].as_str().and_then(|id| id.parse().ok()).expect("an ID");
    let mut representations = Vec::new();
    let mut expected = Vec::new();
    for number in 0..COUNT {
        let by_id = GlobalId { kind: NodeKind::Researcher, row_id: seventh }.to_string();
        representations.push(json!({ "__typename": "Researcher", "orcid": orcid(number) }));
        representations.push(json!({ "__typename": "Paper", "doi": format!("10.5555/paper.{number}") }));
        representations.push(json!({ "__typename": "Researcher", "id": by_id }));
        expected.extend([format!("person-{number}"), format!("paper-{number}"), "person-7".to_owned()]);
    }
    let variables = json!({ "representations": representations });
    let (response, statements) = app.query_counting_statements(ENTITIES, variables).await;
    assert_eq!(pluck_strings(&response.data()["_entities"], &["slug"]), expected);
    assert!(statements <= 3, "{statements} statements");

    // Unknown keys take one more for each kind, in which former keys are looked up.
    for number in 0..10 {
        let id = GlobalId { kind: NodeKind::Researcher, row_id: 1_000_000 + number }.to_string();
        representations.push(json!({ "__typename": "Researcher", "id": id }));
        representations.push(json!({ "__typename": "Researcher", "orcid": orcid(5_000) }));
        representations.push(json!({ "__typename": "Paper", "doi": "10.5555/none" }));
        expected.extend(["null", "null", "null"].map(ToOwned::to_owned));
    }
    let request = app.client().post(app.url("/graphql")).header("X-Query-Cost", "report");
    let before = app.store.statement_counter().total();
    let request = request.json(&json!({ "query": ENTITIES, "variables": { "representations": representations } }));
    let body: Value = request.send().await.expect("a response").json().await.expect("JSON");
    let statements = app.store.statement_counter().total() - before;
    assert_eq!(body.get("errors"), None);
    assert_eq!(pluck_strings(&body["data"]["_entities"], &["slug"]), expected);
    assert!(statements <= 6, "{statements} statements");
    let cost = &body["extensions"]["cost"]["requested"];
    assert_eq!((&cost["nodes"], &cost["statements"]), (&json!(1530), &json!(6)), "{cost}");
}

#[tokio::test]
async fn limits() {
    let limits = Limits { representations: 600, ..Limits::default() };
    let app = TestApp::start_with_limits(limits, 100).await;
    let many = |count| json!({ "representations": vec![json!({ "__typename": "Topic", "slug": "sea" }); count] });
    // More than a list of any other argument may have.
    let found = app.data_with_variables(ENTITIES, many(600)).await;
    assert_eq!(found["_entities"].as_array().map(Vec::len), Some(600));
    let response = app.query(ENTITIES, many(601)).await;
    assert_eq!(response.codes(), ["LIMIT_EXCEEDED"]);
    insta::assert_snapshot!(response.messages()[0], @"representations has 601 entries; the limit is 600: split the request");
    let literal = vec!["{__typename: \"Topic\", slug: \"sea\"}"; 601].join(", ");
    let query = format!("{{ _entities(representations: [{literal}]) {{ __typename }} }}");
    assert_eq!(app.query(&query, json!({})).await.messages().len(), 1);
    // Each representation is charged for what is selected of it.
    let nested =
        ENTITIES.replace("... on Entity", "... on Topic { papers(first: 100) { nodes { id } } } ... on Entity");
    let limits = Limits { nodes: 10_000, ..Limits::default() };
    let app = TestApp::start_with_limits(limits, 100).await;
    assert_eq!(app.query(&nested, many(99)).await.codes(), Vec::<String>::new());
    assert_eq!(app.query(&nested, many(101)).await.codes(), ["QUERY_TOO_COMPLEX"]);
}

#[tokio::test]
async fn schema_of_the_subgraph() {
    let app = TestApp::start().await;
    let sdl = app.data("{ _service { sdl } }").await["_service"]["sdl"].clone();
    assert_eq!(sdl, json!(graphql::subgraph_sdl()));
    let sdl = graphql::subgraph_sdl();
    for line in [
        "extend schema @link(url: \"https://specs.apollo.dev/federation/v2.3\", import: [\"@key\", \"@shareable\", \"@inaccessible\", \"@tag\"])",
        "directive @oneOf on INPUT_OBJECT",
        "interface Entity implements Node @key(fields: \"id\") {",
        "type Researcher implements Entity & Node @key(fields: \"id\") @key(fields: \"slug\") @key(fields: \"orcid\") {",
        "type Organization implements Entity & Node @key(fields: \"id\") @key(fields: \"slug\") @key(fields: \"ror\") {",
        "type Topic implements Entity & Node @key(fields: \"id\") @key(fields: \"slug\") {",
        "type Paper implements Entity & Node @key(fields: \"id\") @key(fields: \"slug\") @key(fields: \"doi\") @key(fields: \"arxivId\") {",
        "type Affiliation implements Node @key(fields: \"id\") {",
        "type Authorship implements Node @key(fields: \"id\") {",
        "type PageInfo @shareable {",
        "type LocalizedString @shareable {",
        "type LocalizedName @shareable {",
        "type Identifier @shareable {",
        "type YearCount @shareable {",
    ] {
        assert!(sdl.lines().any(|own| own == line), "{line} is missing");
    }
    let query = &sdl[sdl.find("\ntype Query {").expect("the root")..];
    let query = &query[..query.find("\n}").expect("its end")];
    assert!(query.contains("\n\tresearcher(") && query.contains("\n\tsearch("));
    for absent in ["\n\tnode(", "\n\tnodes(", "_entities", "_service"] {
        assert!(!query.contains(absent), "{absent}");
    }
    for absent in ["_Entity", "_Any", "_Service", "type Mutation", "type Subscription", "@cost", "@reads"] {
        assert!(!sdl.contains(absent), "{absent}");
    }
}

/// The published schema, and introspection, are those of other clients.
#[tokio::test]
async fn other_clients_do_not_see_the_fields_of_routers() {
    let app = TestApp::start().await;
    for absent in ["_Entity", "_Any", "_Service", "_entities", "_service"] {
        assert!(!graphql::sdl().contains(absent), "{absent}");
    }
    let introspected = app.data("{ __schema { types { name } } __type(name: \"Query\") { fields { name } } }").await;
    let names = pluck_strings(&introspected["__schema"]["types"], &["name"]);
    assert!(
        names.contains(&"Node".to_owned()) && names.iter().all(|name| name.starts_with("__") || !name.starts_with('_'))
    );
    let fields = pluck_strings(&introspected["__type"]["fields"], &["name"]);
    assert!(fields.contains(&"node".to_owned()) && fields.iter().all(|name| !name.starts_with('_')), "{fields:?}");

    let limits = Limits { introspection: false, ..Limits::default() };
    let app = TestApp::start_with_limits(limits, 100).await;
    assert_eq!(app.query("{ _service { sdl } }", json!({})).await.codes(), ["INTROSPECTION_OFF"]);
    app.data_with_variables(ENTITIES, json!({ "representations": [] })).await;
}
