//! Connection poolers: PgBouncer in front of Postgres, in session and in transaction mode.

use std::fs::read_to_string;
use std::path::Path;
use std::time::{Duration, Instant};

use academic_directory::config::{DatabaseConfig, Limits, NetworkConfig};
use academic_directory::database::{self, Database, MigrationAction};
use academic_directory::demo;
use serde_json::{Value, json};

use crate::support::pgbouncer::{Pgbouncer, PgbouncerProgram};
use crate::support::process::WAIT_TIMEOUT;
use crate::support::{
    DatabaseSession, TestApp, create_database, create_empty_database, database_config, execute_sql, http_config,
    network_config,
};

/// The role of the test server, which is a superuser.
const OWNER: &str = "academic_directory";
/// The settings of each session of the service.
const SETTINGS: &str = "'statement_timeout', 'client_connection_check_interval', 'jit', 'plan_cache_mode', \
     'random_page_cost', 'parallel_tuple_cost', 'enable_seqscan', 'work_mem', 'lock_timeout'";
/// Number of server connections of a pool.
const POOL_SIZE: usize = 8;
const TRANSACTION_MODE: [(&str, &str); 2] = [("pool_mode", "transaction"), ("max_prepared_statements", "200")];

/// The versions of PgBouncer that fulfil a condition. Prints the reason if there is none.
fn programs(what: &str, is_suitable: impl Fn(&PgbouncerProgram) -> bool) -> Vec<PgbouncerProgram> {
    let found: Vec<PgbouncerProgram> = PgbouncerProgram::all().into_iter().filter(|found| is_suitable(found)).collect();
    if found.is_empty() {
        println!("skipped: no PgBouncer {what} was found (apt-get install pgbouncer; tests/build-pgbouncer.sh)");
    }
    found
}

fn config(url: &str) -> DatabaseConfig {
    DatabaseConfig {
        statement_timeout_seconds: 1.try_into().expect("not zero"),
        database_max_connections: 16.try_into().expect("not zero"),
        ..database_config(url, 100)
    }
}

async fn start(url: &str) -> TestApp {
    // Each forwarded address is a client of its own.
    let network =
        NetworkConfig { trusted_proxies: vec!["127.0.0.1/32".parse().expect("a network")], ..network_config() };
    TestApp::start_with_config(config(url), Limits::default(), http_config(), network).await
}

/// The queries of the cookbook with their variables.
fn cookbook() -> Vec<(String, Value)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/src/examples");
    let mut queries = Vec::new();
    for entry in std::fs::read_dir(&directory).expect("the examples") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "graphql") {
            let variables = read_to_string(path.with_extension("variables.json")).expect("the variables");
            let variables = serde_json::from_str(&variables).expect("JSON");
            queries.push((read_to_string(path).expect("a query"), variables));
        }
    }
    assert!(queries.len() >= 12);
    queries
}

/// Sends the queries of the cookbook from 16 clients at once, and compares the responses with those of one client.
async fn cookbook_by_16_clients(app: &TestApp) {
    let queries = cookbook();
    let mut expected = Vec::new();
    for (query, variables) in &queries {
        let response = app.query(query, variables.clone()).await;
        response.data();
        expected.push(response.body);
    }
    let client = async |number: usize| {
        for index in 0..queries.len() {
            let index = (index + number) % queries.len();
            let body = json!({ "query": queries[index].0, "variables": queries[index].1 });
            let deadline = Instant::now() + WAIT_TIMEOUT;
            let response = loop {
                let address = format!("192.0.2.{number}");
                let request = app.client().post(app.url("/graphql")).header("X-Forwarded-For", address).json(&body);
                let response = request.send().await.expect("a response");
                // Counts over large lists have few connections: a client retries, as the response says.
                if response.status() != 503 || Instant::now() > deadline {
                    break response.json::<Value>().await.expect("JSON");
                }
                let pause = response.headers()["retry-after"].to_str().expect("a text").parse().expect("seconds");
                tokio::time::sleep(Duration::from_secs(pause)).await;
            };
            assert!(response == expected[index], "client {number}: {response}");
        }
    };
    futures_util::future::join_all((0..16).map(client)).await;
}

/// Blocks a table and checks that a query for it ends with the statement timeout of one second.
async fn statement_timeout_is_in_force(app: &TestApp, direct_url: &str) {
    let session = DatabaseSession::open(direct_url).await;
    session.execute("BEGIN; LOCK TABLE topic").await;
    let response = app.query("{ topics { nodes { id } } }", json!({})).await;
    assert_eq!((response.status, response.codes()), (504, vec!["TIMEOUT".to_owned()]), "{}", response.body);
    session.execute("ROLLBACK").await;
}

/// Checks that all server connections of the pool have the settings that a new session has.
async fn no_setting_leaks(pooled_url: &str) {
    let mut sessions = Vec::new();
    for _ in 0..POOL_SIZE {
        let session = DatabaseSession::open(pooled_url).await;
        session.execute("BEGIN").await;
        sessions.push(session);
    }
    for session in &sessions {
        let changed = format!("SELECT count(*) FROM pg_settings WHERE name IN ({SETTINGS}) AND setting <> reset_val");
        assert_eq!(session.query_number(&changed).await, 0);
    }
}

async fn service_works(program: &PgbouncerProgram, settings: &[(&str, &str)], role: &str) {
    let direct = create_database().await;
    let pooler = Pgbouncer::start(program, &direct, settings);
    let url = pooler.url(&direct, role);
    let app = start(&url).await;
    demo::load(&app.store).await.expect("the demonstration directory");
    app.store.refresh_statistics_if_stale().await.expect("the counts");
    cookbook_by_16_clients(&app).await;
    statement_timeout_is_in_force(&app, &direct).await;
    drop(app);
    no_setting_leaks(&url).await;
}

