//! Configuration: every setting with its command-line flag, environment variable, default and description.
//!
//! No other module reads the environment. `.env.example` lists the same variables; a test compares the two.

mod addresses;
mod env_file;
mod environment;
mod pg_defaults;
mod programs;
mod read_addresses;

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::RangedU64ValueParser;
use clap::{Args, ValueEnum};
use ipnet::IpNet;

use crate::config::addresses::{
    parse_contact_url, parse_image_origin, parse_listen_address, parse_origin, parse_public_url,
};
use crate::model::language::LanguageTag;

pub use crate::config::env_file::{EnvFileError, load_env_file};
pub use crate::config::environment::{ignore_blank_variables, requested_log_format};
pub use crate::config::pg_defaults::{PgDefaults, SystemAuthorities, ignore_system_authorities};
pub use crate::config::programs::bundled_postgres_directories;

/// The heading of query limits in `--help`.
const QUERY_LIMITS: &str = "Query limits";
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

/// Whether sample data is loaded at startup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Demo {
    /// Only into an empty embedded database
    Auto,
    /// Into any database
    Always,
    /// Never
    Never,
}

/// Settings of `serve`, in addition to [`DatabaseConfig`].
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Service")]
pub struct ServeConfig {
    /// Address and port to listen on; without an address, as in :8080, all IPv4 addresses; port 0 picks a free port
    #[arg(long, env = "LISTEN", default_value = "127.0.0.1:8080", value_parser = parse_listen_address)]
    pub listen: SocketAddr,
    /// URL below which clients reach /graphql, such as https://www.example.org/directory, for the addresses that the service
    /// prints and for those of entities; if unset, they are those of LISTEN
    #[arg(long, env = "PUBLIC_URL", value_parser = parse_public_url)]
    pub public_url: Option<String>,
    /// Whether sample data is loaded at startup
    #[arg(long, env = "DEMO", default_value = "auto")]
    pub demo: Demo,
    /// Display name of the directory
    #[arg(long, env = "DIRECTORY_NAME", default_value = "Academic directory")]
    pub directory_name: String,
    /// Language of texts if the client requests none, as a BCP 47 tag
    #[arg(long, env = "DEFAULT_LANGUAGE", default_value = "en")]
    pub default_language: LanguageTag,
    /// Whether the pages for people are served; / then leads to them, otherwise to GraphiQL
    #[arg(long, env = "EXPLORER", default_value = "on")]
    pub explorer: Switch,
    /// Where readers of a page report what is wrong: an https:// or mailto: URL
    #[arg(long, env = "CONTACT_URL", value_parser = parse_contact_url)]
    pub contact_url: Option<String>,
    /// Origins such as https://photos.example.org whose portraits the pages show, comma-separated; readers load them from there
    #[arg(long, env = "PORTRAIT_ORIGINS", value_delimiter = ',', value_parser = parse_image_origin)]
    pub portrait_origins: Vec<String>,
    /// Request handling.
    #[command(flatten)]
    pub http: HttpConfig,
    /// Monitoring and shutdown.
    #[command(flatten)]
    pub monitoring: MonitoringConfig,
    /// Request tracing.
    #[command(flatten)]
    pub traces: TracesConfig,
    /// Harvesting.
    #[command(flatten)]
    pub harvest: HarvestConfig,
    /// Connections and rate limits.
    #[command(flatten)]
    pub network: NetworkConfig,
    /// Maximum size of a request body, in bytes
    #[arg(long, env = "MAX_BODY_BYTES", help_heading = "Requests", default_value = "1048576")]
    pub max_body_bytes: usize,
    /// Maximum nesting depth of a query (at most 60)
    #[arg(long, env = "MAX_QUERY_DEPTH", help_heading = QUERY_LIMITS, default_value = "50", value_parser = RangedU64ValueParser::<usize>::new().range(1..=60))]
    pub max_query_depth: usize,
    /// Maximum number of tokens in a query
    #[arg(long, env = "MAX_QUERY_TOKENS", help_heading = QUERY_LIMITS, default_value = "15000")]
    pub max_query_tokens: usize,
    /// Maximum number of aliases in a query
    #[arg(long, env = "MAX_QUERY_ALIASES", help_heading = QUERY_LIMITS, default_value = "100")]
    pub max_query_aliases: usize,
    /// Maximum number of directives in a query
    #[arg(long, env = "MAX_QUERY_DIRECTIVES", help_heading = QUERY_LIMITS, default_value = "50")]
    pub max_query_directives: usize,
    /// Maximum number of fields with the same name in one selection set
    #[arg(long, env = "MAX_QUERY_FIELD_REPEATS", help_heading = QUERY_LIMITS, default_value = "100")]
    pub max_query_field_repeats: usize,
    /// Maximum number of root fields in a query
    #[arg(long, env = "MAX_QUERY_ROOT_FIELDS", help_heading = QUERY_LIMITS, default_value = "50")]
    pub max_query_root_fields: usize,
    /// Maximum number of variables in an operation
    #[arg(long, env = "MAX_QUERY_VARIABLES", help_heading = QUERY_LIMITS, default_value = "100")]
    pub max_query_variables: usize,
    /// Maximum number of operations in a document; one of them is executed
    #[arg(long, env = "MAX_QUERY_OPERATIONS", help_heading = QUERY_LIMITS, default_value = "50")]
    pub max_query_operations: usize,
    /// Maximum number of selections in a query, after fragment expansion
    #[arg(long, env = "MAX_QUERY_SELECTIONS", help_heading = QUERY_LIMITS, default_value = "10000")]
    pub max_query_selections: usize,
    /// Maximum number of items in a list, in a query or its variables
    #[arg(long, env = "MAX_LIST_ENTRIES", help_heading = QUERY_LIMITS, default_value = "500")]
    pub max_list_entries: usize,
    /// Maximum number of entities that the router of a supergraph looks up at once
    #[arg(long, env = "MAX_REPRESENTATIONS", help_heading = QUERY_LIMITS, default_value = "2000")]
    pub max_representations: usize,
    /// Maximum number of nodes a query could return
    #[arg(long, env = "MAX_QUERY_NODES", help_heading = QUERY_LIMITS, default_value = "500000")]
    pub max_query_nodes: u64,
    /// Maximum cost of a query: 1 per node, 100 per SQL statement, and counts
    #[arg(long, env = "MAX_QUERY_COST", help_heading = QUERY_LIMITS, default_value = "600000")]
    pub max_query_cost: u64,
    /// Whether schema introspection is enabled
    #[arg(long, env = "INTROSPECTION", help_heading = QUERY_LIMITS, default_value = "on")]
    pub introspection: Switch,
}

