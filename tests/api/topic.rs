//! Topics: fields, hierarchy, researchers and papers.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use super::costs::DedicatedServer;
use crate::support::database_dump::query_strings;
use crate::support::{
    TestApp, organization_record, paper_record, parse_records, pluck_strings, researcher_record, ror, topic_record,
    with_fields,
};

fn topic_references(topics: &[&str]) -> Value {
    let topics: Vec<Value> = topics.iter().map(|label| json!({ "labels": { "en": label } })).collect();
    json!({ "topics": topics })
}

fn narrower_topic(label: &str, broader: &[&str]) -> Value {
    let broader: Vec<Value> = broader.iter().map(|label| json!({ "labels": { "en": label } })).collect();
    with_fields(topic_record(label), json!({ "broader": broader }))
}

/// Oceans > Tides > Neap tides; Currents is narrower than Oceans and Winds.
async fn vocabulary_directory() -> TestApp {
    let app = TestApp::start().await;
    app.create_records(json!([
        topic_record("Oceans"),
        topic_record("Winds"),
        narrower_topic("Tides", &["Oceans"]),
        narrower_topic("Neap tides", &["Tides"]),
        narrower_topic("Currents", &["Winds", "Oceans"]),
        with_fields(researcher_record("Ada Berg"), topic_references(&["Tides"])),
        researcher_record("Idle One"),
        with_fields(paper_record("One", Some(2001), &["Ada Berg", "Bo Dahl"]), topic_references(&["Neap tides"])),
        with_fields(paper_record("Two", Some(2005), &["Bo Dahl"]), topic_references(&["Neap tides", "Tides"])),
        with_fields(paper_record("Three", Some(2009), &["Bo Dahl"]), topic_references(&["Winds"])),
        with_fields(paper_record("Four", None, &["Cy Ek"]), topic_references(&["Tides"])),
        // A paper without authors.
        with_fields(paper_record("Five", Some(2010), &[]), topic_references(&["Oceans"])),
    ]))
    .await;
    app
}

/// Makes Oceans narrower than its own descendant.
async fn insert_cycle(app: &TestApp) {
    app.execute_sql(
        "INSERT INTO topic_broader (topic_id, broader_id) SELECT one.id, other.id FROM topic AS one, topic AS other \
         WHERE one.slug = 'oceans' AND other.slug = 'neap-tides'",
    )
    .await;
    app.refresh_statistics().await;
}

const TIDES: &str = r#"topic(by: {slug: "tides"})"#;
const OCEANS: &str = r#"topic(by: {slug: "oceans"})"#;

#[tokio::test]
async fn every_field() {
    let app = TestApp::start().await;
    app.create_records(json!([
        topic_record("Science"),
        {
            "kind": "topic", "scheme": "MSC", "code": "86A05", "slug": "hydrology",
            "names": [
                { "value": "Hydrology", "language": "en", "kind": "LABEL" },
                { "value": "Hydrologie", "language": "fr", "kind": "LABEL" },
                { "value": "Water science", "language": "en", "kind": "ALIAS" },
            ],
            "broader": [{ "labels": { "en": "Science" } }],
        },
    ]))
    .await;
    let query = r#"{ topic(by: {slug: "hydrology"}) {
        __typename slug scheme formerIds
        displayName(languages: ["fr"]) { value language isFallback }
        labels { value language kind } identifiers { scheme value url } broader { slug }
        narrower { totalCount nodes { slug } } researchers { totalCount } papers { totalCount }
    } }"#;
    let expected = json!({
        "__typename": "Topic",
        "slug": "hydrology",
        "scheme": "MSC",
        "formerIds": [],
        "displayName": { "value": "Hydrologie", "language": "fr", "isFallback": false },
        "labels": [
            { "value": "Hydrology", "language": "en", "kind": "LABEL" },
            { "value": "Hydrologie", "language": "fr", "kind": "LABEL" },
            { "value": "Water science", "language": "en", "kind": "ALIAS" },
        ],
        "identifiers": [{ "scheme": "msc", "value": "86A05", "url": null }],
        "broader": [{ "slug": "science" }],
        "narrower": { "totalCount": 0, "nodes": [] },
        "researchers": { "totalCount": 0 },
        "papers": { "totalCount": 0 },
    });
    assert_eq!(app.data(query).await["topic"], expected);
}

