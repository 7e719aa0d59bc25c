//! The connection to Postgres: the configured database, or an embedded server.

pub mod address;
mod embedded;
mod migrations;
mod servers;
mod session_settings;
mod startup_checks;

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use data_encoding::HEXLOWER;
use migration::{Migrator, MigratorTrait as _};
use sea_orm::sqlx::postgres::{PgConnection, PgPoolOptions};
use sea_orm::sqlx::{self, Connection as _};
use sea_orm::{DatabaseConnection, DbErr};
use sha2::{Digest as _, Sha256};

use crate::config::{DatabaseConfig, Migrate, PgDefaults, bundled_postgres_directories};
use crate::database::address::{DatabaseAddress, InvalidAddress};
use crate::database::embedded::PROGRAM_COPIES;
pub use crate::database::embedded::{Durability, EmbeddedError, EmbeddedServer, MIN_MAJOR_VERSION, ServerPrograms};
pub use crate::database::migrations::MigrationAction;
pub use crate::database::servers::{ConnectError, Servers};
pub use crate::database::session_settings::SessionSettings;
use crate::model::backup::not_empty;

/// The name of the database on the embedded server.
const EMBEDDED_DATABASE_NAME: &str = "academic_directory";
/// How long the connection of a past transaction is kept for the next one.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long the pool waits for a connection, with the time to open it: several round trips, which may be slow ones. How long
/// a request waits is [`DatabasePool::wait`].
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a database that is starting is waited for.
const STARTING_TIMEOUT: Duration = Duration::from_secs(60);
/// Interval between attempts to connect to it.
const STARTING_RETRY_INTERVAL: Duration = Duration::from_millis(200);

/// The database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The embedded Postgres did not start.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    /// The configured address is invalid.
    #[error("DATABASE_URL: {0}")]
    InvalidAddress(#[source] InvalidAddress),
    /// No server is reachable, or all reject the connection.
    #[error("cannot connect to the database of DATABASE_URL: {0}")]
    Connect(#[from] ConnectError),
    /// The address of a read replica is invalid.
    #[error("address number {0} in DATABASE_READ_URLS: {1}")]
    InvalidReplicaAddress(usize, #[source] InvalidAddress),
    /// A statement failed while the database was opened.
    #[error("cannot use the database of DATABASE_URL: {0}")]
    Check(#[from] sqlx::Error),
    /// The server is too old.
    #[error(
        "the database server is PostgreSQL {0}, but {MIN_MAJOR_VERSION} or newer is required: upgrade it, or set DATABASE_URL \
         to another server"
    )]
    ServerTooOld(String),
    /// The database has another encoding.
    #[error(
        "the encoding of the database {database} is {encoding}, but UTF8 is required: create it with `CREATE DATABASE \
         {database} ENCODING 'UTF8' TEMPLATE template0`"
    )]
    NotUtf8 {
        /// The name of the database.
        database: String,
        /// Its encoding.
        encoding: String,
    },
    /// Migrations are pending, but the database cannot be changed.
    #[error(
        "migrations are pending, but the database is read-only, because {0}: connect to the primary server, or run \
         `academic-directory migrate up` there first"
    )]
    ReadOnly(&'static str),
    /// The database was migrated by a newer version of the program.
    #[error(
        "the database was migrated by a newer version of academic-directory ({0} is unknown to this version): use that \
         version, or restore a backup of before the upgrade"
    )]
    NewerSchema(String),
    /// A backup was made by a newer version of the program.
    #[error(
        "the backup was made by a newer version of academic-directory ({0} is unknown to this version): restore it with that \
         version"
    )]
    NewerBackup(String),
    /// A backup has another schema than the database, which may not be migrated.
    #[error(
        "the backup has the schema of {0}, to which the database has to be migrated first, but MIGRATE=never: restore it with \
         MIGRATE=auto"
    )]
    OtherSchema(String),
    /// A backup was to be restored into a database with data.
    #[error("{}", not_empty(.0))]
    NotEmpty(String),
    /// There is no database, and none may be created.
    #[error(
        "there is no database in {}, and --existing was given: set DATABASE_URL, or DATA_DIR to the directory of the service, or \
         omit --existing to create a new one",
        .0.display()
    )]
    NoEmbeddedDatabase(PathBuf),
    /// The database is not one of a directory, and none may be created.
    #[error(
        "{0} is no database of a directory yet, and --existing was given: set DATABASE_URL to that of the service, or omit \
         --existing to create a directory there"
    )]
    NoDirectory(String),
    /// Another process does not finish its migrations.
    #[error(
        "{holder} has held the lock on migrations for more than {} seconds (MIGRATION_WAIT_SECONDS): wait until it has \
         finished, or end it with pg_terminate_backend if it hangs",
        waited.as_secs()
    )]
    MigrationLocked {
        /// A description of its session.
        holder: String,
        /// How long the lock was waited for.
        waited: Duration,
    },
    /// A pooler without prepared statements is in front of the database.
    #[error(
        "the connection pooler of DATABASE_URL gives each transaction another server session, but does not support prepared \
         statements: set pool_mode = session, or use PgBouncer 1.21 or newer with max_prepared_statements = 200, or connect \
         to Postgres directly"
    )]
    NoPreparedStatements,
    /// A pooler without transactions is in front of the database.
    #[error(
        "the connection pooler of DATABASE_URL does not support transactions ({0}): set pool_mode = transaction or session, or \
         connect to Postgres directly"
    )]
    NoTransactions(String),
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