/// Settings of harvesting by OAI-PMH.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Harvesting")]
pub struct HarvestConfig {
    /// Domain in the identifiers of records at /oai, such as www.example.org; never change it once harvesters use it. If
    /// unset, the host of PUBLIC_URL
    #[arg(long, env = "OAI_DOMAIN", value_parser = parse_oai_domain)]
    pub oai_domain: Option<String>,
    /// E-mail address of the administrator of the repository, published at /oai
    #[arg(long, env = "OAI_ADMIN_EMAIL", value_parser = parse_email)]
    pub oai_admin_email: Option<String>,
}

/// Settings of monitoring and shutdown.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Monitoring and shutdown")]
pub struct MonitoringConfig {
    /// Separate address and port for /metrics and /health; if unset, both are served at LISTEN, and /metrics only if LISTEN
    /// is a loopback address and no proxy forwarded the request
    #[arg(long, env = "METRICS_LISTEN", value_parser = parse_listen_address)]
    pub metrics_listen: Option<SocketAddr>,
    /// Time between reporting "not ready" at /health/ready and refusing new connections during shutdown, in seconds
    #[arg(long, env = "SHUTDOWN_DELAY_SECONDS", default_value = "1", value_parser = clap::value_parser!(u32).range(0..=4))]
    pub shutdown_delay_seconds: u32,
}

impl MonitoringConfig {
    /// Time between reporting "not ready" and refusing new connections during shutdown.
    #[must_use]
    pub fn shutdown_delay(&self) -> Duration {
        Duration::from_secs(self.shutdown_delay_seconds.into())
    }
}

