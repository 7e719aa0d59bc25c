//! Database outages: prompt errors, no hanging requests, and automatic recovery.

use std::time::{Duration, Instant};

use academic_directory::config::{HttpConfig, Limits, NetworkConfig};
use academic_directory::database::{Durability, EmbeddedServer};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::pages::fetch;
use crate::support::{
    DatabaseSession, TestApp, create_database, database_config, delay_database, http_config, network_config,
    paper_record, parse_records, server_programs,
};

const QUERY: &str = "{ researchers { nodes { name coauthors { nodes { name } } } } }";

/// The status, error code and duration of one request.
async fn query(app: &TestApp) -> (u16, String, Duration) {
    query_as(app, None).await
}

/// The same, forwarded for a client address.
async fn query_as(app: &TestApp, client: Option<&str>) -> (u16, String, Duration) {
    send(app, client, QUERY).await
}

/// Sends two requests at once, each with two statements that read `researcher`: together they use all four connections
/// of the pool. Four requests of one client would not, because a client leaves connections to others.
async fn query_on_all_connections(app: &TestApp) -> [(u16, String, Duration); 2] {
    let query = "{ first: researchers(first: 1) { totalCount } second: researchers { totalCount nodes { name } } }";
    tokio::join!(send(app, None, query), send(app, None, query)).into()
}

async fn send(app: &TestApp, client: Option<&str>, query: &str) -> (u16, String, Duration) {
    let started_at = Instant::now();
    let request = app.client().post(app.url("/graphql")).json(&json!({ "query": query }));
    let request = client.into_iter().fold(request, |request, client| request.header("X-Forwarded-For", client));
    let response = request.send().await.expect("a response");
    let status = response.status().as_u16();
    let retry = response.headers().contains_key("retry-after");
    let body: Value = response.json().await.expect("JSON");
    assert_eq!(retry, status == 503, "{body}");
    let code = body["errors"][0]["extensions"]["code"].as_str().unwrap_or("none").to_owned();
    (status, code, started_at.elapsed())
}

/// A Postgres server that the test can stop and restart.
struct StoppableServer {
    directory: tempfile::TempDir,
    server: Option<EmbeddedServer>,
}

impl StoppableServer {
    fn start() -> Self {
        let data_directory =
            tempfile::Builder::new().prefix("academic-directory-trouble").tempdir().expect("a directory");
        std::fs::set_permissions(data_directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .expect("permissions");
        let mut server = Self { directory: data_directory, server: None };
        server.restart();
        server
    }

    fn restart(&mut self) {
        let programs = server_programs();
        let data_directory = self.directory.path().join("postgres");
        let started =
            std::thread::spawn(move || EmbeddedServer::start(&data_directory, &programs, Durability::Volatile));
        self.server = Some(started.join().expect("a thread").expect("a server"));
    }

    fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            std::thread::spawn(move || server.stop()).join().expect("a thread");
        }
    }

    fn pid(&self) -> Pid {
        let pid = self.server.as_ref().and_then(EmbeddedServer::pid).expect("a server of our own");
        Pid::from_raw(i32::try_from(pid).expect("a number")).expect("a process")
    }

    async fn start_app(&self) -> TestApp {
        let url = self.server.as_ref().expect("a server").url("postgres");
        TestApp::start_with_acquire_timeout(url, 1).await
    }
}

impl Drop for StoppableServer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Sends queries that wait for a lock until all four connections of the pool are in use, and then lets them succeed.
async fn open_all_connections(app: &TestApp) {
    let lock = app.lock_table("researcher").await;
    let (all, ()) = tokio::join!(query_on_all_connections(app), async {
        app.wait_for_blocked_statements(|blocked| blocked == 4).await;
        lock.execute("ROLLBACK").await;
    });
    assert!(all.iter().all(|(status, code, _)| (*status, code.as_str()) == (200, "none")), "{all:?}");
}

