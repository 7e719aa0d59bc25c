//! Copies of the database by streaming replication: read from, and never older than what is promised.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use academic_directory::config::{DatabaseConfig, HttpConfig, Limits};
use academic_directory::database::EmbeddedServer;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Session, TestApp, database_config, execute, http, network, paper, start_server};

const TITLES: &str = "{ papers(first: 50, orderBy: {field: TITLE, direction: ASC}) { nodes { title } } }";

/// A server with a database, and a copy of it that follows it.
struct Pair {
    folder: TempDir,
    primary: EmbeddedServer,
    standby: Option<EmbeddedServer>,
}

fn run(command: &mut Command) {
    let output = command.output().expect("a program that runs");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// What blocks a thread, away from the test's runtime.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("work that ends")
}

impl Pair {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        // As root, the servers run as another user.
        std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .expect("permissions");
        let place = folder.path().to_owned();
        let primary = blocking(move || start_server(&place.join("primary"))).await;
        execute(&primary.url("postgres"), "CREATE DATABASE directory").await;
        let mut pair = Self { folder, primary, standby: None };
        let url = pair.primary.url("postgres");
        let (from, to) = (pair.folder.path().join("primary"), pair.folder.path().join("standby"));
        blocking(move || copy(&url, &from, &to)).await;
        pair.start_standby().await;
        pair
    }

    async fn start_standby(&mut self) {
        let folder = self.folder.path().join("standby");
        self.standby = Some(blocking(move || start_server(&folder)).await);
    }

    async fn stop_standby(&mut self) {
        let standby = self.standby.take().expect("a standby");
        blocking(move || standby.stop()).await;
    }

    fn standby_url(&self, database: &str) -> String {
        self.standby.as_ref().expect("a standby").url(database)
    }

    async fn app(&self, http: HttpConfig) -> TestApp {
        let config = DatabaseConfig {
            database_read_urls: vec![self.standby_url("directory")],
            ..database_config(&self.primary.url("directory"), 100)
        };
        TestApp::start_so(config, Limits::default(), http, network()).await
    }

    async fn end(mut self) {
        if self.standby.is_some() {
            self.stop_standby().await;
        }
        let Self { folder, primary, .. } = self;
        blocking(move || {
            primary.stop();
            drop(folder);
        })
        .await;
    }

    /// Stops or goes on replaying what the database does.
    async fn replay(&self, word: &str) {
        execute(&self.standby_url("postgres"), &format!("SELECT pg_wal_replay_{word}()")).await;
    }
}

/// Copies a running server's data into the folder of another, which follows it.
fn copy(url: &str, from: &Path, to: &Path) {
    let installed = Path::new("/usr/lib/postgresql/15/bin/pg_basebackup");
    let directory = std::env::var_os("PG_BINDIR").map(PathBuf::from).map(|directory| directory.join("pg_basebackup"));
    let program = directory
        .unwrap_or_else(|| if installed.exists() { installed.to_owned() } else { PathBuf::from("pg_basebackup") });
    make_folder(to);
    let data = to.join("data");
    std::fs::remove_dir_all(&data).expect("the data of its own");
    run(Command::new(program)
        .arg("--dbname")
        .arg(url)
        .arg("--pgdata")
        .arg(&data)
        .args(["-R", "-X", "stream", "-c", "fast"]));
    // As root, the server runs as another user, who owns its data.
    run(Command::new("chown").arg("-R").arg("--reference").arg(from.join("data")).arg(to));
}

/// What the service makes for a server of its own.
fn make_folder(folder: &Path) {
    start_server(folder).stop();
}

fn titles(answer: &Value) -> Vec<&str> {
    let nodes = answer["papers"]["nodes"].as_array().expect("a list");
    nodes.iter().map(|node| node["title"].as_str().expect("a title")).collect()
}

/// The titles that a client sees who has seen a position, and the position that it sees then.
async fn seen(app: &TestApp, position: Option<&str>) -> (Vec<String>, String) {
    let mut request = app.client().post(app.url("/graphql")).json(&json!({ "query": TITLES }));
    if let Some(position) = position {
        request = request.header("X-Directory-Position", position);
    }
    let response = request.send().await.expect("an answer");
    let position =
        response.headers().get("x-directory-position").expect("a position").to_str().expect("a text").to_owned();
    let answer: Value = response.json().await.expect("JSON");
    (titles(&answer["data"]).into_iter().map(str::to_owned).collect(), position)
}

fn copies_read(app: &TestApp) -> u64 {
    app.store.replicas().iter().map(|replica| replica.requests()).sum()
}