/// Connections to one database.
#[derive(Clone, Debug)]
pub struct DatabasePool {
    /// The pool of SeaORM, for transactions.
    pub connection: DatabaseConnection,
    /// The servers that it connects to.
    pub servers: Servers,
    /// How the settings of sessions take effect.
    pub settings: SessionSettings,
    /// How long a request waits for a connection.
    pub wait: Duration,
}

/// What a command expects of the database that it opens.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// Whether the database has to exist: none is created.
    pub must_exist: bool,
    /// The migration to which an empty database is migrated, up or down, for a backup that was made there; the last one if
    /// omitted.
    pub empty_at_migration: Option<String>,
}

/// A migrated database, with its embedded server if there is one.
#[derive(Debug)]
pub struct Database {
    /// Where the database is, without a password.
    description: String,
    /// Whether the embedded database was created now.
    is_new: bool,
    /// The connections to the primary.
    pub primary: DatabasePool,
    /// The connections to each read replica, which may be unreachable.
    pub replicas: Vec<DatabasePool>,
    /// Why the primary cannot be changed, if it could not when it was opened.
    read_only_reason: Option<&'static str>,
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
    /// Stops the server if this process owns it.
    async fn stop(self) {
        // Stopping blocks until the server has exited.
        if let Err(error) = tokio::task::spawn_blocking(move || self.server.stop()).await {
            tracing::warn!(%error, "could not stop the embedded Postgres");
        }
    }

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
        Self::open_with(config, &OpenOptions::default()).await
    }

    /// The same for a command that expects more of the database.
    ///
    /// # Errors
    /// Also if the database is not as it is expected.
    pub async fn open_with(config: &DatabaseConfig, options: &OpenOptions) -> Result<Self, DatabaseError> {
        let ResolvedAddress { address, description, is_new, server } = resolve_address(config, options).await?;
        let mut opened = OpenedDatabase::open(&address, config).await?;
        let pending = migrations::pending(&mut opened.connection).await?;
        if options.must_exist && pending.len() == Migrator::migrations().len() {
            return Err(DatabaseError::NoDirectory(description));
        }
        match config.migrate {
            _ if options.empty_at_migration.is_some() => opened.migrate_empty(options, pending.len(), config).await?,
            Migrate::Auto if !pending.is_empty() => opened.migrate(MigrationAction::Up, config).await?,
            Migrate::Never if !pending.is_empty() => return Err(DatabaseError::PendingMigrations(pending.len())),
            Migrate::Auto | Migrate::Never => {}
        }
        let read_only_reason = startup_checks::read_only_reason(&mut opened.connection).await?;
        let settings = opened.session_settings().await?;
        opened.connection.close().await?;
        let primary = open_pool(opened.servers, settings, config);
        let mut replicas = Vec::new();
        for (number, url) in (1..).zip(config.read_addresses()) {
            let invalid = |error| DatabaseError::InvalidReplicaAddress(number, error);
            let address = DatabaseAddress::parse(url, &config.pg_defaults()).map_err(invalid)?;
            let (servers, settings) = match OpenedDatabase::open(&address, config).await {
                Ok(mut opened) => {
                    let settings = opened.session_settings().await?;
                    (opened.servers, settings)
                }
                // It may become available later.
                Err(error) => {
                    tracing::warn!(%error, number, "a database of DATABASE_READ_URLS is not available; using the others");
                    (
                        Servers::new(&address, &session_settings::wanted(config.statement_timeout())),
                        SessionSettings::default(),
                    )
                }
            };
            replicas.push(open_pool(servers, settings, config));
        }
        Ok(Self { description, is_new, primary, replicas, read_only_reason, server })
    }

    /// Where the database is, without a password: `directory at db.example.org:5432`.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Whether the embedded database was created when it was opened.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// Applies the migrations that are pending.
    ///
    /// # Errors
    /// If the database is unavailable, or a migration fails.
    pub async fn migrate_up(&self, config: &DatabaseConfig) -> Result<(), DatabaseError> {
        let servers = &self.primary.servers;
        let mut connection = servers.connect().await?;
        if !migrations::pending(&mut connection).await?.is_empty() {
            migrations::run(&mut connection, servers, MigrationAction::Up, config.migration_wait()).await?;
        }
        Ok(connection.close().await?)
    }

    /// Why nothing can be written to the database, if so.
    #[must_use]
    pub fn read_only_reason(&self) -> Option<&'static str> {
        self.read_only_reason
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
        for pool in self.replicas.into_iter().chain([self.primary]) {
            if let Err(error) = pool.connection.close().await {
                tracing::warn!(%error, "could not close the database connections");
            }
        }
        if let Some(server) = self.server {
            server.stop().await;
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
    let ResolvedAddress { address, server, .. } = resolve_address(config, &OpenOptions::default()).await?;
    let mut opened = OpenedDatabase::open(&address, config).await?;
    let mut pending = migrations::pending(&mut opened.connection).await?;
    if action == MigrationAction::Down || action == MigrationAction::Up && !pending.is_empty() {
        opened.migrate(action, config).await?;
        pending = migrations::pending(&mut opened.connection).await?;
    }
    opened.connection.close().await?;
    if let Some(server) = server {
        server.stop().await;
    }
    let names = Migrator::migrations().into_iter().map(|migration| migration.name().to_owned());
    Ok(names.map(|name| (name.clone(), !pending.contains(&name))).collect())
}

