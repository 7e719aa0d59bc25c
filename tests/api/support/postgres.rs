//! One embedded Postgres cluster per test process; each test gets a copy of a migrated template database.

use std::cell::RefCell;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use academic_directory::config::{DatabaseConfig, Migrate, bundled_postgres_directories};
use academic_directory::database::{self, Durability, EmbeddedServer, MigrationAction, ServerPrograms};
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::{self, AssertSqlSafe, Connection as _, PgConnection};
use sea_orm::{ConnectOptions, ConnectionTrait as _};

use super::delay_proxy::{DelayProxy, Target};
use super::process::WAIT_TIMEOUT;

/// The shared server. Its directory is removed by the next test run.
pub struct Cluster {
    server: EmbeddedServer,
}

static CLUSTER: OnceLock<Cluster> = OnceLock::new();
static NEXT_DATABASE_NUMBER: AtomicU32 = AtomicU32::new(0);
const TEMPLATE_DATABASE: &str = "template_directory";

thread_local! {
    static DATABASES: TestDatabases = const { TestDatabases(RefCell::new(Vec::new())) };
}

/// The databases of a test, each of which has a thread of its own. They are dropped when it ends: all databases of a run
/// together have filled a disk.
struct TestDatabases(RefCell<Vec<String>>);

impl Drop for TestDatabases {
    fn drop(&mut self) {
        let databases = self.0.take();
        if databases.is_empty() {
            return;
        }
        // In a separate thread, because a thread that ends has no runtime.
        let outcome = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                for name in databases {
                    let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
                    execute_sql(&Cluster::shared().url("postgres"), &drop).await;
                }
            });
        });
        if outcome.join().is_err() {
            eprintln!("a database of a test could not be dropped");
        }
    }
}

/// Starts a server. Its directory must be outside the home directory, since a server started by root runs as another
/// user.
pub fn start_postgres(directory: &Path) -> EmbeddedServer {
    EmbeddedServer::start(directory, &server_programs(), Durability::Volatile).expect("a server")
}

/// The Postgres programs of `PG_BINDIR`, of the machine, or of the build.
pub fn server_programs() -> ServerPrograms {
    ServerPrograms {
        bin_directory: std::env::var_os("PG_BINDIR").map(Into::into),
        search_path: std::env::var_os("PATH"),
        bundled_directories: bundled_postgres_directories(),
    }
}

impl Cluster {
    /// Starts the server and migrates the template database on first use.
    pub fn shared() -> &'static Self {
        CLUSTER.get_or_init(|| {
            // In a separate thread, because the runtime of a test must not be blocked.
            std::thread::spawn(Self::start).join().expect("the test server")
        })
    }

    fn start() -> Self {
        // Outside the home directory, since a server started by root runs as another user. One for each user of the machine.
        let user = rustix::process::geteuid().as_raw();
        let root = std::env::temp_dir().join(format!("academic-directory-tests-{user}"));
        remove_stale_directories(&root);
        let directory = root.join(std::process::id().to_string());
        std::fs::create_dir_all(&root).expect("a directory for the test server");
        let server = start_postgres(&directory);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            execute_sql(&server.url("postgres"), &format!("CREATE DATABASE {TEMPLATE_DATABASE}")).await;
            let config = DatabaseConfig {
                database_url: Some(server.url(TEMPLATE_DATABASE)),
                migrate: Migrate::Auto,
                ..super::database_config("", 100)
            };
            database::run_migrations(&config, MigrationAction::Up).await.expect("the migrations");
        });
        Self { server }
    }

    pub fn url(&self, database: &str) -> String {
        self.server.url(database)
    }
}

/// Removes the directories of finished test runs.
fn remove_stale_directories(root: &Path) {
    for entry in std::fs::read_dir(root).into_iter().flatten().flatten() {
        let name = entry.file_name();
        // Other entries are copies of the Postgres programs, which all runs use.
        let is_process = name.to_string_lossy().parse::<u32>().is_ok();
        if is_process && !Path::new("/proc").join(&name).exists() && Path::new("/proc/self").exists() {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Creates an empty, migrated database and returns its connection URL. It is dropped when the test ends.
pub async fn create_database() -> String {
    let cluster = Cluster::shared();
    let name = format!("test_{}", NEXT_DATABASE_NUMBER.fetch_add(1, Ordering::Relaxed));
    let create = format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE_DATABASE} STRATEGY file_copy");
    execute_sql(&cluster.url("postgres"), &create).await;
    drop_after_test(&name);
    cluster.url(&name)
}

/// Drops the database when the current test ends.
fn drop_after_test(name: &str) {
    DATABASES.with(|databases| databases.0.borrow_mut().push(name.to_owned()));
}

/// Creates a database without tables and returns its connection URL. It is dropped when the test ends.
pub async fn create_empty_database() -> String {
    let cluster = Cluster::shared();
    let name = format!("empty_{}", NEXT_DATABASE_NUMBER.fetch_add(1, Ordering::Relaxed));
    execute_sql(&cluster.url("postgres"), &format!("CREATE DATABASE {name}")).await;
    drop_after_test(&name);
    cluster.url(&name)
}

/// Puts a proxy in front of a database, which adds `delay` to each round trip. Returns it with the connection URL through
/// it.
pub fn delay_database(url: &str, delay: Duration) -> (DelayProxy, String) {
    let mut url = url::Url::parse(url).expect("a URL");
    let directory = url.query_pairs().find_map(|(name, value)| (name == "host").then(|| value.into_owned()));
    let socket = Path::new(&directory.expect("a database at a Unix socket")).join(".s.PGSQL.5432");
    let proxy = DelayProxy::start(Target::Unix(socket), delay).expect("a proxy");
    url.set_query(Some("sslmode=disable"));
    url.set_ip_host(proxy.address().ip()).expect("a host");
    url.set_port(Some(proxy.address().port())).expect("a port");
    (proxy, url.into())
}

/// Executes statements on a new connection.
pub async fn execute_sql(url: &str, sql: &str) {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false).acquire_timeout(Duration::from_secs(20));
    let connection = sea_orm::Database::connect(options).await.expect("a connection");
    connection.execute_unprepared(sql).await.expect("the statement");
    connection.close().await.expect("the end of the connection");
}

/// A dedicated database connection, for state that belongs to a session.
pub struct DatabaseSession(tokio::sync::Mutex<PgConnection>);

impl DatabaseSession {
    pub async fn open(url: &str) -> Self {
        let options: PgConnectOptions = url.parse().expect("a URL");
        // Poolers reject this setting.
        let options = options.extra_float_digits(None);
        Self(PgConnection::connect_with(&options).await.expect("a connection").into())
    }

    pub async fn execute(&self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *self.0.lock().await).await.expect("the statements");
    }

    pub async fn query_number(&self, sql: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *self.0.lock().await).await.expect("a number")
    }
}

/// Waits until the number of statements in a database that are blocked by a lock fulfils a condition.
pub async fn wait_for_blocked_statements(url: &str, is_fulfilled: impl Fn(i64) -> bool) {
    // A transaction would see the same activity each time.
    let session = DatabaseSession::open(url).await;
    let count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let deadline = Instant::now() + WAIT_TIMEOUT;
    loop {
        let blocked = session.query_number(count).await;
        if is_fulfilled(blocked) {
            return;
        }
        assert!(Instant::now() < deadline, "timeout waiting for locks; {blocked} statements are blocked");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
