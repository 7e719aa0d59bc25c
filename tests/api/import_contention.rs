//! Writers whose transactions are rolled back: by a deadlock, a serialization failure or a lock of somebody else, by a
//! lost connection or a restart of the database. They repeat the transaction, or fail loudly; no record is lost.

use academic_directory::store::curation::{CurationRequest, DecidedBy};
use serde_json::{Value, json};

use crate::curation::start_with_records;
use crate::support::database_dump::{assert_dumps_equal, dump_database, query_strings};
use crate::support::process::{ChildProcess, CommandOutput, WAIT_TIMEOUT, Workspace, run_to_completion};
use crate::support::{
    DatabaseSession, TestApp, create_database, delay_database, execute_sql, paper_record, start_postgres,
    wait_for_blocked_statements,
};

/// Papers with recurring authors, one record per line.
fn papers(count: usize) -> String {
    let paper = |number: usize| {
        let authors = [number % 97, number % 89 + 100, number % 83 + 200].map(|author| format!("Tom Lee{author}"));
        let paper = paper_record(&format!("Study {number}"), Some(2000), &authors.each_ref().map(String::as_str));
        format!("{paper}\n")
    };
    (0..count).map(paper).collect()
}

/// Lets the first statements that write to a table fail with an SQLSTATE, or all of them.
async fn fail_writes(url: &str, table: &str, code: &str, times: Option<u32>) {
    let condition = times.map_or("true".to_owned(), |times| format!("nextval('failures') <= {times}"));
    execute_sql(
        url,
        &format!(
            "CREATE SEQUENCE failures;
             CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 IF {condition} THEN RAISE EXCEPTION 'others are in the way' USING ERRCODE = '{code}'; END IF;
                 RETURN NULL;
             END $$;
             CREATE TRIGGER fails AFTER INSERT OR UPDATE OR DELETE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION fail()"
        ),
    )
    .await;
}

async fn count_papers(url: &str) -> usize {
    query_strings(url, "SELECT count(*) FROM paper").await[0].parse().expect("a number")
}

#[tokio::test]
async fn rolled_back_batches_are_repeated() {
    let workspace = Workspace::new();
    let file = workspace.write_file("papers.jsonl", papers(40));
    let undisturbed = create_database().await;
    let expected = "read 40: created 40, updated 0, unchanged 0, invalid 0";
    assert_eq!(workspace.import(&undisturbed, &["records", file]).summary(), expected);
    let undisturbed = dump_database(&undisturbed).await;
    // Tables of the batch, of disambiguation, and of the counts.
    for (table, code) in
        [("paper", "40001"), ("search_entry", "40P01"), ("identity_pending", "55P03"), ("setting", "40001")]
    {
        let url = create_database().await;
        fail_writes(&url, table, code, Some(3)).await;
        let outcome = workspace.import(&url, &["records", file]);
        assert_eq!(outcome.summary(), expected, "{table} {code}");
        assert!(outcome.stderr.contains("a transaction was rolled back; it is repeated"), "{table}: {outcome:?}");
        assert_dumps_equal(&dump_database(&url).await, &undisturbed);
    }
}

#[tokio::test]
async fn exhausted_attempts_fail_the_import() {
    let workspace = Workspace::new();
    let file = workspace.write_file("papers.jsonl", papers(5));
    let url = create_database().await;
    fail_writes(&url, "paper", "40P01", None).await;
    let outcome = workspace.import(&url, &["records", file]);
    assert_eq!((outcome.code, outcome.report()), (Some(1), ""), "{outcome:?}");
    let message = outcome.stderr_lines().last().copied().unwrap_or_default().to_owned();
    assert!(message.contains("the records from papers.jsonl:1 on were not imported"), "{outcome:?}");
    assert!(message.contains("others are in the way"), "{message}");
    assert!(message.contains("gave up after 10 attempts; run the same command again to resume"), "{message}");
    assert_eq!(count_papers(&url).await, 0);
}

