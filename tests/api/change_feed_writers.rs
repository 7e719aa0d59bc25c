//! The change feed under concurrent writers: every reader sees every last change, in order and once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::change_feed::{CHANGES_QUERY, walk};
use crate::support::database_dump::query_strings;
use crate::support::{DatabaseSession, TestApp, paper_record, parse_records, researcher_record, topic_record};

const WRITERS: usize = 8;
const TRANSACTIONS: usize = 15;
const BATCHES: usize = 15;

/// The position in a revision.
fn position(revision: &Value) -> u64 {
    let digits = revision.as_str().and_then(|text| text.split('-').next()).expect("a revision");
    u64::from_str_radix(digits, 36).expect("a number")
}

/// Follows the feed until `is_done`, then to its end. Returns the last revision of each entity.
async fn follow(app: &TestApp, first: usize, is_done: &AtomicBool) -> BTreeMap<String, String> {
    let (mut seen, mut after, mut last) = (BTreeMap::new(), Value::Null, (0, String::new()));
    loop {
        let ends_after_this = is_done.load(Ordering::SeqCst);
        let page =
            app.data_with_variables(CHANGES_QUERY, json!({ "after": after, "first": first })).await["changes"].clone();
        for change in page["changes"].as_array().expect("changes") {
            let key = (position(&change["revision"]), change["id"].to_string());
            // In order, and never twice.
            assert!(key.0 >= last.0 && key != last, "{key:?} after {last:?}");
            last = key;
            seen.insert(change["id"].to_string(), change["revision"].to_string());
        }
        after = page["cursor"].clone();
        if ends_after_this && page["hasMore"] == json!(false) {
            return seen;
        }
        tokio::task::yield_now().await;
    }
}

/// A writer outside the application: transactions of a few statements, some of which are rolled back.
async fn write_with_sql(url: &str, number: usize) {
    let session = DatabaseSession::open(url).await;
    for transaction in 0..TRANSACTIONS {
        let person = (number * 7 + transaction * 3) % 20;
        session
            .execute(&format!(
                "BEGIN; UPDATE researcher SET homepage_url = 'https://example.org/{number}/{transaction}' \
            WHERE slug = 'person-{person}'"
            ))
            .await;
        session
            .execute(&format!(
                "SELECT pg_sleep(0.00{}); UPDATE topic SET code = '{number}-{transaction}' WHERE slug = 'topic-{}'",
                number % 7,
                person % 5
            ))
            .await;
        if transaction % 5 == 0 {
            session.execute(&format!("INSERT INTO topic (slug, scheme, display_names, sort_names, names) \
                VALUES ('new-{number}-{transaction}', 'local', '{{\"en\": \"New\"}}', '{{\"en\": \"new\"}}', '[]'); DELETE FROM topic WHERE slug = 'new-{number}-{}'",
                transaction.saturating_sub(5))).await;
        }
        session.execute(if transaction % 6 == 4 { "ROLLBACK" } else { "COMMIT" }).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_miss_nothing() {
    let app = Arc::new(TestApp::start().await);
    let mut records: Vec<Value> = (0..20).map(|number| researcher_record(&format!("Person {number}"))).collect();
    records.extend((0..5).map(|number| topic_record(&format!("Topic {number}"))));
    app.create_records(json!(records)).await;
    let is_done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = [1, 7, 500]
        .into_iter()
        .map(|first| {
            let (app, is_done) = (Arc::clone(&app), Arc::clone(&is_done));
            tokio::spawn(async move { follow(&app, first, &is_done).await })
        })
        .collect();
    let writers: Vec<_> = (0..WRITERS)
        .map(|number| {
            let url = app.database_url.clone();
            tokio::spawn(async move { write_with_sql(&url, number).await })
        })
        .collect();
    for batch in 0..BATCHES {
        let title = |number: usize| format!("Paper {batch} {number}");
        let author = |number: usize| format!("Person {}", (batch + number) % 20);
        let paper = |number: usize| paper_record(&title(number), Some(2001), &[&author(number), &author(number + 1)]);
        app.write_records(&parse_records(json!((0..5).map(paper).collect::<Vec<Value>>()))).await;
    }
    for writer in writers {
        writer.await.expect("a writer");
    }
    is_done.store(true, Ordering::SeqCst);
    let (last, _) = walk(&app, None, json!({})).await;
    let last: BTreeMap<String, String> =
        last.iter().map(|change| (change["id"].to_string(), change["revision"].to_string())).collect();
    for reader in readers {
        assert_eq!(reader.await.expect("a reader"), last);
    }
    // The walk is what the tables say.
    let counts = "SELECT (SELECT count(*) FROM change WHERE operation = 'V') = (SELECT count(*) FROM researcher) + (SELECT count(*) FROM paper) \
         + (SELECT count(*) FROM topic) + (SELECT count(*) FROM organization) + (SELECT count(*) FROM affiliation)";
    assert_eq!(query_strings(&app.database_url, &format!("SELECT ({counts})::text")).await, ["true"]);
}

#[tokio::test]
async fn open_transaction_elsewhere_does_not_hold_the_feed_back() {
    let app = TestApp::start().await;
    app.create_records(json!([topic_record("Weirs")])).await;
    let (_, cursor) = walk(&app, None, json!({})).await;
    // With an id of its own, in another database of the server.
    let elsewhere = crate::support::create_empty_database().await;
    let session = DatabaseSession::open(&elsewhere).await;
    session.execute("BEGIN; CREATE TABLE forgotten (id bigint)").await;
    app.create_records(json!([topic_record("Tides")])).await;
    assert_eq!(walk(&app, Some(&cursor), json!({})).await.0.len(), 1);
    session.execute("ROLLBACK").await;
}