/// A database that was connected to for the first time.
struct OpenedDatabase {
    servers: Servers,
    connection: PgConnection,
    /// The settings that its sessions should have.
    wanted_settings: Vec<(&'static str, String)>,
}

impl OpenedDatabase {
    /// Connects, and checks the server.
    async fn open(address: &DatabaseAddress, config: &DatabaseConfig) -> Result<Self, DatabaseError> {
        let wanted_settings = session_settings::wanted(config.statement_timeout());
        let servers = Servers::new(address, &wanted_settings);
        let (servers, mut connection) = match connect_when_started(&servers).await {
            Ok(connection) => (servers, connection),
            // A pooler may reject the settings of a connection: protocol_violation, feature_not_supported.
            Err(error) if error.codes().any(|code| code == "08P01" || code == "0A000") => {
                let servers = Servers::new(address, &[]);
                // The first error tells more if this is not the reason.
                let connection = servers.connect().await.map_err(|_| error)?;
                (servers, connection)
            }
            Err(error) => return Err(error.into()),
        };
        startup_checks::check_server(&mut connection).await?;
        if config.database_url.is_some() {
            startup_checks::check_prepared_statements(&mut connection, &servers).await?;
        }
        Ok(Self { servers, connection, wanted_settings })
    }

    async fn migrate(&mut self, action: MigrationAction, config: &DatabaseConfig) -> Result<(), DatabaseError> {
        migrations::run(&mut self.connection, &self.servers, action, config.migration_wait()).await
    }

    /// Migrates an empty database to the migration of a backup.
    async fn migrate_empty(
        &mut self,
        options: &OpenOptions,
        pending: usize,
        config: &DatabaseConfig,
    ) -> Result<(), DatabaseError> {
        let Some(last) = &options.empty_at_migration else { return Ok(()) };
        let migrations = Migrator::migrations();
        let position = migrations.iter().position(|migration| migration.name() == last);
        let wanted = position.ok_or_else(|| DatabaseError::NewerBackup(last.clone()))? + 1;
        match config.migrate {
            _ if migrations.len() - pending == wanted => Ok(()),
            Migrate::Never => Err(DatabaseError::OtherSchema(last.clone())),
            Migrate::Auto => self.migrate(MigrationAction::EmptyTo(wanted), config).await,
        }
    }

