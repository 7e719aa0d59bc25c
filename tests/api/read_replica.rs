//! Read replicas: streaming replication, and bounds on staleness.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use academic_directory::config::{DatabaseConfig, HttpConfig, Limits};
use academic_directory::database::{Database, EmbeddedServer};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::database_dump::query_strings;
use crate::support::process::{ChildProcess, WAIT_TIMEOUT, Workspace};
use crate::support::{
    DatabaseSession, TestApp, database_config, execute_sql, http_config, network_config, paper_record, start_postgres,
};

const TITLES: &str = "{ papers(first: 50, orderBy: {field: TITLE, direction: ASC}) { nodes { title } } }";

/// A primary server and a standby that replicates it.
pub struct ReplicatedPair {
    pub directory: TempDir,
    pub primary: EmbeddedServer,
    pub standby: Option<EmbeddedServer>,
}

fn run_command(command: &mut Command) {
    let output = command.output().expect("a program that runs");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Runs blocking work outside the async runtime.
pub async fn run_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("work that ends")
}

impl ReplicatedPair {
    pub async fn start() -> Self {
        let data_directory = tempfile::tempdir().expect("a directory");
        // Servers started by root run as another user.
        std::fs::set_permissions(data_directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .expect("permissions");
        let root = data_directory.path().to_owned();
        let primary = run_blocking(move || start_postgres(&root.join("primary"))).await;
        execute_sql(&primary.url("postgres"), "CREATE DATABASE directory").await;
        let (from, to) = (data_directory.path().join("primary"), data_directory.path().join("standby"));
        let primary = run_blocking(move || {
            let url = primary.url("postgres");
            primary.stop();
            copy_data_directory(&url, &from, &to);
            start_postgres(&from)
        })
        .await;
        let mut pair = Self { directory: data_directory, primary, standby: None };
        pair.start_standby().await;
        pair
    }

    async fn start_standby(&mut self) {
        let data_directory = self.directory.path().join("standby");
        self.standby = Some(run_blocking(move || start_postgres(&data_directory)).await);
    }

    async fn stop_standby(&mut self) {
        let standby = self.standby.take().expect("a standby");
        run_blocking(move || standby.stop()).await;
    }

    pub fn standby_url(&self, database: &str) -> String {
        self.standby.as_ref().expect("a standby").url(database)
    }

    async fn start_app(&self, http: HttpConfig) -> TestApp {
        let config = DatabaseConfig {
            database_read_urls: vec![self.standby_url("directory")],
            ..database_config(&self.primary.url("directory"), 100)
        };
        TestApp::start_with_config(config, Limits::default(), http, network_config()).await
    }

    pub async fn stop(mut self) {
        if self.standby.is_some() {
            self.stop_standby().await;
        }
        let Self { directory: data_directory, primary, .. } = self;
        run_blocking(move || {
            primary.stop();
            drop(data_directory);
        })
        .await;
    }

    /// Pauses or resumes WAL replay on the standby.
    async fn set_replay(&self, word: &str) {
        execute_sql(&self.standby_url("postgres"), &format!("SELECT pg_wal_replay_{word}()")).await;
    }
}

/// Copies a stopped server's data directory and configures the copy as its standby.
fn copy_data_directory(url: &str, from: &Path, to: &Path) {
    create_data_directory(to);
    let data = to.join("data");
    std::fs::remove_dir_all(&data).expect("the data of its own");
    run_command(Command::new("cp").arg("-a").arg(from.join("data")).arg(&data));
    std::fs::write(data.join("standby.signal"), "").expect("the mark of a standby");
    let settings = std::fs::File::options().append(true).open(data.join("postgresql.auto.conf"));
    writeln!(settings.expect("its settings"), "primary_conninfo = '{url}'").expect("the address of the primary");
    // A server started by root runs as another user, who must own the data.
    run_command(Command::new("chown").arg("-R").arg("--reference").arg(from.join("data")).arg(to));
}

/// Creates the directory layout that the service expects.
fn create_data_directory(directory: &Path) {
    start_postgres(directory).stop();
}

fn titles(response: &Value) -> Vec<&str> {
    let nodes = response["papers"]["nodes"].as_array().expect("a list");
    nodes.iter().map(|node| node["title"].as_str().expect("a title")).collect()
}

/// The titles for a client with this replication position, and the position of the response.
async fn titles_and_position(app: &TestApp, position: Option<&str>) -> (Vec<String>, String) {
    let mut request = app.client().post(app.url("/graphql")).json(&json!({ "query": TITLES }));
    if let Some(position) = position {
        request = request.header("X-Directory-Position", position);
    }
    let response = request.send().await.expect("a response");
    let position =
        response.headers().get("x-directory-position").expect("a position").to_str().expect("a text").to_owned();
    let body: Value = response.json().await.expect("JSON");
    (titles(&body["data"]).into_iter().map(str::to_owned).collect(), position)
}

fn replica_request_count(app: &TestApp) -> u64 {
    app.store.replicas().iter().map(|replica| replica.request_count()).sum()
}

/// Sends requests until the replica serves one.
async fn wait_for_replica(app: &TestApp, expected: &[&str]) {
    let deadline = Instant::now() + Duration::from_secs(20);
    let before = replica_request_count(app);
    let mut turn = 0;
    while replica_request_count(app) == before {
        assert!(Instant::now() < deadline, "timeout waiting for the replica");
        // A different query each time, so that no cached response is returned.
        turn += 1;
        assert_eq!(titles(&app.data(&format!("{TITLES} # {turn}")).await), expected);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replica_reads() {
    let mut pair = ReplicatedPair::start().await;
    let app = pair.start_app(http_config()).await;
    app.create_records(json!([paper_record("Tides", Some(2001), &["Ada Berg"])])).await;
    // Own writes are visible immediately, from either server; later the replica serves requests.
    assert_eq!(titles(&app.data(TITLES).await), ["Tides"]);
    wait_for_replica(&app, &["Tides"]).await;

    // A lagging replica is not used.
    pair.set_replay("pause").await;
    app.create_records(json!([paper_record("Waves", Some(2002), &["Bo Dahl"])])).await;
    let before = replica_request_count(&app);
    for _ in 0..20 {
        assert_eq!(titles(&app.data(TITLES).await), ["Tides", "Waves"]);
    }
    assert_eq!(replica_request_count(&app), before);
    pair.set_replay("resume").await;
    wait_for_replica(&app, &["Tides", "Waves"]).await;

    // The end of the connection that reads the replayed position says nothing about the replica.
    let (primary, standby) = (
        DatabaseSession::open(&pair.primary.url("directory")).await,
        DatabaseSession::open(&pair.standby_url("directory")).await,
    );
    let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                WHERE query LIKE '%pg_last_wal_replay_lsn%' AND pid <> pg_backend_pid()";
    assert_eq!(standby.query_number(kill).await, 1);
    primary.execute("UPDATE paper SET title = title").await;
    let end = primary.query_number("SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint").await;
    let replayed = "SELECT (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::bigint";
    while standby.query_number(replayed).await < end {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let before = replica_request_count(&app);
    // More than once, since the primary may have written something of its own.
    for _ in 0..3 {
        assert_eq!(titles(&app.data(TITLES).await), ["Tides", "Waves"]);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(replica_request_count(&app) > before, "the replica is not used");
    drop((primary, standby));

    // An unreachable replica causes no error, and is used again after its return.
    pair.stop_standby().await;
    for _ in 0..20 {
        assert_eq!(titles(&app.data(TITLES).await), ["Tides", "Waves"]);
    }
    pair.start_standby().await;
    wait_for_replica(&app, &["Tides", "Waves"]).await;

    let metrics = app.client().get(app.url("/metrics")).send().await.expect("a response").text().await.expect("a text");
    assert!(
        metrics.contains(&format!("academic_directory_replica_requests {}\n", replica_request_count(&app))),
        "{metrics}"
    );
    drop(app);
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn read_your_writes() {
    let pair = ReplicatedPair::start().await;
    let (one, other) = (pair.start_app(http_config()).await, pair.start_app(http_config()).await);
    one.create_records(json!([paper_record("Tides", Some(2001), &["Ada Berg"])])).await;
    wait_for_replica(&other, &["Tides"]).await;
    // Writes through one instance, then reads through the other with the position of the first response.
    for (number, title) in (0..20)
        .zip(["A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M", "N", "O", "P", "Q", "R", "S", "T"])
    {
        one.create_records(json!([paper_record(title, Some(2002), &["Bo Dahl"])])).await;
        let (own, position) = titles_and_position(&one, None).await;
        assert_eq!(own.len(), number + 2);
        let (theirs, later) = titles_and_position(&other, Some(&position)).await;
        assert_eq!(theirs, own, "after {position}, at {later}");
    }
    let refused = other.client().post(other.url("/graphql")).header("X-Directory-Position", "yesterday");
    let refused = refused.json(&json!({ "query": TITLES })).send().await.expect("a response");
    assert_eq!(refused.status(), 400);
    assert!(refused.text().await.expect("a text").contains("such as 16/B374D848"));
    drop((one, other));
    pair.stop().await;
}

/// With the response cache and a replica, no response is older than 100 ms and a round trip to the database.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn bounded_staleness() {
    const WINDOW: Duration = Duration::from_millis(200);
    let pair = ReplicatedPair::start().await;
    let app = pair.start_app(HttpConfig { cache_max_bytes: 1 << 20, ..http_config() }).await;
    app.create_records(json!([paper_record("0", Some(2001), &["Ada Berg"])])).await;
    wait_for_replica(&app, &["0"]).await;
    let url = pair.primary.url("directory");
    let writer = DatabaseSession::open(&url).await;
    let written = std::sync::Mutex::new(vec![(Instant::now(), 0_u64)]);
    let end = Instant::now() + Duration::from_secs(4);
    let write = async {
        let mut number = 0;
        while Instant::now() < end {
            number += 1;
            writer.execute(&format!("UPDATE paper SET title = '{number}'")).await;
            written.lock().expect("a list").push((Instant::now(), number));
            tokio::time::sleep(Duration::from_millis(number % 3 * 60)).await;
        }
    };
    let read = async {
        let mut responses = 0;
        while Instant::now() < end {
            let start = Instant::now();
            let response = app.data(TITLES).await;
            let seen: u64 = titles(&response)[0].parse().expect("a number");
            let commits = written.lock().expect("a list");
            let expected = commits.iter().rev().find(|(at, _)| *at + WINDOW <= start).map_or(0, |(_, number)| *number);
            assert!(
                seen >= expected,
                "{seen} was returned, although {expected} was committed more than {WINDOW:?} before"
            );
            responses += 1;
        }
        responses
    };
    let ((), first, second) = tokio::join!(write, read, read_until(&app, end));
    assert!(first + second > 50, "{first} and {second} answers");
    assert!(replica_request_count(&app) > 0);
    drop(app);
    pair.stop().await;
}

/// Further readers, so that cached responses are used.
async fn read_until(app: &TestApp, end: Instant) -> usize {
    let mut responses = 0;
    while Instant::now() < end {
        app.data(TITLES).await;
        responses += 1;
    }
    responses
}

/// After a failover, an import may be connected to a server that is about to become the primary.
#[tokio::test]
async fn imports_wait_until_the_server_accepts_writes() {
    let pair = ReplicatedPair::start().await;
    let primary = TestApp::start_on_database(pair.primary.url("directory"), Limits::default(), 100).await;
    let url = pair.standby_url("directory");
    primary.create_records(json!([paper_record("A", Some(2000), &["Ida Brook"])])).await;
    let deadline = Instant::now() + WAIT_TIMEOUT;
    let standby = DatabaseSession::open(&pair.standby_url("postgres")).await;
    let behind = format!(
        "SELECT count(*) FROM pg_last_wal_replay_lsn() AS replayed WHERE replayed < '{}'::pg_lsn",
        query_strings(&pair.primary.url("postgres"), "SELECT pg_current_wal_insert_lsn()").await[0]
    );
    while standby.query_number(&behind).await > 0 {
        assert!(Instant::now() < deadline, "the standby does not follow");
    }
    let workspace = Workspace::new();
    let file = workspace.write_file("paper.jsonl", paper_record("B", Some(2000), &["Ida Brook"]).to_string());
    let mut command = workspace.command_with_database(&url, &["import", "records", file]);
    let mut running = ChildProcess::start(command.env("MIGRATE", "never"));
    running.wait_for_error_text("a transaction was rolled back; it is repeated");
    standby.execute("SELECT pg_promote()").await;
    assert_eq!(running.wait().summary(), "read 1: created 1, updated 0, unchanged 0, invalid 0");
    drop((standby, primary));
    pair.stop().await;
}

/// With a list of hosts, the service moves to the server that has become the primary.
#[tokio::test]
async fn host_list_follows_the_primary() {
    let ReplicatedPair { directory, primary, standby } = ReplicatedPair::start().await;
    let standby = standby.expect("a standby");
    let hosts = ["standby", "primary"].map(|name| directory.path().join(name).display().to_string()).join(",");
    let url = format!("postgres://academic_directory@/directory?host={hosts}&target_session_attrs=read-write");
    let app = TestApp::start_on_database(url, Limits::default(), 100).await;
    app.create_records(json!([paper_record("Before", None, &["Ada Berg"])])).await;
    let replicated = DatabaseSession::open(&standby.url("directory")).await;
    let deadline = Instant::now() + WAIT_TIMEOUT;
    while replicated.query_number("SELECT count(*) FROM paper").await == 0 {
        assert!(Instant::now() < deadline, "timeout waiting for the standby");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    run_blocking(move || primary.stop()).await;
    execute_sql(&standby.url("postgres"), "SELECT pg_promote()").await;
    let deadline = Instant::now() + WAIT_TIMEOUT;
    loop {
        let response = app.query(TITLES, json!({})).await;
        if response.status == 200 {
            assert_eq!(titles(response.data()), ["Before"]);
            break;
        }
        assert_eq!(response.status, 503, "{}", response.body);
        assert!(Instant::now() < deadline, "timeout waiting for the new primary");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    app.create_records(json!([paper_record("After", None, &["Ada Berg"])])).await;
    assert_eq!(titles(&app.data(TITLES).await), ["After", "Before"]);
    drop((app, replicated));
    run_blocking(move || {
        standby.stop();
        drop(directory);
    })
    .await;
}

#[tokio::test]
async fn role_that_no_host_has() {
    let pair = ReplicatedPair::start().await;
    let host = pair.directory.path().join("standby").display().to_string();
    let address = |target: &str| {
        let url = format!("postgres://academic_directory@/directory?host={host}&target_session_attrs={target}");
        database_config(&url, 100)
    };
    for target in ["primary", "read-write"] {
        let error = Database::open(&address(target)).await.expect_err("an error").to_string();
        assert!(error.contains(&format!("but target_session_attrs is {target}")), "{error}");
    }
    // The standby has no tables yet, which it cannot create either.
    let error = Database::open(&address("standby")).await.expect_err("an error").to_string();
    assert!(error.contains("the database is read-only, because the server is a standby"), "{error}");
    pair.stop().await;
}