/// Settings of request tracing. The OpenTelemetry SDK reads further variables, listed in `docs/operations.md`.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Monitoring and shutdown")]
pub struct TracesConfig {
    /// URL of the OpenTelemetry collector that receives request traces (OTLP over HTTP, without TLS); if unset, tracing is
    /// off
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_parser = parse_collector_url)]
    pub otel_exporter_otlp_endpoint: Option<String>,
    /// Service name in traces
    #[arg(long, env = "OTEL_SERVICE_NAME", default_value = "academic-directory")]
    pub otel_service_name: String,
}

impl TracesConfig {
    /// The URL of the collector's traces endpoint; `None` if tracing is off.
    #[must_use]
    pub fn endpoint(&self) -> Option<String> {
        let collector = self.otel_exporter_otlp_endpoint.as_deref().filter(|collector| !collector.is_empty())?;
        Some(format!("{}/v1/traces", collector.trim_end_matches('/')))
    }
}

/// An empty value means "unset", as in the OpenTelemetry specification.
fn parse_collector_url(text: &str) -> Result<String, String> {
    if text.is_empty() || url::Url::parse(text).is_ok_and(|url| url.scheme() == "http" && url.has_host()) {
        return Ok(text.to_owned());
    }
    Err("expected an http:// URL such as http://localhost:4318; TLS is not supported, so run a collector on the same host"
        .to_owned())
}

/// Log format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Human-readable lines
    Text,
    /// One JSON object per line
    Json,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// On
    On,
    /// Off
    Off,
}

/// Settings of request handling.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Requests")]
pub struct HttpConfig {
    /// Timeout of a whole request, in seconds
    #[arg(long, env = "REQUEST_TIMEOUT_SECONDS", default_value = "10")]
    pub request_timeout_seconds: NonZeroU32,
    /// Timeout for receiving a request body, in seconds
    #[arg(long, env = "BODY_TIMEOUT_SECONDS", default_value = "10")]
    pub body_timeout_seconds: NonZeroU32,
    /// Allowed CORS origins such as https://www.example.org, comma-separated, or * for all
    #[arg(long, env = "CORS_ORIGINS", value_delimiter = ',', value_parser = parse_origin)]
    pub cors_origins: Vec<String>,
    /// Which operations are accepted
    #[arg(long, env = "OPERATIONS", default_value = "any")]
    pub operations: OperationPolicy,
    /// Manifest of persisted operations, as written by relay-compiler, graphql-codegen or the Apollo tools
    #[arg(long, env = "OPERATIONS_MANIFEST")]
    pub operations_manifest: Option<PathBuf>,
    /// Maximum memory for automatic persisted queries, in bytes
    #[arg(long, env = "PERSISTED_QUERIES_BYTES", default_value = "16777216")]
    pub persisted_queries_bytes: u64,
    /// Maximum memory for the response cache, in bytes; 0 disables the cache
    #[arg(long, env = "CACHE_MAX_BYTES", default_value = "67108864")]
    pub cache_max_bytes: u64,
    /// Cache-Control max-age of responses to persisted queries sent by GET and of pages, in seconds; 0 disables shared caching
    #[arg(long, env = "PERSISTED_MAX_AGE_SECONDS", default_value = "60")]
    pub persisted_max_age_seconds: u32,
}

