//! The sample data: `demo remove` takes out what it brought, and nothing else.

use serde_json::{Value, json};

use crate::curation::{duplicate_and_conflated_records, start_with_records};
use crate::support::database_dump::{assert_dumps_equal, query_strings};
use crate::support::database_state::{database_state, find_inconsistencies};
use crate::support::process::{Workspace, run_to_completion};
use crate::support::{TestApp, organization_record, parse_records, researcher_record, with_fields};

async fn load_demo(app: &TestApp) {
    academic_directory::demo::load(&app.store).await.expect("the sample data");
    app.store.refresh_statistics_if_stale().await.expect("the counts");
}

/// Runs `demo remove` and returns its report.
fn remove_demo(app: &TestApp) -> String {
    let outcome =
        run_to_completion(&mut Workspace::new().command_with_database(&app.database_url, &["demo", "remove"]));
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{outcome:?}");
    outcome.report().to_owned()
}

/// The records of the sample data.
fn demo_records() -> Vec<Value> {
    let lines = include_str!("../../demo/directory.jsonl").lines();
    lines.map(|line| serde_json::from_str(line).expect("a record")).collect()
}

#[tokio::test]
async fn nothing_of_it_is_left() {
    let app = TestApp::start().await;
    load_demo(&app).await;
    let report = remove_demo(&app);
    assert!(report.starts_with("removed ") && report.lines().count() == 1, "{report}");
    let backup =
        run_to_completion(&mut Workspace::new().command_with_database(&app.database_url, &["export", "backup"]));
    let rows: Vec<&str> = backup.stdout.lines().filter(|line| line.starts_with("{\"table\"")).collect();
    // The change feed says that the entities are gone.
    let is_expected = |row: &&str| {
        let row: Value = serde_json::from_str(row).expect("JSON");
        match row["table"].as_str() {
            Some("change") => ["D", "M"].contains(&row["row"]["operation"].as_str().unwrap_or_default()),
            table => ["setting", "activity", "feed_epoch"].map(Some).contains(&table),
        }
    };
    let unexpected: Vec<&&str> = rows.iter().filter(|row| !is_expected(row)).collect();
    assert!(unexpected.is_empty(), "{unexpected:#?}");
    assert_eq!(query_strings(&app.database_url, "SELECT count(*) FROM search_entry").await, ["0"]);
    assert_eq!(remove_demo(&app), "the sample data is not in this database\n");
}

/// Before and after it, on other data.
#[tokio::test]
async fn other_data_is_as_it_was() {
    let app = start_with_records().await;
    let before = database_state(&app.database_url).await;
    load_demo(&app).await;
    assert_ne!(database_state(&app.database_url).await, before);
    remove_demo(&app);
    assert_dumps_equal(&database_state(&app.database_url).await, &before);

    let app = TestApp::start().await;
    load_demo(&app).await;
    app.create_records(json!(duplicate_and_conflated_records())).await;
    remove_demo(&app);
    assert_eq!(find_inconsistencies(&app.database_url).await, Vec::<String>::new());
    let names = "SELECT display_name FROM researcher ORDER BY 1";
    let expected = ["Ben Oak", "Ida Brook", "Ida M. Brook", "Tom Ford", "Uma Leeds", "Wei Xudo"];
    assert_eq!(query_strings(&app.database_url, names).await, expected);
    assert_eq!(query_strings(&app.database_url, "SELECT count(*) FROM organization").await, ["2"]);
}

/// What another source also gives, and what a person decided on.
#[tokio::test]
async fn shared_and_changed_entities_stay() {
    let app = TestApp::start().await;
    load_demo(&app).await;
    let records = demo_records();
    let of_kind = |kind: &str| records.iter().filter(|record| record["kind"] == kind).cloned().collect::<Vec<_>>();
    let (papers, people) = (of_kind("paper"), of_kind("researcher"));
    let shared = papers.iter().find(|paper| paper["doi"].is_string() || paper["arxivId"].is_string()).expect("a paper");
    let ror = of_kind("organization")[0]["ror"].clone();
    let more = json!([
        with_fields(shared.clone(), json!({ "sourceId": "p1" })),
        with_fields(organization_record(1, "Mila"), json!({ "ror": ror })),
        with_fields(
            researcher_record("Ida Brook"),
            json!({ "affiliations": [
            { "organization": { "ror": ror }, "affiliationKind": "EMPLOYMENT" }] })
        ),
    ]);
    app.write_records_from("other", &parse_records(more)).await;
    let chosen = query_strings(
        &app.database_url,
        "SELECT slug FROM researcher WHERE id NOT IN (SELECT researcher_id FROM source_record WHERE researcher_id IS NOT NULL) \
         ORDER BY id LIMIT 1",
    )
    .await;
    let workspace = Workspace::new();
    let arguments = ["names", "set", chosen[0].as_str(), "--display", "Zoë Chosen"];
    let outcome = run_to_completion(&mut workspace.command_with_database(&app.database_url, &arguments));
    assert_eq!(outcome.code, Some(0), "{outcome:?}");

    let report = remove_demo(&app);
    assert!(report.contains(" others stay, which other sources also give"), "{report}");
    assert_eq!(find_inconsistencies(&app.database_url).await, Vec::<String>::new());
    let titles = query_strings(&app.database_url, "SELECT title FROM paper").await;
    assert_eq!(titles, [shared["title"].as_str().expect("a title")]);
    assert_eq!(query_strings(&app.database_url, "SELECT count(*) FROM organization").await, ["1"]);
    let names = query_strings(&app.database_url, "SELECT display_name FROM researcher").await;
    assert!(names.contains(&"Zoë Chosen".to_owned()) && names.contains(&"Ida Brook".to_owned()), "{names:?}");
    // The profiles of the sample data are gone, also of authors who stay.
    let profiles =
        "SELECT count(*) FROM researcher WHERE biography <> '{}' OR headline <> '{}' OR homepage_url IS NOT NULL";
    assert_eq!((people.is_empty(), query_strings(&app.database_url, profiles).await), (false, vec!["0".to_owned()]));
    let sources = "SELECT DISTINCT source FROM source_record";
    assert_eq!(query_strings(&app.database_url, sources).await, ["other"]);
}
