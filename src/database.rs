//! The connection to Postgres: the configured database, or an embedded server.

pub mod address;
mod embedded;

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use migration::{Migrator, MigratorTrait as _};
use sea_orm::{ConnectOptions, ConnectionTrait as _, DatabaseConnection, DbBackend, DbErr, Statement};
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::config::{DatabaseConfig, Migrate};
pub use crate::database::embedded::{Durability, EmbeddedError, EmbeddedServer, ServerPrograms};

/// The name of the database on the embedded server.
const EMBEDDED_DATABASE_NAME: &str = "academic_directory";
/// How long the connection of a past transaction is kept for the next one.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// The key of the advisory lock that serializes migrations of several processes.
const MIGRATION_LOCK_KEY: i64 = 0x6163_6164_6469_7231;

/// The database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The embedded Postgres did not start.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    /// The configured URL is invalid. It is not repeated, since it may contain a password.
    #[error(
        "DATABASE_URL is not the connection URL of a PostgreSQL database, such as postgres://user:password@host/database (in a \
         password, escape / @ : and # as %2F %40 %3A and %23)"
    )]
    InvalidUrl,
    /// The database is unreachable, or rejects the connection.
    #[error("cannot connect to the database of DATABASE_URL: {0}")]
    Connect(#[source] DbErr),
    /// The URL of a read replica is invalid.
    #[error(
        "URL number {0} in DATABASE_READ_URLS is not the connection URL of a PostgreSQL database, such as postgres://user:password@host/database"
    )]
    InvalidReplicaUrl(usize),
    /// A read replica cannot be used.
    #[error("cannot connect to database number {0} in DATABASE_READ_URLS: {1}")]
    ConnectReplica(usize, #[source] DbErr),
    /// A setup or migration statement failed.
    #[error("cannot set up the database: {0}")]
    Setup(#[source] DbErr),
    /// Migrations are pending and not applied automatically.
    #[error("{0} migrations are pending and MIGRATE=never; run `academic-directory migrate up`")]
    PendingMigrations(usize),
    /// The task that starts the embedded Postgres was cancelled or panicked.
    #[error("the start of the embedded Postgres was interrupted: {0}")]
    Interrupted(#[from] tokio::task::JoinError),
}

/// A migrated database, with its embedded server if there is one.
#[derive(Debug)]
pub struct Database {
    /// The connection pool of the primary.
    pub connection: DatabaseConnection,
    /// A connection pool per read replica. A replica may be unreachable.
    pub replicas: Vec<DatabaseConnection>,
    server: Option<EmbeddedPostgres>,
}

/// The embedded server, owned by this or another process.
#[derive(Debug)]
struct EmbeddedPostgres {
    server: EmbeddedServer,
    directory: PathBuf,
    programs: ServerPrograms,
}

impl EmbeddedPostgres {
    /// If another process owns the server, waits until it exits and then starts the server in this process.
    async fn take_over_when_owner_exits(&mut self) {
        while self.server.pid().is_none() {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let (directory, programs) = (self.directory.clone(), self.programs.clone());
            let start = move || EmbeddedServer::start(&directory, &programs, Durability::Safe);
            match tokio::task::spawn_blocking(start).await {
                Ok(Ok(server)) => self.server = server,
                Ok(Err(error)) => {
                    tracing::warn!(%error, "the embedded Postgres stopped and could not be started again");
                }
                Err(error) => tracing::warn!(%error, "the start of the embedded Postgres was interrupted"),
            }
            if self.server.pid().is_some() {
                tracing::info!("took over the embedded Postgres from a process that exited");
            }
        }
        std::future::pending::<()>().await;
    }
}

impl Database {
    /// Opens the configured database, or starts the embedded one, and applies migrations unless `migrate` is `never`.
    ///
    /// # Errors
    /// If there is no server, or migrations fail or are pending.
    pub async fn open(config: &DatabaseConfig) -> Result<Self, DatabaseError> {
        let (url, server) = resolve_url(config).await?;
        match config.migrate {
            Migrate::Auto => run_migration_action(&url, MigrationAction::Up).await?,
            Migrate::Never => {
                let pending = count_pending_migrations(&url).await?;
                if pending > 0 {
                    return Err(DatabaseError::PendingMigrations(pending));
                }
            }
        }
        let connection = open_pool(&url, config, false).await.map_err(DatabaseError::Connect)?;
        let read_urls = config.read_addresses();
        let mut replicas = Vec::new();
        for (number, url) in (1..).zip(read_urls) {
            if !is_postgres_url(url) {
                return Err(DatabaseError::InvalidReplicaUrl(number));
            }
            replicas.push(
                open_pool(url, config, true).await.map_err(|error| DatabaseError::ConnectReplica(number, error))?,
            );
        }
        Ok(Self { connection, replicas, server })
    }

    /// Whether the database runs on the embedded server.
    #[must_use]
    pub fn is_embedded(&self) -> bool {
        self.server.is_some()
    }

    /// Keeps the embedded server running while polled, even if the process that owns it exits. Never completes.
    pub async fn supervise(&mut self) {
        match &mut self.server {
            Some(server) => server.take_over_when_owner_exits().await,
            None => std::future::pending().await,
        }
    }

    /// Closes the connections and stops the embedded server.
    pub async fn close(self) {
        for connection in self.replicas.into_iter().chain([self.connection]) {
            if let Err(error) = connection.close().await {
                tracing::warn!(%error, "could not close the database connections");
            }
        }
        if let Some(server) = self.server {
            // Stopping blocks until the server has exited.
            if let Err(error) = tokio::task::spawn_blocking(move || server.server.stop()).await {
                tracing::warn!(%error, "could not stop the embedded Postgres");
            }
        }
    }
}

/// Applies or reverts migrations. Returns the name of each migration and whether it is applied.
///
/// # Errors
/// If there is no server, or a migration fails.
pub async fn run_migrations(
    config: &DatabaseConfig,
    action: MigrationAction,
) -> Result<Vec<(String, bool)>, DatabaseError> {
    let (url, server) = resolve_url(config).await?;
    run_migration_action(&url, action).await?;
    let connection = connect_once(&url).await?;
    let migrations = Migrator::get_migration_with_status(&connection).await.map_err(DatabaseError::Setup)?;
    let applied = |migration: &migration::Migration| migration.status() == migration::MigrationStatus::Applied;
    let status = migrations.iter().map(|migration| (migration.name().to_owned(), applied(migration))).collect();
    Database { connection, replicas: Vec::new(), server }.close().await;
    Ok(status)
}

/// A command on the migrations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MigrationAction {
    /// Apply all pending migrations.
    Up,
    /// Revert the last migration.
    Down,
    /// Change nothing.
    Status,
}

/// The connection URL of the configured database, or of the embedded one, which is started.
async fn resolve_url(config: &DatabaseConfig) -> Result<(String, Option<EmbeddedPostgres>), DatabaseError> {
    if let Some(url) = &config.database_url {
        return Ok((url.clone(), None));
    }
    let embedded = start_embedded(config).await?;
    create_embedded_database(&embedded.server).await?;
    Ok((embedded.server.url(EMBEDDED_DATABASE_NAME), Some(embedded)))
}

/// The directories that an embedded Postgres of these settings may use.
#[must_use]
pub fn embedded_directories(config: &DatabaseConfig) -> Vec<PathBuf> {
    let directory = absolute(&config.data_dir).join("postgres");
    let fallback = config.has_default_data_dir().then(|| fallback_directory(&directory));
    [directory].into_iter().chain(fallback).collect()
}

async fn start_embedded(config: &DatabaseConfig) -> Result<EmbeddedPostgres, DatabaseError> {
    let programs = ServerPrograms::from(config);
    let directory = absolute(&config.data_dir).join("postgres");
    let fallback = config.has_default_data_dir().then(|| fallback_directory(&directory));
    let start = move || {
        let (server, directory) = match (EmbeddedServer::start(&directory, &programs, Durability::Safe), fallback) {
            // If this process runs as root, the server runs as another user, who may not be able to enter the data directory.
            (Err(error @ (EmbeddedError::Unreachable { .. } | EmbeddedError::SocketPathTooLong(_))), Some(other)) => {
                tracing::info!(reason = %error, directory = %other.display(), "using the fallback data directory");
                (EmbeddedServer::start(&other, &programs, Durability::Safe)?, other)
            }
            (result, _) => (result?, directory),
        };
        Ok::<_, EmbeddedError>(EmbeddedPostgres { server, directory, programs })
    };
    Ok(tokio::task::spawn_blocking(start).await??)
}

impl From<&DatabaseConfig> for ServerPrograms {
    fn from(config: &DatabaseConfig) -> Self {
        Self { bin_directory: config.pg_bindir.clone(), search_path: config.search_path() }
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// A directory that any user can reach, unique to the directory it replaces.
fn fallback_directory(directory: &Path) -> PathBuf {
    let digest = Sha256::digest(directory.as_os_str().as_bytes());
    let name: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    Path::new("/var/lib/academic-directory").join(name)
}

async fn create_embedded_database(server: &EmbeddedServer) -> Result<(), DatabaseError> {
    let connection = connect_once(&server.url("postgres")).await?;
    let exists = format!("SELECT 1 FROM pg_database WHERE datname = '{EMBEDDED_DATABASE_NAME}'");
    let exists = connection.query_one_raw(Statement::from_string(DbBackend::Postgres, exists)).await;
    if exists.map_err(DatabaseError::Setup)?.is_none() {
        let created = connection.execute_unprepared(&format!("CREATE DATABASE {EMBEDDED_DATABASE_NAME}")).await;
        // Another process may have created it first.
        if let Err(error) = created
            && !error.to_string().contains("already exists")
        {
            return Err(DatabaseError::Setup(error));
        }
    }
    connection.close().await.map_err(DatabaseError::Setup)
}

fn is_postgres_url(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "postgres" | "postgresql"))
}

/// A single connection, for session state such as locks.
async fn connect_once(url: &str) -> Result<DatabaseConnection, DatabaseError> {
    if !is_postgres_url(url) {
        return Err(DatabaseError::InvalidUrl);
    }
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false).acquire_timeout(Duration::from_secs(10));
    sea_orm::Database::connect(options).await.map_err(DatabaseError::Connect)
}