/// The settings of a role or a database do not reach the transactions of an import.
#[tokio::test]
async fn imports_do_not_depend_on_default_settings() {
    let workspace = Workspace::new();
    let file = workspace.write_file("papers.jsonl", papers(40));
    let url = create_database().await;
    let name = url::Url::parse(&url).expect("a URL").path().trim_start_matches('/').to_owned();
    for setting in [
        "lock_timeout = '1ms'",
        "idle_in_transaction_session_timeout = '2s'",
        "default_transaction_isolation = 'serializable'",
    ] {
        execute_sql(&url, &format!("ALTER DATABASE {name} SET {setting}")).await;
    }
    let lock = DatabaseSession::open(&url).await;
    lock.execute("BEGIN; LOCK TABLE paper IN ACCESS EXCLUSIVE MODE").await;
    let running = ChildProcess::start(&mut workspace.command_with_database(&url, &["import", "records", file]));
    wait_for_blocked_statements(&url, |blocked| blocked > 0).await;
    lock.execute("COMMIT").await;
    assert_eq!(running.wait().summary(), "read 40: created 40, updated 0, unchanged 0, invalid 0");
}

/// Waits until the import has written more papers than `before`, and returns how many there are.
async fn wait_for_progress(url: &str, before: usize) -> usize {
    let deadline = std::time::Instant::now() + WAIT_TIMEOUT;
    loop {
        let count = count_papers(url).await;
        if count > before {
            return count;
        }
        assert!(std::time::Instant::now() < deadline, "the import makes no progress");
    }
}

const TERMINATE: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
    WHERE datname = current_database() AND pid <> pg_backend_pid()";
const MANY: usize = 4_600;

fn assert_complete(outcome: &CommandOutput) {
    // A batch whose commit is not acknowledged is written twice, and counts as unchanged.
    let summary = outcome.summary();
    let is_complete = summary.starts_with(&format!("read {MANY}: ")) && summary.contains(", updated 0, ");
    assert!(is_complete && summary.ends_with(", invalid 0"), "{outcome:?}");
}

#[tokio::test]
async fn imports_survive_lost_connections() {
    let workspace = Workspace::new();
    let file = workspace.write_file("papers.jsonl", papers(MANY));
    let (whole, disturbed) = (create_database().await, create_database().await);
    assert_complete(&workspace.import(&whole, &["records", file]));
    let mut command = workspace.command_with_database(&disturbed, &["import", "records", file]);
    let running = ChildProcess::start(&mut command);
    let administrator = DatabaseSession::open(&disturbed).await;
    let mut written = 0;
    for _ in 0..2 {
        written = wait_for_progress(&disturbed, written).await;
        let deadline = std::time::Instant::now() + WAIT_TIMEOUT;
        // In the middle of the next transaction.
        while administrator.query_number(&format!("{TERMINATE} AND backend_xid IS NOT NULL")).await == 0 {
            assert!(std::time::Instant::now() < deadline, "the import writes nothing");
        }
    }
    let outcome = running.wait();
    assert_complete(&outcome);
    assert!(outcome.stderr.contains("a transaction was rolled back; it is repeated"), "{outcome:?}");
    assert_dumps_equal(&dump_database(&disturbed).await, &dump_database(&whole).await);
}

#[tokio::test]
async fn imports_survive_a_restart_of_the_database() {
    let workspace = Workspace::new();
    let file = workspace.write_file("papers.jsonl", papers(MANY));
    let whole = create_database().await;
    assert_complete(&workspace.import(&whole, &["records", file]));
    let directory = tempfile::Builder::new().prefix("academic-directory-restart").tempdir().expect("a directory");
    std::fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .expect("permissions");
    let data = directory.path().join("postgres");
    let start = || {
        let data = data.clone();
        std::thread::spawn(move || start_postgres(&data)).join().expect("a server")
    };
    let server = start();
    let url = server.url("postgres");
    assert_eq!(run_to_completion(&mut workspace.command_with_database(&url, &["migrate", "up"])).code, Some(0));
    let running = ChildProcess::start(&mut workspace.command_with_database(&url, &["import", "records", file]));
    wait_for_progress(&url, 0).await;
    std::thread::spawn(move || server.stop()).join().expect("a stopped server");
    let server = start();
    let outcome = running.wait();
    assert_complete(&outcome);
    assert_dumps_equal(&dump_database(&url).await, &dump_database(&whole).await);
    std::thread::spawn(move || server.stop()).join().expect("a stopped server");
}

const MERGE: &str = "SELECT kind FROM identity_decision";

fn merge_request() -> CurationRequest {
    CurationRequest::Merge {
        survivor: "ida-brook".to_owned(),
        former: vec!["ida-m-brook".to_owned()],
        force: true,
        decided_by: DecidedBy::default(),
    }
}

#[tokio::test]
async fn rolled_back_decisions_are_repeated() {
    let app = start_with_records().await;
    fail_writes(&app.database_url, "identity_decision", "40001", Some(2)).await;
    let outcome = app.store.decide(&merge_request(), false).await.expect("a decision");
    assert_eq!(outcome.after.len(), 1);
    assert_eq!(query_strings(&app.database_url, MERGE).await, ["MERGE"]);
}

