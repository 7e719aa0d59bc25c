//! The native record format, and the demo directory in it.

use serde_json::{Value, json};

use crate::support::csl::to_json_lines;
use crate::support::database_dump::{assert_dumps_equal, dump_database};
use crate::support::process::Workspace;
use crate::support::{TestApp, pluck_strings};

fn valid_records() -> Vec<Value> {
    vec![
        json!({ "kind": "organization", "ror": "05dxps055", "names": [{ "value": "Water Institute", "kind": "DISPLAY", "language": "en" }] }),
        json!({ "kind": "topic", "slug": "weirs", "names": [
            { "value": "Weirs", "language": "en", "kind": "DISPLAY" }, { "value": "Seuils", "language": "fr", "kind": "LABEL" }] }),
        json!({ "kind": "researcher", "slug": "ida", "name": "Ida Brook", "orcid": "0000-0009-1000-0019",
            "headline": { "fr": "Hydrologue" }, "topics": [{ "labels": { "fr": "Seuils" } }],
            "affiliations": [{ "organization": { "ror": "05dxps055" }, "affiliationKind": "EMPLOYMENT", "isPrimary": true,
                "roleTitle": { "en": "Hydrologist" }, "startDate": "2015-03" }] }),
        json!({ "kind": "paper", "sourceId": "p1", "title": "On weirs", "type": "REPORT", "publicationDate": "2016-02-03",
            "doi": "10.1000/weirs", "topics": [{ "labels": { "en": "Weirs" } }],
            "authors": [{ "position": 1, "name": "Tom Ford" }, { "position": 2, "name": "I. Brook", "orcid": "0000-0009-1000-0019" }] }),
    ]
}

#[tokio::test]
async fn records_of_every_kind() {
    let app = TestApp::start().await;
    let workspace = Workspace::new();
    let file = workspace.write_file("records.jsonl", to_json_lines(&valid_records()));
    assert_eq!(
        workspace.import(&app.database_url, &["records", file]).summary(),
        "read 4: created 4, updated 0, unchanged 0, invalid 0"
    );
    let query = "{ researcher(by: {slug: \"ida\"}) { name orcid headline(languages: [\"fr\"]) { value }
        topics { edges { isDeclared paperCount node { slug } } }
        affiliations { nodes { kind isPrimary startDate roleTitle { value } organization { ror } } }
        papers { edges { authorship { position nameAsPublished } node { title doi type publicationDate } } }
        coauthors { nodes { name } } } }";
    let expected = json!({
        "name": "Ida Brook", "orcid": "https://orcid.org/0000-0009-1000-0019", "headline": { "value": "Hydrologue" },
        "topics": { "edges": [{ "isDeclared": true, "paperCount": 1, "node": { "slug": "weirs" } }] },
        "affiliations": { "nodes": [{ "kind": "EMPLOYMENT", "isPrimary": true, "startDate": "2015-03",
            "roleTitle": { "value": "Hydrologist" }, "organization": { "ror": "https://ror.org/05dxps055" } }] },
        "papers": { "edges": [{ "authorship": { "position": 2, "nameAsPublished": "I. Brook" }, "node": {
            "title": "On weirs", "doi": "https://doi.org/10.1000/weirs", "type": "REPORT", "publicationDate": "2016-02-03" } }] },
        "coauthors": { "nodes": [{ "name": "Tom Ford" }] },
    });
    assert_eq!(app.data(query).await["researcher"], expected);

    let before = dump_database(&app.database_url).await;
    assert_eq!(
        workspace.import(&app.database_url, &["records", file]).summary(),
        "read 4: created 0, updated 0, unchanged 4, invalid 0"
    );
    assert_dumps_equal(&dump_database(&app.database_url).await, &before);
}

#[tokio::test]
async fn invalid_records() {
    let app = TestApp::start().await;
    let workspace = Workspace::new();
    let bad = [
        json!({ "kind": "journal", "title": "Annals" }),
        json!({ "kind": "paper", "title": "A paper", "authors": [], "colour": "red" }),
        json!({ "kind": "researcher", "name": " " }),
        json!({ "kind": "researcher", "name": "Ida Brook", "orcid": "0000-0009-1000-0018" }),
    ];
    let text = to_json_lines(&[&bad[..], &valid_records()[..1]].concat());
    let outcome = workspace.import(&app.database_url, &["records", workspace.write_file("records.jsonl", text)]);
    assert_eq!(outcome.summary(), "read 5: created 1, updated 0, unchanged 0, invalid 4");
    let complaints = outcome.stderr_lines();
    assert_eq!(complaints.len(), 4, "{complaints:?}");
    for (number, (complaint, reason)) in (1..).zip(complaints.iter().zip([
        "unknown variant `journal`",
        "unknown field `colour`",
        "the person has no name",
        "checksum",
    ])) {
        assert!(complaint.starts_with(&format!("records.jsonl:{number}: invalid record: ")), "{complaint}");
        assert!(complaint.contains(reason), "{complaint}");
    }
}

#[tokio::test]
async fn demo_directory() {
    let demonstration = include_str!("../../demo/directory.jsonl");
    let amount = demonstration.lines().count();
    let app = TestApp::start().await;
    let workspace = Workspace::new();
    let file = workspace.write_file("directory.jsonl", demonstration);
    let outcome = workspace.import(&app.database_url, &["records", file]);
    assert_eq!(outcome.summary(), format!("read {amount}: created {amount}, updated 0, unchanged 0, invalid 0"));
    assert_eq!(outcome.stderr, "");
    let again = workspace.import(&app.database_url, &["records", file]);
    assert_eq!(again.summary(), format!("read {amount}: created 0, updated 0, unchanged {amount}, invalid 0"));
    let found = app
        .data("{ researcher(by: {slug: \"razvan-pascanu\"}) { papers { nodes { title } } coauthors { totalCount } } }")
        .await;
    assert!(!pluck_strings(&found["researcher"]["papers"]["nodes"], &["title"]).is_empty());

    // The service loads the same demo directory.
    let by_itself = TestApp::start().await;
    academic_directory::demo::load(&by_itself.store).await.expect("the demonstration directory");
    by_itself.store.refresh_statistics_if_stale().await.expect("the counts, as the service makes them when it starts");
    let without_source = |lines: Vec<String>| -> Vec<String> {
        lines
            .into_iter()
            .filter(|line| !line.starts_with("source_record ") && !line.starts_with("identifier "))
            .collect()
    };
    assert_dumps_equal(
        &without_source(dump_database(&app.database_url).await),
        &without_source(dump_database(&by_itself.database_url).await),
    );
}