async fn count_pending_migrations(url: &str) -> Result<usize, DatabaseError> {
    let connection = connect_once(url).await?;
    let pending = Migrator::get_pending_migrations_read_only(&connection).await.map_err(DatabaseError::Setup)?;
    connection.close().await.map_err(DatabaseError::Setup)?;
    Ok(pending.len())
}

async fn run_migration_action(url: &str, action: MigrationAction) -> Result<(), DatabaseError> {
    let connection = connect_once(url).await?;
    let lock = |word: &str| format!("SELECT pg_advisory_{word}({MIGRATION_LOCK_KEY})");
    let work = async {
        connection.execute_unprepared(&lock("lock")).await?;
        match action {
            MigrationAction::Up => Migrator::up(&connection, None).await?,
            MigrationAction::Down => Migrator::down(&connection, Some(1)).await?,
            MigrationAction::Status => {}
        }
        connection.execute_unprepared(&lock("unlock")).await?;
        Ok(())
    };
    work.await.map_err(DatabaseError::Setup)?;
    connection.close().await.map_err(DatabaseError::Setup)
}

async fn open_pool(url: &str, config: &DatabaseConfig, is_lazy: bool) -> Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new(url);
    let timeout = format!("{}ms", config.statement_timeout().as_millis());
    options
        .max_connections(config.database_max_connections.get())
        // The store keeps connections open for the next requests; here are those of past transactions.
        .min_connections(0)
        .idle_timeout(IDLE_TIMEOUT)
        .connect_lazy(is_lazy)
        .acquire_timeout(config.acquire_timeout())
        // Testing would add a round trip per statement. Reads are retried, and writes report the error.
        .test_before_acquire(false)
        .sqlx_logging(false)
        .map_sqlx_postgres_opts(move |options| {
            options.options([
                ("statement_timeout", timeout.as_str()),
                // Cancels a statement whose client has disconnected.
                ("client_connection_check_interval", "250ms"),
                // JIT compilation takes longer than these statements.
                ("jit", "off"),
                // Every statement is prepared and uses an index, regardless of its parameters. Planning it again would take
                // longer than executing it.
                ("plan_cache_mode", "force_generic_plan"),
                // Pages are mostly in memory or on an SSD: a random read costs little more than a sequential one, and small
                // tables need not be scanned.
                ("random_page_cost", "1.1"),
                // The planner does not know the page size and would start parallel workers that read far more rows. Counts
                // may still use them.
                ("parallel_tuple_cost", "10"),
            ])
        });
    sea_orm::Database::connect(options).await
}
