//! The connection to Postgres: the one that is configured, or a private server of our own.

mod embedded;
mod programs;

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use migration::{Migrator, MigratorTrait as _};
use sea_orm::{ConnectOptions, ConnectionTrait as _, DatabaseConnection, DbBackend, DbErr, Statement};
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::config::{DatabaseConfig, Migrate};
pub use crate::database::embedded::{Durability, EmbeddedError, EmbeddedServer, ServerPrograms};

/// The database that the private server keeps.
const PRIVATE_DATABASE: &str = "academic_directory";
/// Held while migrations run, so that several starters do not collide.
const MIGRATION_LOCK: i64 = 0x6163_6164_6469_7231;

/// Why there is no database.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The private server did not start.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    /// The configured one is no address of a Postgres. The address is not repeated: there may be a password in it.
    #[error(
        "DATABASE_URL is not the address of a PostgreSQL database, such as postgres://user:password@host/database (in a \
         password, / @ : and # are written %2F %40 %3A and %23)"
    )]
    Address,
    /// The configured one did not answer, or refused.
    #[error("cannot use the database that DATABASE_URL names: {0}")]
    Connect(#[source] DbErr),
    /// One of the copies is no address of a Postgres.
    #[error(
        "the address in place {0} of DATABASE_READ_URLS is not that of a PostgreSQL database, such as postgres://user:password@host/database"
    )]
    ReadAddress(usize),
    /// One of the copies cannot be used.
    #[error("cannot use the database in place {0} of DATABASE_READ_URLS: {1}")]
    ReadConnect(usize, #[source] DbErr),
    /// A statement that sets it up failed.
    #[error("cannot set up the database: {0}")]
    Setup(#[source] DbErr),
    /// Migrations are to be run by hand and were not.
    #[error("the database misses {0} migrations and MIGRATE=never; run `academic-directory migrate up`")]
    Pending(usize),
    /// The starting task ended.
    #[error("the start of the private server was interrupted: {0}")]
    Interrupted(#[from] tokio::task::JoinError),
}

/// A migrated database, and the private server behind it where there is one.
#[derive(Debug)]
pub struct Database {
    /// A pool for requests and imports.
    pub connection: DatabaseConnection,
    /// A pool for each copy that requests may be read from; they need not answer yet.
    pub replicas: Vec<DatabaseConnection>,
    server: Option<PrivateServer>,
}

/// The private server, wherever it runs.
#[derive(Debug)]
struct PrivateServer {
    server: EmbeddedServer,
    folder: PathBuf,
    programs: ServerPrograms,
}

impl PrivateServer {
    /// Where another process runs the server: waits until that one has ended, then runs it instead.
    async fn keep(&mut self) {
        while self.server.pid().is_none() {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let (folder, programs) = (self.folder.clone(), self.programs.clone());
            let start = move || EmbeddedServer::start(&folder, &programs, Durability::Safe);
            match tokio::task::spawn_blocking(start).await {
                Ok(Ok(server)) => self.server = server,
                Ok(Err(error)) => tracing::warn!(%error, "the private server is gone and does not start again"),
                Err(error) => tracing::warn!(%error, "the start of the private server was interrupted"),
            }
            if self.server.pid().is_some() {
                tracing::info!("the process that ran the private server has ended; this one runs it now");
            }
        }
        std::future::pending::<()>().await;
    }
}

impl Database {
    /// Opens the configured database, or starts the private one, and migrates it unless told otherwise.
    ///
    /// # Errors
    /// Where there is no server, or migrations fail or miss.
    pub async fn open(config: &DatabaseConfig) -> Result<Self, DatabaseError> {
        let (url, server) = locate(config).await?;
        match config.migrate {
            Migrate::Auto => migrate(&url, Direction::Up).await?,
            Migrate::Never => {
                let missing = pending(&url).await?;
                if missing > 0 {
                    return Err(DatabaseError::Pending(missing));
                }
            }
        }
        let connection = connect(&url, config, false).await.map_err(DatabaseError::Connect)?;
        let mut replicas = Vec::with_capacity(config.database_read_urls.len());
        for (place, url) in (1..).zip(&config.database_read_urls) {
            if !is_address(url) {
                return Err(DatabaseError::ReadAddress(place));
            }
            replicas.push(connect(url, config, true).await.map_err(|error| DatabaseError::ReadConnect(place, error))?);
        }
        Ok(Self { connection, replicas, server })
    }

    /// Whether the private server is behind it.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.server.is_some()
    }

    /// Keeps the private server running for as long as it is polled, even where the process that started it ends. It
    /// never ends itself.
    pub async fn keep_running(&mut self) {
        match &mut self.server {
            Some(server) => server.keep().await,
            None => std::future::pending().await,
        }
    }

    /// Closes the connections and stops the private server.
    pub async fn close(self) {
        for connection in self.replicas.into_iter().chain([self.connection]) {
            if let Err(error) = connection.close().await {
                tracing::warn!(%error, "the connections to the database did not close");
            }
        }
        if let Some(server) = self.server {
            // It waits for the server's end, which no async worker should.
            if let Err(error) = tokio::task::spawn_blocking(move || server.server.stop()).await {
                tracing::warn!(%error, "the private server was not stopped");
            }
        }
    }
}

/// Opens the database for a command that only migrates.
///
/// # Errors
/// Where there is no server, or the command fails.
pub async fn run_migrations(
    config: &DatabaseConfig,
    direction: Direction,
) -> Result<Vec<(String, bool)>, DatabaseError> {
    let (url, server) = locate(config).await?;
    migrate(&url, direction).await?;
    let connection = plain(&url).await?;
    let migrations = Migrator::get_migration_with_status(&connection).await.map_err(DatabaseError::Setup)?;
    let applied = |migration: &migration::Migration| migration.status() == migration::MigrationStatus::Applied;
    let status = migrations.iter().map(|migration| (migration.name().to_owned(), applied(migration))).collect();
    Database { connection, replicas: Vec::new(), server }.close().await;
    Ok(status)
}

/// What to do with the migrations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Apply all that are not.
    Up,
    /// Revert the last one.
    Down,
    /// Nothing.
    Stay,
}

