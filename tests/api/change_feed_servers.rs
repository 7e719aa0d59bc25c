//! The change feed over several servers: subscribers of one instance hear of the commits of others and of programs, also on
//! a standby, and cursors survive the promotion of one.

use std::time::Instant;

use academic_directory::config::Limits;
use serde_json::{Value, json};

use crate::change_feed::{CHANGES_QUERY, change_cursor, walk};
use crate::read_replica::{ReplicatedPair, run_blocking};
use crate::support::database_dump::query_strings;
use crate::support::process::{WAIT_TIMEOUT, Workspace, run_to_completion};
use crate::support::websocket::Socket;
use crate::support::{TestApp, execute_sql, parse_records, pluck_strings, topic_record};

async fn start_app(url: String) -> TestApp {
    TestApp::start_on_database(url, Limits::default(), 100).await
}

async fn create_topic(app: &TestApp, label: &str) {
    app.write_records(&parse_records(json!([topic_record(label)]))).await;
}

/// Waits until a query of the server at this address returns this text.
async fn wait_until(url: &str, query: &str, expected: &str) {
    let deadline = Instant::now() + WAIT_TIMEOUT;
    while query_strings(url, query).await != [expected] {
        assert!(Instant::now() < deadline, "{query} is not {expected}");
    }
}

/// Waits until the standby has what the primary has committed.
async fn wait_for_standby(pair: &ReplicatedPair) {
    let end = query_strings(&pair.primary.url("postgres"), "SELECT pg_current_wal_insert_lsn()::text").await.remove(0);
    let replayed = format!("SELECT (pg_last_wal_replay_lsn() >= '{end}')::text");
    wait_until(&pair.standby_url("postgres"), &replayed, "true").await;
}

async fn subscribe(app: &TestApp) -> Socket {
    let mut socket = Socket::initialise(app.address).await;
    let query = "subscription($after: String) { changes(after: $after, kinds: [TOPIC]) { \
        changes { operation node { ... on Topic { slug } } } } }";
    socket.subscribe("1", query, json!({ "after": change_cursor(app).await })).await;
    socket
}