/// Settings of connections and rate limits.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Network")]
pub struct NetworkConfig {
    /// Maximum number of open client connections
    #[arg(long, env = "MAX_CONNECTIONS", default_value = "4096")]
    pub max_connections: NonZeroU32,
    /// Maximum number of open connections per client address (IPv6: per /64); loopback and trusted proxies are exempt
    #[arg(long, env = "MAX_CONNECTIONS_PER_ADDRESS", default_value = "256")]
    pub max_connections_per_address: NonZeroU32,
    /// Maximum number of open sockets and event streams per client address (IPv6: per /64) or token; loopback is exempt
    #[arg(long, env = "MAX_STREAMS_PER_ADDRESS", default_value = "50")]
    pub max_streams_per_address: NonZeroU32,
    /// Timeout for receiving the request headers, in seconds
    #[arg(long, env = "HEAD_TIMEOUT_SECONDS", default_value = "5")]
    pub head_timeout_seconds: NonZeroU32,
    /// Timeout for writing the response to the client, in seconds
    #[arg(long, env = "ANSWER_TIMEOUT_SECONDS", default_value = "30")]
    pub answer_timeout_seconds: NonZeroU32,
    /// Keep-alive timeout between two requests on a connection, in seconds
    #[arg(long, env = "KEEP_ALIVE_SECONDS", default_value = "15")]
    pub keep_alive_seconds: NonZeroU32,
    /// Maximum number of GraphQL requests executed at once, divided fairly between clients; excess requests wait briefly,
    /// then get 503 with Retry-After
    #[arg(long, env = "MAX_CONCURRENT_REQUESTS", default_value = "32")]
    pub max_concurrent_requests: NonZeroU32,
    /// Trusted proxies, as comma-separated addresses or networks; Forwarded and X-Forwarded-For are honoured from these
    #[arg(long, env = "TRUSTED_PROXIES", value_delimiter = ',', value_parser = parse_network)]
    pub trusted_proxies: Vec<IpNet>,
    /// Rate limit: query cost per minute and client address; 0 disables it. If unset: 1000000; if LISTEN is a loopback
    /// address, only for requests that a proxy forwarded
    #[arg(long, env = "RATE_LIMIT_COST_PER_MINUTE")]
    pub rate_limit_cost_per_minute: Option<u32>,
    /// Clients with their own rate limit, comma-separated, as name:sha256-of-token:cost-per-minute
    #[arg(long, env = "RATE_LIMIT_TOKENS", value_delimiter = ',', value_parser = parse_token_quota, hide_env_values = true)]
    pub rate_limit_tokens: Vec<TokenQuota>,
}

/// Limits and timeouts of client connections.
#[derive(Clone, Debug)]
pub struct ConnectionLimits {
    /// Maximum number of open connections.
    pub max_total: usize,
    /// Maximum number of open connections per IPv4 address or IPv6 /64. Loopback addresses and trusted proxies are exempt.
    pub max_per_client: usize,
    /// Timeout for receiving the request headers.
    pub header_timeout: Duration,
    /// Timeout for writing the response.
    pub response_timeout: Duration,
    /// Keep-alive timeout between two requests.
    pub keep_alive_timeout: Duration,
}

/// Rate limits of clients.
#[derive(Clone, Debug)]
pub struct RateLimits {
    /// Query cost per minute of an IPv4 address or IPv6 /64; `None` if there is no rate limit.
    pub cost_per_minute: Option<NonZeroU32>,
    /// Whether only requests that a proxy forwarded are limited.
    pub is_forwarded_only: bool,
    /// Quotas of clients that send a token.
    pub tokens: Vec<TokenQuota>,
}

/// The rate limit of one client, identified by a bearer token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenQuota {
    /// The client's name, for the log.
    pub name: String,
    /// The SHA-256 of the token.
    pub digest: [u8; 32],
    /// Query cost per minute.
    pub cost_per_minute: NonZeroU32,
}

/// Default rate limit: more than the most expensive query allowed by default, or some thousand small queries.
const DEFAULT_COST_PER_MINUTE: u32 = 1_000_000;

impl NetworkConfig {
    /// Limits and timeouts of client connections.
    #[must_use]
    pub fn connection_limits(&self) -> ConnectionLimits {
        let number = |number: NonZeroU32| usize::try_from(number.get()).unwrap_or(usize::MAX);
        let seconds = |number: NonZeroU32| Duration::from_secs(u64::from(number.get()));
        ConnectionLimits {
            max_total: number(self.max_connections),
            max_per_client: number(self.max_connections_per_address),
            header_timeout: seconds(self.head_timeout_seconds),
            response_timeout: seconds(self.answer_timeout_seconds),
            keep_alive_timeout: seconds(self.keep_alive_seconds),
        }
    }

    /// Maximum number of open sockets and event streams of a client.
    #[must_use]
    pub fn max_streams_per_client(&self) -> usize {
        usize::try_from(self.max_streams_per_address.get()).unwrap_or(usize::MAX)
    }

    /// Rate limits of a service that listens on `listen`. By default, clients on the same host are not limited, unless a
    /// proxy forwarded their request, which may come from anywhere.
    #[must_use]
    pub fn rate_limits(&self, listen: SocketAddr) -> RateLimits {
        let setting = self.rate_limit_cost_per_minute;
        RateLimits {
            cost_per_minute: NonZeroU32::new(setting.unwrap_or(DEFAULT_COST_PER_MINUTE)),
            is_forwarded_only: setting.is_none() && listen.ip().to_canonical().is_loopback(),
            tokens: self.rate_limit_tokens.clone(),
        }
    }
}

