//! Databases that cannot be used, or not yet: each is refused with one sentence, or waited for.

use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use academic_directory::config::{DatabaseConfig, Limits, Migrate};
use academic_directory::database::{self, Database, MigrationAction};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::process::{ChildProcess, WAIT_TIMEOUT, Workspace};
use crate::support::{
    DatabaseSession, TestApp, create_database, create_empty_database, database_config, execute_sql, http_config,
    network_config,
};

/// The key of the advisory lock on migrations.
const MIGRATION_LOCK_KEY: i64 = 0x6163_6164_6469_7231;

fn config(url: &str) -> DatabaseConfig {
    database_config(url, 100)
}

async fn error_of(config: &DatabaseConfig) -> String {
    Database::open(config).await.expect_err("an error").to_string()
}

fn name_of(url: &str) -> String {
    url::Url::parse(url).expect("a URL").path().trim_start_matches('/').to_owned()
}

#[tokio::test]
async fn refused_connection() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("its address").port();
    drop(listener);
    let error = error_of(&config(&format!("postgres://ada@127.0.0.1:{port}/directory?sslmode=disable"))).await;
    let expected = format!("cannot connect to the database of DATABASE_URL: 127.0.0.1:{port}: Connection refused");
    assert!(error.starts_with(&expected), "{error}");
}

#[tokio::test]
async fn missing_database() {
    let url = create_database().await.replace("test_", "absent_");
    let error = error_of(&config(&url)).await;
    assert!(error.contains("does not exist"), "{error}");
}

#[tokio::test]
async fn another_encoding() {
    let url = create_empty_database().await;
    let name = name_of(&url);
    let other = url.replace(&name, &format!("latin_{name}"));
    let create = format!(
        "CREATE DATABASE latin_{name} ENCODING 'LATIN1' LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    );
    execute_sql(&url, &create).await;
    let error = error_of(&config(&other)).await;
    let expected = format!("the encoding of the database latin_{name} is LATIN1, but UTF8 is required");
    assert!(error.starts_with(&expected), "{error}");
}

#[tokio::test]
async fn read_only_database_with_pending_migrations() {
    let url = create_empty_database().await;
    execute_sql(&url, &format!("ALTER DATABASE {} SET default_transaction_read_only = on", name_of(&url))).await;
    let error = error_of(&config(&url)).await;
    assert!(error.contains("migrations are pending, but the database is read-only"), "{error}");
    let never = DatabaseConfig { migrate: Migrate::Never, ..config(&url) };
    assert!(error_of(&never).await.contains("migrations are pending and MIGRATE=never"));
}

#[tokio::test]
async fn read_only_database_is_served() {
    let url = create_database().await;
    execute_sql(&url, &format!("ALTER DATABASE {} SET default_transaction_read_only = on", name_of(&url))).await;
    let workspace = Workspace::new();
    let mut command = workspace.command_with_database(&url, &["serve", "--listen", "127.0.0.1:0"]);
    let mut service = ChildProcess::start(&mut command);
    let endpoint = service.wait_for_line("GraphQL ");
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let query = json!({ "query": "{ researchers { totalCount } }" });
    let response = client.post(endpoint).json(&query).send().await.expect("a response");
    let response: Value = response.json().await.expect("JSON");
    assert_eq!(response, json!({ "data": { "researchers": { "totalCount": 0 } } }));
    service.send_signal(Signal::TERM);
    let log = service.wait().stderr;
    assert!(log.contains("the database is read-only"), "{log}");
}

#[tokio::test]
async fn newer_schema() {
    let url = create_database().await;
    let newer = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m20991231_000999_future', 0)";
    execute_sql(&url, newer).await;
    for migrate in [Migrate::Auto, Migrate::Never] {
        let error = error_of(&DatabaseConfig { migrate, ..config(&url) }).await;
        let expected = "the database was migrated by a newer version of academic-directory (m20991231_000999_future";
        assert!(error.starts_with(expected), "{error}");
    }
    let status = database::run_migrations(&config(&url), MigrationAction::Status).await;
    assert!(status.expect_err("an error").to_string().contains("newer version"));
}

#[tokio::test]
async fn held_migration_lock() {
    let url = create_empty_database().await;
    let session = DatabaseSession::open(&url).await;
    session.execute(&format!("BEGIN; SELECT pg_advisory_xact_lock({MIGRATION_LOCK_KEY})")).await;
    let impatient = DatabaseConfig { migration_wait_seconds: 1, ..config(&url) };
    let error = error_of(&impatient).await;
    assert!(error.contains("has held the lock on migrations for more than 1 seconds"), "{error}");
    assert!(error.starts_with("process "), "{error}");
    // Once it is released, the migrations are applied.
    let patient = config(&url);
    let (opened, ()) = tokio::join!(Database::open(&patient), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        session.execute("ROLLBACK").await;
    });
    opened.expect("the database").close().await;
}

#[tokio::test]
async fn migrations_have_no_timeout() {
    let url = create_empty_database().await;
    let timeouts = ["statement_timeout = 1", "lock_timeout = 1", "idle_in_transaction_session_timeout = '1s'"];
    let set = |timeout: &str| format!("ALTER DATABASE {} SET {timeout};", name_of(&url));
    execute_sql(&url, &timeouts.map(set).concat()).await;
    let migrated = database::run_migrations(&config(&url), MigrationAction::Up).await.expect("the migrations");
    assert!(migrated.iter().all(|(_, is_applied)| *is_applied));
}

/// Managed databases end sessions that were idle for long.
#[tokio::test]
async fn sessions_ended_when_idle() {
    let url = create_database().await;
    execute_sql(&url, &format!("ALTER DATABASE {} SET idle_session_timeout = 50", name_of(&url))).await;
    let app = TestApp::start_with_config(config(&url), Limits::default(), http_config(), network_config()).await;
    let session = DatabaseSession::open(&url.replace(&name_of(&url), "postgres")).await;
    let name = name_of(&url);
    let count =
        format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}' AND backend_type = 'client backend'");
    for _ in 0..10 {
        app.data("{ researchers(first: 1) { nodes { name } } papers(first: 1) { nodes { title } } }").await;
        // Until the sessions have ended, apart from those that the health check opens.
        let deadline = Instant::now() + WAIT_TIMEOUT;
        while session.query_number(&count).await > 1 {
            assert!(Instant::now() < deadline, "timeout waiting for idle sessions to end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
