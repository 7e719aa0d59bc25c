//! Settings of all commands: the database and the log.

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::config::pg_defaults::PgDefaults;
use crate::config::read_addresses;

/// The default of `LOG`.
pub const DEFAULT_LOG: &str = "info,sqlx=warn,sea_orm_migration=warn,actix_server=warn";

/// Settings of all commands: the database and the log.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Database and data")]
pub struct DatabaseConfig {
    /// Address of the Postgres database, as postgres://user:password@host/database or key=value parameters of libpq; if unset,
    /// an embedded Postgres is started
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, global = true)]
    pub database_url: Option<String>,
    /// Addresses of read replicas (streaming replication), as URLs separated by commas, or any addresses separated by line
    /// breaks; only replicas that have caught up are used
    #[arg(long, env = "DATABASE_READ_URLS", hide_env_values = true, global = true)]
    pub database_read_urls: Vec<String>,
    /// Data directory of the embedded Postgres
    #[arg(long, env = "DATA_DIR", default_value = "data", global = true)]
    pub data_dir: PathBuf,
    /// Directory of the Postgres programs `initdb` and `postgres`, instead of those found automatically
    #[arg(long, env = "PG_BINDIR", global = true)]
    pub pg_bindir: Option<PathBuf>,
    /// Maximum number of connections to Postgres
    #[arg(long, env = "DATABASE_MAX_CONNECTIONS", default_value = "16", global = true)]
    pub database_max_connections: NonZeroU32,
    /// Timeout for acquiring a Postgres connection from the pool, in seconds
    #[arg(long, env = "DATABASE_WAIT_SECONDS", default_value = "1", global = true)]
    pub database_wait_seconds: NonZeroU32,
    /// Timeout of a single SQL statement, in seconds
    #[arg(long, env = "STATEMENT_TIMEOUT_SECONDS", default_value = "5", global = true)]
    pub statement_timeout_seconds: NonZeroU32,
    /// Whether migrations are applied at startup
    #[arg(long, env = "MIGRATE", default_value = "auto", global = true)]
    pub migrate: Migrate,
    /// How long to wait for the migrations of another process at startup, in seconds
    #[arg(long, env = "MIGRATION_WAIT_SECONDS", default_value = "600", global = true)]
    pub migration_wait_seconds: u32,
    /// Papers with more authors than this are ignored when coauthors are computed, unless a filter includes them
    #[arg(long, env = "CONSORTIUM_SIZE", default_value = "100", value_parser = clap::value_parser!(u32).range(2..=1000), global = true)]
    pub consortium_size: u32,
    /// Source precedence, highest first, comma-separated: if records contradict each other, the earlier source wins
    #[arg(long, env = "SOURCE_ORDER", value_delimiter = ',', value_parser = parse_trimmed, global = true)]
    pub source_order: Vec<String>,
    /// Log level: error, warn, info, debug, trace or off; or a comma-separated list of tracing directives
    #[arg(long, env = "LOG", default_value = DEFAULT_LOG, global = true, help_heading = "Log")]
    pub log: String,
    /// Log format, also of the banner and of fatal errors
    #[arg(long, env = "LOG_FORMAT", default_value = "text", global = true, help_heading = "Log")]
    pub log_format: LogFormat,
}

/// Whether migrations are applied at startup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Migrate {
    /// At every startup, under an advisory lock
    Auto,
    /// Only by `academic-directory migrate up`; startup fails if migrations are pending
    Never,
}

/// Log format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Human-readable lines
    Text,
    /// One JSON object per line
    Json,
}

impl DatabaseConfig {
    /// Timeout of a single SQL statement.
    #[must_use]
    pub fn statement_timeout(&self) -> Duration {
        Duration::from_secs(u64::from(self.statement_timeout_seconds.get()))
    }

    /// The variables of libpq, for what the address of the database does not say.
    #[must_use]
    pub fn pg_defaults(&self) -> PgDefaults {
        PgDefaults::from_environment()
    }

    /// The addresses in `database_read_urls`.
    #[must_use]
    pub fn read_addresses(&self) -> Vec<&str> {
        self.database_read_urls.iter().flat_map(|text| read_addresses::split(text)).collect()
    }

    /// How long to wait for the migrations of another process.
    #[must_use]
    pub fn migration_wait(&self) -> Duration {
        Duration::from_secs(self.migration_wait_seconds.into())
    }

    /// Timeout for acquiring a connection from the pool.
    #[must_use]
    pub fn acquire_timeout(&self) -> Duration {
        Duration::from_secs(u64::from(self.database_wait_seconds.get()))
    }

    /// The search path of commands (`PATH`), for the Postgres programs.
    #[must_use]
    pub fn search_path(&self) -> Option<OsString> {
        std::env::var_os("PATH")
    }

    /// Whether `data_dir` is the default. If so, a fallback directory may be used instead.
    #[must_use]
    pub fn has_default_data_dir(&self) -> bool {
        self.data_dir == std::path::Path::new("data")
    }
}

/// An entry of a list, which may be separated by commas and spaces.
#[expect(clippy::unnecessary_wraps, reason = "the signature of a parser")]
fn parse_trimmed(text: &str) -> Result<String, String> {
    Ok(text.trim().to_owned())
}
