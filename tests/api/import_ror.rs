//! ROR records: organizations, their names and relations.

use serde_json::{Value, json};

use crate::support::TestApp;
use crate::support::csl::{to_json_lines, with_fields};
use crate::support::database_dump::{assert_dumps_equal, dump_database};
use crate::support::process::{CommandOutput, Workspace};

const UNIVERSITY: &str = "0aaa00130";
const FACULTY: &str = "0aaa00227";
const INSTITUTE: &str = "0aaa00324";
const COLLEGE: &str = "0aaa00421";
const NETWORK: &str = "0aaa00518";

/// A record of ROR schema version 2.
fn ror_record(ror: &str, name: &str, relationships: &[(&str, &str)]) -> Value {
    let relationships: Vec<Value> = relationships
        .iter()
        .map(|(kind, other)| json!({ "type": kind, "id": ror_uri(other), "label": "a label" }))
        .collect();
    json!({
        "id": ror_uri(ror), "status": "active", "types": ["education"], "relationships": relationships,
        "names": [{ "value": name, "types": ["ror_display", "label"], "lang": "en" }],
    })
}

fn ror_uri(ror: &str) -> String {
    format!("https://ror.org/{ror}")
}

fn import_records(app: &TestApp, records: &[Value]) -> CommandOutput {
    let workspace = Workspace::new();
    workspace.import(&app.database_url, &["ror", workspace.write_file("ror.jsonl", to_json_lines(records))])
}

/// Selected fields of an organization.
async fn organization_fields(app: &TestApp, ror: &str, fields: &str) -> Value {
    app.data(&format!("{{ organization(by: {{ror: \"{ror}\"}}) {{ {fields} }} }}")).await["organization"].clone()
}

async fn related_names(app: &TestApp, ror: &str, relatives: &str) -> Vec<String> {
    let found = organization_fields(app, ror, &format!("{relatives} {{ displayName {{ value }} }}")).await;
    crate::support::pluck_strings(&found[relatives], &["displayName", "value"])
}

#[tokio::test]
async fn hierarchy() {
    let app = TestApp::start().await;
    // Children before parents, and each relation given from one side only.
    let records = [
        ror_record(INSTITUTE, "Institute of Weirs", &[("parent", FACULTY), ("Parent", NETWORK), ("related", COLLEGE)]),
        ror_record(FACULTY, "Faculty of Water", &[]),
        ror_record(UNIVERSITY, "Lake University", &[("child", FACULTY)]),
        ror_record(NETWORK, "Water Network", &[]),
        ror_record(COLLEGE, "River College", &[]),
    ];
    let outcome = import_records(&app, &records);
    assert_eq!(outcome.summary(), "read 5: created 5, updated 0, unchanged 0, invalid 0");
    assert_eq!(outcome.stderr, "");
    let mut parents = related_names(&app, INSTITUTE, "parents").await;
    parents.sort_unstable();
    assert_eq!(parents, ["Faculty of Water", "Water Network"]);
    assert_eq!(related_names(&app, FACULTY, "parents").await, ["Lake University"]);
    let ancestors = related_names(&app, INSTITUTE, "ancestors").await;
    assert_eq!(ancestors.len(), 3, "{ancestors:?}");
    assert_eq!(ancestors[2], "Lake University", "the nearest first");
    let children = organization_fields(&app, UNIVERSITY, "children { nodes { ror } }").await;
    assert_eq!(children["children"]["nodes"], json!([{ "ror": ror_uri(FACULTY) }]));
    assert_eq!(related_names(&app, COLLEGE, "parents").await, Vec::<String>::new());
}

#[tokio::test]
async fn succession() {
    let app = TestApp::start().await;
    let records = [
        ror_record(INSTITUTE, "Institute of Weirs", &[("predecessor", FACULTY), ("successor", UNIVERSITY)]),
        ror_record(FACULTY, "Faculty of Water", &[("successor", INSTITUTE)]),
        ror_record(UNIVERSITY, "Lake University", &[("predecessor", INSTITUTE), ("predecessor", COLLEGE)]),
        ror_record(COLLEGE, "River College", &[]),
    ];
    assert_eq!(import_records(&app, &records).summary(), "read 4: created 4, updated 0, unchanged 0, invalid 0");
    assert_eq!(related_names(&app, INSTITUTE, "predecessors").await, ["Faculty of Water"]);
    assert_eq!(related_names(&app, INSTITUTE, "successors").await, ["Lake University"]);
    let mut before = related_names(&app, UNIVERSITY, "predecessors").await;
    before.sort_unstable();
    assert_eq!(before, ["Institute of Weirs", "River College"]);
    assert_eq!(related_names(&app, COLLEGE, "successors").await, ["Lake University"]);
}

