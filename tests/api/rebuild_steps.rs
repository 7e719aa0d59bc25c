//! Rebuilds of derived data, and author disambiguation: they are done in steps, between which others get the write lock.

use academic_directory::error::Error;
use academic_directory::store::Store;
use academic_directory::store::unit_of_work::WRITE_LOCK_KEY;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use crate::support::database_dump::{assert_dumps_equal, dump_database};
use crate::support::{DatabaseSession, TestApp, orcid, paper_record};

/// More than the first step of any rebuild.
const PAPER_COUNT: usize = 1_200;

type Rebuild = for<'s> fn(&'s Store) -> BoxFuture<'s, Result<bool, Error>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn others_write_between_the_steps() {
    let app = TestApp::start().await;
    let syllables = ["ba", "ce", "di", "fo", "gu", "ha", "ki", "lo", "mu", "na", "pe", "ro"];
    let word =
        |number: usize| [number % 12, number / 12 % 12, number / 144 % 12].map(|digit| syllables[digit]).concat();
    let papers: Vec<Value> = (0..PAPER_COUNT)
        .map(|number| {
            let authors = [format!("Ada {}", word(number)), format!("Bo {}", word(number + 1))];
            paper_record(&format!("Paper {}", word(number)), Some(2001), &[&authors[0], &authors[1]])
        })
        .collect();
    app.create_records(json!(papers)).await;
    let before = dump_database(&app.database_url).await;
    let rebuilds: [(&str, Rebuild); 4] = [
        ("consortium_size", |store| Box::pin(store.rebuild_coauthorship_if_stale())),
        ("name_repair_version", |store| Box::pin(store.rebuild_name_repairs_if_stale())),
        ("paper_version_law", |store| Box::pin(store.rebuild_work_versions_if_stale())),
        ("search_version", |store| Box::pin(store.rebuild_search_index_if_stale())),
    ];
    for (setting, rebuild) in rebuilds {
        app.execute_sql(&format!("DELETE FROM setting WHERE name = '{setting}'")).await;
        // The rebuild waits for the lock first, another writer after it.
        let holder = DatabaseSession::open(&app.database_url).await;
        holder.execute(&format!("SELECT pg_advisory_lock({WRITE_LOCK_KEY})")).await;
        let store = app.store.clone();
        let rebuilding = tokio::spawn(async move { rebuild(&store).await });
        app.wait_for_blocked_statements(|blocked| blocked == 1).await;
        let writer = DatabaseSession::open(&app.database_url).await;
        let is_stored = format!("SELECT count(*) FROM setting WHERE name = '{setting}' AND value <> ''");
        let writing = tokio::spawn(async move {
            writer.execute(&format!("SELECT pg_advisory_lock({WRITE_LOCK_KEY})")).await;
            writer.query_number(&is_stored).await
        });
        app.wait_for_blocked_statements(|blocked| blocked == 2).await;
        holder.execute(&format!("SELECT pg_advisory_unlock({WRITE_LOCK_KEY})")).await;
        assert_eq!(
            writing.await.expect("a writer"),
            0,
            "{setting}: the rebuild was finished before another could write"
        );
        assert!(rebuilding.await.expect("a task").expect("a rebuild"), "{setting}");
        assert_dumps_equal(&before, &dump_database(&app.database_url).await);
    }
}

/// Bo Carr with two coauthors.
async fn start_with_two_pairs() -> TestApp {
    let app = TestApp::start().await;
    app.create_records(json!([
        paper_record("Tides", Some(2001), &["Ada Bell", "Bo Carr"]),
        paper_record("Dunes", Some(2002), &["Bo Carr", "Cy Dahl"]),
    ]))
    .await;
    app
}