/// Makes a change whose connection is lost between the commit and its acknowledgement. The change inserts a row into
/// `table`.
async fn lose_acknowledgement<T>(app: &TestApp, table: &str, change: impl AsyncFnOnce(&TestApp) -> T) -> T {
    // The commit waits for a lock.
    app.execute_sql(&format!(
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             PERFORM pg_advisory_xact_lock(42);
             RETURN NULL;
         END $$;
         CREATE CONSTRAINT TRIGGER waits AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW EXECUTE FUNCTION wait()"
    ))
    .await;
    let (proxy, url) = delay_database(&app.database_url, std::time::Duration::ZERO);
    let through_proxy = TestApp::start_on_database(url, academic_directory::config::Limits::default(), 100).await;
    let lock = DatabaseSession::open(&app.database_url).await;
    lock.execute("BEGIN; SELECT pg_advisory_xact_lock(42)").await;
    let rows = format!("SELECT count(*) FROM {table}");
    let before = query_strings(&app.database_url, &rows).await;
    let cut = async {
        app.wait_until_blocked().await;
        proxy.set_delay(std::time::Duration::from_secs(10));
        lock.execute("COMMIT").await;
        while query_strings(&app.database_url, &rows).await == before {}
        proxy.close_connections(0);
        proxy.set_delay(std::time::Duration::ZERO);
    };
    let (outcome, ()) = tokio::join!(change(&through_proxy), cut);
    outcome
}

#[tokio::test]
async fn decisions_are_made_once() {
    let app = start_with_records().await;
    let decide = async |through_proxy: &TestApp| through_proxy.store.decide(&merge_request(), false).await;
    let outcome = lose_acknowledgement(&app, "identity_decision", decide).await;
    assert_eq!(outcome.expect("the decision").after.len(), 1);
    assert_eq!(query_strings(&app.database_url, MERGE).await, ["MERGE"]);
}

#[tokio::test]
async fn epochs_begin_once() {
    let app = start_with_records().await;
    let begin = async |through_proxy: &TestApp| through_proxy.store.begin_feed_epoch().await;
    let position = lose_acknowledgement(&app, "feed_epoch", begin).await.expect("the epoch");
    let forks = "SELECT fork_position FROM feed_epoch ORDER BY id DESC";
    assert_eq!(query_strings(&app.database_url, forks).await, [position.to_string(), "0".to_owned()]);
}

#[tokio::test]
async fn exports_start_on_dead_connections_and_report_when_they_break_off() {
    let app = TestApp::start().await;
    let records: Vec<Value> = (0..2_500)
        .map(|number| {
            let mut paper = paper_record(&format!("Study {number}"), Some(2000), &["Ida Brook"]);
            paper["abstract"] = json!({ "en": "A text about weirs. ".repeat(20) });
            paper["abstractCompleteness"] = json!("FULL");
            paper
        })
        .collect();
    app.write_records_without_disambiguation(&crate::support::parse_records(json!(records))).await;
    let snapshot = app.store.export_snapshot().await.expect("a snapshot");
    drop(snapshot);
    app.execute_sql(TERMINATE).await;
    app.store.export_snapshot().await.expect("a snapshot on a new connection");

    let workspace = Workspace::new();
    let mut command = workspace.command_with_database(&app.database_url, &["export", "records"]);
    // Nobody reads, so that the export waits in the middle.
    let mut child =
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().expect("the program");
    let administrator = DatabaseSession::open(&app.database_url).await;
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
        AND pid <> pg_backend_pid() AND state = 'idle in transaction' AND query LIKE '%''kind'', ''paper''%'";
    let deadline = std::time::Instant::now() + WAIT_TIMEOUT;
    while administrator.query_number(waiting).await == 0 {
        assert!(std::time::Instant::now() < deadline, "the export does not wait");
        assert!(matches!(child.try_wait(), Ok(None)), "the export has ended");
    }
    administrator.query_number(TERMINATE).await;
    let outcome = tokio::task::spawn_blocking(move || child.wait_with_output()).await.expect("a thread");
    let outcome = outcome.expect("the output");
    let stderr = String::from_utf8_lossy(&outcome.stderr).into_owned();
    assert_eq!(outcome.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("the export broke off, and what was written is incomplete: "), "{stderr}");
}