    async fn session_settings(&mut self) -> Result<SessionSettings, sqlx::Error> {
        SessionSettings::detect(&mut self.connection, &self.wanted_settings).await
    }
}

/// Connects, waiting for a server that says that it is starting.
async fn connect_when_started(servers: &Servers) -> Result<PgConnection, ConnectError> {
    let started_at = Instant::now();
    let mut is_reported = false;
    loop {
        match servers.connect().await {
            // cannot_connect_now
            Err(error) if error.codes().any(|code| code == "57P03") && started_at.elapsed() < STARTING_TIMEOUT => {
                if !is_reported {
                    tracing::info!(%error, "waiting for the database server");
                    is_reported = true;
                }
                tokio::time::sleep(STARTING_RETRY_INTERVAL).await;
            }
            connected => return connected,
        }
    }
}

/// The address of a database, in words too, with the embedded server that was started.
struct ResolvedAddress {
    address: DatabaseAddress,
    description: String,
    is_new: bool,
    server: Option<EmbeddedPostgres>,
}

/// The address of the configured database, or of the embedded one, which is started.
async fn resolve_address(config: &DatabaseConfig, options: &OpenOptions) -> Result<ResolvedAddress, DatabaseError> {
    if let Some(url) = &config.database_url {
        let address = DatabaseAddress::parse(url, &config.pg_defaults()).map_err(DatabaseError::InvalidAddress)?;
        let hosts: Vec<String> = address.hosts.iter().map(ToString::to_string).collect();
        let description = format!("{} at {}", address.database(), hosts.join(", "));
        return Ok(ResolvedAddress { address, description, is_new: false, server: None });
    }
    // The last file that the initialization of a server writes is in its data.
    let is_initialized = |directory: &PathBuf| directory.join("data/PG_VERSION").exists();
    if options.must_exist && !embedded_directories(config).iter().any(is_initialized) {
        return Err(DatabaseError::NoEmbeddedDatabase(absolute(&config.data_dir)));
    }
    let embedded = start_embedded(config).await?;
    let is_new = create_embedded_database(&embedded.server).await?;
    let address = embedded_address(&embedded.server, EMBEDDED_DATABASE_NAME)?;
    let description = format!("{EMBEDDED_DATABASE_NAME} of the embedded Postgres in {}", embedded.directory.display());
    Ok(ResolvedAddress { address, description, is_new, server: Some(embedded) })
}

/// The address of a database on the embedded server, which the environment does not change.
fn embedded_address(server: &EmbeddedServer, database: &str) -> Result<DatabaseAddress, DatabaseError> {
    DatabaseAddress::parse(&server.url(database), &PgDefaults::default()).map_err(DatabaseError::InvalidAddress)
}

/// The directories that an embedded Postgres of these settings may use.
#[must_use]
pub fn embedded_directories(config: &DatabaseConfig) -> Vec<PathBuf> {
    let directory = absolute(&config.data_dir).join("postgres");
    let fallback = config.has_default_data_dir().then(|| fallback_directory(&directory));
    let with_programs = |directory: PathBuf| [directory.with_file_name(PROGRAM_COPIES), directory];
    [directory].into_iter().chain(fallback).flat_map(with_programs).collect()
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
        Self {
            bin_directory: config.pg_bindir.clone(),
            search_path: config.search_path(),
            bundled_directories: bundled_postgres_directories(),
        }
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// A directory that any user can reach, unique to the directory it replaces.
fn fallback_directory(directory: &Path) -> PathBuf {
    let digest = Sha256::digest(directory.as_os_str().as_bytes());
    Path::new("/var/lib/academic-directory").join(HEXLOWER.encode(&digest[..6]))
}

/// Creates the database on the embedded server, if it does not exist. Returns whether it did.
async fn create_embedded_database(server: &EmbeddedServer) -> Result<bool, DatabaseError> {
    let mut connection = Servers::new(&embedded_address(server, "postgres")?, &[]).connect().await?;
    let exists = format!("SELECT 1 FROM pg_database WHERE datname = '{EMBEDDED_DATABASE_NAME}'");
    let exists = sqlx::raw_sql(sqlx::AssertSqlSafe(exists)).fetch_optional(&mut connection).await?;
    if exists.is_none() {
        let create = format!("CREATE DATABASE {EMBEDDED_DATABASE_NAME}");
        let created = sqlx::raw_sql(sqlx::AssertSqlSafe(create)).execute(&mut connection).await;
        // Another process may have created it first: duplicate_database, or unique_violation at the same moment.
        let exists = |code: Option<&str>| matches!(code, Some("42P04" | "23505"));
        match created {
            Err(sqlx::Error::Database(error)) if exists(error.code().as_deref()) => {}
            created => {
                created?;
            }
        }
    }
    connection.close().await?;
    Ok(exists.is_none())
}

/// Opens a pool, whose connections are opened when they are needed.
fn open_pool(servers: Servers, settings: SessionSettings, config: &DatabaseConfig) -> DatabasePool {
    let (for_new, for_old) = (servers.downgrade(), servers.downgrade());
    let pool = PgPoolOptions::new()
        .max_connections(config.database_max_connections.get())
        // The store keeps connections open for the next requests; here are those of past transactions.
        .min_connections(0)
        .idle_timeout(IDLE_TIMEOUT)
        .acquire_timeout(OPEN_TIMEOUT.max(config.acquire_timeout()))
        // Testing would add a round trip per statement. Reads are retried, and writes report the error.
        .test_before_acquire(false)
        .before_acquire(move |_, metadata| {
            let is_current = for_old.is_current(metadata.age);
            Box::pin(async move { Ok(is_current) })
        })
        .after_connect(move |connection, _| {
            let servers = for_new.clone();
            Box::pin(async move { servers.check_new(connection).await })
        })
        .connect_lazy_with(servers.options());
    servers.set_pool(pool.clone());
    DatabasePool { connection: pool.into(), servers, settings, wait: config.acquire_timeout() }
}
