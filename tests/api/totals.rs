//! Counts that orders go by: when they are made, and that they are the same as what the lists themselves count.

use academic_directory::config::{Limits, Migrate};
use academic_directory::database::{self, Direction};
use chrono::{Days, NaiveDate, Utc};
use serde_json::{Value, json};

use crate::support::binary::{Running, Workplace};
use crate::support::dump::{assert_same, query};
use crate::support::sample::{Chance, records, works};
use crate::support::{TestApp, database_config, new_database, organization, pluck, records_of, researcher, ror, with};

/// By how many people, fewest first.
const BY_PEOPLE: &str = "organizations(orderBy: {field: RESEARCHER_COUNT, direction: ASC})";

fn member(name: &str, number: u64, rest: Value) -> Value {
    let place = json!({ "organization": { "ror": ror(number) }, "affiliationKind": "MEMBERSHIP" });
    with(researcher(name), json!({ "affiliations": [with(place, rest)] }))
}

fn two_places() -> Value {
    json!([organization(1, "Full"), organization(2, "Empty"), member("Ada Berg", 1, json!({}))])
}

async fn day(url: &str) -> Vec<String> {
    query(url, "SELECT value FROM setting WHERE name = 'totals_day'").await
}

#[tokio::test]
async fn a_write_makes_them_out_of_date_and_one_that_says_nothing_new_does_not() {
    let app = TestApp::start().await;
    let write = async |records: Value| app.store.write("test", &records_of(records)).await.expect("the records");
    write(two_places()).await;
    assert_eq!(day(&app.database_url).await, [""; 0]);
    assert_eq!(app.slugs(&[BY_PEOPLE]).await, ["full", "empty"], "not counted yet");
    assert!(app.store.recount_totals().await.expect("the counts"));
    assert_eq!(app.slugs(&[BY_PEOPLE]).await, ["empty", "full"]);
    assert_eq!(day(&app.database_url).await.len(), 1);
    assert!(!app.store.recount_totals().await.expect("the counts"), "they hold");
    write(two_places()).await;
    assert!(!app.store.recount_totals().await.expect("the counts"), "nothing was new");
    write(json!([member("Bo Dahl", 2, json!({})), member("Cy Ek", 2, json!({}))])).await;
    assert!(app.store.recount_totals().await.expect("the counts"));
    assert_eq!(app.slugs(&[BY_PEOPLE]).await, ["full", "empty"]);
}

#[tokio::test]
async fn the_next_day() {
    let app = TestApp::start().await;
    app.load(two_places()).await;
    let yesterday = Utc::now().date_naive().checked_sub_days(Days::new(1)).expect("a day");
    // What ended yesterday was counted then.
    app.sql(&format!(
        "UPDATE affiliation SET end_date = '{yesterday}'; UPDATE setting SET value = '{yesterday}' WHERE name = 'totals_day'"
    ))
    .await;
    assert_eq!(app.slugs(&[BY_PEOPLE]).await, ["empty", "full"]);
    assert!(app.store.recount_totals().await.expect("the counts"));
    assert_eq!(app.slugs(&[BY_PEOPLE]).await, ["full", "empty"], "nobody is there, and ties end on the id");
    let counted = day(&app.database_url).await;
    assert!(counted[0].parse::<NaiveDate>().expect("a day") > yesterday);
}

#[tokio::test]
async fn an_import_counts_when_it_ends() {
    let app = TestApp::start().await;
    let place = Workplace::new();
    let lines = |records: &Value| -> String {
        records.as_array().expect("records").iter().map(|record| format!("{record}\n")).collect()
    };
    let more = json!([member("Bo Dahl", 2, json!({})), member("Cy Ek", 2, json!({}))]);
    place.file("two.jsonl", lines(&two_places()));
    place.file("more.jsonl", lines(&more) + "no record\n");
    place.import(&app.database_url, &["records", "two.jsonl"]).summary();
    assert_eq!(app.slugs(&[BY_PEOPLE]).await, ["empty", "full"]);
    // A strict import that stops has written what came before, and counts it.
    let stopped = place.import(&app.database_url, &["records", "--strict", "more.jsonl"]);
    assert_eq!(stopped.code, Some(1), "{stopped:?}");
    assert_eq!(day(&app.database_url).await.len(), 1);
    place.import(&app.database_url, &["records", "more.jsonl"]).summary();
    assert_eq!(app.slugs(&[BY_PEOPLE]).await, ["full", "empty"]);
}

#[tokio::test]
async fn the_server_counts_when_it_starts() {
    let app = TestApp::start().await;
    app.store.write("test", &records_of(two_places())).await.expect("the records");
    let place = Workplace::new();
    let mut command = place.over(&app.database_url, &["serve", "--listen", "127.0.0.1:0"]);
    let mut server = Running::start(&mut command);
    server.line("GraphQL");
    assert_eq!(app.slugs(&[BY_PEOPLE]).await, ["empty", "full"]);
}