#[tokio::test]
async fn relation_to_an_organization_imported_later() {
    let app = TestApp::start().await;
    let (child, parent) = (
        ror_record(INSTITUTE, "Institute of Weirs", &[("parent", FACULTY)]),
        ror_record(FACULTY, "Faculty of Water", &[]),
    );
    import_records(&app, std::slice::from_ref(&child));
    assert_eq!(related_names(&app, INSTITUTE, "parents").await, Vec::<String>::new());
    import_records(&app, std::slice::from_ref(&parent));
    assert_eq!(related_names(&app, INSTITUTE, "parents").await, ["Faculty of Water"]);

    let at_once = TestApp::start().await;
    import_records(&at_once, &[child, parent]);
    assert_dumps_equal(&dump_database(&app.database_url).await, &dump_database(&at_once.database_url).await);
}

#[tokio::test]
async fn names_and_fields() {
    let app = TestApp::start().await;
    let record = json!({
        "id": ror_uri(UNIVERSITY), "status": "active", "established": 1900, "domains": [],
        "types": ["education", "funder"],
        "names": [
            { "value": "LU", "types": ["acronym"], "lang": null },
            { "value": "Lake University", "types": ["label", "ror_display"], "lang": "en" },
            { "value": "Université du Lac", "types": ["label"], "lang": "fr" },
            { "value": "جامعة البحيرة", "types": ["label"], "lang": "ar" },
            { "value": "湖大学", "types": ["label"], "lang": "ja" },
            { "value": "Old Lake School", "types": ["alias"], "lang": "en" },
        ],
        "locations": [{ "geonames_id": 1, "geonames_details": { "country_code": "CH", "name": "Seestadt" } }],
        "links": [{ "type": "wikipedia", "value": "https://wiki.example/lake" }, { "type": "website", "value": "https://lake.example" }],
        "external_ids": [{ "type": "grid", "all": ["grid.1.1"], "preferred": null }, { "type": "fundref", "all": ["100", "200"] }],
        "relationships": [],
    });
    assert_eq!(import_records(&app, &[record]).stderr, "");
    let fields = "slug types status countryCode city homepageUrl names { value language kind } identifiers { scheme value }
        french: displayName(languages: [\"fr-CH\"]) { value language isFallback }
        japanese: displayName(languages: [\"ja\"]) { value } german: displayName(languages: [\"de\"]) { value isFallback }";
    let found = organization_fields(&app, UNIVERSITY, fields).await;
    let expected = json!({
        "slug": "lake-university", "types": ["EDUCATION", "FUNDER"], "status": "ACTIVE", "countryCode": "CH", "city": "Seestadt",
        "homepageUrl": "https://lake.example/",
        "identifiers": [
            { "scheme": "fundref", "value": "100" }, { "scheme": "fundref", "value": "200" },
            { "scheme": "grid", "value": "grid.1.1" },
        ],
        "names": [
            { "value": "LU", "language": null, "kind": "ACRONYM" },
            { "value": "Lake University", "language": "en", "kind": "DISPLAY" },
            { "value": "Université du Lac", "language": "fr", "kind": "LABEL" },
            { "value": "جامعة البحيرة", "language": "ar", "kind": "LABEL" },
            { "value": "湖大学", "language": "ja", "kind": "LABEL" },
            { "value": "Old Lake School", "language": "en", "kind": "ALIAS" },
        ],
        "french": { "value": "Université du Lac", "language": "fr", "isFallback": false },
        "japanese": { "value": "湖大学" },
        "german": { "value": "Lake University", "isFallback": true },
    });
    assert_eq!(found, expected);
}

#[tokio::test]
async fn organization_status() {
    let app = TestApp::start().await;
    let records = [
        with_fields(
            ror_record(COLLEGE, "River College", &[("successor", UNIVERSITY)]),
            json!({ "status": "withdrawn" }),
        ),
        with_fields(ror_record(FACULTY, "Faculty of Water", &[]), json!({ "status": "inactive" })),
        ror_record(UNIVERSITY, "Lake University", &[]),
    ];
    import_records(&app, &records);
    assert_eq!(organization_fields(&app, COLLEGE, "status").await["status"], json!("WITHDRAWN"));
    assert_eq!(organization_fields(&app, FACULTY, "status").await["status"], json!("INACTIVE"));
    assert_eq!(related_names(&app, COLLEGE, "successors").await, ["Lake University"]);
    let found = app.data("{ organizations(filter: {statuses: [ACTIVE]}) { nodes { ror } } }").await;
    assert_eq!(found["organizations"]["nodes"], json!([{ "ror": ror_uri(UNIVERSITY) }]));
}

#[tokio::test]
async fn unchanged_records() {
    let app = TestApp::start().await;
    let records = [
        ror_record(INSTITUTE, "Institute of Weirs", &[("parent", FACULTY), ("predecessor", COLLEGE)]),
        ror_record(FACULTY, "Faculty of Water", &[("child", INSTITUTE)]),
    ];
    import_records(&app, &records);
    let times = "{ organizations { nodes { id updatedAt } } }";
    let (before, times_before) = (dump_database(&app.database_url).await, app.data(times).await);
    assert_eq!(import_records(&app, &records).summary(), "read 2: created 0, updated 0, unchanged 2, invalid 0");
    assert_dumps_equal(&dump_database(&app.database_url).await, &before);
    assert_eq!(app.data(times).await, times_before);
}

#[tokio::test]
async fn changed_record() {
    let app = TestApp::start().await;
    let others = [ror_record(FACULTY, "Faculty of Water", &[]), ror_record(COLLEGE, "River College", &[])];
    import_records(
        &app,
        &[&others[..], &[ror_record(INSTITUTE, "Institute of Weirs", &[("parent", FACULTY)])]].concat(),
    );
    let id = organization_fields(&app, INSTITUTE, "id").await;
    let changed = ror_record(INSTITUTE, "Weir Institute", &[("parent", COLLEGE)]);
    let outcome = import_records(&app, &[&others[..], std::slice::from_ref(&changed)].concat());
    assert_eq!(outcome.summary(), "read 3: created 0, updated 1, unchanged 2, invalid 0");
    assert_eq!(organization_fields(&app, INSTITUTE, "id").await, id);
    assert_eq!(
        organization_fields(&app, INSTITUTE, "slug displayName { value }").await,
        json!({ "slug": "institute-of-weirs", "displayName": { "value": "Weir Institute" } })
    );
    assert_eq!(related_names(&app, INSTITUTE, "parents").await, ["River College"]);
}

#[tokio::test]
async fn invalid_records() {
    let app = TestApp::start().await;
    let good = ror_record(UNIVERSITY, "Lake University", &[("parent", "0aaa00228"), ("child", FACULTY)]);
    let records = [
        with_fields(ror_record(FACULTY, "Faculty of Water", &[]), json!({ "id": "https://ror.org/0aaa00228" })),
        with_fields(ror_record(FACULTY, "Faculty of Water", &[]), json!({ "names": [] })),
        json!({ "id": ror_uri(FACULTY), "name": "Old", "country": { "country_code": "CH" } }),
        json!({ "id": "w1", "title": "A paper" }),
        with_fields(ror_record(FACULTY, "Faculty of Water", &[]), json!({ "status": "asleep" })),
        with_fields(good, json!({ "types": ["education", "tavern"] })),
    ];
    let outcome = import_records(&app, &records);
    assert_eq!(outcome.summary(), "read 6: created 1, updated 0, unchanged 0, invalid 5; 2 warnings and notes");
    assert_eq!(
        outcome.stderr_lines(),
        [
            "ror.jsonl:1: invalid record: 'https://ror.org/0aaa00228' is not a ROR id: its checksum is wrong; check for a \
             mistyped character",
            "ror.jsonl:2: invalid record: it has no name",
            "ror.jsonl:3: invalid record: it is a ROR record of schema 1; use the data of schema 2",
            "ror.jsonl:4: invalid record: it is not a ROR record: it has no `names`",
            "ror.jsonl:5: invalid record: its status 'ASLEEP' is not active, inactive or withdrawn",
            "ror.jsonl:6: warning: the type 'tavern' is not a ROR type and was ignored",
            "ror.jsonl:6: warning: 'https://ror.org/0aaa00228' is not a ROR id: its checksum is wrong; check for a \
             mistyped character; the relation was ignored",
        ]
    );
}

#[tokio::test]
async fn cyclic_parents() {
    let app = TestApp::start().await;
    let records = [
        ror_record(FACULTY, "Faculty of Water", &[("parent", INSTITUTE), ("parent", FACULTY)]),
        ror_record(INSTITUTE, "Institute of Weirs", &[("parent", FACULTY)]),
    ];
    import_records(&app, &records);
    assert_eq!(related_names(&app, FACULTY, "ancestors").await, ["Institute of Weirs"]);
}