/// An entry of a list, which may be separated by commas and spaces.
#[expect(clippy::unnecessary_wraps, reason = "the signature of a parser")]
fn parse_trimmed(text: &str) -> Result<String, String> {
    Ok(text.trim().to_owned())
}

/// Whether a text is a domain as OAI identifiers have it: with a dot, and labels that begin with a letter.
#[must_use]
pub fn is_oai_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        label.starts_with(|first: char| first.is_ascii_alphabetic())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    text.contains('.') && text.split('.').all(is_label)
}

fn parse_oai_domain(text: &str) -> Result<String, String> {
    let text = text.trim();
    if is_oai_domain(text) {
        return Ok(text.to_owned());
    }
    Err("expected a domain such as www.example.org: at least one dot, and a letter after each".to_owned())
}

fn parse_email(text: &str) -> Result<String, String> {
    let text = text.trim();
    let has_domain = text.split_once('@').is_some_and(|(name, domain)| {
        !name.is_empty() && domain.contains('.') && domain.split('.').all(|label| !label.is_empty())
    });
    if has_domain && !text.contains(char::is_whitespace) {
        return Ok(text.to_owned());
    }
    Err("expected an e-mail address such as library@example.org".to_owned())
}

fn parse_network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    let address = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse()
        .or_else(|_| address())
        .map_err(|_| "expected an address such as 10.0.0.1 or a network such as 10.0.0.0/8".to_owned())
}

fn parse_token_quota(text: &str) -> Result<TokenQuota, String> {
    let parts: Vec<&str> = text.trim().split(':').collect();
    let quota = match parts.as_slice() {
        [name, digest, cost] if !name.is_empty() => parse_sha256(digest)
            .zip(cost.parse().ok())
            .map(|(digest, cost_per_minute)| TokenQuota { name: (*name).to_owned(), digest, cost_per_minute }),
        _ => None,
    };
    // The value is not repeated: it may contain the token itself.
    quota.ok_or_else(|| {
        "expected name:digest:cost, where digest is the SHA-256 of the token as 64 hexadecimal digits (printf %s TOKEN | \
         sha256sum) and cost is a positive integer"
            .to_owned()
    })
}

fn parse_sha256(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, start) in digest.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(text.get(start..start + 2)?, 16).ok()?;
    }
    Some(digest)
}

/// Which GraphQL operations are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OperationPolicy {
    /// Any operation within the query limits
    Any,
    /// Only operations of OPERATIONS_MANIFEST
    Trusted,
}

/// Limits of page sizes.
#[derive(Clone, Copy, Debug)]
pub struct PageLimits {
    /// Page size if neither `first` nor `last` is given.
    pub default_size: u32,
    /// Maximum page size.
    pub maximum_size: u32,
}

/// Limits of a GraphQL request.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Default and maximum page size.
    pub page: PageLimits,
    /// Maximum number of items in a list of a filter, and of keys in a batch lookup.
    pub list_entries: usize,
    /// Maximum number of representations of entities in `_entities`.
    pub representations: usize,
    /// Maximum nesting depth of filters (`and`, `or`, `not`).
    pub filter_depth: usize,
    /// Maximum number of filters nested in one filter.
    pub filter_count: usize,
    /// Maximum number of words in all search queries of a query.
    pub search_words: usize,
    /// Maximum number of researchers visited by a coauthor path search.
    pub path_researchers: usize,
    /// Maximum nesting depth of a query.
    pub depth: usize,
    /// Maximum number of tokens in a query.
    pub tokens: usize,
    /// Maximum number of aliases in a query.
    pub aliases: usize,
    /// Maximum number of directives in a query.
    pub directives: usize,
    /// Maximum number of fields with the same name in one selection set.
    pub field_repeats: usize,
    /// Maximum number of root fields in a query, after fragment expansion.
    pub root_fields: usize,
    /// Maximum number of variables in an operation.
    pub variables: usize,
    /// Maximum number of operations in a document.
    pub operations: usize,
    /// Maximum number of selections in a query, after fragment expansion.
    pub selections: usize,
    /// Maximum number of nodes a query could return, assuming that every page is full.
    pub nodes: u64,
    /// Maximum cost of a query: 1 per node, 100 per SQL statement, and counts.
    pub cost: u64,
    /// Whether schema introspection is enabled.
    pub introspection: bool,
    /// Maximum size of a request body, in bytes.
    pub body_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            page: PageLimits { default_size: 20, maximum_size: 100 },
            list_entries: 500,
            representations: 2_000,
            filter_depth: 5,
            filter_count: 100,
            search_words: 500,
            path_researchers: 50_000,
            depth: 50,
            tokens: 15_000,
            aliases: 100,
            directives: 50,
            field_repeats: 100,
            root_fields: 50,
            variables: 100,
            operations: 50,
            selections: 10_000,
            nodes: 500_000,
            cost: 600_000,
            introspection: true,
            body_bytes: 1_048_576,
        }
    }
}