/// The counts of an order, each against the list it counts.
#[tokio::test]
async fn they_are_what_the_lists_count() {
    let app = TestApp::start().await;
    let mut chance = Chance::new(11);
    let works = works(&mut chance, 40, 12);
    let mut all = records(&works, 40);
    // Places below each other, a cycle among them.
    all.extend((0..8_u64).map(|number| {
        let above = ror(chance.below(8) as u64 + 1);
        with(organization(number + 1, &format!("Place {number}")), json!({ "relations": [["parent", above]] }))
    }));
    all.extend((0..30).map(|number| {
        let kind = ["EMPLOYMENT", "EDUCATION", "MEMBERSHIP"][chance.below(3)];
        let place = json!({ "organization": { "ror": ror(chance.below(8) as u64 + 1) }, "affiliationKind": kind, "startDate": (1990 + number).to_string() });
        let end = if chance.once_in(3) { json!({ "endDate": "2020" }) } else { json!({}) };
        with(
            researcher(&format!("Person {}", chance.below(40))),
            json!({ "affiliations": [with(place, end)], "topics": [{ "labels": { "en": format!("Topic {}", chance.below(4)) } }] }),
        )
    }));
    app.write(&records_of(json!(all))).await;
    app.sql(
        "INSERT INTO topic_broader (topic_id, broader_id) SELECT one.id, other.id FROM topic AS one, topic AS other \
         WHERE one.slug = 'topic-0' AND other.slug = 'topic-2'",
    )
    .await;
    app.recount().await;
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
            query(&app.database_url, &sql).await.iter().map(|count| count.parse().expect("a number")).collect();
        assert_eq!(listed, stored, "{list}");
        assert!(stored.first() > stored.last(), "{list}: {stored:?} is no order");
    }
}

const LABELS: &str = "SELECT concat_ws(' ', 'organization', organization_id, language, sort_name, languages::text) FROM organization_label \
     UNION ALL SELECT concat_ws(' ', 'topic', topic_id, language, sort_name, languages::text) FROM topic_label \
     UNION ALL SELECT concat_ws(' ', 'people', organization_id, researcher_count) FROM organization_statistics \
     UNION ALL SELECT concat_ws(' ', 'on', topic_id, paper_count, researcher_count) FROM topic_statistics ORDER BY 1";

/// A directory that is older than the labels and counts gets the same ones as one that is made with them.
#[tokio::test]
async fn what_the_migrations_make_of_an_older_directory() {
    let url = new_database().await;
    let app = TestApp::start_over(url.clone(), Limits::default(), 100).await;
    let named = |number: u64, names: &[(&str, &str)]| {
        let names: Vec<Value> = names
            .iter()
            .map(|(language, value)| match *language {
                "" => json!({ "value": value, "kind": "LABEL" }),
                language => json!({ "value": value, "language": language, "kind": "LABEL" }),
            })
            .collect();
        with(organization(number, "x"), json!({ "names": names }))
    };
    let long = "é".repeat(3_000);
    let places = json!([
        named(1, &[("fr", "École"), ("en", "School")]),
        named(2, &[("fr-CA", "Québec"), ("fr-BE", "Wallonie")]),
        named(3, &[("zh-Hant-TW", "Taipei"), ("zh-Hant", "Any"), ("de", "Zürich")]),
        named(4, &[("", "Nameless"), ("ar", "Arabic")]),
        named(5, &[("en", &long)]),
        { "kind": "topic", "names": [{ "value": "Mer", "language": "fr", "kind": "LABEL" }, { "value": "Sea", "language": "en-GB", "kind": "LABEL" }] },
        with(member("Ada Berg", 2, json!({})), json!({ "topics": [{ "labels": { "fr": "Mer" } }] })),
    ]);
    app.write(&records_of(places)).await;
    let written = query(&url, LABELS).await;
    let config = academic_directory::config::DatabaseConfig { migrate: Migrate::Auto, ..database_config(&url, 100) };
    let has_labels =
        |applied: &[(String, bool)]| applied.iter().any(|(name, is_applied)| name.ends_with("_label") && *is_applied);
    while has_labels(&database::run_migrations(&config, Direction::Down).await.expect("a way back")) {}
    assert_eq!(query(&url, "SELECT to_regclass('organization_label')::text IS NULL").await, ["true"]);
    database::run_migrations(&config, Direction::Up).await.expect("a way forth");
    assert!(app.store.recount_totals().await.expect("the counts"), "counts of nothing do not hold");
    assert_same(&query(&url, LABELS).await, &written);
}

/// Another name takes the place of the one before, in every language.
#[tokio::test]
async fn labels_follow_their_names() {
    let app = TestApp::start().await;
    let named = |language: &str, value: &str| {
        with(organization(1, "x"), json!({ "names": [{ "value": value, "language": language, "kind": "LABEL" }] }))
    };
    let rows = async || {
        query(
            &app.database_url,
            "SELECT concat_ws(' ', language, sort_name, languages::text) FROM organization_label ORDER BY language",
        )
        .await
    };
    app.load(json!([named("fr-CA", "Cegep")])).await;
    assert_eq!(rows().await, [" cegep {fr,fr-CA}", "fr cegep {fr,fr-CA}", "fr-CA cegep {fr,fr-CA}"]);
    app.write(&records_of(json!([named("en", "College")]))).await;
    assert_eq!(rows().await, [" college {en}", "en college {en}"]);
}