#[tokio::test]
async fn lookups() {
    let app = TestApp::start().await;
    app.create_records(json!([
        { "kind": "topic", "scheme": "msc", "code": "86A05", "names": [{ "value": "Hydrology", "language": "en", "kind": "LABEL" }] },
        researcher_record("Hydrology"),
    ]))
    .await;
    app.insert_redirect("topic", 77, "waters", "hydrology").await;
    let (id, researcher) = (app.find_id("topic", "hydrology").await, app.find_id("researcher", "hydrology").await);
    let query = "query($by: TopicBy!) { topic(by: $by) { slug formerIds } }";
    for by in [
        json!({ "id": id }),
        json!({ "id": "VG9waWM6Nzc" }), // Topic:77
        json!({ "slug": "hydrology" }),
        json!({ "slug": "waters" }),
        json!({ "identifier": { "scheme": "MSC", "value": "86A05" } }),
    ] {
        let found = app.data_with_variables(query, json!({ "by": by })).await;
        assert_eq!(found["topic"], json!({ "slug": "hydrology", "formerIds": ["VG9waWM6Nzc"] }), "{by}");
    }
    for by in [
        json!({ "id": researcher }),
        json!({ "id": "topic" }),
        json!({ "slug": "nothing" }),
        json!({ "slug": "\u{0}" }),
        json!({ "identifier": { "scheme": "msc", "value": "86a05" } }),
        json!({ "identifier": { "scheme": "msc\u{0}", "value": "86A05" } }),
    ] {
        assert_eq!(app.data_with_variables(query, json!({ "by": by })).await["topic"], json!(null), "{by}");
    }
}