/// The address of the configured database, or of the private one, which is started.
async fn locate(config: &DatabaseConfig) -> Result<(String, Option<PrivateServer>), DatabaseError> {
    if let Some(url) = &config.database_url {
        return Ok((url.clone(), None));
    }
    let private = start_private(config).await?;
    create_private_database(&private.server).await?;
    Ok((private.server.url(PRIVATE_DATABASE), Some(private)))
}

async fn start_private(config: &DatabaseConfig) -> Result<PrivateServer, DatabaseError> {
    let programs = config.server_programs();
    let folder = absolute(&config.data_dir).join("postgres");
    let fallback = config.has_default_data_dir().then(|| elsewhere(&folder));
    let start = move || {
        let (server, folder) = match (EmbeddedServer::start(&folder, &programs, Durability::Safe), fallback) {
            // As root, the server runs as another user, who may not reach a folder below a private one.
            (Err(error @ (EmbeddedError::Unreachable { .. } | EmbeddedError::SocketPathTooLong(_))), Some(other)) => {
                tracing::info!(reason = %error, folder = %other.display(), "the data are kept elsewhere");
                (EmbeddedServer::start(&other, &programs, Durability::Safe)?, other)
            }
            (result, _) => (result?, folder),
        };
        Ok::<_, EmbeddedError>(PrivateServer { server, folder, programs })
    };
    Ok(tokio::task::spawn_blocking(start).await??)
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// A folder that any user may reach, of its own for each place that it stands in for.
fn elsewhere(folder: &Path) -> PathBuf {
    let digest = Sha256::digest(folder.as_os_str().as_bytes());
    let name: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    Path::new("/var/lib/academic-directory").join(name)
}

async fn create_private_database(server: &EmbeddedServer) -> Result<(), DatabaseError> {
    let connection = plain(&server.url("postgres")).await?;
    let exists = format!("SELECT 1 FROM pg_database WHERE datname = '{PRIVATE_DATABASE}'");
    let exists = connection.query_one_raw(Statement::from_string(DbBackend::Postgres, exists)).await;
    if exists.map_err(DatabaseError::Setup)?.is_none() {
        let created = connection.execute_unprepared(&format!("CREATE DATABASE {PRIVATE_DATABASE}")).await;
        // Another starter may have been faster.
        if let Err(error) = created
            && !error.to_string().contains("already exists")
        {
            return Err(DatabaseError::Setup(error));
        }
    }
    connection.close().await.map_err(DatabaseError::Setup)
}

fn is_address(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "postgres" | "postgresql"))
}

/// One connection, for what needs a session.
async fn plain(url: &str) -> Result<DatabaseConnection, DatabaseError> {
    if !is_address(url) {
        return Err(DatabaseError::Address);
    }
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false).acquire_timeout(Duration::from_secs(10));
    sea_orm::Database::connect(options).await.map_err(DatabaseError::Connect)
}

async fn pending(url: &str) -> Result<usize, DatabaseError> {
    let connection = plain(url).await?;
    let pending = Migrator::get_pending_migrations_read_only(&connection).await.map_err(DatabaseError::Setup)?;
    connection.close().await.map_err(DatabaseError::Setup)?;
    Ok(pending.len())
}

async fn migrate(url: &str, direction: Direction) -> Result<(), DatabaseError> {
    let connection = plain(url).await?;
    let lock = |word: &str| format!("SELECT pg_advisory_{word}({MIGRATION_LOCK})");
    let work = async {
        connection.execute_unprepared(&lock("lock")).await?;
        match direction {
            Direction::Up => Migrator::up(&connection, None).await?,
            Direction::Down => Migrator::down(&connection, Some(1)).await?,
            Direction::Stay => {}
        }
        connection.execute_unprepared(&lock("unlock")).await?;
        Ok(())
    };
    work.await.map_err(DatabaseError::Setup)?;
    connection.close().await.map_err(DatabaseError::Setup)
}

async fn connect(url: &str, config: &DatabaseConfig, is_lazy: bool) -> Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new(url);
    let timeout = format!("{}ms", config.statement_timeout().as_millis());
    options
        .max_connections(config.database_max_connections.get())
        .min_connections(1)
        .connect_lazy(is_lazy)
        .acquire_timeout(config.database_wait())
        // A round trip for each statement; reads find out by themselves, and writes say so.
        .test_before_acquire(false)
        .sqlx_logging(false)
        .map_sqlx_postgres_opts(move |options| {
            options.options([
                ("statement_timeout", timeout.as_str()),
                // A statement whose reader is gone is stopped.
                ("client_connection_check_interval", "250ms"),
                // Compiling a statement to machine code costs more than these statements do.
                ("jit", "off"),
                // Every statement is prepared and finds its rows by an index, whatever its parameters: planning it anew would
                // cost more than running it.
                ("plan_cache_mode", "force_generic_plan"),
                // What is asked for is mostly in memory or on a disk without heads: a page by an index costs little more than
                // the next one, and small tables need not be read as a whole.
                ("random_page_cost", "1.1"),
                // Not knowing how many rows a page has, the planner would start processes that read far more than it. What only
                // counts may still have them.
                ("parallel_tuple_cost", "10"),
            ])
        });
    sea_orm::Database::connect(options).await
}
