//! One private Postgres for all tests of the process, and a copy of its migrated template for each test.

use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use academic_directory::config::{DatabaseConfig, Migrate};
use academic_directory::database::{self, Durability, EmbeddedServer, MigrationAction, ServerPrograms};
use sea_orm::sqlx::{self, AssertSqlSafe, Connection as _, PgConnection};
use sea_orm::{ConnectOptions, ConnectionTrait as _};

/// The server, whose folder goes when the next run begins.
pub struct Cluster {
    server: EmbeddedServer,
}

static CLUSTER: OnceLock<Cluster> = OnceLock::new();
static NEXT_DATABASE_NUMBER: AtomicU32 = AtomicU32::new(0);
const TEMPLATE_DATABASE: &str = "template_directory";

/// Starts a server over a folder, which must not be below the home folder: as root, it runs as another user.
pub fn start_postgres(folder: &Path) -> EmbeddedServer {
    let programs = ServerPrograms {
        bin_directory: std::env::var_os("PG_BINDIR").map(Into::into),
        search_path: std::env::var_os("PATH"),
    };
    EmbeddedServer::start(folder, &programs, Durability::Volatile).expect("a server")
}

impl Cluster {
    /// Starts the server and migrates the template, once.
    pub fn shared() -> &'static Self {
        CLUSTER.get_or_init(|| {
            // A thread of its own: a test's runtime cannot be blocked on.
            std::thread::spawn(Self::start).join().expect("the test server")
        })
    }

    fn start() -> Self {
        // Not below the home folder: as root, the server runs as another user.
        let root = std::env::temp_dir().join("academic-directory-tests");
        remove_stale_directories(&root);
        let folder = root.join(std::process::id().to_string());
        std::fs::create_dir_all(&root).expect("a folder for the test server");
        let server = start_postgres(&folder);
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

/// Folders of test runs that are over.
fn remove_stale_directories(root: &Path) {
    for entry in std::fs::read_dir(root).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if !Path::new("/proc").join(&name).exists() && Path::new("/proc/self").exists() {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// The address of a new, empty, migrated database.
pub async fn create_database() -> String {
    let cluster = Cluster::shared();
    let name = format!("test_{}", NEXT_DATABASE_NUMBER.fetch_add(1, Ordering::Relaxed));
    let create = format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE_DATABASE} STRATEGY file_copy");
    execute_sql(&cluster.url("postgres"), &create).await;
    cluster.url(&name)
}

/// The address of a new database without any table.
pub async fn create_empty_database() -> String {
    let cluster = Cluster::shared();
    let name = format!("empty_{}", NEXT_DATABASE_NUMBER.fetch_add(1, Ordering::Relaxed));
    execute_sql(&cluster.url("postgres"), &format!("CREATE DATABASE {name}")).await;
    cluster.url(&name)
}

/// Runs statements on a connection of their own.
pub async fn execute_sql(url: &str, sql: &str) {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false).acquire_timeout(Duration::from_secs(20));
    let connection = sea_orm::Database::connect(options).await.expect("a connection");
    connection.execute_unprepared(sql).await.expect("the statement");
    connection.close().await.expect("the end of the connection");
}

/// A connection of a test's own, for what belongs to a session.
pub struct DatabaseSession(tokio::sync::Mutex<PgConnection>);

impl DatabaseSession {
    pub async fn open(url: &str) -> Self {
        Self(PgConnection::connect(url).await.expect("a connection").into())
    }

    pub async fn execute(&self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *self.0.lock().await).await.expect("the statements");
    }

    pub async fn query_number(&self, sql: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *self.0.lock().await).await.expect("a number")
    }
}
