//! Statistics for sort orders: when they are refreshed, and that they agree with the lists.

use std::time::Instant;

use academic_directory::config::{Limits, Migrate};
use academic_directory::database::{self, MigrationAction};
use chrono::{Days, NaiveDate, Utc};
use serde_json::{Value, json};

use crate::support::database_dump::{assert_dumps_equal, query_strings};
use crate::support::process::{ChildProcess, WAIT_TIMEOUT, Workspace};
use crate::support::synthetic_data::{SeededRng, synthetic_papers, synthetic_records};
use crate::support::{
    TestApp, create_database, database_config, organization_record, parse_records, pluck, researcher_record, ror,
    with_fields,
};

/// Organizations with fewest researchers first.
const BY_RESEARCHER_COUNT: &str = "organizations(orderBy: {field: RESEARCHER_COUNT, direction: ASC})";

fn researcher_with_membership(name: &str, number: u64, rest: Value) -> Value {
    let membership = json!({ "organization": { "ror": ror(number) }, "affiliationKind": "MEMBERSHIP" });
    with_fields(researcher_record(name), json!({ "affiliations": [with_fields(membership, rest)] }))
}

fn two_organizations() -> Value {
    json!([
        organization_record(1, "Full"),
        organization_record(2, "Empty"),
        researcher_with_membership("Ada Berg", 1, json!({}))
    ])
}

async fn refreshed_on(url: &str) -> Vec<String> {
    query_strings(url, "SELECT value FROM setting WHERE name = 'totals_day'").await
}

#[tokio::test]
async fn invalidated_by_changed_records() {
    let app = TestApp::start().await;
    let write =
        async |records: Value| app.store.write_records("test", &parse_records(records)).await.expect("the records");
    write(two_organizations()).await;
    assert_eq!(refreshed_on(&app.database_url).await, [""; 0]);
    assert_eq!(app.slugs(&[BY_RESEARCHER_COUNT]).await, ["full", "empty"], "not refreshed yet");
    assert!(app.store.refresh_statistics_if_stale().await.expect("the counts"));
    assert_eq!(app.slugs(&[BY_RESEARCHER_COUNT]).await, ["empty", "full"]);
    assert_eq!(refreshed_on(&app.database_url).await.len(), 1);
    assert!(!app.store.refresh_statistics_if_stale().await.expect("the counts"), "they are up to date");
    write(two_organizations()).await;
    assert!(!app.store.refresh_statistics_if_stale().await.expect("the counts"), "nothing changed");
    write(json!([
        researcher_with_membership("Bo Dahl", 2, json!({})),
        researcher_with_membership("Cy Ek", 2, json!({}))
    ]))
    .await;
    assert!(app.store.refresh_statistics_if_stale().await.expect("the counts"));
    assert_eq!(app.slugs(&[BY_RESEARCHER_COUNT]).await, ["full", "empty"]);
}

#[tokio::test]
async fn refreshed_on_the_next_day() {
    let app = TestApp::start().await;
    app.create_records(two_organizations()).await;
    let yesterday = Utc::now().date_naive().checked_sub_days(Days::new(1)).expect("a day");
    // The affiliation ended yesterday, when the statistics were last refreshed.
    app.execute_sql(&format!(
        "UPDATE affiliation SET end_date = '{yesterday}'; UPDATE setting SET value = '{yesterday}' WHERE name = 'totals_day'"
    ))
    .await;
    assert_eq!(app.slugs(&[BY_RESEARCHER_COUNT]).await, ["empty", "full"]);
    assert!(app.store.refresh_statistics_if_stale().await.expect("the counts"));
    assert_eq!(app.slugs(&[BY_RESEARCHER_COUNT]).await, ["full", "empty"], "both are empty, and ties are broken by ID");
    let counted = refreshed_on(&app.database_url).await;
    assert!(counted[0].parse::<NaiveDate>().expect("a day") > yesterday);
}