/// The slugs of the topics of the next event.
async fn next_slugs(socket: &mut Socket) -> Vec<String> {
    let message = socket.message().await;
    pluck_strings(&message["payload"]["data"]["changes"]["changes"], &["node", "slug"])
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_of_other_processes() {
    let pair = ReplicatedPair::start().await;
    let one = start_app(pair.primary.url("directory")).await;
    create_topic(&one, "Weirs").await;
    wait_for_standby(&pair).await;
    let (other, replica) =
        (start_app(pair.primary.url("directory")).await, start_app(pair.standby_url("directory")).await);
    let (mut first, mut on_standby) = (subscribe(&one).await, subscribe(&replica).await);
    // Another instance.
    create_topic(&other, "Tides").await;
    assert_eq!(next_slugs(&mut first).await, ["tides"]);
    assert_eq!(next_slugs(&mut on_standby).await, ["tides"]);
    // A program.
    let workspace = Workspace::new();
    let file = workspace.write_file("topics.jsonl", topic_record("Locks").to_string());
    let url = pair.primary.url("directory");
    let imported = run_to_completion(&mut workspace.command_with_database(&url, &["import", "records", file]));
    assert_eq!(imported.code, Some(0), "{imported:?}");
    assert_eq!(next_slugs(&mut first).await, ["locks"]);
    assert_eq!(next_slugs(&mut on_standby).await, ["locks"]);
    // A cursor of the primary, which the standby has replayed.
    let cursor = change_cursor(&one).await;
    wait_for_standby(&pair).await;
    assert_eq!(walk(&replica, Some(&cursor), json!({})).await.0, Vec::<Value>::new());
    drop((first, on_standby, one, other, replica));
    pair.stop().await;
}

/// Every cursor is valid after a failover that lost nothing.
#[tokio::test(flavor = "multi_thread")]
async fn promotion_without_loss() {
    let ReplicatedPair { directory, primary, standby } = {
        let pair = ReplicatedPair::start().await;
        let app = start_app(pair.primary.url("directory")).await;
        create_topic(&app, "Weirs").await;
        create_topic(&app, "Tides").await;
        drop(app);
        pair
    };
    let before = start_app(primary.url("directory")).await;
    let (all, end) = walk(&before, None, json!({})).await;
    let middle = all[0]["cursor"].as_str().expect("a cursor").to_owned();
    let revisions = before.data("{ topics { nodes { slug revision } } }").await;
    drop(before);
    // A server that is stopped has sent everything to its standby.
    run_blocking(move || primary.stop()).await;
    let standby = standby.expect("a standby");
    execute_sql(&standby.url("postgres"), "SELECT pg_promote()").await;
    let app = start_app(standby.url("directory")).await;
    assert_eq!(walk(&app, Some(&end), json!({})).await.0, Vec::<Value>::new());
    create_topic(&app, "Locks").await;
    let epochs = "SELECT count(*)::text FROM feed_epoch";
    assert_eq!(query_strings(&standby.url("directory"), epochs).await, ["2"], "the timeline of the log is another");
    let (changes, _) = walk(&app, Some(&end), json!({})).await;
    let locks = app.find_id("topic", "locks").await;
    assert_eq!(pluck_strings(&json!(changes), &["id"]), std::slice::from_ref(&locks));
    let (changes, _) = walk(&app, Some(&middle), json!({})).await;
    assert_eq!(pluck_strings(&json!(changes), &["id"]).len(), all.len(), "what followed, and the new one");
    // What did not change has the revision that it had.
    let after = app.data("{ topics { nodes { slug revision } } }").await;
    let kept = after["topics"]["nodes"].as_array().expect("topics").iter().filter(|topic| topic["slug"] != "locks");
    assert_eq!(json!(kept.collect::<Vec<_>>()), revisions["topics"]["nodes"]);
    drop(app);
    run_blocking(move || {
        standby.stop();
        drop(directory);
    })
    .await;
}

/// After a failover that lost commits, the cursors of those who read them are rejected, and all others are valid.
#[tokio::test(flavor = "multi_thread")]
async fn promotion_with_loss() {
    let pair = ReplicatedPair::start().await;
    let before = start_app(pair.primary.url("directory")).await;
    create_topic(&before, "Weirs").await;
    let early = change_cursor(&before).await;
    wait_for_standby(&pair).await;
    // The standby is cut off, and the primary commits once more.
    let standby_url = pair.standby_url("postgres");
    execute_sql(&standby_url, "ALTER SYSTEM SET primary_conninfo = ''").await;
    execute_sql(&standby_url, "SELECT pg_reload_conf()").await;
    wait_until(&standby_url, "SELECT count(*)::text FROM pg_stat_wal_receiver", "0").await;
    create_topic(&before, "Lost").await;
    let late = change_cursor(&before).await;
    drop(before);
    let ReplicatedPair { directory, primary, standby } = pair;
    run_blocking(move || primary.stop()).await;
    let standby = standby.expect("a standby");
    execute_sql(&standby_url, "SELECT pg_promote()").await;
    let app = start_app(standby.url("directory")).await;
    let ask = async |after: &str| app.query(CHANGES_QUERY, json!({ "after": after, "first": 10 })).await;
    assert_eq!(ask(&late).await.codes(), ["CURSOR_FORKED"]);
    // The numbers of the lost positions are used again.
    for label in ["Tides", "Locks", "Mills"] {
        create_topic(&app, label).await;
    }
    assert_eq!(ask(&late).await.codes(), ["CURSOR_FORKED"]);
    let (changes, end) = walk(&app, Some(&early), json!({})).await;
    let mut slugs = Vec::new();
    for change in &changes {
        let query = format!("{{ node(id: {}) {{ ... on Topic {{ slug }} }} }}", change["id"]);
        slugs.push(app.data(&query).await["node"]["slug"].as_str().expect("a slug").to_owned());
    }
    assert_eq!(slugs, ["tides", "locks", "mills"]);
    assert_eq!(walk(&app, Some(&end), json!({})).await.0, Vec::<Value>::new());
    // A reader that begins again has what the directory has.
    assert_eq!(walk(&app, None, json!({})).await.0.len(), 4);
    drop(app);
    run_blocking(move || {
        standby.stop();
        drop(directory);
    })
    .await;
}
