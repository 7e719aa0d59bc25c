//! A database at a distance: behind a proxy that adds latency to each round trip.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use academic_directory::config::{HttpConfig, Limits};
use serde_json::json;

use crate::support::delay_proxy::DelayProxy;
use crate::support::{
    DatabaseSession, TestApp, create_database, database_config, delay_database, http_config, network_config,
    paper_record,
};

const TITLES: &str = "{ papers { nodes { title } } }";

/// A service with a response cache that is this far away from its database.
async fn start_at_distance(round_trip: Duration) -> (DelayProxy, TestApp, DatabaseSession) {
    let url = create_database().await;
    let (proxy, distant_url) = delay_database(&url, round_trip);
    let http = HttpConfig { cache_max_bytes: 1 << 20, ..http_config() };
    let config = database_config(&distant_url, 100);
    let app = TestApp::start_with_config(config, Limits::default(), http, network_config()).await;
    app.create_records(json!([paper_record("Tides", Some(2001), &["Ada Berg"])])).await;
    (proxy, app, DatabaseSession::open(&url).await)
}

#[tokio::test]
async fn distant_database() {
    const ROUND_TRIP: Duration = Duration::from_millis(10);
    let (_proxy, app, _session) = start_at_distance(ROUND_TRIP).await;
    let started_at = Instant::now();
    assert_eq!(app.data(TITLES).await["papers"]["nodes"][0]["title"], "Tides");
    assert!(started_at.elapsed() >= ROUND_TRIP);
}

/// A cached response does not wait for the database, as long as requests arrive.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn cached_responses() {
    const ROUND_TRIP: Duration = Duration::from_millis(60);
    const DURATION: Duration = Duration::from_secs(3);
    let (_proxy, app, _session) = start_at_distance(ROUND_TRIP).await;
    let mut requests = 0_u32;
    let end = Instant::now() + DURATION;
    while Instant::now() < end {
        app.data(TITLES).await;
        requests += 1;
    }
    let of_one_at_a_time = u32::try_from(DURATION.as_millis() / ROUND_TRIP.as_millis()).expect("a number");
    println!("{requests} requests, {of_one_at_a_time} if each waited for a round trip");
    assert!(requests > 4 * of_one_at_a_time, "{requests} requests");
}

/// Commits of this process are visible at once, although questions that were sent before are still under way.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn own_commits() {
    let (_proxy, app, _session) = start_at_distance(Duration::from_millis(60)).await;
    let (app, is_ended) = (Arc::new(app), Arc::new(AtomicBool::default()));
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let (app, is_ended) = (Arc::clone(&app), Arc::clone(&is_ended));
            tokio::spawn(async move {
                while !is_ended.load(Ordering::Relaxed) {
                    app.data("{ papers { totalCount } }").await;
                }
            })
        })
        .collect();
    for number in 0..3 {
        app.create_records(json!([paper_record(&format!("Paper {number}"), None, &["Ada Berg"])])).await;
        assert_eq!(app.data("{ papers { totalCount } }").await["papers"]["totalCount"], number + 2);
    }
    is_ended.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.expect("a reader");
    }
}

/// The position of a commit is included in the response, even if the cached revision is of before.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn positions_of_other_processes() {
    let (_proxy, app, session) = start_at_distance(Duration::from_millis(60)).await;
    app.data(TITLES).await;
    for number in 0..5 {
        session.execute(&format!("UPDATE paper SET title = 'Number {number}'")).await;
        let bytes = session.query_number("SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint").await;
        let position = format!("{:X}/{:X}", bytes >> 32, bytes & 0xffff_ffff);
        let request = app.client().post(app.url("/graphql")).header("X-Directory-Position", position);
        let response = request.json(&json!({ "query": TITLES })).send().await.expect("a response");
        let body: serde_json::Value = response.json().await.expect("JSON");
        assert_eq!(body["data"]["papers"]["nodes"][0]["title"], format!("Number {number}"), "{body}");
    }
}

/// Without requests, the database is not asked for the revision.
#[tokio::test]
async fn no_questions_without_requests() {
    let (_proxy, app, session) = start_at_distance(Duration::from_millis(1)).await;
    app.data(TITLES).await;
    let asked = "SELECT (extract(epoch FROM max(query_start)) * 1e6)::bigint FROM pg_stat_activity \
         WHERE datname = current_database() AND query LIKE '%FROM directory_change%' AND pid <> pg_backend_pid()";
    // Questions under way are answered first.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let last = session.query_number(asked).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(session.query_number(asked).await, last);
}