#[tokio::test]
async fn pairs_left_over_in_one_direction() {
    let app = start_with_two_pairs().await;
    let session = DatabaseSession::open(&app.database_url).await;
    let before = dump_database(&app.database_url).await;
    for order in ["<", ">"] {
        let left_over = format!(
            "INSERT INTO coauthorship SELECT ada.id, cy.id, 1, 2003, 2003 FROM researcher AS ada JOIN researcher AS cy \
             ON 'Ada Bell' IN (ada.display_name, cy.display_name) AND 'Cy Dahl' IN (ada.display_name, cy.display_name) \
             AND ada.id {order} cy.id; DELETE FROM setting WHERE name = 'consortium_size'"
        );
        app.execute_sql(&left_over).await;
        assert_eq!(session.query_number("SELECT count(*) FROM coauthorship").await, 5, "{order}");
        assert!(app.store.rebuild_coauthorship_if_stale().await.expect("a rebuild"), "{order}");
        assert_dumps_equal(&before, &dump_database(&app.database_url).await);
    }
}

#[tokio::test]
async fn deleted_researchers_have_no_pairs() {
    let app = start_with_two_pairs().await;
    let session = DatabaseSession::open(&app.database_url).await;
    app.execute_sql("DELETE FROM researcher WHERE display_name = 'Ada Bell'").await;
    let left = "SELECT count(*) FROM coauthorship JOIN researcher ON researcher.id IN (researcher_id, coauthor_id) \
         WHERE display_name = 'Bo Carr'";
    assert_eq!(session.query_number(left).await, 2);
    assert_eq!(session.query_number("SELECT count(*) FROM coauthorship").await, 2);
    let counted = "SELECT coauthor_count::bigint FROM researcher_statistics JOIN researcher ON id = researcher_id \
         WHERE display_name = 'Bo Carr'";
    assert_eq!(session.query_number(counted).await, 1);
}

/// Others write between the steps in which the authors of one name are moved; the second time, they change something.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn authors_of_a_name_are_moved_in_steps() {
    let app = TestApp::start().await;
    let papers: Vec<Value> = (0..PAPER_COUNT)
        .map(|number| {
            let mut paper = paper_record(&format!("Paper {number}"), Some(2001), &["Ada Bell", "Bo Carr"]);
            paper["authors"][0]["orcid"] = json!(orcid(if number % 2 == 0 { 7 } else { 8 }));
            paper
        })
        .collect();
    app.create_records(json!(papers)).await;
    let before = dump_database(&app.database_url).await;
    let session = DatabaseSession::open(&app.database_url).await;
    let unassigned = "SELECT count(*) FROM authorship WHERE researcher_id IS NULL";
    assert_eq!(session.query_number(unassigned).await, 0);
    for change in ["SELECT 1", "UPDATE setting SET value = value WHERE name = 'consortium_size'"] {
        app.execute_sql(
            "UPDATE authorship SET researcher_id = NULL WHERE name = 'Ada Bell'; \
             INSERT INTO identity_pending SELECT DISTINCT block FROM authorship ON CONFLICT DO NOTHING",
        )
        .await;
        let store = app.store.clone();
        let moving = tokio::spawn(async move { store.disambiguate_authors(|_| ()).await });
        let writer = DatabaseSession::open(&app.database_url).await;
        // Between any two transactions, until the first authors have moved.
        let left = loop {
            writer.execute(&format!("SELECT pg_advisory_lock({WRITE_LOCK_KEY})")).await;
            let left = writer.query_number(unassigned).await;
            if left < PAPER_COUNT as i64 {
                writer.execute(change).await;
            }
            writer.execute(&format!("SELECT pg_advisory_unlock({WRITE_LOCK_KEY})")).await;
            if left < PAPER_COUNT as i64 {
                break left;
            }
        };
        assert!((1..PAPER_COUNT as i64).contains(&left), "{change}: {left} authorships were left");
        moving.await.expect("a task").expect("the authors");
        assert_eq!(session.query_number(unassigned).await, 0, "{change}");
        assert_eq!(session.query_number("SELECT count(*) FROM identity_pending").await, 0, "{change}");
        assert_dumps_equal(&before, &dump_database(&app.database_url).await);
    }
}