impl ServeConfig {
    /// The limits of a GraphQL request.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            depth: self.max_query_depth,
            tokens: self.max_query_tokens,
            aliases: self.max_query_aliases,
            directives: self.max_query_directives,
            field_repeats: self.max_query_field_repeats,
            root_fields: self.max_query_root_fields,
            variables: self.max_query_variables,
            operations: self.max_query_operations,
            selections: self.max_query_selections,
            list_entries: self.max_list_entries,
            representations: self.max_representations,
            nodes: self.max_query_nodes,
            cost: self.max_query_cost,
            introspection: self.introspection == Switch::On,
            body_bytes: self.max_body_bytes,
            ..Limits::default()
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        for (text, parsed) in
            [("10.1.2.3", "10.1.2.3/32"), ("10.0.0.0/8", "10.0.0.0/8"), ("fd00::/8", "fd00::/8"), ("::1", "::1/128")]
        {
            assert_eq!(parse_network(text).expect("a network").to_string(), parsed);
        }
        for text in ["", "proxy", "10.0.0.0/33", "10.0.0"] {
            assert!(parse_network(text).is_err(), "{text}");
        }
    }

    #[test]
    fn oai_settings() {
        for text in ["www.example.org", "a-b.c1.org"] {
            assert_eq!(parse_oai_domain(text).as_deref(), Ok(text));
        }
        for text in ["", "localhost", "10.0.0.1", "www.example.org:80", "a..org", "a.org/", "a.1b"] {
            assert!(parse_oai_domain(text).is_err(), "{text}");
        }
        assert_eq!(parse_email(" library@www.example.org").as_deref(), Ok("library@www.example.org"));
        for text in ["", "library", "library@localhost", "@example.org", "a b@example.org", "a@example."] {
            assert!(parse_email(text).is_err(), "{text}");
        }
    }

    #[test]
    fn collectors() {
        for (text, endpoint) in [
            ("", None),
            ("http://localhost:4318", Some("http://localhost:4318/v1/traces")),
            ("http://[::1]:4318/path/", Some("http://[::1]:4318/path/v1/traces")),
        ] {
            let url = parse_collector_url(text).expect("a URL");
            let traces = TracesConfig { otel_exporter_otlp_endpoint: Some(url), otel_service_name: String::new() };
            assert_eq!(traces.endpoint().as_deref(), endpoint);
        }
        for text in ["localhost:4318", "https://localhost:4318", "grpc://localhost:4317", "collector"] {
            assert!(parse_collector_url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn token_quotas() {
        let digest = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
        let quota = parse_token_quota(&format!("library:{digest}:5000")).expect("a quota");
        assert_eq!((quota.name.as_str(), quota.cost_per_minute.get()), ("library", 5000));
        assert_eq!(quota.digest[..2], [0x2b, 0xb8]);
        for text in [
            "library".to_owned(),
            format!("library:{digest}"),
            format!("library:{digest}:0"),
            format!("library:{digest}:many"),
            format!(":{digest}:5"),
            format!("library:{}:5", &digest[1..]),
            format!("library:{}\u{e9}:5", &digest[2..]),
            "library:secret:5".to_owned(),
        ] {
            let message = parse_token_quota(&text).expect_err("an error");
            assert!(!message.contains("secret"), "{message}");
        }
    }
}