#[tokio::test]
async fn broader_and_narrower() {
    let app = vocabulary_directory().await;
    let broader = app.data(r#"{ topic(by: {slug: "currents"}) { broader { slug } } }"#).await;
    assert_eq!(pluck_strings(&broader["topic"]["broader"], &["slug"]), ["oceans", "winds"]);
    assert_eq!(app.slugs(&[OCEANS, "narrower"]).await, ["currents", "tides"]);
    insert_cycle(&app).await;
    let broader =
        app.data("{ topic(by: {slug: \"oceans\"}) { broader { slug broader { slug broader { slug } } } } }").await;
    assert_eq!(
        broader["topic"]["broader"],
        json!([{ "slug": "neap-tides", "broader": [{ "slug": "tides", "broader": [{ "slug": "oceans" }] }] }])
    );
    assert_eq!(app.slugs(&[r#"topic(by: {slug: "neap-tides"})"#, "narrower"]).await, ["oceans"]);
}

#[tokio::test]
async fn researchers() {
    let app = vocabulary_directory().await;
    let list = async |arguments: &str| {
        let query = format!(
            "{{ {TIDES} {{ researchers{arguments} {{ totalCount edges {{ node {{ slug }} paperCount lastYear }} }} }} }}"
        );
        app.data(&query).await["topic"]["researchers"].clone()
    };
    let edge = |slug: &str, count: i32, year: Option<i32>| json!({ "node": { "slug": slug }, "paperCount": count, "lastYear": year });
    // A paper on the topic and on a narrower one counts once.
    let (ada, bo, cy) = (edge("ada-berg", 1, Some(2001)), edge("bo-dahl", 2, Some(2005)), edge("cy-ek", 1, None));
    assert_eq!(list("").await, json!({ "totalCount": 3, "edges": [bo, cy, ada] }));
    let (own, one) = (edge("ada-berg", 0, None), edge("bo-dahl", 1, Some(2005)));
    assert_eq!(list("(includeNarrower: false)").await, json!({ "totalCount": 3, "edges": [cy, one, own] }));
    for (arguments, expected) in [
        ("(orderBy: {field: PAPER_COUNT, direction: ASC})", "ada-berg cy-ek bo-dahl"),
        ("(orderBy: {field: NAME, direction: ASC})", "ada-berg bo-dahl cy-ek"),
        // The order uses all papers, not only those on the topic.
        ("(orderBy: {field: LAST_PUBLICATION_YEAR, direction: DESC})", "bo-dahl ada-berg cy-ek"),
        ("(orderBy: {field: UPDATED_AT, direction: ASC})", "ada-berg bo-dahl cy-ek"),
        ("(filter: {ids: []})", ""),
        (
            "(filter: {hasPapers: true, hasOrcid: false}, orderBy: {field: NAME, direction: DESC})",
            "cy-ek bo-dahl ada-berg",
        ),
    ] {
        assert_eq!(
            pluck_strings(&list(arguments).await["edges"], &["node", "slug"]).join(" "),
            expected,
            "{arguments}"
        );
    }
    insert_cycle(&app).await;
    assert_eq!(list("").await, json!({ "totalCount": 3, "edges": [bo, cy, ada] }));
}

#[tokio::test]
async fn researchers_by_affiliation() {
    let app = TestApp::start().await;
    let at = |number: u64| json!({ "organization": { "ror": ror(number) }, "affiliationKind": "EMPLOYMENT" });
    app.create_records(json!([
        organization_record(1, "College"),
        organization_record(2, "Academy"),
        topic_record("Tides"),
        with_fields(
            researcher_record("Ada Berg"),
            json!({ "affiliations": [at(1)], "topics": [{ "labels": { "en": "Tides" } }] })
        ),
        with_fields(
            researcher_record("Bo Dahl"),
            json!({ "affiliations": [at(2)], "topics": [{ "labels": { "en": "Tides" } }] })
        ),
        with_fields(researcher_record("Cy Ek"), json!({ "affiliations": [at(1)] })),
    ]))
    .await;
    let college = app.find_id("organization", "college").await;
    let list = format!("researchers(filter: {{affiliation: {{organizationIds: [{college:?}]}}}})");
    assert_eq!(app.slugs(&[TIDES, &list]).await, ["ada-berg"]);
}

#[tokio::test]
async fn papers() {
    let app = vocabulary_directory().await;
    for (parent, arguments, expected) in [
        (TIDES, "", "two one four"),
        (TIDES, "(includeNarrower: false)", "two four"),
        (OCEANS, "", "five two one four"),
        (OCEANS, "(includeNarrower: false)", "five"),
        (OCEANS, "(filter: {publicationYear: {from: 2005}}, orderBy: {field: TITLE, direction: ASC})", "five two"),
    ] {
        let list = format!("papers{arguments}");
        assert_eq!(app.slugs(&[parent, &list]).await.join(" "), expected, "{parent} {list}");
    }
    insert_cycle(&app).await;
    assert_eq!(app.slugs(&[r#"topic(by: {slug: "neap-tides"})"#, "papers"]).await.join(" "), "five two one four");
}

#[tokio::test]
async fn filters() {
    let app = vocabulary_directory().await;
    app.create_records(json!([{ "kind": "topic", "scheme": "msc", "code": "86A05", "names": [{ "value": "Hydrology", "kind": "LABEL" }] }])).await;
    app.execute_sql(
        "UPDATE topic SET updated_at = '2020-01-01'; UPDATE topic SET updated_at = '2024-01-01' WHERE slug = 'winds'",
    )
    .await;
    let (oceans, winds, currents) = (
        app.find_id("topic", "oceans").await,
        app.find_id("topic", "winds").await,
        app.find_id("topic", "currents").await,
    );
    let researcher = app.find_id("researcher", "ada-berg").await;
    let query = "query($filter: TopicFilter) { topics(filter: $filter) { totalCount nodes { slug } } }";
    for (filter, expected) in [
        (json!({}), "currents hydrology neap-tides oceans tides winds"),
        (json!({ "ids": [winds, oceans] }), "oceans winds"),
        (json!({ "ids": [] }), ""),
        (json!({ "schemes": ["msc"] }), "hydrology"),
        (json!({ "schemes": ["msc", "local\u{0}"] }), "hydrology"),
        (json!({ "schemes": [] }), ""),
        (json!({ "broaderIds": [oceans] }), "currents neap-tides tides"),
        (json!({ "broaderIds": [winds, currents] }), "currents"),
        (json!({ "broaderIds": [] }), ""),
        (json!({ "broaderIds": [oceans, winds], "ids": [oceans, currents] }), "currents"),
        (json!({ "updatedSince": "2021-01-01T00:00:00Z" }), "winds"),
    ] {
        let found = app.data_with_variables(query, json!({ "filter": filter })).await;
        assert_eq!(pluck_strings(&found["topics"]["nodes"], &["slug"]).join(" "), expected, "{filter}");
        assert_eq!(found["topics"]["totalCount"], expected.split_whitespace().count(), "{filter}");
    }
    for filter in
        [json!({ "ids": [researcher] }), json!({ "broaderIds": ["x"] }), json!({ "schemes": vec!["msc"; 501] })]
    {
        app.client_error(query, json!({ "filter": filter })).await;
    }
    insert_cycle(&app).await;
    let below = format!("topics(filter: {{broaderIds: [{oceans:?}]}})");
    assert_eq!(app.slugs(&[&below]).await.join(" "), "currents neap-tides oceans tides");
}

#[tokio::test]
async fn orders() {
    let app = vocabulary_directory().await;
    let currents = json!([{ "value": "Currents", "language": "en", "kind": "LABEL" }, { "value": "Zones", "language": "fr", "kind": "LABEL" }]);
    let french = with_fields(narrower_topic("Currents", &["Winds", "Oceans"]), json!({ "names": currents }));
    app.write_records(&parse_records(json!([french]))).await;
    app.execute_sql("UPDATE topic SET updated_at = '2020-01-01'::timestamptz - interval '1 day' * id").await;
    let by = async |order: &str| app.slugs(&[&format!("topics(orderBy: {order})")]).await.join(" ");
    assert_eq!(app.slugs(&["topics"]).await.join(" "), "currents neap-tides oceans tides winds");
    assert_eq!(
        by(r#"{field: LABEL, direction: ASC, languages: ["fr"]}"#).await,
        "neap-tides oceans tides winds currents"
    );
    // Papers and researchers of narrower topics count, once each.
    assert_eq!(by("{field: PAPER_COUNT, direction: DESC}").await, "oceans tides neap-tides winds currents");
    assert_eq!(by("{field: RESEARCHER_COUNT, direction: DESC}").await, "tides oceans neap-tides winds currents");
    assert_eq!(by("{field: UPDATED_AT, direction: ASC}").await, "currents neap-tides tides winds oceans");
    insert_cycle(&app).await;
    assert_eq!(by("{field: PAPER_COUNT, direction: DESC}").await, "neap-tides tides oceans winds currents");
    assert_eq!(by("{field: RESEARCHER_COUNT, direction: DESC}").await, "neap-tides tides oceans winds currents");
}

#[tokio::test]
async fn orders_count_descendants_once() {
    let app = TestApp::start().await;
    app.create_records(json!([
        topic_record("Broad"),
        topic_record("Popular"),
        narrower_topic("One", &["Broad"]),
        narrower_topic("Two", &["Broad"]),
        narrower_topic("Three", &["Broad"]),
        with_fields(paper_record("By one", Some(2001), &["Ada Berg"]), topic_references(&["One", "Two", "Three"])),
        with_fields(paper_record("By another", Some(2001), &["Bo Dahl"]), topic_references(&["Popular"])),
        with_fields(paper_record("By a third", Some(2001), &["Cy Ek"]), topic_references(&["Popular"])),
    ]))
    .await;
    for field in ["PAPER_COUNT", "RESEARCHER_COUNT"] {
        let list = format!("topics(first: 1, orderBy: {{field: {field}, direction: DESC}})");
        assert_eq!(app.slugs(&[&list]).await, ["popular"], "{field}");
    }
}

/// A topic of a vocabulary, with the code at the end of its URI, and the URIs of broader ones.
fn coded_topic(uri: Option<&str>, code: &str, label: &str, broader: &[&str]) -> Value {
    let code_of = |uri: &str| uri.rsplit('/').next().map(ToOwned::to_owned);
    let broader: Vec<Value> =
        broader.iter().map(|uri| json!({ "scheme": "reefs", "uri": uri, "code": code_of(uri) })).collect();
    with_fields(topic_record(label), json!({ "scheme": "reefs", "uri": uri, "code": code, "broader": broader }))
}

/// The codes of a batch are what they would be if each record was imported after the one before.
#[tokio::test]
async fn codes_do_not_depend_on_batches() {
    let coded = |path: &str, label: &str, broader: &[&str]| {
        let uri = format!("https://reefs.example/{path}");
        coded_topic(Some(&uri), path.rsplit('/').next().unwrap_or_default(), label, broader)
    };
    let records = [
        // Without a URI, as earlier versions stored them; the second one is only referred to.
        coded_topic(None, "1", "Atolls", &[]),
        with_fields(coded_topic(None, "9", "Lagoons", &[]), json!({ "broader": [{ "scheme": "reefs", "code": "2" }] })),
        coded("forms/1", "Atolls", &[]),
        coded("regions/1", "Pacific", &["https://reefs.example/forms/2", "https://reefs.example/regions/2"]),
        coded("forms/2", "Fringing reefs", &[]),
        coded("regions/2", "Indian Ocean", &["https://reefs.example/seas/2"]),
        coded("seas/2", "Red Sea", &[]),
        // A code without a URI between those that have one.
        coded_topic(None, "3", "Barrier reefs", &[]),
        coded("forms/3", "Barrier reefs", &[]),
        coded("regions/3", "Caribbean", &["https://reefs.example/forms/4"]),
        coded("forms/4", "Patch reefs", &[]),
    ];
    let codes = async |batches: Vec<&[Value]>| {
        let app = TestApp::start().await;
        for batch in batches {
            app.write_records(&parse_records(json!(batch))).await;
        }
        let sql = "SELECT concat_ws(' ', code, concept_uri, names) FROM topic WHERE scheme = 'reefs' ORDER BY code";
        query_strings(&app.database_url, sql).await
    };
    let together = codes(vec![&records]).await;
    assert_eq!(together, codes(records.chunks(1).collect()).await);
    assert_eq!(together, codes(records.chunks(4).collect()).await);
    assert_eq!(together.len(), 9, "{together:#?}");
}

/// The codes of all records of a batch are read by one statement.
#[test]
fn codes_are_read_once_per_batch() {
    let directory = tempfile::tempdir().expect("a directory");
    // A server started by root runs as another user.
    fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o755)).expect("permissions");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let server = DedicatedServer::start(&directory.path().join("postgres"));
    runtime.block_on(server.load_records(&json!([topic_record("Oceans")])));
    let topics: Vec<Value> = (0..30)
        .map(|number| {
            let uri = format!("https://reefs.example/{}/{number}", number % 2);
            coded_topic(Some(&uri), &number.to_string(), &format!("Reef {number}"), &["https://reefs.example/all"])
        })
        .collect();
    let plans = runtime.block_on(async {
        let (database, store) = server.open_store().await;
        fs::write(&server.log, "").expect("the log");
        store.write_records("reefs", &parse_records(json!(topics))).await.expect("the records");
        database.close().await;
        server.read_plans()
    });
    server.server.stop();
    let text = |plan: &Value| plan["Query Text"].as_str().unwrap_or_default().to_owned();
    let reads = plans.iter().filter(|plan| text(plan).contains("concept_uri = ANY")).count();
    assert_eq!(reads, 1, "{} statements", plans.len());
}