#[tokio::test]
async fn refreshed_after_an_import() {
    let app = TestApp::start().await;
    let workspace = Workspace::new();
    let lines = |records: &Value| -> String {
        records.as_array().expect("records").iter().map(|record| format!("{record}\n")).collect()
    };
    let more =
        json!([researcher_with_membership("Bo Dahl", 2, json!({})), researcher_with_membership("Cy Ek", 2, json!({}))]);
    workspace.write_file("two.jsonl", lines(&two_organizations()));
    workspace.write_file("more.jsonl", lines(&more) + "no record\n");
    workspace.import(&app.database_url, &["records", "two.jsonl"]).summary();
    assert_eq!(app.slugs(&[BY_RESEARCHER_COUNT]).await, ["empty", "full"]);
    // A strict import that aborts refreshes the statistics for what it has written.
    let stopped = workspace.import(&app.database_url, &["records", "--strict", "more.jsonl"]);
    assert_eq!(stopped.code, Some(1), "{stopped:?}");
    assert_eq!(refreshed_on(&app.database_url).await.len(), 1);
    workspace.import(&app.database_url, &["records", "more.jsonl"]).summary();
    assert_eq!(app.slugs(&[BY_RESEARCHER_COUNT]).await, ["full", "empty"]);
}

#[tokio::test]
async fn refreshed_at_startup() {
    let app = TestApp::start().await;
    app.store.write_records("test", &parse_records(two_organizations())).await.expect("the records");
    let workspace = Workspace::new();
    let mut command = workspace.command_with_database(&app.database_url, &["serve", "--listen", "127.0.0.1:0"]);
    let mut server = ChildProcess::start(&mut command);
    server.wait_for_line("GraphQL");
    assert_eq!(app.slugs(&[BY_RESEARCHER_COUNT]).await, ["empty", "full"]);
}

/// Each statistic equals the total count of the list that it is for.
#[tokio::test]
async fn match_the_lists() {
    let app = TestApp::start().await;
    let mut rng = SeededRng::new(11);
    let works = synthetic_papers(&mut rng, 40, 12);
    let mut all = synthetic_records(&works, 40);
    // A hierarchy of organizations with a cycle.
    all.extend((0..8_u64).map(|number| {
        let above = ror(rng.below(8) as u64 + 1);
        with_fields(
            organization_record(number + 1, &format!("Place {number}")),
            json!({ "relations": [["parent", above]] }),
        )
    }));
    all.extend((0..30).map(|number| {
        let kind = ["EMPLOYMENT", "EDUCATION", "MEMBERSHIP"][rng.below(3)];
        let affiliation = json!({ "organization": { "ror": ror(rng.below(8) as u64 + 1) }, "affiliationKind": kind, "startDate": (1990 + number).to_string() });
        let end = if rng.one_in(3) {
            json!({ "endDate": "2020" })
        } else {
            json!({ "hasEnded": rng.one_in(3) })
        };
        with_fields(
            researcher_record(&format!("Person {}", rng.below(40))),
            json!({ "affiliations": [with_fields(affiliation, end)], "topics": [{ "labels": { "en": format!("Topic {}", rng.below(4)) } }] }),
        )
    }));
    app.write_records(&parse_records(json!(all))).await;
    app.execute_sql(
        "INSERT INTO topic_broader (topic_id, broader_id) SELECT one.id, other.id FROM topic AS one, topic AS other \
         WHERE one.slug = 'topic-0' AND other.slug = 'topic-2'",
    )
    .await;
    app.refresh_statistics().await;
    for (list, kind, column, counted) in [
        ("organizations", "organization", "researcher_count", "researchers"),
        ("topics", "topic", "researcher_count", "researchers"),
        ("topics", "topic", "paper_count", "papers"),
    ] {
        let order = column.to_uppercase();
        let list = format!("{list}(orderBy: {{field: {order}, direction: DESC}})");
        let nodes = app.nodes(&[&list], &format!("{counted} {{ totalCount }}")).await;
        let listed: Vec<i64> = pluck(&nodes, &[counted, "totalCount"]).into_iter().filter_map(Value::as_i64).collect();
        let sql = format!("SELECT {column} FROM {kind}_statistics ORDER BY {column} DESC, {kind}_id DESC");
        let stored: Vec<i64> =
            query_strings(&app.database_url, &sql).await.iter().map(|count| count.parse().expect("a number")).collect();
        assert_eq!(listed, stored, "{list}");
        assert!(stored.first() > stored.last(), "{list}: all counts are equal: {stored:?}");
    }
}

const LABELS_SQL: &str = "SELECT concat_ws(' ', 'organization', organization_id, language, sort_name, languages::text) FROM organization_label \
     UNION ALL SELECT concat_ws(' ', 'topic', topic_id, language, sort_name, languages::text) FROM topic_label \
     UNION ALL SELECT concat_ws(' ', 'people', organization_id, researcher_count) FROM organization_statistics \
     UNION ALL SELECT concat_ws(' ', 'on', topic_id, paper_count, researcher_count) FROM topic_statistics ORDER BY 1";