#[tokio::test]
async fn session_mode() {
    for program in programs("", |_| true) {
        service_works(&program, &[("pool_mode", "session"), ("default_pool_size", "40")], OWNER).await;
    }
}

#[tokio::test]
async fn session_mode_that_ignores_settings() {
    for program in programs("", |_| true) {
        let settings = [
            ("pool_mode", "session"),
            ("default_pool_size", "40"),
            ("ignore_startup_parameters", "extra_float_digits,options"),
        ];
        service_works(&program, &settings, OWNER).await;
    }
}

#[tokio::test]
async fn transaction_mode() {
    for program in programs("1.21 or newer", PgbouncerProgram::has_prepared_statements) {
        service_works(&program, &TRANSACTION_MODE, OWNER).await;
    }
}

#[tokio::test]
async fn transaction_mode_that_ignores_settings() {
    for program in programs("1.21 or newer", PgbouncerProgram::has_prepared_statements) {
        let ignored = ("ignore_startup_parameters", "extra_float_digits,options");
        service_works(&program, &[TRANSACTION_MODE[0], TRANSACTION_MODE[1], ignored], OWNER).await;
    }
}

#[tokio::test]
async fn settings_of_the_role_are_used() {
    for program in programs("1.21 or newer", PgbouncerProgram::has_prepared_statements) {
        let direct = create_database().await;
        let database = url::Url::parse(&direct).expect("a URL").path().trim_start_matches('/').to_owned();
        // Of this database only: other tests use the same server.
        let set = |setting: &str| format!("ALTER ROLE {OWNER} IN DATABASE {database} SET {setting};");
        let with_settings = [
            "statement_timeout = '1s'",
            "client_connection_check_interval = 250",
            "jit = off",
            "plan_cache_mode = force_generic_plan",
            "random_page_cost = 1.1",
            "parallel_tuple_cost = 10",
        ];
        let pooler = Pgbouncer::start(&program, &direct, &TRANSACTION_MODE);
        let url = pooler.url(&direct, OWNER);
        let without = Database::open(&config(&url)).await.expect("the database");
        assert!(without.primary.settings.are_set_in_transactions());
        without.close().await;
        execute_sql(&direct, &with_settings.map(set).concat()).await;
        // The sessions of the pool began before.
        drop(pooler);
        let pooler = Pgbouncer::start(&program, &direct, &TRANSACTION_MODE);
        let url = pooler.url(&direct, OWNER);
        let with = Database::open(&config(&url)).await.expect("the database");
        assert!(!with.primary.settings.are_set_in_transactions());
        with.close().await;
        let app = start(&url).await;
        statement_timeout_is_in_force(&app, &direct).await;
    }
}

#[tokio::test]
async fn direct_connections_have_the_settings() {
    let database = Database::open(&config(&create_database().await)).await.expect("the database");
    assert!(!database.primary.settings.are_set_in_transactions());
    database.close().await;
}

#[tokio::test]
async fn transaction_mode_without_prepared_statements_is_refused() {
    for program in programs("older than 1.21", |program| !program.has_prepared_statements()) {
        let direct = create_database().await;
        let pooler = Pgbouncer::start(&program, &direct, &[("pool_mode", "transaction")]);
        let error = Database::open(&config(&pooler.url(&direct, OWNER))).await.expect_err("an error").to_string();
        assert!(error.contains("does not support prepared statements: set pool_mode = session"), "{error}");
    }
}

#[tokio::test]
async fn transaction_mode_without_max_prepared_statements_is_refused() {
    for program in programs("1.21 or newer", PgbouncerProgram::has_prepared_statements) {
        let direct = create_database().await;
        let settings = [("pool_mode", "transaction"), ("max_prepared_statements", "0")];
        let pooler = Pgbouncer::start(&program, &direct, &settings);
        let error = Database::open(&config(&pooler.url(&direct, OWNER))).await.expect_err("an error").to_string();
        assert!(error.contains("does not support prepared statements: set pool_mode = session"), "{error}");
    }
}

#[tokio::test]
async fn statement_mode_is_refused() {
    for program in programs("", |_| true) {
        let direct = create_database().await;
        let settings = [("pool_mode", "statement"), ("max_prepared_statements", "200")];
        let settings = if program.has_prepared_statements() { &settings[..] } else { &settings[..1] };
        let pooler = Pgbouncer::start(&program, &direct, settings);
        let error = Database::open(&config(&pooler.url(&direct, OWNER))).await.expect_err("an error").to_string();
        assert!(error.contains("does not support transactions"), "{error}");
    }
}

/// Two processes that migrate the same database at once, through a pooler that gives each transaction another session.
#[tokio::test]
async fn concurrent_migrations() {
    for program in programs("1.21 or newer", PgbouncerProgram::has_prepared_statements) {
        for _ in 0..20 {
            let direct = create_empty_database().await;
            let pooler = Pgbouncer::start(&program, &direct, &TRANSACTION_MODE);
            let config = config(&pooler.url(&direct, OWNER));
            let migrate = || database::run_migrations(&config, MigrationAction::Up);
            let (first, second) = tokio::join!(migrate(), migrate());
            for migrated in [first.expect("the migrations"), second.expect("the migrations")] {
                assert!(migrated.iter().all(|(_, is_applied)| *is_applied));
            }
        }
    }
}