/// Asks until the copy answers.
async fn until_copy_answers(app: &TestApp, expected: &[&str]) {
    let deadline = Instant::now() + Duration::from_secs(20);
    let before = copies_read(app);
    let mut turn = 0;
    while copies_read(app) == before {
        assert!(Instant::now() < deadline, "waited too long for the copy");
        // Of another text each time, so that no kept answer is given.
        turn += 1;
        assert_eq!(titles(&app.data(&format!("{TITLES} # {turn}")).await), expected);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn copies() {
    let mut pair = Pair::start().await;
    let app = pair.app(http()).await;
    app.load(json!([paper("Tides", Some(2001), &["Ada Berg"])])).await;
    // What this process wrote is seen at once, whoever answers; then the copy does.
    assert_eq!(titles(&app.data(TITLES).await), ["Tides"]);
    until_copy_answers(&app, &["Tides"]).await;

    // A copy that lags is not read from.
    pair.replay("pause").await;
    app.load(json!([paper("Waves", Some(2002), &["Bo Dahl"])])).await;
    let before = copies_read(&app);
    for _ in 0..20 {
        assert_eq!(titles(&app.data(TITLES).await), ["Tides", "Waves"]);
    }
    assert_eq!(copies_read(&app), before);
    pair.replay("resume").await;
    until_copy_answers(&app, &["Tides", "Waves"]).await;

    // One that is gone costs nobody an answer, and comes back.
    pair.stop_standby().await;
    for _ in 0..20 {
        assert_eq!(titles(&app.data(TITLES).await), ["Tides", "Waves"]);
    }
    pair.start_standby().await;
    until_copy_answers(&app, &["Tides", "Waves"]).await;

    let metrics = app.client().get(app.url("/metrics")).send().await.expect("an answer").text().await.expect("a text");
    assert!(metrics.contains(&format!("academic_directory_replica_requests {}\n", copies_read(&app))), "{metrics}");
    drop(app);
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_wrote() {
    let pair = Pair::start().await;
    let (one, other) = (pair.app(http()).await, pair.app(http()).await);
    one.load(json!([paper("Tides", Some(2001), &["Ada Berg"])])).await;
    until_copy_answers(&other, &["Tides"]).await;
    // Written through one instance, and read through the other at once: by the position that the first told.
    for (number, title) in (0..20)
        .zip(["A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M", "N", "O", "P", "Q", "R", "S", "T"])
    {
        one.load(json!([paper(title, Some(2002), &["Bo Dahl"])])).await;
        let (own, position) = seen(&one, None).await;
        assert_eq!(own.len(), number + 2);
        let (theirs, later) = seen(&other, Some(&position)).await;
        assert_eq!(theirs, own, "after {position}, at {later}");
    }
    let refused = other.client().post(other.url("/graphql")).header("X-Directory-Position", "yesterday");
    let refused = refused.json(&json!({ "query": TITLES })).send().await.expect("an answer");
    assert_eq!(refused.status(), 400);
    assert!(refused.text().await.expect("a text").contains("such as 16/B374D848"));
    drop((one, other));
    pair.end().await;
}

/// Writers, and readers of an instance that keeps answers and reads from the copy: nothing older than 100 ms, ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn never_stale() {
    const WINDOW: Duration = Duration::from_millis(100);
    let pair = Pair::start().await;
    let app = pair.app(HttpConfig { cache_max_bytes: 1 << 20, ..http() }).await;
    app.load(json!([paper("0", Some(2001), &["Ada Berg"])])).await;
    until_copy_answers(&app, &["0"]).await;
    let url = pair.primary.url("directory");
    let writer = Session::open(&url).await;
    let written = std::sync::Mutex::new(vec![(Instant::now(), 0_u64)]);
    let end = Instant::now() + Duration::from_secs(4);
    let write = async {
        let mut number = 0;
        while Instant::now() < end {
            number += 1;
            writer.run(&format!("UPDATE paper SET title = '{number}'")).await;
            written.lock().expect("a list").push((Instant::now(), number));
            tokio::time::sleep(Duration::from_millis(number % 3 * 60)).await;
        }
    };
    let read = async {
        let mut answers = 0;
        while Instant::now() < end {
            let asked = Instant::now();
            let answer = app.data(TITLES).await;
            let told: u64 = titles(&answer)[0].parse().expect("a number");
            let known = written.lock().expect("a list");
            let must = known.iter().rev().find(|(at, _)| *at + WINDOW <= asked).map_or(0, |(_, number)| *number);
            assert!(told >= must, "told {told}, though {must} was committed more than {WINDOW:?} before");
            answers += 1;
        }
        answers
    };
    let ((), first, second) = tokio::join!(write, read, read_again(&app, end));
    assert!(first + second > 50, "{first} and {second} answers");
    assert!(copies_read(&app) > 0);
    drop(app);
    pair.end().await;
}

/// More readers, so that answers are kept and found.
async fn read_again(app: &TestApp, end: Instant) -> usize {
    let mut answers = 0;
    while Instant::now() < end {
        app.data(TITLES).await;
        answers += 1;
    }
    answers
}