/// Migrating older data gives the same labels and statistics as writing it anew.
#[tokio::test]
async fn migration_of_older_data() {
    let url = create_database().await;
    let app = TestApp::start_on_database(url.clone(), Limits::default(), 100).await;
    let named = |number: u64, names: &[(&str, &str)]| {
        let names: Vec<Value> = names
            .iter()
            .map(|(language, value)| match *language {
                "" => json!({ "value": value, "kind": "LABEL" }),
                language => json!({ "value": value, "language": language, "kind": "LABEL" }),
            })
            .collect();
        with_fields(organization_record(number, "x"), json!({ "names": names }))
    };
    let long = "é".repeat(3_000);
    let places = json!([
        named(1, &[("fr", "École"), ("en", "School")]),
        named(2, &[("fr-CA", "Québec"), ("fr-BE", "Wallonie")]),
        named(3, &[("zh-Hant-TW", "Taipei"), ("zh-Hant", "Any"), ("de", "Zürich")]),
        named(4, &[("", "Nameless"), ("ar", "Arabic")]),
        named(5, &[("en", &long)]),
        { "kind": "topic", "names": [{ "value": "Mer", "language": "fr", "kind": "LABEL" }, { "value": "Sea", "language": "en-GB", "kind": "LABEL" }] },
        with_fields(researcher_with_membership("Ada Berg", 2, json!({})), json!({ "topics": [{ "labels": { "fr": "Mer" } }] })),
    ]);
    app.write_records(&parse_records(places)).await;
    let written = query_strings(&url, LABELS_SQL).await;
    let config = academic_directory::config::DatabaseConfig { migrate: Migrate::Auto, ..database_config(&url, 100) };
    let has_labels =
        |applied: &[(String, bool)]| applied.iter().any(|(name, is_applied)| name.ends_with("_label") && *is_applied);
    while has_labels(&database::run_migrations(&config, MigrationAction::Down).await.expect("a way back")) {}
    assert_eq!(query_strings(&url, "SELECT to_regclass('organization_label')::text IS NULL").await, ["true"]);
    database::run_migrations(&config, MigrationAction::Up).await.expect("a way forth");
    assert!(app.store.refresh_statistics_if_stale().await.expect("the counts"), "the migrated statistics are outdated");
    assert_dumps_equal(&query_strings(&url, LABELS_SQL).await, &written);
}

/// A new name replaces the old one in every language.
#[tokio::test]
async fn labels_follow_names() {
    let app = TestApp::start().await;
    let named = |language: &str, value: &str| {
        with_fields(
            organization_record(1, "x"),
            json!({ "names": [{ "value": value, "language": language, "kind": "LABEL" }] }),
        )
    };
    let rows = async || {
        query_strings(
            &app.database_url,
            "SELECT concat_ws(' ', language, sort_name, languages::text) FROM organization_label ORDER BY language",
        )
        .await
    };
    app.create_records(json!([named("fr-CA", "Cegep")])).await;
    assert_eq!(rows().await, [" cegep {fr,fr-CA}", "fr cegep {fr,fr-CA}", "fr-CA cegep {fr,fr-CA}"]);
    app.write_records(&parse_records(json!([named("en", "College")]))).await;
    assert_eq!(rows().await, [" college {en}", "en college {en}"]);
}

/// The statistics of the database's own planner: of a table that has doubled, and of no other.
#[tokio::test]
async fn grown_tables_are_analyzed() {
    let app = TestApp::start().await;
    let known = "SELECT relname FROM pg_class WHERE reltuples >= 1000 \
         AND relname IN ('topic', 'organization')";
    assert_eq!(query_strings(&app.database_url, known).await, [""; 0]);
    app.execute_sql(
        "INSERT INTO topic (slug, scheme, display_names, sort_names, names) \
         SELECT 'topic-' || number, 'local', '{\"en\": \"A\"}', '{\"en\": \"a\"}', '[]' FROM generate_series(1, 1200) AS number",
    )
    .await;
    // The server counts changes after the transaction that makes them.
    let deadline = Instant::now() + WAIT_TIMEOUT;
    while query_strings(&app.database_url, known).await != ["topic"] {
        assert!(Instant::now() < deadline, "the table was not analyzed");
        app.store.analyze_grown_tables().await.expect("the statistics");
    }
}
