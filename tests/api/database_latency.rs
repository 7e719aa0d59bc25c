//! A database at a distance: behind a proxy that adds latency to each round trip.

use std::time::{Duration, Instant};

use academic_directory::config::Limits;
use serde_json::json;

use crate::support::{TestApp, create_database, delay_database, paper_record};

#[tokio::test]
async fn distant_database() {
    const ROUND_TRIP: Duration = Duration::from_millis(10);
    let url = create_database().await;
    let (proxy, distant_url) = delay_database(&url, ROUND_TRIP);
    let app = TestApp::start_on_database(distant_url, Limits::default(), 100).await;
    app.create_records(json!([paper_record("Tides", Some(2001), &["Ada Berg"])])).await;
    let query = "{ papers { nodes { title } } }";
    app.data(query).await;
    let started_at = Instant::now();
    assert_eq!(app.data(query).await["papers"]["nodes"][0]["title"], "Tides");
    assert!(started_at.elapsed() >= ROUND_TRIP);
    assert!(proxy.accepted() > 0);
}