/// Sends requests until one succeeds, and returns the elapsed time.
async fn wait_for_recovery(app: &TestApp) -> Duration {
    let started_at = Instant::now();
    loop {
        let (status, code, _) = query(app).await;
        if (status, code.as_str()) == (200, "none") {
            return started_at.elapsed();
        }
        assert_eq!((status, code.as_str()), (503, "SERVICE_UNAVAILABLE"));
        assert!(started_at.elapsed() < Duration::from_secs(30), "the service does not recover");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn server_restart() {
    let mut server = StoppableServer::start();
    let app = server.start_app().await;
    app.create_records(json!([paper_record("Tides", Some(2001), &["Ada Berg", "Bo Dahl"])])).await;
    assert_eq!(query(&app).await.0, 200);
    assert_eq!(fetch(&app, "/fr/people/ada-berg", &[]).await.status, 200);
    tokio::task::block_in_place(|| server.stop());
    // A page says so, in the language of its address.
    let page = fetch(&app, "/fr/people/ada-berg", &[]).await;
    assert_eq!((page.status, page.header("content-type")), (503, "text/html; charset=utf-8"));
    assert!(page.body.contains("pas disponible pour le moment") && !page.header("retry-after").is_empty());
    let mut longest = Duration::ZERO;
    for _ in 0..20 {
        let (status, code, time) = query(&app).await;
        assert_eq!((status, code.as_str()), (503, "SERVICE_UNAVAILABLE"));
        longest = longest.max(time);
    }
    tokio::task::block_in_place(|| server.restart());
    let back = wait_for_recovery(&app).await;
    println!("stopped: responses took at most {longest:?}; recovered {back:?} after the restart");
    for _ in 0..20 {
        assert_eq!(query(&app).await.0, 200);
    }
    assert_eq!(fetch(&app, "/fr/people/ada-berg", &[]).await.status, 200);
}

/// After a restart that no health check has noticed, every open connection is dead.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn unnoticed_server_restart() {
    let mut server = StoppableServer::start();
    let app = server.start_app().await;
    app.create_records(json!([paper_record("Tides", Some(2001), &["Ada Berg", "Bo Dahl"])])).await;
    for round in 0..3 {
        open_all_connections(&app).await;
        tokio::task::block_in_place(|| {
            server.stop();
            server.restart();
        });
        // Meanwhile a health check may have found the server stopped.
        wait_for_recovery(&app).await;
        app.create_records(json!([paper_record(&format!("Waves {round}"), Some(2002), &["Bo Dahl"])])).await;
        let all = futures_util::future::join_all((0..8).map(|_| query(&app))).await;
        assert!(all.iter().all(|(status, code, _)| (*status, code.as_str()) == (200, "none")), "{all:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn frozen_server() {
    let server = StoppableServer::start();
    let app = server.start_app().await;
    app.create_records(json!([paper_record("Tides", Some(2001), &["Ada Berg", "Bo Dahl"])])).await;
    // Stops all server processes, as if the machine were frozen.
    let children = || server_processes(server.pid());
    let frozen = children();
    assert!(frozen.len() > 3, "{frozen:?}");
    frozen.iter().for_each(|pid| kill_process(*pid, Signal::STOP).expect("a process"));
    let (status, code, time) = query(&app).await;
    assert_eq!((status, code.as_str()), (503, "SERVICE_UNAVAILABLE"));
    println!("frozen: the first response took {time:?}");
    frozen.iter().for_each(|pid| kill_process(*pid, Signal::CONT).expect("a process"));
    println!("frozen: recovered after {:?}", wait_for_recovery(&app).await);
}

/// The process and its children.
fn server_processes(parent: Pid) -> Vec<Pid> {
    let number = parent.as_raw_nonzero().get();
    let path = format!("/proc/{number}/task/{number}/children");
    let children = std::fs::read_to_string(path).expect("the children");
    let children = children.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?));
    std::iter::once(parent).chain(children).collect()
}

/// Terminates the connections of the service whose last statement contains this text, and returns their number.
async fn terminate_connections(session: &DatabaseSession, statement: &str) -> i64 {
    let terminate = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() \
         AND pid <> pg_backend_pid() AND query LIKE ";
    session.query_number(&format!("{terminate} '%{statement}%'")).await
}

#[tokio::test]
async fn killed_connections() {
    let app = TestApp::start().await;
    app.create_records(json!([paper_record("Tides", Some(2001), &["Ada Berg", "Bo Dahl"])])).await;
    let session = DatabaseSession::open(&app.database_url).await;
    for round in 0..5 {
        open_all_connections(&app).await;
        assert!(terminate_connections(&session, "").await >= 4);
        if round % 2 == 0 {
            // Writes begin on a new connection, too.
            app.create_records(json!([paper_record(&format!("Waves {round}"), Some(2002), &["Bo Dahl"])])).await;
        }
        let (status, code, _) = query(&app).await;
        assert_eq!((status, code.as_str()), (200, "none"));
    }
    open_all_connections(&app).await;
    assert!(terminate_connections(&session, "").await >= 4);
    assert!(app.store.export_snapshot().await.is_ok());
}

/// The end of the connection of the health check says nothing about the database.
#[tokio::test]
async fn killed_health_check() {
    let app = TestApp::start().await;
    app.create_records(json!([paper_record("Tides", Some(2001), &["Ada Berg", "Bo Dahl"])])).await;
    let session = DatabaseSession::open(&app.database_url).await;
    let checks = "FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%FROM seaql_migrations'";
    // A backend is listed for a moment after its client saw the end of the connection.
    let wait_for_check_after = async |ended: &[i64]| {
        let ended = ended.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let pid = session
                .query_number(&format!(
                    "SELECT coalesce(max(pid), 0)::bigint {checks} AND state = 'idle' AND pid <> ALL ('{{{ended}}}')"
                ))
                .await;
            if pid != 0 {
                return pid;
            }
            assert!(Instant::now() < deadline, "no health check");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let lock = app.lock_table("researcher").await;
    let (slow, ()) = tokio::join!(query_on_all_connections(&app), async {
        app.wait_for_blocked_statements(|blocked| blocked == 4).await;
        let mut ended = Vec::new();
        for _ in 0..2 {
            let pid = wait_for_check_after(&ended).await;
            let terminate =
                format!("SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) {checks} AND pid = {pid}");
            assert_eq!(session.query_number(&terminate).await, 1);
            ended.push(pid);
        }
        wait_for_check_after(&ended).await;
        // The check after that, whose result is known by now, was successful, too.
        let ready = app.client().get(app.url("/health/ready")).send().await.expect("a response");
        assert_eq!(ready.status(), 200);
        lock.execute("ROLLBACK").await;
    });
    assert!(slow.iter().all(|(status, code, _)| (*status, code.as_str()) == (200, "none")), "{slow:?}");
}

/// The same if the connections that replace it are ended, too.
#[tokio::test]
async fn repeatedly_killed_health_check() {
    let app = TestApp::start().await;
    app.create_records(json!([paper_record("Tides", Some(2001), &["Ada Berg", "Bo Dahl"])])).await;
    let session = DatabaseSession::open(&app.database_url).await;
    let lock = app.lock_table("researcher").await;
    let (slow, ()) = tokio::join!(query(&app), async {
        app.wait_until_blocked().await;
        // The first sessions that read the table of the health check end themselves.
        session
            .execute(
                "CREATE SEQUENCE checks; \
                 CREATE FUNCTION end_session() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN \
                     RETURN nextval('checks') > 2 OR pg_terminate_backend(pg_backend_pid()); END $$; \
                 ALTER TABLE seaql_migrations RENAME TO applied_migration; \
                 CREATE VIEW seaql_migrations AS SELECT * FROM applied_migration WHERE end_session()",
            )
            .await;
        let checked = "SELECT last_value FROM checks";
        let deadline = Instant::now() + Duration::from_secs(30);
        while session.query_number(checked).await < 3 {
            assert!(Instant::now() < deadline, "no health check");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let ready = app.client().get(app.url("/health/ready")).send().await.expect("a response");
        assert_eq!(ready.status(), 200);
        lock.execute("ROLLBACK").await;
    });
    assert_eq!((slow.0, slow.1.as_str()), (200, "none"));
}

/// The first connections that replace those that were lost are lost, too.
#[tokio::test]
async fn ended_new_connections() {
    let (proxy, url) = delay_database(&create_database().await, Duration::ZERO);
    let app =
        TestApp::start_with_config(database_config(&url, 100), Limits::default(), http_config(), network_config())
            .await;
    app.create_records(json!([paper_record("Tides", Some(2001), &["Ada Berg", "Bo Dahl"])])).await;
    for _ in 0..20 {
        proxy.close_connections(2);
        let (status, code, _) = query(&app).await;
        assert_eq!((status, code.as_str()), (200, "none"));
    }
}

#[tokio::test]
async fn cancelled_statement() {
    let app = TestApp::start().await;
    app.create_records(json!([paper_record("Tides", Some(2001), &["Ada Berg", "Bo Dahl"])])).await;
    let lock = app.lock_table("researcher").await;
    let (response, ()) = tokio::join!(query(&app), async {
        app.wait_until_blocked().await;
        app.execute_sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
            .await;
    });
    assert_eq!((response.0, response.1.as_str()), (504, "TIMEOUT"));
    drop(lock);
    assert_eq!(query(&app).await.1, "none");
}

#[tokio::test]
async fn exhausted_connection_pool() {
    let mut database = database_config(&create_database().await, 100);
    database.database_wait_seconds = 1.try_into().expect("not zero");
    let network =
        NetworkConfig { trusted_proxies: vec!["127.0.0.1/32".parse().expect("a network")], ..network_config() };
    let app = TestApp::start_with_config(database, Limits::default(), http_config(), network).await;
    app.create_records(json!([paper_record("Tides", Some(2001), &["Ada Berg", "Bo Dahl"])])).await;
    let lock = app.lock_table("researcher").await;
    // Different clients: one alone leaves connections to others.
    let clients: Vec<String> = (1..=8).map(|number| format!("192.0.2.{number}")).collect();
    let queries = clients.iter().map(|client| query_as(&app, Some(client)));
    let (results, ()) = tokio::join!(futures_util::future::join_all(queries), async {
        // All four connections are blocked by the lock, so that further requests time out waiting for a connection.
        app.wait_for_blocked_statements(|blocked| blocked >= 4).await;
        tokio::time::sleep(Duration::from_millis(1500)).await;
        lock.execute("ROLLBACK").await;
    });
    let refused = results.iter().filter(|response| (response.0, response.1.as_str()) == (503, "SERVICE_UNAVAILABLE"));
    assert_eq!(refused.count(), 4, "{results:?}");
    let completed = results.iter().filter(|response| (response.0, response.1.as_str()) == (200, "none"));
    assert_eq!(completed.count(), 4, "{results:?}");
}

/// The statements of one request run at the same time in a new process, up to half of the maximum number of connections.
#[tokio::test]
async fn statements_of_one_request() {
    let mut config = database_config(&create_database().await, 100);
    config.database_max_connections = 6.try_into().expect("not zero");
    let app = TestApp::start_with_config(config, Limits::default(), http_config(), network_config()).await;
    app.create_records(json!([paper_record("Tides", Some(2001), &["Ada Berg", "Bo Dahl"])])).await;
    let lock = app.lock_table("paper").await;
    let counts = (0..5).map(|number| {
        format!("count{number}: papers(filter: {{publicationYear: {{from: {number}}}}}) {{ totalCount }}")
    });
    let query = format!("{{ {} }}", counts.collect::<Vec<_>>().join(" "));
    let ask = || app.query(&query, json!({}));
    let ((one, another), ()) = tokio::join!(futures_util::future::join(ask(), ask()), async {
        app.wait_for_blocked_statements(|blocked| blocked == 6).await;
        lock.execute("ROLLBACK").await;
    });
    assert_eq!(one.data(), another.data());
}

/// A process without requests holds few connections: for the next requests, the health check, and the revision.
#[tokio::test]
async fn idle_process() {
    let http = HttpConfig { cache_max_bytes: 1 << 20, ..http_config() };
    let app = TestApp::start_with_http_config(http).await;
    assert_eq!(query(&app).await.0, 200);
    let session = DatabaseSession::open(&app.database_url).await;
    let count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
         AND backend_type = 'client backend'";
    // Until after the first health check.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let connections = session.query_number(count).await;
    // One more for a minute after the transactions with which the test starts the service.
    assert!((3..=5).contains(&connections), "{connections}");
}

#[tokio::test]
async fn read_only_server() {
    let app = TestApp::start().await;
    app.create_records(json!([paper_record("Tides", Some(2001), &["Ada Berg", "Bo Dahl"])])).await;
    app.execute_sql(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$; \
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    .await;
    assert_eq!(query(&app).await.1, "none");
    let records = parse_records(json!([paper_record("Waves", Some(2002), &["Cy Eng"])]));
    let error = app.store.write_records("test", &records).await.expect_err("an error");
    assert_eq!(error.code(), "SERVICE_UNAVAILABLE");
}

#[tokio::test]
async fn full_disk() {
    // Simulates a full disk: a view that fails with the same SQLSTATE.
    let app = TestApp::start().await;
    app.create_records(json!([paper_record("Tides", Some(2001), &["Ada Berg", "Bo Dahl"])])).await;
    app.execute_sql(
        "ALTER TABLE coauthorship RENAME TO coauthorship_kept; \
         CREATE FUNCTION full_disk() RETURNS boolean LANGUAGE plpgsql AS \
         $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$; \
         CREATE VIEW coauthorship AS SELECT * FROM coauthorship_kept WHERE full_disk()",
    )
    .await;
    let (status, code, _) = query(&app).await;
    assert_eq!((status, code.as_str()), (503, "SERVICE_UNAVAILABLE"));
    app.execute_sql("CREATE OR REPLACE FUNCTION full_disk() RETURNS boolean LANGUAGE sql AS 'SELECT true'").await;
    assert_eq!(query(&app).await.1, "none");
}
